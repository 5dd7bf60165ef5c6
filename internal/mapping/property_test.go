package mapping_test

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// rounded is what a decimal becomes in a field with that many decimals, by
// somebody else's arithmetic.
func rounded(s string, decimals int) (string, error) {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		return "", err
	}
	if d.Form != apd.Finite {
		return "", errors.New("not finite")
	}
	ctx := apd.Context{Precision: 5000, Rounding: apd.RoundHalfUp, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent}
	var r apd.Decimal
	if _, err := ctx.Quantize(&r, d, -int32(decimals)); err != nil {
		return "", err
	}
	if r.IsZero() {
		r.Negative = false
	}
	return r.Text('f'), nil
}

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringMatching(`-?[0-9]{1,28}(\.[0-9]{1,12})?([eE][-+]?[0-9])?`).Draw(r, "value")
		decimals := rapid.IntRange(1, 9).Draw(r, "decimals")
		f := crosswalk.Field{Name: "Field", Type: crosswalk.FieldCurrency, Decimals: decimals}
		got, reject := mapOne(t, f, crosswalk.FieldMapping{Source: "decimal", Target: "Field"}, value)
		if reject != nil {
			if reject.Code != crosswalk.RejectNumberRange {
				r.Fatalf("%s is refused: %s", value, reject.Message)
			}
			if want, err := rounded(value, decimals); err == nil && len(want) < 38 {
				r.Fatalf("%s is refused as too large", value)
			}
			return
		}
		want, err := rounded(value, decimals)
		if err != nil {
			r.Fatal(err)
		}
		if got != want {
			r.Fatalf("%s with %d decimals: got %s, want %s", value, decimals, got, want)
		}
	})
}

