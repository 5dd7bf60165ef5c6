package table

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// HealBatch is how many waiting rows one step of Heal looks at, at most.
const HealBatch = 10_000

// Healing says whose rows have come, and who fills the lookups that waited for
// them.
type Healing struct {
	Object crosswalk.Object // as it is now; its rows are looked up
	Run    int64            // number of the run
	By     string           // for Modified By; may be empty
	// At is where Heal begins, "" for the beginning, and how far it has come:
	// it is moved before each step is stored. It may be nil.
	At *string
}

// place reads At.
func (h *Healing) place() (lookup int64, after string) {
	if h.At != nil {
		_, _ = fmt.Sscan(*h.At, &lookup, &after) // whatever is no place is the beginning
	}
	return lookup, after
}

// firstGSID and lastGSID stand before and behind every GSID.
const (
	firstGSID = "00000000-0000-0000-0000-000000000000"
	lastGSID  = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// HealFunc stores what belongs to a step of Heal in the step's transaction:
// filled rows since the step before. An error rolls the step back and is
// returned by Heal as it is. It may be called again when the database gave the
// transaction up.
type HealFunc = func(ctx context.Context, tx database.Execer, filled int64) error

// Heal fills the lookups of all objects that found no row of this object when
// their rows were written and would find one now, also those of the object
// itself. It works in short transactions, so that it can be ended at any time
// and called again. It returns how many rows it filled. A filled row has
// another Modified Date, Modified By and run; it stays the row of the record
// it came from. One that would repeat the identifiers of another row by that
// goes on waiting. save may be nil.
func Heal(ctx context.Context, db *database.DB, h Healing, save HealFunc) (int64, error) {
	if save == nil {
		save = func(context.Context, database.Execer, int64) error { return nil }
	}
	have, err := readColumns(ctx, db.Dialect(), "cw_pending", db.Query)
	if err != nil || len(have) == 0 {
		return 0, err // no row ever waited
	}
	lookups, err := lookupsInto(ctx, db, h.Object.Name)
	if err != nil {
		return 0, err
	}
	var total int64
	begun, from := h.place()
	for _, l := range lookups {
		after := firstGSID
		switch {
		case l.id < begun:
			continue
		case l.id == begun:
			after = from
		}
		n, err := l.heal(ctx, db, h, after, save)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// CountWaiting returns how many lookups wait for a row of the object.
func CountWaiting(ctx context.Context, db *database.DB, o crosswalk.Object) (n int64, err error) {
	have, err := readColumns(ctx, db.Dialect(), "cw_pending", db.Query)
	if err != nil || len(have) == 0 {
		return 0, err
	}
	err = db.QueryRow(ctx, "SELECT count(*) FROM cw_pending WHERE lookup IN (SELECT id FROM cw_lookups WHERE target = $1)", o.Name).Scan(&n)
	if err != nil {
		err = fmt.Errorf("table: count lookups into %s: %w", o.Name, err)
	}
	return n, err
}

// pendingLookup is a row of cw_lookups.
type pendingLookup struct {
	id      int64
	object  crosswalk.Object // only its name
	field   crosswalk.Field  // only its name
	match   []string         // API names
	several crosswalk.SeveralPolicy
}

func lookupsInto(ctx context.Context, q database.Querier, target string) ([]pendingLookup, error) {
	rows, err := q.Query(ctx, "SELECT id, object, field, match, several FROM cw_lookups WHERE target = $1 ORDER BY id", target)
	if err != nil {
		return nil, fmt.Errorf("table: lookups into %s: %w", target, err)
	}
	defer rows.Close()
	var list []pendingLookup
	for rows.Next() {
		var l pendingLookup
		var match string
		if err := rows.Scan(&l.id, &l.object.Name, &l.field.Name, &match, &l.several); err != nil {
			return nil, fmt.Errorf("table: lookups into %s: %w", target, err)
		}
		if err := json.Unmarshal([]byte(match), &l.match); err != nil {
			return nil, fmt.Errorf("table: lookups into %s: %w", target, err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// heal fills the rows behind after that wait for one lookup.
func (l *pendingLookup) heal(ctx context.Context, db *database.DB, h Healing, after string, save HealFunc) (int64, error) {
	fail := func(err error) error { return fmt.Errorf("table: fill %s of %s: %w", l.field.Name, l.object.Name, err) }
	have, err := readColumns(ctx, db.Dialect(), l.object.Table(), db.Query)
	if err != nil {
		return 0, err
	}
	fields := l.compared(&h.Object)
	if !have[l.field.Column()] || fields == nil {
		return 0, l.drop(ctx, db) // the object or a field of it is gone
	}
	var any bool
	if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM cw_pending WHERE lookup = $1)", l.id).Scan(&any); err != nil {
		return 0, fail(err)
	}
	if !any {
		return 0, nil
	}
	var columns []string
	for _, f := range fields {
		columns = append(columns, f.Column())
	}
	if err := ensureIndex(ctx, db, matchIndex(&h.Object, columns)); err != nil {
		return 0, err
	}
	var total int64
	unique, err := inUnique(ctx, db, l.object.Table(), l.field.Column())
	if err != nil {
		return 0, err
	}
	step := healStep{l: l, unique: unique, h: h, d: db.Dialect(), fields: fields, by: h.By != "" && have["modified_by"]}
	for after != lastGSID {
		var next string
		var filled int64
		err := db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			if filled, next, err = step.run(ctx, tx, after); err != nil {
				return fail(err)
			}
			if h.At != nil {
				*h.At = fmt.Sprint(l.id, " ", next)
			}
			return save(ctx, tx, filled)
		})
		if err != nil {
			return total, err
		}
		total += filled
		after = next
	}
	return total, nil
}

// healStep fills the rows of one transaction.
type healStep struct {
	l      *pendingLookup
	h      Healing
	d      database.Dialect
	fields []crosswalk.Field // what is compared
	by     bool              // whether Modified By is set
	unique bool              // whether a unique index is over the field, alone or with others
}

// run fills waiting rows that follow the GSID after, and returns the last one
// it looked at, lastGSID at the end.
func (s *healStep) run(ctx context.Context, tx *database.Tx, after string) (filled int64, next string, err error) {
	id := func(placeholder string) string { return fromText(s.d, column.GUID, placeholder) }
	if err := keepLoadsOff(ctx, tx, s.d, s.h.Object.Table(), "ROW SHARE"); err != nil {
		return 0, "", err
	}
	if s.d == database.Postgres {
		// Each row is found by an index; see postgresWriter.prepare.
		if _, err := tx.Exec(ctx, "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"); err != nil {
			return 0, "", err
		}
	}
	gsid := crosswalk.Field{Type: crosswalk.FieldGSID}
	err = tx.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM cw_pending p WHERE p.lookup = $1 AND p.gsid > %s ORDER BY p.gsid LIMIT 1 OFFSET %d",
		plainColumn(s.d, &gsid, "p.gsid"), id("$2"), HealBatch-1), s.l.id, after).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		next = lastGSID
	} else if err != nil {
		return 0, "", err
	}
	if filled, err = s.fill(ctx, tx, after, next); err != nil {
		return 0, "", err
	}
	// Rows that were filled, now or otherwise, and rows that are gone wait no
	// longer.
	_, err = tx.Exec(ctx, fmt.Sprintf("DELETE FROM cw_pending AS p WHERE %s AND NOT EXISTS (SELECT 1 FROM %s r WHERE r.gsid = p.gsid AND r.%s IS NULL)",
		s.span(), quote(s.l.object.Table()), quote(s.l.field.Column())), s.l.id, after, next)
	return filled, next, err
}

