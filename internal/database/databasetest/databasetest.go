// Package databasetest runs tests on real databases: SQLite in a temporary
// folder and PostgreSQL in a server of its own, started once a test process
// and stopped when the process ends, however it ends.
//
// Where PostgreSQL is not installed, its tests are skipped with the reason;
// with CI=true in the environment they fail instead.
package databasetest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Each runs fn as two parallel subtests, "sqlite" and "postgres", each with a
// fresh, empty database that is closed when the test ends.
func Each(t *testing.T, fn func(t *testing.T, db *database.DB)) {
	t.Helper()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			fn(t, Open(t, d))
		})
	}
}

// Open opens a fresh, empty database, which is closed when the test ends.
func Open(tb testing.TB, d database.Dialect) *database.DB {
	tb.Helper()
	db, err := database.Open(tb.Context(), DSN(tb, d), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close database: %v", err)
		}
	})
	return db
}

// DSN returns the address of a fresh, empty database, for tests that open it
// themselves or more than once.
func DSN(tb testing.TB, d database.Dialect) string {
	tb.Helper()
	if d == database.SQLite {
		return "sqlite:" + filepath.Join(tb.TempDir(), "crosswalk.db")
	}
	srv := start(tb)
	name := fmt.Sprintf("test_%d", srv.count.Add(1))
	ctx := context.Background()
	if err := srv.exec(ctx, "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := srv.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return srv.dsn(name)
}

// server is the PostgreSQL of this test process.
type server struct {
	dir   string    // data and socket
	life  io.Closer // the guard's standard input: closed, or collected, it ends the server
	count atomic.Int64
	guard *exec.Cmd
	admin sync.Mutex // one CREATE DATABASE at a time: they copy the same template
}

func (s *server) dsn(name string) string {
	return "postgres://postgres@/" + name + "?host=" + s.dir + "&sslmode=disable"
}

func (s *server) exec(ctx context.Context, sql string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("databasetest: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("databasetest: %s: %w", sql, err)
	}
	return nil
}
