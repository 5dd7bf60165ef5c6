package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A run that rejects more than its job allows fails, also when that cannot be
// stored at first and its server stops meanwhile: no row goes, and the position
// stays.
func TestRejectLimitOutlastsAStop(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		cfg := fresh(t)
		k := newKeeper(t, cfg, 90, func(in *client.JobInput) { in.RejectLimit.Percent = 10 })
		k.runs(crosswalk.RunSuccess, "first run")
		before := k.position()
		accounts := k.accounts("")
		k.write("DELETE", "accounts("+firstKey(accounts)+")", "")
		delete(accounts, firstKey(accounts))
		one := firstKey(accounts)
		k.write("PATCH", "accounts("+one+")", `{"name":null}`)
		db, err := database.Open(t.Context(), k.dsn, nil)
		k.must(err)
		defer db.Close()
		open := k.bar(db, "NEW.status = 'failed'")
		run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
		k.must(err)
		for began := time.Now(); run.Counts.Rejected == 0; time.Sleep(5 * time.Millisecond) {
			run, err = k.client.FindRun(t.Context(), run.ID)
			if k.must(err); time.Since(began) > 30*time.Second {
				t.Fatalf("the run rejects nothing: %+v", run)
			}
		}
		k.stop()
		open()
		k.start(cfg)
		run = k.wait(run)
		if run.Status != crosswalk.RunFailed || !strings.Contains(run.Message, "more than the job allows") || run.Counts.Deleted != 0 {
			t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		if n := k.rows("Company"); n != 90 {
			t.Errorf("%d rows", n)
		}
		if p := k.position(); !p.At.Equal(before.At) {
			t.Errorf("the position moved from %+v to %+v", before, p)
		}
	})
}
