package table_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func modifiedConfig() table.Config {
	o := object()
	return table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Modified: true}
}

func TestDuplicatesByLastModified(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := modifiedConfig()
		w := open(t, db, cfg)
		step := func(want table.Result, name string, records ...record) {
			t.Helper()
			equal(t, write(t, w, batchFor(cfg, records...)), want)
			equal(t, rows(t, db, cfg.Object), []map[string]any{{"Key": "k", "Name": name}})
		}
		step(table.Result{Inserted: 1, Duplicates: 2}, "b5", rec("a", "k", "a3", 3), rec("b", "k", "b5", 5), rec("c", "k", "c4", 4))
		// Another record, modified before: it loses, whatever it holds.
		step(table.Result{Duplicates: 1}, "b5", rec("c", "k", "c4", 4))
		step(table.Result{Duplicates: 1}, "b5", rec("c", "k", "b5", 4))
		step(table.Result{Duplicates: 1}, "b5", rec("c", "k", "none", nil))
		step(table.Result{Unchanged: 1}, "b5", rec("b", "k", "b5", 5))
		// Of the same time the greater key counts.
		step(table.Result{Duplicates: 1}, "b5", rec("a", "k", "a5", 5))
		step(table.Result{Updated: 1}, "c5", rec("c", "k", "c5", 5))
		// The same record again: what was read last counts.
		step(table.Result{Updated: 1}, "c2", rec("c", "k", "c2", 2))
		step(table.Result{Updated: 1}, "b3", rec("b", "k", "b3", 3))
		// A record that changed elsewhere still holds its row.
		step(table.Result{Unchanged: 1}, "b3", rec("b", "k", "b3", 9))
		step(table.Result{Duplicates: 1}, "b3", rec("c", "k", "c8", 8))
		// A record with the same values takes the row over.
		step(table.Result{Unchanged: 1}, "b3", rec("c", "k", "b3", 10))
		step(table.Result{Duplicates: 1}, "b3", rec("b", "k", "b9", 9))
		// Within a batch the last of the same record's counts, then the later one.
		step(table.Result{Updated: 1, Unchanged: 1, Duplicates: 1}, "c12", rec("c", "k", "c11", 11), rec("c", "k", "c12", 12), rec("b", "k", "b9", 9))
	})
}

// A row of another origin, or one that a writer without times wrote, does not
// hold against a record.
func TestDuplicatesOfAnotherOrigin(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := modifiedConfig()
		put(t, db, cfg, rec("a", "k", "first", 9))
		other := cfg
		other.Modified = false
		w, err := table.NewWriter(t.Context(), db, other)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, write(t, w, batchFor(other, rec("x", "k", "other"))), table.Result{Updated: 1})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		equal(t, put(t, db, cfg, rec("b", "k", "second", 1)), table.Result{Updated: 1})
	})
}

// Whatever the order of records and batches, repeated full runs settle on the
// same rows, and from the second run on nothing is written.
func TestDuplicatesSettle(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := modifiedConfig()
		var records []record
		want := map[string]string{}
		for k := range 20 {
			for i := range 1 + k%4 {
				name := fmt.Sprintf("%d-%d", k, i)
				records = append(records, rec(name, fmt.Sprintf("k%02d", k), name, (i+k)%3+1))
			}
		}
		best := map[string]record{}
		for _, r := range records {
			k := r.values[0].(string)
			b, ok := best[k]
			if !ok || r.values[2].(int) > b.values[2].(int) || r.values[2].(int) == b.values[2].(int) && r.id > b.id {
				best[k] = r
				want[k] = r.id
			}
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for run := range 4 {
			cfg.Run = int64(run + 1)
			w := open(t, db, cfg)
			rnd.Shuffle(len(records), func(i, k int) { records[i], records[k] = records[k], records[i] })
			var sum table.Result
			for at := 0; at < len(records); at += 7 {
				r := write(t, w, batchFor(cfg, records[at:min(at+7, len(records))]...))
				sum.Inserted += r.Inserted
				sum.Updated += r.Updated
				sum.Unchanged += r.Unchanged
				sum.Duplicates += r.Duplicates
			}
			if total := sum.Inserted + sum.Updated + sum.Unchanged + sum.Duplicates; total != int64(len(records)) {
				t.Errorf("run %d: %+v of %d", run, sum, len(records))
			}
			if run > 0 {
				equal(t, sum, table.Result{Unchanged: 20, Duplicates: int64(len(records) - 20)})
			}
			for _, row := range rows(t, db, cfg.Object) {
				if k := row["Key"].(string); row["Name"] != want[k] {
					t.Errorf("run %d: %s is %v, want %s", run, k, row["Name"], want[k])
				}
			}
		}
	})
}
