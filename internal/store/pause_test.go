package store_test

import (
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// TestPauseRun counts the time in which a run that was asked to wait had no
// worker: until the time it was asked for is over, or until it is taken sooner.
func TestPauseRun(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		task := running(t, s)
		id := task.Run.ID
		throttled := func(want time.Duration) {
			t.Helper()
			equal(t, must(s.FindRun(ctx, id))(t).Counts.Throttled, want)
		}
		pause := func(waited, left time.Duration) {
			t.Helper()
			ok(t, s.PauseRun(ctx, id, task.Fence, waited, left, "Dynamics asked to wait.", "It goes on by itself."))
		}
		take := func(after time.Duration) {
			t.Helper()
			now = now.Add(after)
			task = must(s.TakeRun(ctx, id, task.Fence))(t)
		}

		pause(2*time.Second, time.Minute)
		run := must(s.FindRun(ctx, id))(t)
		equal(t, run.Message+run.Hint, "Dynamics asked to wait.It goes on by itself.")
		throttled(0)
		take(10 * time.Minute) // no worker was free before
		throttled(62 * time.Second)
		equal(t, task.Run.Counts.Throttled, 62*time.Second)

		pause(0, time.Minute)
		take(20 * time.Second) // to be cancelled
		throttled(82 * time.Second)
		take(time.Hour) // nobody asked to wait
		throttled(82 * time.Second)

		ok(t, s.PauseRun(ctx, id, task.Fence-1, time.Second, time.Minute, "Another worker's.", ""))
		take(time.Hour)
		throttled(82 * time.Second)

		pause(time.Second, time.Minute)
		ok(t, s.SetRunTrouble(ctx, id, task.Fence, "Something else.", ""))
		take(-time.Hour) // the clock of another node
		throttled(82 * time.Second)
		ok(t, save(t, s, db, store.Progress{RunID: id, Fence: task.Fence, Counts: crosswalk.Counts{Throttled: 3 * time.Second}}))
		throttled(85 * time.Second)
	})
}
