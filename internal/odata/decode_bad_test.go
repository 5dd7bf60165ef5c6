package odata_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestBadValues checks that a value of another type than its column is a
// problem of its record alone.
func TestBadValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, member, value string }{
		{"a fraction for Int", "n", `1.5`},
		{"too large for Int", "n", `9223372036854775808`},
		{"too small for Int", "n", `-9223372036854775809`},
		{"far too large for Int", "n", `99999999999999999999999`},
		{"a text for Int", "n", `"1"`},
		{"a text for Decimal", "d", `"1"`},
		{"a number for Bool", "b", `1`},
		{"a boolean for Int", "n", `true`},
		{"an object for Text", "t", `{"a":1}`},
		{"a number for Time", "at", `1`},
		{"a date for Time", "at", `"2024-01-01"`},
		{"a time without zone", "at", `"2024-01-01T00:00:00"`},
		{"no such hour", "at", `"2024-01-01T24:00:00Z"`},
		{"no such offset", "at", `"2024-01-01T00:00:00+99:00"`},
		{"an empty fraction", "at", `"2024-01-01T00:00:00.Z"`},
		{"no such day", "day", `"2023-02-29"`},
		{"no such month", "day", `"2023-13-01"`},
		{"a date of the year 0", "day", `"0000-01-01"`},
		{"a time for Date", "day", `"2023-01-01T00:00:00Z"`},
		{"a short GUID", "id", `"70bf4d48-34cb-ed11-b596-0022481d68c"`},
		{"a GUID of other letters", "id", `"70bf4d48-34cb-ed11-b596-0022481d68cx"`},
		{"a GUID without dashes", "id", `"70bf4d48034cb-ed11-b596-0022481d68cd"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"value":[{"t":"a"},{"d":1,%q:%s},{"t":"c"}]}`, test.member, test.value)
			var bad []column.Bad
			for i, spec := range every {
				if spec.Name == test.member && (test.member != "n" || spec.Kind == column.Int) {
					bad = append(bad, column.Bad{Row: 1, Column: i, Value: test.value})
				}
			}
			for _, window := range []int{0, 1, 5, 32} {
				cols := odata.NewColumns(every)
				if window > 0 {
					cols.SetWindow(window)
				}
				b := column.NewBatch(every)
				page, err := cols.DecodePage(strings.NewReader(body), b)
				if err != nil || page.Records != 3 {
					t.Fatalf("window %d: %+v %v", window, page, err)
				}
				if diff := cmp.Diff(bad, b.Bad); diff != "" {
					t.Errorf("window %d: bad values (-want +got):\n%s", window, diff)
				}
				for _, x := range bad {
					if b.Columns[x.Column].Valid[1] {
						t.Errorf("window %d: the bad value is %q, not null", window, rows(b)[1][x.Column])
					}
				}
				if got := rows(b); got[0][0] != "a" || got[2][0] != "c" {
					t.Errorf("window %d: its neighbours are %q", window, got)
				}
				b.Truncate(1)
				if len(b.Bad) != 0 {
					t.Errorf("window %d: bad values outlive their row: %v", window, b.Bad)
				}
			}
		})
	}
}

// TestBadValueTwice checks that the last of two values counts, bad or good.
func TestBadValueTwice(t *testing.T) {
	t.Parallel()
	b := column.NewBatch(every)
	if _, err := odata.NewColumns(every).DecodePage(strings.NewReader(`{"value":[{"b":1,"b":true,"d":"x"},{"b":true,"b":[1]}]}`), b); err != nil {
		t.Fatal(err)
	}
	want := []column.Bad{{Row: 0, Column: 1, Value: `"x"`}, {Row: 1, Column: 3, Value: `[1]`}}
	if diff := cmp.Diff(want, b.Bad); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := rows(b); got[0][3] != "1" || got[1][3] != "–" {
		t.Errorf("%q", got)
	}
}

