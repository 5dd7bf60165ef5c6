package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// inSmallPages runs fn on SQLite and on PostgreSQL, with servers that read
// small pages. Each call of fresh is for another server.
func inSmallPages(t *testing.T, fn func(t *testing.T, fresh func(t *testing.T) server.Config)) {
	t.Helper()
	for _, d := range databases() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			fn(t, func(t *testing.T) server.Config {
				cfg := server.Config{PageSize: 50}
				if d == database.Postgres {
					cfg.Database = databasetest.DSN(t, d)
				}
				return cfg
			})
		})
	}
}

// keeper keeps companies by the accounts of a sandbox.
type keeper struct {
	*world
	conn crosswalk.Connection
	job  crosswalk.Job
}

// bearer returns a token for the sandbox, where the test reads and writes as an
// application.
func (w *world) bearer() string {
	w.t.Helper()
	if now := w.sandbox.Clock(); w.token == "" || now.Sub(w.signedIn) > 30*time.Minute {
		e := environment{t: w.t, sandbox: w.sandbox, url: w.env}
		w.token, w.signedIn = e.signIn(), now
	}
	return w.token
}

// keeping returns an incremental job that deletes the rows whose accounts are
// gone.
func keeping(connectionID string) client.JobInput {
	return client.JobInput{
		Name: "Keep companies", ConnectionID: connectionID, Entity: "account", Object: "Company",
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental, Deletes: crosswalk.Deletes{Policy: crosswalk.DeleteRow},
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "External_ID", Identifier: true},
			{Source: "name", Target: "Name"},
			{Source: "telephone1", Target: "City"},
		}},
	}
}

// newKeeper starts a world of accounts and makes the job, which change may
// change first.
func newKeeper(t *testing.T, cfg server.Config, accounts int, change func(*client.JobInput)) *keeper {
	t.Helper()
	k := &keeper{world: newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Contacts: -1}, cfg)}
	k.conn = k.connect("Contoso")
	in := keeping(k.conn.ID)
	if change != nil {
		change(&in)
	}
	var err error
	k.job, err = k.client.InsertJob(t.Context(), in)
	k.must(err)
	return k
}

// runs runs the job and checks its status and what it says it reads.
func (k *keeper) runs(status crosswalk.RunStatus, reads string) crosswalk.Run {
	k.t.Helper()
	return k.ended(k.run(k.job), status, reads)
}

func (k *keeper) ended(run crosswalk.Run, status crosswalk.RunStatus, reads string) crosswalk.Run {
	k.t.Helper()
	if run.Status != status || !strings.Contains(run.Reads, reads) {
		k.t.Fatalf("run %d is %s (%s %s) and reads %q, want %s and %q", run.Number, run.Status, run.Message, run.Hint, run.Reads, status, reads)
	}
	return run
}

// position is up to where the job has come.
func (k *keeper) position() crosswalk.Position {
	k.t.Helper()
	job, err := k.client.FindJob(k.t.Context(), k.job.ID)
	k.must(err)
	if job.Position == nil {
		return crosswalk.Position{}
	}
	return *job.Position
}

// write changes something in Dynamics.
func (w *world) write(method, path, body string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.env+"/api/data/v9.2/"+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+w.bearer())
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	w.must(err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
}

