package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// A position that expires soon is told of once, and again when the job has run
// and let it grow old anew. One that does not expire, or has expired, is not.
func TestTellExpiring(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		c := connection(t, s, "Contoso")
		run := func(j crosswalk.Job, way crosswalk.Way, days int) crosswalk.Job {
			t.Helper()
			r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
			must(s.TakeRun(ctx, r.ID, 0))(t)
			at := crosswalk.Checkpoint{Page: 1, Done: true, Way: way, Mark: "mark", Of: "of", Days: days}
			ok(t, save(t, s, db, store.Progress{RunID: r.ID, Fence: 1, Checkpoint: at}))
			ok(t, s.FinishRun(ctx, r.ID, 1, crosswalk.RunSuccess, "", ""))
			return must(s.FindJob(ctx, j.ID))(t)
		}
		tracked := run(job(t, s, c, "Companies"), crosswalk.WayTracked, 8)
		if end := tracked.Position.ExpiresAt; end == nil || !end.Equal(now.AddDate(0, 0, 8)) {
			t.Errorf("expires at %v", end)
		}
		for name, j := range map[string]crosswalk.Job{
			"by time":       run(job(t, s, c, "Contacts"), crosswalk.WayModified, 8),
			"unknown":       run(job(t, s, c, "Leads"), crosswalk.WayTracked, 0),
			"was never run": must(s.FindJob(ctx, job(t, s, c, "Cases").ID))(t),
		} {
			if j.Position != nil && j.Position.ExpiresAt != nil {
				t.Errorf("%s: expires at %v", name, j.Position.ExpiresAt)
			}
		}
		told := func() (details []string) {
			t.Helper()
			ok(t, s.TellExpiring(ctx))
			events, _, _, err := s.ListEvents(ctx, store.EventFilter{Search: "job.expires"}, store.Page{})
			ok(t, err)
			for _, e := range events {
				details = append(details, e.Subject+": "+e.Detail)
			}
			return details
		}
		now = now.AddDate(0, 0, 6).Add(-time.Second)
		equal(t, len(told()), 0)
		now = now.Add(time.Second)
		equal(t, len(told()), 1)
		if line := told()[0]; len(told()) != 1 || !strings.Contains(line, "Companies: The job has not run since 2026-03-01. Dynamics forgets on 2026-03-09 at 12:00 UTC") {
			t.Error(line)
		}
		run(tracked, crosswalk.WayTracked, 8)
		equal(t, len(told()), 1)
		now = now.AddDate(0, 0, 7)
		equal(t, len(told()), 2)
		run(tracked, crosswalk.WayTracked, 8)
		now = now.AddDate(0, 0, 9) // nobody looked in time
		equal(t, len(told()), 2)
	})
}
