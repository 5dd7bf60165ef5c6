package table_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// waiting returns how many rows wait for a lookup.
func waiting(t *testing.T, db *database.DB) int {
	t.Helper()
	var n int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM cw_pending").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func heal(t *testing.T, db *database.DB, o crosswalk.Object) int64 {
	t.Helper()
	n, err := table.Heal(t.Context(), db, table.Healing{Object: o, Run: 99, By: "Healer"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestHealWithNothingPending(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		equal(t, heal(t, db, company), int64(0)) // no lookup was ever written
		cfg := withLookup(company, "Key")
		put(t, db, cfg, rec("1", "1", "x", "a"))
		equal(t, waiting(t, db), 0)
		equal(t, heal(t, db, company), int64(0))
	})
}

func TestPendingIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A")
		cfg := withLookup(company, "Key")
		w := open(t, db, cfg)
		step := func(want table.Result, wait int, records ...record) {
			t.Helper()
			equal(t, write(t, w, batchFor(cfg, records...)), want)
			equal(t, waiting(t, db), wait)
		}
		step(table.Result{Inserted: 4}, 3, rec("1", "1", "x", "late"), rec("2", "2", "x", "late"), rec("3", "3", "x", "later"), rec("4", "4", "x", "a"))
		step(table.Result{Unchanged: 2}, 3, rec("1", "1", "x", "late"), rec("4", "4", "x", "a"))
		step(table.Result{Unchanged: 1}, 3, rec("1", "1", "x", "later"))                                          // changes what it waits for
		step(table.Result{Unchanged: 1}, 2, rec("2", "2", "x", nil))                                              // waits for nothing
		step(table.Result{Updated: 1}, 1, rec("3", "3", "x", "a"))                                                // found another one
		step(table.Result{Inserted: 1, Unchanged: 1}, 2, rec("5", "5", "x", "never"), rec("5", "5", "x", "late")) // only what is stored waits
		step(table.Result{Updated: 1, Unchanged: 1}, 3, rec("4", "4", "x", "lost"), rec("5", "5", "x", "late"))   // lost what it had
		step(table.Result{Rejects: []table.RowReject{{
			Row: 0, Field: "Name", Code: crosswalk.RejectRequiredEmpty,
			Message: "Name is required, and the record has no value for it.",
		}}}, 3, rec("1", "1", nil, nil))

		_, more := companies(t, db, "late=Late", "later=Later")
		equal(t, heal(t, db, company), int64(2)) // 1 and 5
		equal(t, waiting(t, db), 1)
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": more["Later"], "2": "", "3": ids["A"], "4": "", "5": more["Late"]})
		equal(t, heal(t, db, company), int64(0))
		step(table.Result{Unchanged: 4}, 1, rec("1", "1", "x", "later"), rec("3", "3", "x", "a"), rec("4", "4", "x", "lost"), rec("5", "5", "x", "late"))
		_, more = companies(t, db, "lost=Lost")
		equal(t, heal(t, db, company), int64(1))
		equal(t, waiting(t, db), 0)
		equal(t, found(t, db, cfg.Object, "Company")["4"], more["Lost"])
	})
}

