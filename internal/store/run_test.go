package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func TestRunLife(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		equal(t, []any{r.Number, r.Status, r.JobName, r.ConnectionName, r.Total}, []any{int64(1), crosswalk.RunQueued, "Companies", "Contoso", int64(-1)})
		equal(t, must(s.FindRun(ctx, r.ID))(t), r)
		waits := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "bob"))(t)
		_, err := s.EnqueueRun(ctx, j, crosswalk.Scope{}, "eve")
		code(t, err, crosswalk.CodeConflict)

		// The run keeps the job as it was.
		snapshot := j
		j.Mapping.Fields = j.Mapping.Fields[:2]
		ok(t, s.UpdateJob(ctx, &j))
		task := must(s.TakeRun(ctx, r.ID, 0))(t)
		equal(t, task.Job, snapshot)
		equal(t, []any{task.Fence, task.Run.Status, task.Run.StartedAt != nil, task.Checkpoint}, []any{int64(1), crosswalk.RunRunning, true, crosswalk.Checkpoint{}})
		_, err = s.TakeRun(ctx, r.ID, 0)
		code(t, err, crosswalk.CodeConflict)
		_, err = s.TakeRun(ctx, waits.ID, 0)
		code(t, err, crosswalk.CodeUnavailable)

		ok(t, s.SetRunTotal(ctx, r.ID, 5000))
		equal(t, must(s.CancelRequested(ctx, r.ID))(t), false)
		equal(t, must(s.RequestCancel(ctx, r.ID))(t).Cancelling, true)
		equal(t, must(s.CancelRequested(ctx, r.ID))(t), true)
		again := must(s.TakeRun(ctx, r.ID, 1))(t)
		equal(t, []any{again.Fence, again.Run.StartedAt.Equal(*task.Run.StartedAt), again.Run.Total}, []any{int64(2), true, int64(5000)})
		equal(t, must(s.BumpFence(ctx, r.ID))(t), int64(3))

		unfinished := must(s.UnfinishedRuns(ctx))(t)
		equal(t, len(unfinished), 2)
		equal(t, []any{unfinished[0].ID, unfinished[0].Fence, unfinished[0].Status}, []any{r.ID, int64(3), crosswalk.RunRunning})

		code(t, s.FinishRun(ctx, r.ID, 2, crosswalk.RunFailed, "", ""), crosswalk.CodeConflict)
		code(t, s.FinishRun(ctx, r.ID, 3, crosswalk.RunRunning, "", ""), crosswalk.CodeInvalid)
		ok(t, s.FinishRun(ctx, r.ID, 3, crosswalk.RunFailed, "It broke\x00.", "Mend it."))
		got := must(s.FindRun(ctx, r.ID))(t)
		equal(t, []any{got.Status, got.Message, got.Hint, got.EndedAt != nil, got.Cancelling}, []any{crosswalk.RunFailed, "It broke\uFFFD.", "Mend it.", true, false})
		for _, err := range []error{
			s.FinishRun(ctx, r.ID, 3, crosswalk.RunSuccess, "", ""),
			func() error { _, err := s.TakeRun(ctx, r.ID, 3); return err }(),
			func() error { _, err := s.BumpFence(ctx, r.ID); return err }(),
			func() error { _, err := s.RequestCancel(ctx, r.ID); return err }(),
		} {
			code(t, err, crosswalk.CodeConflict)
		}

		equal(t, must(s.TakeRun(ctx, waits.ID, 0))(t).Job.Version, int64(1))
		ok(t, s.FinishRun(ctx, waits.ID, 1, crosswalk.RunSuccess, "", ""))
		queued := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		cancelled := must(s.RequestCancel(ctx, queued.ID))(t)
		equal(t, []any{cancelled.Status, cancelled.EndedAt != nil}, []any{crosswalk.RunCancelled, true})
		equal(t, must(s.FindRun(ctx, queued.ID))(t), cancelled)
		equal(t, must(s.CancelRequested(ctx, queued.ID))(t), true)
		_, err = s.TakeRun(ctx, queued.ID, 0)
		code(t, err, crosswalk.CodeConflict)

		equal(t, len(must(s.UnfinishedRuns(ctx))(t)), 0)

		c := must(s.FindConnection(ctx, j.ConnectionID))(t)
		equal(t, c.LastActivity, cancelled.EndedAt)
		_, err = s.EnqueueRun(ctx, crosswalk.Job{ID: "nope"}, crosswalk.Scope{}, "ann")
		code(t, err, crosswalk.CodeNotFound)
		_, err = s.TakeRun(ctx, "nope", 0)
		code(t, err, crosswalk.CodeNotFound)
		_, err = s.FindRun(ctx, "\x00\xff")
		code(t, err, crosswalk.CodeNotFound)
		_, err = s.CancelRequested(ctx, "nope")
		code(t, err, crosswalk.CodeNotFound)
	})
}

