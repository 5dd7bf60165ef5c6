package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// oneStreamLife is how long it is remembered that a table is to be read in one
// stream: what Dynamics can do changes.
const oneStreamLife = 30 * 24 * time.Hour

// SaveOneStream remembers that a table of a connection is to be read in one
// stream, and why.
func (s *Store) SaveOneStream(ctx context.Context, connectionID, entity, why string) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO cw_one_stream (connection_id, entity, why, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection_id, entity) DO UPDATE SET why = excluded.why, at = excluded.at`, connectionID, entity, database.Text(why), now)
		if database.IsForeignKey(err) {
			return connectionNotFound(sql.ErrNoRows, connectionID)
		}
		return err
	})
	return wrap(err, "remember that a table is read in one stream")
}

// OneStream returns why a table of a connection is to be read in one stream,
// "" when it is not, or no longer.
func (s *Store) OneStream(ctx context.Context, connectionID, entity string) (why string, err error) {
	var at database.Time
	err = s.db.QueryRow(ctx, "SELECT why, at FROM cw_one_stream WHERE connection_id = $1 AND entity = $2", connectionID, entity).Scan(&why, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", wrap(err, "find whether a table is read in one stream")
	case s.Now().Sub(at.Time) > oneStreamLife:
		return "", nil
	}
	return why, nil
}

// DropOneStream forgets which tables of a connection are read in one stream.
func (s *Store) DropOneStream(ctx context.Context, connectionID string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM cw_one_stream WHERE connection_id = $1", connectionID)
		return err
	})
	return wrap(err, "forget which tables are read in one stream")
}
