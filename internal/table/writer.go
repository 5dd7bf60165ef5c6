package table

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Column is a field that a job fills. Kind is that of the batch's column; it
// must be column.KindFor the field, or the field must be stored as text, which
// takes every kind.
type Column struct {
	Field      crosswalk.Field
	Kind       column.Kind
	Identifier bool // decides which row a record updates
	KeepOnNull bool // a null keeps the value the row has
}

// Config says what a Writer writes.
type Config struct {
	Object       crosswalk.Object
	Columns      []Column
	ConnectionID string // where the records come from, with Entity and JobID
	Entity       string
	JobID        string // may be empty
	Run          int64  // number of the run
	By           string // who writes, for Created By and Modified By; may be empty
}

// Result says what became of a batch. Its counts and rejects add up to the
// rows of the batch.
type Result struct {
	Inserted   int64
	Updated    int64
	Unchanged  int64       // rows that already were as read; nothing was written
	Duplicates int64       // rows whose identifiers another record has too, which counts
	Skipped    int64       // rows that the operation leaves aside
	Rejects    []RowReject // rows that could not be stored, in the order they were found
}

// RowReject is a row that could not be stored.
type RowReject struct {
	Row     int    // in the batch
	Field   string // API name
	Code    crosswalk.RejectCode
	Message string
	Value   string
}

// SaveFunc stores what belongs to a batch in the batch's transaction. An
// error rolls the whole batch back and is returned by Write as it is. It may
// be called again when the database gave the transaction up.
type SaveFunc = func(ctx context.Context, tx database.Execer, r Result) error

// Writer upserts batches into the table of one object. It belongs to one
// goroutine; any number of Writers may write to the same table.
type Writer struct {
	cfg    Config
	db     *database.DB
	origin int64
	plan   plan
	sqlite *sqliteWriter
	pg     *postgresWriter
}