func TestRunWarnings(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		must(s.TakeRun(ctx, r.ID, 0))(t)
		code(t, s.AddRunWarnings(ctx, r.ID, 0, []string{"old"}), crosswalk.CodeConflict)
		code(t, s.AddRunWarnings(ctx, crosswalk.NewID(), 1, []string{"x"}), crosswalk.CodeNotFound)
		ok(t, s.AddRunWarnings(ctx, r.ID, 1, nil))
		equal(t, must(s.FindRun(ctx, r.ID))(t).Warnings, []string(nil))
		ok(t, s.AddRunWarnings(ctx, r.ID, 1, []string{"first\x00", "second"}))
		ok(t, s.AddRunWarnings(ctx, r.ID, 1, []string{"second", "third"}))
		want := []string{"first\uFFFD", "second", "third"}
		equal(t, must(s.FindRun(ctx, r.ID))(t).Warnings, want)
		ok(t, s.FinishRun(ctx, r.ID, 1, crosswalk.RunSuccess, "", ""))
		code(t, s.AddRunWarnings(ctx, r.ID, 1, []string{"late"}), crosswalk.CodeConflict)
		runs, _, _, err := s.ListRuns(ctx, store.RunFilter{}, store.Page{})
		ok(t, err)
		equal(t, runs[0].Warnings, want)
	})
}

func TestRunsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := context.Background()
		j := job(t, s, connection(t, s, "Contoso"), "Companies")
		var mu sync.Mutex
		var wg sync.WaitGroup
		var runs []crosswalk.Run
		for range 8 {
			wg.Go(func() {
				r, err := s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					runs = append(runs, r)
				} else {
					code(t, err, crosswalk.CodeConflict)
				}
			})
		}
		wg.Wait()
		if len(runs) != 2 || runs[0].Number+runs[1].Number != 3 {
			t.Fatalf("queued %+v", runs)
		}
		taken := 0
		for _, r := range runs {
			for range 4 {
				wg.Go(func() {
					_, err := s.TakeRun(ctx, r.ID, 0)
					mu.Lock()
					defer mu.Unlock()
					switch crosswalk.ErrorCode(err) {
					case "":
						taken++
					case crosswalk.CodeConflict, crosswalk.CodeUnavailable:
					default:
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		equal(t, taken, 1)
	})
}

func TestRunLists(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		a, b := job(t, s, c, "Alpha"), job(t, s, c, "Beta")
		for i := range 7 {
			j := a
			if i%3 == 0 {
				j = b
			}
			r := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
			must(s.TakeRun(ctx, r.ID, 0))(t)
			ok(t, s.FinishRun(ctx, r.ID, 1, crosswalk.RunFailed, fmt.Sprintf("Reason %d", i), ""))
		}
		must(s.EnqueueRun(ctx, a, crosswalk.Scope{}, "ann"))(t)
		for _, tt := range []struct {
			name   string
			filter store.RunFilter
			want   string
		}{
			{"all", store.RunFilter{}, "87654321"},
			{"job", store.RunFilter{JobID: b.ID}, "741"},
			{"connection", store.RunFilter{ConnectionID: c.ID}, "87654321"},
			{"other connection", store.RunFilter{ConnectionID: "nope"}, ""},
			{"object", store.RunFilter{Object: "User"}, ""},
			{"search a name", store.RunFilter{Search: "beta"}, "741"},
			{"search a message", store.RunFilter{Search: "reason 5"}, "6"},
			{"status", store.RunFilter{Statuses: []crosswalk.RunStatus{crosswalk.RunQueued, crosswalk.RunRunning}}, "8"},
			{"several", store.RunFilter{JobID: a.ID, Search: "alpha", Statuses: []crosswalk.RunStatus{crosswalk.RunFailed}}, "6532"},
		} {
			var got strings.Builder
			p := store.Page{Limit: 2}
			for {
				runs, next, total, err := s.ListRuns(ctx, tt.filter, p)
				ok(t, err)
				equal(t, total, len(tt.want))
				for _, r := range runs {
					fmt.Fprint(&got, r.Number)
				}
				if p.Cursor = next; next == "" {
					break
				}
			}
			if got.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, &got, tt.want)
			}
		}
	})
}

