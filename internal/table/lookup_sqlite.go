package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// sqliteLookup looks the combinations of a batch up through a temporary table,
// but for those that are known from a batch before.
type sqliteLookup struct {
	fill, find, clear *sqlite.Stmt
	version           *sqlite.Stmt // changes when another connection has written
	known             *knownHits   // nil when the writer itself writes to what is looked up
	ask               []int32      // numbers of the combinations to look up
}

func (s *sqliteWriter) openLookup(l *lookup, table string) (_ *sqliteLookup, err error) {
	var columns, values []string
	for i, k := range l.stored {
		columns = append(columns, fmt.Sprintf("m%d %s", i, storageType(database.SQLite, k)))
		values = append(values, fmt.Sprintf("?%d", i+2))
	}
	err = s.exec(fmt.Sprintf("CREATE TEMP TABLE %s (n INTEGER, %s)", table, strings.Join(columns, ", ")))
	if err != nil {
		return nil, err
	}
	q := &sqliteLookup{}
	if q.fill, err = s.stmt(fmt.Sprintf("INSERT INTO temp.%s VALUES (?1, %s)", table, strings.Join(values, ", "))); err != nil {
		return nil, err
	}
	if q.clear, err = s.stmt("DELETE FROM temp." + table); err != nil {
		return nil, err
	}
	m := func(i int) string { return fmt.Sprintf("s.m%d", i) }
	second := "NULL"
	if l.several() {
		second = "(" + findSQL(l.Object.Table(), l.match(), m, 1) + ") IS NOT NULL"
	}
	q.find, err = s.stmt(fmt.Sprintf("SELECT s.n, (%s), %s FROM temp.%s s", findSQL(l.Object.Table(), l.match(), m, 0), second, table))
	own := slices.ContainsFunc(s.Writer.targets(), func(t *target) bool { return t.object.Name == l.Object.Name })
	if err != nil || own {
		return q, err
	}
	q.known = newKnownHits()
	q.version, err = s.stmt("PRAGMA data_version")
	return q, err
}

// find implements engine.
func (s *sqliteWriter) find(_ context.Context, l *lookup) error {
	q := s.lookups[l]
	fail := func(err error) error { return fmt.Errorf("table: look up %s: %w", l.Object.Table(), err) }
	if len(l.found) == 0 {
		return nil
	}
	if err := s.recall(q, l); err != nil {
		return fail(err)
	}
	if len(q.ask) == 0 {
		return nil
	}
	for _, n := range q.ask {
		row := int(l.keys.row[n])
		q.fill.BindInt64(1, int64(n))
		for i := range l.columns {
			s.bind(q.fill, i+2, l.values[i], row, l.stored[i])
		}
		if _, err := s.step(q.fill, nil); err != nil {
			return fail(err)
		}
	}
	var text [36]byte
	for {
		more, err := q.find.Step()
		if err != nil {
			_ = q.find.Reset()
			return fail(err)
		}
		if !more {
			break
		}
		if q.find.ColumnBytes(1, text[:]) != len(text) {
			continue
		}
		h := &l.found[q.find.ColumnInt64(0)]
		h.rows = 1 + q.find.ColumnInt(2)
		var ok bool
		if h.gsid, ok = crosswalk.ParseGSID(text[:]); !ok {
			_ = q.find.Reset()
			return fail(fmt.Errorf("%q is no GSID", text))
		}
	}
	if err := q.find.Reset(); err != nil {
		return fail(err)
	}
	if _, err := s.step(q.clear, nil); err != nil {
		return fail(err)
	}
	if q.known != nil {
		for _, n := range q.ask {
			if h := &l.found[n]; h.rows == 1 {
				q.known.put(l.keys.hash[n], l.keys.key(int(n)), h.gsid)
			}
		}
	}
	return nil
}

// recall fills what is known from batches before and notes which combinations
// are to be looked up. What was found then is still there unless somebody else
// has written to the database.
func (s *sqliteWriter) recall(q *sqliteLookup, l *lookup) error {
	q.ask = q.ask[:0]
	if q.known == nil {
		q.ask = append(q.ask, l.order...)
		return nil
	}
	var version int64
	if _, err := s.step(q.version, func() { version = q.version.ColumnInt64(0) }); err != nil {
		return err
	}
	q.known.keep(version)
	for _, n := range l.order {
		if gsid, ok := q.known.get(l.keys.hash[n], l.keys.key(int(n))); ok {
			l.found[n] = hit{gsid: gsid, rows: 1}
		} else {
			q.ask = append(q.ask, n)
		}
	}
	return nil
}
