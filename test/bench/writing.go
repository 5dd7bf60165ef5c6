package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// stage is a way of writing alone.
type stage struct {
	name string
	once func(w *writing, ctx context.Context, name string) (Measure, error)
}

// The ways of writing there are.
var (
	writeLoad      = stage{"write a first load", (*writing).load}
	writeFresh     = stage{"write new rows", (*writing).fresh}
	writeChanged   = stage{"write changed rows", (*writing).changed}
	writeUnchanged = stage{"write unchanged rows", (*writing).unchanged}
)

// writing writes all records into one database, in each way as often as wanted:
// the speed of a machine moves, so that a stage must be measured beside what is
// compared with it.
type writing struct {
	*stages
	name    string // of the database
	server  int    // process whose children work for the database, 0 for SQLite
	db      *database.DB
	writer  *table.Writer      // into an object that holds all records, nil for none
	objects int                // made so far
	last    map[string]Measure // of each stage, by its name
}

// openWriting opens an empty database. postgres is nil for SQLite.
func (s *stages) openWriting(ctx context.Context, name, dsn string, postgres *databasetest.Server) (*writing, error) {
	w := &writing{stages: s, name: name, last: map[string]Measure{}}
	if postgres != nil {
		var err error
		if w.server, err = postgres.PID(); err != nil {
			return nil, err
		}
	}
	db, err := database.Open(ctx, dsn, nil)
	if err != nil {
		return nil, err
	}
	if err := store.New(db).Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w.db = db
	return w, nil
}

func (w *writing) close() error {
	if w.writer != nil {
		if err := w.writer.Close(); err != nil {
			return err
		}
	}
	return w.db.Close()
}

// thing returns a stage as something to measure.
func (w *writing) thing(ctx context.Context, s stage) thing {
	return thing{s.name, func(name string) (Measure, error) {
		m, err := s.once(w, ctx, name)
		m.Database = w.name
		w.last[s.name] = m
		return m, err
	}}
}

// slowest returns the slowest stage on the way of a record that ends with s, as
// it was measured last.
func (w *writing) slowest(s stage) Measure {
	m := w.last[s.name]
	m.Name = s.name
	return slowest(w.read, w.mapping, m)
}

// alone measures what work does, in this process and in the database.
func (w *writing) alone(name string, work func() (int64, error)) (m Measure, err error) {
	before, err := treeCPU(w.server)
	if err != nil {
		return m, err
	}
	if m, err = alone(name, work); err != nil {
		return m, err
	}
	after, err := treeCPU(w.server)
	m.DBCPU = perRow(after-before, m.Rows)
	return m, err
}

// load writes rows into an empty table in the mode for first loads, and makes
// the index behind the last of them.
func (w *writing) load(ctx context.Context, name string) (Measure, error) {
	object, writer, err := w.open(ctx, true)
	if err != nil {
		return Measure{}, err
	}
	defer writer.Close()
	if !writer.Loading() {
		return Measure{}, errors.New("an empty table is not loaded as one")
	}
	return w.alone(name, func() (int64, error) {
		rows, err := w.writeAll(ctx, writer)
		if err == nil {
			err = table.Settle(ctx, w.db, object.Table(), nil)
		}
		return rows, err
	})
}

// fresh writes rows into an empty table as usual.
func (w *writing) fresh(ctx context.Context, name string) (Measure, error) {
	_, writer, err := w.open(ctx, false)
	if err != nil {
		return Measure{}, err
	}
	if w.writer != nil {
		err = w.writer.Close()
	}
	if w.writer = writer; err != nil {
		return Measure{}, err
	}
	return w.alone(name, func() (int64, error) { return w.writeAll(ctx, writer) })
}

// changed writes over rows that are all other ones.
func (w *writing) changed(ctx context.Context, name string) (Measure, error) {
	if err := w.fill(ctx); err != nil {
		return Measure{}, err
	}
	invert(w.mapped)
	return w.alone(name, func() (int64, error) { return w.writeAll(ctx, w.writer) })
}

// unchanged writes over the same rows.
func (w *writing) unchanged(ctx context.Context, name string) (Measure, error) {
	if err := w.fill(ctx); err != nil {
		return Measure{}, err
	}
	return w.alone(name, func() (int64, error) { return w.writeAll(ctx, w.writer) })
}

// fill makes the object that rows are written over, unless it is there.
func (w *writing) fill(ctx context.Context) error {
	if w.writer != nil {
		return nil
	}
	_, err := w.fresh(ctx, "")
	return err
}

// open makes an object and returns a writer into it.
func (w *writing) open(ctx context.Context, load bool) (crosswalk.Object, *table.Writer, error) {
	w.objects++
	object, err := crosswalk.NewObject(definition(fmt.Sprintf("Bench Stage %d", w.objects), accountFields, ""), nil)
	if err != nil {
		return object, nil, err
	}
	writer, err := table.NewWriter(ctx, w.db, table.Config{
		Object: object, Columns: tableColumns(w.plan.Target), Modified: w.plan.Modified >= 0, Load: load,
		ConnectionID: crosswalk.NewID(), Entity: "account", JobID: crosswalk.NewID(), Run: 1,
	})
	return object, writer, err
}

// writeAll writes all records, in transactions as large as those of a run that
// never waits for a page.
func (w *writing) writeAll(ctx context.Context, writer *table.Writer) (rows int64, err error) {
	held := time.Now()
	for i, b := range w.mapped {
		if _, _, err := writer.Hold(ctx, b, nil); err != nil {
			return rows, err
		}
		rows += int64(b.Rows())
		if i%10 == 9 || time.Since(held) > 500*time.Millisecond {
			if err := writer.Commit(ctx); err != nil {
				return rows, err
			}
			held = time.Now()
		}
	}
	return rows, writer.Commit(ctx)
}

// invert makes every truth its opposite, which changes every row.
func invert(batches []*column.Batch) {
	for _, b := range batches {
		for i := range b.Columns {
			if c := &b.Columns[i]; c.Kind == column.Bool {
				for row := range c.Ints {
					c.Ints[row] ^= 1
				}
			}
		}
	}
}
