package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// SaveEntities replaces the list of a connection's entities. Entities stored
// in detail that are still on the list keep their detail.
func (s *Store) SaveEntities(ctx context.Context, connectionID string, entities []crosswalk.Entity) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE cw_entities SET listed_at = NULL WHERE connection_id = $1", connectionID); err != nil {
			return err
		}
		for _, e := range entities {
			e.Attributes = nil
			_, err := tx.Exec(ctx, `INSERT INTO cw_entities (connection_id, logical_name, display_name, entity_json, listed_at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (connection_id, logical_name) DO UPDATE SET display_name = excluded.display_name, entity_json = excluded.entity_json, listed_at = excluded.listed_at`,
				connectionID, e.LogicalName, database.Text(e.DisplayName), database.Text(encode(e)), now)
			if database.IsForeignKey(err) {
				return connectionNotFound(sql.ErrNoRows, connectionID)
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "DELETE FROM cw_entities WHERE connection_id = $1 AND listed_at IS NULL", connectionID)
		return err
	})
	return wrap(err, "save entities")
}

// ListEntities returns the listed entities of a connection whose display or
// logical name contains search, without attributes, sorted by display name,
// and when the list was stored: the zero time when it never was.
func (s *Store) ListEntities(ctx context.Context, connectionID, search string) ([]crosswalk.Entity, time.Time, error) {
	var listed database.Time
	err := s.db.QueryRow(ctx, "SELECT listed_at FROM cw_entities WHERE connection_id = $1 AND listed_at IS NOT NULL ORDER BY listed_at LIMIT 1", connectionID).Scan(&listed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, wrap(err, "list entities")
	}
	q := query{dialect: s.db.Dialect(), where: []string{"listed_at IS NOT NULL"}}
	q.equal("connection_id", connectionID)
	q.search(search, "display_name", "logical_name")
	rows, err := s.db.Query(ctx, "SELECT entity_json FROM cw_entities"+q.conditions()+" ORDER BY lower(display_name), logical_name", q.args...)
	if err != nil {
		return nil, time.Time{}, wrap(err, "list entities")
	}
	defer rows.Close()
	entities := []crosswalk.Entity{}
	for rows.Next() {
		var text string
		var e crosswalk.Entity
		if err := rows.Scan(&text); err != nil {
			return nil, time.Time{}, wrap(err, "list entities")
		}
		if err := decode(text, &e); err != nil {
			return nil, time.Time{}, err
		}
		entities = append(entities, e)
	}
	return entities, listed.Time, wrap(rows.Err(), "list entities")
}

// SaveEntity stores an entity with its attributes.
func (s *Store) SaveEntity(ctx context.Context, connectionID string, e crosswalk.Entity) error {
	now := s.now()
	brief := e
	brief.Attributes = nil
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO cw_entities (connection_id, logical_name, display_name, entity_json, detail_json, detailed_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (connection_id, logical_name) DO UPDATE SET detail_json = excluded.detail_json, detailed_at = excluded.detailed_at`,
			connectionID, e.LogicalName, database.Text(e.DisplayName), database.Text(encode(brief)), database.Text(encode(e)), now)
		if database.IsForeignKey(err) {
			return connectionNotFound(sql.ErrNoRows, connectionID)
		}
		return err
	})
	return wrap(err, "save entity")
}

// FindEntity returns an entity with its attributes and when it was stored, or
// CodeNotFound when its attributes are not stored.
func (s *Store) FindEntity(ctx context.Context, connectionID, logicalName string) (crosswalk.Entity, time.Time, error) {
	var e crosswalk.Entity
	var text string
	var at database.Time
	err := s.db.QueryRow(ctx, "SELECT detail_json, detailed_at FROM cw_entities WHERE connection_id = $1 AND logical_name = $2 AND detail_json IS NOT NULL",
		connectionID, logicalName).Scan(&text, &at)
	if err != nil {
		return e, time.Time{}, wrap(notFound(err, "Refresh the connection's metadata.", "The attributes of the entity %s are not stored.", logicalName), "find entity")
	}
	return e, at.Time, decode(text, &e)
}

// DropEntities forgets everything about a connection's entities.
func (s *Store) DropEntities(ctx context.Context, connectionID string) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM cw_entities WHERE connection_id = $1", connectionID)
		return err
	})
	return wrap(err, "drop entities")
}
