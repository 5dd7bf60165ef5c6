package store

import (
	"context"
	"database/sql"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// JobFilter chooses jobs. Search looks in the names of the job, its
// connection, its entity and its object.
type JobFilter struct{ Search, ConnectionID string }

const (
	jobColumns = `j.id, j.name, j.connection_id, c.name, j.entity, j.object, j.operation, j.load_mode, j.mapping_json, j.filter_json, j.deletes_json, j.limit_json, j.position_json,
	j.out_of_the_box, j.version, j.created_at, j.updated_at, r.id, r.status, coalesce(r.ended_at, r.queued_at)`
	jobFrom = `cw_jobs j JOIN cw_connections c ON c.id = j.connection_id
	LEFT JOIN cw_runs r ON r.id = coalesce((SELECT h.id FROM cw_runs h WHERE h.job_id = j.id AND h.status = 'held' LIMIT 1),
		(SELECT n.id FROM cw_runs n WHERE n.job_id = j.id ORDER BY n.number DESC LIMIT 1))`
)

func scanJob(row scanner) (crosswalk.Job, error) {
	var j crosswalk.Job
	var mapping, filter, deletes, limit, position string
	var created, updated, at database.Time
	var run, status sql.NullString
	err := row.Scan(&j.ID, &j.Name, &j.ConnectionID, &j.ConnectionName, &j.Entity, &j.Object, &j.Operation, &j.LoadMode, &mapping, &filter, &deletes, &limit, &position,
		&j.OutOfTheBox, &j.Version, &created, &updated, &run, &status, &at)
	if err != nil {
		return j, err
	}
	j.CreatedAt, j.UpdatedAt = created.Time, updated.Time
	if run.Valid {
		j.LastRun = &crosswalk.LastRun{ID: run.String, Status: crosswalk.RunStatus(status.String), At: at.Time}
	}
	if err := decode(mapping, &j.Mapping); err != nil {
		return j, err
	}
	if err := decode(filter, &j.Filter); err != nil {
		return j, err
	}
	if position != "" && j.LoadMode == crosswalk.LoadIncremental {
		var p storedPosition
		if err := decode(position, &p); err != nil {
			return j, err
		}
		j.Position = p.position()
	}
	if err := decode(limit, &j.RejectLimit); err != nil {
		return j, err
	}
	return j, decode(deletes, &j.Deletes)
}

func jobNotFound(err error, id string) error {
	return notFound(err, "The list of jobs has those there are; this one may have been deleted.", "There is no job with the id %s.", id)
}

func jobNameTaken(name string) error {
	return taken("name", "A job named %s exists already.", name)
}

// InsertJob stores a new job and fills its id, version, times and the name of
// its connection. It returns CodeNotFound with the field "connection_id" when
// there is no such connection and CodeConflict with the field "name" when the
// name is taken, in whatever case of letters.
func (s *Store) InsertJob(ctx context.Context, j *crosswalk.Job) error {
	now := s.now()
	var job crosswalk.Job
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		job = *j
		return s.insertJob(ctx, tx, &job, now)
	})
	if err != nil {
		return wrap(err, "insert job")
	}
	*j = job
	return nil
}

