package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Querier reads: a *database.DB, or a *database.Tx to read what holds until
// it commits.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}

// ObjectsIn returns all objects by name, read through q.
func (s *Store) ObjectsIn(ctx context.Context, q Querier) ([]crosswalk.Object, error) {
	rows, err := q.Query(ctx, "SELECT definition_json FROM cw_objects ORDER BY name_key")
	if err != nil {
		return nil, wrap(err, "list objects")
	}
	defer rows.Close()
	objects := []crosswalk.Object{}
	for rows.Next() {
		o, err := scanObject(rows)
		if err != nil {
			return nil, wrap(err, "list objects")
		}
		objects = append(objects, o)
	}
	return objects, wrap(rows.Err(), "list objects")
}

// UpdateObject stores what an object has become, in the transaction that
// changes its table. It returns CodeNotFound when the object is gone.
func (s *Store) UpdateObject(ctx context.Context, tx *database.Tx, o crosswalk.Object) error {
	o.Rows = 0
	n, err := tx.Exec(ctx, "UPDATE cw_objects SET display_name = $2, definition_json = $3 WHERE name_key = $1", key(o.Name), o.DisplayName, encode(o))
	if err == nil && n == 0 {
		err = crosswalk.Errorf(crosswalk.CodeNotFound, "There is no object named %s.", o.Name)
	}
	return wrap(err, "update object")
}

// AddOptions adds to a dropdown field the options that it does not have yet.
// An object or field that is gone is not an error.
func (s *Store) AddOptions(ctx context.Context, object, field string, options []string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		// The row is locked before it is read.
		o, err := scanObject(tx.QueryRow(ctx, "UPDATE cw_objects SET name_key = name_key WHERE name_key = $1 RETURNING definition_json", key(object)))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		f := o.Field(field)
		if f == nil {
			return nil
		}
		before := len(f.Options)
		for _, option := range options {
			if !slices.Contains(f.Options, option) {
				f.Options = append(f.Options, option)
			}
		}
		if len(f.Options) == before {
			return nil
		}
		return s.UpdateObject(ctx, tx, o)
	})
	return wrap(err, "add options")
}

// DeleteObject removes the definition of an object, in the transaction that
// removes its table.
func (s *Store) DeleteObject(ctx context.Context, tx *database.Tx, name string) error {
	_, err := tx.Exec(ctx, "DELETE FROM cw_objects WHERE name_key = $1", key(name))
	return wrap(err, "delete object")
}

// ObjectUses returns the jobs that write into an object, by name, each with
// its mapping.
func (s *Store) ObjectUses(ctx context.Context, q Querier, object string) ([]crosswalk.Job, error) {
	rows, err := q.Query(ctx, "SELECT id, name, version, mapping_json FROM cw_jobs WHERE lower(object) = $1 ORDER BY name_key", key(object))
	if err != nil {
		return nil, wrap(err, "uses of an object")
	}
	defer rows.Close()
	var jobs []crosswalk.Job
	for rows.Next() {
		var j crosswalk.Job
		var mapping string
		if err := rows.Scan(&j.ID, &j.Name, &j.Version, &mapping); err != nil {
			return nil, wrap(err, "uses of an object")
		}
		if err := decode(mapping, &j.Mapping); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, wrap(rows.Err(), "uses of an object")
}

// RunningInto returns CodeConflict when a run is writing into the object.
func (s *Store) RunningInto(ctx context.Context, q Querier, object string) error {
	var number sql.NullInt64
	var job sql.NullString
	err := q.QueryRow(ctx, "SELECT max(number), max(job_name) FROM cw_runs WHERE status IN ('running', 'held') AND lower(object) = $1", key(object)).Scan(&number, &job)
	if err == nil && number.Valid {
		err = crosswalk.Errorf(crosswalk.CodeConflict, "Run %d of %s is writing into %s.", number.Int64, job.String, object).
			WithHint("Wait until it has ended, or cancel it.")
	}
	return wrap(err, "runs of an object")
}

// RemapObject lets the jobs that write into an object, and their runs that
// wait, follow a change of its fields: renamed ones (new API names by old
// ones) are filled under their new names, and those that are gone no longer.
func (s *Store) RemapObject(ctx context.Context, tx *database.Tx, object string, renamed map[string]string, gone []string) error {
	jobs, err := s.ObjectUses(ctx, tx, object)
	if err != nil {
		return err
	}
	now := s.now()
	for _, j := range jobs {
		if !remap(&j.Mapping, renamed, gone) {
			continue
		}
		if _, err := tx.Exec(ctx, "UPDATE cw_jobs SET mapping_json = $2, version = version + 1, updated_at = $3 WHERE id = $1", j.ID, encode(j.Mapping), now); err != nil {
			return wrap(err, "remap job")
		}
	}
	return wrap(s.remapRuns(ctx, tx, object, renamed, gone), "remap runs")
}

func (s *Store) remapRuns(ctx context.Context, tx *database.Tx, object string, renamed map[string]string, gone []string) error {
	rows, err := tx.Query(ctx, "SELECT id, job_json FROM cw_runs WHERE status = 'queued' AND lower(object) = $1", key(object))
	if err != nil {
		return err
	}
	defer rows.Close()
	waiting := map[string]crosswalk.Job{}
	for rows.Next() {
		var id, text string
		var j crosswalk.Job
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		if err := decode(text, &j); err != nil {
			return err
		}
		if remap(&j.Mapping, renamed, gone) {
			waiting[id] = j
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for id, j := range waiting {
		if _, err := tx.Exec(ctx, "UPDATE cw_runs SET job_json = $2 WHERE id = $1", id, encode(j)); err != nil {
			return err
		}
	}
	return nil
}

// remap reports whether the mapping had to change.
func remap(m *crosswalk.Mapping, renamed map[string]string, gone []string) bool {
	var fields, derived bool
	m.Fields, fields = follow(m.Fields, func(f *crosswalk.FieldMapping) *string { return &f.Target }, renamed, gone)
	m.Derived, derived = follow(m.Derived, func(d *crosswalk.DerivedMapping) *string { return &d.Target }, renamed, gone)
	return fields || derived
}

// follow returns the rows that do not fill fields that are gone, with the new
// names of the others' fields, and whether anything changed.
func follow[T any](rows []T, target func(*T) *string, renamed map[string]string, gone []string) (kept []T, changed bool) {
	for _, row := range rows {
		field := target(&row)
		if slices.Contains(gone, *field) {
			changed = true
			continue
		}
		if name, ok := renamed[*field]; ok {
			*field, changed = name, true
		}
		kept = append(kept, row)
	}
	return kept, changed
}

// FindRunByNumber returns the run of that number, or CodeNotFound.
func (s *Store) FindRunByNumber(ctx context.Context, number int64) (crosswalk.Run, error) {
	r, err := scanRun(s.db.QueryRow(ctx, "SELECT "+runColumns+" FROM cw_runs r WHERE r.number = $1", number))
	return r, wrap(notFound(err, "There is no run %d.", number), "find run")
}
