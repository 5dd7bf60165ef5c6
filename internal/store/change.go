package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// keysATime is how many keys stand in one statement.
const keysATime = 500

// storedPosition is a Position with what only the engine reads.
type storedPosition struct {
	Way   crosswalk.Way `json:"way"`
	Why   string        `json:"why,omitempty"`
	At    time.Time     `json:"at"`
	Mark  string        `json:"mark"`
	Of    string        `json:"of"`
	User  string        `json:"user,omitempty"`
	Tried time.Time     `json:"tried,omitzero"`
	Days  int           `json:"days,omitempty"` // for which changes are remembered
	Told  bool          `json:"told,omitempty"` // that it expires soon
}

func (p storedPosition) position() *crosswalk.Position {
	at := &crosswalk.Position{Way: p.Way, Why: p.Why, At: p.At, Tried: p.Tried, Mark: p.Mark, Of: p.Of, User: p.User}
	if p.Way == crosswalk.WayTracked && p.Days > 0 {
		end := p.At.AddDate(0, 0, p.Days)
		at.ExpiresAt = &end
	}
	return at
}

// movePosition moves the position of a run's job to where the run has come.
func (s *Store) movePosition(ctx context.Context, tx *database.Tx, r crosswalk.Run) error {
	var text string
	if err := tx.QueryRow(ctx, "SELECT checkpoint_json FROM cw_runs WHERE id = $1", r.ID).Scan(&text); err != nil {
		return err
	}
	var at crosswalk.Checkpoint
	if err := decode(text, &at); err != nil || at.Mark == "" {
		return err
	}
	p := storedPosition{Way: at.Way, Why: at.Why, At: r.QueuedAt, Tried: at.Tried, Mark: at.Mark, Of: at.Of, User: at.User, Days: at.Days}
	if r.StartedAt != nil {
		p.At = *r.StartedAt
	}
	_, err := tx.Exec(ctx, "UPDATE cw_jobs SET position_json = $2 WHERE id = $1", r.JobID, encode(p))
	return err
}

// dropChanges forgets which records a run has met.
func (s *Store) dropChanges(ctx context.Context, tx database.Execer, runID string) error {
	for _, table := range []string{"cw_run_keys", "cw_run_deletes"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE run_id = $1", runID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) saveChanges(ctx context.Context, tx database.Execer, p Progress) error {
	if p.Recount {
		if _, err := tx.Exec(ctx, "DELETE FROM cw_run_keys WHERE run_id = $1", p.RunID); err != nil {
			return err
		}
	}
	if len(p.Keys) > 0 {
		if _, err := tx.Exec(ctx, "INSERT INTO cw_run_keys (run_id, page, entries) VALUES ($1, $2, $3)", p.RunID, p.Checkpoint.Page, p.Keys); err != nil {
			return err
		}
	}
	if _, err := eachKey(ctx, tx, "DELETE FROM cw_run_deletes WHERE run_id = $1 AND source_id IN (", p.RunID, p.Back); err != nil {
		return err
	}
	return noteDeleted(ctx, tx, p.RunID, p.Deleted)
}

// eachKey runs a statement that ends in a list of keys. It returns how many
// rows that changed.
func eachKey(ctx context.Context, tx database.Execer, query, runID string, keys []string) (changed int64, err error) {
	for len(keys) > 0 {
		n := min(len(keys), keysATime)
		var b strings.Builder
		b.WriteString(query)
		args := make([]any, 1, n+1)
		args[0] = runID
		for i, k := range keys[:n] {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", i+2)
			args = append(args, k)
		}
		b.WriteString(")")
		m, err := tx.Exec(ctx, b.String(), args...)
		if err != nil {
			return changed, err
		}
		changed += m
		keys = keys[n:]
	}
	return changed, nil
}

func noteDeleted(ctx context.Context, tx database.Execer, runID string, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), keysATime)
		var b strings.Builder
		b.WriteString("INSERT INTO cw_run_deletes (run_id, source_id) VALUES ")
		args := make([]any, 1, n+1)
		args[0] = runID
		for i, k := range keys[:n] {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "($1, $%d)", i+2)
			args = append(args, database.Text(k))
		}
		b.WriteString(" ON CONFLICT DO NOTHING")
		if _, err := tx.Exec(ctx, b.String(), args...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// EachKeptKeys calls fn with the keys that a run has kept, 16 bytes each, a
// page at a time. A connection to the database is held until it returns.
func (s *Store) EachKeptKeys(ctx context.Context, runID string, fn func(keys []byte) error) error {
	rows, err := s.db.Query(ctx, "SELECT entries FROM cw_run_keys WHERE run_id = $1", runID)
	if err != nil {
		return wrap(err, "read kept keys")
	}
	defer rows.Close()
	for rows.Next() {
		var keys []byte
		if err := rows.Scan(&keys); err != nil {
			return wrap(err, "read kept keys")
		}
		if err := fn(keys); err != nil {
			return err
		}
	}
	return wrap(rows.Err(), "read kept keys")
}

// NotedDeletes returns up to n keys of records that a run has noted as gone,
// behind after and in their order.
func (s *Store) NotedDeletes(ctx context.Context, runID, after string, n int) ([]string, error) {
	rows, err := s.db.Query(ctx, "SELECT source_id FROM cw_run_deletes WHERE run_id = $1 AND source_id > $2 ORDER BY source_id LIMIT $3", runID, after, n)
	if err != nil {
		return nil, wrap(err, "read deletions")
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			return nil, wrap(err, "read deletions")
		}
		keys = append(keys, k)
	}
	return keys, wrap(rows.Err(), "read deletions")
}