// A row that loses against another record, or that the operation leaves
// aside, waits for what the row that is stored waits for.
func TestPendingOfRowsLeftAside(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		cfg := withLookup(company, "Key")
		cfg.Modified = true
		put(t, db, cfg, rec("1", "1", "x", "late", 5))
		equal(t, put(t, db, cfg, rec("2", "1", "x", nil, 4), rec("3", "3", "x", "a", 1)), table.Result{Inserted: 1, Duplicates: 1})
		equal(t, put(t, db, cfg, rec("2", "1", "x", "other", 4)), table.Result{Duplicates: 1})
		cfg.Operation = crosswalk.OperationInsert
		equal(t, put(t, db, cfg, rec("1", "1", "x", nil, 6)), table.Result{Skipped: 1})
		equal(t, put(t, db, cfg, rec("1", "1", "x", "other", 6)), table.Result{Skipped: 1})
		cfg.Operation = crosswalk.OperationUpdate
		equal(t, put(t, db, cfg, rec("9", "9", "x", "late", 6)), table.Result{Skipped: 1})
		equal(t, waiting(t, db), 1)
		cfg.Operation = crosswalk.OperationInsert
		cfg.Columns = columns(cfg.Object, "Key", "Name")
		equal(t, put(t, db, cfg, rec("7", "7", "x", "late", 6), rec("8", "8", "x", "late", 6)), table.Result{Inserted: 2})
		equal(t, waiting(t, db), 3)
		_, more := companies(t, db, "late=Late")
		equal(t, heal(t, db, company), int64(3))
		equal(t, found(t, db, cfg.Object, "Company")["1"], more["Late"])
		equal(t, found(t, db, cfg.Object, "Company")["8"], more["Late"])
	})
}

// A job that finds rows in another way takes the place of what it waited for
// before.
func TestPendingOfAnotherMatch(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		put(t, db, withLookup(company, "Key"), rec("1", "1", "x", "late"), rec("2", "2", "x", "late"))
		byName := withLookup(company, "Name")
		equal(t, put(t, db, byName, rec("1", "1", "x", "Late name"), rec("2", "2", "x", nil)), table.Result{Unchanged: 2})
		equal(t, waiting(t, db), 1)
		companies(t, db, "late=Late")
		equal(t, heal(t, db, company), int64(0))
		_, more := companies(t, db, "x=Late name")
		equal(t, heal(t, db, company), int64(1))
		equal(t, found(t, db, byName.Object, "Company"), map[string]string{"1": more["Late name"], "2": ""})
	})
}

func TestHealByEveryType(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db)
		cfg := withLookup(company, "Key", "Order", "Amount", "Active", "Born", "At")
		put(t, db, cfg, rec("1", "1", "x", "k", 1, "15e-1", true, 20001, 1001), rec("2", "2", "x", "k", 0, "0.50", false, 20000, 1000), rec("3", "3", "x", "k", 1, "1.5", false, 20001, 1001))
		equal(t, waiting(t, db), 3)
		_, ids := companies(t, db, "k=A", "k=B")
		equal(t, heal(t, db, company), int64(2))
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["B"], "2": ids["A"], "3": ""})
	})
}

// Lookups whose fields change names with each other still wait for their own
// rows, and an object that is gone waits for none.
func TestHealAfterASwap(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		cfg := withLookup(company, "Key")
		var second crosswalk.Field
		cfg.Object, second = lookupField(cfg.Object, "Partner", "Company")
		cfg.Lookups = append(cfg.Lookups, table.Lookup{Field: second, Object: company, Match: columns(company, "Key")})
		put(t, db, cfg, rec("1", "1", "x", "one", "two"))
		next := cfg.Object
		next.Fields = append([]crosswalk.Field{}, next.Fields...)
		n := len(next.Fields)
		next.Fields[n-1].Name, next.Fields[n-2].Name = next.Fields[n-2].Name, next.Fields[n-1].Name
		c := table.Change{Old: cfg.Object, Next: next, Renamed: map[string]string{"Company": "Partner", "Partner": "Company"}}
		err := db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.ApplyChange(ctx, db, tx, c) })
		if err != nil {
			t.Fatal(err)
		}
		_, ids := companies(t, db, "one=1", "two=2")
		equal(t, heal(t, db, company), int64(2))
		equal(t, found(t, db, next, "Partner")["1"], ids["1"])
		equal(t, found(t, db, next, "Company")["1"], ids["2"])
		put(t, db, cfg, rec("2", "2", "x", "never", "ever"))
		err = db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.Drop(ctx, db, tx, next) })
		if err != nil {
			t.Fatal(err)
		}
		equal(t, heal(t, db, company), int64(0))
		equal(t, waiting(t, db), 0)
	})
}

