package store

import (
	"context"
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

func stale(r crosswalk.Run) error {
	return crosswalk.Errorf(crosswalk.CodeConflict, "Another worker has taken run %d of %s.", r.Number, r.JobName)
}

// TakeRun gives a run to the caller to work on: the fence, which must still
// be the one given, rises by one, and a queued run becomes running. It returns
// CodeNotFound; CodeConflict when the fence is not the present one or the run
// has ended; and CodeUnavailable when the run must wait because another run of
// its job is at work.
func (s *Store) TakeRun(ctx context.Context, id string, fence int64) (crosswalk.Task, error) {
	var t crosswalk.Task
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var job, checkpoint, position string
		var pausedFrom, pausedUntil database.Time
		var err error
		t = crosswalk.Task{}
		t.Run, err = scanRun(tx.QueryRow(ctx, "SELECT "+runColumns+", r.job_json, r.fence, r.checkpoint_json, r.paused_from, r.paused_until, j.position_json FROM cw_runs r JOIN cw_jobs j ON j.id = r.job_id WHERE r.id = $1", id),
			&job, &t.Fence, &checkpoint, &pausedFrom, &pausedUntil, &position)
		if err != nil {
			return runNotFound(err, id)
		}
		if err := decode(job, &t.Job); err != nil {
			return err
		}
		if err := decode(checkpoint, &t.Checkpoint); err != nil {
			return err
		}
		if position != "" {
			var p storedPosition
			if err := decode(position, &p); err != nil {
				return err
			}
			t.Position = *p.position()
		}
		if t.Run.Status.Ended() {
			return runEnded(t.Run)
		}
		if t.Fence != fence {
			return stale(t.Run)
		}
		now := s.now()
		if t.Run.Status == crosswalk.RunQueued {
			_, begun, _, err := unfinished(ctx, tx, t.Run.JobID)
			if err != nil {
				return err
			}
			if begun > 0 {
				return crosswalk.Errorf(crosswalk.CodeUnavailable, "Run %d of %s waits until the run before it has ended.", t.Run.Number, t.Run.JobName)
			}
			t.Run.Status, t.Run.StartedAt = crosswalk.RunRunning, now.Ptr()
		}
		if end := pausedUntil.Time; !end.IsZero() {
			if now.Before(end) { // somebody wants it sooner
				end = now.Time
			}
			t.Run.Counts.Throttled += max(end.Sub(pausedFrom.Time), 0)
		}
		t.Fence++
		// One that is taken without having been taken over was given back.
		_, err = tx.Exec(ctx, `UPDATE cw_runs SET fence = $2, status = $3, started_at = $4, saved_at = $5, lost = CASE WHEN node = '' THEN lost + 1 ELSE 1 END, node = $6,
			throttled_ns = $7, paused_from = NULL, paused_until = NULL WHERE id = $1`,
			id, t.Fence, string(t.Run.Status), database.TimeOf(t.Run.StartedAt), now, s.node.ID, int64(t.Run.Counts.Throttled))
		return err
	})
	if err != nil {
		return crosswalk.Task{}, wrap(err, "take run")
	}
	return t, nil
}

// change reads an unfinished run and runs fn on it. It returns CodeNotFound,
// or CodeConflict when the run has ended.
func (s *Store) change(ctx context.Context, id string, fn func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, fence int64) error) (crosswalk.Run, error) {
	var r crosswalk.Run
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var fence int64
		var err error
		r, err = scanRun(tx.QueryRow(ctx, "SELECT "+runColumns+", r.fence FROM cw_runs r WHERE r.id = $1", id), &fence)
		if err != nil {
			return runNotFound(err, id)
		}
		if r.Status.Ended() {
			return runEnded(r)
		}
		return fn(ctx, tx, &r, fence)
	})
	return r, err
}

// Fence returns the present fence of a run. It returns CodeNotFound.
func (s *Store) Fence(ctx context.Context, id string) (int64, error) {
	var fence int64
	err := s.db.QueryRow(ctx, "SELECT fence FROM cw_runs WHERE id = $1", id).Scan(&fence)
	return fence, wrap(runNotFound(err, id), "find fence")
}

// BumpFence raises the fence of a run, so that whoever works on it can no
// longer write, and returns the new one. It returns CodeNotFound, or
// CodeConflict when the run has ended.
func (s *Store) BumpFence(ctx context.Context, id string) (int64, error) {
	var raised int64
	_, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, _ *crosswalk.Run, fence int64) error {
		raised = fence + 1
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET fence = $2, node = '' WHERE id = $1", id, raised)
		return err
	})
	if err != nil {
		return 0, wrap(err, "raise fence")
	}
	return raised, nil
}

// SetRunTrouble notes what keeps a running run from going on at the moment,
// until the next progress. When another worker has the run it does nothing.
// Whoever has the run is heard of by that, see UnfinishedRun.Lost.
func (s *Store) SetRunTrouble(ctx context.Context, id string, fence int64, message, hint string) error {
	return wrap(s.setTrouble(ctx, id, fence, message, hint, database.Time{}, database.Time{}), "set trouble")
}

