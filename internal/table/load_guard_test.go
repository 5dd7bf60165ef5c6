package table_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// loadConfig is that of a run which may load an object.
func loadConfig(o crosswalk.Object, names ...string) table.Config {
	return table.Config{Object: o, Columns: columns(o, names...), Load: true, ConnectionID: "c", Entity: "e", Run: 7}
}

// isLoading reports whether an error is a LoadError of that object, which a
// person can do something about.
func isLoading(err error, o crosswalk.Object) bool {
	var e *table.LoadError
	return errors.As(err, &e) && e.Table == o.Table() && e.Run == 7 && crosswalk.ErrorCode(err) == crosswalk.CodeUnavailable
}

// Only an empty table is loaded, and only when nothing but the identifiers
// decides what becomes of a record.
func TestLoading(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company := object()
		company.Name = "Company"
		for i, tt := range []struct {
			name   string
			change func(*table.Config)
			before func(o crosswalk.Object)
			want   bool
		}{
			{"upsert", func(*table.Config) {}, nil, true},
			{"insert", func(c *table.Config) { c.Operation = crosswalk.OperationInsert }, nil, true},
			{"not asked for", func(c *table.Config) { c.Load = false }, nil, false},
			{"update", func(c *table.Config) { c.Operation = crosswalk.OperationUpdate }, nil, false},
			{"no identifier", func(c *table.Config) {
				c.Operation, c.Columns = crosswalk.OperationInsert, columns(c.Object, "Key", "Name")
			}, nil, false},
			{"unique field", func(c *table.Config) { c.Object.Fields[5].Unique = true }, nil, false},
			{"required field that keeps its value", func(c *table.Config) { c.Columns = columns(c.Object, "Key!", "Name?") }, nil, false},
			{"field that keeps its value", func(c *table.Config) { c.Columns = columns(c.Object, "Key!", "Name", "Order?") }, nil, true},
			{"lookup", func(c *table.Config) {
				c.Lookups = []table.Lookup{{Field: *c.Object.Field("Parent"), Object: company, Match: columns(company, "Key")}}
			}, nil, false},
			{"rows", func(*table.Config) {}, func(o crosswalk.Object) {
				put(t, db, table.Config{Object: o, Columns: columns(o, "Key!", "Name")}, rec("1", "a", "A"))
			}, false},
			{"other index", func(*table.Config) {}, func(o crosswalk.Object) {
				put(t, db, table.Config{Object: o, Columns: columns(o, "Key", "Name!")})
			}, false},
			{"index of a run that stored nothing", func(*table.Config) {}, func(o crosswalk.Object) {
				put(t, db, table.Config{Object: o, Columns: columns(o, "Key!", "Name")})
			}, true},
		} {
			o := object()
			o.Name = fmt.Sprintf("Thing%d__gc", i)
			if tt.before != nil {
				tt.before(o)
			}
			cfg := loadConfig(o, "Key!", "Name")
			tt.change(&cfg)
			w := begin(t, db, cfg)
			if w.Loading() != tt.want {
				t.Errorf("%s: loading %v", tt.name, w.Loading())
			}
			end(t, w)
		}
	})
}

// While an object is loaded, nobody else writes to it or finds rows in it.
func TestLoadHoldsOthersOff(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		child, parent := lookupField(object(), "Thing", o.Name)
		child.Name = "Child__gc"
		into := table.Config{
			Object: child, Columns: columns(child, "Key!", "Name"), Run: 8,
			Lookups: []table.Lookup{{Field: parent, Object: o, Match: columns(o, "Order")}},
		}
		// These began before.
		finds := open(t, db, into)
		adds := open(t, db, table.Config{Object: o, Columns: columns(o, "Key", "Name", "Order"), Operation: crosswalk.OperationInsert, Run: 8})
		same := open(t, db, table.Config{Object: o, Columns: columns(o, "Key!", "Name", "Order"), Run: 8})
		waiting := batchFor(into, rec("1", "child", "C", 5))
		equal(t, write(t, finds, waiting), table.Result{Inserted: 1})

		cfg := loadConfig(o, "Key!", "Name", "Order")
		w := begin(t, db, cfg)
		equal(t, write(t, w, batchFor(cfg, rec("1", "a", "A", 4), rec("2", "b", "B", 4))), table.Result{Inserted: 2})
		equal(t, write(t, w, batchFor(cfg, rec("1", "a", "A", 5))), table.Result{Inserted: 1})

		other := batchFor(cfg, rec("9", "x", "X", 1))
		for name, try := range map[string]func() error{
			"find":   func() error { _, err := finds.Write(t.Context(), waiting, nil); return err },
			"add":    func() error { _, err := adds.Write(t.Context(), other, nil); return err },
			"upsert": func() error { _, err := same.Write(t.Context(), other, nil); return err },
			"heal": func() error {
				_, err := table.Heal(t.Context(), db, table.Healing{Object: o, Run: 8}, nil)
				return err
			},
			"preview": func() error {
				_, err := table.Preview(t.Context(), db, cfg, other)
				return err
			},
			"new writer": func() error {
				again := cfg
				again.Run = 8
				_, err := table.NewWriter(t.Context(), db, again)
				return err
			},
			"new lookup": func() error { _, err := table.NewWriter(t.Context(), db, into); return err },
			"same run, other columns": func() error {
				again := loadConfig(o, "Key!", "Name")
				_, err := table.NewWriter(t.Context(), db, again)
				return err
			},
			"change": func() error {
				return db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error {
					next := o
					next.DisplayName = "Things"
					return table.ApplyChange(ctx, db, tx, table.Change{Old: o, Next: next})
				})
			},
		} {
			if err := try(); !isLoading(err, o) {
				t.Errorf("%s: %v", name, err)
			}
		}
		equal(t, settle(t, db, o), table.Result{Inserted: -1, Updated: 1})
		if _, err := table.Heal(t.Context(), db, table.Healing{Object: o, Run: 8}, nil); err != nil {
			t.Error(err)
		}
		equal(t, write(t, same, batchFor(cfg, rec("1", "a", "A", 6))), table.Result{Updated: 1})
		equal(t, write(t, finds, batchFor(into, rec("1", "child", "D", 6))), table.Result{Updated: 1})
		equal(t, write(t, w, batchFor(cfg, rec("2", "b", "B", 4))), table.Result{Unchanged: 1})
		end(t, w)
	})
}

