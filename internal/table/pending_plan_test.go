package table_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// TestForgetsByIndex counts how many of the rows that wait for a lookup
// PostgreSQL reads in a batch in which few of them no longer do: those, and not
// all, although it has no statistics that would say how many wait.
func TestForgetsByIndex(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.Postgres)
	company, _ := companies(t, db, "a=A")
	w := open(t, db, withLookup(company, "Key"))
	const all, some = 3000, 50
	var records []record
	for n := range all {
		records = append(records, rec(fmt.Sprint(n), fmt.Sprint(n), "x", "late"))
	}
	cfg := withLookup(company, "Key")
	equal(t, write(t, w, batchFor(cfg, records...)), table.Result{Inserted: all})
	equal(t, waiting(t, db), all)

	records = records[:0]
	for n := range some {
		records = append(records, rec(fmt.Sprint(n), fmt.Sprint(n), "x", nil)) // waits for nothing
		n += some
		records = append(records, rec(fmt.Sprint(n), fmt.Sprint(n), "x", "a")) // has found its company
		n += some
		records = append(records, rec(fmt.Sprint(n), fmt.Sprint(n), "x", "later")) // waits for another one
	}
	r, err := w.Write(t.Context(), batchFor(cfg, records...), func(ctx context.Context, tx database.Execer, _ table.Result) error {
		_, err := tx.Exec(ctx, "CREATE TABLE had AS SELECT seq_tup_read + idx_tup_fetch AS n FROM pg_stat_xact_user_tables WHERE relname = 'cw_pending'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, r, table.Result{Updated: some, Unchanged: 2 * some})
	equal(t, waiting(t, db), all-2*some)
	var had int64
	if err := db.QueryRow(t.Context(), "SELECT n FROM had").Scan(&had); err != nil || had < some || had > 10*some {
		t.Errorf("%d of %d waiting rows were read, %v; %d and %d changed", had, all, err, some, some)
	}
}
