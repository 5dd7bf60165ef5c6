package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// ObjectsIn returns all objects by name, read through q.
func (s *Store) ObjectsIn(ctx context.Context, q database.Querier) ([]crosswalk.Object, error) {
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
		err = crosswalk.Errorf(crosswalk.CodeNotFound, "There is no object named %s.", o.Name).
			WithHint("The list of objects has those there are; this one may have been deleted.")
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

// RunningInto returns CodeConflict when a run is writing into the object, or
// finds rows in it.
func (s *Store) RunningInto(ctx context.Context, q database.Querier, object string) error {
	objects, err := s.ObjectsIn(ctx, q)
	if err != nil {
		return err
	}
	runs, err := runJobs(ctx, q, "status IN ('running', 'held')")
	for _, r := range runs {
		use := useOf(&r.job, object, objects)
		switch does := "finding rows in"; {
		case use.Writes:
			does = "writing into"
			fallthrough
		case len(use.Fields) > 0:
			return crosswalk.Errorf(crosswalk.CodeConflict, "Run %d of %s is %s %s.", r.number, r.job.Name, does, object).
				WithHint("Wait until it has ended, or cancel it.")
		}
	}
	return wrap(err, "runs of an object")
}

// RemapObject lets the jobs that use fields of an object, and their runs that
// wait, follow a change of them before the object itself is changed: renamed
// fields (new API names by old ones) are used under their new names, and those
// that are gone are no longer filled.
func (s *Store) RemapObject(ctx context.Context, tx *database.Tx, object string, renamed map[string]string, gone []string) error {
	objects, err := s.ObjectsIn(ctx, tx)
	if err != nil {
		return err
	}
	uses, err := s.ObjectUses(ctx, tx, object)
	if err != nil {
		return err
	}
	now := s.now()
	for _, u := range uses {
		j := u.Job
		if !remap(&j, object, objects, renamed, gone) {
			continue
		}
		_, err := tx.Exec(ctx, "UPDATE cw_jobs SET mapping_json = $2, deletes_json = $3, version = version + 1, updated_at = $4 WHERE id = $1",
			j.ID, encode(j.Mapping), encode(j.Deletes), now)
		if err != nil {
			return wrap(err, "remap job")
		}
	}
	waiting, err := runJobs(ctx, tx, "status = 'queued'")
	for _, r := range waiting {
		if !remap(&r.job, object, objects, renamed, gone) {
			continue
		}
		if _, err := tx.Exec(ctx, "UPDATE cw_runs SET job_json = $2 WHERE id = $1", r.id, encode(r.job)); err != nil {
			return wrap(err, "remap run")
		}
	}
	return wrap(err, "remap runs")
}

// runJob is a run with its job as it was when the run was asked for.
type runJob struct {
	id     string
	number int64
	job    crosswalk.Job
}

// runJobs returns the runs that a condition chooses, by number.
func runJobs(ctx context.Context, q database.Querier, where string) ([]runJob, error) {
	rows, err := q.Query(ctx, "SELECT id, number, job_json FROM cw_runs WHERE "+where+" ORDER BY number")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []runJob
	for rows.Next() {
		var r runJob
		var text string
		if err := rows.Scan(&r.id, &r.number, &text); err != nil {
			return nil, err
		}
		if err := decode(text, &r.job); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// FindRunByNumber returns the run of that number, or CodeNotFound.
func (s *Store) FindRunByNumber(ctx context.Context, number int64) (crosswalk.Run, error) {
	r, err := scanRun(s.db.QueryRow(ctx, "SELECT "+runColumns+" FROM cw_runs r WHERE r.number = $1", number))
	return r, wrap(notFound(err, "The list of runs has those there are; this one may have been deleted.", "There is no run %d.", number), "find run")
}
