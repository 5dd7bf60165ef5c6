package store

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// EventFilter chooses lines of the activity log. Search looks in all of its
// texts.
type EventFilter struct{ Search string }

// InsertEvent adds a line to the activity log. A missing id or time is
// filled.
func (s *Store) InsertEvent(ctx context.Context, e crosswalk.Event) error {
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.insertEvent(ctx, tx, e) })
	return wrap(err, "insert event")
}

func (s *Store) insertEvent(ctx context.Context, tx *database.Tx, e crosswalk.Event) error {
	if e.ID == "" {
		e.ID = crosswalk.NewID()
	}
	if e.At.IsZero() {
		e.At = s.Now()
	}
	_, err := tx.Exec(ctx, "INSERT INTO cw_events (id, at, actor, action, subject, detail, run_id, run) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		e.ID, database.Time{Time: e.At}, database.Text(e.Actor), database.Text(e.Action), database.Text(e.Subject), database.Text(e.Detail), e.RunID, e.Run)
	return err
}

// ListEvents lists the activity log, the newest line first.
func (s *Store) ListEvents(ctx context.Context, f EventFilter, p Page) ([]crosswalk.Event, string, int, error) {
	q := query{dialect: s.db.Dialect()}
	q.search(f.Search, "e.actor", "e.action", "e.subject", "e.detail")
	items, next, total, err := list(ctx, s, q, "e.id, e.at, e.actor, e.action, e.subject, e.detail, e.run_id, e.run", "cw_events e", order{columns: []string{"e.id"}, desc: true}, p,
		func(row scanner) (crosswalk.Event, []any, error) {
			var e crosswalk.Event
			var at database.Time
			err := row.Scan(&e.ID, &at, &e.Actor, &e.Action, &e.Subject, &e.Detail, &e.RunID, &e.Run)
			e.At = at.Time
			return e, []any{e.ID}, err
		})
	return items, next, total, wrap(err, "list events")
}
