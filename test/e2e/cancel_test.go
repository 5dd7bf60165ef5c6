package e2e_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// canceller is a keeper whose run is cancelled.
type canceller struct {
	*keeper
	log   journal        // of the server that works on the run
	by    *client.Client // takes the request
	told  int            // lines about runs that had ended before
	since atomic.Bool    // the request has been answered
	mu    sync.Mutex
	late  []string // what the sandbox was asked since
}

// cancelled runs fn on each database, with a server that takes the request
// itself, and on PostgreSQL with one more that takes it.
func cancelled(t *testing.T, accounts int, cfg server.Config, change func(*client.JobInput), fn func(t *testing.T, c *canceller)) {
	t.Helper()
	for _, d := range databases() {
		for _, elsewhere := range []bool{false, true} {
			if elsewhere && d == database.SQLite {
				continue
			}
			t.Run(d.String()+map[bool]string{true: ", asked elsewhere"}[elsewhere], func(t *testing.T) {
				t.Parallel()
				c, cfg := &canceller{}, cfg
				cfg.Logger = slog.New(slog.NewTextHandler(&c.log, nil))
				if d == database.Postgres {
					cfg.Database = databasetest.DSN(t, d)
				}
				c.keeper = newKeeper(t, cfg, accounts, change)
				t.Cleanup(c.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
					if c.since.Load() && r.Header.Get("Authorization") != "" {
						c.mu.Lock()
						defer c.mu.Unlock()
						c.late = append(c.late, r.URL.String())
					}
					return false
				}))
				if c.by = c.client; elsewhere {
					c.by = c.another(cfg)
				}
				fn(t, c)
			})
		}
	}
}

// another starts one more server on the database of the world.
func (w *world) another(cfg server.Config) *client.Client {
	w.t.Helper()
	other := &world{t: w.t, dir: w.t.TempDir()}
	key, err := os.ReadFile(filepath.Join(w.dir, "crosswalk.key"))
	w.must(err)
	w.must(os.WriteFile(filepath.Join(other.dir, "crosswalk.key"), key, 0o600))
	other.start(cfg)
	return other.client
}

// endings returns how many slices have ended a run, or found it taken over.
func (c *canceller) endings() int {
	return len(c.log.with("run ended")) + len(c.log.with("was taken over"))
}

// begin starts a run of the job.
func (c *canceller) begin() crosswalk.Run {
	c.t.Helper()
	c.told = c.endings()
	run, err := c.client.StartRun(c.t.Context(), c.job.ID, crosswalk.Scope{})
	c.must(err)
	return run
}

// cancel cancels a run and returns what it was when the request was answered.
func (c *canceller) cancel(run crosswalk.Run) crosswalk.Run {
	c.t.Helper()
	run, err := c.by.CancelRun(c.t.Context(), run.ID)
	c.must(err)
	c.since.Store(true)
	return run
}

// over waits until a run that was cancelled has ended, and until whoever worked
// on it is told. It checks that at most one more page was asked for.
func (c *canceller) over(run crosswalk.Run) crosswalk.Run {
	c.t.Helper()
	run = c.wait(run)
	if run.Status != crosswalk.RunCancelled || run.Cancelling {
		c.t.Errorf("the run is %s: %s", run.Status, run.Message)
	}
	for deadline := time.Now().Add(20 * time.Second); c.endings() == c.told; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatal("the slice has not ended")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.late) > 1 {
		c.t.Errorf("%d requests were sent after the run was cancelled:\n%s", len(c.late), strings.Join(c.late, "\n"))
	}
	return run
}

// stall holds what lock locks, on SQLite the whole file, from a moment on at
// which is is true, until free is called. What wants to be stored waits.
func (c *canceller) stall(lock string, is func() bool) (free func()) {
	c.t.Helper()
	db, err := database.Open(c.t.Context(), c.dsn, nil)
	c.must(err)
	c.t.Cleanup(func() { _ = db.Close() })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		held, let, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- db.Tx(c.t.Context(), func(ctx context.Context, tx *database.Tx) error {
				if db.Dialect() == database.Postgres {
					if _, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
						return err
					}
					if _, err := tx.Exec(ctx, "LOCK TABLE "+lock); err != nil {
						return err
					}
				}
				close(held)
				<-let
				return nil
			})
		}()
		free = func() {
			close(let)
			if err := <-ended; err != nil {
				c.t.Error(err)
			}
		}
		select {
		case <-held:
		case err := <-ended:
			c.t.Fatal(err)
		}
		if is() {
			return free
		}
		free()
	}
	c.t.Fatal("the run never was there")
	return nil
}

