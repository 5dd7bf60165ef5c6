package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// RunFilter chooses runs; empty fields choose all. Search looks in the names
// of the job, the connection, the entity and the object, and in the message.
type RunFilter struct {
	JobID, ConnectionID, Object, Search string
	Statuses                            []crosswalk.RunStatus
}

const runColumns = `r.id, r.number, r.job_id, r.job_name, r.connection_id, r.connection_name, r.entity, r.object, r.scope_json, r.reads, r.status, r.message, r.hint, r.warnings_json,
	r.records_read, r.inserted, r.updated, r.unchanged, r.rejected, r.duplicates, r.skipped, r.deleted, r.pages, r.bytes, r.requests, r.throttled_ns,
	r.step, r.step_done, r.step_total, r.decision_json, r.total, r.cancelling, r.requested_by, r.queued_at, r.started_at, r.held_at, r.ended_at,
	CASE WHEN r.status = 'queued' THEN COALESCE((SELECT max(h.number) FROM cw_runs h WHERE h.job_id = r.job_id AND h.status = 'held'), 0) ELSE 0 END`

// scanRun reads runColumns and whatever columns follow into more.
func scanRun(row scanner, more ...any) (crosswalk.Run, error) {
	var r crosswalk.Run
	var queued, started, held, ended database.Time
	var scope, warnings, decision string
	var step crosswalk.StepState
	c := &r.Counts
	err := row.Scan(append([]any{
		&r.ID, &r.Number, &r.JobID, &r.JobName, &r.ConnectionID, &r.ConnectionName, &r.Entity, &r.Object, &scope, &r.Reads, &r.Status, &r.Message, &r.Hint, &warnings,
		&c.Read, &c.Inserted, &c.Updated, &c.Unchanged, &c.Rejected, &c.Duplicates, &c.Skipped, &c.Deleted, &c.Pages, &c.Bytes, &c.Requests, &c.Throttled,
		&step.Name, &step.Done, &step.Total, &decision, &r.Total, &r.Cancelling, &r.RequestedBy, &queued, &started, &held, &ended, &r.WaitsFor,
	}, more...)...)
	r.QueuedAt, r.StartedAt, r.HeldAt, r.EndedAt = queued.Time, started.Ptr(), held.Ptr(), ended.Ptr()
	if err == nil {
		err = decode(scope, &r.Scope)
	}
	if err == nil && warnings != "" {
		err = decode(warnings, &r.Warnings)
	}
	if err == nil && decision != "" {
		err = decode(decision, &r.Decision)
	}
	if r.WaitsFor != 0 {
		r.Message, r.Hint = fmt.Sprintf("Waits for run %d, which is held.", r.WaitsFor), fmt.Sprintf("Release or discard run %d.", r.WaitsFor)
	}
	if step.Name.Words() != "" {
		r.Step = &step
	}
	return r, err
}

func runNotFound(err error, id string) error {
	return notFound(err, "The list of runs has those there are; this one may have been deleted.", "There is no run with the id %s.", id)
}

func runEnded(r crosswalk.Run) error {
	return crosswalk.Errorf(crosswalk.CodeConflict, "Run %d of %s has ended already (%s).", r.Number, r.JobName, strings.ReplaceAll(string(r.Status), "_", " ")).
		WithHint("There is nothing left to cancel or to decide about.")
}

// unfinished returns how many runs of a job have not ended, how many of
// them have begun, and the number of the one that is held, 0 for none.
func unfinished(ctx context.Context, tx *database.Tx, jobID string) (all, begun int, held int64, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*), count(CASE WHEN status <> 'queued' THEN 1 END), COALESCE(max(CASE WHEN status = 'held' THEN number END), 0) FROM cw_runs
		WHERE job_id = $1 AND status IN ('queued', 'running', 'held')`, jobID).Scan(&all, &begun, &held)
	return all, begun, held, err
}

// EnqueueRun stores a new run of a job over the scope, queued, together with
// the job as it is given. A job runs once at a time and one more run may wait; beyond that
// it returns CodeConflict. It returns CodeNotFound when the job is gone.
func (s *Store) EnqueueRun(ctx context.Context, job crosswalk.Job, scope crosswalk.Scope, requestedBy string) (crosswalk.Run, error) {
	now := s.now()
	job.LastRun = nil
	r := crosswalk.Run{
		ID: crosswalk.NewID(), JobID: job.ID, ConnectionID: job.ConnectionID, Entity: job.Entity, Object: job.Object,
		Status: crosswalk.RunQueued, Scope: scope, RequestedBy: requestedBy, Total: -1, QueuedAt: now.Time,
	}
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		err := tx.QueryRow(ctx, "SELECT j.name, c.name FROM cw_jobs j JOIN cw_connections c ON c.id = j.connection_id WHERE j.id = $1", job.ID).
			Scan(&r.JobName, &r.ConnectionName)
		if err != nil {
			return jobNotFound(err, job.ID)
		}
		n, _, held, err := unfinished(ctx, tx, job.ID)
		switch {
		case err != nil:
			return err
		case n >= 2 && held != 0:
			return crosswalk.Errorf(crosswalk.CodeConflict, "Run %d of %s is held and another one waits already.", held, job.Name).
				WithHint("Release or discard the held run, or cancel one.")
		case n >= 2:
			return crosswalk.Errorf(crosswalk.CodeConflict, "A run of %s is at work and another one waits already.", job.Name).
				WithHint("Wait until one has ended, or cancel one.")
		}
		if err := tx.QueryRow(ctx, "UPDATE cw_counters SET value = value + 1 WHERE name = 'run' RETURNING value").Scan(&r.Number); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO cw_runs (id, number, job_id, job_name, connection_id, connection_name, entity, object, status, message, hint, requested_by, scope_json, job_json, queued_at, saved_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', $10, $11, $12, $13, $13)`,
			r.ID, r.Number, r.JobID, r.JobName, r.ConnectionID, r.ConnectionName, r.Entity, r.Object, string(r.Status), r.RequestedBy, encode(r.Scope), encode(job), now)
		return err
	})
	return r, wrap(err, "enqueue run")
}

// FindRun returns the run with that id or CodeNotFound.
func (s *Store) FindRun(ctx context.Context, id string) (crosswalk.Run, error) {
	r, err := scanRun(s.db.QueryRow(ctx, "SELECT "+runColumns+" FROM cw_runs r WHERE r.id = $1", id))
	return r, wrap(runNotFound(err, id), "find run")
}

// ListRuns lists runs, the newest first.
func (s *Store) ListRuns(ctx context.Context, f RunFilter, p Page) ([]crosswalk.Run, string, int, error) {
	q := query{dialect: s.db.Dialect()}
	q.equal("r.job_id", f.JobID)
	q.equal("r.connection_id", f.ConnectionID)
	q.equal("r.object", f.Object)
	q.search(f.Search, "r.job_name", "r.connection_name", "r.entity", "r.object", "r.message")
	if len(f.Statuses) > 0 {
		var in []string
		for _, st := range f.Statuses {
			in = append(in, q.arg(string(st)))
		}
		q.where = append(q.where, fmt.Sprintf("r.status IN (%s)", strings.Join(in, ", ")))
	}
	items, next, total, err := list(ctx, s, q, runColumns, "cw_runs r", order{columns: []string{"r.number"}, desc: true}, p,
		func(row scanner) (crosswalk.Run, []any, error) {
			r, err := scanRun(row)
			return r, []any{r.Number}, err
		})
	return items, next, total, wrap(err, "list runs")
}
