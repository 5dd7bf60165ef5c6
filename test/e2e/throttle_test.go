package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	said := time.Now()
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

	waited := time.Since(said)
	for _, r := range []crosswalk.Run{run, users} {
		_, err := w.client.CancelRun(t.Context(), r.ID)
		w.must(err)
		if r = w.wait(r); r.Status != crosswalk.RunCancelled {
			t.Errorf("%s: %s %q", r.JobName, r.Status, r.Message)
		}
		// Also the time in which no worker had it counts, but none of what it
		// was spared.
		if c, took := r.Counts, r.EndedAt.Sub(*r.StartedAt); r.ID == run.ID && c.Throttled < waited || c.Throttled > took || c.Throttled == 0 {
			t.Errorf("%s was throttled for %v of %v, at least %v", r.JobName, c.Throttled, took, waited)
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

// However an environment says for how long to wait, or does not, nothing is
// sent for so long, whichever of its jobs runs, and then the run goes on. A day
// is told, and shortened.
func TestRetryAfterOfRuns(t *testing.T) {
	t.Parallel()
	forms := []struct {
		name   string
		header func() string
		pause  time.Duration // without a request
		says   string        // of the run, which is then cancelled
	}{
		{"seconds", func() string { return "3" }, 3 * time.Second, ""},
		{"a date", func() string { return time.Now().Add(4 * time.Second).UTC().Format(http.TimeFormat) }, 3 * time.Second, ""},
		{"a date in the past", func() string { return "Mon, 03 Jan 1994 00:00:00 GMT" }, 5 * time.Second, ""},
		{"missing", func() string { return "" }, 5 * time.Second, ""},
		{"zero", func() string { return "0" }, 5 * time.Second, ""},
		{"garbage", func() string { return "in a while" }, 5 * time.Second, ""},
		{"a day", func() string { return "86400" }, 5 * time.Minute, "Dynamics asked to wait 1 day."},
	}
	onBoth(t, func(t *testing.T, cfg server.Config) {
		cfg.PageSize, cfg.Workers = 50, 2*len(forms)+1
		w := newWorld(t, sandbox.Config{Accounts: 10}, cfg)
		var envs []*sandbox.Sandbox
		var runs []crosswalk.Run
		for i, form := range forms {
			s := newSandbox(t, sandbox.Config{Seed: uint64(i + 1), Accounts: 200, Users: 10})
			env := httptest.NewServer(s.Handler())
			t.Cleanup(env.Close)
			conn, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{Name: form.name, EnvironmentURL: env.URL})
			w.must(err)
			w.must(w.authorize(conn.ID, "accept"))
			in := cities(conn.ID)
			in.Name = "Cities of " + form.name
			job, err := w.client.InsertJob(t.Context(), in)
			w.must(err)
			var refused atomic.Bool
			s.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.RawQuery, "skiptoken") || refused.Swap(true) {
					return false
				}
				if text := form.header(); text != "" {
					rw.Header().Set("Retry-After", text)
				}
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(rw, `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000 over time window of 300 seconds."}}`)
				return true
			})
			run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
			w.must(err)
			for deadline := time.Now().Add(20 * time.Second); !refused.Load(); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: never refused", form.name)
				}
			}
			beside, err := w.client.StartRun(t.Context(), w.job("User Sync_"+form.name).ID, crosswalk.Scope{})
			w.must(err)
			envs, runs = append(envs, s), append(runs, run, beside)
		}
		for i, run := range runs {
			form, s := forms[i/2], envs[i/2]
			want := crosswalk.RunSuccess
			if form.says != "" {
				if run = w.says(run, form.says); !strings.Contains(run.Hint, "asks again in") || !strings.Contains(run.Hint, " minutes") {
					t.Errorf("%s: %q (%q)", run.JobName, run.Message, run.Hint)
				}
				_, err := w.client.CancelRun(t.Context(), run.ID)
				w.must(err)
				want = crosswalk.RunCancelled
			}
			run = w.wait(run)
			if run.Status != want {
				t.Errorf("%s: %s %q", run.JobName, run.Status, run.Message)
			}
			if i%2 == 0 && want == crosswalk.RunSuccess && (run.Counts.Read != 200 || run.Counts.Throttled < form.pause-time.Second) {
				t.Errorf("%s: %+v", run.JobName, run.Counts)
			}
			refusals := s.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests})
			if len(refusals) != 1 {
				t.Fatalf("%s: %d requests were refused", form.name, len(refusals))
			}
			end := refusals[0].Time.Add(time.Duration(refusals[0].Took))
			for _, r := range s.Requests(sandbox.RequestFilter{Path: "/api/data/"}) {
				if r.Authorized && r.Time.After(end.Add(onTheWay)) && r.Time.Before(end.Add(form.pause)) {
					t.Errorf("%s: %s was sent %v after the refusal", form.name, r.URL, r.Time.Sub(end))
				}
			}
		}
	})
}
