package e2e_test

import (
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// TestRejectLimit fails runs that reject more than their job allows: in the
// middle, when it is plain, or at the end. What was stored and rejected stays,
// and the next run begins where the one before did.
func TestRejectLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit  crosswalk.RejectLimit
		status crosswalk.RunStatus
		whole  bool // all records were read; one can come twice
	}{
		"none":            {crosswalk.RejectLimit{}, crosswalk.RunPartialSuccess, true},
		"a count":         {crosswalk.RejectLimit{Count: 120}, crosswalk.RunFailed, false},
		"a count just so": {crosswalk.RejectLimit{Count: 2000}, crosswalk.RunPartialSuccess, true},
		"a share":         {crosswalk.RejectLimit{Percent: 50}, crosswalk.RunFailed, false},
		"all but one":     {crosswalk.RejectLimit{Count: 1999}, crosswalk.RunFailed, true},
		"every one":       {crosswalk.RejectLimit{Percent: 100}, crosswalk.RunPartialSuccess, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, cfg server.Config) {
				cfg.PageSize = 100
				w := newWorld(t, sandbox.Config{Accounts: 2000, Users: 20}, cfg)
				conn := w.connect("Contoso")
				job, err := w.client.InsertJob(t.Context(), client.JobInput{
					Name: "Names into e-mail", ConnectionID: conn.ID, Entity: "account", Object: "User",
					Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental, RejectLimit: test.limit,
					Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
						{Source: "accountid", Target: "External_ID", Identifier: true},
						{Source: "name", Target: "Email"},
					}},
				})
				w.must(err)
				if job.RejectLimit != test.limit {
					t.Errorf("the job has the limit %+v", job.RejectLimit)
				}
				run := w.run(job)
				c := run.Counts
				if run.Status != test.status || c.Rejected+c.Unchanged != c.Read || c.Rejected == 2000 != test.whole {
					t.Fatalf("run %s %+v %q", run.Status, c, run.Message)
				}
				page, err := w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{})
				w.must(err)
				if page.Total != c.Rejected {
					t.Errorf("%d rejects are listed, %d were counted", page.Total, c.Rejected)
				}
				job, err = w.client.FindJob(t.Context(), job.ID)
				w.must(err)
				if test.status != crosswalk.RunFailed {
					return
				}
				if !strings.Contains(run.Message, "more than the job allows") || run.Hint == "" || job.Position != nil {
					t.Errorf("%q (%q), and the next run begins at %+v", run.Message, run.Hint, job.Position)
				}
			})
		})
	}
}