// at returns a check whether a run is in a step, between its begin and its end.
func (c *canceller) at(run crosswalk.Run, step crosswalk.Step) func() bool {
	return func() bool {
		now, err := c.client.FindRun(c.t.Context(), run.ID)
		c.must(err)
		s := now.Step
		return s != nil && s.Name == step && (step == crosswalk.StepIndex || s.Done > 0 && s.Done < s.Total)
	}
}

// goesOn runs the job once more, from where it stood.
func (c *canceller) goesOn() {
	c.t.Helper()
	c.since.Store(false)
	c.runs(crosswalk.RunSuccess, "")
	c.equal("after one more run", "")
}

// page reports whether a request asks for a page of accounts behind the first.
func page(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/accounts") && strings.Contains(r.URL.RawQuery, "skiptoken")
}

// A run that is cancelled while it reads asks for at most one more page, however
// it reads and however fast pages come. What is counted is what is stored, and
// the next run brings the rest.
func TestCancelReading(t *testing.T) {
	t.Parallel()
	byTime := func(c *canceller) {
		c.must(c.sandbox.SetTracked("account", false))
		c.runs(crosswalk.RunSuccess, "")
		c.change(1, 30, 5, 7)
	}
	for name, test := range map[string]struct {
		change func(*client.JobInput)
		from   int // more records than these are read in several streams
		before func(c *canceller)
		// Answers to these are held back when the run is cancelled; nil for
		// none.
		held  func(r *http.Request) bool
		reads string
	}{
		"pages that fly":  {readAll, 0, nil, nil, "Every record."},
		"pages":           {readAll, 0, nil, page, "Every record."},
		"ranges":          {readAll, 100, nil, page, severalStreams},
		"ranges and keys": {nil, 100, nil, page, severalStreams},
		"keys": {nil, 0, byTime, func(r *http.Request) bool {
			return page(r) && !strings.Contains(r.URL.RawQuery, "telephone1")
		}, "by the time of the last change"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cancelled(t, 900, server.Config{PageSize: 20, Workers: 1, ParallelFrom: test.from}, test.change, func(t *testing.T, c *canceller) {
				if test.before != nil {
					test.before(c)
				}
				rows := c.rows("Company")
				var passed atomic.Int64
				held, release := c.hold(func(r *http.Request) bool {
					return test.held != nil && test.held(r) && passed.Add(1) > 10
				})
				if test.held == nil {
					defer c.sandbox.Inject(func(http.ResponseWriter, *http.Request) bool {
						time.Sleep(5 * time.Millisecond) // the pace of a fast server
						return false
					})()
				}
				run := c.begin()
				if test.held != nil {
					c.reach(held)
				} else {
					for run.Counts.Pages < 5 {
						var err error
						run, err = c.client.FindRun(t.Context(), run.ID)
						c.must(err)
					}
				}
				c.cancel(run)
				release()
				run = c.over(run)
				if n := run.Counts; !strings.Contains(run.Reads, test.reads) || n.Read != n.Inserted+n.Updated+n.Unchanged || n.Deleted != 0 || c.rows("Company") != rows+n.Inserted {
					t.Errorf("%d rows after %d; %q, %+v", c.rows("Company"), rows, run.Reads, n)
				}
				c.goesOn()
			})
		})
	}
}

// A run that is cancelled while its environment has asked to wait ends at once,
// whether a worker waits with it or not, and asks for nothing more when the time
// has come.
func TestCancelWaiting(t *testing.T) {
	t.Parallel()
	for name, workers := range map[string]int{"with a worker": 3, "without one": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cancelled(t, 300, server.Config{PageSize: 20, Workers: workers}, readAll, func(t *testing.T, c *canceller) {
				const pause = 4 * time.Second
				_, err := c.sandbox.Fault(sandbox.Fault{
					Kind: sandbox.FaultStatus, Status: http.StatusTooManyRequests, Code: "0x80072322", RetryAfter: int(pause / time.Second),
					Message: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.", Path: "/accounts?", After: 5, Count: 1,
				})
				c.must(err)
				run := c.begin()
				if workers == 1 {
					run = c.says(run, "asked to wait")
				}
				for deadline := time.Now().Add(20 * time.Second); len(c.sandbox.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests})) == 0; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("nothing was refused")
					}
				}
				c.cancel(run)
				run = c.over(run)
				refused := c.sandbox.Requests(sandbox.RequestFilter{Status: http.StatusTooManyRequests})
				if open := refused[0].Time.Add(time.Duration(refused[0].Took) + pause); len(refused) != 1 || !run.EndedAt.Before(open) {
					t.Errorf("the run ended at %v, and its environment was open at %v", run.EndedAt, open)
				}
				if n := run.Counts; n.Read != n.Inserted || c.rows("Company") != n.Inserted || n.Throttled > run.EndedAt.Sub(*run.StartedAt) {
					t.Errorf("%d rows, %+v in %v", c.rows("Company"), n, run.EndedAt.Sub(*run.StartedAt))
				}
				// Another job waits for the same gate: when it is through,
				// nothing has come but its own.
				if users := c.run(c.world.job("User Sync_Contoso")); users.Status != crosswalk.RunSuccess {
					t.Errorf("%s: %s", users.JobName, users.Message)
				}
				c.mu.Lock()
				for _, u := range c.late {
					if strings.Contains(u, "/accounts") {
						t.Errorf("sent after the run was cancelled: %s", u)
					}
				}
				c.late = nil
				c.mu.Unlock()
				c.goesOn()
			})
		})
	}
}

