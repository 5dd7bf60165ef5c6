package store_test

import (
	"context"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// TestHistory puts older and other databases in the place of the one that two
// stores work on, as far as a single row tells them apart. Both notice, and no
// run succeeds in one.
func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		set := func(query string) {
			t.Helper()
			ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { _, err := tx.Exec(ctx, query); return err }))
		}
		other := store.New(db)
		must(s.Join(ctx, store.Node{ID: "a", Home: "host, /a"}, false))(t)
		must(other.Join(ctx, store.Node{ID: "b", Home: "host, /b"}, false))(t)
		task := running(t, s)
		for range 3 {
			ok(t, s.Advance(ctx, true))
		}
		ok(t, other.Advance(ctx, false))
		ok(t, other.Advance(ctx, true))
		for name, older := range map[string]string{
			"older":   "UPDATE cw_history SET moves = moves - 2",
			"another": "UPDATE cw_history SET id = 'another', moves = moves + 10",
			"empty":   "DELETE FROM cw_history",
		} {
			var id string
			var moves int64
			ok(t, db.QueryRow(ctx, "SELECT id, moves FROM cw_history").Scan(&id, &moves))
			set(older)
			for _, store := range []*store.Store{s, other} {
				t.Log(name)
				code(t, store.Advance(ctx, true), crosswalk.CodeConflict)
				code(t, store.FinishRun(ctx, task.Run.ID, task.Fence, crosswalk.RunSuccess, "", ""), crosswalk.CodeConflict)
			}
			equal(t, must(s.FindRun(ctx, task.Run.ID))(t).Status, crosswalk.RunRunning)
			set("DELETE FROM cw_history")
			ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO cw_history (id, moves) VALUES ($1, $2)", id, moves)
				return err
			}))
			ok(t, s.Advance(ctx, true))
			ok(t, other.Advance(ctx, true))
		}

		// Each ends the runs that it has, and no others.
		ok(t, other.Abandon(ctx, "Replaced.", "Again."))
		equal(t, must(s.FindRun(ctx, task.Run.ID))(t).Status, crosswalk.RunRunning)
		ok(t, s.Abandon(ctx, "Replaced.", "Again."))
		r := must(s.FindRun(ctx, task.Run.ID))(t)
		equal(t, []any{r.Status, r.Message, r.Hint}, []any{crosswalk.RunFailed, "Replaced.", "Again."})
		code(t, save(t, s, db, store.Progress{RunID: task.Run.ID, Fence: task.Fence}), crosswalk.CodeConflict)
	})
}