// PauseRun is SetRunTrouble for a run that gives its worker back because its
// environment asked to wait: it has waited for some time, and is to wait for the
// time that is left. Until a worker takes it again, but no longer than that, it
// is throttled; its counts say so from then on.
func (s *Store) PauseRun(ctx context.Context, id string, fence int64, waited, left time.Duration, message, hint string) error {
	now := s.now()
	from, until := database.Time{Time: now.Add(-waited)}, database.Time{Time: now.Add(left)}
	return wrap(s.setTrouble(ctx, id, fence, message, hint, from, until), "pause run")
}

func (s *Store) setTrouble(ctx context.Context, id string, fence int64, message, hint string, from, until database.Time) error {
	return s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE cw_runs SET message = $3, hint = $4, lost = CASE WHEN node = '' THEN lost ELSE 0 END,
			paused_from = COALESCE($5, paused_from), paused_until = COALESCE($6, paused_until)
			WHERE id = $1 AND fence = $2 AND status = 'running'`,
			id, fence, database.Text(message), database.Text(hint), from, until)
		return err
	})
}

// SetRunTotal stores the estimated number of records to read, -1 when it is
// not known. A run that does not exist is not an error.
func (s *Store) SetRunTotal(ctx context.Context, id string, total int64) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET total = $2 WHERE id = $1", id, total)
		return err
	})
	return wrap(err, "set total")
}

// maxWarnings is how many warnings of a run are kept.
const maxWarnings = 100

// AddRunWarnings adds warnings to a run, those it does not have yet. It
// returns CodeNotFound, and CodeConflict when the run has ended or the fence
// is not the present one.
func (s *Store) AddRunWarnings(ctx context.Context, id string, fence int64, warnings []string) error {
	_, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, present int64) error {
		if present != fence {
			return stale(*r)
		}
		before := len(r.Warnings)
		for _, w := range warnings {
			if w = database.Text(w); !slices.Contains(r.Warnings, w) && len(r.Warnings) < maxWarnings {
				r.Warnings = append(r.Warnings, w)
			}
		}
		if len(r.Warnings) == before {
			return nil
		}
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET warnings_json = $2 WHERE id = $1", id, encode(r.Warnings))
		return err
	})
	return wrap(err, "add warnings")
}

// RequestCancel cancels a queued run at once and asks a running one to stop;
// asking again changes nothing. It returns the run as it then is. It returns
// CodeNotFound, or CodeConflict when the run has ended.
func (s *Store) RequestCancel(ctx context.Context, id string) (crosswalk.Run, error) {
	r, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, fence int64) error {
		if r.Status == crosswalk.RunRunning {
			r.Cancelling = true
			_, err := tx.Exec(ctx, "UPDATE cw_runs SET cancelling = TRUE WHERE id = $1", id)
			return err
		}
		now := s.now()
		message := "The run was cancelled before it started."
		if r.Status == crosswalk.RunHeld {
			message = "The run was cancelled while it was held."
			if err := s.dropChanges(ctx, tx, id); err != nil {
				return err
			}
		}
		r.Status, r.EndedAt, r.Message, r.Hint, r.WaitsFor = crosswalk.RunCancelled, now.Ptr(), message, "", 0
		_, err := tx.Exec(ctx, "UPDATE cw_runs SET status = $2, message = $3, hint = '', ended_at = $4, fence = $5 WHERE id = $1",
			id, string(r.Status), r.Message, now, fence+1)
		return err
	})
	return r, wrap(err, "cancel run")
}

// CancelRequested reports whether the run should stop. It returns
// CodeNotFound.
func (s *Store) CancelRequested(ctx context.Context, id string) (bool, error) {
	var asked bool
	err := s.db.QueryRow(ctx, "SELECT cancelling OR status = 'cancelled' FROM cw_runs WHERE id = $1", id).Scan(&asked)
	return asked, wrap(runNotFound(err, id), "cancel requested")
}

// FinishRun ends a run. One that succeeds, fully or in part, moves the position
// of its job in the same transaction. It returns CodeInvalid when status is not a final
// one, CodeNotFound, and CodeConflict when the run has ended already, the
// fence is not the present one, or the run would succeed in a database that is
// not the one it began in, see Advance.
func (s *Store) FinishRun(ctx context.Context, id string, fence int64, status crosswalk.RunStatus, message, hint string) error {
	if !status.Ended() {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "A run cannot end as %s.", status)
	}
	history, moves := s.history.known()
	_, err := s.change(ctx, id, func(ctx context.Context, tx *database.Tx, r *crosswalk.Run, present int64) error {
		if present != fence {
			return stale(*r)
		}
		if status == crosswalk.RunSuccess || status == crosswalk.RunPartialSuccess {
			if _, err := checkHistory(ctx, tx, history, moves); err != nil {
				return err
			}
			if err := s.movePosition(ctx, tx, *r); err != nil {
				return err
			}
		}
		return s.endRun(ctx, tx, *r, status, message, hint)
	})
	return wrap(err, "finish run")
}

func (s *Store) endRun(ctx context.Context, tx *database.Tx, r crosswalk.Run, status crosswalk.RunStatus, message, hint string) error {
	if err := s.dropChanges(ctx, tx, r.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE cw_runs SET status = $2, message = $3, hint = $4, ended_at = $5, saved_at = $5, cancelling = FALSE WHERE id = $1",
		r.ID, string(status), database.Text(message), database.Text(hint), s.now())
	return err
}
