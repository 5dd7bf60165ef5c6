package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Node is a process that works on runs.
type Node struct {
	ID string // of this process, never used again
	// Home says where its data directory is. One process at a time has it.
	Home string
}

// Join makes the store's node known, which works on runs from then on, and
// forgets those that can no longer be alive: an earlier one of the same home,
// and, when the node is the only one there can be, all others. It reports
// whether there were any.
func (s *Store) Join(ctx context.Context, n Node, only bool) (gone bool, err error) {
	var id string
	var moves int64
	err = s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		forgotten, err := tx.Exec(ctx, "DELETE FROM cw_nodes WHERE home = $1 OR $2", n.Home, only)
		if err != nil {
			return err
		}
		gone = forgotten > 0
		_, err = tx.Exec(ctx, "INSERT INTO cw_nodes (id, home, seen_at) VALUES ($1, $2, $3)", n.ID, n.Home, now)
		if err == nil {
			id, moves, err = beginHistory(ctx, tx)
		}
		return err
	})
	s.node = n
	if err == nil {
		s.history.note(id, moves)
	}
	return gone, wrap(err, "join")
}

// Beat says that the store's node is alive, and forgets those that have not
// said so for as long as silence. It reports whether there were any. Whether a
// node is silent is told by the clock of the database.
func (s *Store) Beat(ctx context.Context, silence time.Duration) (gone bool, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO cw_nodes (id, home, seen_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
			s.node.ID, s.node.Home, now)
		if err != nil {
			return err
		}
		forgotten, err := tx.Exec(ctx, "DELETE FROM cw_nodes WHERE seen_at < $1", database.Time{Time: now.Add(-silence)})
		gone = forgotten > 0
		return err
	})
	return gone, wrap(err, "beat")
}

// Leave forgets the store's node. Runs that it has taken and given back to the
// queue are no longer its own.
func (s *Store) Leave(ctx context.Context) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE cw_runs SET node = '', lost = 0 WHERE status = 'running' AND node = $1", s.node.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM cw_nodes WHERE id = $1", s.node.ID)
		return err
	})
	return wrap(err, "leave")
}

// clock returns the time of the database, which is the same for all nodes.
func (s *Store) clock(ctx context.Context, tx *database.Tx) (database.Time, error) {
	now := s.now()
	if s.db.Dialect() == database.SQLite {
		return now, nil
	}
	err := tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now, err
}

// UnfinishedRun is a run that is queued or running: what is needed to see
// that somebody works on it, or that its task exists.
type UnfinishedRun struct {
	ID     string
	Fence  int64
	Status crosswalk.RunStatus
	// Node is the one that took the run last; "" when none has since it was
	// queued, decided about or taken over.
	Node  string
	Alive bool // Node is known
	// Lost is how often in a row the run was taken without anything heard of
	// it since, Node's taking included.
	Lost int64
	// SavedAt is when the run was last taken or stored something.
	SavedAt    time.Time
	Cancelling bool
}

// UnfinishedRuns returns every run that has not ended, the oldest first.
func (s *Store) UnfinishedRuns(ctx context.Context) ([]UnfinishedRun, error) {
	rows, err := s.db.Query(ctx, `SELECT r.id, r.fence, r.status, r.node, n.id IS NOT NULL, r.lost, r.saved_at, r.cancelling
		FROM cw_runs r LEFT JOIN cw_nodes n ON n.id = r.node WHERE r.status IN ('queued', 'running') ORDER BY r.number`)
	if err != nil {
		return nil, wrap(err, "unfinished runs")
	}
	defer rows.Close()
	var runs []UnfinishedRun
	for rows.Next() {
		var r UnfinishedRun
		var saved database.Time
		if err := rows.Scan(&r.ID, &r.Fence, &r.Status, &r.Node, &r.Alive, &r.Lost, &saved, &r.Cancelling); err != nil {
			return nil, wrap(err, "unfinished runs")
		}
		r.SavedAt = saved.Time
		runs = append(runs, r)
	}
	return runs, wrap(rows.Err(), "unfinished runs")
}

// TakeOver takes a run away from whoever works on it: the fence, which must
// still be the one given, rises, so that they can no longer write. It returns
// the new fence. It returns CodeNotFound, and CodeConflict when the fence is
// not the present one or the run has ended.
func (s *Store) TakeOver(ctx context.Context, id string, fence int64) (raised int64, err error) {
	_, err = s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, present int64) error {
		if present != fence {
			return stale(*r)
		}
		raised = s.raise(fence)
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET fence = $2, node = '' WHERE id = $1", id, raised)
		return err
	})
	if err != nil {
		return 0, wrap(err, "take over")
	}
	return raised, nil
}

// PinKey notes the key that seals the secrets in the database, unless one is
// noted that has does not know: then it changes nothing. It returns the key
// that is noted afterwards.
func (s *Store) PinKey(ctx context.Context, id string, has func(id string) bool) (noted string, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		err := tx.QueryRow(ctx, "SELECT id FROM cw_keys").Scan(&noted)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil || noted == id || !has(noted):
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM cw_keys"); err != nil {
			return err
		}
		noted = id
		_, err = tx.Exec(ctx, "INSERT INTO cw_keys (id) VALUES ($1)", id)
		return err
	})
	return noted, wrap(err, "note the key")
}
