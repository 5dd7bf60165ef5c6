package table_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func TestRowsWhere(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		o.Field("Name").Required = false
		cols := columns(o, "Key!", "Name", "Order", "Amount", "Active", "Born", "At")
		at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
		write(t, writer(t, db, o, cols), batch(cols,
			[]any{"a", "Contoso, Ltd.", 10, "10.00", true, at, at},
			[]any{"b", "Ärzte 50%", -2, "-2.50", false, at.AddDate(0, 0, 1), at.Add(time.Second)},
			[]any{"c", "", 9, "9.99", nil, nil, nil},
			[]any{"d", nil, nil, nil, true, at, at},
		))
		for text, want := range map[string]string{
			"Name eq contoso, ltd.":           "a",
			"Name ne contoso, ltd.":           "bcd",
			"Name contains ÄRZTE":             "b",
			"Name starts_with con":            "a",
			"Name ends_with %":                "b",
			"Name ends_with 0":                "",
			`Name in "Contoso, Ltd.",x`:       "a",
			"Name gt b":                       "a" + "b",
			"Name is_null":                    "cd",
			"Name is_not_null":                "ab",
			"Order gt 9":                      "a",
			"Order ge 9":                      "ac",
			"Order lt 9.5":                    "bc",
			"Order in 10, -2":                 "ab",
			"Order ne 9":                      "abd",
			"Amount lt 9.991":                 "bc",
			"Amount le -2.5":                  "b",
			"Amount eq 10":                    "a",
			"Amount gt -100000000000":         "abc",
			"Active eq yes":                   "ad",
			"Active ne true":                  "bc",
			"Born ge 2024-03-01":              "b",
			"Born lt 2024-03-01":              "ad",
			"At gt 2024-02-29T12:00:00Z":      "b",
			"At le 2024-02-29T13:00:00+01:00": "ad",
			"Parent is_null":                  "abcd",
			"GSID ne 01890a5d-ac96-774b-bcce-b302099a8057": "abcd",
		} {
			c, err := table.ParseCondition(text)
			if err != nil {
				t.Fatal(err)
			}
			p, err := table.Rows(t.Context(), db, o, table.RowQuery{Where: []crosswalk.Condition{c}, Sort: "Key"})
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			got := ""
			for _, row := range p.Items {
				got += row["Key"].(string)
			}
			if got != want || p.Total != int64(len(want)) {
				t.Errorf("%s: got %q (%d), want %q", text, got, p.Total, want)
			}
		}
		for _, text := range []string{"Nope eq 1", "Order eq x", "Order contains 1", "Active gt true", "Born eq 2024", "Parent gt 01890a5d-ac96-774b-bcce-b302099a8057", "Order eq 1e9"} {
			c, err := table.ParseCondition(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := table.Rows(t.Context(), db, o, table.RowQuery{Where: []crosswalk.Condition{c}}); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
				t.Errorf("%s: got %v", text, err)
			}
		}
	})
}

// Rows that come and go between two pages move nothing else: no row that
// stays is left out or repeated.
func TestPagesAmongChanges(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Amount")
		w := writer(t, db, o, cols)
		var first [][]any
		for i := range 30 {
			first = append(first, []any{fmt.Sprint("stays", i), []any{"same", "SAME", "other", nil}[i%3], fmt.Sprintf("%d.50", i%4-2)})
		}
		write(t, w, batch(cols, first...))
		for _, sort := range []string{"", "Name", "Amount", "Created_Date", "Active"} {
			for _, desc := range []bool{false, true} {
				seen := map[string]int{}
				q := table.RowQuery{Sort: sort, Desc: desc, Limit: 4}
				for i := 0; ; i++ {
					p, err := table.Rows(t.Context(), db, o, q)
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range p.Items {
						seen[row["Key"].(string)]++
					}
					if q.Cursor = p.Next; p.Next == "" {
						break
					}
					write(t, w, batch(cols, []any{fmt.Sprintf("late %s %v %d", sort, desc, i), "aaa", "-9.00"}))
					if i > 100 {
						t.Fatal("the pages do not end")
					}
				}
				for i := range 30 {
					if n := seen[fmt.Sprint("stays", i)]; n != 1 {
						t.Errorf("by %q, desc %v: row %d came %d times", sort, desc, i, n)
					}
				}
			}
		}
	})
}

func FuzzParseCondition(f *testing.F) {
	for _, s := range []string{"ARR ge 1", "Stage in a,\"b,c\"", "CSM is_null", "x", "", "a eq ", "a in \""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := table.ParseCondition(text)
		if (err == nil) != (c.Operator != "") {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
		if err == nil && c.Operator != crosswalk.IsNull && c.Operator != crosswalk.IsNotNull && len(c.Values) == 0 {
			t.Errorf("%q: no value in %+v", text, c)
		}
		if err != nil && !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