// span is the condition that a waiting row p follows the GSID $2, up to $3.
func (s *healStep) span() string {
	return fmt.Sprintf("p.lookup = $1 AND p.gsid > %s AND p.gsid <= %s", fromText(s.d, column.GUID, "$2"), fromText(s.d, column.GUID, "$3"))
}

// fill fills the waiting rows of a span. Where one would repeat another row
// that it must not, each half is tried by itself, until that one is left as it
// is.
func (s *healStep) fill(ctx context.Context, tx *database.Tx, after, last string) (int64, error) {
	column := quote(s.l.field.Column())
	args := []any{s.l.id, after, last, database.Time{Time: time.Now()}, s.h.Run}
	set := fmt.Sprintf("%s = f.found, modified_date = $4, %s = $5", column, runColumn)
	if s.by {
		set, args = set+", modified_by = $6", append(args, s.h.By)
	}
	if s.unique {
		if _, err := tx.Exec(ctx, "SAVEPOINT cw_fill"); err != nil {
			return 0, err
		}
	}
	filled, err := tx.Exec(ctx, fmt.Sprintf(`WITH f AS MATERIALIZED (SELECT p.gsid, %s AS found FROM cw_pending p WHERE %s)
		UPDATE %s AS r SET %s FROM f WHERE r.gsid = f.gsid AND f.found IS NOT NULL AND r.%s IS NULL`,
		s.found(), s.span(), quote(s.l.object.Table()), set, column), args...)
	switch {
	case !s.unique:
		return filled, err
	case err == nil:
		_, err = tx.Exec(ctx, "RELEASE SAVEPOINT cw_fill")
		return filled, err
	case !database.IsUnique(err):
		return 0, err
	}
	if _, err := tx.Exec(ctx, "ROLLBACK TO SAVEPOINT cw_fill"); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "RELEASE SAVEPOINT cw_fill"); err != nil {
		return 0, err
	}
	return s.halves(ctx, tx, after, last)
}

