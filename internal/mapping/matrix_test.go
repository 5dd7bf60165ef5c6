package mapping_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// rejectsOfValues are the reasons for which a value alone can be refused.
var rejectsOfValues = []crosswalk.RejectCode{
	crosswalk.RejectTooLong, crosswalk.RejectNotAnEmail, crosswalk.RejectNotAURL, crosswalk.RejectNotANumber, crosswalk.RejectNotADate,
	crosswalk.RejectNumberRange, crosswalk.RejectRequiredEmpty, crosswalk.RejectIdentifierEmpty, crosswalk.RejectInvalidText,
	crosswalk.RejectMalformed, crosswalk.RejectUnknownOption,
}

// draw appends a random value of the column's kind, or a null.
func draw(r *rapid.T, c *column.Column) {
	if rapid.IntRange(0, 9).Draw(r, "null") == 0 {
		c.AppendNull()
		return
	}
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[A-Za-z]{1,9}@[a-z]{1,9}\.com`),
		rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,5})?([eE]-?[0-9]{1,3})?`),
		rapid.StringMatching(`(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]Z?)?`),
		rapid.StringMatching(`([0-9]{1,2},){0,3}[0-9]{1,2}`),
		rapid.SampledFrom([]string{"", " ", "RETAIL", "Fähre", "contoso.com", "\x00", "\xff", strings.Repeat("ü", 300)}),
	)
	switch c.Kind {
	case column.Text:
		c.AppendBytes([]byte(text.Draw(r, c.Name)))
	case column.Decimal:
		c.AppendBytes([]byte(rapid.StringMatching(`-?[0-9]{1,40}(\.[0-9]{1,10})?([eE]-?[0-9]{1,3})?`).Draw(r, c.Name)))
	case column.Bool:
		c.AppendBool(rapid.Bool().Draw(r, c.Name))
	case column.GUID:
		c.AppendGUID([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, c.Name)))
	case column.Date:
		c.AppendInt(rapid.Int64Range(-79258, 2932896).Draw(r, c.Name)) // 1753 to 9999
	case column.Time:
		c.AppendInt(rapid.Int64Range(-6847804800, 253402214400).Draw(r, c.Name) * 1e6)
	default:
		c.AppendInt(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 11)).Draw(r, c.Name))
	}
}

// drawField makes a field of that type with random constraints.
func drawField(r *rapid.T, t crosswalk.FieldType) crosswalk.Field {
	f := crosswalk.Field{Name: "Field", Type: t, Required: rapid.Bool().Draw(r, "required")}
	switch {
	case t.IsText():
		f.MaxLength = rapid.SampledFrom([]int{0, 3, 40}).Draw(r, "length")
	case t.IsNumber():
		f.Decimals = rapid.IntRange(0, 9).Draw(r, "decimals")
	}
	if t == crosswalk.FieldDropdown || t == crosswalk.FieldMultiSelect {
		f.MaxLength = rapid.SampledFrom([]int{0, 40}).Draw(r, "length of options")
		f.Options = rapid.SampledFrom([][]string{nil, {"Retail"}, {"Retail", "Fähre", "10"}}).Draw(r, "options")
	}
	return f
}

// TestEveryPair maps random values by a random row of every attribute and
// field type that can be saved together: each becomes a value that the field
// can hold, or a reject with one of the documented codes.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	types := crosswalk.FieldTypes()
	for _, a := range attributes() {
		for _, ft := range types {
			t.Run(a.LogicalName+" to "+string(ft), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(r *rapid.T) { everyPair(r, t, a, drawField(r, ft)) })
			})
		}
	}
}

func everyPair(r *rapid.T, t *testing.T, a crosswalk.Attribute, f crosswalk.Field) {
	fm := crosswalk.FieldMapping{
		Source: a.LogicalName, Target: f.Name,
		Label:     rapid.Bool().Draw(r, "label"),
		OnNull:    rapid.SampledFrom([]crosswalk.NullPolicy{"", crosswalk.NullKeep}).Draw(r, "on null"),
		OnTooLong: rapid.SampledFrom([]crosswalk.LengthPolicy{"", crosswalk.LengthTruncate}).Draw(r, "on too long"),
		OnUnknown: rapid.SampledFrom([]crosswalk.OptionPolicy{"", crosswalk.OptionReject, crosswalk.OptionNull}).Draw(r, "on unknown"),
	}
	fm.Fallback = rapid.SampledFrom([][]string{nil, {a.LogicalName}, {"string"}, {"choice", "memo"}}).Draw(r, "fall-back")
	plan, err := compile(object(f), keyed(fm), crosswalk.Filter{})
	if err != nil {
		if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			r.Fatal(err)
		}
		return
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for i := range src.Columns {
		if c := &src.Columns[i]; i == 0 {
			put(t, c, key)
		} else {
			draw(r, c)
		}
	}
	src.EndRow()
	rejects, skipped := plan.Apply(src, dst, nil)
	if dst.Rows()+len(rejects) != 1 || len(skipped) != 0 {
		r.Fatalf("%d rows, %d rejects and %d skipped of one record", dst.Rows(), len(rejects), len(skipped))
	}
	if len(rejects) == 1 {
		reject := rejects[0]
		if !slices.Contains(rejectsOfValues, reject.Code) || reject.Field != f.Name || reject.Message == "" || reject.SourceID != key ||
			!utf8.ValidString(reject.Message+reject.Value+reject.Record) {
			r.Fatalf("%+v", reject)
		}
		return
	}
	c := &dst.Columns[2]
	if !c.Valid[0] {
		if f.Required {
			r.Fatal("a required field is empty")
		}
		return
	}
	text := read(c, 0)
	if c.Kind == column.Text {
		text = string(c.Bytes(0))
	}
	normal, err := f.Normalize(text)
	if err != nil || normal != text && f.Type != crosswalk.FieldDateTime {
		r.Fatalf("the field cannot hold %q: %q, %v", text, normal, err)
	}
	options := f.Options
	for _, added := range plan.TakeOptions() {
		options = append(options[:len(options):len(options)], added.Labels...)
	}
	labels := []string{text}
	switch {
	case f.Type == crosswalk.FieldMultiSelect && text != "":
		labels = strings.Split(text, "; ")
	case f.Type != crosswalk.FieldDropdown:
		return
	}
	for _, label := range labels {
		if text != "" && !slices.Contains(options, label) {
			r.Fatalf("%q is not among the options %q", label, options)
		}
	}
	fresh := crosswalk.FieldDefinition{DisplayName: "Field", Type: f.Type, MaxLength: f.MaxLength, Options: options}
	if _, err := crosswalk.NewObject(crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: []crosswalk.FieldDefinition{fresh}}, nil); err != nil {
		r.Fatalf("an object cannot have these options: %v", err)
	}
}
