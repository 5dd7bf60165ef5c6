package table_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// everyKind fills fields of every type; Name is kept where a record has none.
func everyKind(o crosswalk.Object, modified bool) table.Config {
	return table.Config{Object: o, Columns: columns(o, "Key!", "Name?", "Order!", "Amount", "Active", "Born", "At", "Parent"), Modified: modified}
}

// thing returns record n with values of every type, some of them null.
func thing(cfg table.Config, n int) record {
	at := time.Date(2024, 1, 1, 0, 0, n, 0, time.UTC)
	values := []any{fmt.Sprintf("key %d", n), fmt.Sprintf("náme %d", n), n % 7, fmt.Sprintf("%d.%02d", n-900, n%100), n%2 == 0, n, at, [16]byte{byte(n), byte(n >> 8)}}
	if k := 3 + n%10; k < len(values) {
		values[k] = nil
	}
	if cfg.Modified {
		values = append(values, at)
	}
	return record{fmt.Sprintf("record %d", n), values}
}

// writeAll writes records in batches of a size and adds up what came of them.
func writeAll(t *testing.T, w *table.Writer, cfg table.Config, size int, records []record) (sum table.Result) {
	t.Helper()
	for page := range slices.Chunk(records, size) {
		r := write(t, w, batchFor(cfg, page...))
		sum.Inserted += r.Inserted
		sum.Updated += r.Updated
		sum.Unchanged += r.Unchanged
		sum.Duplicates += r.Duplicates
		sum.Skipped += r.Skipped
		sum.Rejects = append(sum.Rejects, r.Rejects...)
	}
	return sum
}

// TestUnchangedInAnyOrder writes the same records again and again, in orders
// and batches that differ from those in which they came first.
func TestUnchangedInAnyOrder(t *testing.T) {
	const total = 2400
	each(t, func(t *testing.T, db *database.DB) {
		for _, modified := range []bool{false, true} {
			o := object()
			o.Name = fmt.Sprintf("Thing_%t__gc", modified)
			cfg := everyKind(o, modified)
			w := open(t, db, cfg)
			var records []record
			for n := range total {
				records = append(records, thing(cfg, n))
			}
			equal(t, writeAll(t, w, cfg, 600, records), table.Result{Inserted: total})
			reorder := func(change func([]record)) []record {
				list := slices.Clone(records)
				change(list)
				return list
			}
			for _, c := range []struct {
				name    string
				size    int
				records []record
			}{
				{"as they came", 600, records},
				{"in other batches", 410, records},
				{"backwards", 600, reorder(slices.Reverse)},
				{"shuffled", 600, reorder(func(list []record) {
					rand.New(rand.NewPCG(1, 2)).Shuffle(total, func(i, k int) { list[i], list[k] = list[k], list[i] })
				})},
				{"every third first", 600, reorder(func(list []record) {
					slices.SortStableFunc(list, func(a, b record) int { return len(a.id)%3 - len(b.id)%3 })
				})},
			} {
				if got := writeAll(t, w, cfg, c.size, c.records); got.Unchanged != total || got.Inserted+got.Updated+got.Duplicates+got.Skipped != 0 || len(got.Rejects) > 0 {
					t.Errorf("%s, modified %t: %+v", c.name, modified, got)
				}
			}
		}
	})
}

