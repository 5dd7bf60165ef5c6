package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A connection whose environment asks to wait for long sends nothing
// meanwhile, whichever of its jobs runs: they say so, and can be cancelled at
// once. Another connection is not slowed.
func TestLongRetryAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 1000, Users: 20}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	other := newSandbox(t, sandbox.Config{Seed: 7, Accounts: 1000, Users: 20})
	env := httptest.NewServer(other.Handler())
	t.Cleanup(env.Close)
	free, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{Name: "Fabrikam", EnvironmentURL: env.URL})
	w.must(err)
	w.must(w.authorize(free.ID, "accept"))
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)

	_, err = w.sandbox.Fault(sandbox.Fault{
		Kind: sandbox.FaultStatus, Status: http.StatusTooManyRequests, Code: "0x80072322", RetryAfter: 120,
		Message: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.", Path: "/accounts?", After: 2, Count: 1,
	})
	w.must(err)
	run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	w.must(err)
	run = w.says(run, "asked to wait")
	if run.Status != crosswalk.RunRunning || run.Counts.Read > 200 || run.Hint == "" {
		t.Errorf("run %s %+v (%q)", run.Status, run.Counts, run.Hint)
	}
	users, err := w.client.StartRun(t.Context(), w.job("User Sync_Contoso").ID, crosswalk.Scope{})
	w.must(err)
	in := cities(free.ID)
	in.Name = "Cities of Fabrikam"
	quick, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	for _, job := range []crosswalk.Job{quick, w.job("User Sync_Fabrikam")} {
		if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Throttled != 0 {
			t.Errorf("%s of the other connection: %s %q %+v", job.Name, run.Status, run.Message, run.Counts)
		}
	}
	users = w.says(users, "asked to wait")

	for _, r := range []crosswalk.Run{run, users} {
		_, err := w.client.CancelRun(t.Context(), r.ID)
		w.must(err)
		if r = w.wait(r); r.Status != crosswalk.RunCancelled {
			t.Errorf("%s: %s %q", r.JobName, r.Status, r.Message)
		}
	}
	refused := w.sandbox.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests})
	if len(refused) != 1 {
		t.Fatalf("%d requests were refused", len(refused))
	}
	for _, r := range w.sandbox.Requests(sandbox.RequestFilter{After: refused[0].Number, Path: "/api/data/"}) {
		if r.Authorized || !strings.HasSuffix(r.URL, "/api/data/v9.2/") { // where to sign in may be asked without a token
			t.Errorf("sent in the meantime: %s %s", r.Method, r.URL)
		}
	}
}
