package table

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// sqliteWriter writes through a connection of its own, without database/sql:
// binding values one by one to a prepared statement is what a bulk load
// spends its time on.
type sqliteWriter struct {
	*Writer
	conn    *sqlite.Conn
	begun   context.Context // of the transaction, nil outside of one
	targets map[*target]*sqliteTarget
	lookups map[*lookup]*sqliteLookup
	waiting *sqliteWaiting
	mark    *sqlite.Stmt // makes the last inserted row id one that no table has
	text    []byte
}

func openSQLite(w *Writer) (*sqliteWriter, error) {
	s, err := connectSQLite(w)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(context.Background()); err != nil {
		_ = s.conn.Close()
		return nil, err
	}
	return s, nil
}

func connectSQLite(w *Writer) (*sqliteWriter, error) {
	conn, err := sqlite.OpenConn(w.db.Path(), sqlite.OpenReadWrite)
	if err != nil {
		return nil, fmt.Errorf("table: open %s: %w", w.db.Path(), err)
	}
	s := &sqliteWriter{Writer: w, conn: conn}
	// The temporary tables are those of a batch.
	for _, p := range append(database.SQLitePragmas(), "temp_store(MEMORY)") {
		if err := s.exec("PRAGMA " + p); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return s, nil
}

// prepare implements engine. The tables must be there.
func (s *sqliteWriter) prepare(context.Context) (err error) {
	s.targets, s.lookups = map[*target]*sqliteTarget{}, map[*lookup]*sqliteLookup{}
	if err := s.exec("CREATE TEMP TABLE IF NOT EXISTS cw_mark (id INTEGER PRIMARY KEY)"); err != nil {
		return err
	}
	if s.mark, err = s.stmt("INSERT OR REPLACE INTO temp.cw_mark (id) VALUES (-1)"); err != nil {
		return err
	}
	for _, t := range s.Writer.targets() {
		if s.targets[t], err = s.openTarget(t); err != nil {
			return err
		}
	}
	all := s.Writer.lookups
	if s.who != nil {
		all = append(all[:len(all):len(all)], s.who)
	}
	for i, l := range all {
		if s.lookups[l], err = s.openLookup(l, fmt.Sprintf("cw_match_%d", i)); err != nil {
			return err
		}
	}
	s.waiting, err = s.openWaiting()
	return err
}

// stmt prepares a statement that lives as long as the connection.
func (s *sqliteWriter) stmt(query string) (*sqlite.Stmt, error) {
	stmt, err := s.conn.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("table: prepare: %w", err)
	}
	return stmt, nil
}

func (s *sqliteWriter) close() error {
	err := s.rollback(context.Background())
	if e := s.conn.Close(); err == nil && e != nil {
		err = fmt.Errorf("table: close: %w", e)
	}
	return err
}

// holds is true: keys are random, so that each batch writes to most pages of
// the index over them.
func (s *sqliteWriter) holds() bool { return true }

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

// step runs a prepared statement of at most one row and reports whether there
// is one; row, which may be nil, reads it.
func (s *sqliteWriter) step(stmt *sqlite.Stmt, row func()) (bool, error) {
	more, err := stmt.Step()
	if more && row != nil {
		row()
	}
	if e := stmt.Reset(); err == nil {
		err = e
	}
	return more, err
}

func (s *sqliteWriter) begin(ctx context.Context) error {
	if err := s.db.Lock().Acquire(ctx); err != nil {
		return err
	}
	s.conn.SetInterrupt(ctx.Done())
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		s.conn.SetInterrupt(nil)
		s.db.Lock().Release()
		return err
	}
	s.begun = ctx
	return nil
}

func (s *sqliteWriter) commit(context.Context) error {
	if err := s.exec("COMMIT"); err != nil {
		return err
	}
	s.end()
	return nil
}

func (s *sqliteWriter) rollback(ctx context.Context) error {
	if s.begun == nil {
		return nil
	}
	// Neither the rollback nor what comes next is to be interrupted.
	s.conn.SetInterrupt(nil)
	err := s.exec("ROLLBACK")
	s.end()
	return err
}

func (s *sqliteWriter) end() {
	s.conn.SetInterrupt(nil)
	s.begun = nil
	s.db.Lock().Release()
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

// sqliteBusy reports whether err says that somebody else held the file for too
// long.
func sqliteBusy(err error) bool {
	code := sqlite.ErrCode(err).ToPrimary()
	return code == sqlite.ResultBusy || code == sqlite.ResultLocked
}

// sqliteUnique is database.IsUnique for this package's own connections.
func sqliteUnique(err error) bool { return sqlite.ErrCode(err) == sqlite.ResultConstraintUnique }