func TestHealSeveral(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		any, one := withLookup(company, "Key"), withLookup(company, "Key")
		one.Object.Name = "Strict"
		one.Lookups[0].OnSeveral = crosswalk.SeveralReject
		for _, cfg := range []table.Config{any, one} {
			put(t, db, cfg, rec("1", "1", "x", "two"), rec("2", "2", "x", "single"))
		}
		_, more := companies(t, db, "two=B1", "two=B2", "single=S")
		equal(t, heal(t, db, company), int64(3))
		equal(t, found(t, db, any.Object, "Company"), map[string]string{"1": min(more["B1"], more["B2"]), "2": more["S"]})
		equal(t, found(t, db, one.Object, "Company"), map[string]string{"1": "", "2": more["S"]})
		equal(t, waiting(t, db), 1)
	})
}

// treeConfig is a job that loads things with a lookup to their parent.
func treeConfig() table.Config {
	o := object()
	o.Fields = append(o.Fields, crosswalk.Field{Name: "Modified_By", Type: crosswalk.FieldString, System: true})
	return table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Lookups: []table.Lookup{{Field: *o.Field("Parent"), Object: o, Match: columns(o, "Key")}}, By: "Loader"}
}

// A tree that arrives in whatever order, with cycles, ends up whole.
func TestHealSelfLookup(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := treeConfig()
		const n = 150
		var records []record
		parents := map[string]string{}
		for i := range n {
			k, p := fmt.Sprintf("%03d", i), fmt.Sprintf("%03d", (i*7+3)%n) // a permutation: all rows are in cycles
			if i == 5 {
				p = k
			}
			parents[k] = p
			records = append(records, rec(k, k, "x", p))
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		rnd.Shuffle(n, func(i, k int) { records[i], records[k] = records[k], records[i] })
		w := open(t, db, cfg)
		for at := 0; at < n; at += 20 {
			write(t, w, batchFor(cfg, records[at:min(at+20, n)]...))
		}
		wait := waiting(t, db)
		if wait < 20 {
			t.Fatalf("only %d rows wait", wait)
		}
		before := mustRows(t, db, cfg.Object)
		equal(t, heal(t, db, cfg.Object), int64(wait))
		keys := map[string]string{}
		after := mustRows(t, db, cfg.Object)
		for _, row := range after {
			keys[row["GSID"].(string)] = row["Key"].(string)
		}
		for i, row := range after {
			if got, want := keys[row["Parent"].(string)], parents[row["Key"].(string)]; got != want {
				t.Errorf("the parent of %s is %s, want %s", row["Key"], got, want)
			}
			_, p, err := table.Row(t.Context(), db, cfg.Object, row["GSID"].(string))
			if err != nil {
				t.Fatal(err)
			}
			want, by := table.Provenance{ConnectionID: "c", Entity: "e", SourceID: row["Key"].(string), Run: 7}, "Loader"
			if before[i]["Parent"] == nil {
				want.Run, by = 99, "Healer"
				if row["Modified_Date"].(string) < row["Created_Date"].(string) {
					t.Errorf("modified %v, created %v", row["Modified_Date"], row["Created_Date"])
				}
			} else {
				equal(t, row["Modified_Date"], before[i]["Modified_Date"])
			}
			equal(t, p, want)
			equal(t, row["Modified_By"], any(by))
		}
		equal(t, waiting(t, db), 0)
		for at := 0; at < n; at += 50 {
			equal(t, write(t, w, batchFor(cfg, records[at:at+50]...)), table.Result{Unchanged: 50})
		}
	})
}