func (s *healStep) halves(ctx context.Context, tx *database.Tx, after, last string) (int64, error) {
	var rows int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM cw_pending p WHERE "+s.span(), s.l.id, after, last).Scan(&rows); err != nil || rows <= 1 {
		return 0, err
	}
	gsid := crosswalk.Field{Type: crosswalk.FieldGSID}
	var middle string
	err := tx.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM cw_pending p WHERE %s ORDER BY p.gsid LIMIT 1 OFFSET %d",
		plainColumn(s.d, &gsid, "p.gsid"), s.span(), rows/2-1), s.l.id, after, last).Scan(&middle)
	if err != nil {
		return 0, err
	}
	first, err := s.fill(ctx, tx, after, middle)
	if err != nil {
		return 0, err
	}
	second, err := s.fill(ctx, tx, middle, last)
	return first + second, err
}

// found is the expression for the row that a waiting row p looks for.
func (s *healStep) found() string {
	var columns []string
	for _, f := range s.fields {
		columns = append(columns, f.Column())
	}
	value := func(i int) string { return fromText(s.d, column.KindFor(&s.fields[i]), fmt.Sprintf("p.v%d", i)) }
	first := findSQL(s.h.Object.Table(), columns, value, 0)
	if s.l.several != crosswalk.SeveralReject {
		return "(" + first + ")"
	}
	return fmt.Sprintf("CASE WHEN (%s) IS NULL THEN (%s) END", findSQL(s.h.Object.Table(), columns, value, 1), first)
}

// drop forgets a lookup whose object or fields are gone, with the rows that
// waited for it.
func (l *pendingLookup) drop(ctx context.Context, db *database.DB) error {
	err := db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		for _, text := range []string{"DELETE FROM cw_pending WHERE lookup = $1", "DELETE FROM cw_lookup_origins WHERE lookup = $1", "DELETE FROM cw_lookups WHERE id = $1"} {
			if _, err := tx.Exec(ctx, text, l.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("table: forget lookup %s of %s: %w", l.field.Name, l.object.Name, err)
	}
	return nil
}
