package column_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

var kinds = []column.Kind{column.Text, column.Decimal, column.Int, column.Bool, column.Time, column.Date, column.GUID}

func specs() []column.Spec {
	var s []column.Spec
	for _, k := range kinds {
		s = append(s, column.Spec{Name: k.String(), Kind: k})
	}
	return s
}

// values returns a batch as texts, "–" for null.
func values(b *column.Batch) [][]string {
	out := [][]string{}
	for r := range b.Rows() {
		row := []string{}
		for i := range b.Columns {
			c := &b.Columns[i]
			switch {
			case !c.Valid[r]:
				row = append(row, "–")
			case c.Kind == column.Text || c.Kind == column.Decimal:
				row = append(row, string(c.Bytes(r)))
			case c.Kind == column.GUID:
				row = append(row, fmt.Sprintf("%x", c.GUIDs[r][:2]))
			default:
				row = append(row, fmt.Sprint(c.Ints[r]))
			}
		}
		out = append(out, row)
	}
	return out
}

// fill appends a value made of n to a column.
func fill(c *column.Column, n int) string {
	switch c.Kind {
	case column.Text, column.Decimal:
		s := fmt.Sprint(n)
		if n%2 == 0 {
			c.AppendBytes([]byte(s))
		} else {
			c.Data = append(c.Data, s...)
			c.EndBytes()
		}
		return s
	case column.Bool:
		c.AppendBool(n%2 == 1)
		return fmt.Sprint(n % 2)
	case column.GUID:
		c.AppendGUID([16]byte{byte(n >> 8), byte(n)})
		return fmt.Sprintf("%04x", n)
	}
	c.AppendInt(int64(-n))
	return fmt.Sprint(-n)
}

// TestBatch fills, truncates and resets batches at random and compares them
// with plain rows.
func TestBatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := column.NewBatch(specs())
		want := [][]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"row", "row", "row", "incomplete", "truncate", "reset"}).Draw(t, "step") {
			case "row", "incomplete":
				row := make([]string, len(kinds))
				for i := range b.Columns {
					row[i] = "–"
					switch rapid.IntRange(0, 2).Draw(t, "value") {
					case 0: // nothing: EndRow makes it null
					case 1:
						b.Columns[i].AppendNull()
					case 2:
						row[i] = fill(&b.Columns[i], rapid.IntRange(0, 0xffff).Draw(t, "n"))
					}
				}
				if rapid.Bool().Draw(t, "ends") {
					b.EndRow()
					want = append(want, row)
				} else {
					b.Truncate(b.Rows())
				}
			case "truncate":
				n := rapid.IntRange(0, len(want)).Draw(t, "to")
				b.Truncate(n)
				want = want[:n]
			case "reset":
				b.Reset()
				want = want[:0]
			}
			if diff := cmp.Diff(want, values(b)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
	})
}

// TestNullSlots checks that the slot of a null holds the zero value.
func TestNullSlots(t *testing.T) {
	t.Parallel()
	b := column.NewBatch(specs())
	for i := range b.Columns {
		fill(&b.Columns[i], 7)
	}
	b.EndRow()
	b.EndRow()
	for i := range b.Columns {
		c := &b.Columns[i]
		switch c.Kind {
		case column.Text, column.Decimal:
			if len(c.Bytes(1)) != 0 {
				t.Errorf("%s: %q", c.Name, c.Bytes(1))
			}
		case column.GUID:
			if c.GUIDs[1] != [16]byte{} {
				t.Errorf("%s: %x", c.Name, c.GUIDs[1])
			}
		default:
			if c.Ints[1] != 0 {
				t.Errorf("%s: %d", c.Name, c.Ints[1])
			}
		}
	}
}

func TestColumnTruncate(t *testing.T) {
	t.Parallel()
	b := column.NewBatch(specs())
	for i := range b.Columns {
		fill(&b.Columns[i], 3)
		b.Columns[i].Truncate(0)
		b.Columns[i].Truncate(5) // more than it has
		fill(&b.Columns[i], 5)
	}
	b.EndRow()
	want := [][]string{{"5", "5", "-5", "1", "-5", "-5", "0005"}}
	if diff := cmp.Diff(want, values(b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTwoValuesInARowPanic(t *testing.T) {
	t.Parallel()
	b := column.NewBatch([]column.Spec{{Name: "x", Kind: column.Int}})
	b.Columns[0].AppendInt(1)
	b.Columns[0].AppendInt(2)
	defer func() {
		if got := fmt.Sprint(recover()); got != "column: x has 2 values in 1 rows" {
			t.Errorf("panic %q", got)
		}
	}()
	b.EndRow()
}

func TestColumnByName(t *testing.T) {
	t.Parallel()
	b := column.NewBatch(specs())
	if c := b.Column("Date"); c != &b.Columns[5] {
		t.Errorf("Date is %v", c)
	}
	if c := b.Column("date"); c != nil {
		t.Errorf("date is %v", c)
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	if got := column.Kind(99).String(); got != "Kind(99)" {
		t.Errorf("unknown kind is %q", got)
	}
	tests := []struct {
		field crosswalk.Field
		want  column.Kind
	}{
		{crosswalk.Field{Type: crosswalk.FieldString}, column.Text},
		{crosswalk.Field{Type: crosswalk.FieldEmail}, column.Text},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, column.Int},
		{crosswalk.Field{Type: crosswalk.FieldNumber, Decimals: 2}, column.Decimal},
		{crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: 4}, column.Decimal},
		{crosswalk.Field{Type: crosswalk.FieldPercentage}, column.Int},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, column.Bool},
		{crosswalk.Field{Type: crosswalk.FieldDate}, column.Date},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, column.Time},
		{crosswalk.Field{Type: crosswalk.FieldLookup}, column.GUID},
		{crosswalk.Field{Type: crosswalk.FieldGSID}, column.GUID},
	}
	for _, test := range tests {
		if got := column.KindFor(&test.field); got != test.want {
			t.Errorf("%s with %d decimals is %v, want %v", test.field.Type, test.field.Decimals, got, test.want)
		}
	}
}

// TestAppend joins batches of every kind, empty ones and bad values included:
// what comes is what each of them held, and they stay as they are.
func TestAppend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		make1 := func() *column.Batch {
			b := column.NewBatch(specs())
			for range rapid.IntRange(0, 4).Draw(t, "rows") {
				for i := range b.Columns {
					switch n := rapid.IntRange(0, 6).Draw(t, "value"); n {
					case 0: // null
					case 1:
						b.AppendBad(i, []byte("bad"))
					default:
						fill(&b.Columns[i], n)
					}
				}
				b.EndRow()
			}
			return b
		}
		into := column.NewBatch(specs())
		want, bad := [][]string{}, 0
		for range 3 {
			b := make1()
			before := values(b)
			into.Append(b)
			want, bad = append(want, before...), bad+len(b.Bad)
			if diff := cmp.Diff(before, values(b)); diff != "" {
				t.Errorf("the other batch changed:\n%s", diff)
			}
		}
		if diff := cmp.Diff(want, values(into)); diff != "" || len(into.Bad) != bad {
			t.Errorf("%d bad values of %d, rows (-want +got):\n%s", len(into.Bad), bad, diff)
		}
		for i, v := range into.Bad {
			if into.Columns[v.Column].Valid[v.Row] || i > 0 && v.Row < into.Bad[i-1].Row {
				t.Errorf("bad value %+v behind %+v", v, into.Bad[max(i-1, 0)])
			}
		}
	})
}
