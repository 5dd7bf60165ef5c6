package table_test

import (
	"context"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// TestDurable asks the connection that writes batches how it commits: in such
// a way that what is committed survives a power cut, on PostgreSQL as far as
// its own settings go.
func TestDurable(t *testing.T) {
	t.Parallel()
	for d, want := range map[database.Dialect]string{database.SQLite: "wal 2", database.Postgres: "on on"} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			db := durable(t, d)
			if err := db.Migrate(t.Context(), []database.Migration{{Name: "mine", SQL: "CREATE TABLE mine (x {text})"}}); err != nil {
				t.Fatal(err)
			}
			ask := "INSERT INTO mine (x) SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous)"
			if d == database.Postgres {
				ask = "INSERT INTO mine (x) SELECT current_setting('fsync') || ' ' || current_setting('synchronous_commit')"
			}
			o := object()
			cols := columns(o, "Key!", "Name")
			_, err := writer(t, db, o, cols).Write(t.Context(), batch(cols, []any{"a", "A"}), func(ctx context.Context, tx database.Execer, _ table.Result) error {
				_, err := tx.Exec(ctx, ask)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			err = db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				_, err := tx.Exec(ctx, ask)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := db.Query(t.Context(), "SELECT x FROM mine")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				var got string
				if err := rows.Scan(&got); err != nil {
					t.Fatal(err)
				}
				equal(t, got, want)
			}
			if err := rows.Err(); err != nil || n != 2 {
				t.Errorf("%d answers, %v", n, err)
			}
		})
	}
}

// durable opens a database with the settings that servers come with, not those of
// tests.
func durable(t *testing.T, d database.Dialect) *database.DB {
	t.Helper()
	if d == database.SQLite {
		return databasetest.Open(t, d)
	}
	srv := databasetest.Start(t)
	dsn, err := srv.Make(t.Context(), "durable")
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
