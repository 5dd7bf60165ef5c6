package table

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// sqliteWriter writes through a connection of its own, without database/sql:
// binding values one by one to a prepared statement is what a bulk load
// spends its time on.
type sqliteWriter struct {
	*Writer
	conn   *sqlite.Conn
	upsert *sqlite.Stmt
	mark   *sqlite.Stmt // makes the last inserted row id one that no table has
	exists *sqlite.Stmt // is there a row with these identifiers?
	text   []byte
}

// The parameters of the upsert before those of the columns.
const (
	paramGSID = iota + 1
	paramCreated
	paramModified
	paramOrigin
	paramSourceID
	paramRun
	paramColumns
)

func openSQLite(w *Writer) (_ *sqliteWriter, err error) {
	s := &sqliteWriter{Writer: w}
	s.conn, err = sqlite.OpenConn(w.db.Path(), sqlite.OpenReadWrite)
	if err != nil {
		return nil, fmt.Errorf("table: open %s: %w", w.db.Path(), err)
	}
	defer func() {
		if err != nil {
			_ = s.conn.Close()
		}
	}()
	for _, p := range database.SQLitePragmas() {
		if err := s.exec("PRAGMA " + p); err != nil {
			return nil, err
		}
	}
	if err := s.exec("CREATE TEMP TABLE cw_mark (id INTEGER PRIMARY KEY)"); err != nil {
		return nil, err
	}
	prepare := func(into **sqlite.Stmt, query string) {
		if err == nil {
			*into, err = s.conn.Prepare(query)
		}
	}
	_, fixed := w.constants()
	var values []string
	for i := 1; i < paramColumns+len(w.cfg.Columns); i++ {
		if i == paramColumns {
			values = append(values, fixed...)
		}
		values = append(values, fmt.Sprintf("?%d", i))
	}
	prepare(&s.upsert, w.upsertSQL("VALUES ("+strings.Join(values, ", ")+")"))
	prepare(&s.mark, "INSERT OR REPLACE INTO temp.cw_mark (id) VALUES (-1)")
	var same []string
	for i, c := range w.cfg.Columns {
		if c.Identifier {
			same = append(same, fmt.Sprintf("%s = ?%d", quote(c.Field.Column()), paramColumns+i))
		}
	}
	prepare(&s.exists, fmt.Sprintf("SELECT 1 FROM %s WHERE %s", quote(w.cfg.Object.Table()), strings.Join(same, " AND ")))
	if err != nil {
		return nil, fmt.Errorf("table: prepare: %w", err)
	}
	return s, nil
}

func (s *sqliteWriter) close() error {
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("table: close: %w", err)
	}
	return nil
}

// exec runs a statement without arguments and without cached preparation.
func (s *sqliteWriter) exec(query string) error {
	stmt, _, err := s.conn.PrepareTransient(query)
	if err != nil {
		return fmt.Errorf("table: %s: %w", query, err)
	}
	for more := true; more && err == nil; {
		more, err = stmt.Step()
	}
	if e := stmt.Finalize(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("table: %s: %w", query, err)
	}
	return nil
}

func (s *sqliteWriter) write(ctx context.Context, b *column.Batch, r *Result, save SaveFunc) (err error) {
	lock := s.db.Lock()
	if err := lock.Acquire(ctx); err != nil {
		return err
	}
	defer lock.Release()
	s.conn.SetInterrupt(ctx.Done())
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		s.conn.SetInterrupt(nil)
		return err
	}
	done := false
	defer func() {
		// Neither the rollback nor what comes next is to be interrupted.
		s.conn.SetInterrupt(nil)
		if !done { // an error, or a panic of save
			if e := s.exec("ROLLBACK"); err == nil {
				err = e
			}
		}
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}()
	if err := s.rows(b, r); err != nil {
		return err
	}
	if err := save(ctx, s, *r); err != nil {
		return err
	}
	if err := s.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// rows upserts the rows of the batch one by one.
