package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// onTheWay is how long a refusal and the request behind it may pass one
// another.
const onTheWay = 250 * time.Millisecond

// window is a time within which nothing may be sent.
type window struct{ from, to time.Time }

// windows returns those that the log of a sandbox tells, and the requests that
// were sent inside of one all the same.
func (w *world) windows() (all []window, early []string) {
	for _, r := range w.sandbox.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests}) {
		n, err := strconv.Atoi(r.RetryAfter)
		w.must(err)
		end := r.Time.Add(time.Duration(r.Took))
		all = append(all, window{end, end.Add(time.Duration(n) * time.Second)})
	}
	for _, r := range w.sandbox.Requests(sandbox.RequestFilter{Path: "/api/data/"}) {
		if !r.Authorized { // where to sign in may be asked
			continue
		}
		for _, in := range all {
			if r.Time.After(in.from.Add(onTheWay)) && r.Time.Before(in.to) {
				early = append(early, fmt.Sprintf("%s %s %v before its time", r.Method, r.URL, in.to.Sub(r.Time)))
				break
			}
		}
	}
	return all, early
}

// However the environment limits its user, jobs that run side by side come to
// their end: while one of them was told to wait, none of them sends anything,
// and a job of another connection runs as if nothing were.
func TestThrottleStorm(t *testing.T) {
	t.Parallel()
	const jobs, accounts, page = 6, 400, 20 // more jobs than there are workers
	for name, test := range map[string]struct {
		limits sandbox.Limits
		both   bool // on both databases
	}{
		"requests":       {limits: sandbox.Limits{Servers: 1, Requests: 60, Window: sandbox.Span(3 * time.Second)}},
		"execution time": {limits: sandbox.Limits{Servers: 1, ExecutionTime: sandbox.Span(6 * time.Second), Cost: sandbox.Span(90 * time.Millisecond), Window: sandbox.Span(3 * time.Second)}},
		"at once":        {limits: sandbox.Limits{Servers: 1, Concurrency: 1, Window: sandbox.Span(2 * time.Second)}},
		"all of them": {sandbox.Limits{
			Servers: 1, Requests: 60, ExecutionTime: sandbox.Span(4 * time.Second), Cost: sandbox.Span(60 * time.Millisecond),
			Concurrency: 2, Window: sandbox.Span(3 * time.Second),
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, cfg server.Config) {
				if cfg.Database != "" && !test.both {
					return
				}
				cfg.PageSize = page
				w := newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Latency: 10 * time.Millisecond}, cfg)
				conn := w.connect("Contoso")
				other := newSandbox(t, sandbox.Config{Seed: 7, Accounts: accounts, Users: 5, Latency: 10 * time.Millisecond})
				env := httptest.NewServer(other.Handler())
				t.Cleanup(env.Close)
				free, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{Name: "Fabrikam", EnvironmentURL: env.URL})
				w.must(err)
				w.must(w.authorize(free.ID, "accept"))
				in := cities(free.ID)
				in.Name = "Quick"
				quick, err := w.client.InsertJob(t.Context(), in)
				w.must(err)
				var stormed []crosswalk.Job
				for i := range jobs {
					in := cities(conn.ID)
					in.Name = fmt.Sprint("Cities ", i)
					job, err := w.client.InsertJob(t.Context(), in)
					w.must(err)
					stormed = append(stormed, job)
				}
				w.sandbox.ForgetRequests()
				w.sandbox.SetLimits(test.limits)
				var runs []crosswalk.Run
				for _, job := range stormed {
					run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
					w.must(err)
					runs = append(runs, run)
				}
				for deadline := time.Now().Add(20 * time.Second); len(w.sandbox.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests})) == 0; time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("nothing was refused")
					}
				}
				begin := time.Now()
				beside := w.run(quick)
				took := time.Since(begin)
				if c := beside.Counts; beside.Status != crosswalk.RunSuccess || c.Throttled != 0 || c.Read != accounts {
					t.Errorf("of the other connection: %s %q %+v", beside.Status, beside.Message, c)
				}
				for i, run := range runs {
					run = w.wait(run)
					if c := run.Counts; run.Status != crosswalk.RunSuccess || c.Read != accounts {
						t.Errorf("%s: %s %q %+v", run.JobName, run.Status, run.Message, c)
					}
					runs[i] = run
				}
				all, early := w.windows()
				sent := len(w.sandbox.Requests(sandbox.RequestFilter{Path: "/api/data/"}))
				t.Logf("%d of %d requests refused, the other connection took %v", len(all), sent, took)
				if len(early) > 0 {
					t.Errorf("%d requests inside of a window:\n%s", len(early), strings.Join(early, "\n"))
				}
				if len(all) > sent/6 {
					t.Errorf("%d of %d requests were refused", len(all), sent)
				}
				ended := time.Since(begin)
				if took > ended/2 {
					t.Errorf("the run of the other connection took %v of %v", took, ended)
				}
				last := slices.MaxFunc(runs, func(a, b crosswalk.Run) int { return a.EndedAt.Compare(*b.EndedAt) })
				if beside.EndedAt.After(*last.EndedAt) {
					t.Errorf("the other connection's run ended at %v, behind the last of the storm at %v", beside.EndedAt, last.EndedAt)
				}
				if n := w.rows("Company"); n != 2*accounts {
					t.Errorf("%d rows", n)
				}
			})
		})
	}
}