// everything maps every attribute in every way it can be mapped.
func everything(t testing.TB) *mapping.Plan {
	t.Helper()
	o := object()
	m := keyed()
	types := []crosswalk.FieldType{
		crosswalk.FieldString, crosswalk.FieldRichText, crosswalk.FieldNumber, crosswalk.FieldCurrency, crosswalk.FieldBoolean,
		crosswalk.FieldDate, crosswalk.FieldDateTime, crosswalk.FieldEmail, crosswalk.FieldURL, crosswalk.FieldDropdown, crosswalk.FieldMultiSelect,
	}
	for _, a := range attributes() {
		for i, ft := range types {
			f := crosswalk.Field{Name: a.LogicalName + strconv.Itoa(i), Type: ft}
			switch ft {
			case crosswalk.FieldCurrency:
				f.Decimals = 2
			case crosswalk.FieldString:
				f.MaxLength = 40
			}
			fm := crosswalk.FieldMapping{Source: a.LogicalName, Target: f.Name}
			if ft == crosswalk.FieldString && i%2 == 0 {
				fm.OnTooLong = crosswalk.LengthTruncate
			}
			if _, err := compile(object(f), keyed(fm), crosswalk.Filter{}); err == nil {
				o.Fields = append(o.Fields, f)
				m.Fields = append(m.Fields, fm)
			}
		}
	}
	plan, err := compile(o, m, crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestEveryRecordIsARowOrAReject maps batches of random records, valid for
// their types or not, into a batch that is used again and again.
func TestEveryRecordIsARowOrAReject(t *testing.T) {
	t.Parallel()
	plan := everything(t)
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[a-z]{1,9}@[a-z]{1,9}\.com`),
		rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,5})?`),
		rapid.StringMatching(`(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]Z?)?`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(r *rapid.T) {
		src.Reset()
		dst.Reset()
		n := rapid.IntRange(0, 8).Draw(r, "records")
		for range n {
			for i := range src.Columns {
				c := &src.Columns[i]
				if rapid.IntRange(0, 9).Draw(r, "null") == 0 {
					c.AppendNull()
					continue
				}
				switch c.Kind {
				case column.Text:
					c.AppendBytes([]byte(text.Draw(r, c.Name)))
				case column.Decimal:
					c.AppendBytes([]byte(rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,10})?`).Draw(r, c.Name)))
				case column.Bool:
					c.AppendBool(rapid.Bool().Draw(r, c.Name))
				case column.GUID:
					c.AppendGUID([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, c.Name)))
				case column.Date:
					c.AppendInt(rapid.Int64Range(-719162, 2932896).Draw(r, c.Name))
				case column.Time:
					c.AppendInt(rapid.Int64Range(-62135596800, 253402300799).Draw(r, c.Name) * 1e6)
				default:
					c.AppendInt(rapid.Int64().Draw(r, c.Name))
				}
			}
			src.EndRow()
		}
		rejects, _ := plan.Apply(src, dst, nil)
		if dst.Rows()+len(rejects) != n {
			r.Fatalf("%d records became %d rows and %d rejects", n, dst.Rows(), len(rejects))
		}
		for i := range dst.Columns {
			c := &dst.Columns[i]
			if len(c.Valid) != dst.Rows() {
				r.Fatalf("%s has %d values in %d rows", c.Name, len(c.Valid), dst.Rows())
			}
			if (c.Kind == column.Text || c.Kind == column.Decimal) && dst.Rows() > 0 && c.Ends[dst.Rows()-1] != len(c.Data) {
				r.Fatalf("%s keeps bytes that belong to no row", c.Name)
			}
			for row := range dst.Rows() {
				if c.Kind == column.Text && (!utf8.Valid(c.Bytes(row)) || bytes.IndexByte(c.Bytes(row), 0) >= 0) {
					r.Fatalf("%s row %d cannot be stored: %q", c.Name, row, c.Bytes(row))
				}
			}
		}
		for _, reject := range rejects {
			if reject.Code == "" || reject.Message == "" || !utf8.ValidString(reject.Message+reject.Value+reject.Record) {
				r.Fatalf("reject cannot be shown: %+v", reject)
			}
		}
	})
}

// FuzzText maps a text into a field of every type that takes texts and
// compares with what the standard library and apd make of it.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", " 12.50 ", "-1e-7", "2024-02-29", "2024-02-29T23:59:60Z", "ada@contoso.com", "https://contoso.com:1/a?b", "\xff", "a\x00", "1e999999999999"} {
		f.Add(s)
	}
	types := []crosswalk.FieldType{
		crosswalk.FieldString, crosswalk.FieldNumber, crosswalk.FieldCurrency, crosswalk.FieldDate, crosswalk.FieldDateTime, crosswalk.FieldEmail, crosswalk.FieldURL,
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, ft := range types {
			field := crosswalk.Field{Name: "Field", Type: ft}
			if ft == crosswalk.FieldCurrency {
				field.Decimals = 2
			}
			got, reject := mapOne(t, field, crosswalk.FieldMapping{Source: "string", Target: "Field"}, s)
			trimmed := string(bytes.TrimSpace([]byte(s)))
			switch ft {
			case crosswalk.FieldNumber, crosswalk.FieldCurrency:
				if reject != nil || got == "null" {
					break
				}
				if want, err := rounded(trimmed, field.Decimals); err == nil && want != got {
					t.Errorf("%q as %s: got %s, want %s", s, ft, got, want)
				}
			case crosswalk.FieldDateTime:
				m, err := time.Parse(time.RFC3339, trimmed)
				if err != nil || m.Year() < 1 || len(trimmed) != len("2006-01-02T15:04:05Z") {
					break
				}
				if want := m.UTC().Format(time.RFC3339); reject != nil || got != want {
					t.Errorf("%q as a moment: got %s, want %s", s, got, want)
				}
			case crosswalk.FieldDate:
				_, err := time.Parse(time.DateOnly, trimmed)
				if err == nil && got != trimmed && trimmed[:4] != "0000" {
					t.Errorf("%q as a day: got %s", s, got)
				}
			case crosswalk.FieldString:
				storable := utf8.ValidString(s) && !slices.Contains([]byte(s), 0)
				if storable != (reject == nil) {
					t.Errorf("%q as text: %v", s, reject)
				}
			}
		}
	})
}

// TestApplyAllocatesNothing guards what keeps memory flat in the number of
// records.
func TestApplyAllocatesNothing(t *testing.T) {
	plan, err := compile(object(
		crosswalk.Field{Name: "Name", Type: crosswalk.FieldString, MaxLength: 100},
		crosswalk.Field{Name: "Email", Type: crosswalk.FieldEmail},
		crosswalk.Field{Name: "Site", Type: crosswalk.FieldURL},
		crosswalk.Field{Name: "Revenue", Type: crosswalk.FieldCurrency, Decimals: 2},
		crosswalk.Field{Name: "Whole", Type: crosswalk.FieldNumber},
		crosswalk.Field{Name: "Status", Type: crosswalk.FieldDropdown},
		crosswalk.Field{Name: "Hobbies", Type: crosswalk.FieldMultiSelect},
		crosswalk.Field{Name: "Since", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "At", Type: crosswalk.FieldString},
		crosswalk.Field{Name: "Owner", Type: crosswalk.FieldString},
	), keyed(
		crosswalk.FieldMapping{Source: "string", Target: "Name"},
		crosswalk.FieldMapping{Source: "memo", Target: "Email"},
		crosswalk.FieldMapping{Source: "entityname", Target: "Site"},
		crosswalk.FieldMapping{Source: "money", Target: "Revenue"},
		crosswalk.FieldMapping{Source: "decimal", Target: "Whole"},
		crosswalk.FieldMapping{Source: "choice", Target: "Status"},
		crosswalk.FieldMapping{Source: "multi", Target: "Hobbies"},
		crosswalk.FieldMapping{Source: "moment", Target: "Since"},
		crosswalk.FieldMapping{Source: "wall", Target: "At"},
		crosswalk.FieldMapping{Source: "owner", Target: "Owner"},
	), crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for range 100 {
		for i, v := range []any{
			key, "Litware, Inc. (Beispiel) für alle", "someone@example.com", "http://www.litware.example/", "20000.0050", "12.5", 9, "1,9",
			"2023-04-07T21:59:01Z", "2023-04-07T21:59:01Z", key,
		} {
			put(t, &src.Columns[i], v)
		}
		src.EndRow()
	}
	plan.Apply(src, dst, nil) // grows the batch
	if dst.Rows() != 100 {
		t.Fatalf("%d of 100 records became rows", dst.Rows())
	}
	allocs := testing.AllocsPerRun(20, func() {
		dst.Reset()
		plan.Apply(src, dst, nil)
	})
	if allocs != 0 {
		t.Errorf("%v allocations for 100 records, want none", allocs)
	}
}

// FuzzFilterValue shows that no text can leave its quotes: whatever the value
// is, $filter is one comparison with exactly that text.
func FuzzFilterValue(f *testing.F) {
	for _, s := range []string{"", "O'Brien", "' or 1 eq 1 or x eq '", `\"`, "''''", "a\nb", "50%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plan, err := compile(object(), keyed(), crosswalk.Filter{Conditions: []crosswalk.Condition{
			{Attribute: "string", Operator: crosswalk.Equal, Values: []string{s}},
		}})
		if err != nil {
			if utf8.ValidString(s) && !slices.Contains([]byte(s), 0) {
				t.Errorf("%q is refused: %v", s, err)
			}
			return
		}
		if plan.Filter == "" {
			if s != "" && !strings.ContainsAny(s, "%_[]") && len(s) < 5_000 {
				t.Errorf("%q is not left to the server", s)
			}
			return
		}
		got, err := odata.ParseFilter(plan.Filter, nil)
		if err != nil {
			t.Fatalf("%s: %v", plan.Filter, err)
		}
		want := &odata.Comparison{Op: odata.Eq, Left: odata.Path{"string"}, Right: odata.Literal{Kind: odata.StringLiteral, Text: s}}
		if diff := cmp.Diff(odata.Expr(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", plan.Filter, diff)
		}
	})
}
