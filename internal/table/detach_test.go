package table_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// removeCompany deletes companies by name, as the job does that made them.
func removeCompany(t *testing.T, db *database.DB, company crosswalk.Object, names ...string) int64 {
	t.Helper()
	g := goneOf(table.Config{Object: company}, crosswalk.DeleteRow)
	return remove(t, db, g, names...)
}

// A row that is deleted leaves nothing behind in lookups, and when one with its
// values is back, they point to that.
func TestRemoveEmptiesLookups(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "a=A", "b=B", "c=C")
		cfg := withLookup(company, "Key")
		cfg.Object.Fields = append(cfg.Object.Fields, crosswalk.Field{Name: "Modified_By", Type: crosswalk.FieldString, System: true})
		cfg.By = "Loader"
		put(t, db, cfg, rec("1", "1", "x", "a"), rec("2", "2", "x", "b"), rec("3", "3", "x", "a"), rec("4", "4", "x", nil), rec("5", "5", "x", "later"))
		counts := func(want int64) {
			t.Helper()
			n, err := table.CountWaiting(t.Context(), db, company)
			other, err2 := table.CountWaiting(t.Context(), db, cfg.Object)
			if n != want || other != 0 || errors.Join(err, err2) != nil {
				t.Errorf("%d and %d wait, want %d (%v)", n, other, want, errors.Join(err, err2))
			}
		}
		counts(1)
		equal(t, removeCompany(t, db, company, "A", "C"), int64(2))
		counts(3)
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": "", "2": ids["B"], "3": "", "4": "", "5": ""})
		equal(t, waiting(t, db), 3)
		equal(t, states(t, db, cfg.Object), map[string]state{
			"1": {nil, false, 50, "Remover"}, "2": {nil, false, 7, "Loader"}, "3": {nil, false, 50, "Remover"}, "4": {nil, false, 7, "Loader"}, "5": {nil, false, 7, "Loader"},
		})
		equal(t, heal(t, db, company), int64(0))
		// The record of a row says something else meanwhile.
		equal(t, put(t, db, cfg, rec("3", "3", "x", "b"), rec("1", "1", "x", "a")), table.Result{Updated: 1, Unchanged: 1})
		equal(t, waiting(t, db), 2)
		_, now := companies(t, db, "a=Again")
		equal(t, heal(t, db, company), int64(1))
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": now["Again"], "2": ids["B"], "3": ids["B"], "4": "", "5": ""})
		equal(t, waiting(t, db), 1)
		// Flagged rows are still there.
		equal(t, remove(t, db, goneOf(table.Config{Object: company}, crosswalk.DeleteFlag), "B"), int64(1))
		equal(t, found(t, db, cfg.Object, "Company")["2"], ids["B"])
	})
}

// What rows look for is kept whatever its type.
func TestRemoveKeepsEveryType(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "k=A", "k=B")
		cfg := withLookup(company, "Key", "Order", "Amount", "Active", "Born", "At")
		b := rec("1", "1", "x", "k", 1, "1.5", true, 20001, 1001)
		put(t, db, cfg, b)
		if found(t, db, cfg.Object, "Company")["1"] == "" {
			t.Fatal("B was not found")
		}
		equal(t, removeCompany(t, db, company, "A", "B"), int64(2))
		equal(t, put(t, db, cfg, b), table.Result{Unchanged: 1})
		equal(t, waiting(t, db), 1)
		_, ids := companies(t, db, "k=A", "k=B")
		equal(t, heal(t, db, company), int64(1))
		equal(t, found(t, db, cfg.Object, "Company")["1"], ids["B"])

		// The same without the record in between.
		equal(t, removeCompany(t, db, company, "A", "B"), int64(2))
		equal(t, waiting(t, db), 1)
		_, ids = companies(t, db, "k=A", "k=B")
		equal(t, heal(t, db, company), int64(1))
		equal(t, found(t, db, cfg.Object, "Company")["1"], ids["B"])
	})
}

