package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// companies makes an object Company with rows of these keys and names and
// returns it with their GSIDs by name.
func companies(t *testing.T, db *database.DB, keyNames ...string) (crosswalk.Object, map[string]string) {
	t.Helper()
	o := object()
	o.Name = "Company"
	cfg := table.Config{Object: o, Columns: columns(o, "Key", "Name!", "Order", "Amount", "Active", "Born", "At")}
	var records []record
	for i, kn := range keyNames {
		k, n, _ := strings.Cut(kn, "=")
		records = append(records, rec(n, k, n, i, fmt.Sprintf("%d.5", i), i%2 == 1, 20000+i, 1000+i))
	}
	equal(t, put(t, db, cfg, records...), table.Result{Inserted: int64(len(records))})
	ids := map[string]string{}
	for _, row := range mustRows(t, db, o) {
		ids[row["Name"].(string)] = row["GSID"].(string)
	}
	return o, ids
}

// mustRows returns the rows with all their fields, by GSID.
func mustRows(t *testing.T, db *database.DB, o crosswalk.Object) []map[string]any {
	t.Helper()
	p, err := table.Rows(t.Context(), db, o, table.RowQuery{Limit: table.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

// withLookup is a Config of things with a lookup Company by these fields.
func withLookup(company crosswalk.Object, match ...string) table.Config {
	o, f := lookupField(object(), "Company", "Company")
	return table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Lookups: []table.Lookup{{Field: f, Object: company, Match: columns(company, match...)}}}
}

// found returns the lookup field of each row, by key; "" for none.
func found(t *testing.T, db *database.DB, o crosswalk.Object, field string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, row := range rows(t, db, o) {
		id, _ := row[field].(string)
		out[row["Key"].(string)] = id
	}
	return out
}

func TestLookup(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A", "A=Upper", "two=B1", "two=B2", "ü😀=Ü")
		cfg := withLookup(company, "Key")
		w := open(t, db, cfg)
		b := batchFor(cfg, rec("1", "1", "x", "a"), rec("2", "2", "x", "A"), rec("3", "3", "x", "two"), rec("4", "4", "x", "ü😀"), rec("5", "5", "x", nil), rec("6", "6", "x", ""), rec("7", "7", "x", "a "), rec("8", "8", "x", "a"))
		equal(t, write(t, w, b), table.Result{Inserted: 8})
		equal(t, write(t, w, b), table.Result{Unchanged: 8})
		lowest := min(ids["B1"], ids["B2"])
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["A"], "2": ids["Upper"], "3": lowest, "4": ids["Ü"], "5": "", "6": "", "7": "", "8": ids["A"]})
		// Another value is a change.
		equal(t, write(t, w, batchFor(cfg, rec("1", "1", "x", "A"), rec("2", "2", "x", nil), rec("8", "8", "x", "a"))), table.Result{Updated: 2, Unchanged: 1})
		equal(t, found(t, db, cfg.Object, "Company")["1"], ids["Upper"])
		equal(t, found(t, db, cfg.Object, "Company")["2"], "")
	})
}

func TestLookupByEveryType(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "k=A", "k=B", "k=C")
		cfg := withLookup(company, "Key", "Order", "Amount", "Active", "Born", "At")
		equal(t, put(t, db, cfg,
			rec("1", "1", "x", "k", 1, "1.50", true, 20001, 1001),
			rec("2", "2", "x", "k", 2, "25e-1", false, 20002, 1002),
			rec("3", "3", "x", "k", 2, "2.5", false, 20002, nil), // what is empty equals nothing
			rec("4", "4", "x", "k", 2, "2.6", false, 20002, 1002),
			rec("5", "5", "x", nil, nil, nil, nil, nil, nil),
		), table.Result{Inserted: 5})
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["B"], "2": ids["C"], "3": "", "4": "", "5": ""})
		cfg = withLookup(company, "Amount")
		r := put(t, db, cfg, rec("6", "6", "x", "12,5"), rec("7", "7", "x", "1.504"))
		equal(t, r, table.Result{Inserted: 1, Rejects: []table.RowReject{
			{Row: 0, Field: "Company", Code: crosswalk.RejectNotANumber, Message: `"12,5" cannot be stored as a number in Company.`, Value: "12,5"},
		}})
	})
}

