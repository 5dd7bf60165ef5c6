package odata_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// deep has columns of the record and of what it leads to.
var deep = []column.Spec{
	{Name: "t", Kind: column.Text},
	{Name: "r/t", Kind: column.Text},
	{Name: "r/n", Kind: column.Int},
	{Name: "r/s/id", Kind: column.GUID},
	{Name: "r/s/_x_value@Microsoft.Dynamics.CRM.lookuplogicalname", Kind: column.Text},
	{Name: "r/s/u/t", Kind: column.Text},
	{Name: "q/t", Kind: column.Text},
	{Name: "r/n", Kind: column.Text},
	{Name: "r", Kind: column.Text}, // which r/t makes no value
}

// TestDecodeRelated reads what expanded navigation properties hold.
func TestDecodeRelated(t *testing.T) {
	t.Parallel()
	const id = "70bf4d48-34cb-ed11-b596-0022481d68cd"
	tests := []struct {
		name, records string
		rows          []string // of columns separated by spaces
		bad           []column.Bad
	}{
		{
			"all levels", `{"t":"a","r":{"@odata.etag":"W/\"1\"","t":"b","n":7,"s":{"id":"` + id + `","_x_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact","u":{"t":"c"}}},"q":{"t":"d"}}`,
			[]string{"a b 7 " + id + " contact c d 7 –"},
			nil,
		},
		{
			"nulls and missing ones", `{"t":"a","r":null,"q":{"t":null}},{"q":null,"t":"b"},{"t":"c"},{"r":{"n":1,"s":null}},{"r":{"s":{"u":{}}},"q":{}}`,
			[]string{"a – – – – – – – –", "b – – – – – – – –", "c – – – – – – – –", "– – 1 – – – – 1 –", "– – – – – – – – –"},
			nil,
		},
		{
			"names that lead elsewhere", `{"n":1,"s":{"t":"x"},"r":{"r":{"t":"x"},"q":{"t":"x"},"id":"` + id + `","s":{"t":"x","n":3}},"r/t":"x","q":{"n":4,"t":"y"}}`,
			[]string{"– – – – – – y – –"},
			nil,
		},
		{
			"the last of two counts, as a whole", `{"r":{"t":"a","n":1,"s":{"u":{"t":"b"}}},"t":"c","r":{"n":2}},{"r":{"t":"a","s":{"u":{"t":"b"}}},"r":null},{"r":{"s":{"u":{"t":"a"},"id":"` + id + `"},"t":"b","s":{"u":{"t":"c"},"u":{}}}}`,
			[]string{"c – 2 – – – – 2 –", "– – – – – – – – –", "– b – – – – – – –"},
			nil,
		},
		{
			"values of another type", `{"t":"a","r":{"t":{},"n":1.5,"s":{"id":"x"}}},{"q":[],"t":"b"},{"r":"x","r":{"t":"c"}}`,
			[]string{"a – – – – – – 1.5 –", "b – – – – – – – –", "– c – – – – – – –"},
			[]column.Bad{{Row: 0, Column: 1, Value: "{}"}, {Row: 0, Column: 2, Value: "1.5"}, {Row: 0, Column: 3, Value: `"x"`}, {Row: 1, Column: 6, Value: "[]"}},
		},
		{
			"an object where no object is", `{"r":[{"t":"a"}]},{"r":7,"t":"b"},{"r":{"t":"a","s":true}}`,
			[]string{"– – – – – – – – –", "b – – – – – – – –", "– a – – – – – – –"},
			[]column.Bad{
				{Row: 0, Column: 1, Value: `[{"t":"a"}]`},
				{Row: 0, Column: 2, Value: `[{"t":"a"}]`},
				{Row: 0, Column: 3, Value: `[{"t":"a"}]`},
				{Row: 0, Column: 4, Value: `[{"t":"a"}]`},
				{Row: 0, Column: 5, Value: `[{"t":"a"}]`},
				{Row: 0, Column: 7, Value: `[{"t":"a"}]`},
				{Row: 1, Column: 1, Value: "7"},
				{Row: 1, Column: 2, Value: "7"},
				{Row: 1, Column: 3, Value: "7"},
				{Row: 1, Column: 4, Value: "7"},
				{Row: 1, Column: 5, Value: "7"},
				{Row: 1, Column: 7, Value: "7"},
				{Row: 2, Column: 3, Value: "true"},
				{Row: 2, Column: 4, Value: "true"},
				{Row: 2, Column: 5, Value: "true"},
			},
		},
	}
	byPlace := cmp.Transformer("byPlace", func(bad []column.Bad) map[[2]int]string {
		m := map[[2]int]string{}
		for _, b := range bad {
			m[[2]int{b.Row, b.Column}] += b.Value
		}
		return m
	})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := `{"value":[` + test.records + `]}`
			for _, window := range []int{0, 1, 2, 3, 7, 16, 33, 64, 100} {
				cols := odata.NewColumns(deep)
				if window > 0 {
					cols.SetWindow(window)
				}
				b := column.NewBatch(deep)
				for range 2 { // the second time with predictions
					b.Reset()
					if _, err := cols.DecodePage(iotest.HalfReader(strings.NewReader(body)), b); err != nil {
						t.Fatalf("window %d: %v", window, err)
					}
					var got []string
					for _, row := range rows(b) {
						got = append(got, strings.Join(row, " "))
					}
					if diff := cmp.Diff(test.rows, got); diff != "" {
						t.Errorf("window %d: rows (-want +got):\n%s", window, diff)
					}
					if diff := cmp.Diff(test.bad, b.Bad, byPlace); diff != "" {
						t.Errorf("window %d: bad values (-want +got):\n%s", window, diff)
					}
				}
			}
		})
	}
}

