package server

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/queue"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// orphanage is what recover needs: a store with runs and a queue.
type orphanage struct {
	*testing.T
	*runner
	queue  *queue.Queue
	worked chan queue.Slice
	nodes  int
}

func newOrphanage(t *testing.T, db *database.DB) *orphanage {
	t.Helper()
	o := &orphanage{T: t, runner: &runner{db: db, store: store.New(db), log: slog.New(slog.NewTextHandler(t.Output(), nil))}, worked: make(chan queue.Slice, 10)}
	o.must(o.store.Migrate(t.Context()))
	var err error
	o.queue, err = queue.Open(t.Context(), queue.Config{
		DB: databasetest.DSN(t, db.Dialect()), Logger: o.log,
		Work: func(_ context.Context, s queue.Slice) (queue.Next, error) { o.worked <- s; return queue.Done, nil },
	})
	o.must(err)
	t.Cleanup(func() {
		if err := o.queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	o.must(o.queue.Start(t.Context()))
	o.join()
	return o
}

func (o *orphanage) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// join lets a process take the place of the one before.
func (o *orphanage) join() {
	o.Helper()
	o.nodes++
	_, err := o.store.Join(o.Context(), store.Node{ID: fmt.Sprint("process ", o.nodes), Home: "here"}, false)
	o.must(err)
}

// run queues a run of a job of its own.
func (o *orphanage) run(name string) crosswalk.Run {
	o.Helper()
	c := crosswalk.Connection{Name: name, EnvironmentURL: "https://contoso.crm4.dynamics.com", ClientID: "app"}
	o.must(o.store.InsertConnection(o.Context(), &c, store.Sealed{}))
	j := crosswalk.NewUserSync(c.ID, c.Name)
	o.must(o.store.InsertJob(o.Context(), &j))
	r, err := o.store.EnqueueRun(o.Context(), j, crosswalk.Scope{}, "ann")
	o.must(err)
	return r
}

func (o *orphanage) recover(died bool) {
	o.Helper()
	o.must(o.runner.recover(o.Context(), o.queue, died))
}

// next returns the slice that is worked next.
func (o *orphanage) next() queue.Slice {
	o.Helper()
	select {
	case s := <-o.worked:
		return s
	case <-time.After(30 * time.Second):
		o.Fatal("no slice was queued")
		return queue.Slice{}
	}
}

// idle checks that nothing was queued.
func (o *orphanage) idle(when string) {
	o.Helper()
	select {
	case s := <-o.worked:
		o.Errorf("%s a slice of run %s with fence %d was queued", when, s.RunID, s.Fence)
	case <-time.After(500 * time.Millisecond):
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		r := o.run("A")
		o.recover(false) // its task was never written
		if s := o.next(); s.RunID != r.ID || s.Fence != 0 {
			t.Fatalf("queued %+v", s)
		}
		task, err := o.store.TakeRun(t.Context(), r.ID, 0)
		o.must(err)
		o.recover(true)
		o.idle("while a process that is alive has the run")

		o.join()
		o.recover(false)
		second := o.next()
		if second.RunID != r.ID || second.Fence <= task.Fence {
			t.Errorf("queued %+v after the process that had the run was gone", second)
		}
		o.recover(false)
		o.idle("while the run waits")
		o.recover(true) // whoever is gone may have held the slice
		if s := o.next(); s.RunID != r.ID || s.Fence <= second.Fence {
			t.Errorf("queued %+v after a process was gone that may have held the slice", s)
		}
	})
}

// TestGivenUp takes a run up again for as often as the process ends under it
// before anything is stored, and no longer. Other runs go on.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		poison := o.run("A")
		fence := int64(0)
		for i := range maxLost + 1 {
			_, err := o.store.TakeRun(t.Context(), poison.ID, fence)
			o.must(err)
			o.join()
			o.recover(false)
			if i == maxLost {
				break
			}
			s := o.next()
			if s.RunID != poison.ID || s.Fence <= fence {
				t.Errorf("queued %+v, want a fence past %d", s, fence)
			}
			fence = s.Fence
		}
		o.idle("after it was given up")
		r, err := o.store.FindRun(t.Context(), poison.ID)
		o.must(err)
		if r.Status != crosswalk.RunFailed || r.Message == "" || r.Hint == "" {
			t.Errorf("the run is %s: %q (%q)", r.Status, r.Message, r.Hint)
		}
		other := o.run("B")
		o.recover(true)
		if s := o.next(); s.RunID != other.ID {
			t.Errorf("queued %+v", s)
		}
	})
}