// NewWriter makes a writer, the table and columns it needs, and the unique
// index over the identifiers. It returns CodeConflict when rows that exist
// have the same identifiers, and CodeInvalid when there is no identifier.
// Close must follow.
func NewWriter(ctx context.Context, db *database.DB, cfg Config) (*Writer, error) {
	cfg.Columns = slices.Clone(cfg.Columns) // check completes them
	w := &Writer{cfg: cfg, db: db}
	if err := w.check(); err != nil {
		return nil, err
	}
	if err := Ensure(ctx, db, cfg.Object); err != nil {
		return nil, err
	}
	if err := w.ensureIndex(ctx); err != nil {
		return nil, err
	}
	if err := w.findOrigin(ctx); err != nil {
		return nil, err
	}
	w.plan = newPlan(&w.cfg)
	var err error
	if db.Dialect() == database.SQLite {
		w.sqlite, err = openSQLite(w)
	} else {
		w.pg, err = openPostgres(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Close frees the writer's connection. It does not wait for anything.
func (w *Writer) Close() error {
	if w.sqlite != nil {
		return w.sqlite.close()
	}
	w.pg.close()
	return nil
}

// Write stores a batch: rows are updated or inserted by their identifiers,
// then save runs, and both are committed together. The batch's first column is
// the key of the record in its source, of kind Text or GUID; Config.Columns
// follow in their order. Rows that cannot be stored become rejects and do not
// hold up the others. Of rows with the same identifiers the last one counts.
// save may be nil. After ctx has ended during Write, nothing is left to do with
// the Writer but to close it.
func (w *Writer) Write(ctx context.Context, batch *column.Batch, save SaveFunc) (Result, error) {
	if err := w.plan.check(batch); err != nil {
		return Result{}, err
	}
	if save == nil {
		save = func(context.Context, database.Execer, Result) error { return nil }
	}
	for attempt := 1; ; attempt++ {
		var r Result
		var err error
		// Which rows can be stored is found anew: a try before may have
		// noted rejects of its own.
		w.plan.prepare(batch, &r)
		if w.sqlite != nil {
			err = w.sqlite.write(ctx, batch, &r, save)
		} else {
			err = w.pg.write(ctx, batch, &r, save)
		}
		if err == nil {
			return r, nil
		}
		if attempt == database.Attempts || !retryable(err) {
			return Result{}, err
		}
		if err := database.Backoff(ctx, attempt); err != nil {
			return Result{}, err
		}
	}
}

func (w *Writer) check() error {
	var p crosswalk.Problems
	identifiers, seen := 0, map[string]bool{}
	for i := range w.cfg.Columns {
		c := &w.cfg.Columns[i]
		at := fmt.Sprintf("mapping.fields[%d].target", i)
		f := w.cfg.Object.Field(c.Field.Name)
		switch {
		case f == nil:
			p.Add(at, "%s has no field %s.", w.cfg.Object.Name, c.Field.Name)
			continue
		case f.System:
			p.Add(at, "Crosswalk fills the field %s itself.", f.Name)
		case seen[f.Column()]:
			p.Add(at, "The field %s is filled twice.", f.Name)
		}
		seen[f.Column()] = true
		c.Field = *f
		if stored := column.KindFor(f); stored != column.Text && stored != c.Kind {
			return fmt.Errorf("table: field %s takes %v, not %v", f.Name, stored, c.Kind)
		}
		if c.Identifier {
			identifiers++
		}
	}
	if identifiers == 0 {
		p.Add("mapping.fields", "Choose at least one identifier.")
	}
	return p.Err("The mapping cannot be written")
}

// identifiers returns the columns of the identifiers.
func (w *Writer) identifiers() (columns, names []string) {
	for _, c := range w.cfg.Columns {
		if c.Identifier {
			columns = append(columns, quote(c.Field.Column()))
			names = append(names, c.Field.Name)
		}
	}
	return columns, names
}

func (w *Writer) ensureIndex(ctx context.Context) error {
	columns, names := w.identifiers()
	table := w.cfg.Object.Table()
	name := indexName(table, columns)
	err := w.db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("CREATE UNIQUE INDEX IF NOT EXISTS %s ON %s (%s)", quote(name), quote(table), strings.Join(columns, ", ")))
		return err
	})
	if database.IsUnique(err) {
		list := strings.Join(names, ", ")
		return crosswalk.Errorf(crosswalk.CodeConflict, "%s has rows with the same %s, so %s cannot tell rows apart.", w.cfg.Object.Name, list, list).
			WithHint("Choose other identifiers, or remove the duplicate rows.").WithCause(err)
	}
	if err != nil {
		return fmt.Errorf("table: unique index of %s: %w", table, err)
	}
	return nil
}

// indexName returns the name of the unique index over columns, which are
// quoted.
func indexName(table string, columns []string) string {
	h := fnv.New64a()
	if len(table) > 30 { // the name shows no more of it
		_, _ = h.Write([]byte(table))
	}
	for _, c := range columns {
		_, _ = h.Write([]byte(c))
	}
	return fmt.Sprintf("%.30s_unique_%016x", table, h.Sum64())
}

func (w *Writer) findOrigin(ctx context.Context) error {
	args := []any{w.cfg.ConnectionID, w.cfg.Entity, w.cfg.JobID}
	err := w.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO cw_origins (connection_id, entity, job_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", args...); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT id FROM cw_origins WHERE connection_id = $1 AND entity = $2 AND job_id = $3", args...).Scan(&w.origin)
	})
	if err != nil {
		return fmt.Errorf("table: origin: %w", err)
	}
	return nil
}

