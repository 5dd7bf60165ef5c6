package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// TestRejectedRecords groups rejects and pages through the keys of their
// records.
func TestRejectedRecords(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		scope := crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: "before"}
		r := must(s.EnqueueRun(ctx, j, scope, "ann"))(t)
		task := must(s.TakeRun(ctx, r.ID, 0))(t)
		equal(t, task.Run.Scope, scope)
		reject := func(id, field string, code crosswalk.RejectCode, message string) crosswalk.Reject {
			return crosswalk.Reject{SourceID: id, Field: field, Code: code, Message: message}
		}
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return s.SaveProgress(ctx, tx, store.Progress{RunID: r.ID, Fence: task.Fence, Rejects: []crosswalk.Reject{
				reject("c", "Email", crosswalk.RejectNotAnEmail, "first"),
				reject("a", "Email", crosswalk.RejectNotAnEmail, "second"),
				reject("", "Name", crosswalk.RejectMalformed, "no key"),
				reject("b", "Name", crosswalk.RejectTooLong, "too long"),
				reject("a", "Email", crosswalk.RejectNotAnEmail, "again"),
			}})
		}))
		groups, err := s.RejectGroups(ctx, r.ID)
		ok(t, err)
		want := []crosswalk.RejectGroup{
			{Code: crosswalk.RejectNotAnEmail, Field: "Email", Count: 3, Example: "first"},
			{Code: crosswalk.RejectMalformed, Field: "Name", Count: 1, Example: "no key"},
			{Code: crosswalk.RejectTooLong, Field: "Name", Count: 1, Example: "too long"},
		}
		if diff := cmp.Diff(want, groups); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
		equal(t, must(s.RejectedIDs(ctx, r.ID, "", 2))(t), []string{"a", "b"})
		equal(t, must(s.RejectedIDs(ctx, r.ID, "b", 2))(t), []string{"c"})
		equal(t, must(s.RejectedIDs(ctx, r.ID, "c", 2))(t), []string(nil))
		_, _, total, err := s.ListRejects(ctx, r.ID, store.RejectFilter{Field: "Name"}, store.Page{})
		ok(t, err)
		equal(t, total, 2)
	})
}
