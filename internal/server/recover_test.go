package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	_, err := o.runner.recover(o.Context(), o.queue, died)
	o.must(err)
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

// die lets the process end under the run of a slice, and returns the run as it
// is with the next process.
func (o *orphanage) die(id string, fence int64) crosswalk.Run {
	o.Helper()
	_, err := o.store.TakeRun(o.Context(), id, fence)
	o.must(err)
	o.join()
	o.recover(true)
	return o.find(id)
}

func (o *orphanage) find(id string) crosswalk.Run {
	o.Helper()
	r, err := o.store.FindRun(o.Context(), id)
	o.must(err)
	return r
}

// suspect lets the process end under a run until that is postponed.
func (o *orphanage) suspect(id string) {
	o.Helper()
	fence := int64(0)
	for range maxLost {
		o.die(id, fence)
		s := o.next()
		if s.RunID != id || s.Fence <= fence {
			o.Fatalf("queued %+v, want a fence past %d", s, fence)
		}
		fence = s.Fence
	}
	if r := o.die(id, fence); r.Status != crosswalk.RunRunning || !strings.Contains(r.Message, "has ended 6 times in a row") || r.Hint == "" {
		o.Errorf("after 6 times the run is %s: %q (%q)", r.Status, r.Message, r.Hint)
	}
	if events, _, _, err := o.store.ListEvents(o.Context(), store.EventFilter{Search: "run.postponed"}, store.Page{}); err != nil || len(events) == 0 || events[0].Subject != o.find(id).JobName {
		o.Errorf("the activity log says %+v, error %v", events, err)
	}
}

// TestPostponed lets the process end again and again under a run that has
// stored nothing. The run never fails: it is tried again, ever more rarely, and
// other runs go on; once it has stored something it is as good as any.
func TestPostponed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		now := time.Now()
		o.store.Now = func() time.Time { return now }
		suspect := o.run("A").ID
		o.suspect(suspect)
		other := o.run("B").ID
		o.recover(false)
		if s := o.next(); s.RunID != other {
			t.Errorf("queued %+v", s)
		}
		o.must(o.store.FinishRun(t.Context(), other, 0, crosswalk.RunFailed, "", ""))
		for _, minutes := range []int{1, 2, 4, 8} {
			now = now.Add(time.Duration(minutes)*time.Minute - time.Second)
			o.recover(false)
			o.idle("while the run rests")
			now = now.Add(time.Second)
			o.recover(true)
			o.die(suspect, o.next().Fence)
		}
		now = now.Add(longestRest)
		o.recover(false)
		task, err := o.store.TakeRun(t.Context(), suspect, o.next().Fence)
		o.must(err)
		o.must(db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return o.store.SaveProgress(ctx, tx, store.Progress{RunID: suspect, Fence: task.Fence})
		}))
		if r := o.find(suspect); r.Message != "" {
			t.Errorf("the run goes on and says %q", r.Message)
		}
		o.join()
		o.recover(true)
		if s := o.next(); s.RunID != suspect {
			t.Errorf("queued %+v", s)
		}
	})
}

// TestGivenUp gives a run up that takes the process down each time, also when
// nobody else is suspected. Other runs go on.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		now := time.Now()
		o.store.Now = func() time.Time { return now }
		poison := o.run("A").ID
		o.suspect(poison)
		other := o.run("B").ID
		for i := range maxSuspected {
			if r := o.find(poison); r.Status != crosswalk.RunRunning {
				t.Fatalf("after %d times: %s, %s", i, r.Status, r.Message)
			}
			now = now.Add(longestRest)
			o.recover(true)
			for s := o.next(); ; s = o.next() {
				if s.RunID == poison {
					o.die(poison, s.Fence)
					break
				}
			}
		}
		if r := o.find(poison); r.Status != crosswalk.RunFailed || !strings.Contains(r.Message, "ended 11 times in a row") || r.Hint == "" {
			t.Errorf("the run is %s: %q (%q)", r.Status, r.Message, r.Hint)
		}
		o.recover(true)
		if s := o.next(); s.RunID != other {
			t.Errorf("queued %+v, want the other run", s)
		}
	})
}

// TestSuspects tries one at a time of the runs that were at work when the
// process ended, and one that is to be cancelled at once.
func TestSuspects(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		now := time.Now()
		o.store.Now = func() time.Time { return now }
		first := o.run("A").ID
		o.suspect(first)
		now = now.Add(time.Second)
		second := o.run("B").ID
		o.suspect(second)
		now = now.Add(firstRest)
		for range 2 { // as long as it waits, too
			waiting, err := o.runner.recover(t.Context(), o.queue, true)
			o.must(err)
			if s := o.next(); s.RunID != first || waiting != 2 {
				t.Fatalf("queued %+v first, and %d suspects wait", s, waiting)
			}
		}
		fence, err := o.store.Fence(t.Context(), first)
		o.must(err)
		task, err := o.store.TakeRun(t.Context(), first, fence)
		o.must(err)
		o.recover(true)
		o.idle("while the first one is tried")
		o.must(o.store.SetRunTrouble(t.Context(), first, task.Fence, "Dynamics asked to wait.", ""))
		o.recover(true)
		s := o.next()
		if s.RunID != second {
			t.Fatalf("queued %+v when the first one is none any more", s)
		}
		o.die(second, s.Fence)
		if s := o.next(); s.RunID != first {
			t.Fatalf("queued %+v", s)
		}
		_, err = o.store.RequestCancel(t.Context(), second)
		o.must(err)
		o.recover(false)
		if s := o.next(); s.RunID != second {
			t.Errorf("queued %+v, want the run that is to be cancelled", s)
		}
	})
}

// TestKilledWhileItWaits ends the process again and again while a run waits for
// something. That is not for the run to answer for.
func TestKilledWhileItWaits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		id, fence := o.run("A").ID, int64(0)
		for range 3 * maxLost {
			task, err := o.store.TakeRun(t.Context(), id, fence)
			o.must(err)
			o.setTrouble(t.Context(), task, o.log, "Dynamics asked to wait 1m0s.", "")
			o.join()
			o.recover(true)
			fence = o.next().Fence
		}
	})
}

// TestParked gives up slices. The run fails with its own, and goes on when it
// has another one by now.
func TestParked(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := newOrphanage(t, db)
		id := o.run("A").ID
		o.die(id, 0)
		o.next()
		o.must(o.park(t.Context(), queue.Slice{RunID: id}, errors.New("it was lost")))
		if r := o.find(id); r.Status != crosswalk.RunRunning {
			t.Errorf("the slice of an older fence is given up, and the run is %s", r.Status)
		}
		for taken := range 2 { // without knowing
			id := o.run(fmt.Sprint("B", taken)).ID
			if taken == 1 {
				_, err := o.store.TakeRun(t.Context(), id, 0)
				o.must(err)
			}
			o.must(o.park(t.Context(), queue.Slice{RunID: id}, errors.New("broken")))
			if r := o.find(id); r.Status != crosswalk.RunFailed || r.Message == "" {
				t.Errorf("the slice of the run is given up, and the run is %s: %q", r.Status, r.Message)
			}
		}
	})
}
