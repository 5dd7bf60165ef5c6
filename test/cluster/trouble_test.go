package cluster

import (
	"context"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
)

// patient is a PostgreSQL server of the test's own and what is on it.
type patient struct {
	*testing.T
	*cluster
	admin  *database.DB
	node   *node
	source *mirror.Source
	jobs   []crosswalk.Job
}

// TestTroubleOfTheDatabase lets PostgreSQL crash, become read only, refuse
// connections and abort a batch in a deadlock, each while runs are at work. The
// API says what is the matter meanwhile, the runs wait and go on by themselves,
// and nothing is lost or happens twice.
func TestTroubleOfTheDatabase(t *testing.T) {
	t.Parallel()
	srv := databasetest.Start(t)
	dsn, err := srv.Make(t.Context(), "crosswalk")
	if err != nil {
		t.Fatal(err)
	}
	admin, err := database.Open(t.Context(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	p := &patient{T: t, admin: admin}
	// Limits do not hold for administrators.
	p.set("CREATE ROLE crosswalk LOGIN")
	p.set("ALTER DATABASE crosswalk OWNER TO crosswalk")
	p.set("ALTER SCHEMA public OWNER TO crosswalk")
	p.cluster = newClusterOn(t, strings.Replace(dsn, "postgres@", "crosswalk@", 1))
	p.source = mirror.NewSource(t, sandbox.Config{Seed: 12, Users: 20, Accounts: 700, Contacts: 400, Latency: 40 * time.Millisecond})
	p.node = p.start("one")
	p.jobs, err = p.source.Connect(p.ctx, p.node.Client)
	p.must(err)

	p.atWork()
	var pid int
	p.must(admin.QueryRow(p.ctx, "SELECT pid FROM pg_stat_activity WHERE usename = 'crosswalk' ORDER BY backend_start DESC LIMIT 1").Scan(&pid))
	p.must(syscall.Kill(pid, syscall.SIGKILL)) // PostgreSQL then ends all others and recovers
	p.until("the database is back", time.Minute, func() bool { return admin.QueryRow(p.ctx, "SELECT 1").Scan(new(int)) == nil })
	p.goOn()

	p.atWork()
	p.set("ALTER SYSTEM SET default_transaction_read_only = on")
	p.set("SELECT pg_reload_conf()")
	p.says("The database takes no changes.")
	p.set("ALTER SYSTEM RESET default_transaction_read_only")
	p.set("SELECT pg_reload_conf()")
	p.goOn()

	p.atWork()
	p.set("ALTER ROLE crosswalk CONNECTION LIMIT 0")
	p.set("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'crosswalk'")
	p.says("The database has no connection left for Crosswalk.")
	p.set("ALTER ROLE crosswalk CONNECTION LIMIT -1")
	p.goOn()

	p.deadlock()
	p.goOn()

	_, err = mirror.Settle(p.ctx, p.node.Client, p.jobs)
	p.must(err)
	p.equal(p.source, p.node.Client)
}

// set runs a statement as an administrator, outside of transactions.
func (p *patient) set(text string) {
	p.T.Helper()
	rows, err := p.admin.Query(p.T.Context(), text)
	if err != nil {
		p.T.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		p.T.Fatal(err)
	}
}

// atWork waits until a run of the journal, which would show what happened
// twice, has stored something and has more to do.
func (p *patient) atWork() crosswalk.Run {
	p.cluster.Helper()
	journal := p.jobs[len(p.jobs)-1]
	var run crosswalk.Run
	p.until("a run at work", time.Minute, func() bool {
		if run.ID == "" || run.Status.Ended() {
			for _, j := range p.jobs {
				if r, err := p.node.StartRun(p.ctx, j.ID, crosswalk.Scope{}); err == nil && j.ID == journal.ID {
					run = r
				}
			}
		}
		if run.ID == "" {
			return false
		}
		var err error
		run, err = p.node.FindRun(p.ctx, run.ID)
		p.must(err)
		return run.Status == crosswalk.RunRunning && run.Counts.Pages > 0 && run.Counts.Pages < 8
	})
	return run
}

// says waits until the API tells of an outage, the server that it is not ready
// and why, and a run waits.
func (p *patient) says(message string) {
	p.cluster.Helper()
	waits := func() int { return strings.Count(p.node.log.String(), "the run waits for the database") }
	before := waits()
	p.until("the API says it", 30*time.Second, func() bool {
		_, err := p.node.StartRun(p.ctx, p.jobs[0].ID, crosswalk.Scope{})
		return crosswalk.ErrorCode(err) == crosswalk.CodeUnavailable && strings.Contains(err.Error(), "atabase")
	})
	p.until(message, 30*time.Second, func() bool {
		resp, err := http.Get(p.node.Ready.URL + "/readyz")
		p.must(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		p.must(err)
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), message)
	})
	p.until("runs wait", 30*time.Second, func() bool { return waits() > before })
}

// goOn waits until every run has ended.
func (p *patient) goOn() {
	p.cluster.Helper()
	began := time.Now()
	p.until("the runs end", 3*time.Minute, func() bool {
		list, err := mirror.Unfinished(p.ctx, p.node.Client)
		return err == nil && len(list) == 0
	})
	p.cluster.Logf("the runs ended after %s", time.Since(began).Round(time.Second))
}

// deadlock holds the row of a run until a batch waits for it, and then waits
// for the table that the batch has written to.
func (p *patient) deadlock() {
	p.cluster.Helper()
	run := p.atWork()
	o, err := p.node.FindObject(p.ctx, run.Object)
	p.must(err)
	count := func() (n int) {
		p.must(p.admin.QueryRow(p.ctx, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n))
		return n
	}
	before := count()
	p.must(p.admin.Tx(p.ctx, func(ctx context.Context, tx *database.Tx) error {
		// The batch is to be the one that is given up.
		if _, err := tx.Exec(ctx, "SET LOCAL deadlock_timeout = '60s'"); err != nil {
			return err
		}
		var holder int
		if err := tx.QueryRow(ctx, "SELECT pg_backend_pid() FROM cw_runs WHERE id = $1 FOR UPDATE", run.ID).Scan(&holder); err != nil {
			return err
		}
		p.until("the batch waits", 30*time.Second, func() bool {
			var n int
			p.must(p.admin.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) AND query LIKE 'UPDATE cw_runs SET records_read%'", holder).Scan(&n))
			return n > 0
		})
		_, err := tx.Exec(ctx, "LOCK TABLE "+o.Table()+" IN ACCESS EXCLUSIVE MODE")
		return err
	}))
	p.until("a deadlock", 10*time.Second, func() bool { return count() > before })
}
