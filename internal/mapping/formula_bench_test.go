package mapping_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

// BenchmarkFormula maps 1,000 records with one formula.
func BenchmarkFormula(b *testing.B) {
	plan, err := formulaPlan(crosswalk.Field{Name: "Field", Type: crosswalk.FieldString},
		crosswalk.FieldMapping{Formula: `upper(string) + if(isNull(money), "", concat(" ", round(money / 3, 2)))`})
	if err != nil {
		b.Fatal(err)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for range 1000 {
		for i := range src.Columns {
			put(b, &src.Columns[i], sample()[src.Columns[i].Name])
		}
		src.EndRow()
	}
	b.ReportAllocs()
	for b.Loop() {
		dst.Reset()
		plan.Apply(src, dst, nil)
	}
}