// A run that is cancelled after it has read everything, while it looks for rows
// whose records are gone or removes them, does at most one more of the parts in
// which it does so. What it has removed stays so and is counted.
func TestCancelRemoving(t *testing.T) {
	t.Parallel()
	const accounts, gone = 12_000, 5_000
	for step, atOnce := range map[crosswalk.Step]int64{crosswalk.StepCompare: 5000, crosswalk.StepDelete: 1000} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			cancelled(t, accounts, server.Config{Workers: 1}, func(in *client.JobInput) {
				in.LoadMode, in.Deletes.Guard = crosswalk.LoadFull, 100
			}, func(t *testing.T, c *canceller) {
				c.runs(crosswalk.RunSuccess, "Every record.")
				c.change(1, 0, gone, 0)
				run := c.begin()
				free := c.stall("cw_runs IN SHARE ROW EXCLUSIVE MODE", c.at(run, step))
				time.AfterFunc(250*time.Millisecond, free) // the request waits for the database by then
				asked := c.cancel(run)
				run = c.over(run)
				n := run.Counts
				if at := run.Step; at == nil || at.Name != step || at.Done > asked.Step.Done+atOnce {
					t.Errorf("the run was at %+v when it was cancelled, and ended at %+v", asked.Step, at)
				}
				if n.Read != accounts-gone || n.Unchanged != n.Read || n.Deleted > asked.Counts.Deleted+atOnce || (n.Deleted > 0) != (step == crosswalk.StepDelete) {
					t.Errorf("%+v when it was cancelled, and %+v in the end", asked.Counts, n)
				}
				if rows := c.rows("Company"); rows != accounts-n.Deleted {
					t.Errorf("%d rows after %d were deleted", rows, n.Deleted)
				}
				c.goesOn()
			})
		})
	}
}

// A run that is cancelled while the index of its first load is made ends at
// once on PostgreSQL, and on SQLite as soon as the index is there, which holds
// the file. The index is made all the same, and the counts are those of the rows.
func TestCancelIndexing(t *testing.T) {
	t.Parallel()
	cancelled(t, 400, server.Config{PageSize: 50, Workers: 1}, nil, func(t *testing.T, c *canceller) {
		city := c.object("City", cityFields()...)
		c.job = c.cities(c.conn, city.Name, nil)
		held, release := c.nth(6)
		run := c.begin()
		c.reach(held)
		indexing := c.at(run, crosswalk.StepIndex)
		var free func()
		if strings.HasPrefix(c.dsn, sqlitePrefix) {
			release()
			free = c.stall("", indexing)
			time.AfterFunc(250*time.Millisecond, free)
		} else {
			free = c.stall(city.Table()+" IN ROW EXCLUSIVE MODE", func() bool { return true })
			release()
			for deadline := time.Now().Add(20 * time.Second); !indexing(); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the run does not come to its index")
				}
			}
		}
		c.cancel(run)
		run = c.over(run)
		if !strings.HasPrefix(c.dsn, sqlitePrefix) {
			if !c.isFirstLoad(c.conn, c.job) {
				t.Error("the index is there already")
			}
			free()
		}
		for deadline := time.Now().Add(30 * time.Second); c.isFirstLoad(c.conn, c.job); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the object is still filled for the first time")
			}
		}
		rows := c.stored(city.Name, "City__gc")
		run, err := c.client.FindRun(t.Context(), run.ID)
		c.must(err)
		if n := run.Counts; n.Read != 400 || int64(len(rows)) != c.rows(city.Name) || n.Inserted != int64(len(rows)) || n.Inserted+n.Updated+n.Unchanged+n.Duplicates+n.Rejected != n.Read {
			t.Errorf("%d rows of %d cities; %+v", c.rows(city.Name), len(rows), n)
		}
		if again := c.run(c.job); again.Counts.Inserted != 0 || c.rows(city.Name) != int64(len(rows)) {
			t.Errorf("the next run is %s: %+v", again.Status, again.Counts)
		}
	})
}
