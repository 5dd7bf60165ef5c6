package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
)

func table(t *testing.T, db *database.DB, columns string) {
	t.Helper()
	if err := db.Migrate(t.Context(), []database.Migration{{Name: "t", SQL: "CREATE TABLE t (" + columns + ")"}}); err != nil {
		t.Fatal(err)
	}
}

func TestTxCommitsOrRollsBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		table(t, db, "a {int}, b {text}, c {bytes}, d {bool}, e {time}")
		at := time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.FixedZone("", 3600))
		boom := errors.New("boom")
		for _, fail := range []error{nil, boom} {
			err := db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
				n, err := tx.Exec(ctx, "INSERT INTO t (e, d, c, b, a) VALUES ($5, $4, $3, $2, $1)", int64(-1<<63), "🦊 $1", []byte{0, 1}, true, database.Time{Time: at})
				if err != nil || n != 1 {
					t.Errorf("insert: %d, %v", n, err)
				}
				return fail
			})
			if !errors.Is(err, fail) {
				t.Fatalf("got %v, want %v", err, fail)
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
				if _, err := tx.Exec(ctx, "DELETE FROM t"); err != nil {
					t.Error(err)
				}
				panic("in the middle")
			})
		}()
		type row struct {
			A int64
			B string
			C []byte
			D bool
			E database.Time
			N int
		}
		var got row
		if err := db.QueryRow(ctx, "SELECT a, b, c, d, e, (SELECT count(*) FROM t) FROM t").Scan(&got.A, &got.B, &got.C, &got.D, &got.E, &got.N); err != nil {
			t.Fatal(err)
		}
		want := row{-1 << 63, "🦊 $1", []byte{0, 1}, true, database.Time{Time: at.UTC()}, 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTxCountsUnderConcurrency(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		table(t, db, "n {int}")
		inc := func(ctx context.Context, tx *database.Tx) error {
			var n int64
			if err := tx.QueryRow(ctx, "SELECT coalesce(max(n), 0) FROM t").Scan(&n); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO t (n) VALUES ($1)", n+1)
			return err
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					if err := db.Tx(ctx, inc); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n, distinct int
		if err := db.QueryRow(ctx, "SELECT max(n), count(DISTINCT n) FROM t").Scan(&n, &distinct); err != nil {
			t.Fatal(err)
		}
		if n != 40 || distinct != 40 {
			t.Errorf("counted to %d with %d values, want 40 and 40", n, distinct)
		}
	})
}

// Two handles on one file, as two parts of a program may have, share its one
// writer.
func TestTwoHandles(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			dsn := databasetest.DSN(t, d)
			var handles []*database.DB
			for range 2 {
				db, err := database.Open(t.Context(), dsn, nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				handles = append(handles, db)
			}
			if d == database.SQLite {
				excluded(t, handles[0], handles[1])
			}
			table(t, handles[0], "n {int}")
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					err := handles[i%2].Tx(context.Background(), func(ctx context.Context, tx *database.Tx) error {
						_, err := tx.Exec(ctx, "INSERT INTO t (n) SELECT count(*) FROM t")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			var n int
			if err := handles[1].QueryRow(t.Context(), "SELECT count(DISTINCT n) FROM t").Scan(&n); err != nil || n != 6 {
				t.Errorf("%d values, %v", n, err)
			}
		})
	}
}

// excluded checks that nobody writes through b while a holds the lock.
func excluded(t *testing.T, a, b *database.DB) {
	t.Helper()
	if err := a.Lock().Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Lock().Release()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.Lock().Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("each has a lock of its own: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		steps := []database.Migration{
			{Name: "first", SQL: "CREATE TABLE a (id {id}, x {text} NOT NULL); CREATE TABLE b (x {int})"},
			{Name: "second", SQL: "ALTER TABLE b ADD COLUMN y {text}"},
		}
		if err := db.Migrate(t.Context(), steps[:1]); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := db.Migrate(t.Context(), steps); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var names string
		if err := db.QueryRow(t.Context(), "SELECT string_agg(name, ' ') FROM (SELECT name FROM cw_migrations ORDER BY version) m").Scan(&names); err != nil {
			t.Fatal(err)
		}
		if names != "first second" {
			t.Errorf("steps %q", names)
		}
		bad := append(steps[:2:2], database.Migration{Name: "bad", SQL: "CREATE TABLE c (x {int}); CREATE TABLE nonsense"})
		if err := db.Migrate(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "migration 3 (bad)") {
			t.Errorf("got %v", err)
		}
		if rows, err := db.Query(t.Context(), "SELECT x FROM c"); err == nil {
			rows.Close()
			t.Error("half of the bad step stayed")
		}
		err := db.Migrate(t.Context(), steps[:1])
		if crosswalk.ErrorCode(err) != crosswalk.CodeConflict || !strings.Contains(err.Error(), "newer version of Crosswalk (schema 2; this version knows 1)") {
			t.Errorf("older program: got %v", err)
		}
	})
}

func TestErrorsOfConstraints(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		table(t, db, "id {int} PRIMARY KEY, u {text} UNIQUE, up {int} REFERENCES t (id)")
		insert := func(id int, u string, up any) error {
			return db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO t (id, u, up) VALUES ($1, $2, $3)", id, u, up)
				return err
			})
		}
		if err := insert(1, "a", nil); err != nil {
			t.Fatal(err)
		}
		if err := insert(1, "b", nil); !database.IsUnique(err) || database.IsForeignKey(err) {
			t.Errorf("primary key: %v", err)
		}
		if err := insert(2, "a", nil); !database.IsUnique(err) || database.Retryable(err) {
			t.Errorf("unique: %v", err)
		}
		if err := insert(2, "b", 7); !database.IsForeignKey(err) || database.IsUnique(err) {
			t.Errorf("foreign key: %v", err)
		}
	})
}

