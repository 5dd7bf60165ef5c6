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

		_, err := other.TakeOver(ctx, task.Run.ID, task.Fence-1)
		code(t, err, crosswalk.CodeConflict)
		fence := must(other.TakeOver(ctx, task.Run.ID, task.Fence))(t)
		past(t, fence, task.Fence)
		equal(t, owners(t, other), []string{""})
		code(t, save(t, s, db, store.Progress{RunID: task.Run.ID, Fence: task.Fence}), crosswalk.CodeConflict)
		before := fence
		fence = must(other.TakeOver(ctx, task.Run.ID, fence))(t)
		past(t, fence, before)

		// The one that was silent speaks again, and has no run any more.
		equal(t, must(s.Beat(ctx, time.Hour))(t), false)
		task = must(other.TakeRun(ctx, task.Run.ID, fence))(t)
		equal(t, owners(t, s), []string{"b*"})
		task.Fence = must(s.TakeOver(ctx, task.Run.ID, task.Fence))(t)

		// A process of the same home takes the place of the one before.
		task = must(s.TakeRun(ctx, task.Run.ID, task.Fence))(t)
		again := store.New(db)
		equal(t, must(again.Join(ctx, store.Node{ID: "c", Home: "host, /a"}, false))(t), true)
		equal(t, owners(t, again), []string{"a"})
		// One that leaves gives back what it has.
		task.Fence = must(again.TakeOver(ctx, task.Run.ID, task.Fence))(t)
		must(again.TakeRun(ctx, task.Run.ID, task.Fence))(t)
		equal(t, owners(t, other), []string{"c*"})
		ok(t, again.Leave(ctx))
		equal(t, owners(t, other), []string{""})

		// The only node that there can be speaks for all.
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "d", Home: "elsewhere"}, true))(t), true)
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "e", Home: "elsewhere"}, false))(t), true)
		equal(t, must(store.New(db).Join(ctx, store.Node{ID: "f", Home: "nowhere"}, false))(t), false)

		ok(t, s.FinishRun(ctx, task.Run.ID, task.Fence+1, crosswalk.RunFailed, "", ""))
		_, err = s.TakeOver(ctx, task.Run.ID, task.Fence+1)
		code(t, err, crosswalk.CodeConflict)
		_, err = s.TakeOver(ctx, "nope", 0)
		code(t, err, crosswalk.CodeNotFound)
	})
}

// TestLostRuns counts how often in a row a run was taken by somebody of whom
// nothing was heard since.
func TestLostRuns(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		must(s.Join(ctx, store.Node{ID: "a", Home: "host, /a"}, false))(t)
		task := running(t, s)
		id := task.Run.ID
		take := func(fence int64) { task = must(s.TakeRun(ctx, id, fence))(t) }
		lose := func() { take(must(s.TakeOver(ctx, id, task.Fence))(t)) }
		counts := func(want int64) {
			t.Helper()
			runs := must(s.UnfinishedRuns(ctx))(t)
			equal(t, runs[0].Lost, want)
		}
		counts(1)
		lose()
		lose()
		counts(3)
		must(s.TakeOver(ctx, id, task.Fence))(t) // it waits, and is taken over again
		task.Fence = must(s.Fence(ctx, id))(t)
		ok(t, s.SetRunTrouble(ctx, id, task.Fence, "It rests.", ""))
		must(s.TakeOver(ctx, id, task.Fence))(t)
		counts(3)
		take(must(s.Fence(ctx, id))(t))
		counts(4)

		ok(t, save(t, s, db, store.Progress{RunID: id, Fence: task.Fence}))
		counts(0)
		lose()
		lose()
		counts(2)
		take(task.Fence) // by its next slice: the one before was given back
		counts(1)
		ok(t, s.SetRunTrouble(ctx, id, task.Fence, "The environment asked to wait.", ""))
		counts(0)
		lose()
		lose()
		ok(t, s.Leave(ctx))
		counts(0)
		take(task.Fence)
		lose()
		ok(t, s.HoldRun(ctx, id, task.Fence, "Many rows would be deleted.", ""))
		_, fence, err := s.Decide(ctx, id, crosswalk.Discard, "ann")
		ok(t, err)
		counts(0)
		take(fence)
		counts(1)

		saved := must(s.UnfinishedRuns(ctx))(t)[0].SavedAt
		now := saved.Add(time.Hour)
		s.Now = func() time.Time { return now }
		lose()
		equal(t, must(s.UnfinishedRuns(ctx))(t)[0].SavedAt.Equal(now), true)
		equal(t, must(s.UnfinishedRuns(ctx))(t)[0].Cancelling, false)
		must(s.RequestCancel(ctx, id))(t)
		equal(t, must(s.UnfinishedRuns(ctx))(t)[0].Cancelling, true)
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