// running makes a run at work.
func running(t *testing.T, s *store.Store) crosswalk.Task {
	t.Helper()
	j := job(t, s, connection(t, s, "Contoso"), "Companies")
	r := must(s.EnqueueRun(t.Context(), j, crosswalk.Scope{}, "ann"))(t)
	return must(s.TakeRun(t.Context(), r.ID, 0))(t)
}

func save(t *testing.T, s *store.Store, db *database.DB, p store.Progress) error {
	t.Helper()
	return db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return s.SaveProgress(ctx, tx, p) })
}

func TestProgressAndRejects(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		task := running(t, s)
		counts := crosswalk.Counts{Read: 1, Inserted: 2, Updated: 3, Unchanged: 4, Rejected: 5, Duplicates: 6, Pages: 7, Bytes: 1 << 40, Requests: 9, Throttled: 3 * time.Second}
		var rejects []crosswalk.Reject
		for i := range 120 {
			rejects = append(rejects, crosswalk.Reject{
				SourceID: fmt.Sprintf("id-%03d", i), Field: "Name", Code: crosswalk.RejectTooLong,
				Message: "Too long \x00\xff", Value: strings.Repeat("é", 1500), Record: `{"name":"🦊"}`,
			})
		}
		rejects[7].Code = crosswalk.RejectNotAnEmail
		p := store.Progress{RunID: task.Run.ID, Fence: task.Fence, Counts: counts, Checkpoint: crosswalk.Checkpoint{Page: 3, Link: "https://x/?a=1&b=🦊", Done: true}, Rejects: rejects}
		ok(t, save(t, s, db, p))
		p.Rejects = nil
		ok(t, save(t, s, db, p))
		want := counts
		want.Add(counts)
		equal(t, must(s.FindRun(ctx, task.Run.ID))(t).Counts, want)
		next := must(s.TakeRun(ctx, task.Run.ID, task.Fence))(t)
		equal(t, next.Checkpoint, p.Checkpoint)
		code(t, save(t, s, db, p), crosswalk.CodeConflict) // the older fence

		var ids []string
		page := store.Page{Limit: 50}
		for {
			items, cursor, total, err := s.ListRejects(ctx, task.Run.ID, store.RejectFilter{}, page)
			ok(t, err)
			equal(t, total, 120)
			for _, r := range items {
				ids = append(ids, r.SourceID)
			}
			if page.Cursor = cursor; cursor == "" {
				break
			}
		}
		var streamed []string
		ok(t, s.EachReject(ctx, task.Run.ID, func(r crosswalk.Reject) error {
			streamed = append(streamed, r.SourceID)
			return nil
		}))
		equal(t, streamed, ids)
		equal(t, []any{len(ids), ids[0], ids[119]}, []any{120, "id-000", "id-119"})
		boom := errors.New("boom")
		if err := s.EachReject(ctx, task.Run.ID, func(crosswalk.Reject) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
		found, _, total, err := s.ListRejects(ctx, task.Run.ID, store.RejectFilter{Code: crosswalk.RejectNotAnEmail, Search: "ID-00"}, store.Page{})
		ok(t, err)
		equal(t, total, 1)
		got := found[0]
		if got.ID == 0 || got.At.IsZero() {
			t.Errorf("%+v", got)
		}
		got.ID, got.At = 0, time.Time{}
		equal(t, got, crosswalk.Reject{
			RunID: task.Run.ID, SourceID: "id-007", Field: "Name", Code: crosswalk.RejectNotAnEmail,
			Message: "Too long \uFFFD\uFFFD", Value: strings.Repeat("é", store.MaxRejectValue), Record: `{"name":"🦊"}`,
		})

		ok(t, s.DeleteConnection(ctx, task.Run.ConnectionID))
		p.Fence = next.Fence
		code(t, save(t, s, db, p), crosswalk.CodeConflict)
		_, _, total, err = s.ListRejects(ctx, task.Run.ID, store.RejectFilter{}, store.Page{})
		ok(t, err)
		equal(t, total, 0)
		_, _, total, err = s.ListJobs(ctx, store.JobFilter{}, store.Page{})
		ok(t, err)
		equal(t, total, 0)
		_, err = s.FindRun(ctx, task.Run.ID)
		code(t, err, crosswalk.CodeNotFound)
	})
}

