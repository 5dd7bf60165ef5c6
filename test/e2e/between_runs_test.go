package e2e_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// What becomes of a table between two runs is told by the run of its own job:
// it finds another way, or fails and says why, and keeps what is stored. Other
// jobs of the connection run, and when the table is as it was all is well.
func TestTableBetweenRuns(t *testing.T) {
	t.Parallel()
	renamed := func(answer []byte) []byte {
		return bytes.ReplaceAll(answer, []byte(`"EntitySetName":"accounts"`), []byte(`"EntitySetName":"customers"`))
	}
	role := func(k *keeper, r sandbox.Role) { k.must(k.sandbox.SetRole(k.conn.Authorization.UserName, r)) }
	for name, test := range map[string]struct {
		change, back  func(k *keeper)
		status        crosswalk.RunStatus
		reads         string
		message, hint string
	}{
		"removed": {
			func(k *keeper) { k.must(k.sandbox.RemoveTable("account")) }, func(k *keeper) { k.sandbox.Reset() },
			crosswalk.RunFailed, "", `There is no table "account"`, "removed in Dynamics",
		},
		"not readable": {
			func(k *keeper) { role(k, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.None}}) }, func(k *keeper) { role(k, sandbox.Role{}) },
			crosswalk.RunFailed, "", "prvReadAccount", "security role in Dynamics that may read this table, at organization level",
		},
		"renamed": {
			func(k *keeper) {
				k.edit.Store(&renamed)
				k.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
					if !strings.HasSuffix(r.URL.Path, "/customers") {
						return false
					}
					r = r.Clone(r.Context())
					r.URL.Path, r.URL.RawPath = strings.Replace(r.URL.Path, "customers", "accounts", 1), ""
					k.sandbox.Handler().ServeHTTP(rw, r)
					return true
				})
			}, func(k *keeper) { k.edit.Store(nil) },
			crosswalk.RunSuccess, "Every record. Other columns or records are read than last time.", "", "",
		},
		"not tracked any more": {
			func(k *keeper) { k.must(k.sandbox.SetTracked("account", false)) }, func(k *keeper) { k.must(k.sandbox.SetTracked("account", true)) },
			crosswalk.RunSuccess, "by the time of the last change. Dynamics does not track", "", "",
		},
		"neither tracked nor dated any more": {
			func(k *keeper) {
				k.must(k.sandbox.SetTracked("account", false))
				k.must(k.sandbox.RemoveColumn("account", "modifiedon"))
			}, func(k *keeper) { k.sandbox.Reset() },
			crosswalk.RunSuccess, "Every record.", "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				k := newKeeper(t, fresh(t), 200, nil)
				users := k.world.job("User Sync_Contoso")
				k.runs(crosswalk.RunSuccess, "first run")
				stored := k.rows("Company")
				n := k.change(1, 20, 5, 7)
				test.change(k)
				run := k.runs(test.status, test.reads)
				if !strings.Contains(run.Message, test.message) || !strings.Contains(run.Hint, test.hint) || (run.Message == "") != (test.message == "") {
					t.Errorf("%q (%q)", run.Message, run.Hint)
				}
				switch {
				case test.status == crosswalk.RunFailed && (k.rows("Company") != stored || run.Counts.Deleted != 0):
					t.Errorf("%d rows, %d before, %+v", k.rows("Company"), stored, run.Counts)
				case test.status == crosswalk.RunSuccess && (run.Counts.Deleted != n.deleted || run.Counts.Inserted != n.inserted):
					t.Errorf("after %+v: %+v", n, run.Counts)
				}
				if other := k.runOver(users, everything); other.Status != crosswalk.RunSuccess || other.Counts.Read == 0 {
					t.Errorf("the other job: %s %q", other.Status, other.Message)
				}
				if c := k.find(k.conn.ID); c.Status != crosswalk.ConnectionAuthorized {
					t.Errorf("connection %s: %s", c.Status, c.StatusCause)
				}
				test.back(k)
				k.ended(k.runOver(k.job, everything), crosswalk.RunSuccess, "as asked")
				k.equal("when it is as it was", "")
			})
		})
	}
}