// A load goes on in another writer only if GSIDs tell the order of all rows:
// the clock of another machine may be behind.
func TestLoadGoesOnInOrder(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := loadConfig(o, "Key!", "Name")
		w := begin(t, db, cfg)
		write(t, w, batchFor(cfg, rec("1", "a", "A")))
		end(t, w)
		err := db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE "+o.Table()+" SET gsid = 'ffffffff-0000-7000-8000-000000000000'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.NewWriter(t.Context(), db, cfg); !isLoading(err, o) {
			t.Errorf("got %v", err)
		}
		settle(t, db, o)
		w = begin(t, db, cfg)
		equal(t, write(t, w, batchFor(cfg, rec("1", "a", "B"))), table.Result{Updated: 1})
		end(t, w)
	})
}

// What is stored with the end of a load is stored with it or not at all, and
// whoever is cut off leaves the load as it was.
func TestSettleIsWhole(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := loadConfig(o, "Key!", "Name")
		w := begin(t, db, cfg)
		write(t, w, batchFor(cfg, rec("1", "a", "A"), rec("2", "b", "B")))
		write(t, w, batchFor(cfg, rec("1", "a", "A2")))
		boom := errors.New("boom")
		err := table.Settle(t.Context(), db, o.Table(), func(context.Context, database.Execer, int64, table.Result) error { return boom })
		if !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
		for n := range 20 { // some of these are cut off in the middle
			gone, cancel := context.WithTimeout(t.Context(), time.Duration(n)*200*time.Microsecond)
			err := table.Settle(gone, db, o.Table(), func(context.Context, database.Execer, int64, table.Result) error { return boom })
			if err == nil {
				t.Error("what was cut off says that it is done")
			}
			cancel()
		}
		if n, err := table.Count(t.Context(), db, o); n != 3 || err != nil {
			t.Errorf("%d rows, %v", n, err)
		}
		equal(t, write(t, w, batchFor(cfg, rec("3", "c", "C"))), table.Result{Inserted: 1})
		equal(t, settle(t, db, o), table.Result{Inserted: -1, Updated: 1})
		if err := table.Settle(t.Context(), db, o.Table(), func(context.Context, database.Execer, int64, table.Result) error { return boom }); err != nil {
			t.Errorf("there is no load: %v", err)
		}
		equal(t, rows(t, db, o), []map[string]any{{"Key": "a", "Name": "A2"}, {"Key": "b", "Name": "B"}, {"Key": "c", "Name": "C"}})
		end(t, w)
		err = db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.Drop(ctx, db, tx, o) })
		if err != nil {
			t.Fatal(err)
		}
	})
}

// An object that is removed while it is loaded leaves nothing behind.
func TestDropEndsLoad(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		end(t, begin(t, db, loadConfig(o, "Key!", "Name")))
		err := db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.Drop(ctx, db, tx, o) })
		if err != nil {
			t.Fatal(err)
		}
		if loads, err := table.Loads(t.Context(), db); err != nil || len(loads) > 0 {
			t.Errorf("%v, %v", loads, err)
		}
	})
}

