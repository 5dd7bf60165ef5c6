package table_test

import (
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// Rows of a job that is gone become those of the one whose records come for
// them, also when nothing else of them changes; rows of a job that is there
// stay its own.
func TestRowsOfNobody(t *testing.T) {
	for _, modified := range []bool{false, true} {
		t.Run(fmt.Sprintf("modified %t", modified), func(t *testing.T) {
			each(t, func(t *testing.T, db *database.DB) {
				const size = 40
				cfg := everyKind(object(), modified)
				cfg.ConnectionID, cfg.Entity = "contoso", "account"
				var records []record
				for n := range 3 * size {
					records = append(records, thing(cfg, n))
				}
				run := func(job string, records []record, jobs ...string) table.Result {
					t.Helper()
					cfg.JobID, cfg.Jobs = job, jobs
					w, err := table.NewWriter(t.Context(), db, cfg)
					if err != nil {
						t.Fatal(err)
					}
					defer w.Close()
					return writeAll(t, w, cfg, size, records)
				}
				owned := func(job string) int64 {
					t.Helper()
					n, err := table.CountRows(t.Context(), db, table.Gone{Object: cfg.Object, ConnectionID: cfg.ConnectionID, Entity: cfg.Entity, JobID: job}, 1000)
					if err != nil {
						t.Fatal(err)
					}
					return n
				}
				all := int64(len(records))
				for _, step := range []struct {
					job     string
					jobs    []string
					records []record
					want    table.Result
					first   int64 // rows of the first job
				}{
					{"first", []string{"first"}, records, table.Result{Inserted: all}, all},
					{"second", []string{"first", "second"}, records, table.Result{Unchanged: all}, all},
					{"second", nil, records, table.Result{Unchanged: all}, all},
					{"second", []string{"second"}, records[:size], table.Result{Updated: size}, all - size},
					// What follows the rows that are as they were is compared in another way.
					{"second", []string{"second"}, records, table.Result{Updated: all - size, Unchanged: size}, 0},
					{"second", []string{"second"}, records, table.Result{Unchanged: all}, 0},
				} {
					equal(t, run(step.job, step.records, step.jobs...), step.want)
					if first, second := owned("first"), owned("second"); first != step.first || first+second != all {
						t.Errorf("after %s of %v %d rows are those of the first job, %d those of the second; want %d of %d", step.job, step.jobs, first, second, step.first, all)
					}
				}
			})
		})
	}
}