// violation makes the reject of a row that would break the unique index over
// columns, which is not the index over the job's own identifiers: on that one
// the row would have been updated.
func (w *Writer) violation(row int, columns []string) RowReject {
	var names []string
	for _, f := range w.cfg.Object.Fields {
		for _, c := range columns {
			if f.Column() == c {
				names = append(names, f.Name)
			}
		}
	}
	if len(names) == 0 {
		names = []string{"the same identifiers"}
	}
	return RowReject{
		Row: row, Field: names[0], Code: crosswalk.RejectAmbiguous,
		Message: fmt.Sprintf("Another row of %s has this %s already, and other identifiers.", w.cfg.Object.Name, strings.Join(names, ", ")),
	}
}

// emptyRequired returns the name of the first required field that is null.
func (w *Writer) emptyRequired(b *column.Batch, row int) string {
	for i, c := range w.cfg.Columns {
		if c.Field.Required && !b.Columns[i+1].Valid[row] {
			return c.Field.Name
		}
	}
	return ""
}

// requiredEmpty makes the reject of a row whose required field is null.
func requiredEmpty(row int, field string) RowReject {
	return RowReject{Row: row, Field: field, Code: crosswalk.RejectRequiredEmpty, Message: fmt.Sprintf("%s is required, and the record has no value for it.", field)}
}

func retryable(err error) bool {
	var e *crosswalk.Error
	if errors.As(err, &e) {
		return false
	}
	return database.Retryable(err) || sqliteBusy(err)
}

// constants returns the columns that every new row has the same value in, and
// those values as they stand in a statement: who wrote it, and the defaults of
// the fields that the job does not fill.
func (w *Writer) constants() (columns, values []string) {
	d := w.db.Dialect()
	for _, f := range w.cfg.Object.Fields {
		v := f.Default
		switch {
		case f.Name == crosswalk.CreatedByField || f.Name == crosswalk.ModifiedByField:
			v = w.cfg.By
		case f.System || slices.ContainsFunc(w.cfg.Columns, func(c Column) bool { return c.Field.Name == f.Name }):
			continue
		}
		if v != "" {
			columns, values = append(columns, quote(f.Column())), append(values, literal(d, column.KindFor(&f), database.Text(v)))
		}
	}
	return columns, values
}

// upsertSQL returns the statement that both databases share: values is what
// follows the list of columns, which are the system's, those of constants and
// the job's.
func (w *Writer) upsertSQL(values string) string {
	table := quote(w.cfg.Object.Table())
	system := []string{quote("gsid"), quote("created_date"), quote("modified_date"), originColumn, sourceIDColumn, runColumn}
	fixed, _ := w.constants()
	columns := append(append([]string{}, system...), fixed...)
	var set, differs []string
	for _, c := range w.cfg.Columns {
		name := quote(c.Field.Column())
		columns = append(columns, name)
		if c.Identifier {
			continue
		}
		change := fmt.Sprintf("t.%s IS DISTINCT FROM excluded.%s", name, name)
		if c.KeepOnNull {
			set = append(set, fmt.Sprintf("%s = coalesce(excluded.%s, t.%s)", name, name, name))
			differs = append(differs, fmt.Sprintf("(excluded.%s IS NOT NULL AND %s)", name, change))
		} else {
			set = append(set, fmt.Sprintf("%s = excluded.%s", name, name))
			differs = append(differs, change)
		}
	}
	identifiers, _ := w.identifiers()
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s AS t (%s) %s ON CONFLICT (%s) DO ", table, strings.Join(columns, ", "), values, strings.Join(identifiers, ", "))
	if len(set) == 0 {
		b.WriteString("NOTHING")
		return b.String()
	}
	changed := system[2:]
	if w.cfg.By != "" && w.cfg.Object.Field(crosswalk.ModifiedByField) != nil {
		changed = append(changed, quote("modified_by"))
	}
	for _, name := range changed {
		set = append(set, fmt.Sprintf("%s = excluded.%s", name, name))
	}
	fmt.Fprintf(&b, "UPDATE SET %s WHERE %s", strings.Join(set, ", "), strings.Join(differs, " OR "))
	return b.String()
}