// TestChangesAmongUnchanged has a few records of each batch differ in each way
// there is.
func TestChangesAmongUnchanged(t *testing.T) {
	const total, ways = 2400, 40
	each(t, func(t *testing.T, db *database.DB) {
		cfg := everyKind(object(), true)
		w := open(t, db, cfg)
		var records []record
		for n := range total {
			records = append(records, thing(cfg, n))
		}
		equal(t, writeAll(t, w, cfg, 600, records), table.Result{Inserted: total})
		key, name, amount, active, modified := 0, 1, 3, 4, len(cfg.Columns)
		later := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		var flagged, foreign []string
		for n := range records {
			r := &records[n]
			r.values = slices.Clone(r.values)
			switch n % ways {
			case 1:
				r.values[amount], r.values[modified] = "0.01", later
			case 2:
				r.values[key], r.id = fmt.Sprintf("new %d", n), fmt.Sprintf("new %d", n)
			case 3:
				r.values[name] = nil // kept
			case 4:
				r.values[active], r.values[modified] = nil, later
			case 5:
				flagged = append(flagged, r.id)
			case 6:
				r.id, r.values[modified] = fmt.Sprintf("another %d", n), later.AddDate(-5, 0, 0)
			case 7:
				r.values[modified] = later
			case 8:
				foreign = append(foreign, r.id)
			}
		}
		const each = total / ways
		mark := func(set string, ids []string) {
			t.Helper()
			err := db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				for _, id := range ids {
					if _, err := tx.Exec(ctx, "UPDATE "+cfg.Object.Table()+" SET "+set+" WHERE cw_source_id = $1", id); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		mark("cw_deleted_at = created_date", flagged)
		mark("cw_origin = cw_origin + 1", foreign)
		want := table.Result{Inserted: each, Updated: 3 * each, Duplicates: each, Unchanged: total - 5*each}
		// The first batch tells that most are as they were.
		equal(t, write(t, w, batchFor(cfg, thing(cfg, 0), thing(cfg, 9))), table.Result{Unchanged: 2})
		equal(t, writeAll(t, w, cfg, 600, records), want)
		equal(t, writeAll(t, w, cfg, 600, records), table.Result{Duplicates: each, Unchanged: total - each})
		count := func(what string, want int, where string, args ...any) {
			t.Helper()
			var n int
			if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+cfg.Object.Table()+" WHERE "+where, args...).Scan(&n); err != nil || n != want {
				t.Errorf("%s: %d rows, %v, want %d", what, n, err, want)
			}
		}
		count("in all", total+each, "1 = 1")
		count("changed", 3*each, "modified_date > created_date")
		count("known to be newer", 3*each, "cw_modified = $1", database.Time{Time: later})
		count("flagged", 0, "cw_deleted_at IS NOT NULL")
		count("without a name", 0, "name IS NULL")
		count("of another record", 0, "cw_source_id LIKE 'another%'")
	})
}

// TestWaitingAmongUnchanged has rows wait for a row that they look up, or stop
// waiting, among others of which nothing changes.
func TestWaitingAmongUnchanged(t *testing.T) {
	const total = 600
	each(t, func(t *testing.T, db *database.DB) {
		parents := object()
		parents.Name = "Parent__gc"
		put(t, db, table.Config{Object: parents, Columns: columns(parents, "Key!", "Name")}, rec("p", "p", "Parent"))
		o, field := lookupField(object(), "Of__gc", parents.Name)
		cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Lookups: []table.Lookup{{Field: field, Object: parents, Match: columns(parents, "Key")}}}
		records := func(third any) (list []record) {
			for n := range total {
				var of any = "p"
				if n%3 == 0 {
					of = third
				}
				list = append(list, rec(fmt.Sprint(n), fmt.Sprint(n), "Name", of))
			}
			return list
		}
		waiting := func(want int64) {
			t.Helper()
			if n, err := table.CountWaiting(t.Context(), db, parents); err != nil || n != want {
				t.Errorf("%d lookups wait, %v, want %d", n, err, want)
			}
		}
		w := open(t, db, cfg)
		equal(t, writeAll(t, w, cfg, 200, records("q")), table.Result{Inserted: total})
		waiting(total / 3)
		equal(t, writeAll(t, w, cfg, 200, records("q")), table.Result{Unchanged: total})
		waiting(total / 3)
		equal(t, writeAll(t, w, cfg, 200, records(nil)), table.Result{Unchanged: total})
		waiting(0)
		equal(t, writeAll(t, w, cfg, 200, records("q")), table.Result{Unchanged: total})
		waiting(total / 3)
		equal(t, writeAll(t, w, cfg, 200, records("p")), table.Result{Updated: total / 3, Unchanged: total - total/3})
		waiting(0)
	})
}

// TestUnchangedWithoutIndex counts how often PostgreSQL looks for rows by their
// identifiers when records come in the order in which they came first.
func TestUnchangedWithoutIndex(t *testing.T) {
	t.Parallel()
	const total, size = 6000, 1000
	dsn := databasetest.DSN(t, database.Postgres)
	db, err := database.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := everyKind(object(), true)
	cfg.ConnectionID, cfg.Entity, cfg.Run = "c", "e", 7
	w, err := table.NewWriter(t.Context(), db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	for n := range total {
		records = append(records, thing(cfg, n))
	}
	equal(t, writeAll(t, w, cfg, size, records), table.Result{Inserted: total})
	equal(t, writeAll(t, w, cfg, size, records), table.Result{Unchanged: total})
	equal(t, writeAll(t, w, cfg, size, records), table.Result{Unchanged: total})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = database.Open(t.Context(), dsn, nil); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A process of PostgreSQL tells what it did at its end at the latest.
	for others := -1; others != 0; {
		err := db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others)
		if err != nil {
			t.Fatal(err)
		}
	}
	var scans int64
	err = db.QueryRow(t.Context(), "SELECT idx_scan FROM pg_stat_user_indexes WHERE relname = $1 AND indexrelname LIKE '%unique%'", cfg.Object.Table()).Scan(&scans)
	// Each was when it came first, and those of the batch behind in three ways.
	if most := int64(total + 3*size + 100); err != nil || scans == 0 || scans > most {
		t.Errorf("%d rows were sought, %v, want %d at most", scans, err, most)
	}
}