func TestLookupRejects(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "one=A", "two=B1", "two=B2")
		cfg := withLookup(company, "Key")
		cfg.Lookups[0].OnNone, cfg.Lookups[0].OnSeveral = crosswalk.NoneReject, crosswalk.SeveralReject
		none := func(row int, v string) table.RowReject {
			return table.RowReject{Row: row, Field: "Company", Code: crosswalk.RejectNoMatch, Message: fmt.Sprintf("No row of Company has Key %q.", v), Value: v}
		}
		several := table.RowReject{Row: 1, Field: "Company", Code: crosswalk.RejectSeveralMatch, Message: `Several rows of Company have Key "two".`, Value: "two"}
		r := put(t, db, cfg, rec("1", "1", "x", "one"), rec("2", "2", "x", "two"), rec("3", "3", "x", "none"), rec("4", "4", "x", nil), rec("5", "1", "y", "none"), rec("6", "6", "x", "a\x00"))
		equal(t, r, table.Result{Inserted: 2, Rejects: []table.RowReject{
			{Row: 5, Field: "Company", Code: crosswalk.RejectInvalidText, Message: "The text for Company holds a character the database cannot store.", Value: "a\x00"},
			several, none(2, "none"), none(4, "none"),
		}})
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["A"], "4": ""})

		// A required lookup needs a row.
		required := withLookup(company, "Key", "Name")
		required.Object.Name = "Other"
		required.Object.Fields[len(required.Object.Fields)-1].Required = true
		r = put(t, db, required, rec("1", "1", "x", "one", "A"), rec("2", "2", "x", nil, nil), rec("3", "3", "x", "one", "B"))
		equal(t, r, table.Result{Inserted: 1, Rejects: []table.RowReject{
			{Row: 1, Field: "Company", Code: crosswalk.RejectRequiredEmpty, Message: "Company is required, and the record has no value for it."},
			{Row: 2, Field: "Company", Code: crosswalk.RejectNoMatch, Message: `No row of Company has Key "one" and Name "B".`, Value: "one, B"},
		}})
	})
}

// Lookups work with every operation and with duplicates.
func TestLookupOperations(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A", "b=B")
		cfg := withLookup(company, "Key")
		cfg.Modified = true
		equal(t, put(t, db, cfg, rec("1", "1", "x", "a", 5), rec("2", "1", "x", "b", 4), rec("3", "3", "x", "b", 4)), table.Result{Inserted: 2, Duplicates: 1})
		equal(t, put(t, db, cfg, rec("2", "1", "x", "b", 4)), table.Result{Duplicates: 1})
		cfg.Operation = crosswalk.OperationUpdate
		equal(t, put(t, db, cfg, rec("1", "1", "x", "b", 5), rec("4", "4", "x", "a", 5), rec("3", "3", "x", "b", 4), rec("5", "3", "x", "a", 3)), table.Result{Updated: 1, Skipped: 1, Unchanged: 1, Duplicates: 1})
		cfg.Operation = crosswalk.OperationInsert
		equal(t, put(t, db, cfg, rec("1", "1", "x", "a", 9), rec("4", "4", "x", "a", 5)), table.Result{Inserted: 1, Skipped: 1})
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["B"], "3": ids["B"], "4": ids["A"]})
		cfg.Columns = columns(cfg.Object, "Key", "Name")
		equal(t, put(t, db, cfg, rec("5", "5", "x", "a", 9), rec("6", "6", "x", "nope", 9)), table.Result{Inserted: 2})
	})
}
