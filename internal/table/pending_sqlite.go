package table

import (
	"context"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// sqliteWaiting collects the rows of a batch that wait, or no longer do, in a
// temporary table. Rows that were there before the batch are found in it by
// their identifiers.
type sqliteWaiting struct {
	put, find, clear *sqlite.Stmt // find is nil without identifiers
	lookups          []sqliteWait
}

type sqliteWait struct {
	*lookup
	any  *sqlite.Stmt   // does any row wait?
	note []*sqlite.Stmt // what follows, in order
}

// The parameters of the statement put before the identifiers; the values
// come last.
const (
	waitLookup = iota + 1
	waitFlag
	waitGSID
	waitColumns
)

func (s *sqliteWriter) openWaiting() (_ *sqliteWaiting, err error) {
	q := &sqliteWaiting{}
	var keys []string
	for i, c := range s.main.columns {
		if c.Identifier {
			keys = append(keys, fmt.Sprintf("i%d %s", i, storageType(database.SQLite, s.main.stored[i])))
		}
	}
	for _, l := range s.Writer.lookups {
		if l.id != 0 {
			q.lookups = append(q.lookups, sqliteWait{lookup: l})
		}
	}
	if len(q.lookups) == 0 {
		return q, nil
	}
	columns := append([]string{"l INTEGER", "waits INTEGER", "gsid TEXT"}, keys...)
	for i := range crosswalk.MaxIdentifiers {
		columns = append(columns, fmt.Sprintf("v%d TEXT", i))
	}
	if err := s.exec("CREATE TEMP TABLE cw_wait (" + strings.Join(columns, ", ") + ")"); err != nil {
		return nil, err
	}
	prepare := func(into **sqlite.Stmt, query string) {
		if err == nil {
			*into, err = s.stmt(query)
		}
	}
	prepare(&q.put, "INSERT INTO temp.cw_wait VALUES (?"+strings.Repeat(", ?", len(columns)-1)+")")
	prepare(&q.clear, "DELETE FROM temp.cw_wait")
	if len(keys) > 0 {
		same := s.main.same(func(i int) string { return fmt.Sprintf("cw_wait.i%d", i) })
		prepare(&q.find, fmt.Sprintf("UPDATE temp.cw_wait SET gsid = (SELECT t.gsid FROM %s t WHERE %s) WHERE gsid IS NULL", quote(s.main.object.Table()), same))
	}
	for i := range q.lookups {
		l := &q.lookups[i]
		prepare(&l.any, "SELECT 1 FROM cw_pending WHERE "+among("lookup", l.relatives)+" LIMIT 1")
		chosen := "SELECT gsid FROM temp.cw_wait WHERE l = %d AND waits = %d AND gsid IS NOT NULL"
		note := []string{fmt.Sprintf("DELETE FROM cw_pending WHERE %s AND gsid IN ("+chosen+")", among("lookup", l.relatives), i, 0)}
		if others := l.others(); len(others) > 0 {
			note = append(note, fmt.Sprintf("DELETE FROM cw_pending WHERE %s AND gsid IN ("+chosen+")", among("lookup", others), i, 1))
		}
		var values []string
		for k := range l.columns {
			values = append(values, fmt.Sprintf("v%d", k))
		}
		note = append(note, waitSQL(len(l.columns), fmt.Sprintf("SELECT %d, gsid, %s FROM temp.cw_wait WHERE l = %d AND waits = 1 AND gsid IS NOT NULL", l.id, strings.Join(values, ", "), i)))
		for _, text := range note {
			var stmt *sqlite.Stmt
			prepare(&stmt, text)
			l.note = append(l.note, stmt)
		}
	}
	return q, err
}

// remember implements engine.
func (s *sqliteWriter) remember(_ context.Context, b *column.Batch) error {
	q, any := s.waiting, false
	for i := range q.lookups {
		put, err := s.collect(i, b)
		if err != nil {
			return fmt.Errorf("table: pending lookups: %w", err)
		}
		any = any || put
	}
	if !any {
		return nil
	}
	var steps []*sqlite.Stmt
	if q.find != nil {
		steps = append(steps, q.find)
	}
	for _, l := range q.lookups {
		steps = append(steps, l.note...)
	}
	for _, stmt := range append(steps, q.clear) {
		if _, err := s.step(stmt, nil); err != nil {
			return fmt.Errorf("table: pending lookups: %w", err)
		}
	}
	return nil
}

// collect puts the rows into the temporary table that wait for lookup n, and
// those that may have waited for it before. It reports whether there are any.
func (s *sqliteWriter) collect(n int, b *column.Batch) (bool, error) {
	l, main := &s.waiting.lookups[n], s.targets[s.main]
	before, err := s.step(l.any, nil)
	if err != nil {
		return false, err
	}
	any := false
	for row, v := range main.verdicts {
		waits := l.state[row] == matchNone
		switch v {
		case inserted:
			if !waits {
				continue
			}
		case updated, unchanged:
			// A row that is unchanged and has found its row does not wait.
			if !waits && (!before || v == unchanged && l.state[row] == matchFound) {
				continue
			}
		default:
			continue
		}
		any = true
		if err := s.putWaiting(n, row, waits, v == inserted); err != nil {
			return any, err
		}
	}
	return any, nil
}

func (s *sqliteWriter) putWaiting(n, row int, waits, fresh bool) error {
	l, main, put := s.waiting.lookups[n], s.targets[s.main], s.waiting.put
	put.BindInt64(waitLookup, int64(n))
	put.BindBool(waitFlag, waits)
	put.BindNull(waitGSID)
	if fresh {
		s.text = main.made[row].AppendText36(s.text[:0])
		s.bindText(put, waitGSID, s.text)
	}
	at := waitColumns
	for i, c := range main.columns {
		if c.Identifier {
			s.bind(put, at, main.values[i], row, main.stored[i])
			at++
		}
	}
	for i := range crosswalk.MaxIdentifiers {
		if waits && i < len(l.columns) {
			s.text = appendText(s.text[:0], l.values[i], row)
			s.bindText(put, at, s.text)
		} else {
			put.BindNull(at)
		}
		at++
	}
	_, err := s.step(put, nil)
	return err
}