// What save refuses is not filled, and the next call carries on.
func TestHealSave(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := treeConfig()
		w := open(t, db, cfg)
		write(t, w, batchFor(cfg, rec("1", "1", "x", "2"), rec("2", "2", "x", "1")))
		boom := errors.New("boom")
		n, err := table.Heal(t.Context(), db, table.Healing{Object: cfg.Object}, func(_ context.Context, _ database.Execer, filled int64) error {
			equal(t, filled, int64(2))
			return boom
		})
		if !errors.Is(err, boom) || n != 0 {
			t.Errorf("got %d, %v", n, err)
		}
		equal(t, waiting(t, db), 2)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := table.Heal(ctx, db, table.Healing{Object: cfg.Object}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		var saved int64
		n, err = table.Heal(t.Context(), db, table.Healing{Object: cfg.Object}, func(ctx context.Context, tx database.Execer, filled int64) error {
			saved += filled
			_, err := tx.Exec(ctx, "UPDATE cw_origins SET entity = $1", "saved")
			return err
		})
		if err != nil || n != 2 || saved != 2 {
			t.Errorf("got %d, %d, %v", n, saved, err)
		}
		_, p, err := table.Row(t.Context(), db, cfg.Object, mustRows(t, db, cfg.Object)[0]["GSID"].(string))
		if err != nil || p.Entity != "saved" {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}

// Lookups follow renamed fields, and are forgotten with removed ones.
func TestHealAfterAChange(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		cfg := withLookup(company, "Key", "Name")
		put(t, db, cfg, rec("1", "1", "x", "late", "Late"), rec("2", "2", "x", "later", "Later"))
		change := func(o crosswalk.Object, old, name string) crosswalk.Object {
			t.Helper()
			next := o
			next.Fields = append([]crosswalk.Field{}, o.Fields...)
			c := table.Change{Old: o, Renamed: map[string]string{name: old}}
			for i := range next.Fields {
				if next.Fields[i].Name == old {
					next.Fields[i].Name = name
				}
			}
			if name == "" {
				c.Renamed = nil
				next.Fields = append(next.Fields[:0:0], o.Fields[:len(o.Fields)-1]...)
			}
			c.Next = next
			err := db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.ApplyChange(ctx, db, tx, c) })
			if err != nil {
				t.Fatal(err)
			}
			return next
		}
		company = change(company, "Key", "Number")
		things := change(cfg.Object, "Company", "Account")
		of := table.Config{Object: company, Columns: columns(company, "Number", "Name!")}
		put(t, db, of, rec("l", "late", "Late"))
		equal(t, heal(t, db, company), int64(1))
		if got := found(t, db, things, "Account"); got["1"] == "" || got["2"] != "" {
			t.Errorf("got %v", got)
		}
		equal(t, waiting(t, db), 1)
		change(things, "Account", "")
		equal(t, waiting(t, db), 0)
		equal(t, heal(t, db, company), int64(0))
	})
}

// Writers and healers at the same time leave no lookup behind that could be
// filled.
func TestHealWhileOthersWrite(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := treeConfig()
		const n = 60
		var wg sync.WaitGroup
		for k := range 3 {
			w := open(t, db, cfg)
			wg.Go(func() {
				for at := 0; at < n; at += 15 {
					var records []record
					for i := at; i < at+15; i++ { // each writer in an order of its own
						id := fmt.Sprint((i*7 + k*13) % n)
						records = append(records, rec(id, id, "x", fmt.Sprint((i*7+k*13+31)%n)))
					}
					if _, err := w.Write(context.Background(), batchFor(cfg, records...), nil); err != nil {
						t.Error(err)
					}
					if _, err := table.Heal(context.Background(), db, table.Healing{Object: cfg.Object}, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		heal(t, db, cfg.Object)
		keys := map[any]string{}
		for _, row := range mustRows(t, db, cfg.Object) {
			keys[row["GSID"]] = row["Key"].(string)
		}
		equal(t, len(keys), n)
		for _, row := range mustRows(t, db, cfg.Object) {
			i, err := strconv.Atoi(row["Key"].(string))
			if want := fmt.Sprint((i + 31) % n); err != nil || keys[row["Parent"]] != want {
				t.Errorf("the parent of %v is %v, want %s", row["Key"], keys[row["Parent"]], want)
			}
		}
		equal(t, waiting(t, db), 0)
	})
}
