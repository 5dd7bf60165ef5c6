package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// owners returns which node has each unfinished run, with a * when the node is
// known.
func owners(t *testing.T, s *store.Store) (list []string) {
	t.Helper()
	for _, r := range must(s.UnfinishedRuns(t.Context()))(t) {
		owner := r.Node
		if r.Alive {
			owner += "*"
		}
		list = append(list, owner)
	}
	return list
}

// past checks that a fence follows another one.
func past(t *testing.T, fence, before int64) {
	t.Helper()
	if fence <= before {
		t.Errorf("fence %d follows %d", fence, before)
	}
}

func TestNodes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		other := store.New(db)
		equal(t, must(s.Join(ctx, store.Node{ID: "a", Home: "host, /a"}, false))(t), false)
		equal(t, must(other.Join(ctx, store.Node{ID: "b", Home: "host, /b"}, false))(t), false)
		task := running(t, s)
		equal(t, owners(t, other), []string{"a*"})

		// Both say that they are alive; only one of them does the second time.
		equal(t, must(s.Beat(ctx, time.Hour))(t), false)
		time.Sleep(50 * time.Millisecond)
		equal(t, must(other.Beat(ctx, 20*time.Millisecond))(t), true)
		equal(t, owners(t, other), []string{"a"})

		_, _, err := other.TakeOver(ctx, task.Run.ID, task.Fence-1)
		code(t, err, crosswalk.CodeConflict)
		fence, lost, err := other.TakeOver(ctx, task.Run.ID, task.Fence)
		ok(t, err)
		past(t, fence, task.Fence)
		equal(t, lost, int64(1))
		equal(t, owners(t, other), []string{""})
		code(t, save(t, s, db, store.Progress{RunID: task.Run.ID, Fence: task.Fence}), crosswalk.CodeConflict)
		// Nobody took it meanwhile, so it was not lost again.
		before := fence
		fence, lost, err = other.TakeOver(ctx, task.Run.ID, fence)
		ok(t, err)
		past(t, fence, before)
		equal(t, lost, int64(1))

		// The one that was silent speaks again, and has no run any more.
		equal(t, must(s.Beat(ctx, time.Hour))(t), false)
		task = must(other.TakeRun(ctx, task.Run.ID, fence))(t)
		equal(t, owners(t, s), []string{"b*"})
		fence, lost, err = s.TakeOver(ctx, task.Run.ID, task.Fence)
		ok(t, err)
		equal(t, lost, int64(2))
		task = must(other.TakeRun(ctx, task.Run.ID, fence))(t)
		ok(t, save(t, other, db, store.Progress{RunID: task.Run.ID, Fence: task.Fence}))
		task.Fence, lost, err = s.TakeOver(ctx, task.Run.ID, task.Fence)
		ok(t, err)
		equal(t, lost, int64(1)) // something was stored in between

		// A process of the same home takes the place of the one before.
		task = must(s.TakeRun(ctx, task.Run.ID, task.Fence))(t)
		again := store.New(db)
		equal(t, must(again.Join(ctx, store.Node{ID: "c", Home: "host, /a"}, false))(t), true)
		equal(t, owners(t, again), []string{"a"})
		// One that leaves gives back what it has.
		task.Fence, _, err = again.TakeOver(ctx, task.Run.ID, task.Fence)
		ok(t, err)
		must(again.TakeRun(ctx, task.Run.ID, task.Fence))(t)
		equal(t, owners(t, other), []string{"c*"})
		ok(t, again.Leave(ctx))
		equal(t, owners(t, other), []string{""})

		// The only node that there can be speaks for all.
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "d", Home: "elsewhere"}, true))(t), true)
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "e", Home: "elsewhere"}, false))(t), true)
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "f", Home: "nowhere"}, false))(t), false)

		ok(t, s.FinishRun(ctx, task.Run.ID, task.Fence+1, crosswalk.RunFailed, "", ""))
		_, _, err = s.TakeOver(ctx, task.Run.ID, task.Fence+1)
		code(t, err, crosswalk.CodeConflict)
		_, _, err = s.TakeOver(ctx, "nope", 0)
		code(t, err, crosswalk.CodeNotFound)
	})
}

func TestPinKey(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		holds := func(ids ...string) func(string) bool {
			return func(id string) bool { return slices.Contains(ids, id) }
		}
		for _, step := range []struct {
			seals string
			has   func(string) bool
			noted string
		}{
			{"old", holds("old"), "old"},
			{"other", holds("other"), "old"}, // refused
			{"old", holds("old", "new"), "old"},
			{"new", holds("new", "old"), "new"},
			{"old", holds("old", "new"), "old"}, // the way back
			{"new", holds("new", "old"), "new"},
			{"old", holds("old"), "new"}, // too far behind
		} {
			if diff := cmp.Diff(step.noted, must(s.PinKey(t.Context(), step.seals, step.has))(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.seals, diff)
			}
		}
	})
}
