package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Store is the door to the fixed tables.
type Store struct {
	// Now tells the time; tests set it before the first use.
	Now func() time.Time

	db   *database.DB
	node Node // set by Join, before anything else runs

	history history
}

// New makes a store on db. Migrate must run before anything else.
func New(db *database.DB) *Store { return &Store{Now: time.Now, db: db} }

// Migrate brings the tables to the newest form. See database.Migrate.
func (s *Store) Migrate(ctx context.Context) error { return s.db.Migrate(ctx, migrations) }

// now returns the present moment as it is stored, so that what is returned to
// a caller equals what is read later.
func (s *Store) now() database.Time {
	return database.Time{Time: s.Now().UTC().Truncate(time.Millisecond)}
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// notFound turns the absence of a row into CodeNotFound, with what to do about
// it, and passes any other error on.
func notFound(err error, hint, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return crosswalk.Errorf(crosswalk.CodeNotFound, format, args...).WithHint("%s", hint)
	}
	return err
}

// taken makes the error for a name that something else has.
func taken(field, format string, args ...any) *crosswalk.Error {
	e := crosswalk.Errorf(crosswalk.CodeConflict, format, args...).WithHint("Choose another one.")
	e.Fields = []crosswalk.FieldError{{Field: field, Message: e.Message, Hint: e.Hint}}
	return e
}

// key returns the form of a name in which it must be unique: names that
// differ in nothing but upper and lower case would be mistaken for one
// another.
func key(name string) string { return strings.ToLower(name) }

// encode returns v as JSON. The types stored hold nothing that cannot be
// encoded.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T: %v", v, err))
	}
	return string(b)
}

// decode fills v from JSON that encode wrote.
func decode(text string, v any) error {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("store: stored %T cannot be read: %w", v, err)
	}
	return nil
}

// wrap says what was being done, except for errors meant for a person.
func wrap(err error, doing string) error {
	var e *crosswalk.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}
