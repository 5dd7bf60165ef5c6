package table

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// sqliteTarget writes rows to one object one by one.
type sqliteTarget struct {
	*target
	write  *sqlite.Stmt
	exists *sqlite.Stmt     // is there a row with these identifiers?
	owner  *sqlite.Stmt     // whose is the row with these identifiers?
	own    *sqlite.Stmt     // notes whose it is
	last   int64            // row id of the row inserted last
	made   []crosswalk.GSID // for each row of the batch, should it be inserted
}

// The parameters of the statements before those of the columns.
const (
	paramGSID = iota + 1
	paramCreated
	paramModified
	paramOrigin
	paramSourceID
	paramRun
	paramChanged
	paramColumns
)

// What the statement owner returns.
const (
	ownerThis  = iota // this record, or nobody
	ownerOther        // another record, which counts
	ownerNews         // this record, which is to be noted
)

// incoming are the values of a record as parameters.
func (t *sqliteTarget) incoming() incoming {
	p := func(n int) string { return fmt.Sprintf("?%d", n) }
	return incoming{
		field: func(i int) string { return p(paramColumns + i) },
		now:   p(paramModified), origin: p(paramOrigin), source: p(paramSourceID), run: p(paramRun), changed: p(paramChanged),
		by: literal(t.d, column.Text, database.Text(t.by)),
	}
}

func (s *sqliteWriter) openTarget(def *target) (*sqliteTarget, error) {
	t := &sqliteTarget{target: def}
	in := t.incoming()
	same := t.same(in.field)
	table := quote(t.object.Table())
	var text string
	if t.operation == crosswalk.OperationUpdate {
		set, where := t.update(in)
		text = fmt.Sprintf("UPDATE %s AS t SET %s WHERE %s AND %s", table, set, same, where)
	} else {
		_, fixed := t.constants()
		text = ""
		for i := 1; i < paramColumns+len(t.columns); i++ {
			if i == paramChanged && t.modified < 0 {
				continue
			}
			if i == paramColumns {
				for _, v := range fixed {
					text += v + ", "
				}
			}
			text += fmt.Sprintf("?%d, ", i)
		}
		if text = text[:len(text)-2]; t.identifiers == 0 {
			text = "SELECT " + text + " WHERE NOT " + t.added(in)
		} else {
			text = "VALUES (" + text + ")"
		}
		text = t.insertSQL(text)
	}
	var err error
	if t.write, err = s.stmt(text); err != nil || t.identifiers == 0 || t.adding {
		return t, err
	}
	if t.exists, err = s.stmt(fmt.Sprintf("SELECT 1 FROM %s t WHERE %s", table, same)); err != nil || t.modified < 0 {
		return t, err
	}
	t.owner, err = s.stmt(fmt.Sprintf(`SELECT CASE WHEN t.%s IS DISTINCT FROM %s OR t.%s IS NOT NULL THEN %d
		WHEN t.%s = %s THEN CASE WHEN t.%s IS DISTINCT FROM %s THEN %d ELSE %d END WHEN %s THEN %d ELSE %d END FROM %s t WHERE %s`,
		originColumn, in.origin, deletedColumn, ownerThis, sourceIDColumn, in.source, changedColumn, in.changed, ownerNews, ownerThis,
		t.wins(in), ownerNews, ownerOther, table, same))
	if err != nil {
		return nil, err
	}
	t.own, err = s.stmt(t.ownSQL(in, "", same))
	return t, err
}

// rows implements engine.
func (s *sqliteWriter) rows(_ context.Context, def *target, b *column.Batch, r *Result) error {
	t := s.targets[def]
	if t.adding {
		if err := s.add(t, b, r); err != nil {
			return fmt.Errorf("table: load %s: %w", t.object.Table(), err)
		}
		return nil
	}
	if err := s.beginRows(t); err != nil {
		return err
	}
	for row := range b.Rows() {
		if !t.verdicts[row].open() {
			continue
		}
		if err := s.row(t, b, row, r); err != nil {
			return fmt.Errorf("table: write %s: %w", t.object.Table(), err)
		}
	}
	return nil
}

// beginRows binds what all rows of a batch have in common.
func (s *sqliteWriter) beginRows(t *sqliteTarget) error {
	now := database.FormatTime(time.Now())
	t.write.BindText(paramModified, now)
	if t.operation != crosswalk.OperationUpdate {
		t.write.BindText(paramCreated, now)
	}
	t.write.BindInt64(paramOrigin, s.origin)
	t.write.BindInt64(paramRun, s.cfg.Run)
	// An insert shows in the last inserted row id, which an update leaves as
	// it is. The mark keeps it from being that of another table by chance.
	if _, err := s.step(s.mark, nil); err != nil {
		return fmt.Errorf("table: mark: %w", err)
	}
	t.last = s.conn.LastInsertRowID()
	t.made = append(t.made[:0], make([]crosswalk.GSID, len(t.verdicts))...)
	return nil
}

