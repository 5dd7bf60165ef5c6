package table_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// TestLookupSeesChanges has somebody else change what a writer has looked up
// before.
func TestLookupSeesChanges(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A", "b=B")
		cfg := withLookup(company, "Key")
		w := open(t, db, cfg)
		look := func(thing string, want map[string]string) {
			t.Helper()
			var records []record
			for key := range want {
				records = append(records, rec(thing+key, thing+key, "x", key))
			}
			write(t, w, batchFor(cfg, records...))
			got := found(t, db, cfg.Object, "Company")
			for key, id := range want {
				if got[thing+key] != id {
					t.Errorf("%s: %s is %q, want %q", thing, key, got[thing+key], id)
				}
			}
		}
		look("first", map[string]string{"a": ids["A"], "b": ids["B"], "c": ""})
		look("again", map[string]string{"a": ids["A"], "b": ids["B"], "c": ""})

		other := table.Config{Object: company, Columns: columns(company, "Key", "Name!")}
		put(t, db, other, rec("A", "c", "A"), rec("N", "a", "N"))
		for _, row := range mustRows(t, db, company) {
			ids[row["Name"].(string)] = row["GSID"].(string)
		}
		look("changed", map[string]string{"a": ids["N"], "b": ids["B"], "c": ids["A"]})

		err := db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM "`+company.Table()+`" WHERE gsid = $1`, ids["B"])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		look("deleted", map[string]string{"a": ids["N"], "b": "", "c": ids["A"]})
	})
}

// TestLookupMany looks up more rows than are remembered at first, in several
// batches.
func TestLookupMany(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		const many = 6000
		var keys []string
		for i := range many {
			keys = append(keys, fmt.Sprintf("key %d=%d", i, i))
		}
		company, _ := companies(t, db, keys...)
		cfg := withLookup(company, "Key")
		w := open(t, db, cfg)
		for batch := range 3 {
			var records []record
			for i := range many {
				key, of := fmt.Sprintf("%d of %d", i, batch), (i*7+batch)%many
				records = append(records, rec(key, key, fmt.Sprint(of), fmt.Sprintf("key %d", of)))
			}
			equal(t, write(t, w, batchFor(cfg, records...)), table.Result{Inserted: many})
		}
		column := func(o crosswalk.Object, name string) string { return `"` + o.Field(name).Column() + `"` }
		query := fmt.Sprintf(`SELECT count(*) FROM %q t JOIN %q c ON c.gsid = t.%s WHERE t.%s = c.%s`, cfg.Object.Table(), company.Table(),
			column(cfg.Object, "Company"), column(cfg.Object, "Name"), column(company, "Name"))
		var right int
		if err := db.QueryRow(t.Context(), query).Scan(&right); err != nil || right != 3*many {
			t.Errorf("%d of %d rows found theirs, %v", right, 3*many, err)
		}
	})
}
