// Package cluster shows that several servers on one PostgreSQL database work
// as one, whatever becomes of each of them.
package cluster

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
)

// TestCluster loses one of three servers to SIGKILL and, at the same time,
// another one to a pause longer than it may be silent. The third goes on with
// the runs of both; what the paused one wants to write when it wakes up is
// refused. Then servers join, leave and are replaced one after the other while
// runs are at work. No run fails, and in the end source and target are equal
// row for row.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	source := mirror.NewSource(t, sandbox.Config{Seed: 5, Users: 20, Accounts: 2500, Contacts: 2500, Latency: 100 * time.Millisecond})
	nodes := map[string]*node{}
	for _, name := range []string{"one", "two", "three"} {
		nodes[name] = c.start(name)
	}
	jobs, err := source.Connect(c.ctx, nodes["one"].Client)
	c.must(err)
	changing, stop := context.WithCancel(c.ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() {
		if err := source.Keep(changing, rand.New(rand.NewPCG(5, 5)), 400*time.Millisecond); err != nil {
			t.Error(err)
		}
	})

	dead, paused, third, runs := c.split(nodes, jobs[1:3])
	for _, r := range runs {
		took := c.until("the run goes on elsewhere", 2*time.Minute, func() bool {
			owner, _ := c.owner(r.ID)
			now, err := third.FindRun(c.ctx, r.ID)
			c.must(err)
			return owner == third.name && now.Counts.Pages > r.Counts.Pages
		})
		t.Logf("the run of %s went on at %s after another %s", r.JobName, third.name, took.Round(time.Second))
	}
	c.must(paused.Resume())
	c.until("the paused server is refused", time.Minute, func() bool {
		return strings.Contains(paused.log.String(), "taken over by another worker")
	})
	if _, err := paused.CurrentUser(c.ctx); err != nil {
		t.Errorf("the server that was paused: %v", err)
	}
	for _, r := range runs {
		if r, err = third.WaitRun(c.ctx, r.ID, nil); err != nil || r.Status != crosswalk.RunSuccess {
			t.Errorf("run of %s ended %s: %s %v", r.JobName, r.Status, r.Message, err)
		}
	}

	nodes[dead.name] = c.start(dead.name)
	nodes["four"] = c.start("four")
	c.replace(nodes, jobs)
	stop()
	work.Wait()
	last := nodes["two"].Client
	_, err = mirror.Settle(c.ctx, last, jobs)
	c.must(err)
	c.equal(source, last)
}

// split starts runs of two jobs until they are at work on different nodes, and
// kills one of these and pauses the other. It returns the nodes, the one that
// is left, and the runs as they then are.
func (c *cluster) split(nodes map[string]*node, jobs []crosswalk.Job) (dead, paused, third *node, runs []crosswalk.Run) {
	c.Helper()
	one := nodes["one"]
	runs = make([]crosswalk.Run, 2)
	fences := make([]int64, 2)
	c.until("runs at work on two servers", 2*time.Minute, func() bool {
		for i, j := range jobs {
			if runs[i].ID == "" || runs[i].Status.Ended() {
				var err error
				runs[i], err = one.StartRun(c.ctx, j.ID, crosswalk.Scope{})
				c.must(err)
			}
			var err error
			runs[i], err = one.FindRun(c.ctx, runs[i].ID)
			c.must(err)
		}
		first, fence := c.owner(runs[0].ID)
		second, newer := c.owner(runs[1].ID)
		// The slice of the second has just begun, so that it has much to do.
		begun := newer != fences[1]
		fences[0], fences[1] = fence, newer
		if first == "" || second == "" || first == second || !begun || runs[0].Counts.Pages == 0 || runs[1].Counts.Pages == 0 {
			return false
		}
		dead, paused = nodes[first], nodes[second]
		c.must(paused.Pause())
		c.must(dead.Kill())
		return true
	})
	for name, n := range nodes {
		if name != dead.name && name != paused.name {
			third = n
		}
	}
	for i, r := range runs {
		var err error
		runs[i], err = third.FindRun(c.ctx, r.ID)
		c.must(err)
		if runs[i].Status.Ended() {
			c.Fatalf("the run of %s ended before a server was lost", r.JobName)
		}
	}
	c.Logf("killed %s and paused %s after %d and %d pages", dead.name, paused.name, runs[0].Counts.Pages, runs[1].Counts.Pages)
	return dead, paused, third, runs
}

// replace stops the nodes one after the other, as an upgrade does, and starts
// all but the last again, while runs of the jobs are started through them.
func (c *cluster) replace(nodes map[string]*node, jobs []crosswalk.Job) {
	c.Helper()
	for i, name := range []string{"one", "two", "three", "four"} {
		through := nodes[[]string{"two", "three", "one", "two"}[i]]
		for _, j := range jobs {
			if _, err := through.StartRun(c.ctx, j.ID, crosswalk.Scope{}); err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
				c.Error(err)
			}
		}
		c.until("a run at work on "+name, time.Minute, func() bool {
			list, err := mirror.Unfinished(c.ctx, through.Client)
			c.must(err)
			for _, r := range list {
				if owner, _ := c.owner(r.ID); owner == name {
					return true
				}
			}
			for _, j := range jobs[1:] { // conflicts while one runs and one waits
				_, _ = through.StartRun(c.ctx, j.ID, crosswalk.Scope{})
			}
			return false
		})
		nodes[name].end(c)
		if name == "four" {
			delete(nodes, name)
			continue
		}
		nodes[name] = c.start(name)
	}
}

// TestAnotherKey checks that a server whose key does not open the secrets in
// the database does not start, and changes nothing.
func TestAnotherKey(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := c.start("one")
	c.key = nil // the next makes one of its own
	second, err := c.try("two")
	if err == nil {
		_ = second.Kill()
		t.Fatal("a server with another key started")
	}
	c.until("the reason", time.Minute, func() bool { return strings.Contains(second.log.String(), "does not belong to this database") })
	if text := second.log.String(); !strings.Contains(text, "crosswalk.key of the other servers") {
		t.Errorf("it says %s", text)
	}
	if _, err := first.CurrentUser(c.ctx); err != nil {
		t.Errorf("the server that was there: %v", err)
	}
	first.end(c)
	c.start("one").end(c) // with its own key it starts again

	// Whoever says that the key is lost may start with another one, and then
	// the first has the wrong one.
	third, err := c.try("two", "--new-key")
	c.must(err)
	third.end(c)
	if again, err := c.try("one"); err == nil {
		_ = again.Kill()
		t.Error("a server with the lost key started")
	}
}
