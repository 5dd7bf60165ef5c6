package e2e_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

func (in window) has(t time.Time) bool { return t.After(in.from) && t.Before(in.to) }

// windows returns those that a sandbox has told of.
func windows(t *testing.T, s *sandbox.Sandbox) (all []window) {
	t.Helper()
	for _, r := range s.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests}) {
		n, err := strconv.Atoi(r.RetryAfter)
		if err != nil {
			t.Fatal(err)
		}
		end := r.Time.Add(time.Duration(r.Took))
		all = append(all, window{end, end.Add(time.Duration(n) * time.Second)})
	}
	return all
}

// sent is what a server logs of a request to Dynamics.
type sent struct {
	Message    string    `json:"msg"`
	Time       time.Time `json:"time"` // after the answer
	Connection string    `json:"connection"`
	Path       string    `json:"path"`
	Sent       time.Time `json:"sent"`
	Status     int       `json:"status"`
	RetryAfter string    `json:"retry_after"`
}

// tooEarly returns the requests of a connection that a server has sent although
// it knew that it had to wait. It is of the same clock and goes by what the
// server had read, so nothing that merely takes its time is among them.
func tooEarly(t *testing.T, log *journal, connection string) (early []string, refused int) {
	t.Helper()
	var all []sent
	var known []window
	for _, line := range log.with(`"msg":"dataverse request"`) {
		var s sent
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if s.Connection != connection {
			continue
		}
		all = append(all, s)
		if n, err := strconv.Atoi(s.RetryAfter); err == nil && s.Status == http.StatusTooManyRequests {
			known = append(known, window{s.Time, s.Sent.Add(time.Duration(n) * time.Second)})
		}
	}
	for _, s := range all {
		for _, in := range known {
			if in.has(s.Sent) {
				early = append(early, fmt.Sprintf("%s at %v, which is inside of %v to %v", s.Path, s.Sent, in.from, in.to))
				break
			}
		}
	}
	return early, len(known)
}

// pagesOf returns the requests for pages of accounts that a sandbox got, sorted.
func pagesOf(s *sandbox.Sandbox) (urls []string, at []time.Time) {
	for _, r := range s.Requests(sandbox.RequestFilter{Path: "/accounts?"}) {
		if strings.Contains(r.URL, "address1_city") {
			urls, at = append(urls, r.URL), append(at, r.Time)
		}
	}
	slices.Sort(urls)
	return urls, at
}

// However the environment limits its user, jobs that run side by side come to
// their end, and while one of them was told to wait, none of them sends anything.
// A job of another connection is asked for, reads and stores what it does
// without the storm, request by request, waits for nothing, and is served while
// the others wait.
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
				var log journal
				cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				w := newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Latency: 10 * time.Millisecond}, cfg)
				conn := w.connect("Contoso")
				other := newSandbox(t, sandbox.Config{Seed: 7, Accounts: accounts, Users: 5, Latency: 10 * time.Millisecond})
				env := httptest.NewServer(other.Handler())
				t.Cleanup(env.Close)
				free, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{Name: "Fabrikam", EnvironmentURL: env.URL})
				w.must(err)
				w.must(w.authorize(free.ID, "accept"))
				in := cities(free.ID)
				var calm [2]crosswalk.Job // of the other connection
				for i := range calm {
					in.Name = fmt.Sprint("Calm ", i)
					calm[i], err = w.client.InsertJob(t.Context(), in)
					w.must(err)
				}
				w.run(calm[0])
				other.ForgetRequests()
				control := w.run(calm[0])
				want, _ := pagesOf(other)
				if c := control.Counts; control.Status != crosswalk.RunSuccess || c.Read != accounts || c.Unchanged != accounts || int(c.Requests) != len(want) || len(want) < accounts/page {
					t.Fatalf("without a storm: %s %q %+v, %d pages:\n%s", control.Status, control.Message, c, len(want), strings.Join(want, "\n"))
				}
				want = slices.Sorted(slices.Values(append(want, want...)))
				var stormed []crosswalk.Job
				for i := range jobs {
					in := cities(conn.ID)
					in.Name = fmt.Sprint("Cities ", i)
					job, err := w.client.InsertJob(t.Context(), in)
					w.must(err)
					stormed = append(stormed, job)
				}

				// One run of the other connection is in its middle when the
				// storm begins, and one is queued behind all of it.
				other.ForgetRequests()
				var pages atomic.Int64
				reached, goOn := make(chan struct{}), make(chan struct{})
				t.Cleanup(other.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.RawQuery, "skiptoken") && pages.Add(1) == 3 {
						close(reached)
						select {
						case <-goOn:
						case <-r.Context().Done():
						}
					}
					return false
				}))
				beside, err := w.client.StartRun(t.Context(), calm[0].ID, crosswalk.Scope{})
				w.must(err)
				w.reach(reached)
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
				behind, err := w.client.StartRun(t.Context(), calm[1].ID, crosswalk.Scope{})
				w.must(err)
				close(goOn)
				for _, run := range []crosswalk.Run{beside, behind} {
					run = w.wait(run)
					if diff := cmp.Diff(control.Counts, run.Counts, cmpopts.IgnoreFields(crosswalk.Counts{}, "Bytes")); diff != "" || run.Status != control.Status {
						t.Errorf("run %d of the other connection is %s: %s (-without a storm +in it):\n%s", run.Number, run.Status, run.Message, diff)
					}
					t.Logf("run %d took %v, without a storm %v", run.Number, run.EndedAt.Sub(*run.StartedAt), control.EndedAt.Sub(*control.StartedAt))
				}
				for _, run := range runs {
					run = w.wait(run)
					if c, took := run.Counts, run.EndedAt.Sub(*run.StartedAt); run.Status != crosswalk.RunSuccess || c.Read != accounts || c.Throttled > took {
						t.Errorf("%s: %s %q %+v in %v", run.JobName, run.Status, run.Message, c, took)
					}
				}
				got, at := pagesOf(other)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("pages that the other connection was asked for (-without a storm +in it):\n%s", diff)
				}
				all := windows(t, w.sandbox)
				inside := func(t time.Time) bool { return slices.ContainsFunc(all, func(in window) bool { return in.has(t) }) }
				served := len(at) - len(slices.DeleteFunc(at, inside))
				if served < len(want)/4 { // nearly all of those behind the first refusal
					t.Errorf("%d pages of %d were asked for by the other connection while the first one had to wait", served, len(want))
				}
				early, refused := tooEarly(t, &log, "Contoso")
				sent := w.sandbox.Requests(sandbox.RequestFilter{Path: "/api/data/"})
				t.Logf("%d of %d requests refused; meanwhile the other connection got %d pages of %d", len(all), len(sent), served, len(want))
				if len(early) > 0 || refused != len(all) {
					t.Errorf("of %d refusals %d are known; %d requests inside of a window:\n%s", len(all), refused, len(early), strings.Join(early, "\n"))
				}
				// What the server has not read yet may pass a refusal on its way,
				// but none comes shortly before the time.
				for _, r := range sent {
					for _, in := range all {
						if r.Authorized && (window{in.from.Add(in.to.Sub(in.from) / 2), in.to}).has(r.Time) {
							t.Errorf("%s %s came %v before its time", r.Method, r.URL, in.to.Sub(r.Time))
						}
					}
				}
				if len(all) > len(sent)/6 {
					t.Errorf("%d of %d requests were refused", len(all), len(sent))
				}
				if n := w.rows("Company"); n != 2*accounts {
					t.Errorf("%d rows", n)
				}
			})
		})
	}
}
