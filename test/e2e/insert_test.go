package e2e_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// inserting makes a job keep no identifiers: each record that it reads becomes
// a row.
func inserting(mode crosswalk.LoadMode) func(*client.JobInput) {
	return func(in *client.JobInput) {
		in.Operation, in.LoadMode, in.Deletes = crosswalk.OperationInsert, mode, crosswalk.Deletes{}
		in.Mapping.Fields[0].Identifier = false
	}
}

// A job that inserts without identifiers makes one row of each version of a
// record, although a first run reads what changed lately twice, and runs by the
// time of the last change read the last minutes again.
func TestInsertVersions(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, tracked := range map[string]bool{"tracked": true, "by time": false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newKeeper(t, fresh(t), 120, inserting(crosswalk.LoadIncremental))
				k.must(k.sandbox.SetTracked("account", tracked))
				k.change(1, 60, 0, 0)
				want := int64(120)
				for round := range uint64(3) {
					run := k.runs(crosswalk.RunSuccess, "")
					if got := k.rows("Company"); got != want {
						t.Fatalf("round %d: %d rows, want %d: %+v", round, got, want, run.Counts)
					}
					k.sandbox.Advance(time.Second) // versions differ in their times
					want += k.change(10*round+2, 10, 0, 0).changed
				}
			})
		}
	})
}

// A full load without identifiers makes one row of each record in every run,
// also when it has to begin again.
func TestInsertAgain(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		cfg := fresh(t)
		cfg.PageSize, cfg.SliceBudget = 20, time.Nanosecond
		k := newKeeper(t, cfg, 100, inserting(crosswalk.LoadFull))
		k.sandbox.SetUnverified(sandbox.Unverified{ExpiringLinks: true})
		var pauses atomic.Int32
		k.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/accounts") && strings.Contains(r.URL.RawQuery, "pagenumber=%224%22") && pauses.Add(-1) >= 0 {
				k.sandbox.Advance(11 * time.Minute)
			}
			return false
		})
		for n := range int64(2) {
			pauses.Store(1)
			run := k.runs(crosswalk.RunSuccess, "Every record.")
			if c := run.Counts; c.Inserted != 100 || c.Skipped != 60 || k.rows("Company") != 100*(n+1) {
				t.Errorf("run %d: %+v, %d rows", n, c, k.rows("Company"))
			}
		}
	})
}
