package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// gid returns a key and its text.
func gid(n int) (key []byte, text string) {
	k := [16]byte{byte(n >> 8), byte(n), 15: 1}
	return k[:], crosswalk.GSID(k).String()
}

// kept returns the keys that a run has kept, in the order of their pages.
func kept(t *testing.T, s *store.Store, id string) (keys []byte) {
	t.Helper()
	ok(t, s.EachKeptKeys(t.Context(), id, func(page []byte) error {
		keys = append(keys, page...)
		return nil
	}))
	return keys
}

// Keys that came are kept until all come again; what is noted as gone stays so
// until it is back, in batches of any size; another worker's fence writes
// nothing; and the end of a run forgets all.
func TestSaveChanges(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		must(s.TakeRun(ctx, r.ID, 0))(t)
		var all []string
		for i := range 1201 { // more than stand in one statement
			_, text := gid(i)
			all = append(all, text)
		}
		one, _ := gid(1)
		two, _ := gid(2)
		at := crosswalk.Checkpoint{Page: 1, Counting: true}
		ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: at, Keys: one, Deleted: all, Reads: "All."}))
		at.Page = 2
		ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: at, Keys: two, Deleted: all[:600], Back: all[1:1200]}))
		equal(t, len(kept(t, s, r.ID)), 32)
		// Back counts before Deleted: the last word on a page is that it is gone.
		equal(t, must(s.NotedDeletes(ctx, r.ID, "", 10_000))(t), append(append([]string{}, all[:600]...), all[1200]))
		equal(t, must(s.NotedDeletes(ctx, r.ID, all[3], 2))(t), all[4:6])
		equal(t, len(must(s.NotedDeletes(ctx, r.ID, all[1200], 2))(t)), 0)

		at.Page = 3
		code(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 2, Checkpoint: at, Recount: true, Back: all}), crosswalk.CodeConflict)
		equal(t, len(kept(t, s, r.ID)), 32)
		equal(t, len(must(s.NotedDeletes(ctx, r.ID, "", 10_000))(t)), 601)

		ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: at, Recount: true, Keys: two}))
		equal(t, kept(t, s, r.ID), two)
		equal(t, len(must(s.NotedDeletes(ctx, r.ID, "", 10_000))(t)), 601)
		got := must(s.FindRun(ctx, r.ID))(t)
		equal(t, got.Reads, "All.")

		broken := fmt.Errorf("no more")
		if err := s.EachKeptKeys(ctx, r.ID, func([]byte) error { return broken }); err != broken {
			t.Errorf("error %v", err)
		}
		ok(t, s.FinishRun(ctx, r.ID, 1, crosswalk.RunFailed, "", ""))
		equal(t, len(kept(t, s, r.ID))+len(must(s.NotedDeletes(ctx, r.ID, "", 10))(t)), 0)
	})
}

// Only a run that succeeds and knows where it ended moves its job's position,
// which later tasks begin with.
func TestPosition(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		want := crosswalk.Position{}
		for i, test := range []struct {
			status crosswalk.RunStatus
			mark   string
			moves  bool
		}{
			{crosswalk.RunSuccess, "", false},
			{crosswalk.RunFailed, "a", false},
			{crosswalk.RunCancelled, "b", false},
			{crosswalk.RunSuccess, "c", true},
			{crosswalk.RunPartialSuccess, "d", true},
			{crosswalk.RunSuccess, "", false},
			{crosswalk.RunFailed, "e", false},
		} {
			r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
			task := must(s.TakeRun(ctx, r.ID, 0))(t)
			equal(t, task.Position, want)
			at := crosswalk.Checkpoint{Page: 1, Done: true, Way: crosswalk.WayModified, Why: fmt.Sprint("because ", i), Mark: test.mark, Of: "what", Tried: task.Run.QueuedAt.Add(time.Duration(i) * time.Hour)}
			ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: at}))
			ok(t, s.FinishRun(ctx, r.ID, 1, test.status, "", ""))
			if test.moves {
				want = crosswalk.Position{Way: at.Way, Why: at.Why, At: *task.Run.StartedAt, Tried: at.Tried, Mark: at.Mark, Of: at.Of, User: at.User}
			}
			found := must(s.FindJob(ctx, j.ID))(t)
			switch {
			case want == crosswalk.Position{}:
				equal(t, found.Position, (*crosswalk.Position)(nil))
			default:
				equal(t, *found.Position, want)
			}
		}
		// A job that reads everything each time shows no position, and has it
		// when it reads changes again.
		j = must(s.FindJob(ctx, j.ID))(t)
		j.LoadMode = crosswalk.LoadFull
		ok(t, s.UpdateJob(ctx, &j))
		equal(t, must(s.FindJob(ctx, j.ID))(t).Position, (*crosswalk.Position)(nil))
		j.LoadMode = crosswalk.LoadIncremental
		ok(t, s.UpdateJob(ctx, &j))
		equal(t, *must(s.FindJob(ctx, j.ID))(t).Position, want)
	})
}