// A worker that was thought dead comes back with its old fence: its batch is
// refused as a whole.
func TestOldFenceRollsTheBatchBack(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		task := running(t, s)
		o := crosswalk.StandardObjects()[0]
		key := *o.Field("External_ID")
		w, err := table.NewWriter(ctx, db, table.Config{Object: o, Columns: []table.Column{{Field: key, Kind: column.Text, Identifier: true}}, ConnectionID: task.Run.ConnectionID, Entity: "account", Run: task.Run.Number})
		ok(t, err)
		t.Cleanup(func() { ok(t, w.Close()) })
		write := func(fence int64, id string) error {
			b := column.NewBatch([]column.Spec{{Name: "source_id"}, {Name: key.Name}})
			b.Columns[0].AppendBytes([]byte(id))
			b.Columns[1].AppendBytes([]byte(id))
			b.EndRow()
			_, err := w.Write(ctx, b, func(ctx context.Context, tx database.Execer, r table.Result) error {
				return s.SaveProgress(ctx, tx, store.Progress{
					RunID: task.Run.ID, Fence: fence, Counts: crosswalk.Counts{Read: 1, Inserted: r.Inserted, Updated: r.Updated},
					Checkpoint: crosswalk.Checkpoint{Page: fence, Link: id}, Rejects: []crosswalk.Reject{{SourceID: id, Code: crosswalk.RejectTooLong}},
				})
			})
			return err
		}
		state := func() []any {
			n, err := table.Count(ctx, db, o)
			ok(t, err)
			r := must(s.FindRun(ctx, task.Run.ID))(t)
			_, _, rejects, err := s.ListRejects(ctx, r.ID, store.RejectFilter{}, store.Page{})
			ok(t, err)
			return []any{n, r.Counts.Read, r.Counts.Inserted, rejects}
		}
		ok(t, write(task.Fence, "a"))
		equal(t, state(), []any{int64(1), int64(1), int64(1), 1})
		newer := must(s.BumpFence(ctx, task.Run.ID))(t)
		code(t, write(task.Fence, "b"), crosswalk.CodeConflict)
		equal(t, state(), []any{int64(1), int64(1), int64(1), 1})
		ok(t, write(newer, "c"))
		equal(t, state(), []any{int64(2), int64(2), int64(2), 2})
		ok(t, s.FinishRun(ctx, task.Run.ID, newer, crosswalk.RunSuccess, "", ""))
		code(t, write(newer, "d"), crosswalk.CodeConflict)
		equal(t, state(), []any{int64(2), int64(2), int64(2), 2})
	})
}

// Short transactions get their turn while a bulk writer is at work, and the
// bulk writer gets its own.
func TestStoreWritesBesideABulkWriter(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		task := running(t, s)
		o := crosswalk.StandardObjects()[0]
		key := *o.Field("External_ID")
		w, err := table.NewWriter(ctx, db, table.Config{Object: o, Columns: []table.Column{{Field: key, Kind: column.Text, Identifier: true}}})
		ok(t, err)
		t.Cleanup(func() { ok(t, w.Close()) })
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ok := s.InsertEvent(context.Background(), crosswalk.Event{Actor: "ann"})
				if ok != nil {
					t.Error(ok)
					return
				}
			}
		})
		for page := range 20 {
			b := column.NewBatch([]column.Spec{{Name: "source_id"}, {Name: key.Name}})
			for i := range 500 {
				id := fmt.Appendf(nil, "%d-%d", page, i)
				b.Columns[0].AppendBytes(id)
				b.Columns[1].AppendBytes(id)
				b.EndRow()
			}
			_, err := w.Write(ctx, b, func(ctx context.Context, tx database.Execer, r table.Result) error {
				return s.SaveProgress(ctx, tx, store.Progress{RunID: task.Run.ID, Fence: task.Fence, Counts: crosswalk.Counts{Read: 500, Inserted: r.Inserted}})
			})
			ok(t, err)
		}
		close(stop)
		wg.Wait()
		_, _, events, err := s.ListEvents(ctx, store.EventFilter{}, store.Page{})
		ok(t, err)
		if events < 10 {
			t.Errorf("%d events beside 20 batches", events)
		}
		equal(t, must(s.FindRun(ctx, task.Run.ID))(t).Counts.Inserted, int64(10_000))
	})
}