// Each row waits in the way in which its own job finds rows, also where a job
// stores nothing that finds none.
func TestRemoveByTheWayOfTheJob(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A", "x=X")
		byKey, byName := withLookup(company, "Key"), withLookup(company, "Name")
		byKey.JobID, byName.JobID = "key", "name"
		byKey.Lookups[0].OnNone = crosswalk.NoneReject
		put(t, db, byKey, rec("1", "1", "x", "a"))
		put(t, db, byName, rec("2", "2", "x", "A"))
		was := byName // the job found rows in this way before
		was.Lookups = byKey.Lookups
		put(t, db, was)
		put(t, db, byName)
		none := table.Config{Object: byKey.Object, Columns: byKey.Columns, JobID: "key"}
		equal(t, removeCompany(t, db, company, "A"), int64(1))
		equal(t, waiting(t, db), 2)
		_, ids := companies(t, db, "a=Another", "another=A")
		equal(t, heal(t, db, company), int64(2))
		equal(t, found(t, db, byKey.Object, "Company"), map[string]string{"1": ids["Another"], "2": ids["A"]})
		// A job that no longer finds any leaves its rows with nothing to wait for.
		put(t, db, none)
		equal(t, removeCompany(t, db, company, "Another", "A"), int64(2))
		equal(t, waiting(t, db), 1)
		equal(t, found(t, db, byKey.Object, "Company"), map[string]string{"1": "", "2": ""})
	})
}

// Rows that point to one another may go away together.
func TestRemoveATree(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := treeConfig()
		w := open(t, db, cfg)
		put(t, db, cfg, rec("1", "1", "x", "2"), rec("2", "2", "x", "3"), rec("3", "3", "x", "1"), rec("4", "4", "x", "1"), rec("5", "5", "x", "5"))
		heal(t, db, cfg.Object)
		equal(t, remove(t, db, goneOf(cfg, crosswalk.DeleteRow), "1", "2", "5"), int64(3))
		equal(t, found(t, db, cfg.Object, "Parent"), map[string]string{"3": "", "4": ""})
		write(t, w, batchFor(cfg, rec("1", "1", "x", "2"), rec("2", "2", "x", "3"), rec("5", "5", "x", "5")))
		heal(t, db, cfg.Object)
		parents := map[string]string{}
		for _, row := range mustRows(t, db, cfg.Object) {
			parents[row["GSID"].(string)] = row["Key"].(string)
		}
		got := map[string]string{}
		for key, id := range found(t, db, cfg.Object, "Parent") {
			got[key] = parents[id]
		}
		equal(t, got, map[string]string{"1": "2", "2": "3", "3": "1", "4": "1", "5": "5"})
		equal(t, waiting(t, db), 0)
	})
}

// A Company Person whose company or person goes away is found again when that
// comes back, unless its record has made another one by then.
func TestRemoveOfCompanyPerson(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		cfg.JobID = "contacts"
		put(t, db, cfg, rec("1", "Boss", "c1", "ada@x.de", "Ada"), rec("2", "Boss", "c1", "bob@x.de", "Bob"), rec("3", "Boss", "c2", "ada@x.de", "Ada"))
		links := func(want ...string) {
			t.Helper()
			_, got := people(t, db)
			slices.Sort(got)
			equal(t, got, want)
		}
		links("ada@x.de c1 Boss", "ada@x.de c2 Boss", "bob@x.de c1 Boss")
		company := table.Config{Object: standard("Company")}
		companies := table.Config{Object: company.Object, Columns: columns(company.Object, "External_ID!", "Name")}
		equal(t, remove(t, db, goneOf(company, crosswalk.DeleteRow), "c1"), int64(1))
		links("ada@x.de  Boss", "ada@x.de c2 Boss", "bob@x.de  Boss")
		r := put(t, db, cfg, rec("1", "Boss", "c1", "ada@x.de", "Ada"))
		equal(t, len(r.Rejects), 1)
		put(t, db, companies, rec("c1", "c1", "One"))
		put(t, db, cfg, rec("1", "New", "c1", "ada@x.de", "Ada")) // before the waiting row is filled
		equal(t, heal(t, db, company.Object), int64(1))
		links("ada@x.de  Boss", "ada@x.de c1 New", "ada@x.de c2 Boss", "bob@x.de c1 Boss")
		equal(t, heal(t, db, company.Object), int64(0))

		persons := standard("Person")
		g := goneOf(table.Config{Object: persons, JobID: "contacts"}, crosswalk.DeleteRow)
		equal(t, remove(t, db, g, "2"), int64(1))
		links(" c1 Boss", "ada@x.de  Boss", "ada@x.de c1 New", "ada@x.de c2 Boss")
	})
}