// TestDecodeRelatedRefuses checks that syntax is checked inside of related
// records too, and that nothing stays of a page that is refused.
func TestDecodeRelatedRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ record, want string }{
		{`{"r":{"t":"a"`, "unexpected EOF"},
		{`{"r":{"t":"a",}}`, "no name"},
		{`{"r":{"t" "a"}}`, "no colon"},
		{`{"r":{"t":"a" "n":1}}`, "no comma or brace"},
		{`{"r":{"t":}}`, "no value"},
		{`{"r":nope}`, "unknown word"},
		{`{"r":{"u":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}}`, "nested too deeply"},
		{"{\"r\":{\"t\":\"\xff\"}}", "not UTF-8"},
	}
	for _, test := range tests {
		cols := odata.NewColumns(deep)
		b := column.NewBatch(deep)
		_, err := cols.DecodePage(strings.NewReader(`{"value":[{"r":{"t":"before"}},`+test.record), b)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40s: error %v, want one with %q", test.record, err, test.want)
		}
		if b.Rows() != 0 || len(b.Columns[1].Valid) != 0 {
			t.Errorf("%.40s: %d rows stay", test.record, b.Rows())
		}
	}
}

func BenchmarkDecodeRelated(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"value":[`)
	for i := range 5000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"@odata.etag":"W/\"%d\"","accountid":"%08x-34cb-ed11-b596-0022481d68cd","name":"Contoso %d Werke GmbH","_primarycontactid_value":"%08x-34cb-ed11-b596-0022481d68cd","primarycontactid":`, i, i, i, i)
		if i%4 == 0 {
			body.WriteString(`null}`)
			continue
		}
		fmt.Fprintf(&body, `{"contactid":"%08x-34cb-ed11-b596-0022481d68cd","fullname":"Person %d","emailaddress1":"p%d@contoso.example","parentcustomerid_account":{"accountid":"%08x-34cb-ed11-b596-0022481d68cd","name":"Parent"}}}`, i, i, i, i)
	}
	body.WriteString(`]}`)
	specs := []column.Spec{
		{Name: "accountid", Kind: column.GUID},
		{Name: "name", Kind: column.Text},
		{Name: "primarycontactid/fullname", Kind: column.Text},
		{Name: "primarycontactid/emailaddress1", Kind: column.Text},
		{Name: "primarycontactid/parentcustomerid_account/name", Kind: column.Text},
	}
	cols := odata.NewColumns(specs)
	batch := column.NewBatch(specs)
	r := bytes.NewReader(nil)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		r.Reset(body.Bytes())
		if _, err := cols.DecodePage(r, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "rows/s")
}
