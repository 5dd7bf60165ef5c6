package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// TestRow puts rows of every kind of value away and takes them out again.
func TestRow(t *testing.T) {
	t.Parallel()
	specs := []column.Spec{{Name: "key", Kind: column.GUID}}
	for _, k := range []column.Kind{column.Text, column.Decimal, column.Int, column.Bool, column.Time, column.Date, column.GUID, column.Text} {
		specs = append(specs, column.Spec{Name: k.String(), Kind: k})
	}
	rapid.Check(t, func(t *rapid.T) {
		from, to := column.NewBatch(specs), column.NewBatch(specs)
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			from.Columns[0].AppendGUID([16]byte{byte(from.Rows())})
			for i := 1; i < len(specs); i++ {
				c := &from.Columns[i]
				switch rapid.IntRange(0, 3).Draw(t, "value") {
				case 0:
					c.AppendNull()
				case 1:
					from.AppendBad(i, []byte(rapid.String().Draw(t, "bad")))
				default:
					switch c.Kind {
					case column.Text, column.Decimal:
						c.AppendBytes([]byte(rapid.String().Draw(t, "text")))
					case column.GUID:
						c.AppendGUID([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")))
					default:
						c.AppendInt(rapid.Int64().Draw(t, "int"))
					}
				}
			}
			from.EndRow()
		}
		for n := range from.Rows() {
			var bad []column.Bad
			for _, b := range from.Bad {
				if b.Row == n {
					bad = append(bad, b)
				}
			}
			rest := makeRow(from, n, bad)
			to.Columns[0].AppendGUID(from.Columns[0].GUIDs[n])
			for i := 1; i < len(specs); i++ {
				var value string
				var isBad bool
				if rest, value, isBad = rest.take(&to.Columns[i]); isBad {
					to.Bad = append(to.Bad, column.Bad{Row: n, Column: i, Value: value})
				}
			}
			if len(rest) > 0 {
				t.Fatalf("row %d has %d bytes too many", n, len(rest))
			}
			to.EndRow()
		}
		if diff := cmp.Diff(from, to, cmp.AllowUnexported(column.Batch{})); diff != "" {
			t.Errorf("(-in +out):\n%s", diff)
		}
	})
}
