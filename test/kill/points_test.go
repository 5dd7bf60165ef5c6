package kill

import (
	"context"
	"database/sql"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// TestKilledAtEachPoint kills a server with SIGKILL exactly where a run has
// begun to store something and has not committed it, in each of its steps, and
// where everything is committed and the queue has not heard of it. Each time
// the run goes on where it was, and everything happens once.
func TestKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, dsnOf(t, d))
			h.change(1)
			deleted, err := h.source.Sandbox.DeleteRows("contact", 25, 3)
			h.must(err)
			if _, err := h.source.Sandbox.ChangeRows("contact", 150, 4); err != nil {
				t.Fatal(err)
			}
			h.must(h.server.Stop(h.ctx))

			var run crosswalk.Run
			within := func(step crosswalk.Step) string { return `OLD.checkpoint_json LIKE '%"step":"` + string(step) + `"%'` }
			for _, point := range []struct{ name, table, when string }{
				{"taking the run", "cw_runs", "NEW.fence > OLD.fence"},
				{"the first batch", "cw_runs", "NEW.pages > OLD.pages"},
				{"a later batch", "cw_runs", "NEW.pages > OLD.pages AND OLD.pages > 1"},
				{"comparing", "cw_runs", within(crosswalk.StepCompare)},
				{"deleting", "cw_runs", "NEW.deleted > OLD.deleted"},
				{"lookups", "cw_runs", within(crosswalk.StepLookups)},
				{"the end", "cw_runs", "NEW.status = 'success'"},
				{"after the end", "river_job", "NEW.state = 'completed'"},
			} {
				began := time.Now()
				trap := h.trap(point.table, point.when)
				var kill func() error
				if run.ID == "" {
					h.start()
					run, err = h.StartRun(h.ctx, h.jobs[2].ID, crosswalk.Scope{})
					h.must(err)
					kill = h.server.Kill
				} else {
					kill = h.launch()
				}
				trap.wait(point.name)
				h.must(kill())
				trap.remove()
				t.Logf("%s: after %s", point.name, time.Since(began).Round(time.Millisecond))
			}

			h.start()
			run, err = h.WaitRun(h.ctx, run.ID, nil)
			h.must(err)
			if n := run.Counts; run.Status != crosswalk.RunSuccess || n.Deleted < int64(deleted) || n.Updated == 0 {
				t.Errorf("the run ended %s (%s): %+v", run.Status, run.Message, n)
			}
			h.equal()
			h.once()
		})
	}
}

// trap keeps a transaction that changes rows of a table from ending.
type trap struct {
	*house
	db    *database.DB
	table string
}

// trap makes a trap for changes under a condition.
func (h *house) trap(table, when string) *trap { return h.trapAt("UPDATE", table, when) }

// trapAt makes a trap for what an event of a table does, under a condition.
func (h *house) trapAt(event, table, when string) *trap {
	h.Helper()
	dsn := h.dsn
	if table == "river_job" && strings.HasPrefix(dsn, "sqlite") {
		dsn = "sqlite:" + filepath.Join(h.data, "queue.db")
	}
	db, err := database.Open(h.ctx, dsn, nil)
	h.must(err)
	p := &trap{house: h, db: db, table: table}
	if db.Dialect() == database.SQLite {
		p.exec("CREATE VIEW endless AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c")
		p.exec("CREATE TRIGGER trap AFTER " + event + " ON " + table + " WHEN " + when + " BEGIN SELECT count(*) FROM endless; END")
	} else {
		p.exec("CREATE FUNCTION endless() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'")
		p.exec("CREATE TRIGGER trap AFTER " + event + " ON " + table + " FOR EACH ROW WHEN (" + when + ") EXECUTE FUNCTION endless()")
	}
	return p
}

// exec runs a statement that changes tables.
func (p *trap) exec(query string) {
	p.Helper()
	p.must(p.db.Alter(p.ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, query)
		return err
	}))
}

// launch starts the server and does not wait until it is ready, which it may
// never be. kill ends it.
func (h *house) launch() (kill func() error) {
	h.Helper()
	server := exec.Command(h.path, h.args()...)
	server.Dir, server.Env, server.Stderr = h.TempDir(), program.Environ(), h.log
	h.must(server.Start())
	h.Cleanup(func() { _ = server.Process.Kill() })
	return func() error {
		err := server.Process.Kill()
		_ = server.Wait()
		return err
	}
}

// wait waits until a transaction is in the trap.
func (p *trap) wait(what string) {
	p.Helper()
	for began := time.Now(); !p.caught(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			p.Fatalf("%s: it does not get there", what)
		}
	}
}

// caught reports whether a transaction is in the trap.
func (p *trap) caught() bool {
	p.Helper()
	if p.db.Dialect() == database.Postgres {
		var n int
		p.must(p.db.QueryRow(p.ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'").Scan(&n))
		return n > 0
	}
	// It holds the file for longer than any other transaction.
	raw, err := sql.Open("sqlite", "file:"+p.db.Path()+"?_pragma=busy_timeout(600)&_txlock=immediate")
	p.must(err)
	defer raw.Close()
	tx, err := raw.BeginTx(p.ctx, nil)
	if err == nil {
		_ = tx.Rollback()
	}
	return err != nil
}

// remove removes the trap when who was in it is dead.
func (p *trap) remove() {
	p.Helper()
	defer p.db.Close()
	if p.db.Dialect() == database.SQLite {
		p.exec("DROP TRIGGER trap")
		p.exec("DROP VIEW endless")
		return
	}
	var n int
	p.must(p.db.QueryRow(p.ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&n))
	p.exec("DROP TRIGGER trap ON " + p.table)
	p.exec("DROP FUNCTION endless")
}
