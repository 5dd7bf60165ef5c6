package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// RejectFilter chooses rejects of a run. Empty fields choose all;
// Search looks in the source id, the field, the message and the value.
type RejectFilter struct {
	Search string
	Code   crosswalk.RejectCode
	Field  string
}

// MaxRejectValue is the number of characters of an offending value that are
// kept.
const MaxRejectValue = 1000

const (
	rejectColumns = "t.id, t.run_id, t.source_id, t.field, t.code, t.message, t.value, t.record, t.at"
	rejectsATime  = 50 // rows in one INSERT
)

func scanReject(row scanner) (crosswalk.Reject, error) {
	var r crosswalk.Reject
	var at database.Time
	err := row.Scan(&r.ID, &r.RunID, &r.SourceID, &r.Field, &r.Code, &r.Message, &r.Value, &r.Record, &at)
	r.At = at.Time
	return r, err
}

// newestRejects deletes the rejects that a run already has of the records of
// these and of those accepted, and returns these without those that come again
// further on. again is how many rejects are gone by that.
func newestRejects(ctx context.Context, tx database.Execer, runID string, rejects []crosswalk.Reject, accepted []string) (newest []crosswalk.Reject, again int64, err error) {
	at := make(map[string]int, len(rejects))
	ids := make([]string, 0, len(rejects)+len(accepted))
	for _, r := range rejects {
		i, known := at[r.SourceID]
		switch {
		case r.SourceID == "": // it is not known which record it is
			newest = append(newest, r)
		case known:
			newest[i] = r
			again++
		default:
			at[r.SourceID] = len(newest)
			newest = append(newest, r)
			ids = append(ids, database.Text(r.SourceID))
		}
	}
	for _, id := range accepted {
		ids = append(ids, database.Text(id))
	}
	n, err := eachKey(ctx, tx, "DELETE FROM cw_rejects WHERE run_id = $1 AND source_id IN (", runID, ids)
	return newest, again + n, err
}

func insertRejects(ctx context.Context, tx database.Execer, runID string, now database.Time, rejects []crosswalk.Reject) error {
	var args []any
	for len(rejects) > 0 {
		n := min(len(rejects), rejectsATime)
		var b strings.Builder
		b.WriteString("INSERT INTO cw_rejects (run_id, at, source_id, field, code, message, value, record) VALUES ")
		args = append(args[:0], runID, now)
		for i, r := range rejects[:n] {
			if i > 0 {
				b.WriteString(", ")
			}
			k := len(args)
			fmt.Fprintf(&b, "($1, $2, $%d, $%d, $%d, $%d, $%d, $%d)", k+1, k+2, k+3, k+4, k+5, k+6)
			args = append(args, database.Text(r.SourceID), r.Field, string(r.Code), database.Text(r.Message), database.Text(shorten(r.Value)), database.Text(r.Record))
		}
		if _, err := tx.Exec(ctx, b.String(), args...); err != nil {
			return err
		}
		rejects = rejects[n:]
	}
	return nil
}

// shorten cuts s after MaxRejectValue characters.
func shorten(s string) string {
	n := 0
	for i := range s {
		if n == MaxRejectValue {
			return s[:i]
		}
		n++
	}
	return s
}

// ListRejects lists the rejects of a run in the order they came. A run that
// does not exist has none.
func (s *Store) ListRejects(ctx context.Context, runID string, f RejectFilter, p Page) ([]crosswalk.Reject, string, int, error) {
	q := query{dialect: s.db.Dialect()}
	q.where = append(q.where, "t.run_id = "+q.arg(runID))
	q.equal("t.code", string(f.Code))
	q.equal("t.field", f.Field)
	q.search(f.Search, "t.source_id", "t.field", "t.message", "t.value")
	items, next, total, err := list(ctx, s, q, rejectColumns, "cw_rejects t", order{columns: []string{"t.id"}}, p,
		func(row scanner) (crosswalk.Reject, []any, error) {
			r, err := scanReject(row)
			return r, []any{r.ID}, err
		})
	return items, next, total, wrap(err, "list rejects")
}

// RejectGroups returns the rejects of a run by field and code, the largest
// group first. A run that does not exist has none.
func (s *Store) RejectGroups(ctx context.Context, runID string) ([]crosswalk.RejectGroup, error) {
	rows, err := s.db.Query(ctx, `SELECT g.code, g.field, g.n, t.message
		FROM (SELECT code, field, count(*) AS n, min(id) AS first FROM cw_rejects WHERE run_id = $1 GROUP BY code, field) g
		JOIN cw_rejects t ON t.id = g.first ORDER BY g.n DESC, g.code, g.field`, runID)
	if err != nil {
		return nil, wrap(err, "group rejects")
	}
	defer rows.Close()
	groups := []crosswalk.RejectGroup{}
	for rows.Next() {
		var g crosswalk.RejectGroup
		if err := rows.Scan(&g.Code, &g.Field, &g.Count, &g.Example); err != nil {
			return nil, wrap(err, "group rejects")
		}
		groups = append(groups, g)
	}
	return groups, wrap(rows.Err(), "group rejects")
}

// RejectedIDs returns the keys of up to n rejected records of a run that come
// behind after, each once, in their order. Records without a key are left out.
func (s *Store) RejectedIDs(ctx context.Context, runID, after string, n int) ([]string, error) {
	rows, err := s.db.Query(ctx, "SELECT DISTINCT source_id FROM cw_rejects WHERE run_id = $1 AND source_id > $2 ORDER BY source_id LIMIT $3", runID, after, n)
	if err != nil {
		return nil, wrap(err, "rejected records")
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, wrap(err, "rejected records")
		}
		ids = append(ids, id)
	}
	return ids, wrap(rows.Err(), "rejected records")
}

// EachReject calls fn for each reject of a run in the order they came, one at
// a time, so that memory does not grow with their number. It stops at the
// first error of fn and returns it. A connection to the database is held until
// it returns.
func (s *Store) EachReject(ctx context.Context, runID string, fn func(crosswalk.Reject) error) error {
	rows, err := s.db.Query(ctx, "SELECT "+rejectColumns+" FROM cw_rejects t WHERE t.run_id = $1 ORDER BY t.id", runID)
	if err != nil {
		return wrap(err, "read rejects")
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanReject(rows)
		if err != nil {
			return wrap(err, "read rejects")
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return wrap(rows.Err(), "read rejects")
}