// row writes one row and says what became of it in its verdict.
func (s *sqliteWriter) row(t *sqliteTarget, b *column.Batch, row int, r *Result) error {
	if t.verdicts[row] == writeOnly {
		found, err := s.find1(t, t.exists, b, row, nil)
		if err != nil {
			return err
		}
		if !found {
			t.reject(r, requiredEmpty(row, t.emptyRequired(row)))
			return nil
		}
	}
	if t.operation != crosswalk.OperationUpdate {
		t.made[row] = crosswalk.NewGSID()
		s.text = t.made[row].AppendText36(s.text[:0])
		s.bindText(t.write, paramGSID, s.text)
	}
	s.bindRecord(t, t.write, b, row)
	for i := range t.columns {
		s.bind(t.write, paramColumns+i, t.values[i], row, t.stored[i])
	}
	if _, err := t.write.Step(); err != nil {
		_ = t.write.Reset() // repeats the error
		if columns, ok := uniqueColumns(err); ok {
			t.reject(r, t.violation(row, columns))
			return nil
		}
		return err
	}
	if err := t.write.Reset(); err != nil {
		return err
	}
	switch id := s.conn.LastInsertRowID(); {
	case id != t.last:
		t.last = id
		t.verdicts[row] = inserted
		r.Inserted++
	case s.conn.Changes() > 0:
		t.verdicts[row] = updated
		r.Updated++
	default:
		return s.left(t, b, row, r)
	}
	return nil
}

// left finds out why a row was left as it is.
func (s *sqliteWriter) left(t *sqliteTarget, b *column.Batch, row int, r *Result) error {
	found, owner := true, ownerThis
	var err error
	switch {
	case t.operation == crosswalk.OperationInsert:
		found = false
	case t.modified >= 0:
		found, err = s.find1(t, t.owner, b, row, func() { owner = t.owner.ColumnInt(0) })
	case t.operation == crosswalk.OperationUpdate:
		found, err = s.find1(t, t.exists, b, row, nil)
	}
	switch {
	case err != nil:
		return err
	case !found:
		t.verdicts[row] = skipped
		r.Skipped++
		return nil
	case owner == ownerOther:
		t.verdicts[row] = duplicate
		r.Duplicates++
		return nil
	case owner == ownerNews:
		if _, err := s.find1(t, t.own, b, row, nil); err != nil {
			return err
		}
	}
	t.verdicts[row] = unchanged
	r.Unchanged++
	return nil
}

// find1 runs a statement about the row with the identifiers of a record and
// reports whether it returned one.
func (s *sqliteWriter) find1(t *sqliteTarget, stmt *sqlite.Stmt, b *column.Batch, row int, read func()) (bool, error) {
	if stmt == t.owner || stmt == t.own {
		stmt.BindInt64(paramOrigin, s.origin)
		s.bindRecord(t, stmt, b, row)
	}
	for i, def := range t.columns {
		if def.Identifier {
			s.bind(stmt, paramColumns+i, t.values[i], row, t.stored[i])
		}
	}
	return s.step(stmt, read)
}

// bindRecord binds which record a row is and when it was modified last.
func (s *sqliteWriter) bindRecord(t *sqliteTarget, stmt *sqlite.Stmt, b *column.Batch, row int) {
	s.bind(stmt, paramSourceID, &b.Columns[0], row, column.Text)
	if t.modified >= 0 {
		s.bind(stmt, paramChanged, &b.Columns[t.modified], row, column.Time)
	}
}

// bind binds the value of a row in the form the column stores.
func (s *sqliteWriter) bind(stmt *sqlite.Stmt, param int, c *column.Column, row int, stored column.Kind) {
	switch {
	case !c.Valid[row]:
		stmt.BindNull(param)
	case c.Kind == column.Text || c.Kind == column.Decimal:
		s.bindText(stmt, param, c.Bytes(row))
	case stored == column.Int || stored == column.Bool:
		stmt.BindInt64(param, c.Ints[row])
	default:
		s.text = appendText(s.text[:0], c, row)
		s.bindText(stmt, param, s.text)
	}
}

// bindText binds bytes as text. BindText copies them before it returns, so
// that the string need not outlive the call.
func (s *sqliteWriter) bindText(stmt *sqlite.Stmt, param int, v []byte) {
	stmt.BindText(param, unsafe.String(unsafe.SliceData(v), len(v)))
}
