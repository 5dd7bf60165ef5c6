package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// history is which database this is and how far it had come when this process
// looked last. A database that has come less far is an older copy of it, put
// in its place.
type history struct {
	mu    sync.Mutex
	id    string
	moves int64
}

// known returns what was seen last; an empty id means nothing.
func (h *history) known() (id string, moves int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id, h.moves
}

// note notes what was seen, whoever saw it first.
func (h *history) note(id string, moves int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id, h.moves = id, max(h.moves, moves)
}

// beginHistory reads the history of the database, and begins one that has none.
func beginHistory(ctx context.Context, tx *database.Tx) (id string, moves int64, err error) {
	err = tx.QueryRow(ctx, "SELECT id, moves FROM cw_history").Scan(&id, &moves)
	if errors.Is(err, sql.ErrNoRows) {
		id = crosswalk.NewID()
		_, err = tx.Exec(ctx, "INSERT INTO cw_history (id, moves) VALUES ($1, 0)", id)
	}
	return id, moves, err
}

// checkHistory returns CodeConflict when the database has not come as far as
// known, which was asked for before tx began, and else how far it has come.
func checkHistory(ctx context.Context, tx *database.Tx, id string, known int64) (moves int64, err error) {
	if id == "" { // nobody works on it
		return 0, nil
	}
	var now string
	err = tx.QueryRow(ctx, "SELECT id, moves FROM cw_history").Scan(&now, &moves)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, err
	case err == nil && now == id && moves >= known:
		return moves, nil
	}
	return 0, crosswalk.Errorf(crosswalk.CodeConflict, "The database was replaced by an older or another one while Crosswalk worked on it.").
		WithHint("Start Crosswalk again: it goes on from what the database holds now. Stop all servers before you restore a backup.")
}

// Advance returns CodeConflict when the database is no longer the one that Join
// found, or an older copy of it. With move it notes that it has come further.
func (s *Store) Advance(ctx context.Context, move bool) error {
	id, known := s.history.known()
	var moves int64
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		moves, err = checkHistory(ctx, tx, id, known)
		if err == nil && move {
			err = tx.QueryRow(ctx, "UPDATE cw_history SET moves = moves + 1 RETURNING moves").Scan(&moves)
		}
		return err
	})
	if err == nil {
		s.history.note(id, moves)
	}
	return wrap(err, "look at the history of the database")
}

// Abandon ends the runs that the store's node has at work, with a message. What
// they store from then on is refused.
func (s *Store) Abandon(ctx context.Context, message, hint string) error {
	runs, err := s.UnfinishedRuns(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Node != s.node.ID {
			continue
		}
		fence, err := s.BumpFence(ctx, r.ID)
		if err == nil {
			err = s.FinishRun(ctx, r.ID, fence, crosswalk.RunFailed, message, hint)
		}
		switch crosswalk.ErrorCode(err) {
		case "", crosswalk.CodeConflict, crosswalk.CodeNotFound: // it has just ended
		default:
			return err
		}
	}
	return nil
}

// raise returns the fence that follows fence in a run's life. It goes with the
// time, so that a run in a copy of the database, restored after the original
// had gone on, never has a fence again that it had there: the queue may still
// know it, and whoever had it may still be at work.
func (s *Store) raise(fence int64) int64 { return max(fence+1, s.now().UnixMilli()) }
