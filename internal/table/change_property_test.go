package table_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// meaning is what a value means, whatever type its field has: equal numbers
// are the same however they are written, and so on.
func meaning(t *testing.T, v any) string {
	t.Helper()
	var text string
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return fmt.Sprint("truth ", v)
	case int64:
		text = fmt.Sprint(v)
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	if r, ok := new(big.Rat).SetString(text); ok {
		return "number " + r.RatString()
	}
	if text == "true" || text == "false" {
		return "truth " + text
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return "moment " + at.UTC().Format(time.RFC3339Nano)
	}
	if at, err := time.Parse("2006-01-02", text); err == nil {
		return "moment " + at.UTC().Format(time.RFC3339Nano)
	}
	if text == "" {
		return "nothing"
	}
	return "text " + text
}

// sameMeaning also takes 0 and 1 for false and true.
func sameMeaning(a, b string) bool {
	truth := map[string]string{"truth true": "number 1", "truth false": "number 0"}
	if t, ok := truth[a]; ok {
		a = t
	}
	if t, ok := truth[b]; ok {
		b = t
	}
	return a == b
}

// A random sequence of changes keeps every value that its plan did not say
// goes away; refused changes change nothing; and jobs write on afterwards.
func TestChangesKeepValues(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for seed := range uint64(12) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { randomChanges(t, db, seed) })
		}
	})
}

func randomChanges(t *testing.T, db *database.DB, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 4))
	o := object()
	o.Name = fmt.Sprintf("Random_%d__gc", seed)
	o.Field("Name").Required = false
	cols := columns(o, "Key!", "Name", "Order", "Amount", "Active", "Born", "At")
	w := writer(t, db, o, cols)
	at := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	write(t, w, batch(cols,
		[]any{"1", "42", 1, "12.50", true, at, at},
		[]any{"2", "7.5", 0, "-3.00", false, at.AddDate(-900, 0, 0), at.Add(90 * time.Minute)},
		[]any{"3", nil, nil, nil, nil, nil, nil},
		[]any{"4", "", -5, "0.00", true, at, at},
		[]any{"5", "Müller 'quoted' \"x\" \\ 🦊", 1 << 40, "99999999999999999999.99", nil, nil, at},
	))
	want := map[string]map[string]string{} // by key and field
	for _, row := range allRows(t, db, o) {
		m := map[string]string{}
		for _, f := range o.Fields {
			m[f.Name] = meaning(t, row[f.Name])
		}
		want[row["Key"].(string)] = m
	}
	refused, applied := 0, 0
	for step := range 14 {
		c, changed := randomChange(rnd, o, step)
		plan, err := table.PlanChange(t.Context(), db, db.Dialect(), c)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(plan, func(s crosswalk.ObjectStep) bool {
			return s.Effect == crosswalk.EffectRefused || s.Effect == crosswalk.EffectLossy && s.Kind != crosswalk.StepDrop
		}) {
			refused++
		} else {
			applied++
			apply(t, db, c)
			o = c.Next
			changed(want)
		}
		for _, row := range allRows(t, db, o) {
			for _, f := range o.Fields[3:] {
				if got, want := meaning(t, row[f.Name]), want[row["Key"].(string)][f.Name]; !sameMeaning(got, want) {
					t.Fatalf("seed %d, step %d: %s of %v is %q, want %q\n%+v", seed, step, f.Name, row["Key"], got, want, plan)
				}
			}
		}
	}
	if applied == 0 || refused+applied != 14 {
		t.Errorf("seed %d: %d applied, %d refused", seed, applied, refused)
	}
	again := columns(o, "Key!")
	equal(t, write(t, writer(t, db, o, again), batch(again, []any{"1"}, []any{"6"})), table.Result{Inserted: 1, Unchanged: 1})
}

// randomChange returns a change and what it does to the meanings of values.
func randomChange(rnd *rand.Rand, o crosswalk.Object, step int) (table.Change, func(map[string]map[string]string)) {
	next := o
	next.Fields = slices.Clone(o.Fields)
	c := table.Change{Old: o, Renamed: map[string]string{}}
	own := 4 + rnd.IntN(max(1, len(next.Fields)-4)) // not the system's and not Key
	f := &next.Fields[min(own, len(next.Fields)-1)]
	name := f.Name
	nothing := func(map[string]map[string]string) {}
	done := nothing
	switch kind := rnd.IntN(6); {
	case kind == 0 || len(next.Fields) < 6:
		fresh := crosswalk.Field{Name: fmt.Sprintf("Select %d\"; --", step), Type: crosswalk.FieldDropdown, Default: []string{"", "it's"}[rnd.IntN(2)]}
		next.Fields = append(next.Fields, fresh)
		done = func(want map[string]map[string]string) {
			for _, m := range want {
				if m[fresh.Name] = "nothing"; fresh.Default != "" {
					m[fresh.Name] = "text " + fresh.Default
				}
			}
		}
	case kind == 1 && name != "Key":
		next.Fields = slices.DeleteFunc(next.Fields, func(f crosswalk.Field) bool { return f.Name == name })
		done = func(want map[string]map[string]string) {
			for _, m := range want {
				delete(m, name)
			}
		}
	case kind == 2: // two fields swap their names
		other := &next.Fields[len(next.Fields)-1]
		if other.Name == f.Name {
			break
		}
		f.Name, other.Name = other.Name, f.Name
		c.Renamed[f.Name], c.Renamed[other.Name] = other.Name, f.Name
		a, b := f.Name, other.Name
		done = func(want map[string]map[string]string) {
			for _, m := range want {
				m[a], m[b] = m[b], m[a]
			}
		}
	default:
		types := crosswalk.FieldTypes()
		f.Type, f.Decimals, f.MaxLength = types[rnd.IntN(len(types))], 0, 0
		if f.Type.IsNumber() {
			f.Decimals = rnd.IntN(10)
		}
	}
	c.Next = next
	return c, done
}

func apply(t *testing.T, db *database.DB, c table.Change) {
	t.Helper()
	if err := db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error { return table.ApplyChange(ctx, db, tx, c) }); err != nil {
		t.Fatal(err)
	}
}

func allRows(t *testing.T, db *database.DB, o crosswalk.Object) []map[string]any {
	t.Helper()
	var out []map[string]any
	err := table.EachRow(t.Context(), db, o, table.RowQuery{}, func(row map[string]any) error {
		out = append(out, maps.Clone(row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
