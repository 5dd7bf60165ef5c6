package cluster

import (
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
)

// TestLostReplies loses the database's answers to commits of every kind that
// a run makes, the transactions of which are stored. Nothing happens twice,
// not even rows without identifiers, and every run ends by itself.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	source := mirror.NewSource(t, sandbox.Config{Seed: 11, Users: 20, Accounts: 600, Contacts: 400})
	p := newProxy(t, c.dsn)
	c.dsn = p.dsn
	n := c.start("one")
	jobs, err := source.Connect(c.ctx, n.Client)
	c.must(err)
	for text, times := range map[string]int{
		"SET fence = $2, status = $3":     3, // a slice takes its run
		"SET records_read = records_read": 5, // a batch with the run's progress
		"ended_at = $5":                   2, // the end of a run
		"INSERT INTO river_job":           2, // the task of the next slice
		"INSERT INTO cw_runs":             1, // the run itself
		"UPDATE cw_history":               1, // the server says that it is alive
	} {
		p.lose(text, times)
	}
	for _, j := range jobs {
		_, err := n.StartRun(c.ctx, j.ID, crosswalk.Scope{})
		if code := crosswalk.ErrorCode(err); err != nil && code != crosswalk.CodeUnavailable {
			t.Errorf("start a run of %s: %v", j.Name, err)
		}
	}
	_, err = mirror.Settle(c.ctx, n.Client, jobs)
	c.must(err)
	c.equal(source, n.Client)
	c.until("every kind of commit got lost", 10*time.Second, func() bool { return p.left() == "" })
}
