package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Outcome is what would become of a record.
type Outcome struct {
	Action  crosswalk.PreviewOutcome
	Changes []FieldChange // of an update what would change, of an insert what is not empty
	Reject  *RowReject    // only with crosswalk.PreviewReject
}

// FieldChange is the value of a field before and after: nil, string, bool,
// int64 or json.Number, as in a RowPage.
type FieldChange struct {
	Field    string // API name
	Old, New any
}

// previewer is an engine that writes single rows and looks at them.
type previewer interface {
	engine
	// open makes the statements in the transaction, after tables and indexes
	// that are missing were made in it.
	open(ctx context.Context, missing []string) error
	// stage begins with the rows of a batch.
	stage(ctx context.Context, t *target, b *column.Batch, r *Result) error
	// one writes one row.
	one(ctx context.Context, t *target, b *column.Batch, row int, r *Result) error
	// look returns the columns of the row that a record has, nil when there
	// is none.
	look(ctx context.Context, t *target, b *column.Batch, row int) ([]any, error)
}

// Preview returns what a Writer would do with each row of a batch, and leaves
// everything as it is: it writes in a transaction that is rolled back. The
// GSID of a Person that would be made is another one when it is made. The
// batch should be small: the object's other writers may have to wait. It
// returns the errors of NewWriter, and CodeUnavailable when another writer
// holds the rows for too long.
func Preview(ctx context.Context, db *database.DB, cfg Config, batch *column.Batch) (_ []Outcome, err error) {
	w, err := newWriter(db, cfg)
	if err != nil {
		return nil, err
	}
	if err := w.check(batch); err != nil {
		return nil, err
	}
	if err := notLoading(ctx, db, w.objects()); err != nil {
		return nil, err
	}
	missing, err := w.missing(ctx)
	if err != nil {
		return nil, err
	}
	var p previewer
	if db.Dialect() == database.SQLite {
		p, err = connectSQLite(w)
	} else {
		p, err = connectPostgres(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	w.engine = p
	defer func() {
		if e := p.close(); err == nil {
			err = e
		}
	}()
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if e := p.rollback(ctx); err == nil {
			err = e
		}
	}()
	if err = p.open(ctx, missing); err == nil {
		outcomes, e := w.preview(ctx, p, batch)
		if e == nil {
			return outcomes, nil
		}
		err = e
	}
	if isLocked(err) {
		err = crosswalk.Errorf(crosswalk.CodeUnavailable, "Somebody else writes to the rows of %s.", cfg.Object.Name).
			WithHint("Try again in a moment.").WithCause(err)
	}
	return nil, err
}

// isLocked reports whether err says that another transaction held a lock for
// too long.
func isLocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03" || sqliteBusy(err)
}

func (w *Writer) preview(ctx context.Context, p previewer, b *column.Batch) ([]Outcome, error) {
	var r Result
	w.prepare(b, &r)
	if err := w.resolve(ctx, b, &r); err != nil {
		return nil, err
	}
	if err := p.stage(ctx, w.main, b, &r); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, b.Rows())
	for row := range outcomes {
		o := &outcomes[row]
		switch v := w.main.verdicts[row]; {
		case v == duplicate:
			o.Action = crosswalk.PreviewDuplicate
		case v == skipped:
			o.Action = crosswalk.PreviewSkip
		case v.open():
			var err error
			if *o, err = w.previewRow(ctx, p, b, row); err != nil {
				return nil, err
			}
			if o.Reject != nil {
				r.Rejects = append(r.Rejects, *o.Reject)
			}
		}
	}
	for i, rj := range r.Rejects {
		outcomes[rj.Row] = Outcome{Action: crosswalk.PreviewReject, Reject: &r.Rejects[i]}
	}
	return outcomes, nil
}

// previewRow writes a row and compares it with what it was.
func (w *Writer) previewRow(ctx context.Context, p previewer, b *column.Batch, row int) (Outcome, error) {
	old, err := p.look(ctx, w.main, b, row)
	if err != nil {
		return Outcome{}, err
	}
	var r Result
	if err := p.one(ctx, w.main, b, row, &r); err != nil {
		return Outcome{}, err
	}
	switch {
	case len(r.Rejects) > 0:
		return Outcome{Action: crosswalk.PreviewReject, Reject: &r.Rejects[0]}, nil
	case r.Duplicates > 0:
		return Outcome{Action: crosswalk.PreviewDuplicate}, nil
	case r.Skipped > 0:
		return Outcome{Action: crosswalk.PreviewSkip}, nil
	case r.Unchanged > 0:
		return Outcome{Action: crosswalk.PreviewUnchanged}, nil
	}
	o := Outcome{Action: crosswalk.PreviewInsert}
	if r.Updated > 0 {
		o.Action = crosswalk.PreviewUpdate
	}
	now, err := p.look(ctx, w.main, b, row)
	if err != nil {
		return Outcome{}, err
	}
	for i, c := range w.main.columns {
		change := FieldChange{Field: c.Field.Name, New: now[i]}
		if old != nil {
			change.Old = old[i]
		}
		if change.Old != change.New {
			o.Changes = append(o.Changes, change)
		}
	}
	return o, nil
}

// missing returns the statements that make what NewWriter would, but not what
// only makes it faster, and finds the origin if there is one.
func (w *Writer) missing(ctx context.Context) ([]string, error) {
	d := w.db.Dialect()
	var list []string
	for _, o := range w.objects() {
		if err := check(&o); err != nil {
			return nil, err
		}
		have, err := readColumns(ctx, d, o.Table(), w.db.Query)
		if err != nil {
			return nil, err
		}
		list = append(list, makeSQL(d, &o, have)...)
		for _, f := range o.Fields {
			if f.Unique && f.Type != crosswalk.FieldGSID && !have[f.Column()] {
				x := index{object: &o, columns: []string{quote(f.Column())}, names: []string{f.Name}}
				list = append(list, x.sql())
			}
		}
	}
	for _, x := range w.indexes() {
		if x.names == nil {
			continue
		}
		if there, _, err := hasIndex(ctx, w.db, x); err != nil {
			return nil, err
		} else if !there {
			list = append(list, x.sql())
		}
	}
	have, err := readColumns(ctx, d, "cw_origins", w.db.Query)
	if err != nil {
		return nil, err
	}
	w.origin = -1 // of nobody
	if len(have) > 0 {
		err = w.db.QueryRow(ctx, "SELECT id FROM cw_origins WHERE connection_id = $1 AND entity = $2 AND job_id = $3",
			w.cfg.ConnectionID, w.cfg.Entity, w.cfg.JobID).Scan(&w.origin)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("table: origin: %w", err)
		}
		if err := w.findNobody(ctx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// conflict explains why a statement of missing failed.
func (w *Writer) conflict(text string, err error) error {
	for _, x := range w.indexes() {
		if x.sql() == text {
			return x.conflict(err)
		}
	}
	return fmt.Errorf("table: preview: %w", err)
}

// looked returns the expressions for the columns of a row as look reads them.
func (t *target) looked() []string {
	var list []string
	for i := range t.columns {
		f := &t.columns[i].Field
		list = append(list, plainColumn(t.d, f, "t."+quote(f.Column())))
	}
	return list
}