// accounts returns name and telephone number of every account that a filter
// chooses, by key.
func (w *world) accounts(filter string) map[string][]any {
	w.t.Helper()
	token, rows := w.bearer(), map[string][]any{}
	next := w.env + "/api/data/v9.2/accounts?$select=name,telephone1"
	if filter != "" {
		next += "&$filter=" + strings.ReplaceAll(filter, " ", "%20")
	}
	for next != "" {
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, next, nil)
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		w.must(err)
		var page struct {
			Value []map[string]any `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || page.Value == nil {
			w.t.Fatalf("accounts: %s %v", resp.Status, err)
		}
		for _, row := range page.Value {
			rows[row["accountid"].(string)] = []any{row["name"], row["telephone1"]}
		}
		next = page.Next
	}
	return rows
}

// equal checks that the companies are the accounts, row for row.
func (k *keeper) equal(when, filter string) {
	k.t.Helper()
	if diff := cmp.Diff(k.accounts(filter), k.stored("Company", "External_ID", "Name", "City")); diff != "" {
		k.t.Errorf("%s (-Dynamics +Crosswalk):\n%s", when, diff)
	}
}

// untrusted has change tracking refused to the connection's user, who sees all
// accounts but not by a privilege of global depth, until the returned function
// is called.
func (k *keeper) untrusted() (trust func()) {
	return k.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Header.Get("Prefer"), "track-changes") && !strings.Contains(r.URL.RawQuery, "deltatoken") {
			return false
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(rw, `{"error":{"code":"0x80040220","message":"SecLib::CheckPrivilege failed. PrivilegeName: prvReadAccount, Required Depth: Global"}}`)
		return true
	})
}

// shuffled is how many accounts were changed, deleted and inserted.
type shuffled struct{ changed, deleted, inserted int64 }

// change changes, deletes and inserts about so many accounts, and returns how
// many.
func (k *keeper) change(seed uint64, changed, deleted, inserted int) (s shuffled) {
	k.t.Helper()
	for _, c := range []struct {
		do func(string, int, uint64) (int, error)
		n  int
		in *int64
	}{{k.sandbox.ChangeRows, changed, &s.changed}, {k.sandbox.DeleteRows, deleted, &s.deleted}, {k.sandbox.InsertRows, inserted, &s.inserted}} {
		n, err := c.do("account", c.n, seed)
		k.must(err)
		if *c.in = int64(n); n == 0 && c.n > 0 {
			k.t.Fatalf("seed %d changes nothing", seed)
		}
		seed++
	}
	return s
}

// The first run reads all, later ones what has changed, in the best way there
// is, and job and run say which and why.
func TestIncremental(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, test := range map[string]struct {
			before       func(k *keeper) error // the first run
			first, reads string
			way          crosswalk.Way
			why          string
			most         int64 // records read when 20 were changed and 7 inserted
		}{
			"tracked": {nil, "first run", "by change tracking", crosswalk.WayTracked, "", 27},
			"not tracked": {
				func(k *keeper) error { return k.sandbox.SetTracked("account", false) },
				"change tracking is not switched on", "by the time of the last change. Dynamics does not track", crosswalk.WayModified, "not switched on", 60,
			},
			"no global read": {
				func(k *keeper) error { k.untrusted(); return nil },
				"organization level", "by the time of the last change. The user may not read", crosswalk.WayModified, "organization level", 60,
			},
			"no times": {
				func(k *keeper) error {
					if err := k.sandbox.RemoveColumn("account", "modifiedon"); err != nil {
						return err
					}
					return k.sandbox.SetTracked("account", false)
				},
				"change tracking is not switched on", "Every record. Dynamics does not track", crosswalk.WayEverything, "not switched on", 202,
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newKeeper(t, fresh(t), 200, nil)
				if test.before != nil {
					k.must(test.before(k))
				}
				first := k.runs(crosswalk.RunSuccess, test.first)
				if c := first.Counts; c.Inserted != 200 || c.Deleted != 0 {
					t.Errorf("first run: %+v", c)
				}
				k.equal("first run", "")
				p := k.position()
				if p.Way != test.way || !strings.Contains(p.Why, test.why) || (p.Why == "") != (test.why == "") || !p.At.Equal(*first.StartedAt) {
					t.Errorf("position %+v", p)
				}
				if end := p.ExpiresAt; (end != nil) != (test.way == crosswalk.WayTracked) || end != nil && !end.Equal(p.At.AddDate(0, 0, 7)) {
					t.Errorf("position of %v expires at %v", p.At, end)
				}
				for round := range uint64(2) {
					n := k.change(10*round+1, 20, 5, 7)
					run := k.runs(crosswalk.RunSuccess, test.reads)
					if c := run.Counts; c.Read < n.inserted || c.Read > test.most+10*int64(round) || c.Deleted != n.deleted || c.Inserted != n.inserted {
						t.Errorf("after %+v: %+v", n, c)
					}
					k.equal("second run", "")
					if got := k.position(); got.Way != test.way || got.Why != p.Why || !got.At.After(p.At) {
						t.Errorf("position %+v after %+v", got, p)
					}
				}
				run := k.runs(crosswalk.RunSuccess, test.reads)
				if c := run.Counts; c.Inserted+c.Updated+c.Deleted != 0 || test.way == crosswalk.WayTracked && c.Read != 0 {
					t.Errorf("nothing changed: %+v", c)
				}
				k.equal("at rest", "")
			})
		}
	})
}

// When the way is lost or comes back between two runs, the next one finds
// another, or the better one once everything is read.
func TestWayChanges(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, server.Config{PageSize: 50}, 200, nil)
	k.runs(crosswalk.RunSuccess, "first run")
	trust := k.untrusted()
	k.change(1, 20, 5, 7)
	k.runs(crosswalk.RunSuccess, "by the time of the last change. The user may not read")
	k.equal("without the right", "")
	if p := k.position(); p.Way != crosswalk.WayModified || !strings.Contains(p.Why, "organization level") {
		t.Errorf("position %+v", p)
	}
	trust()
	k.change(11, 20, 5, 7)
	k.runs(crosswalk.RunSuccess, "by the time of the last change")
	k.equal("with the right", "")
	k.change(21, 20, 5, 7)
	k.ended(k.runOver(k.job, crosswalk.Scope{Kind: crosswalk.ScopeEverything}), crosswalk.RunSuccess, "as asked")
	k.equal("everything", "")
	if p := k.position(); p.Way != crosswalk.WayTracked || p.Why != "" {
		t.Errorf("position %+v", p)
	}
	n := k.change(31, 20, 5, 7)
	if run := k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Read > n.changed+n.inserted || run.Counts.Deleted != n.deleted {
		t.Errorf("after %+v: %+v", n, run.Counts)
	}
	k.equal("tracked again", "")
}

// journal keeps what a server logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// with returns the lines that hold a text.
func (j *journal) with(text string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(strings.Split(j.text.String(), "\n"), func(line string) bool { return !strings.Contains(line, text) })
}

// hold keeps answers to requests that has is true for back, until release is
// called, and tells of the first on reached.
func (w *world) hold(has func(r *http.Request) bool) (reached <-chan struct{}, release func()) {
	w.t.Helper()
	come, free := make(chan struct{}), make(chan struct{})
	var once, off sync.Once
	remove := w.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if has(r) {
			once.Do(func() { close(come) })
			select {
			case <-free:
			case <-r.Context().Done():
			}
		}
		return false
	})
	release = func() {
		off.Do(func() {
			remove()
			close(free)
		})
	}
	w.t.Cleanup(release)
	return come, release
}

// reading waits until a run says that it reads that.
func (w *world) reading(run crosswalk.Run, text string) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(run.Reads, text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the run reads %q, want %q", run.Reads, text)
		}
		var err error
		run, err = w.client.FindRun(w.t.Context(), run.ID)
		w.must(err)
	}
}

func (w *world) reach(reached <-chan struct{}) {
	w.t.Helper()
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		w.t.Fatal("never reached")
	}
}

// An expired token leads, in the same run and with one line in the log, to
// reading everything again. Old rows are there meanwhile, and none is deleted
// when the read does not come to its end.
func TestExpiredDeltaToken(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, expire := range map[string]func(s *sandbox.Sandbox) error{
			"by the clock": func(s *sandbox.Sandbox) error { s.Advance(8 * 24 * time.Hour); return nil },
			"by the table": func(s *sandbox.Sandbox) error {
				return s.AddColumn("account", sandbox.Column{Name: "new_segment", Type: "StringType"})
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				var log journal
				cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
				k := newKeeper(t, cfg, 300, nil)
				k.runs(crosswalk.RunSuccess, "first run")
				before := k.position()
				k.must(expire(k.sandbox))
				n := k.change(1, 20, 30, 7)

				later := func(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "skiptoken") }
				for _, end := range []string{"cancel", "stop"} {
					reached, release := k.hold(later)
					run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
					k.must(err)
					k.reach(reached)
					k.reading(run, "no longer knows")
					if n := k.rows("Company"); n < 300 {
						t.Errorf("%d rows while everything is read again", n)
					}
					if end == "cancel" {
						_, err = k.client.CancelRun(t.Context(), run.ID)
						k.must(err)
						run = k.ended(k.wait(run), crosswalk.RunCancelled, "no longer knows")
						release()
					} else {
						k.stop()
						release()
						k.start(cfg)
						run = k.ended(k.wait(run), crosswalk.RunSuccess, "no longer knows")
					}
					if end == "cancel" {
						if n := k.rows("Company"); n < 300 || run.Counts.Deleted != 0 {
							t.Errorf("%d rows after an incomplete read, %d deleted", n, run.Counts.Deleted)
						}
						if diff := cmp.Diff(before, k.position()); diff != "" {
							t.Errorf("the position moved (-before +after):\n%s", diff)
						}
					} else if run.Counts.Deleted != n.deleted {
						t.Errorf("%d deleted, want %d", run.Counts.Deleted, n.deleted)
					}
				}
				k.equal("read again", "")
				if lines := log.with("everything is read again"); len(lines) != 2 || !strings.Contains(lines[0], "token has expired") {
					t.Errorf("in the log of two runs:\n%s", strings.Join(lines, "\n"))
				}
				n = k.change(11, 20, 5, 7)
				if run := k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Deleted != n.deleted || run.Counts.Read > n.changed+n.inserted {
					t.Errorf("after %+v: %+v", n, run.Counts)
				}
				k.equal("afterwards", "")
			})
		}
	})
}

// However changes come, none is lost and none is there twice: many of one
// second across pages, rows that change between two pages, rows that a delta
// repeats, and rows that are made and deleted between two runs.
func TestExactChanges(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]sandbox.Unverified{
		"likeliest": {}, "repeated": {RepeatChanges: true, WholeDelta: true}, "token at the end": {TokenAtEnd: true},
	} {
		for _, tracked := range []bool{true, false} {
			t.Run(name+map[bool]string{true: "/tracked", false: "/not tracked"}[tracked], func(t *testing.T) {
				t.Parallel()
				inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
					cfg := fresh(t)
					cfg.SliceBudget = time.Millisecond
					k := newKeeper(t, cfg, 300, func(in *client.JobInput) { in.Deletes.Guard = 90 })
					k.sandbox.SetUnverified(u)
					k.must(k.sandbox.SetTracked("account", tracked))
					var seed uint64
					var mu sync.Mutex
					meanwhile := func() { // between two pages
						mu.Lock()
						defer mu.Unlock()
						for _, change := range []func(string, int, uint64) (int, error){k.sandbox.ChangeRows, k.sandbox.DeleteRows, k.sandbox.InsertRows} {
							seed++
							if _, err := change("account", 2, seed); err != nil {
								t.Error(err)
							}
						}
					}
					for range 3 {
						stop := k.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
							if strings.Contains(r.URL.Path, "/accounts") && r.Method == http.MethodGet {
								meanwhile()
							}
							return false
						})
						k.runs(crosswalk.RunSuccess, "")
						stop()
						_, err := k.sandbox.ChangeRows("account", 200, seed+1000) // all in one second, on four pages
						k.must(err)
					}
					k.runs(crosswalk.RunSuccess, "")
					k.equal("at rest", "")
				})
			})
		}
	}
}