func TestContains(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, tt := range []struct {
			text, needle string
			want         bool
		}{
			{"Contoso", "TOS", true},
			{"Müller Ärzte", "äRZTE", true},
			{"Müller", "muller", false},
			{"100%", "0%", true},
			{"1000", "0%", false},
			{"a_b", "A_B", true},
			{"axb", "a_b", false},
			{`a\b`, `\`, true},
			{"日本株式会社 🦊", "会社 🦊", true},
			{"NUL", "n\x00ul", true},
		} {
			var got bool
			q := "SELECT coalesce(" + db.Dialect().Contains("CAST($1 AS text)", "$2", tt.needle) + ", FALSE)"
			if err := db.QueryRow(t.Context(), q, tt.text, database.Pattern(tt.needle)).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("%q contains %q: %v", tt.text, tt.needle, got)
			}
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dsn  string
		want crosswalk.Code
	}{
		{"", crosswalk.CodeInvalid},
		{"mysql://x", crosswalk.CodeInvalid},
		{"sqlite:", crosswalk.CodeInvalid},
		{"sqlite:" + file + "/x.db", crosswalk.CodeUnavailable},
		{"postgres://u:hush@h:port/x", crosswalk.CodeInvalid},
		{"postgres://u:hush@127.0.0.1:1/x", crosswalk.CodeUnavailable},
	} {
		db, err := database.Open(t.Context(), tt.dsn, nil)
		if err == nil {
			_ = db.Close()
		}
		if got := crosswalk.ErrorCode(err); got != tt.want {
			t.Errorf("%q: got %q (%v), want %q", tt.dsn, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("the error tells the password: %v", err)
		}
		if tt.want == crosswalk.CodeUnavailable && strings.HasPrefix(tt.dsn, "postgres") && (strings.Count(err.Error(), "refused") != 1 || strings.Contains(err.Error(), "user=")) {
			t.Errorf("the error does not tell its cause just once: %v", err)
		}
	}
}

func TestSQLiteFileAndSettings(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "100% ?#.db")
	db, err := database.Open(t.Context(), "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// What is committed survives a power cut, on every connection.
	settings := func(query func(ctx context.Context, query string, args ...any) *sql.Row) (got [4]string) {
		t.Helper()
		for i, pragma := range []string{"journal_mode", "synchronous", "foreign_keys", "query_only"} {
			if err := query(t.Context(), "PRAGMA "+pragma).Scan(&got[i]); err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	for range 4 {
		if got, want := settings(db.QueryRow), [4]string{"wal", "2", "1", "1"}; got != want {
			t.Errorf("a connection that reads has %v, want %v", got, want)
		}
		rows, err := db.Query(t.Context(), "SELECT 1") // keeps the connection, so that the next one is another
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
	}
	err = db.Tx(t.Context(), func(_ context.Context, tx *database.Tx) error {
		if got, want := settings(tx.QueryRow), [4]string{"wal", "2", "1", "0"}; got != want {
			t.Errorf("the connection that writes has %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLockIsFair(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.SQLite)
	lock := db.Lock()
	if err := lock.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	// One who takes the lock again and again, as a bulk writer does, must let
	// a short transaction in between.
	table := make(chan error, 1)
	go func() {
		table <- db.Tx(context.Background(), func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE t (x INTEGER)")
			return err
		})
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		time.Sleep(time.Millisecond)
		lock.Release()
		if err := lock.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-table:
			lock.Release()
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the short transaction starves")
		}
	}
}

// TestLockGivesUp waits for a lock in vain: until the context ends, or the
// patience of the caller, which once over is not asked for again.
func TestLockGivesUp(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.SQLite)
	nothing := func(context.Context, *database.Tx) error { return nil }
	const limit = 50 * time.Millisecond
	short, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	patient := database.WithPatience(t.Context(), limit)
	err := db.Tx(t.Context(), func(_ context.Context, tx *database.Tx) error {
		tx.Tell("The index of Company is being made")
		for name, test := range map[string]struct {
			ctx   context.Context
			cause error
		}{"context": {short, context.DeadlineExceeded}, "patience": {patient, database.ErrHeld}} {
			err := db.Tx(test.ctx, nothing)
			if !errors.Is(err, database.ErrHeld) || !errors.Is(err, test.cause) || name == "patience" && errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", name, err)
			}
			outage := database.Outage(fmt.Errorf("store: %w", err))
			if want := "The index of Company is being made, and nothing else can be stored until that is done."; outage == nil || outage.Message != want || outage.Code != crosswalk.CodeUnavailable {
				t.Errorf("%s: %v says %v", name, err, outage)
			}
		}
		again := time.Now()
		for range 1000 { // which would take most of a minute
			if err := db.Tx(patient, nothing); !errors.Is(err, database.ErrHeld) {
				t.Fatalf("got %v", err)
			}
		}
		if took := time.Since(again); took > 500*limit {
			t.Errorf("a thousand times more took %v", took)
		}
		endless, cancel := context.WithTimeout(database.WithPatience(patient, 0), 2*limit)
		defer cancel()
		if err := db.Tx(endless, nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a limit: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// When it is free, nobody has to wait, and nothing is told any more.
	if err := db.Tx(patient, nothing); err != nil {
		t.Errorf("when it is free: %v", err)
	}
	if err := db.Lock().Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer db.Lock().Release()
	err = db.Tx(database.WithPatience(t.Context(), time.Millisecond), nothing)
	if outage := database.Outage(err); outage == nil || strings.Contains(outage.Message, "Company") {
		t.Errorf("%v says %v", err, outage)
	}
}
