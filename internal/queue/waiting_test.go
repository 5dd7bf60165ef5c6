package queue_test

import (
	"context"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/queue"
)

// TestFirstSlicesFirst has three long runs share a worker: the first slice of
// another run comes before all of theirs, and Waiting tells when any waits.
func TestFirstSlicesFirst(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked, goOn := make(chan queue.Slice), make(chan struct{})
		b := open(t, queue.Config{DB: dsn, Workers: 1, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			<-goOn
			if s.RunID == "short" || s.Fence == 4 {
				return queue.Done, nil
			}
			return queue.Continue(s.Fence + 1), nil
		}})
		long := []string{"long-1", "long-2", "long-3"}
		for _, id := range long {
			b.enqueue(t, id, 0)
		}
		for range len(long) + 1 { // the first slice of each, and one that follows
			next(t, worked)
			if !b.Waiting(t.Context()) {
				t.Error("nothing waits")
			}
			goOn <- struct{}{}
		}
		s := next(t, worked)
		if s.Fence == 0 {
			t.Errorf("a first slice: %+v", s)
		}
		b.enqueue(t, "short", 0)
		goOn <- struct{}{}
		if s = next(t, worked); s.RunID != "short" {
			t.Errorf("%+v came before the first slice of another run", s)
		}
		close(goOn)
		for range 5*len(long) - 5 { // five slices of each, of which five were worked
			next(t, worked)
		}
	})
}
