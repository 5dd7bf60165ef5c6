package table_test

import (
	"encoding/json"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func TestInsert(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name?", "Order"), Operation: crosswalk.OperationInsert}
		equal(t, put(t, db, cfg, rec("1", "a", "A", 1), rec("2", "b", "B", 2)), table.Result{Inserted: 2})
		// a is there, c comes twice; a row that would be new needs its name, b does not.
		r := put(t, db, cfg, rec("1", "a", "changed", 9), rec("3", "c", "first", 3), rec("4", "c", "last", 4), rec("2", "b", nil, 5), rec("5", "d", nil, 6))
		equal(t, r, table.Result{Inserted: 1, Skipped: 2, Duplicates: 1, Rejects: []table.RowReject{
			{Row: 4, Field: "Name", Code: crosswalk.RejectRequiredEmpty, Message: "Name is required, and the record has no value for it."},
		}})
		equal(t, rows(t, db, o), []map[string]any{
			{"Key": "a", "Name": "A", "Order": int64(1)}, {"Key": "b", "Name": "B", "Order": int64(2)}, {"Key": "c", "Name": "last", "Order": int64(4)},
		})
	})
}

// Without identifiers every run makes a row of each record, once, although it
// may read it several times; each version is a record of its own.
func TestInsertWithoutIdentifiers(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := table.Config{Object: o, Columns: columns(o, "Key", "Name?"), Operation: crosswalk.OperationInsert}
		empty := []table.RowReject{{Row: 2, Field: "Name", Code: crosswalk.RejectRequiredEmpty, Message: "Name is required, and the record has no value for it."}}
		for cfg.Run = range int64(2) {
			equal(t, put(t, db, cfg, rec("1", "a", "A"), rec("2", "a", "A"), rec("3", nil, nil), rec("1", "b", "B")), table.Result{Inserted: 2, Skipped: 1, Rejects: empty})
			equal(t, put(t, db, cfg, rec("2", "a", "A"), rec("4", "a", "A")), table.Result{Inserted: 1, Skipped: 1})
		}
		equal(t, len(rows(t, db, o)), 6)

		cfg.Modified = true
		equal(t, put(t, db, cfg, rec("5", "a", "A", 1), rec("5", "a", "B", 2), rec("6", "a", "A", nil)), table.Result{Inserted: 2, Skipped: 1})
		equal(t, put(t, db, cfg, rec("5", "a", "C", 3), rec("6", "a", "A", nil)), table.Result{Skipped: 2})
		cfg.Run = 2
		equal(t, put(t, db, cfg, rec("5", "a", "C", 3)), table.Result{Inserted: 1})
		cfg.Run, cfg.Versions = 3, true
		equal(t, put(t, db, cfg, rec("5", "a", "C", 3), rec("5", "a", "D", 4), rec("6", "a", "A", nil), rec("7", "a", "A", 1)), table.Result{Inserted: 2, Skipped: 2})
		equal(t, put(t, db, cfg, rec("7", "a", "B", 2), rec("7", "a", "C", 3), rec("7", "a", "B", 2)), table.Result{Inserted: 2, Skipped: 1})
		cfg.JobID = "another"
		equal(t, put(t, db, cfg, rec("5", "a", "C", 3)), table.Result{Inserted: 1})
	})
}

func TestUpdate(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name", "Order?")}
		put(t, db, cfg, rec("1", "a", "A", 1), rec("2", "b", "B", 2), rec("3", "c", "C", 3))
		cfg.Operation = crosswalk.OperationUpdate
		cfg.Columns = columns(o, "Key!", "Name?", "Order?", "Amount")
		w := open(t, db, cfg)
		b := batchFor(cfg, rec("1", "a", "A2", nil, nil), rec("2", "b", nil, 2, nil), rec("4", "new", "N", 4, "1"), rec("5", "new2", nil, 4, "1"), rec("3", "c", nil, nil, "2.5"), rec("3", "c", nil, nil, "3.5"))
		equal(t, write(t, w, b), table.Result{Updated: 2, Unchanged: 2, Skipped: 2})
		equal(t, write(t, w, b), table.Result{Unchanged: 4, Skipped: 2})
		equal(t, rows(t, db, o), []map[string]any{
			{"Key": "a", "Name": "A2", "Order": int64(1)}, {"Key": "b", "Name": "B", "Order": int64(2)}, {"Key": "c", "Name": "C", "Order": int64(3), "Amount": json.Number("3.50")},
		})
	})
}

// Rows that would break another index are rejected by every operation.
func TestOperationsBreakOtherIndex(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		o.Fields[4].Unique = true // Name
		cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name")}
		put(t, db, cfg, rec("1", "a", "A"), rec("2", "b", "B"))
		reject := func(row int) []table.RowReject {
			return []table.RowReject{{Row: row, Field: "Name", Code: crosswalk.RejectAmbiguous, Message: "Another row of Thing__gc has this Name already, and other identifiers."}}
		}
		cfg.Operation = crosswalk.OperationUpdate
		equal(t, put(t, db, cfg, rec("2", "b", "A"), rec("3", "c", "A"), rec("1", "a", "A")), table.Result{Unchanged: 1, Skipped: 1, Rejects: reject(0)})
		cfg.Operation = crosswalk.OperationInsert
		cfg.Columns = columns(o, "Key", "Name")
		equal(t, put(t, db, cfg, rec("3", "c", "C"), rec("4", "d", "A"), rec("5", "e", "E")), table.Result{Inserted: 2, Rejects: reject(1)})
	})
}
