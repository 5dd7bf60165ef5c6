// Package database opens SQLite and PostgreSQL and hides how they differ: one
// SQL text with $1 placeholders runs on both, write transactions are retried,
// and migrations run once. It knows no table of its own but the list of
// migrations.
//
// SQLite has one writer. A fair lock, shared by everything in the process
// that writes to the same file, orders the store's short transactions and the
// bulk writer's long ones, so that neither starves.
package database
