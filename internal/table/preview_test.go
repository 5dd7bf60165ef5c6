package table_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func preview(t *testing.T, db *database.DB, cfg table.Config, records ...record) []table.Outcome {
	t.Helper()
	cfg.ConnectionID, cfg.Entity = "c", "e"
	out, err := table.Preview(t.Context(), db, cfg, batchFor(cfg, records...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// schema returns every table, column and index with the number of rows.
func schema(t *testing.T, db *database.DB) []string {
	t.Helper()
	list := func(query string) []string {
		rows, err := db.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var names []string
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			names = append(names, n)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return names
	}
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	all := "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master"
	if db.Dialect() == database.Postgres {
		tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
		all = `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()`
	}
	out := list(all)
	for _, name := range list(tables) {
		var n int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(name, ": ", n))
	}
	slices.Sort(out)
	return out
}

func TestPreview(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A", "b=B")
		cfg := withLookup(company, "Key")
		cfg.Object.Fields[6].Unique = true // Amount
		cfg.Columns, cfg.Modified = columns(cfg.Object, "Key!", "Name?", "Amount", "Born"), true
		put(t, db, cfg, rec("1", "1", "x", "1.5", 20000, "a", 5), rec("2", "2", "x", nil, nil, "b", 5), rec("3", "3", "x", "3", nil, "late", 5))
		before, held := schema(t, db), mustRows(t, db, cfg.Object)
		records := []record{
			rec("1", "1", nil, "2.5", nil, "b", 6),
			rec("2", "2", "x", nil, nil, "b", 6),
			rec("9", "3", "y", nil, nil, "b", 4),
			rec("4", "4", "n", "4", 20001, "late", 1),
			rec("5", "5", nil, nil, nil, "a", 1),
			rec("6", "6", "x", "1e9999", nil, "a", 1),
			rec("7", "7", "x", "3", nil, "a", 1),
			rec("8", "8", "first", nil, nil, nil, 1),
			rec("8", "8", "last", nil, nil, nil, 1),
		}
		change := func(field string, old, now any) table.FieldChange {
			return table.FieldChange{Field: field, Old: old, New: now}
		}
		reject := func(row int, field string, code crosswalk.RejectCode, message, v string) table.Outcome {
			return table.Outcome{Action: crosswalk.PreviewReject, Reject: &table.RowReject{Row: row, Field: field, Code: code, Message: message, Value: v}}
		}
		want := []table.Outcome{
			{Action: crosswalk.PreviewUpdate, Changes: []table.FieldChange{change("Amount", json.Number("1.50"), json.Number("2.50")), change("Born", "2024-10-04", nil), change("Company", ids["A"], ids["B"])}},
			{Action: crosswalk.PreviewUnchanged},
			{Action: crosswalk.PreviewDuplicate},
			{Action: crosswalk.PreviewInsert, Changes: []table.FieldChange{change("Key", nil, "4"), change("Name", nil, "n"), change("Amount", nil, json.Number("4.00")), change("Born", nil, "2024-10-05")}},
			reject(4, "Name", crosswalk.RejectRequiredEmpty, "Name is required, and the record has no value for it.", ""),
			reject(5, "Amount", crosswalk.RejectNotANumber, `"1e9999" cannot be stored as a number in Amount.`, "1e9999"),
			reject(6, "Amount", crosswalk.RejectAmbiguous, "Another row of Thing__gc has this Amount already, and other identifiers.", ""),
			{Action: crosswalk.PreviewDuplicate},
			{Action: crosswalk.PreviewInsert, Changes: []table.FieldChange{change("Key", nil, "8"), change("Name", nil, "last")}},
		}
		equal(t, preview(t, db, cfg, records...), want)
		cfg.Operation = crosswalk.OperationUpdate
		want[3], want[4], want[6], want[8] = table.Outcome{Action: crosswalk.PreviewSkip}, table.Outcome{Action: crosswalk.PreviewSkip}, table.Outcome{Action: crosswalk.PreviewSkip}, table.Outcome{Action: crosswalk.PreviewSkip}
		equal(t, preview(t, db, cfg, records...), want)
		cfg.Operation = crosswalk.OperationInsert
		out := preview(t, db, cfg, records...)
		var actions []crosswalk.PreviewOutcome
		for _, o := range out {
			actions = append(actions, o.Action)
		}
		equal(t, actions, []crosswalk.PreviewOutcome{"skip", "skip", "skip", "insert", "reject", "reject", "reject", "duplicate", "insert"})
		equal(t, schema(t, db), before)
		equal(t, mustRows(t, db, cfg.Object), held)
	})
}

