package table

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Writer writes batches into the table of one object. It belongs to one
// goroutine; any number of Writers may write to the same table.
type Writer struct {
	cfg     Config
	db      *database.DB
	origin  int64
	main    *target
	person  *target // nil unless the job makes Persons
	lookups []*lookup
	who     *lookup // finds the Persons
	width   int     // columns of a batch
	engine  engine
	held    bool // the transaction of the batch before is open
}

// engine writes through a connection of its own. What it does to rows happens
// in the transaction that begin begins.
type engine interface {
	begin(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context) error // ends a transaction, if there is one
	// holds reports whether several batches in one transaction are faster.
	holds() bool
	// loads returns which tables are being loaded, those of the writer among
	// them, and keeps that so until the transaction ends.
	loads(ctx context.Context) ([]Load, error)
	// prepare makes the statements.
	prepare(ctx context.Context) error
	database.Execer
	// find fills what was found for each combination of values.
	find(ctx context.Context, l *lookup) error
	// rows writes the rows of the batch that are still to be written.
	rows(ctx context.Context, t *target, b *column.Batch, r *Result) error
	// remember notes which rows wait for a row that they look up, and forgets
	// those that no longer do.
	remember(ctx context.Context, b *column.Batch) error
	close() error
}

// NewWriter makes a writer, the tables and columns it needs, the unique index
// over the identifiers and the indexes over what lookups compare. It returns
// CodeConflict when rows that exist have the same identifiers, CodeInvalid
// when the configuration has no identifier although its operation needs one,
// or cannot be written otherwise, and a LoadError when Settle must be called
// for one of the tables first. Close must follow.
func NewWriter(ctx context.Context, db *database.DB, cfg Config) (*Writer, error) {
	w, err := newWriter(db, cfg)
	if err != nil {
		return nil, err
	}
	for _, o := range w.objects() {
		if err := Ensure(ctx, db, o); err != nil {
			return nil, err
		}
	}
	if err := w.enterLoad(ctx); err != nil {
		return nil, err
	}
	if err := w.ensureIndexes(ctx); err != nil {
		return nil, err
	}
	if err := w.findOrigin(ctx); err != nil {
		return nil, err
	}
	if err := w.register(ctx); err != nil {
		return nil, err
	}
	if db.Dialect() == database.SQLite {
		w.engine, err = openSQLite(w)
	} else {
		w.engine, err = openPostgres(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// newWriter lays out the columns of a batch.
func newWriter(db *database.DB, cfg Config) (*Writer, error) {
	w := &Writer{cfg: cfg, db: db}
	if err := w.cfg.check(); err != nil {
		return nil, err
	}
	w.main = newTarget(db.Dialect(), &w.cfg, w.cfg.Object)
	at := w.main.add(1, w.cfg.Columns...)
	for _, def := range w.cfg.Lookups {
		l := newLookup(def)
		at = l.add(at, def.Match...)
		identifier := w.cfg.Person != nil && def.Field.Name == companyField
		w.main.addFound(Column{Field: def.Field, Kind: column.GUID, Identifier: identifier}, &l.out)
		w.lookups = append(w.lookups, l)
	}
	if p := w.cfg.Person; p != nil {
		field := *w.cfg.Object.Field(personField)
		w.person = newTarget(db.Dialect(), &w.cfg, p.Object)
		w.person.plan.main, w.person.prefix = &w.main.plan, personField+"."
		w.who = newLookup(Lookup{Field: field, Object: p.Object})
		for i, c := range p.Columns {
			if c.Identifier {
				w.who.add(at+i, c)
			}
		}
		at = w.person.add(at, p.Columns...)
		w.main.addFound(Column{Field: field, Kind: column.GUID, Identifier: true}, &w.who.out)
	}
	for _, t := range w.targets() {
		for _, c := range t.columns {
			if c.Identifier {
				t.identifiers++
			}
		}
		if w.cfg.Modified {
			t.modified = at
		}
	}
	if f := w.cfg.Object.Field(w.cfg.Restore); f != nil && f.Type == crosswalk.FieldBoolean && !w.main.fills(f.Name) {
		w.main.restore = quote(f.Column())
	}
	if w.width = at; w.cfg.Modified {
		w.width++
	}
	return w, nil
}

// targets returns what the writer writes to, in order.
func (w *Writer) targets() []*target {
	if w.person != nil {
		return []*target{w.person, w.main}
	}
	return []*target{w.main}
}

// objects returns every object that the writer writes to or looks up.
func (w *Writer) objects() []crosswalk.Object {
	list := []crosswalk.Object{w.cfg.Object}
	add := func(o crosswalk.Object) {
		if !slices.ContainsFunc(list, func(x crosswalk.Object) bool { return x.Name == o.Name }) {
			list = append(list, o)
		}
	}
	for _, l := range w.lookups {
		add(l.Object)
	}
	if w.person != nil {
		add(w.person.object)
	}
	return list
}

// Close frees the writer's connection. It does not wait for anything. What is
// held is not stored.
func (w *Writer) Close() error { return w.engine.close() }

// Write stores a batch: rows are inserted or updated by their identifiers as
// the operation says, then save runs, and both are committed together. The
// batch's first column is the key of the record in its source, of kind Text or
// GUID. Config.Columns follow in their order, then what each of Config.Lookups
// matches, the columns of Config.Person and, with Config.Modified, when the
// record was modified last, of kind Time.
//
// Rows that cannot be stored become rejects and do not hold up the others. Of
// rows with the same identifiers the last one counts; with Config.Modified,
// that of the record modified last, also when the other one was written by a
// batch or run before. save may be nil. After ctx has ended during Write,
// nothing is left to do with the Writer but to close it. Write returns a
// LoadError when Settle must be called for one of the tables first.
func (w *Writer) Write(ctx context.Context, batch *column.Batch, save SaveFunc) (Result, error) {
	r, _, err := w.write(ctx, batch, false, save)
	return r, err
}

// Hold is Write, but may leave the transaction open for the next batch, where
// that is faster; held tells whether it did. Other writers of the database wait
// until then. An error undoes all that was held.
func (w *Writer) Hold(ctx context.Context, batch *column.Batch, save SaveFunc) (r Result, held bool, err error) {
	return w.write(ctx, batch, w.engine.holds(), save)
}

// Commit stores what is held.
func (w *Writer) Commit(ctx context.Context) error {
	if !w.held {
		return nil
	}
	w.held = false
	return w.undone(ctx, w.engine.commit(ctx))
}

func (w *Writer) write(ctx context.Context, batch *column.Batch, hold bool, save SaveFunc) (Result, bool, error) {
	if err := w.check(batch); err != nil {
		return Result{}, false, err
	}
	if save == nil {
		save = func(context.Context, database.Execer, Result) error { return nil }
	}
	for attempt := 1; ; attempt++ {
		var r Result
		// Which rows can be stored is found anew: a try before may have
		// noted rejects of its own.
		w.prepare(batch, &r)
		others := w.held
		err := w.try(ctx, batch, &r, hold, save)
		if err == nil {
			return r, w.held, nil
		}
		if errors.Is(err, errSettled) {
			if err := w.settled(ctx); err != nil {
				return Result{}, false, err
			}
			continue
		}
		if others || attempt == database.Attempts || !retryable(err) {
			return Result{}, false, err
		}
		if err := database.Backoff(ctx, attempt); err != nil {
			return Result{}, false, err
		}
	}
}

// try writes a batch into the transaction that is open or a new one.
func (w *Writer) try(ctx context.Context, b *column.Batch, r *Result, hold bool, save SaveFunc) error {
	if !w.held {
		if err := w.begin(ctx); err != nil {
			return w.undone(ctx, err)
		}
	}
	w.held = false
	err := w.apply(ctx, b, r, save)
	if err == nil && hold {
		w.held = true
		return nil
	}
	if err == nil {
		err = w.engine.commit(ctx)
	}
	return w.undone(ctx, err)
}

// undone ends the transaction, if an error left it open.
func (w *Writer) undone(ctx context.Context, err error) error {
	if e := w.engine.rollback(ctx); err == nil {
		err = e
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// apply writes a batch and what belongs to it.
func (w *Writer) apply(ctx context.Context, b *column.Batch, r *Result, save SaveFunc) error {
	if err := w.resolve(ctx, b, r); err != nil {
		return err
	}
	if err := w.engine.rows(ctx, w.main, b, r); err != nil {
		return err
	}
	if err := w.discardPersons(ctx, b, r); err != nil {
		return err
	}
	if err := w.engine.remember(ctx, b); err != nil {
		return err
	}
	return save(ctx, w.engine, *r)
}

// check returns an error when the batch does not have the columns the writer
// was made for: a fault of the caller.
func (w *Writer) check(b *column.Batch) error {
	if len(b.Columns) != w.width {
		return fmt.Errorf("table: batch has %d columns, want %d", len(b.Columns), w.width)
	}
	if k := b.Columns[0].Kind; k != column.Text && k != column.GUID {
		return fmt.Errorf("table: the key of the source is %v, want Text or GUID", k)
	}
	if k := b.Columns[w.width-1].Kind; w.cfg.Modified && k != column.Time {
		return fmt.Errorf("table: the time of the last change is %v, want Time", k)
	}
	for _, t := range w.targets() {
		if err := t.fields.check(b); err != nil {
			return err
		}
	}
	for _, l := range w.lookups {
		if err := l.fields.check(b); err != nil {
			return err
		}
	}
	return nil
}

// prepare finds out which rows can be stored, as far as the batch alone tells.
func (w *Writer) prepare(b *column.Batch, r *Result) {
	w.main.prepare(b, r)
	for _, l := range w.lookups {
		l.prepare(b, &w.main.plan, r)
	}
	if w.person != nil {
		w.person.prepare(b, r)
	}
	if len(w.lookups) == 0 {
		w.main.dedupe(b, r)
	}
}

// resolve finds what the rows look up, makes Persons and decides which rows
// count.
func (w *Writer) resolve(ctx context.Context, b *column.Batch, r *Result) error {
	if len(w.lookups) == 0 {
		return nil
	}
	for _, l := range w.lookups {
		if err := w.engine.find(ctx, l); err != nil {
			return err
		}
		l.apply(&w.main.plan, r)
	}
	if w.person != nil {
		if err := w.writePersons(ctx, b, r); err != nil {
			return err
		}
	}
	w.main.dedupe(b, r)
	return nil
}

func retryable(err error) bool {
	var e *crosswalk.Error
	if errors.As(err, &e) {
		return false
	}
	return database.Retryable(err)
}
