package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// A load fills an empty table: rows are only added, without the unique index
// over the identifiers, so that a record that comes twice has two rows for a
// while. Settle removes them and makes the index. cw_loads names the tables
// that are being loaded. Whoever writes to such a table otherwise, or finds
// rows in it, must settle it first: each of their transactions looks there.

// loadsSQL makes cw_loads.
func loadsSQL(d database.Dialect) string {
	return d.Expand("CREATE TABLE IF NOT EXISTS cw_loads (table_name {text} PRIMARY KEY, run {int} NOT NULL, plan {text} NOT NULL)")
}

// Load is a table that is being loaded.
type Load struct {
	Table string
	Run   int64 // number of the run
}

// LoadError says that a table is being loaded, so that its rows cannot be
// written or found as usual until Settle was called. It is the cause of an
// error of crosswalk.CodeUnavailable.
type LoadError struct{ Load }

// Error returns what is the case.
func (e *LoadError) Error() string {
	return fmt.Sprintf("table: run %d is loading %s", e.Run, e.Table)
}

// Err returns a LoadError.
func (l Load) Err() error {
	return crosswalk.Errorf(crosswalk.CodeUnavailable, "The table %s is being filled for the first time, by run %d.", l.Table, l.Run).
		WithHint("Try again when the run has ended.").WithCause(&LoadError{l})
}

// errSettled says that the load of a writer was settled by somebody else.
var errSettled = errors.New("table: the load was settled")

// loadPlan says how the rows of a load were written, which decides what
// becomes of those with the same identifiers.
type loadPlan struct {
	Object    string              `json:"object"`
	Operation crosswalk.Operation `json:"operation"`
	Modified  bool                `json:"modified,omitempty"`
	Columns   []loadColumn        `json:"columns"`
}

type loadColumn struct {
	Field      string `json:"field"`
	Identifier bool   `json:"identifier,omitempty"`
	KeepOnNull bool   `json:"keep_on_null,omitempty"`
}

func (t *target) loadPlan() string {
	p := loadPlan{Object: t.object.Name, Operation: t.operation, Modified: t.modified >= 0}
	for _, c := range t.columns {
		p.Columns = append(p.Columns, loadColumn{c.Field.Name, c.Identifier, c.KeepOnNull})
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic("table: a plan that cannot be encoded: " + err.Error()) // it is made of texts
	}
	return string(text)
}

// target returns what the rows were written to, as far as Settle needs it.
func (p *loadPlan) target(d database.Dialect) *target {
	t := &target{object: crosswalk.Object{Name: p.Object}, d: d}
	t.operation, t.modified = p.Operation, -1
	if p.Modified {
		t.modified = 0
	}
	for _, c := range p.Columns {
		t.columns = append(t.columns, Column{Field: crosswalk.Field{Name: c.Field}, Identifier: c.Identifier, KeepOnNull: c.KeepOnNull})
	}
	return t
}