// CountNotedDeletes returns how many records that are gone are noted for the
// run.
func (s *Store) CountNotedDeletes(ctx context.Context, runID string) (n int64, err error) {
	err = s.db.QueryRow(ctx, "SELECT count(*) FROM cw_run_deletes WHERE run_id = $1", runID).Scan(&n)
	return n, wrap(err, "count deletions")
}

// SetRunReads notes what a run reads and how. When another worker has the run
// it does nothing.
func (s *Store) SetRunReads(ctx context.Context, id string, fence int64, text string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET reads = $3 WHERE id = $1 AND fence = $2", id, fence, database.Text(text))
		return err
	})
	return wrap(err, "note what is read")
}

// HoldRun stops a running run until Decide, and says so in the activity log; one that was to be cancelled
// meanwhile ends. It returns CodeNotFound, and CodeConflict when the run has
// ended or the fence is not the present one.
func (s *Store) HoldRun(ctx context.Context, id string, fence int64, message, hint string) error {
	_, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, present int64) error {
		switch {
		case present != fence:
			return stale(*r)
		case r.Cancelling:
			return s.endRun(ctx, tx, *r, crosswalk.RunCancelled, "Cancelled.", "")
		}
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET status = 'held', message = $2, hint = $3, held_at = $4, saved_at = $4 WHERE id = $1",
			id, database.Text(message), database.Text(hint), s.now())
		if err != nil {
			return err
		}
		return s.insertEvent(ctx, tx, crosswalk.Event{Actor: "Crosswalk", Action: "run.held", Subject: r.JobName, Detail: message, RunID: r.ID, Run: r.Number})
	})
	return wrap(err, "hold run")
}

// Decide lets a held run go on with somebody's decision about its deletions,
// and returns the run and the fence of its next slice. It returns CodeNotFound, and
// CodeConflict when the run is not held.
func (s *Store) Decide(ctx context.Context, id string, d crosswalk.Decision, by string) (crosswalk.Run, int64, error) {
	var raised int64
	r, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, fence int64) error {
		if r.Status != crosswalk.RunHeld {
			return crosswalk.Errorf(crosswalk.CodeConflict, "Run %d of %s is not held.", r.Number, r.JobName).
				WithHint("Only a run that waits for a decision takes one.")
		}
		var text string
		if err := tx.QueryRow(ctx, "SELECT checkpoint_json FROM cw_runs WHERE id = $1", id).Scan(&text); err != nil {
			return err
		}
		var at crosswalk.Checkpoint
		if err := decode(text, &at); err != nil {
			return err
		}
		at.Decided, raised = d, s.raise(fence)
		now := s.now()
		r.Decision = &crosswalk.Decided{Decision: d, By: database.Text(by), At: now.Time, HeldFor: r.Message}
		r.Status, r.Message, r.Hint = crosswalk.RunRunning, "", ""
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET status = 'running', message = '', hint = '', fence = $2, checkpoint_json = $3, decision_json = $4, saved_at = $5, node = '', lost = 0 WHERE id = $1",
			id, raised, encode(at), encode(r.Decision), now)
		return err
	})
	return r, raised, wrap(err, "decide about a held run")
}
