package table_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func TestSaveSharesTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name")
		w := writer(t, db, o, cols)
		if err := db.Migrate(t.Context(), []database.Migration{{Name: "mine", SQL: "CREATE TABLE mine (a {int}, b {text}, c {bool}, d {time}, e {bytes})"}}); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2025, 1, 2, 3, 4, 5, 6e6, time.UTC)
		boom := errors.New("boom")
		for i, fail := range []error{boom, nil} {
			b := batch(cols, []any{"a", "A"}, []any{"b", "B"})
			r, err := w.Write(t.Context(), b, func(ctx context.Context, tx database.Execer, r table.Result) error {
				equal(t, r, table.Result{Inserted: 2})
				n, err := tx.Exec(ctx, "INSERT INTO mine (e, d, c, b, a) VALUES ($5, $4, $3, $2, $1)", 42, "🦊", true, database.Time{Time: at}, []byte{0})
				if err != nil || n != 1 {
					t.Errorf("insert: %d, %v", n, err)
				}
				if n, err := tx.Exec(ctx, "UPDATE mine SET b = $1 WHERE a = $2", "x", 43); err != nil || n != 0 {
					t.Errorf("update: %d, %v", n, err)
				}
				return fail
			})
			if !errors.Is(err, fail) {
				t.Fatalf("got %v, want %v", err, fail)
			}
			want := table.Result{}
			if fail == nil {
				want.Inserted = 2
			}
			equal(t, r, want)
			var n int
			if err := db.QueryRow(t.Context(), "SELECT count(*) FROM mine").Scan(&n); err != nil {
				t.Fatal(err)
			}
			count, err := table.Count(t.Context(), db, o)
			if err != nil {
				t.Fatal(err)
			}
			if n != i || count != int64(2*i) {
				t.Errorf("after %v: %d saved, %d rows", fail, n, count)
			}
		}
		var a int
		var b string
		var c bool
		var d database.Time
		if err := db.QueryRow(t.Context(), "SELECT a, b, c, d FROM mine").Scan(&a, &b, &c, &d); err != nil {
			t.Fatal(err)
		}
		equal(t, []any{a, b, c, d.Time}, []any{42, "🦊", true, at})
	})
}

// TestHold writes batches into one transaction where that is done at all:
// nothing of it is seen before Commit, and an error undoes all of it.
func TestHold(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name")
		w, err := table.NewWriter(t.Context(), db, table.Config{Object: o, Columns: cols, ConnectionID: "c", Entity: "e"})
		if err != nil {
			t.Fatal(err)
		}
		holds := db.Dialect() == database.SQLite
		rows := func() int64 {
			t.Helper()
			n, err := table.Count(t.Context(), db, o)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		hold := func(save table.SaveFunc, key string) error {
			t.Helper()
			r, held, err := w.Hold(t.Context(), batch(cols, []any{key, "A"}), save)
			if err == nil && (held != holds || r.Inserted != 1) {
				t.Errorf("held %v, %+v", held, r)
			}
			return err
		}
		boom := errors.New("boom")
		fail := func(context.Context, database.Execer, table.Result) error { return boom }
		stored := int64(2)
		if holds {
			stored = 0
		}
		for _, key := range []string{"a", "b"} {
			if err := hold(nil, key); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, rows(), stored)
		if err := hold(fail, "c"); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		equal(t, rows(), stored)
		if err := w.Commit(t.Context()); err != nil { // nothing is held
			t.Fatal(err)
		}
		for _, key := range []string{"d", "e"} {
			if err := hold(nil, key); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, rows(), stored+2-2*b2i(holds))
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, rows(), stored+2)
		// Another writer goes on after one that was closed in the middle.
		if err := hold(nil, "f"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		equal(t, write(t, writer(t, db, o, cols), batch(cols, []any{"f", "A"})), table.Result{Inserted: b2i(holds), Unchanged: 1 - b2i(holds)})
	})
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func TestWriteCancelled(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name")
		w := writer(t, db, o, cols)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.Write(ctx, batch(cols, []any{"a", "A"}), func(ctx context.Context, tx database.Execer, _ table.Result) error {
			cancel()
			_, err := tx.Exec(ctx, "UPDATE cw_origins SET entity = $1", "x")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		other := writer(t, db, o, cols)
		equal(t, write(t, other, batch(cols, []any{"a", "A"})), table.Result{Inserted: 1})
	})
}

func TestWritersTogether(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order")
		var wg sync.WaitGroup
		for n := range 3 {
			w := writer(t, db, o, cols)
			wg.Go(func() {
				for round := range 5 {
					var rows [][]any
					for i := range 50 { // each in an order of its own
						rows = append(rows, []any{fmt.Sprint((i*7 + n*13) % 50), "x", n*10 + round})
					}
					r, err := w.Write(context.Background(), batch(cols, rows...), nil)
					if err != nil {
						t.Error(err)
					}
					if sum := r.Inserted + r.Updated + r.Unchanged; sum != 50 {
						t.Errorf("%+v", r)
					}
				}
			})
		}
		wg.Wait()
		n, err := table.Count(t.Context(), db, o)
		if err != nil || n != 50 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