// A load that is settled by others again and again while batches are written
// ends as if nobody had.
func TestSettleWhileWriting(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for round := range 5 {
			o := object()
			o.Name = fmt.Sprintf("Thing%d__gc", round)
			cfg := loadConfig(o, "Key!", "Name", "Order")
			var mu sync.Mutex
			var sum table.Result
			var writers sync.WaitGroup
			ready := make(chan bool)
			writers.Go(func() {
				w := begin(t, db, cfg)
				defer end(t, w)
				close(ready)
				for n := range 20 {
					var records []record
					for k := range 50 {
						records = append(records, rec("r", fmt.Sprint((k*7+n)%60), "N", n))
					}
					r, err := w.Write(context.Background(), batchFor(cfg, records...), nil)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					add(&sum, r)
					mu.Unlock()
				}
			})
			<-ready
			for range 3 { // of which one finds it
				writers.Go(func() {
					err := table.Settle(context.Background(), db, o.Table(), func(_ context.Context, _ database.Execer, _ int64, differ table.Result) error {
						mu.Lock()
						defer mu.Unlock()
						add(&sum, differ)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			writers.Wait()
			equal(t, sum, table.Result{Inserted: 60, Updated: 20*50 - 60})
			for _, text := range stored(t, db, o) {
				if !strings.Contains(text, "|N|") {
					t.Error(text)
				}
			}
		}
	})
}

// A load is settled between two transactions of its writer, however many batches
// each of them holds: what is held is stored before, or never was.
func TestSettleWhileHolding(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := loadConfig(o, "Key!", "Name")
		var saved, sum table.Result
		save := func(_ context.Context, _ database.Execer, r table.Result) error {
			add(&saved, r)
			return nil
		}
		holds := db.Dialect() == database.SQLite
		hold := func(w *table.Writer, records ...record) {
			t.Helper()
			r, held, err := w.Hold(t.Context(), batchFor(cfg, records...), save)
			if err != nil || held != holds {
				t.Fatalf("held: %v, %v", held, err)
			}
			add(&sum, r)
		}
		commit := func(w *table.Writer) {
			t.Helper()
			if err := w.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w := begin(t, db, cfg)
		hold(w, rec("1", "a", "A"), rec("2", "b", "B"))
		hold(w, rec("1", "a", "A2"))
		settled := make(chan error, 1)
		go func() {
			settled <- table.Settle(context.Background(), db, o.Table(), func(_ context.Context, _ database.Execer, _ int64, differ table.Result) error {
				add(&sum, differ)
				return nil
			})
		}()
		if holds {
			if loads, err := table.Loads(t.Context(), db); err != nil || len(loads) != 1 {
				t.Errorf("%v, %v", loads, err)
			}
			hold(w, rec("3", "c", "C"))
		}
		commit(w)
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
		if !holds {
			hold(w, rec("3", "c", "C"))
		}
		equal(t, sum, table.Result{Inserted: 3, Updated: 1})
		equal(t, saved, table.Result{Inserted: 4})

		// It goes on as with any other table, and has noticed by then.
		hold(w, rec("1", "a", "A3"), rec("3", "c", "C"))
		hold(w, rec("4", "d", "D"))
		if w.Loading() {
			t.Error("it still adds rows")
		}
		commit(w)
		equal(t, sum, table.Result{Inserted: 4, Updated: 2, Unchanged: 1})

		// What is held when the writer is given up never was.
		hold(w, rec("5", "e", "E"))
		end(t, w)
		want := []map[string]any{{"Key": "a", "Name": "A3"}, {"Key": "b", "Name": "B"}, {"Key": "c", "Name": "C"}, {"Key": "d", "Name": "D"}}
		if !holds {
			want = append(want, map[string]any{"Key": "e", "Name": "E"})
		}
		equal(t, rows(t, db, o), want)
	})
}

// TestSettleIsNotWaitedForLong has batches come while PostgreSQL ends a load,
// which may take longer than a slice has time. SQLite has one writer at a time,
// who is waited for by all alike.
func TestSettleIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.Postgres)
	o := object()
	same := open(t, db, table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Run: 8})
	cfg := loadConfig(o, "Key!", "Name")
	w := begin(t, db, cfg)
	equal(t, write(t, w, batchFor(cfg, rec("1", "a", "A"))), table.Result{Inserted: 1})
	next := func() *column.Batch { return batchFor(cfg, rec("1", "a", "B"), rec("2", "b", "B")) }
	err := table.Settle(t.Context(), db, o.Table(), func(ctx context.Context, _ database.Execer, _ int64, _ table.Result) error {
		var both sync.WaitGroup
		for name, w := range map[string]*table.Writer{"its own": w, "another run's": same} {
			both.Go(func() {
				if _, err := w.Write(ctx, next(), nil); !isLoading(err, o) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		both.Wait()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, write(t, w, next()), table.Result{Inserted: 1, Updated: 1})
	end(t, w)
	equal(t, write(t, same, next()), table.Result{Unchanged: 2})
}
