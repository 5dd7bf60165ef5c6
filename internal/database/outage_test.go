package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
)

func exec(t *testing.T, db *database.DB, query string) error {
	t.Helper()
	return db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, query)
		return err
	})
}

// outage checks what an error means, "" for no outage.
func outage(t *testing.T, err error, message string) {
	t.Helper()
	switch got := database.Outage(err); {
	case err == nil:
		t.Errorf("no error, want %q", message)
	case message == "" && got != nil:
		t.Errorf("%v is an outage: %q", err, got.Message)
	case message == "":
	case got == nil || got.Message != message || got.Code != crosswalk.CodeUnavailable || got.Hint == "" || !errors.Is(got, err):
		t.Errorf("%v means %#v, want %q", err, got, message)
	default:
		if again := database.Outage(fmt.Errorf("slice 3: %w", got)); again != got {
			t.Errorf("said once more, it means %v", again)
		}
	}
}

func TestNoOutage(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		table(t, db, "n {int} PRIMARY KEY")
		if err := exec(t, db, "INSERT INTO t (n) VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		outage(t, exec(t, db, "INSERT INTO t (n) VALUES (1)"), "")
		outage(t, exec(t, db, "SELECT nonsense"), "")
	})
	outage(t, errors.New("x"), "")
	elsewhere := crosswalk.Errorf(crosswalk.CodeUnavailable, "Dynamics does not answer.").WithCause(&net.OpError{Op: "dial", Err: errors.New("refused")})
	outage(t, fmt.Errorf("page 3: %w", elsewhere), "")
	if database.Outage(nil) != nil {
		t.Error("nothing is an outage")
	}
}

func TestOutageSQLite(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) *database.DB {
		t.Helper()
		t.Parallel()
		db := databasetest.Open(t, database.SQLite)
		table(t, db, "x {text}")
		return db
	}
	// Another program, which knows nothing of the locks of this one.
	other := func(t *testing.T, db *database.DB) *sql.Conn {
		t.Helper()
		raw, err := sql.Open("sqlite", db.Path())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		conn, err := raw.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	run := func(t *testing.T, conn *sql.Conn, query string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	const insert = "INSERT INTO t (x) VALUES (hex(randomblob(100000)))"
	t.Run("held by another program", func(t *testing.T) {
		db := open(t)
		conn := other(t, db)
		run(t, conn, "BEGIN IMMEDIATE")
		outage(t, exec(t, db, insert), "Another program holds the database file.")
		run(t, conn, "ROLLBACK")
		if err := exec(t, db, insert); err != nil {
			t.Errorf("when it is free again: %v", err)
		}
	})
	t.Run("held by this program", func(t *testing.T) {
		db := open(t)
		if err := db.Lock().Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := db.Tx(ctx, func(context.Context, *database.Tx) error { return nil })
		outage(t, err, "Something that takes long holds the database, such as making an index over many rows.")
		if !errors.Is(err, database.ErrHeld) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		db.Lock().Release()
		if err := exec(t, db, insert); err != nil {
			t.Errorf("when it is free again: %v", err)
		}
	})
	t.Run("full", func(t *testing.T) {
		db := open(t)
		set := func(pages int) { // of the connection that writes
			if err := exec(t, db, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
				t.Fatal(err)
			}
		}
		set(20)
		outage(t, exec(t, db, insert), "The disk of the database is full.")
		set(1 << 20)
		if err := exec(t, db, insert); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	})
	t.Run("read only", func(t *testing.T) {
		db := open(t)
		rows, err := db.Query(t.Context(), insert)
		if err == nil {
			rows.Next()
			err = rows.Err()
			_ = rows.Close()
		}
		outage(t, err, "The database takes no changes.")
	})
}

func TestOutagePostgres(t *testing.T) {
	t.Parallel()
	dsn := databasetest.DSN(t, database.Postgres)
	db, err := database.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table(t, db, "n {int}")
	const insert = "INSERT INTO t (n) VALUES (1)"
	outage(t, exec(t, db, "SELECT pg_terminate_backend(pg_backend_pid())"), "The database does not answer.")
	if err := exec(t, db, insert); err != nil {
		t.Errorf("with a new connection: %v", err)
	}
	outage(t, db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "SET TRANSACTION READ ONLY"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insert)
		return err
	}), "The database takes no changes.")
	for _, code := range []string{"53100", "53300", "57P03"} {
		want := map[string]string{
			"53100": "The disk of the database is full.", "53300": "The database has no connection left for Crosswalk.", "57P03": "The database does not answer.",
		}[code]
		outage(t, exec(t, db, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '"+code+"'; END $$"), want)
	}

	role := "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0"
	if err := exec(t, db, role); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := exec(t, db, "DROP ROLE crowded"); err != nil {
			t.Error(err)
		}
	}()
	for user, want := range map[string]string{"crowded": "no connection left", "postgres": "does not answer"} {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(user)
		if user == "postgres" {
			u.RawQuery = url.Values{"host": {filepath.Join(t.TempDir(), "nobody")}}.Encode()
		}
		_, err = database.Open(t.Context(), u.String(), nil)
		var e *crosswalk.Error
		if !errors.As(err, &e) || e.Code != crosswalk.CodeUnavailable {
			t.Fatalf("open as %s: %v", user, err)
		}
		if got := database.Outage(e.Err); got == nil || !strings.Contains(got.Message, want) {
			t.Errorf("open as %s: %v means %v, want %q", user, err, got, want)
		}
	}
}

// TestPresent deletes and replaces the file of an open database. Nothing is
// written from then on, neither to the old file nor to the new one, and no
// file is made in its place.
func TestPresent(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, other string) error{
		"deleted":  func(path, _ string) error { return os.Remove(path) },
		"replaced": func(path, other string) error { return os.Rename(other, path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, other := databasetest.Open(t, database.SQLite), databasetest.Open(t, database.SQLite)
			for _, db := range []*database.DB{db, other} {
				table(t, db, "n {int}")
				if err := db.Present(); err != nil {
					t.Fatal(err)
				}
			}
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			if err := replace(db.Path(), other.Path()); err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{db.Present(), exec(t, db, "INSERT INTO t (n) VALUES (1)"), db.Lock().Acquire(t.Context())} {
				if crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
					t.Errorf("got %v", err)
				}
			}
			for range 4 { // all connections at once
				if rows, err := db.Query(t.Context(), "SELECT n FROM t"); err == nil {
					defer rows.Close()
				}
			}
			if _, err := os.Stat(db.Path()); name == "deleted" && err == nil {
				t.Error("a file was made in its place")
			}
			if name == "replaced" {
				again, err := database.Open(t.Context(), "sqlite:"+db.Path(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer again.Close()
				var n int
				if err := again.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
					t.Errorf("%d rows in the new file, %v", n, err)
				}
			}
		})
	}
}
