package database

import (
	"context"
	"database/sql"
)

// Querier reads: a *DB, or a *Tx to read what holds until it commits.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}
