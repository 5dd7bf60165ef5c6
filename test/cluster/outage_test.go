package cluster

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
)

// TestLostConnections cuts all connections to the database again and again
// while runs are at work, as a restart of PostgreSQL does. No run fails.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	source := mirror.NewSource(t, sandbox.Config{Seed: 8, Users: 20, Accounts: 1500, Contacts: 1500, Latency: 40 * time.Millisecond})
	n := c.start("one")
	jobs, err := source.Connect(c.ctx, n.Client)
	c.must(err)
	changing, stop := context.WithCancel(c.ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() {
		if err := source.Keep(changing, rand.New(rand.NewPCG(8, 8)), 200*time.Millisecond); err != nil {
			t.Error(err)
		}
	})
	for i := range 6 {
		for _, j := range jobs {
			_, _ = n.StartRun(c.ctx, j.ID, crosswalk.Scope{}) // while one runs and one waits, and while nobody answers
		}
		time.Sleep(time.Duration(500+300*i) * time.Millisecond)
		var cut int
		c.must(c.db.QueryRow(c.ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&cut))
		if cut == 0 {
			t.Error("there was no connection to cut")
		}
	}
	stop()
	work.Wait()
	time.Sleep(2 * time.Second) // connections that were idle for a second are looked at before they are used
	_, err = mirror.Settle(c.ctx, n.Client, jobs)
	c.must(err)
	c.equal(source, n.Client)
}

// equal checks that source and target are equal, that nothing happened twice
// and that every run was a success.
func (c *cluster) equal(source *mirror.Source, through *client.Client) {
	c.Helper()
	differences, err := source.Compare(c.ctx, through)
	c.must(err)
	problems, err := mirror.Once(c.ctx, through, c.db)
	c.must(err)
	for _, d := range append(differences, problems...) {
		c.Error(d)
	}
	n := 0
	for r, err := range through.Runs(c.ctx, client.RunFilter{Paging: client.Paging{Limit: 200}}) {
		c.must(err)
		if n++; r.Status != crosswalk.RunSuccess {
			c.Errorf("run %d of %s ended %s: %s", r.Number, r.JobName, r.Status, r.Message)
		}
	}
	c.Logf("%d runs", n)
}
