package e2e_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// stop is where a server is stopped: in a step of a run, before a change of the
// run's row is stored.
type stop struct {
	step crosswalk.Step
	when string // the change, in SQL
}

// These are the places to stop at while a run reads and at its end, and those in
// between.
var (
	reading = []stop{{crosswalk.StepRead, "NEW.pages > OLD.pages"}, {crosswalk.StepRead, "NEW.pages > OLD.pages AND OLD.pages > 0"}}
	steps   = []stop{
		{crosswalk.StepCompare, `OLD.checkpoint_json LIKE '%"step":"compare"%'`},
		{crosswalk.StepDelete, "NEW.deleted > OLD.deleted"},
		{crosswalk.StepDelete, "NEW.deleted > OLD.deleted AND OLD.deleted > 0"},
	}
	ending = []stop{{crosswalk.StepLookups, `OLD.checkpoint_json LIKE '%"step":"lookups"%'`}, {crosswalk.StepEnd, "NEW.status = 'success'"}}
)

// TestStopsInEachStep stops the server of a run in each of its steps, and in the
// middle of those that take several transactions. The run reads, compares,
// deletes and fills lookups to the end, each once.
func TestStopsInEachStep(t *testing.T) {
	t.Parallel()
	for _, tracked := range []bool{true, false} {
		t.Run(map[bool]string{true: "tracked", false: "not tracked"}[tracked], func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				cfg := fresh(t)
				cfg.PageSize, cfg.SliceBudget = 500, time.Millisecond
				k := newKeeper(t, cfg, 3000, func(in *client.JobInput) {
					in.Deletes.Guard = 60
					in.Mapping.Fields = append(in.Mapping.Fields[:2:2], crosswalk.FieldMapping{Source: "telephone1", Target: "City"})
					in.Mapping.Derived = []crosswalk.DerivedMapping{{
						Target: "Parent_Company", Match: []crosswalk.MatchPair{{Source: "parentaccountid", Field: "External_ID"}},
					}}
				})
				k.must(k.sandbox.SetTracked("account", tracked))
				k.stops(cfg, crosswalk.Scope{}, reading, ending)
				k.equal("first run", "")
				n := k.change(1, 300, 1500, 300)
				run := k.stops(cfg, everything, reading, steps, ending)
				if c := run.Counts; c.Deleted != n.deleted || c.Inserted != n.inserted {
					t.Errorf("after %+v: %+v", n, c)
				}
				k.equal("second run", "")
				run = k.runs(crosswalk.RunSuccess, "What changed since the last run")
				if c := run.Counts; c.Inserted+c.Deleted != 0 { // children of deleted accounts may lose their parent
					t.Errorf("at rest: %+v", c)
				}
			})
		})
	}
}

// stops runs the job while its server is stopped at each place.
func (k *keeper) stops(cfg server.Config, scope crosswalk.Scope, places ...[]stop) crosswalk.Run {
	k.t.Helper()
	db, err := database.Open(k.t.Context(), k.dsn, nil)
	k.must(err)
	defer db.Close()
	var log journal
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var run crosswalk.Run
	for _, part := range places {
		for _, at := range part {
			k.stop()
			before := len(log.with("barred"))
			open := k.bar(db, at.when)
			k.start(cfg)
			if run.ID == "" {
				run, err = k.client.StartRun(k.t.Context(), k.job.ID, scope)
				k.must(err)
			}
			for began := time.Now(); len(log.with("barred")) == before; time.Sleep(5 * time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					k.t.Fatalf("%s: the run does not get there", at.when)
				}
			}
			run, err = k.client.FindRun(k.t.Context(), run.ID)
			k.must(err)
			is := crosswalk.StepRead
			if run.Step != nil {
				is = run.Step.Name
			}
			if run.Status != crosswalk.RunRunning || is != at.step && at.step != crosswalk.StepEnd {
				k.t.Errorf("%s: the run is %s in step %q", at.when, run.Status, is)
			}
			k.stop()
			open()
		}
	}
	k.start(cfg)
	return k.ended(k.wait(run), crosswalk.RunSuccess, "")
}

// bar has the database refuse a change of a run's row until it is opened.
func (k *keeper) bar(db *database.DB, when string) (open func()) {
	k.t.Helper()
	change := func(statements ...string) {
		k.t.Helper()
		for _, text := range statements {
			k.must(db.Alter(k.t.Context(), func(ctx context.Context, tx *database.Tx) error {
				_, err := tx.Exec(ctx, text)
				return err
			}))
		}
	}
	if db.Dialect() == database.SQLite {
		change("CREATE TRIGGER bar BEFORE UPDATE ON cw_runs WHEN " + when + " BEGIN SELECT RAISE(ABORT, 'barred'); END")
		return func() { change("DROP TRIGGER bar") }
	}
	change("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''barred''; END'",
		"CREATE TRIGGER bar BEFORE UPDATE ON cw_runs FOR EACH ROW WHEN ("+when+") EXECUTE FUNCTION refuse()")
	return func() { change("DROP TRIGGER bar ON cw_runs", "DROP FUNCTION refuse") }
}
