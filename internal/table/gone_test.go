package table_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// goneOf is the rows that a Config wrote, under a policy. Field is Active.
func goneOf(cfg table.Config, p crosswalk.DeletePolicy) table.Gone {
	return table.Gone{Object: cfg.Object, ConnectionID: "c", Entity: "e", JobID: cfg.JobID, Policy: p, Field: "Active", Run: 50, By: "Remover"}
}

func remove(t *testing.T, db *database.DB, g table.Gone, keys ...string) int64 {
	t.Helper()
	var saved int64
	n, err := table.Remove(t.Context(), db, g, keys, func(_ context.Context, _ database.Execer, n int64, done bool) error {
		if saved += n; !done {
			t.Errorf("not done with %d rows", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, saved, n)
	return n
}

// state is what becomes of a row.
type state struct {
	Active any
	Gone   bool
	Run    int64
	By     any
}

func states(t *testing.T, db *database.DB, o crosswalk.Object) map[string]state {
	t.Helper()
	all := map[string]state{}
	for _, row := range mustRows(t, db, o) {
		_, p, err := table.Row(t.Context(), db, o, row["GSID"].(string))
		if err != nil {
			t.Fatal(err)
		}
		all[row["Key"].(string)] = state{row["Active"], p.GoneAt != nil, p.Run, row["Modified_By"]}
	}
	return all
}

// What becomes of rows is the policy's to say, of those of the job alone, once,
// and until the record is back.
func TestRemove(t *testing.T) {
	for _, tt := range []struct {
		policy crosswalk.DeletePolicy
		fills  bool  // the job fills Active
		gone   state // of a row that was active; zero when it is not there
		empty  state // of a row of whose activity nothing is known
		no     state // of a row that was not active before
		back   state // of the first row, when its record is back
		n      int64
	}{
		{crosswalk.DeleteFlag, true, state{true, true, 50, "Remover"}, state{nil, true, 50, "Remover"}, state{false, true, 50, "Remover"}, state{true, false, 60, "Job"}, 3},
		{crosswalk.DeleteFlag, false, state{nil, true, 50, "Remover"}, state{nil, true, 50, "Remover"}, state{nil, true, 50, "Remover"}, state{nil, false, 60, "Job"}, 3},
		{crosswalk.DeleteDeactivate, true, state{false, true, 50, "Remover"}, state{false, true, 50, "Remover"}, state{false, false, 7, "Job"}, state{true, false, 60, "Job"}, 2},
		{crosswalk.DeleteDeactivate, false, state{false, true, 50, "Remover"}, state{false, true, 50, "Remover"}, state{false, true, 50, "Remover"}, state{true, false, 60, "Job"}, 3},
		{crosswalk.DeleteRow, true, state{}, state{}, state{}, state{true, false, 60, "Job"}, 3},
	} {
		t.Run(fmt.Sprintf("%s, filled %t", tt.policy, tt.fills), func(t *testing.T) {
			each(t, func(t *testing.T, db *database.DB) {
				o := treeConfig().Object
				cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name"), By: "Job", JobID: "j"}
				values := func(key string, active any) record { return rec("source "+key, key, "x") }
				if tt.fills {
					cfg.Columns = columns(o, "Key!", "Name", "Active")
					values = func(key string, active any) record { return rec("source "+key, key, "x", active) }
				}
				if tt.policy == crosswalk.DeleteDeactivate {
					cfg.Restore = "Active"
				}
				put(t, db, cfg, values("yes", true), values("empty", nil), values("no", false), values("stays", true))
				other := cfg
				other.JobID = "other" // of the same records
				put(t, db, other, rec("source yes", append([]any{"another", "x", true}[:2:2], []any{true}[:len(cfg.Columns)-2]...)...))
				g := goneOf(cfg, tt.policy)
				before := states(t, db, o)
				equal(t, remove(t, db, g), int64(0))
				gone := []string{"source yes", "source empty", "source no", "source never", "source yes"}
				equal(t, remove(t, db, g, gone...), tt.n)
				want := map[string]state{"yes": tt.gone, "empty": tt.empty, "no": tt.no, "stays": before["stays"], "another": before["another"]}
				for key, s := range want {
					if s == (state{}) {
						delete(want, key)
					}
				}
				equal(t, states(t, db, o), want)
				g.Run = 51
				equal(t, remove(t, db, g, gone...), int64(0))
				equal(t, states(t, db, o), want)

				cfg.Run = 60
				r := put(t, db, cfg, values("yes", true))
				equal(t, r.Inserted+r.Updated, int64(1))
				want["yes"] = tt.back
				equal(t, states(t, db, o), want)
				equal(t, put(t, db, cfg, values("yes", true)), table.Result{Unchanged: 1})
				g.Run = 61
				equal(t, remove(t, db, g, "source yes"), int64(1))
			})
		})
	}
}

// What save refuses does not happen, to lookups neither.
func TestRemoveIsFenced(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		company, ids := companies(t, db, "zero=Zero", "a=A")
		cfg := withLookup(company, "Key")
		put(t, db, cfg, rec("1", "1", "x", "a"))
		for _, policy := range []crosswalk.DeletePolicy{crosswalk.DeleteFlag, crosswalk.DeleteDeactivate, crosswalk.DeleteRow} {
			g := goneOf(table.Config{Object: company}, policy)
			g.By = ""
			before := mustRows(t, db, company)
			taken := crosswalk.Errorf(crosswalk.CodeConflict, "Another worker has taken the run.")
			n, err := table.Remove(t.Context(), db, g, []string{"A"}, func(ctx context.Context, tx database.Execer, n int64, done bool) error {
				if n == 0 || !done {
					t.Errorf("%s: %d rows, done %t", policy, n, done)
				}
				if _, err := tx.Exec(ctx, "UPDATE cw_origins SET entity = $1", "other"); err != nil {
					return err
				}
				return taken
			})
			if n != 0 || crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
				t.Errorf("%s: %d, %v", policy, n, err)
			}
			equal(t, mustRows(t, db, company), before)
			equal(t, found(t, db, cfg.Object, "Company"), map[string]string{"1": ids["A"]})
			equal(t, waiting(t, db), 0)
			known, err := table.KnownKeys(t.Context(), db, g, []string{"A"})
			if err != nil || len(known) != 1 {
				t.Errorf("%s: %v, %v", policy, known, err)
			}
		}
		g := goneOf(cfg, crosswalk.DeleteDeactivate)
		g.Field = "Name"
		if _, err := table.Remove(t.Context(), db, g, []string{"1"}, nil); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("a text as flag: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := table.Remove(ctx, db, goneOf(cfg, crosswalk.DeleteRow), []string{"1"}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		equal(t, len(mustRows(t, db, cfg.Object)), 1)
	})
}

// The rows of a job are found by the keys of their records, those of other jobs
// are not.
func TestGoneKeys(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name"), JobID: "j"}
		g := goneOf(cfg, crosswalk.DeleteFlag)
		g.By = ""
		ask := func() (keys []string) {
			t.Helper()
			for after := ""; ; {
				part, err := table.GoneKeys(t.Context(), db, g, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				if len(part) == 0 {
					return keys
				}
				keys = append(keys, part...)
				after = part[len(part)-1]
			}
		}
		equal(t, len(ask()), 0)
		put(t, db, cfg, rec("d", "1", "x"), rec("b", "2", "x"), rec("a", "3", "x"), rec("c", "4", "x"), rec("b", "5", "x"))
		other := cfg
		other.JobID = "other"
		put(t, db, other, rec("e", "6", "x"), rec("a", "7", "x"))
		equal(t, ask(), []string{"a", "b", "c", "d"})
		asked := []string{"e", "b", "a", "nobody's"}
		known, err := table.KnownKeys(t.Context(), db, g, asked)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(known)
		equal(t, known, []string{"a", "b"})
		count := func(want, wantRows int64) {
			t.Helper()
			n, err := table.CountKeys(t.Context(), db, g, asked)
			rows, err2 := table.CountRows(t.Context(), db, g, 100)
			few, err3 := table.CountRows(t.Context(), db, g, 2)
			if n != want || rows != wantRows || few != 2 || errors.Join(err, err2, err3) != nil {
				t.Errorf("%d of %d, %d (%v)", n, rows, few, errors.Join(err, err2, err3))
			}
		}
		count(3, 5)
		equal(t, remove(t, db, g, "a"), int64(1))
		equal(t, ask(), []string{"b", "c", "d"})
		count(2, 4)
		put(t, db, other, rec("c", "4", "x")) // another job writes a row of this one: it is that one's now
		equal(t, ask(), []string{"b", "c", "d"})
		put(t, db, other, rec("c", "4", "y"))
		equal(t, ask(), []string{"b", "d"})
	})
}