// TestBadValueIsShortened checks that many large bad values cannot fill the
// memory.
func TestBadValueIsShortened(t *testing.T) {
	t.Parallel()
	b := column.NewBatch(every)
	if _, err := odata.NewColumns(every).DecodePage(strings.NewReader(`{"value":[{"b":"`+strings.Repeat("é", 1000)+`"}]}`), b); err != nil {
		t.Fatal(err)
	}
	want := []column.Bad{{Column: 3, Value: `"` + strings.Repeat("é", 98) + "…"}}
	if diff := cmp.Diff(want, b.Bad); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDeletions reads pages of changes.
func TestDeletions(t *testing.T) {
	t.Parallel()
	specs := []column.Spec{{Name: "accountid", Kind: column.GUID}, {Name: "name", Kind: column.Text}, {Name: "reason", Kind: column.Text}}
	const (
		a = "60c4e274-0d87-e711-80e5-00155db19e6d"
		b = "2e451703-c686-e711-80e5-00155db19e6d"
		c = "78914942-34cb-ed11-b596-0022481d68cd"
	)
	deleted := func(id string) string {
		return `{"@odata.context":"https://x/api/data/v9.2/$metadata#accounts/$deletedEntity","id":"` + id + `","reason":"deleted"}`
	}
	record := func(id, name string) string {
		return `{"@odata.etag":"W/\"1\"","name":"` + name + `","accountid":"` + id + `"}`
	}
	tests := []struct {
		name, body string
		want       odata.Page
		rows       [][]string
		fails      string
	}{
		{
			name: "the link before the records", body: `{"@odata.context":"c","@odata.deltaLink":"next","value":[` + record(a, "A") + `,` + deleted(b) + `]}`,
			want: odata.Page{Records: 1, Deleted: []odata.Deletion{{ID: guid(b), Records: 1}}, DeltaLink: "next", Count: -1}, rows: [][]string{{a, "A", "–"}},
		},
		{
			name: "the link behind the records", body: `{"value":[` + record(a, "A") + `,` + deleted(b) + `],"@odata.deltaLink":"next"}`,
			want: odata.Page{Records: 1, Deleted: []odata.Deletion{{ID: guid(b), Records: 1}}, DeltaLink: "next", Count: -1}, rows: [][]string{{a, "A", "–"}},
		},
		{
			name: "deletions among the records", body: `{"value":[` + deleted(a) + `,` + record(b, "B") + `,` + deleted(b) + `,` + record(a, "again") + `,` + deleted(c) + `]}`,
			want: odata.Page{Records: 2, Deleted: []odata.Deletion{{guid(a), 0}, {guid(b), 1}, {guid(c), 2}}, Count: -1},
			rows: [][]string{{b, "B", "–"}, {a, "again", "–"}},
		},
		{
			name: "members in another order, escaped", body: `{"value":[{"reason":"changed","id":"` + b + `","@odata.context":"x\u002f$deletedEntity"}]}`,
			want: odata.Page{Deleted: []odata.Deletion{{ID: guid(b)}}, Count: -1},
		},
		{
			name: "without a context", body: `{"value":[{"id":"` + b + `","reason":"deleted"}]}`,
			want: odata.Page{Deleted: []odata.Deletion{{ID: guid(b)}}, Count: -1},
		},
		{
			name: "a record with members of those names", body: `{"value":[{"accountid":"` + a + `","id":"` + b + `","reason":"because"},{"@odata.context":"#accounts/$entity","accountid":"` + b + `"}]}`,
			want: odata.Page{Records: 2, Count: -1}, rows: [][]string{{a, "–", "because"}, {b, "–", "–"}},
		},
		{
			name: "a record with a bad key", body: `{"value":[{"accountid":7,"id":"` + b + `","reason":"because"}]}`,
			want: odata.Page{Records: 1, Count: -1}, rows: [][]string{{"–", "–", "because"}},
		},
		{
			name: "a reason alone", body: `{"value":[{"reason":"because"},{"reason":"because","id":7}]}`,
			want: odata.Page{Records: 2, Count: -1}, rows: [][]string{{"–", "–", "because"}, {"–", "–", "because"}},
		},
		{name: "a deletion of nothing", body: `{"value":[{"@odata.context":"x/$deletedEntity","reason":"deleted"}]}`, fails: "does not say what was deleted"},
		{name: "a deletion of no id", body: `{"value":[{"@odata.context":"x/$deletedEntity","id":"accounts(1)"}]}`, fails: "does not say what was deleted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, window := range []int{0, 1, 9, 64} {
				cols := odata.NewColumns(specs)
				if window > 0 {
					cols.SetWindow(window)
				}
				batch := column.NewBatch(specs)
				for range 2 { // the second time with predictions
					batch.Reset()
					page, err := cols.DecodePage(strings.NewReader(test.body), batch)
					if test.fails != "" {
						if err == nil || !strings.Contains(err.Error(), test.fails) {
							t.Errorf("window %d: error %v", window, err)
						}
						continue
					}
					if err != nil {
						t.Fatalf("window %d: %v", window, err)
					}
					if diff := cmp.Diff(test.want, page); diff != "" {
						t.Errorf("window %d: page (-want +got):\n%s", window, diff)
					}
					if diff := cmp.Diff(test.rows, rows(batch)); diff != "" {
						t.Errorf("window %d: rows (-want +got):\n%s", window, diff)
					}
				}
			}
		})
	}
}

// guid reads a GUID.
func guid(s string) (id [16]byte) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil {
		panic(err)
	}
	return [16]byte(b)
}
