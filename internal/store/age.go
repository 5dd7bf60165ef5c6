package store

import (
	"context"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// TellExpiring writes a line into the activity log for each job whose position
// has used three quarters of its life: unless the job runs before it expires,
// the next run has to read every record. Each position is told of once,
// whichever node asks.
func (s *Store) TellExpiring(ctx context.Context) error {
	now := s.now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		told, err := expiring(ctx, tx, now.Time)
		if err != nil {
			return err
		}
		for _, j := range told {
			p := j.position
			end := p.position().ExpiresAt
			p.Told = true
			n, err := tx.Exec(ctx, "UPDATE cw_jobs SET position_json = $3 WHERE id = $1 AND position_json = $2", j.id, j.text, encode(p))
			if err != nil {
				return err
			}
			if n == 0 { // it has run, or another node has told
				continue
			}
			_, err = tx.Exec(ctx, "INSERT INTO cw_events (id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)", crosswalk.NewID(), now, "Crosswalk", "job.expires", j.name,
				fmt.Sprintf("The job has not run since %s. Dynamics forgets on %s what has changed since; a run after that reads every record.",
					p.At.UTC().Format(time.DateOnly), end.UTC().Format("2006-01-02 at 15:04 UTC")))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "look for positions that expire")
}

// aging is a job whose position is about to expire.
type aging struct {
	id, name, text string
	position       storedPosition
}

func expiring(ctx context.Context, tx *database.Tx, now time.Time) ([]aging, error) {
	rows, err := tx.Query(ctx, "SELECT id, name, position_json FROM cw_jobs WHERE position_json <> '' AND load_mode = $1", string(crosswalk.LoadIncremental))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []aging
	for rows.Next() {
		var j aging
		if err := rows.Scan(&j.id, &j.name, &j.text); err != nil {
			return nil, err
		}
		if err := decode(j.text, &j.position); err != nil {
			return nil, err
		}
		end := j.position.position().ExpiresAt
		if end == nil || j.position.Told || now.After(*end) || end.Sub(now) > end.Sub(j.position.At)/4 {
			continue
		}
		list = append(list, j)
	}
	return list, rows.Err()
}