// A preview of a job that never ran makes neither table nor index, and knows
// rows by identifiers that no job used before.
func TestPreviewBeforeTheFirstRun(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		empty := schema(t, db)
		o := object()
		o.Fields[3].Unique = true
		self := table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Lookups: []table.Lookup{{Field: *o.Field("Parent"), Object: o, Match: columns(o, "Key")}}}
		out := preview(t, db, self, rec("1", "1", "x", "2"), rec("2", "2", "y", "1"))
		equal(t, out[0], table.Outcome{Action: crosswalk.PreviewInsert, Changes: []table.FieldChange{{Field: "Key", New: "1"}, {Field: "Name", New: "x"}}})
		equal(t, len(out), 2)
		equal(t, schema(t, db), empty)

		o = object()
		put(t, db, table.Config{Object: o, Columns: columns(o, "Key!", "Name")}, rec("1", "1", "x"), rec("2", "2", "y"), rec("3", "3", "y"))
		before := schema(t, db)
		byName := table.Config{Object: o, Columns: columns(o, "Key!", "Name!", "Order"), Modified: true}
		equal(t, preview(t, db, byName, rec("7", "1", "x", 1, 9)), []table.Outcome{{Action: crosswalk.PreviewUpdate, Changes: []table.FieldChange{{Field: "Order", New: int64(1)}}}})
		byName.Columns = columns(o, "Name!", "Order")
		if _, err := table.Preview(t.Context(), db, byName, batchFor(byName, rec("7", "x", 1, 9))); crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
			t.Errorf("got %v", err)
		}
		byName.Operation = crosswalk.OperationInsert
		byName.Columns = columns(o, "Key", "Name", "Active")
		equal(t, preview(t, db, byName, rec("1", "9", "x", true, 9)), []table.Outcome{{Action: crosswalk.PreviewInsert, Changes: []table.FieldChange{{Field: "Key", New: "9"}, {Field: "Name", New: "x"}, {Field: "Active", New: true}}}})
		equal(t, schema(t, db), before)
	})
}

func TestPreviewPerson(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		empty := schema(t, db)
		records := []record{rec("1", "CEO", "c1", "a@x", "A"), rec("2", "CFO", "none", "b@x", "B"), rec("3", "CTO", "c2", "a@x", "A")}
		actions := func() (list []crosswalk.PreviewOutcome) {
			for _, o := range preview(t, db, cfg, records...) {
				list = append(list, o.Action)
			}
			return list
		}
		equal(t, actions(), []crosswalk.PreviewOutcome{"insert", "reject", "insert"})
		equal(t, schema(t, db), empty)
		put(t, db, cfg, records[0])
		records[0].values[0] = "Boss"
		before := schema(t, db)
		equal(t, actions(), []crosswalk.PreviewOutcome{"update", "reject", "insert"})
		equal(t, schema(t, db), before)
	})
}

// A preview does not wait for long behind a writer that holds its rows.
func TestPreviewBehindAWriter(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.Postgres) // SQLite's writers wait for each other in order
	o := object()
	cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name")}
	w := open(t, db, cfg)
	write(t, w, batchFor(cfg, rec("1", "1", "x")))
	_, err := w.Write(t.Context(), batchFor(cfg, rec("1", "1", "y")), func(ctx context.Context, _ database.Execer, _ table.Result) error {
		_, err := table.Preview(ctx, db, cfg, batchFor(cfg, rec("1", "1", "z")))
		if crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
