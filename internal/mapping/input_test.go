package mapping_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestAwkwardValues takes values as Dynamics can send them through the decoder
// and the mapping: each is stored exactly or rejected with its code.
func TestAwkwardValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("10 MB of text. ", 700_000)
	number := crosswalk.Field{Type: crosswalk.FieldNumber}
	currency := crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: 4}
	text := crosswalk.Field{Type: crosswalk.FieldString}
	tests := []struct {
		attribute, json string
		field           crosswalk.Field
		want            string
	}{
		{"memo", `"` + long + `"`, crosswalk.Field{Type: crosswalk.FieldRichText}, `"` + long + `"`},
		{"memo", `"` + long + `"`, crosswalk.Field{Type: crosswalk.FieldRichText, MaxLength: 2000}, "too_long"},
		{"string", `"a\ud83db"`, text, `"a` + "\ufffd" + `b"`},
		{"string", `"\ud83d\ude00"`, crosswalk.Field{Type: crosswalk.FieldString, MaxLength: 1}, `"😀"`},
		{"string", `"a\u0000b"`, text, "invalid_text"},
		{"string", `"SELECT"`, text, `"SELECT"`},
		{"bigint", `9007199254740993`, number, "9007199254740993"},
		{"bigint", `9223372036854775807`, number, "9223372036854775807"},
		{"bigint", `9223372036854775808`, number, "malformed"},
		{"bigint", `-9223372036854775808`, text, `"-9223372036854775808"`},
		{"double", `1e400`, number, "number_range"},
		{"double", `1e-400`, currency, "0.0000"},
		{"double", `1e400`, text, "number_range"},
		{"double", `"NaN"`, number, "malformed"},
		{"decimal", `12345678901234567890123456789.1234`, currency, "12345678901234567890123456789.1234"},
		{"money", `922337203685477.5807`, currency, "922337203685477.5807"},
		{"money", `-922337203685477.5807`, text, `"-922337203685477.5807"`},
		{"day", `"1753-01-01"`, crosswalk.Field{Type: crosswalk.FieldDate}, "1753-01-01"},
		{"day", `"9999-12-31"`, crosswalk.Field{Type: crosswalk.FieldDateTime}, "9999-12-31T00:00:00Z"},
		{"moment", `"9999-12-31T23:59:59Z"`, crosswalk.Field{Type: crosswalk.FieldDateTime}, "9999-12-31T23:59:59Z"},
		{"moment", `"1753-01-01T00:00:00Z"`, text, `"1753-01-01T00:00:00Z"`},
		{"moment", `"yesterday"`, crosswalk.Field{Type: crosswalk.FieldDate}, "malformed"},
		{"choice", `10`, crosswalk.Field{Type: crosswalk.FieldDropdown}, `"10"`},   // an option without a label
		{"choice", `404`, crosswalk.Field{Type: crosswalk.FieldDropdown}, `"404"`}, // one that is gone
		{"choice", `404`, number, "404"},
		{"multi", `"9,1"`, crosswalk.Field{Type: crosswalk.FieldMultiSelect}, `"Retail; Fähre"`},
		{"boolean", `1`, crosswalk.Field{Type: crosswalk.FieldBoolean}, "malformed"},
		{"lookup", `"not an id"`, text, "malformed"},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, " ", test.attribute), func(t *testing.T) {
			t.Parallel()
			test.field.Name = "Field"
			plan, err := compile(object(test.field), keyed(crosswalk.FieldMapping{Source: test.attribute, Target: "Field"}), crosswalk.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			src, dst := plan.NewSourceBatch(), plan.NewBatch()
			page := fmt.Sprintf(`{"value":[{"thingid":%q,%q:%s}]}`, key, plan.Source[1].Name, test.json)
			if _, err := odata.NewColumns(plan.Source).DecodePage(strings.NewReader(page), src); err != nil {
				t.Fatal(err)
			}
			rejects, _ := plan.Apply(src, dst, nil)
			got := ""
			if len(rejects) == 1 {
				got = string(rejects[0].Code)
			} else if c := dst.Column("Field"); c.Kind == column.Text {
				got = `"` + string(c.Bytes(0)) + `"`
			} else {
				got = read(c, 0)
			}
			if got != test.want {
				t.Errorf("got %.100s, want %.100s", got, test.want)
			}
		})
	}
}

// TestOptionsOfManyBatches maps batches at the same time with one plan: every
// new label is told once.
func TestOptionsOfManyBatches(t *testing.T) {
	t.Parallel()
	plan := must(t, cases(t, object(crosswalk.Field{Name: "Other", Type: crosswalk.FieldDropdown}, crosswalk.Field{Name: "Kind", Type: crosswalk.FieldDropdown}), byCase(
		crosswalk.FieldMapping{Source: "title", Target: "Other"},
		crosswalk.FieldMapping{Source: "kind", Target: "Kind"},
	)))
	var mu sync.Mutex
	told := map[string]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for batch := range 4 {
				var records []map[string]any
				for i := range 20 {
					records = append(records, map[string]any{"title": fmt.Sprint("label ", batch*20+i), "kind": 1 + i%2})
				}
				if _, rejects := apply(t, plan, records...); rejects != nil {
					t.Errorf("rejects: %v", rejects)
				}
				mu.Lock()
				for _, added := range plan.TakeOptions() {
					for _, label := range added.Labels {
						told[added.Field+" "+label]++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(told) != 82 {
		t.Errorf("%d labels were told, want 82", len(told))
	}
	for label, n := range told {
		if n != 1 {
			t.Errorf("%s was told %d times", label, n)
		}
	}
}
