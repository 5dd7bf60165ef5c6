// Package odata speaks OData version 4 on the wire, in the dialect of
// Dataverse and in both directions: the page decoder and the error bodies
// that a client reads, and the query options that a server parses.
//
// Pages are decoded as they stream, straight into the columns of a
// column.Batch; no record ever exists as a map. See Columns.
package odata