// dependants writes n things of one company, with keys in the order of numbers.
func dependants(t *testing.T, db *database.DB, cfg table.Config, n int, key string) {
	t.Helper()
	w := open(t, db, cfg)
	for at := 0; at < n; at += 5000 {
		var records []record
		for i := at; i < min(at+5000, n); i++ {
			id := fmt.Sprintf("%06d", i)
			records = append(records, rec(id, id, "x", key))
		}
		write(t, w, batchFor(cfg, records...))
	}
}

func countWhere(t *testing.T, db *database.DB, o crosswalk.Object, condition string) int {
	t.Helper()
	var n int
	if err := db.QueryRow(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", o.Table(), condition)).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Very many lookups are emptied in several transactions, which may end in
// between; the row goes with the last of them.
func TestRemoveInParts(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A", "b=B")
		cfg := withLookup(company, "Key")
		const n = 21_000
		dependants(t, db, cfg, n, "a")
		g := goneOf(table.Config{Object: company}, crosswalk.DeleteRow)
		g.By = ""
		stop := errors.New("stop")
		type call struct {
			N    int64
			Done bool
		}
		var calls []call
		save := func(most int) table.RemoveFunc {
			return func(_ context.Context, _ database.Execer, n int64, done bool) error {
				calls = append(calls, call{n, done})
				if len(calls) == most {
					return stop
				}
				return nil
			}
		}
		_, err := table.Remove(t.Context(), db, g, []string{"A", "B"}, save(2))
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		equal(t, calls, []call{{0, false}, {0, false}})
		equal(t, len(mustRows(t, db, company)), 2)
		equal(t, countWhere(t, db, cfg.Object, "company IS NULL"), 10_000)
		equal(t, waiting(t, db), 10_000)
		calls = nil
		total, err := table.Remove(t.Context(), db, g, []string{"A", "B"}, save(9))
		if err != nil || total != 2 {
			t.Fatalf("%d, %v", total, err)
		}
		equal(t, calls, []call{{0, false}, {2, true}})
		equal(t, len(mustRows(t, db, company)), 0)
		equal(t, countWhere(t, db, cfg.Object, "company IS NULL"), n)
		equal(t, waiting(t, db), n)
	})
}

// Heal goes on from where it stopped: what it has looked at already it does not
// look at again.
func TestHealGoesOn(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "z=Z")
		cfg := withLookup(company, "Key")
		second := withLookup(company, "Name")
		second.Object.Name = "Second"
		const n = 21_000
		dependants(t, db, cfg, n, "a")
		put(t, db, second, rec("1", "1", "x", "A"))
		companies(t, db, "a=A")
		stop := errors.New("stop")
		at := ""
		var steps []int64
		places := map[string]bool{}
		round := func(most int) (int64, error) {
			calls := 0
			return table.Heal(t.Context(), db, table.Healing{Object: company, At: &at}, func(_ context.Context, _ database.Execer, filled int64) error {
				if calls++; calls == most {
					return stop
				}
				if places[at] {
					t.Errorf("the place %q comes twice", at)
				}
				places[at] = true
				steps = append(steps, filled)
				return nil
			})
		}
		kept := ""
		for range 2 {
			at = kept // what was stored, not how far the step came that was not
			filled, err := round(2)
			if !errors.Is(err, stop) || filled != 10_000 {
				t.Fatalf("%d, %v", filled, err)
			}
			for place := range places {
				kept = max(kept, place)
			}
		}
		equal(t, waiting(t, db), 1001)
		at = kept
		filled, err := round(9)
		if err != nil || filled != 1001 {
			t.Fatalf("%d, %v", filled, err)
		}
		equal(t, steps, []int64{10_000, 10_000, 1000, 1})
		equal(t, countWhere(t, db, cfg.Object, "company IS NULL"), 0)
		equal(t, waiting(t, db), 0)
	})
}

