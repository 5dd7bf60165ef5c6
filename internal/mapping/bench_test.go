package mapping_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

// BenchmarkApply maps pages of 5,000 records into twelve fields; rows/s is
// the ceiling that the mapping alone sets.
func BenchmarkApply(b *testing.B) {
	text := func(name string) crosswalk.Field {
		return crosswalk.Field{Name: name, Type: crosswalk.FieldString, MaxLength: 250}
	}
	plan, err := compile(object(
		text("A"), text("B"), text("C"), text("D"), text("E"),
		crosswalk.Field{Name: "Site", Type: crosswalk.FieldURL},
		crosswalk.Field{Name: "Revenue", Type: crosswalk.FieldCurrency, Decimals: 2},
		crosswalk.Field{Name: "Whole", Type: crosswalk.FieldNumber},
		crosswalk.Field{Name: "Status", Type: crosswalk.FieldDropdown},
		crosswalk.Field{Name: "At", Type: crosswalk.FieldDateTime},
		text("Owner"),
	), keyed(
		crosswalk.FieldMapping{Source: "string", Target: "A"},
		crosswalk.FieldMapping{Source: "memo", Target: "B"},
		crosswalk.FieldMapping{Source: "string", Target: "C"},
		crosswalk.FieldMapping{Source: "string", Target: "D"},
		crosswalk.FieldMapping{Source: "memo", Target: "E"},
		crosswalk.FieldMapping{Source: "entityname", Target: "Site"},
		crosswalk.FieldMapping{Source: "money", Target: "Revenue"},
		crosswalk.FieldMapping{Source: "integer", Target: "Whole"},
		crosswalk.FieldMapping{Source: "choice", Target: "Status"},
		crosswalk.FieldMapping{Source: "moment", Target: "At"},
		crosswalk.FieldMapping{Source: "owner", Target: "Owner"},
	), crosswalk.Filter{})
	if err != nil {
		b.Fatal(err)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for range 5000 {
		for i, v := range []any{
			key, "Litware, Inc. (sample)", "A text of a few words about it", "https://www.litware.example/", "20000.0000", 250, 9, "2023-04-07T21:59:01Z", key,
		} {
			put(b, &src.Columns[i], v)
		}
		src.EndRow()
	}
	b.ReportAllocs()
	for b.Loop() {
		dst.Reset()
		if rejects, _ := plan.Apply(src, dst, nil); len(rejects) > 0 {
			b.Fatal(rejects[0].Message)
		}
	}
	b.ReportMetric(float64(b.N)*5000/b.Elapsed().Seconds(), "rows/s")
}
