package queue

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// openSQLite opens the queue in a file. River runs several services at a
// time, which one connection puts in line; the busy time-out covers another
// process with the same file.
func (q *Queue) openSQLite(ctx context.Context, file string, c Config) error {
	u := url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return fmt.Errorf("open the queue %s: %w", file, err)
	}
	db.SetMaxOpenConns(1)
	cl, err := newClient(ctx, riversqlite.New(db), q.worker, c)
	if err != nil {
		return fmt.Errorf("open the queue %s: %w", file, closing(err, db.Close))
	}
	q.client, q.closeDB = cl, func() {
		if err := db.Close(); err != nil {
			c.Logger.Warn("close the queue", "error", err)
		}
	}
	return nil
}

// openPostgres opens the queue in a PostgreSQL database.
func (q *Queue) openPostgres(ctx context.Context, c Config) error {
	pc, err := pgxpool.ParseConfig(c.DB)
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	// The workers, the fetcher, the completer and the listener.
	pc.MaxConns = max(pc.MaxConns, int32(c.Workers)+4)
	pc.AfterConnect = database.Limit
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	cl, err := newClient(ctx, riverpgxv5.New(pool), q.worker, c)
	if err != nil {
		pool.Close()
		return fmt.Errorf("open the queue: %w", err)
	}
	q.client, q.closeDB = cl, pool.Close
	return nil
}

// newClient brings River's tables up to date and makes its client.
func newClient[TTx any](ctx context.Context, driver riverdriver.Driver[TTx], w *worker, c Config) (*river.Client[TTx], error) {
	log := slog.New(quiet{c.Logger.Handler()})
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("bring its tables up to date: %w", err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	return river.NewClient(driver, &river.Config{
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    100 * time.Millisecond,
		JobTimeout:           c.SliceLimit,
		RescueStuckJobsAfter: rescueAfter,
		// Attempts are counted here, so that the last one can be parked;
		// River's own limit must never be reached.
		MaxAttempts: 1000,
		Logger:      log,
		Queues:      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: c.Workers}},
		Workers:     workers,
	})
}

// closing adds to err what went wrong while tidying up after it.
func closing(err error, tidy func() error) error {
	if cerr := tidy(); cerr != nil {
		return fmt.Errorf("%w (and closing: %w)", err, cerr)
	}
	return err
}

// quiet passes on what River has to warn of, and not its news.
type quiet struct{ slog.Handler }

// Enabled reports whether a record of that level is passed on.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// WithAttrs returns a handler that adds the attributes.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup returns a handler that opens the group.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
