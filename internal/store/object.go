package store

import (
	"context"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// InsertObject stores the definition of a new object. It returns CodeConflict
// with the field "name" when there is one whose name differs in nothing but
// upper and lower case, since both would have the same table.
func (s *Store) InsertObject(ctx context.Context, o crosswalk.Object) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		n, err := s.insertObject(ctx, tx, o)
		if err == nil && n == 0 {
			err = taken("name", "An object named %s exists already.", o.Name)
		}
		return err
	})
	return wrap(err, "insert object")
}

func (s *Store) insertObject(ctx context.Context, tx *database.Tx, o crosswalk.Object) (int64, error) {
	o.Rows = 0
	return tx.Exec(ctx, "INSERT INTO cw_objects (name, name_key, display_name, definition_json, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		o.Name, key(o.Name), o.DisplayName, encode(o), s.now())
}

// EnsureStandardObjects stores the standard objects that are missing and adds
// to the others the standard fields that a newer version brought.
func (s *Store) EnsureStandardObjects(ctx context.Context) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		for _, o := range crosswalk.StandardObjects() {
			n, err := s.insertObject(ctx, tx, o)
			if err != nil {
				return err
			}
			if n == 1 {
				continue
			}
			have, err := scanObject(tx.QueryRow(ctx, "SELECT definition_json FROM cw_objects WHERE name_key = $1", key(o.Name)))
			if err != nil {
				return err
			}
			before := len(have.Fields)
			for _, f := range o.Fields {
				if have.Field(f.Name) != nil {
					continue
				}
				at := len(have.Fields)
				if f.System { // they come first
					at = slices.IndexFunc(append(have.Fields, crosswalk.Field{}), func(f crosswalk.Field) bool { return !f.System })
				}
				have.Fields = slices.Insert(have.Fields, at, f)
			}
			if len(have.Fields) == before {
				continue
			}
			if _, err := tx.Exec(ctx, "UPDATE cw_objects SET definition_json = $2 WHERE name_key = $1", key(o.Name), encode(have)); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "standard objects")
}

func scanObject(row scanner) (crosswalk.Object, error) {
	var o crosswalk.Object
	var text string
	if err := row.Scan(&text); err != nil {
		return o, err
	}
	return o, decode(text, &o)
}

// FindObject returns the object with that API name, in whatever case of
// letters, or CodeNotFound. Rows is not filled.
func (s *Store) FindObject(ctx context.Context, name string) (crosswalk.Object, error) {
	o, err := scanObject(s.db.QueryRow(ctx, "SELECT definition_json FROM cw_objects WHERE name_key = $1", key(name)))
	return o, wrap(notFound(err, "The list of objects has those there are; this one may have been deleted.", "There is no object named %s.", name), "find object")
}

// ListObjects returns all objects by name. Rows is not filled.
func (s *Store) ListObjects(ctx context.Context) ([]crosswalk.Object, error) {
	return s.ObjectsIn(ctx, s.db)
}
