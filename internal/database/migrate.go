package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Migration is one step of the schema. Steps are never changed once released:
// a change is a new step at the end of the list.
type Migration struct {
	Name string // one or two words, for people
	// SQL holds one or more statements. Types that differ between the
	// databases are written as words in braces: see Dialect.Expand.
	SQL string
}

// Expand replaces the words for types by the dialect's own:
//
//	{text}  text, compared byte by byte
//	{bytes} a byte string
//	{time}  a moment, see Time
//	{int}   a 64-bit integer
//	{bool}  true or false
//	{id}    a 64-bit primary key that the database counts up
func (d Dialect) Expand(sql string) string {
	types := []string{"{text}", "TEXT", "{bytes}", "BLOB", "{time}", "TEXT", "{int}", "INTEGER", "{bool}", "BOOLEAN", "{id}", "INTEGER PRIMARY KEY AUTOINCREMENT"}
	if d == Postgres {
		types = []string{"{text}", `text COLLATE "C"`, "{bytes}", "bytea", "{time}", "timestamptz", "{int}", "bigint", "{bool}", "boolean", "{id}", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}
	}
	return strings.NewReplacer(types...).Replace(sql)
}

// Migrate runs the steps that this database has not seen yet, in order, each
// in a transaction of its own. Several processes may call it at once. It
// returns CodeConflict when the database has steps that the list does not
// hold, which means that a newer Crosswalk wrote it.
func (db *DB) Migrate(ctx context.Context, steps []Migration) error {
	err := db.Alter(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, db.dialect.Expand(`CREATE TABLE IF NOT EXISTS cw_migrations (
			version {int} PRIMARY KEY, name {text} NOT NULL, applied_at {time} NOT NULL)`))
		return err
	})
	if err != nil {
		return fmt.Errorf("database: list of migrations: %w", err)
	}
	for done := false; !done; {
		err := db.Alter(ctx, func(ctx context.Context, tx *Tx) error {
			var version int
			if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM cw_migrations").Scan(&version); err != nil {
				return fmt.Errorf("database: version of the schema: %w", err)
			}
			if version > len(steps) {
				return crosswalk.Errorf(crosswalk.CodeConflict, "The database was written by a newer version of Crosswalk (schema %d; this version knows %d).", version, len(steps)).
					WithHint("Start the newer version again, or restore a backup made before the upgrade.")
			}
			if done = version == len(steps); done {
				return nil
			}
			step := steps[version]
			if _, err := tx.Exec(ctx, db.dialect.Expand(step.SQL)); err != nil {
				return fmt.Errorf("database: migration %d (%s): %w", version+1, step.Name, err)
			}
			_, err := tx.Exec(ctx, "INSERT INTO cw_migrations (version, name, applied_at) VALUES ($1, $2, $3)", version+1, step.Name, Time{time.Now()})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