func (s *Store) insertJob(ctx context.Context, tx *database.Tx, j *crosswalk.Job, now database.Time) error {
	j.ID, j.Version, j.LastRun = crosswalk.NewID(), 1, nil
	j.CreatedAt, j.UpdatedAt = now.Time, now.Time
	if j.Operation == "" {
		j.Operation = crosswalk.OperationUpsert
	}
	if j.LoadMode == "" {
		j.LoadMode = crosswalk.LoadIncremental
	}
	err := tx.QueryRow(ctx, "SELECT name FROM cw_connections WHERE id = $1", j.ConnectionID).Scan(&j.ConnectionName)
	if err != nil {
		err = connectionNotFound(err, j.ConnectionID)
		if e, ok := err.(*crosswalk.Error); ok {
			e.Fields = []crosswalk.FieldError{{Field: "connection_id", Message: e.Message}}
		}
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO cw_jobs (id, name, name_key, connection_id, entity, object, operation, load_mode, mapping_json, filter_json, deletes_json, limit_json, out_of_the_box, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $15, $12, $13, $14, $14)`,
		j.ID, j.Name, key(j.Name), j.ConnectionID, j.Entity, j.Object, string(j.Operation), string(j.LoadMode), encode(j.Mapping), encode(j.Filter), encode(j.Deletes), j.OutOfTheBox, j.Version, now, encode(j.RejectLimit))
	if database.IsUnique(err) {
		return jobNameTaken(j.Name)
	}
	return err
}

// UpdateJob stores a changed job if nobody changed it since the version that
// j holds, and fills the new version and time. Its connection and whether it
// came out of the box do not change. It returns CodeNotFound, or CodeConflict
// when the version is old or the name is taken.
func (s *Store) UpdateJob(ctx context.Context, j *crosswalk.Job) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE cw_jobs SET name = $3, name_key = $4, entity = $5, object = $6, operation = $7, load_mode = $8,
			mapping_json = $9, filter_json = $10, deletes_json = $12, limit_json = $13, version = version + 1, updated_at = $11 WHERE id = $1 AND version = $2`,
			j.ID, j.Version, j.Name, key(j.Name), j.Entity, j.Object, string(j.Operation), string(j.LoadMode), encode(j.Mapping), encode(j.Filter), now, encode(j.Deletes), encode(j.RejectLimit))
		if database.IsUnique(err) {
			return jobNameTaken(j.Name)
		}
		if err != nil || n == 1 {
			return err
		}
		var name string
		if err := tx.QueryRow(ctx, "SELECT name FROM cw_jobs WHERE id = $1", j.ID).Scan(&name); err != nil {
			return jobNotFound(err, j.ID)
		}
		return crosswalk.Errorf(crosswalk.CodeConflict, "Somebody else has changed the job %s in the meantime.", name).
			WithHint("Load the job again and repeat your change.")
	})
	if err != nil {
		return wrap(err, "update job")
	}
	j.Version, j.UpdatedAt = j.Version+1, now.Time
	return nil
}

// FindJob returns the job with that id or CodeNotFound.
func (s *Store) FindJob(ctx context.Context, id string) (crosswalk.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, "SELECT "+jobColumns+" FROM "+jobFrom+" WHERE j.id = $1", id))
	return j, wrap(jobNotFound(err, id), "find job")
}

// FindJobByName returns the job with that name, in whatever case of letters,
// or CodeNotFound.
func (s *Store) FindJobByName(ctx context.Context, name string) (crosswalk.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, "SELECT "+jobColumns+" FROM "+jobFrom+" WHERE j.name_key = $1", key(name)))
	return j, wrap(notFound(err, "The list of jobs has those there are; this one may have been deleted.", "There is no job named %s.", name), "find job")
}

// ListJobs lists jobs by name, each with its newest run, or the one
// that is held.
func (s *Store) ListJobs(ctx context.Context, f JobFilter, p Page) ([]crosswalk.Job, string, int, error) {
	q := query{dialect: s.db.Dialect()}
	q.equal("j.connection_id", f.ConnectionID)
	q.search(f.Search, "j.name", "c.name", "j.entity", "j.object")
	items, next, total, err := list(ctx, s, q, jobColumns, jobFrom, order{columns: []string{"j.name_key"}}, p,
		func(row scanner) (crosswalk.Job, []any, error) {
			j, err := scanJob(row)
			return j, []any{key(j.Name)}, err
		})
	return items, next, total, wrap(err, "list jobs")
}

// JobIDs returns the IDs of all jobs, which is never nil.
func (s *Store) JobIDs(ctx context.Context) ([]string, error) {
	rows, err := s.db.Query(ctx, "SELECT id FROM cw_jobs")
	if err != nil {
		return nil, wrap(err, "list jobs")
	}
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, wrap(err, "list jobs")
		}
		ids = append(ids, id)
	}
	return ids, wrap(rows.Err(), "list jobs")
}

// DeleteJob deletes a job with its runs and rejects. It returns CodeNotFound,
// or CodeConflict while a run of it has not ended.
func (s *Store) DeleteJob(ctx context.Context, id string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var name string
		if err := tx.QueryRow(ctx, "SELECT name FROM cw_jobs WHERE id = $1", id).Scan(&name); err != nil {
			return jobNotFound(err, id)
		}
		n, _, _, err := unfinished(ctx, tx, id)
		if err != nil {
			return err
		}
		if n > 0 {
			return crosswalk.Errorf(crosswalk.CodeConflict, "The job %s cannot be deleted while it runs or waits to run.", name).
				WithHint("Cancel its run first, or wait until it has ended.")
		}
		_, err = tx.Exec(ctx, "DELETE FROM cw_jobs WHERE id = $1", id)
		return err
	})
	return wrap(err, "delete job")
}
