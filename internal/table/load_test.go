package table_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// settle ends the load of an object and returns by how much the counts differ.
func settle(t *testing.T, db *database.DB, o crosswalk.Object) (differ table.Result) {
	t.Helper()
	err := table.Settle(t.Context(), db, o.Table(), func(_ context.Context, _ database.Execer, run int64, d table.Result) error {
		if run != 7 {
			t.Errorf("the load is that of run %d", run)
		}
		differ = d
		if db.Dialect() == database.Postgres { // where nobody waits for it
			return nil
		}
		err := db.Tx(database.WithPatience(t.Context(), time.Millisecond), func(context.Context, *database.Tx) error { return nil })
		if outage := database.Outage(err); outage == nil || !strings.HasPrefix(outage.Message, "The index of "+o.DisplayName+" is being made") {
			t.Errorf("who waits for the index is told: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if loads, err := table.Loads(t.Context(), db); err != nil || len(loads) > 0 {
		t.Errorf("after the end of the load: %v, %v", loads, err)
	}
	return differ
}

// begin is open for writers that end before the test does.
func begin(t *testing.T, db *database.DB, cfg table.Config) *table.Writer {
	t.Helper()
	cfg.ConnectionID, cfg.Entity, cfg.Run = "c", "e", 7
	w, err := table.NewWriter(t.Context(), db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func end(t *testing.T, w *table.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func add(sum *table.Result, r table.Result) {
	sum.Inserted += r.Inserted
	sum.Updated += r.Updated
	sum.Unchanged += r.Unchanged
	sum.Duplicates += r.Duplicates
	sum.Skipped += r.Skipped
	for _, rj := range r.Rejects {
		rj.Row = 0
		sum.Rejects = append(sum.Rejects, rj)
	}
}

// stored returns all rows of an object in the order of what is in them, with
// the columns that tell where they come from. GSIDs and the dates of rows are
// left out, but not the order in which they were made.
func stored(t *testing.T, db *database.DB, o crosswalk.Object) []string {
	t.Helper()
	var columns []string
	for _, f := range o.Fields {
		if !f.System {
			columns = append(columns, `CAST("`+f.Column()+`" AS text)`)
		}
	}
	for _, name := range []string{"cw_origin", "cw_source_id", "cw_run", "cw_modified", "cw_deleted_at"} {
		columns = append(columns, "CAST("+name+" AS text)")
	}
	for i, c := range columns {
		columns[i] = "coalesce(" + c + ", '-')"
	}
	rows, err := db.Query(t.Context(), "SELECT "+strings.Join(columns, " || '|' || ")+" FROM "+o.Table()+" ORDER BY gsid")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestLoadEqualsWrite writes random batches into two objects, one of which is
// loaded. In the end their rows are equal, and so are the counts.
func TestLoadEqualsWrite(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for seed := range uint64(60) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			o := object()
			o.Fields[4].Required = false
			cfg := table.Config{
				Object:   o,
				Columns:  columns(o, [][]string{{"Key!", "Name", "Order?", "At"}, {"Key!", "Order!", "Name?", "At"}, {"Name", "At!", "Order", "Key?"}}[rnd.IntN(3)]...),
				Modified: rnd.IntN(3) > 0,
			}
			if rnd.IntN(4) == 0 {
				cfg.Operation = crosswalk.OperationInsert
			}
			if rnd.IntN(2) == 0 {
				cfg.Object.Fields = append(cfg.Object.Fields[:len(o.Fields):len(o.Fields)], crosswalk.Field{Name: "Modified_By", Type: crosswalk.FieldString, System: true},
					crosswalk.Field{Name: "Level", Type: crosswalk.FieldNumber, Default: "3"}, crosswalk.Field{Name: "State", Type: crosswalk.FieldString, Default: "it's"})
				cfg.By = "Job"
			}
			loaded := cfg
			cfg.Object.Name = fmt.Sprintf("Plain%d__gc", seed)
			loaded.Object.Name, loaded.Load = fmt.Sprintf("Loaded%d__gc", seed), true
			sameAsWritten(t, db, rnd, cfg, loaded)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

func sameAsWritten(t *testing.T, db *database.DB, rnd *rand.Rand, cfg, loaded table.Config) {
	t.Helper()
	w, l := begin(t, db, cfg), begin(t, db, loaded)
	defer func() { end(t, w); end(t, l) }()
	if !l.Loading() {
		t.Fatal("an empty object is not loaded")
	}
	var want, got table.Result
	keys := 1 + rnd.IntN(40)
	for range 1 + rnd.IntN(8) {
		var records []record
		for range rnd.IntN(30) {
			var values []any
			for _, c := range cfg.Columns {
				values = append(values, randomValue(rnd, c, keys))
			}
			if cfg.Modified {
				values = append(values, []any{nil, rnd.IntN(3), rnd.IntN(3)}[rnd.IntN(3)])
			}
			records = append(records, rec(string(rune('a'+rnd.IntN(6))), values...))
		}
		add(&want, write(t, w, batchFor(cfg, records...)))
		add(&got, write(t, l, batchFor(loaded, records...)))
		switch rnd.IntN(12) {
		case 0: // somebody else needs the object
			add(&got, settle(t, db, loaded.Object))
		case 1: // the run goes on in another slice
			end(t, l)
			was := l.Loading()
			if l = begin(t, db, loaded); l.Loading() != was {
				t.Errorf("loading in the next slice: %v, before %v", l.Loading(), was)
			}
		}
	}
	add(&got, settle(t, db, loaded.Object))
	equal(t, got, want)
	equal(t, stored(t, db, loaded.Object), stored(t, db, cfg.Object))
	// What comes then is written as usual.
	again := batchFor(cfg, rec("z", func() (values []any) {
		for _, c := range cfg.Columns {
			values = append(values, randomValue(rand.New(rand.NewPCG(1, 1)), c, 3))
		}
		if cfg.Modified {
			values = append(values, 99)
		}
		return values
	}()...))
	equal(t, write(t, l, again), write(t, w, again))
	equal(t, stored(t, db, loaded.Object), stored(t, db, cfg.Object))
}

func randomValue(rnd *rand.Rand, c table.Column, keys int) any {
	if rnd.IntN(12) == 0 {
		return nil
	}
	switch n := rnd.IntN(keys); {
	case c.Field.Type == crosswalk.FieldDateTime && c.Identifier:
		return n*1000 + rnd.IntN(1000) // of the same millisecond
	case c.Field.Type == crosswalk.FieldDateTime:
		return rnd.IntN(2) * 1000
	case c.Field.Type == crosswalk.FieldNumber && c.Identifier:
		return n % 3
	case c.Field.Type == crosswalk.FieldNumber:
		return rnd.IntN(3)
	case c.Identifier:
		return []string{"", "k", "K", "k ", "ä"}[rnd.IntN(5)] + fmt.Sprint(n/3)
	default:
		return []string{"", "A", "a", "B"}[rnd.IntN(4)]
	}
}

// TestLoadLeavesOneIndex proves that a table has no other index after a load
// than that over its identifiers: each more costs all later writes a third.
func TestLoadLeavesOneIndex(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := table.Config{Object: object(), Columns: columns(object(), "Key!", "Name"), Load: true}
		w := begin(t, db, cfg)
		write(t, w, batchFor(cfg, rec("a", "k", "n")))
		end(t, w)
		settle(t, db, cfg.Object)
		text := "SELECT count(*) FROM pragma_index_list($1) WHERE origin = 'c'"
		if db.Dialect() == database.Postgres {
			text = `SELECT count(*) FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid WHERE t.relname = $1
				AND t.relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`
		}
		var n int
		if err := db.QueryRow(t.Context(), text, cfg.Object.Table()).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d indexes, %v", n, err)
		}
	})
}