// A held run takes one decision, under a fence of its own; until then nobody
// can take it and no other run of its job begins.
func TestHoldRun(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		hold := func() crosswalk.Run {
			r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
			must(s.TakeRun(ctx, r.ID, 0))(t)
			_, text := gid(1)
			ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: crosswalk.Checkpoint{Page: 1, Step: crosswalk.StepDelete, StepDone: 1, StepTotal: 3}, Doing: crosswalk.StepFlag, Deleted: []string{text}}))
			return r
		}
		r := hold()
		code(t, s.HoldRun(ctx, r.ID, 0, "", ""), crosswalk.CodeConflict)
		_, _, err := s.Decide(ctx, r.ID, crosswalk.Release, "ann")
		code(t, err, crosswalk.CodeConflict)
		ok(t, s.HoldRun(ctx, r.ID, 1, "Many.", "Decide."))
		got := must(s.FindRun(ctx, r.ID))(t)
		equal(t, []any{got.Status, got.Message, got.Hint, got.EndedAt}, []any{crosswalk.RunHeld, "Many.", "Decide.", (*time.Time)(nil)})
		equal(t, []any{got.Decision, *got.Step}, []any{(*crosswalk.Decided)(nil), crosswalk.StepState{Name: crosswalk.StepFlag, Done: 1, Total: 3}})
		events, _, _, err := s.ListEvents(ctx, store.EventFilter{Search: "run.held"}, store.Page{})
		ok(t, err)
		if len(events) != 1 {
			t.Fatalf("%d events of the run that is held", len(events))
		}
		e := events[0]
		equal(t, e, crosswalk.Event{ID: e.ID, At: e.At, Actor: "Crosswalk", Action: "run.held", Subject: r.JobName, Detail: "Many.", RunID: r.ID, Run: r.Number})
		code(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1}), crosswalk.CodeConflict)
		equal(t, len(must(s.UnfinishedRuns(ctx))(t)), 0) // nothing to take up
		waits := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "bob"))(t)
		_, err = s.TakeRun(ctx, waits.ID, 0)
		code(t, err, crosswalk.CodeUnavailable)
		code(t, s.DeleteJob(ctx, j.ID), crosswalk.CodeConflict)

		decided, fence, err := s.Decide(ctx, r.ID, crosswalk.Discard, "ann")
		ok(t, err)
		equal(t, []any{decided.Status, decided.Message}, []any{crosswalk.RunRunning, ""})
		past(t, fence, 1)
		said := must(s.FindRun(ctx, r.ID))(t).Decision
		if said == nil || said.At.IsZero() {
			t.Fatalf("the decision %+v", said)
		}
		equal(t, *said, crosswalk.Decided{Decision: crosswalk.Discard, By: "ann", At: said.At, HeldFor: "Many."})
		equal(t, decided.Decision.By, "ann")
		_, _, err = s.Decide(ctx, r.ID, crosswalk.Release, "bob")
		code(t, err, crosswalk.CodeConflict)
		_, err = s.TakeRun(ctx, r.ID, 1) // the slice that was held
		code(t, err, crosswalk.CodeConflict)
		task := must(s.TakeRun(ctx, r.ID, fence))(t)
		equal(t, task.Checkpoint, crosswalk.Checkpoint{Page: 1, Step: crosswalk.StepDelete, StepDone: 1, StepTotal: 3, Decided: crosswalk.Discard})
		ok(t, s.FinishRun(ctx, r.ID, task.Fence, crosswalk.RunSuccess, "", ""))
		equal(t, must(s.RequestCancel(ctx, waits.ID))(t).Status, crosswalk.RunCancelled)

		// Cancelled while it was held, and just before.
		r = hold()
		ok(t, s.HoldRun(ctx, r.ID, 1, "Many.", "Decide."))
		equal(t, must(s.RequestCancel(ctx, r.ID))(t).Status, crosswalk.RunCancelled)
		_, _, err = s.Decide(ctx, r.ID, crosswalk.Release, "bob")
		code(t, err, crosswalk.CodeConflict)
		equal(t, len(must(s.NotedDeletes(ctx, r.ID, "", 10))(t)), 0)
		r = hold()
		equal(t, must(s.RequestCancel(ctx, r.ID))(t).Cancelling, true)
		ok(t, s.HoldRun(ctx, r.ID, 1, "Many.", "Decide."))
		got = must(s.FindRun(ctx, r.ID))(t)
		equal(t, []any{got.Status, got.Cancelling, got.EndedAt != nil}, []any{crosswalk.RunCancelled, false, true})
		equal(t, len(must(s.NotedDeletes(ctx, r.ID, "", 10))(t)), 0)
		_, _, err = s.Decide(ctx, "nosuchrun", crosswalk.Release, "bob")
		code(t, err, crosswalk.CodeNotFound)
	})
}
