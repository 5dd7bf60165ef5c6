// Package table keeps the rows of objects: it makes and extends an object's
// table, writes batches of records into it and reads its rows back.
//
// A batch is written in one transaction together with whatever its caller
// stores with it: rows, counts and checkpoint are kept all together or not at
// all. Rows are found by the identifiers of the job, over which a unique index
// is made; a row that already is as read is not touched. Lookups are found for
// all rows of a batch at once; rows that find none wait for it, until Heal
// fills what a run has brought.
package table
