package database

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"
)

// Execer runs statements inside a transaction. *Tx is one; the bulk writers
// hand out others, so that what must be stored with a batch is written in the
// batch's own transaction. Placeholders are $1, $2, … on both databases;
// arguments are nil, string, []byte, bool, integers and Time. What a text
// holds that cannot be stored is replaced, see Text.
type Execer interface {
	Exec(ctx context.Context, query string, args ...any) (rowsAffected int64, err error)
}

// Tx is a write transaction. It belongs to one goroutine.
type Tx struct {
	tx   *sql.Tx
	lock *Lock // on SQLite, which has one writer; else nil
}

// Tell says what takes long in the transaction, such as "The index of Company
// is being made", for those who wait for it in vain. It says nothing on
// PostgreSQL, where nobody waits for a transaction as such.
func (tx *Tx) Tell(what string) {
	if tx.lock != nil {
		tx.lock.work.Store(&what)
	}
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.tx.ExecContext(ctx, query, clean(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a query. The rows must be closed before the next statement.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(ctx, query, clean(args)...)
}

// QueryRow runs a query of at most one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.tx.QueryRowContext(ctx, query, clean(args)...)
}

// clean makes every text storable in place, so that an id or a name with a
// NUL in it, as a stranger may send, is simply not found.
func clean(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = Text(s)
		}
	}
	return args
}

// Query runs a query outside of a transaction, on SQLite through a connection
// that only reads.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.read.QueryContext(ctx, query, clean(args)...)
}

// QueryRow runs a query of at most one row, like Query.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return db.read.QueryRowContext(ctx, query, clean(args)...)
}

// Attempts is how often a transaction is tried that fails because of another
// one running at the same time.
const Attempts = 20

// Tx runs fn in a write transaction and commits when fn returns nil; an error
// of fn rolls back and is returned as it is. When the database gives the
// transaction up because of another one (SQLite: busy; PostgreSQL:
// serialization failure, deadlock), fn runs again from the start, so it must
// set whatever it sets outside of the database anew. Transactions are
// serializable: what fn read stays true until it commits.
func (db *DB) Tx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.retry(ctx, sql.LevelSerializable, fn)
}

// Alter is like Tx for statements that change tables. Alterations run one at
// a time over all processes.
func (db *DB) Alter(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	// Not serializable on PostgreSQL: that would fix what is seen before the
	// lock is granted.
	return db.retry(ctx, sql.LevelReadCommitted, func(ctx context.Context, tx *Tx) error {
		if db.dialect == Postgres {
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(7267731934)"); err != nil {
				return err
			}
		}
		return db.building(ctx, tx, fn)
	})
}

// Build is like Alter for what takes long, such as making an index over many
// rows: other alterations do not wait for it.
func (db *DB) Build(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.retry(ctx, sql.LevelReadCommitted, func(ctx context.Context, tx *Tx) error { return db.building(ctx, tx, fn) })
}

// building runs fn with little memory for what it sorts, such as the entries of
// an index: SQLite sorts as much at a time as its cache may hold, beside that.
func (db *DB) building(ctx context.Context, tx *Tx, fn func(ctx context.Context, tx *Tx) error) error {
	if db.dialect == Postgres {
		return fn(ctx, tx)
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("PRAGMA cache_size(-%d)", sorterKB)); err != nil {
		return err
	}
	defer func() { // when it fails, the connection works with less
		_, _ = tx.Exec(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA cache_size(-%d)", writerCacheKB))
	}()
	return fn(ctx, tx)
}

func (db *DB) retry(ctx context.Context, level sql.IsolationLevel, fn func(context.Context, *Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, attempt, level, fn)
		if err == nil || !Retryable(err) || attempt == Attempts {
			return err
		}
		if err := Backoff(ctx, attempt); err != nil {
			return err
		}
	}
}

func (db *DB) attempt(ctx context.Context, attempt int, level sql.IsolationLevel, fn func(context.Context, *Tx) error) error {
	// On PostgreSQL transactions run side by side; those of this process
	// that failed once queue up, so that many at one row do not fail over and
	// over again.
	if db.dialect == SQLite || attempt > 1 {
		if err := db.lock.Acquire(ctx); err != nil {
			return err
		}
		defer db.lock.Release()
	}
	if db.dialect == SQLite {
		level = sql.LevelDefault // always serializable there
	}
	return db.try(ctx, level, fn)
}

// Backoff waits a little before attempt+1, longer each time, or until ctx
// ends.
func Backoff(ctx context.Context, attempt int) error {
	limit := min(time.Millisecond<<min(attempt, 10), 250*time.Millisecond)
	t := time.NewTimer(rand.N(limit))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (db *DB) try(ctx context.Context, level sql.IsolationLevel, fn func(context.Context, *Tx) error) error {
	tx, err := db.write.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	t := &Tx{tx: tx}
	if db.dialect == SQLite {
		t.lock = db.lock
	}
	done := false
	defer func() {
		if !done { // an error, or a panic of fn
			_ = tx.Rollback()
		}
	}()
	if err := fn(ctx, t); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: commit: %w", err)
	}
	return nil
}