// A row that would repeat another one when it is filled goes on waiting, and
// holds up no other.
func TestHealLeavesWhatWouldRepeat(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		cfg := withLookup(company, "Key")
		for i := range cfg.Object.Fields {
			if f := &cfg.Object.Fields[i]; f.Name == "Company" {
				f.Unique = true
				cfg.Lookups[0].Field = *f
			}
		}
		var records []record
		for i := range 40 {
			records = append(records, rec(fmt.Sprint(i), fmt.Sprint(i), "x", fmt.Sprintf("k%d", i/4))) // four of each
		}
		put(t, db, cfg, records...)
		equal(t, waiting(t, db), 40)
		companies(t, db, "k0=0", "k1=1", "k2=2", "k5=5", "k9=9")
		equal(t, heal(t, db, company), int64(5))
		equal(t, heal(t, db, company), int64(0))
		equal(t, waiting(t, db), 35)
		seen := map[string]int{}
		for key, id := range found(t, db, cfg.Object, "Company") {
			if id != "" {
				var n int
				_, _ = fmt.Sscan(key, &n)
				seen[fmt.Sprintf("k%d", n/4)]++
			}
		}
		equal(t, seen, map[string]int{"k0": 1, "k1": 1, "k2": 1, "k5": 1, "k9": 1})
	})
}

// Companies come and go while others look them up, write and heal: no lookup
// ever points to a row that is not there, and none stays empty that could be
// filled.
func TestRemoveWhileOthersLookUp(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "k0=N0", "k1=N1", "k2=N2", "k3=N3")
		cfg := withLookup(company, "Key")
		of := table.Config{Object: company, Columns: columns(company, "Key", "Name!")}
		var wg sync.WaitGroup
		for k := range 2 {
			w := open(t, db, cfg)
			wg.Go(func() {
				for i := range 40 {
					var records []record
					for n := range 20 {
						id := fmt.Sprint(n + 20*k)
						records = append(records, rec(id, id, "x", fmt.Sprintf("k%d", (n+i)%4)))
					}
					if _, err := w.Write(context.Background(), batchFor(cfg, records...), nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		makes := open(t, db, of)
		wg.Go(func() {
			g := goneOf(of, crosswalk.DeleteRow)
			g.By = ""
			for i := range 40 {
				name, key := fmt.Sprintf("N%d", i%4), fmt.Sprintf("k%d", i%4)
				if _, err := table.Remove(context.Background(), db, g, []string{name}, nil); err != nil {
					t.Error(err)
				}
				if _, err := makes.Write(context.Background(), batchFor(of, rec(name, key, name)), nil); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				if _, err := table.Heal(context.Background(), db, table.Healing{Object: company}, nil); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		heal(t, db, company)
		keys := map[string]string{}
		for _, row := range mustRows(t, db, company) {
			keys[row["GSID"].(string)] = row["Key"].(string)
		}
		for key, id := range found(t, db, cfg.Object, "Company") {
			var n int
			_, _ = fmt.Sscan(key, &n)
			if want := fmt.Sprintf("k%d", (n%20+39)%4); keys[id] != want {
				t.Errorf("%s points to %q, a row with the key %q, want %s", key, id, keys[id], want)
			}
		}
		equal(t, waiting(t, db), 0)
	})
}

// A row is not deleted between the moment in which a batch finds it and the one
// in which the batch is stored.
func TestRemoveWaitsForLookups(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, _ := companies(t, db, "a=A")
		cfg := withLookup(company, "Key")
		w := open(t, db, cfg)
		g := goneOf(table.Config{Object: company}, crosswalk.DeleteRow)
		g.By = ""
		remove(t, db, g, "nobody's") // the index is there
		removed := make(chan error, 1)
		begun := false
		_, err := w.Write(t.Context(), batchFor(cfg, rec("1", "1", "x", "a")), func(ctx context.Context, _ database.Execer, _ table.Result) error {
			if begun {
				return nil
			}
			begun = true
			go func() {
				_, err := table.Remove(context.Background(), db, g, []string{"A"}, nil)
				removed <- err
			}()
			for db.Dialect() == database.Postgres && len(removed) == 0 {
				var waits bool
				if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'company'::regclass)").Scan(&waits); err != nil || waits {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(err, <-removed); err != nil {
			t.Fatal(err)
		}
		equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ""})
		equal(t, waiting(t, db), 1)
	})
}
