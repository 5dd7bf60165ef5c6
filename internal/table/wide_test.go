package table_test

import (
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// A page of as many records as there can be, of the widest object there can
// be, is written and found again as a whole: its values are far more than a
// statement of either database takes.
func TestWidePages(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		const rows = 5000
		o := object()
		o.Field("Name").Required = false
		names := []string{"Key!"}
		for len(o.Fields) < crosswalk.MaxFields {
			f := crosswalk.Field{Name: fmt.Sprintf("Wide_%d__gc", len(o.Fields)), Type: crosswalk.FieldString}
			o.Fields, names = append(o.Fields, f), append(names, f.Name)
		}
		if rows*len(names) <= 65_535 {
			t.Fatalf("%d values", rows*len(names))
		}
		page := func(value string) (all [][]any) {
			for i := range rows {
				row := []any{fmt.Sprint("k", i)}
				for range names[1:] {
					row = append(row, value)
				}
				all = append(all, row)
			}
			return all
		}
		cols := columns(o, names...)
		w := writer(t, db, o, cols)
		equal(t, write(t, w, batch(cols, page("a")...)), table.Result{Inserted: rows})
		equal(t, write(t, w, batch(cols, page("a")...)), table.Result{Unchanged: rows})
		equal(t, write(t, w, batch(cols, page("b")...)), table.Result{Updated: rows})
	})
}
