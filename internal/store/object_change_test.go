package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// Jobs and the runs that wait follow a change of their object; a run that is
// writing holds it up.
func TestJobsFollowTheirObject(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		ok(t, s.EnsureStandardObjects(ctx))
		ok(t, s.RunningInto(ctx, db, "Company"))
		task := running(t, s)
		waiting := must(s.EnqueueRun(ctx, task.Job, crosswalk.Scope{}, "ann"))(t)
		code(t, s.RunningInto(ctx, db, "company"), crosswalk.CodeConflict)
		ok(t, s.RunningInto(ctx, db, "User"))

		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return s.RemapObject(ctx, tx, "Company", map[string]string{"Phone": "Website", "Website": "Phone"}, []string{"City"})
		}))
		targets := func(j crosswalk.Job) (out []string) {
			for _, f := range j.Mapping.Fields {
				out = append(out, f.Source+" "+f.Target)
			}
			return out
		}
		changed := must(s.FindJob(ctx, task.Job.ID))(t)
		equal(t, changed.Version, task.Job.Version+1)
		got := targets(changed)
		for _, want := range []string{"telephone1 Website", "websiteurl Phone", "accountid External_ID"} {
			if !slices.Contains(got, want) {
				t.Errorf("%q is not in %q", want, got)
			}
		}
		equal(t, len(got), len(task.Job.Mapping.Fields)-1)
		ok(t, s.FinishRun(ctx, task.Run.ID, task.Fence, crosswalk.RunSuccess, "", ""))
		equal(t, targets(must(s.TakeRun(ctx, waiting.ID, 0))(t).Job), got)
		equal(t, must(s.FindRunByNumber(ctx, waiting.Number))(t).ID, waiting.ID)
		_, err := s.FindRunByNumber(ctx, 99)
		code(t, err, crosswalk.CodeNotFound)

		uses := must(s.ObjectUses(ctx, db, "COMPANY"))(t)
		equal(t, len(uses), 1)
		o := must(s.FindObject(ctx, "Company"))(t)
		o.DisplayName = "Account"
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.UpdateObject(ctx, tx, o) }))
		equal(t, must(s.FindObject(ctx, "Company"))(t), o)
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.DeleteObject(ctx, tx, "Company") }))
		err = db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.UpdateObject(ctx, tx, o) })
		code(t, err, crosswalk.CodeNotFound)
	})
}