func (s *sqliteWriter) rows(b *column.Batch, r *Result) error {
	now := database.FormatTime(time.Now())
	s.upsert.BindText(paramCreated, now)
	s.upsert.BindText(paramModified, now)
	s.upsert.BindInt64(paramOrigin, s.origin)
	s.upsert.BindInt64(paramRun, s.cfg.Run)
	// An insert shows in the last inserted row id, which an update leaves as
	// it is. The mark keeps it from being that of another table by chance.
	if _, err := s.mark.Step(); err != nil {
		return fmt.Errorf("table: mark: %w", err)
	}
	if err := s.mark.Reset(); err != nil {
		return fmt.Errorf("table: mark: %w", err)
	}
	last := s.conn.LastInsertRowID()
	for row := range b.Rows() {
		switch s.plan.verdicts[row] {
		case drop:
			continue
		case writeOnly:
			found, err := s.find(b, row)
			if err != nil {
				return err
			}
			if !found {
				s.plan.reject(r, requiredEmpty(row, s.emptyRequired(b, row)))
				continue
			}
		}
		s.text = crosswalk.NewGSID().AppendText36(s.text[:0])
		s.bindText(s.upsert, paramGSID, s.text)
		s.bind(s.upsert, paramSourceID, &b.Columns[0], row, column.Text)
		for i := range s.plan.columns {
			c := &b.Columns[i+1]
			if n := s.plan.numbers[i]; n != nil {
				c = n
			}
			s.bind(s.upsert, paramColumns+i, c, row, s.plan.stored[i])
		}
		_, err := s.upsert.Step()
		if err != nil {
			_ = s.upsert.Reset() // repeats the error
			if columns, ok := uniqueColumns(err); ok {
				s.plan.reject(r, s.violation(row, columns))
				continue
			}
			return fmt.Errorf("table: write %s: %w", s.cfg.Object.Table(), err)
		}
		if err := s.upsert.Reset(); err != nil {
			return fmt.Errorf("table: write %s: %w", s.cfg.Object.Table(), err)
		}
		switch id := s.conn.LastInsertRowID(); {
		case id != last:
			last = id
			r.Inserted++
		case s.conn.Changes() > 0:
			r.Updated++
		default:
			r.Unchanged++
		}
	}
	return nil
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

func (s *sqliteWriter) find(b *column.Batch, row int) (bool, error) {
	for i, def := range s.plan.columns {
		if !def.Identifier {
			continue
		}
		c := &b.Columns[i+1]
		if n := s.plan.numbers[i]; n != nil {
			c = n
		}
		s.bind(s.exists, paramColumns+i, c, row, s.plan.stored[i])
	}
	found, err := s.exists.Step()
	if e := s.exists.Reset(); err == nil {
		err = e
	}
	if err != nil {
		return false, fmt.Errorf("table: find row: %w", err)
	}
	return found, nil
}

// Exec implements database.Execer inside the batch's transaction.
func (s *sqliteWriter) Exec(_ context.Context, query string, args ...any) (int64, error) {
	stmt, err := s.conn.Prepare(query)
	if err != nil {
		return 0, fmt.Errorf("table: prepare: %w", err)
	}
	for i := 1; i <= stmt.BindParamCount(); i++ {
		// SQLite numbers $1, $2, … by their first appearance and takes the
		// number for a name.
		var n int
		if _, err := fmt.Sscanf(stmt.BindParamName(i), "$%d", &n); err != nil || n < 1 || n > len(args) {
			return 0, fmt.Errorf("table: no argument for %q in %q", stmt.BindParamName(i), query)
		}
		if err := bindArg(stmt, i, args[n-1]); err != nil {
			return 0, err
		}
	}
	for more := true; more && err == nil; {
		more, err = stmt.Step()
	}
	changed := s.conn.Changes()
	if e := stmt.Reset(); err == nil {
		err = e
	}
	if err != nil {
		return 0, fmt.Errorf("table: execute: %w", err)
	}
	return int64(changed), stmt.ClearBindings()
}

func bindArg(stmt *sqlite.Stmt, i int, arg any) error {
	if v, ok := arg.(driver.Valuer); ok {
		var err error
		if arg, err = v.Value(); err != nil {
			return err
		}
	}
	switch v := arg.(type) {
	case nil:
		stmt.BindNull(i)
	case string:
		stmt.BindText(i, database.Text(v))
	case []byte:
		if v == nil {
			stmt.BindNull(i)
		} else {
			stmt.BindBytes(i, v)
		}
	case bool:
		stmt.BindBool(i, v)
	case int:
		stmt.BindInt64(i, int64(v))
	case int32:
		stmt.BindInt64(i, int64(v))
	case int64:
		stmt.BindInt64(i, v)
	default:
		return fmt.Errorf("table: argument of type %T", arg)
	}
	return nil
}

// uniqueColumns returns the columns of the unique index that a row broke,
// read from SQLite's message "UNIQUE constraint failed: t.a, t.b".
func uniqueColumns(err error) ([]string, bool) {
	if sqlite.ErrCode(err) != sqlite.ResultConstraintUnique {
		return nil, false
	}
	_, list, _ := strings.Cut(err.Error(), "UNIQUE constraint failed: ")
	var columns []string
	for _, c := range strings.Split(list, ", ") {
		if _, name, ok := strings.Cut(c, "."); ok {
			columns = append(columns, strings.TrimSpace(name))
		}
	}
	return columns, true
}

// sqliteBusy is database.Retryable for this package's own connections.
func sqliteBusy(err error) bool {
	code := sqlite.ErrCode(err).ToPrimary()
	return code == sqlite.ResultBusy || code == sqlite.ResultLocked
}
