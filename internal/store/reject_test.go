package store_test

import (
	"context"
	"fmt"
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
			{Code: crosswalk.RejectNotAnEmail, Field: "Email", Count: 2, Example: "first"},
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

// A record that comes several times and is rejected each time is one reject,
// for its newest reason, and unchanged the other times.
func TestRejectedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		task := running(t, s)
		var many []crosswalk.Reject
		for i := range 1200 {
			many = append(many, crosswalk.Reject{SourceID: fmt.Sprint(i), Code: crosswalk.RejectTooLong, Message: "first"})
		}
		page := func(rejects ...crosswalk.Reject) {
			n := int64(len(rejects))
			ok(t, save(t, s, db, store.Progress{RunID: task.Run.ID, Fence: task.Fence, Rejects: rejects, Counts: crosswalk.Counts{Read: n, Rejected: n}}))
		}
		reject := func(id, message string) crosswalk.Reject {
			return crosswalk.Reject{SourceID: id, Code: crosswalk.RejectTooLong, Message: message}
		}
		page(many...)
		page(reject("7", "again"), reject("new", "x"), reject("new", "y"), reject("", "no key"), reject("", "no key"))
		page(many...)
		got := must(s.FindRun(ctx, task.Run.ID))(t).Counts
		equal(t, got, crosswalk.Counts{Read: 2405, Rejected: 1203, Unchanged: 1202})
		messages := map[string]int{}
		ok(t, s.EachReject(ctx, task.Run.ID, func(r crosswalk.Reject) error {
			messages[r.Message]++
			return nil
		}))
		equal(t, messages, map[string]int{"first": 1200, "y": 1, "no key": 2})
	})
}

// A record that was rejected and comes again is no reject any more when it is
// stored, and one for its newest reason when it is rejected once more. Rejects
// of other records and other runs stay.
func TestRejectedNoLonger(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		task := running(t, s)
		j := job(t, s, connection(t, s, "Fabrikam"), "Others")
		r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		other := must(s.TakeRun(ctx, r.ID, 0))(t)
		page := func(task crosswalk.Task, inserted int64, accepted []string, ids ...string) {
			p := store.Progress{RunID: task.Run.ID, Fence: task.Fence, Accepted: accepted}
			for _, id := range ids {
				p.Rejects = append(p.Rejects, crosswalk.Reject{SourceID: id, Code: crosswalk.RejectTooLong, Message: id})
			}
			n := int64(len(ids))
			p.Counts = crosswalk.Counts{Read: inserted + n, Inserted: inserted, Rejected: n}
			ok(t, save(t, s, db, p))
		}
		var many []string
		for i := range 1200 {
			many = append(many, fmt.Sprint("many ", i))
		}
		page(task, 0, nil, append(many, "a", "b", "c", "")...)
		page(other, 0, nil, "a")
		page(task, 1203, append(many, "a", "b", "never rejected"), "b")
		left := func(task crosswalk.Task) (ids []string) {
			ok(t, s.EachReject(ctx, task.Run.ID, func(r crosswalk.Reject) error {
				ids = append(ids, r.SourceID)
				return nil
			}))
			return ids
		}
		equal(t, left(task), []string{"c", "", "b"})
		equal(t, left(other), []string{"a"})
		got := must(s.FindRun(ctx, task.Run.ID))(t).Counts
		equal(t, got, crosswalk.Counts{Read: 2408, Inserted: 1203, Rejected: 3, Unchanged: 1202})
		page(task, 1, []string{"b", "c"})
		got = must(s.FindRun(ctx, task.Run.ID))(t).Counts
		equal(t, got, crosswalk.Counts{Read: 2409, Inserted: 1204, Rejected: 1, Unchanged: 1204})
		equal(t, left(task), []string{""})
	})
}