// Loads returns the tables that are being loaded, by name.
func Loads(ctx context.Context, q database.Querier) ([]Load, error) {
	rows, err := q.Query(ctx, "SELECT table_name, run FROM cw_loads ORDER BY table_name")
	if err != nil {
		return nil, fmt.Errorf("table: loads: %w", err)
	}
	defer rows.Close()
	var list []Load
	for rows.Next() {
		var l Load
		if err := rows.Scan(&l.Table, &l.Run); err != nil {
			return nil, fmt.Errorf("table: loads: %w", err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// notLoading returns a LoadError when one of the objects is being loaded, as
// far as is seen from outside of a transaction.
func notLoading(ctx context.Context, db *database.DB, objects []crosswalk.Object) error {
	have, err := readColumns(ctx, db.Dialect(), "cw_loads", db.Query)
	if err != nil || len(have) == 0 {
		return err // there is no table at all yet
	}
	loads, err := Loads(ctx, db)
	if err != nil {
		return err
	}
	for _, l := range loads {
		if slices.ContainsFunc(objects, func(o crosswalk.Object) bool { return o.Table() == l.Table }) {
			return l.Err()
		}
	}
	return nil
}

// keepLoadsOff lets no load of the table begin before the transaction ends. It
// returns a LoadError when one has begun. mode is a lock of PostgreSQL that
// conflicts with the one that begins a load.
func keepLoadsOff(ctx context.Context, tx *database.Tx, d database.Dialect, table, mode string) error {
	if d == database.Postgres {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+quote(table)+" IN "+mode+" MODE"); err != nil {
			return fmt.Errorf("table: lock %s: %w", table, err)
		}
	}
	loads, err := Loads(ctx, tx)
	if err != nil {
		return err
	}
	for _, l := range loads {
		if l.Table == table {
			return l.Err()
		}
	}
	return nil
}

// mayLoad reports whether the rows that a load makes can be settled to those
// that would have been written otherwise: whatever decides about a row, beside
// its own values, is its identifiers.
func (w *Writer) mayLoad() bool {
	t := w.main
	switch {
	case !w.cfg.Load, t.operation == crosswalk.OperationUpdate, t.identifiers == 0, len(w.lookups) > 0, w.person != nil:
		return false
	}
	// A value that another row has refuses a row, and so does a required
	// field without a value, unless the row is there already.
	return !slices.ContainsFunc(t.object.Fields, func(f crosswalk.Field) bool { return f.Unique && f.Type != crosswalk.FieldGSID }) &&
		!slices.ContainsFunc(t.columns, func(c Column) bool { return c.Field.Required && c.KeepOnNull })
}

// enterLoad begins a load, or goes on with the one of the same run. It returns
// a LoadError when another load must be settled first.
func (w *Writer) enterLoad(ctx context.Context) error {
	loads, err := Loads(ctx, w.db)
	if err != nil {
		return err
	}
	for _, l := range loads {
		switch {
		case !slices.Contains(w.tables(), l.Table):
			continue
		case l.Table == w.main.object.Table() && l.Run == w.cfg.Run && w.mayLoad():
			if w.main.adding, err = w.goesOn(ctx); err != nil {
				return err
			}
		}
		if !w.main.adding || l.Table != w.main.object.Table() {
			return l.Err()
		}
	}
	if w.main.adding || !w.mayLoad() {
		return nil
	}
	return w.beginLoad(ctx)
}

// goesOn reports whether the load of this run can go on. It must have been
// written in the same way until now, and the GSIDs of what follows must be
// greater than all before: their order is that in which the rows came, and the
// clock of another machine may be behind.
func (w *Writer) goesOn(ctx context.Context) (bool, error) {
	var plan, last string
	table := w.main.object.Table()
	err := w.db.QueryRow(ctx, fmt.Sprintf("SELECT plan, coalesce((SELECT CAST(gsid AS text) FROM %s ORDER BY gsid DESC LIMIT 1), '') FROM cw_loads WHERE table_name = $1", quote(table)), table).Scan(&plan, &last)
	if err != nil {
		return false, fmt.Errorf("table: load of %s: %w", table, err)
	}
	return plan == w.main.loadPlan() && crosswalk.NewGSID().String() > last, nil
}

// beginLoad begins a load if the table is empty and no row can be refused
// because of another index. The index that the load makes in the end goes.
func (w *Writer) beginLoad(ctx context.Context) error {
	t, d := w.main, w.db.Dialect()
	table := t.object.Table()
	columns, names := t.keyed()
	own := index{&t.object, columns, names}
	err := w.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		t.adding = false
		// Everybody who writes to the table, or finds rows in it, is done with
		// that or has yet to look whether it is being loaded.
		switch err := keepLoadsOff(ctx, tx, d, table, "EXCLUSIVE"); {
		case err != nil:
			return err
		}
		var rows bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+quote(table)+")").Scan(&rows); err != nil || rows {
			return err
		}
		indexes, err := uniqueIndexes(ctx, tx, d, table)
		if err != nil {
			return err
		}
		for _, name := range indexes {
			if name != own.name() {
				return nil
			}
		}
		if len(indexes) > 0 {
			if _, err := tx.Exec(ctx, "DROP INDEX "+quote(own.name())); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "INSERT INTO cw_loads (table_name, run, plan) VALUES ($1, $2, $3)", table, w.cfg.Run, t.loadPlan())
		t.adding = err == nil
		return err
	})
	var e *crosswalk.Error
	if err != nil && !errors.As(err, &e) {
		err = fmt.Errorf("table: begin to load %s: %w", table, err)
	}
	return err
}

// uniqueIndexes returns the names of the table's unique indexes but those of
// constraints.
func uniqueIndexes(ctx context.Context, tx *database.Tx, d database.Dialect, table string) ([]string, error) {
	text := `SELECT name FROM pragma_index_list($1) WHERE "unique" = 1 AND origin = 'c'`
	if d == database.Postgres {
		text = `SELECT n.relname::text FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class n ON n.oid = i.indexrelid
			WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = $1 AND i.indisunique
			AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`
	}
	rows, err := tx.Query(ctx, text, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, rows.Err()
}

// Loading reports whether the writer fills an empty table, which Settle must
// be called for in the end.
func (w *Writer) Loading() bool { return w.main.adding }

// tables returns the names of the tables that the writer writes to or finds
// rows in, in their order.
func (w *Writer) tables() []string {
	var names []string
	for _, o := range w.objects() {
		names = append(names, o.Table())
	}
	slices.Sort(names)
	return names
}

// begin begins a transaction in which no table of the writer is loaded by
// anybody else. It returns errSettled when its own load was settled.
func (w *Writer) begin(ctx context.Context) error {
	if err := w.engine.begin(ctx); err != nil {
		return err
	}
	loads, err := w.engine.loads(ctx)
	if err != nil {
		return fmt.Errorf("table: loads: %w", err)
	}
	own := false
	for _, l := range loads {
		switch {
		case w.main.adding && l.Table == w.main.object.Table() && l.Run == w.cfg.Run:
			own = true
		case slices.Contains(w.tables(), l.Table):
			return l.Err()
		}
	}
	if w.main.adding && !own {
		return errSettled
	}
	return nil
}

// settled goes on with a table that was loaded as with any other.
func (w *Writer) settled(ctx context.Context) error {
	w.main.adding = false
	if err := w.ensureIndexes(ctx); err != nil {
		return err
	}
	return w.engine.prepare(ctx)
}
