package table_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// Decimals of every length come back as exact arithmetic rounds them.
func TestDecimalsAreExact(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for _, decimals := range []int{1, 4, 9} {
			o := object()
			o.Name = fmt.Sprintf("Decimals_%d", decimals)
			o.Field("Amount").Decimals = decimals
			cols := columns(o, "Order!", "Amount")
			rnd := rand.New(rand.NewPCG(3, uint64(decimals)))
			var in [][]any
			var want []any
			for i := range 180 {
				var b []byte
				if i%2 == 0 {
					b = append(b, '-')
				}
				for range 1 + rnd.IntN(30) {
					b = append(b, "000123456789"[rnd.IntN(12)])
				}
				b = append(b, '.')
				for range 1 + rnd.IntN(12) {
					b = append(b, "000123456789"[rnd.IntN(12)])
				}
				exact, ok := new(big.Rat).SetString(string(b))
				if !ok {
					t.Fatalf("%s is not a number", b)
				}
				text := exact.FloatString(decimals)
				if exact, _ = exact.SetString(text); exact.Sign() == 0 {
					text = strings.TrimPrefix(text, "-")
				}
				in, want = append(in, []any{i, string(b)}), append(want, json.Number(text))
			}
			write(t, writer(t, db, o, cols), batch(cols, in...))
			p, err := table.Rows(t.Context(), db, o, table.RowQuery{Sort: "Order", Limit: table.MaxLimit})
			if err != nil {
				t.Fatal(err)
			}
			var got []any
			for _, item := range p.Items {
				got = append(got, item["Amount"])
			}
			equal(t, got, want)
			sorted, err := table.Rows(t.Context(), db, o, table.RowQuery{Sort: "Amount", Limit: table.MaxLimit})
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want, func(a, b any) int {
				x, _ := new(big.Rat).SetString(string(a.(json.Number)))
				y, _ := new(big.Rat).SetString(string(b.(json.Number)))
				return x.Cmp(y)
			})
			got = nil
			for _, item := range sorted.Items {
				got = append(got, item["Amount"])
			}
			equal(t, got, want)
		}
	})
}

func TestRowsSort(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order", "Amount", "At")
		w := writer(t, db, o, cols)
		at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		write(t, w, batch(cols,
			[]any{"a", "Zebra", 10, "100000000000000000001.01", at},
			[]any{"b", "apple", 9, "-100000000000000000001.02", nil},
			[]any{"c", "Äpfel", nil, "9.5", at.Add(time.Second)},
			[]any{"d", "Apple", -3, "100000000000000000001.02", at.Add(-time.Second)},
			[]any{"e", "", 9, nil, at},
			[]any{"f", "mango", 100, "-100000000000000000001.01", at},
			[]any{"g", "mango", 100, "-9.5", at},
		))
		for sort, want := range map[string]string{
			"": "abcdefg", "Key": "abcdefg", "Name": "edbfgac", "Order": "cdbeafg", "Amount": "ebfgcad", "At": "bdaefgc",
		} {
			for _, desc := range []bool{false, true} {
				expect := []byte(want)
				if desc {
					for i := range want {
						expect[i] = want[len(want)-1-i]
					}
				}
				var got []byte
				q := table.RowQuery{Sort: sort, Desc: desc, Limit: 2}
				for pages := 0; ; pages++ {
					p, err := table.Rows(t.Context(), db, o, q)
					if err != nil {
						t.Fatal(err)
					}
					equal(t, p.Total, int64(7))
					for _, item := range p.Items {
						got = append(got, item["Key"].(string)...)
					}
					if q.Cursor = p.Next; p.Next == "" {
						equal(t, pages, 3)
						break
					}
				}
				if string(got) != string(expect) {
					t.Errorf("by %q, desc %v: got %s, want %s", sort, desc, got, expect)
				}
			}
		}
	})
}

func TestRowsSearch(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order")
		w := writer(t, db, o, cols)
		write(t, w, batch(cols, []any{"a", "Contoso 50%", 5}, []any{"b", "Müller & Söhne", 5}, []any{"MÜLL", "x", 7}))
		for search, want := range map[string]int64{"": 3, " tos ": 1, "MÜLL": 2, "50%": 1, "5": 1, "%": 1, "_": 0, "'": 0} {
			p, err := table.Rows(t.Context(), db, o, table.RowQuery{Search: search})
			if err != nil {
				t.Fatal(err)
			}
			if p.Total != want || int64(len(p.Items)) != want {
				t.Errorf("%q: %d rows, total %d, want %d", search, len(p.Items), p.Total, want)
			}
		}
		one, err := table.Rows(t.Context(), db, o, table.RowQuery{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]table.RowQuery{
			"unknown field": {Sort: "Nope"},
			"not a cursor":  {Cursor: "!"},
			"other query":   {Sort: "Name", Limit: 1, Cursor: one.Next},
		} {
			if _, err := table.Rows(t.Context(), db, o, q); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}

// TestUnchangedRowsAreNotTouched writes the same rows in several batches.
// PostgreSQL notes a lock in a row even when nothing of it changes: only the
// rows of the first batch may have one.
func TestUnchangedRowsAreNotTouched(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.Postgres)
	o := object()
	cfg := table.Config{Object: o, Columns: columns(o, "Key!", "Name"), Modified: true}
	batches := func(name string) (list [][]record) {
		for i := range 4 {
			list = append(list, nil)
			for k := range 10 {
				key := fmt.Sprintf("%d-%d", i, k)
				list[i] = append(list[i], rec("id-"+key, key, name, 1))
			}
		}
		return list
	}
	w := open(t, db, cfg)
	for _, b := range batches("n") {
		equal(t, write(t, w, batchFor(cfg, b...)), table.Result{Inserted: 10})
	}
	for _, b := range batches("n") {
		equal(t, write(t, w, batchFor(cfg, b...)), table.Result{Unchanged: 10})
	}
	var locked int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+o.Table()+" WHERE xmax::text <> '0'").Scan(&locked); err != nil || locked > 10 {
		t.Errorf("%d of 40 rows were locked, %v", locked, err)
	}
	// Rows that did change, are new or came from another record are found
	// among them.
	mixed := batches("n")[3]
	mixed[0], mixed[1], mixed[2] = rec("id-3-0", "3-0", "other", 2), rec("new", "new", "n", 1), rec("a", "3-2", "n", 0)
	equal(t, write(t, w, batchFor(cfg, mixed...)), table.Result{Inserted: 1, Updated: 1, Unchanged: 7, Duplicates: 1})
	for _, b := range batches("changed") {
		equal(t, write(t, w, batchFor(cfg, b...)), table.Result{Updated: 10})
	}
}
