package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

func TestConvert(t *testing.T) {
	t.Parallel()
	text := func(n int) crosswalk.Field { return crosswalk.Field{Type: crosswalk.FieldString, MaxLength: n} }
	of := func(ft crosswalk.FieldType) crosswalk.Field { return crosswalk.Field{Type: ft} }
	dec := func(n int) crosswalk.Field { return crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: n} }
	cut := crosswalk.FieldMapping{OnTooLong: crosswalk.LengthTruncate}
	tests := []struct {
		name   string
		source string
		row    crosswalk.FieldMapping
		field  crosswalk.Field
		value  any
		want   string // or the code of the reject
	}{
		{"null", "string", crosswalk.FieldMapping{}, text(5), nil, "null"},
		{"empty text stays", "string", crosswalk.FieldMapping{}, text(5), "", `""`},
		{"spaces stay", "string", crosswalk.FieldMapping{}, text(5), " a ", `" a "`},
		{"as long as the field", "string", crosswalk.FieldMapping{}, text(5), "12345", `"12345"`},
		{"too long", "string", crosswalk.FieldMapping{}, text(5), "123456", "too_long"},
		{"characters, not bytes", "string", crosswalk.FieldMapping{}, text(5), "äöü😀€", `"äöü😀€"`},
		{"one character too long", "string", crosswalk.FieldMapping{}, text(5), "äöü😀€x", "too_long"},
		{"truncated", "string", cut, text(5), "äöü😀€xyz", `"äöü😀€"`},
		{"no limit", "memo", crosswalk.FieldMapping{}, of(crosswalk.FieldRichText), strings.Repeat("x", 3), `"xxx"`},
		{"line ends stay", "memo", crosswalk.FieldMapping{}, of(crosswalk.FieldRichText), "a\r\nb", `"a\r\nb"`},
		{"NUL", "string", crosswalk.FieldMapping{}, text(5), "a\x00b", "invalid_text"},
		{"not UTF-8", "string", crosswalk.FieldMapping{}, text(5), "a\xff", "invalid_text"},
		{"long label", "choice", crosswalk.FieldMapping{Label: true}, text(5), 1, "too_long"},
		{"label of an unknown option", "choice", crosswalk.FieldMapping{Label: true}, text(20), 100000001, `"100000001"`},
		{"no option at all", "multi", crosswalk.FieldMapping{Label: true}, text(50), "", `""`},
		{"options with spaces", "multi", crosswalk.FieldMapping{Label: true}, text(50), "1, 9", `"Retail; Fähre"`},
		{"options in another order", "multi", crosswalk.FieldMapping{Label: true}, text(50), "10,9,1", `"Retail; Fähre; 10"`},
		{"numbers of options in another order", "multi", crosswalk.FieldMapping{}, text(50), "10,9,1", `"1,9,10"`},
		{"options that are no numbers", "multi", crosswalk.FieldMapping{Label: true}, text(50), "1,x", "malformed"},
		{"GUID too long", "lookup", crosswalk.FieldMapping{}, text(10), key, "too_long"},

		{"inverted true", "boolean", crosswalk.FieldMapping{Negate: true}, of(crosswalk.FieldBoolean), true, "false"},
		{"inverted false", "boolean", crosswalk.FieldMapping{Negate: true}, of(crosswalk.FieldBoolean), false, "true"},
		{"inverted null", "boolean", crosswalk.FieldMapping{Negate: true}, of(crosswalk.FieldBoolean), nil, "null"},
		{"inverted number", "boolean", crosswalk.FieldMapping{Negate: true}, of(crosswalk.FieldNumber), true, "0"},
		{"inverted label", "boolean", crosswalk.FieldMapping{Negate: true}, text(10), true, `"Nein"`},

		{"half away from zero", "decimal", crosswalk.FieldMapping{}, dec(2), "0.005", "0.01"},
		{"half away from zero below", "decimal", crosswalk.FieldMapping{}, dec(2), "-0.005", "-0.01"},
		{"just below half", "decimal", crosswalk.FieldMapping{}, dec(2), "0.00499999999999999999999", "0.00"},
		{"no minus before zero", "decimal", crosswalk.FieldMapping{}, dec(2), "-0.001", "0.00"},
		{"carry", "decimal", crosswalk.FieldMapping{}, dec(2), "999.995", "1000.00"},
		{"carry from zero", "decimal", crosswalk.FieldMapping{}, dec(1), "0.95", "1.0"},
		{"zeros in front", "string", crosswalk.FieldMapping{}, dec(1), "007.50", "7.5"},
		{"beyond a float", "money", crosswalk.FieldMapping{}, dec(4), "922337203685477.5807", "922337203685477.5807"},
		{"small exponent", "double", crosswalk.FieldMapping{}, dec(2), "1E-400", "0.00"},
		{"exponent", "double", crosswalk.FieldMapping{}, dec(2), "1.2345E+3", "1234.50"},
		{"exponent of zero", "double", crosswalk.FieldMapping{}, dec(2), "0e99999999999", "0.00"},
		{"38 digits", "decimal", crosswalk.FieldMapping{}, dec(1), strings.Repeat("9", 37), strings.Repeat("9", 37) + ".0"},
		{"39 digits", "decimal", crosswalk.FieldMapping{}, dec(1), strings.Repeat("9", 38), "number_range"},
		{"huge", "double", crosswalk.FieldMapping{}, dec(2), "1e400", "number_range"},
		{"largest int64", "decimal", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "9223372036854775807.4", "9223372036854775807"},
		{"smallest int64", "decimal", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "-9223372036854775808", "-9223372036854775808"},
		{"rounded beyond int64", "decimal", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "9223372036854775807.5", "number_range"},
		{"rounded beyond 38 digits", "decimal", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), strings.Repeat("9", 38) + ".5", "number_range"},
		{"number as text", "decimal", crosswalk.FieldMapping{}, text(20), "-1.500", `"-1.500"`},
		{"exponent as text", "double", crosswalk.FieldMapping{}, text(20), "1.5E-05", `"0.000015"`},
		{"number as text too long", "integer", crosswalk.FieldMapping{}, text(2), 123, "too_long"},
		{"no number from JSON", "decimal", crosswalk.FieldMapping{}, dec(2), "NaN", "malformed"},
		{"text to number", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), " +42 ", "42"},
		{"text with grouping", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "1,000", "not_a_number"},
		{"text with two points", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "1.2.3", "not_a_number"},
		{"a point alone", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), ".", "not_a_number"},
		{"a sign alone", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "-", "not_a_number"},
		{"half an exponent", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), "1e+", "not_a_number"},
		{"empty text to number", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldNumber), " ", "null"},

		{"a day before 1970", "day", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "1753-01-01", "1753-01-01"},
		{"midnight", "moment", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "2024-03-01T00:00:00Z", "2024-03-01"},
		{"just before midnight in 1910", "moment", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "1910-03-01T23:59:59Z", "1910-03-01"},
		{"a wall day as text", "wall", crosswalk.FieldMapping{}, text(30), "2024-03-01T08:00:00.5Z", `"2024-03-01T08:00:00.5"`},
		{"text to day keeps the day as written", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "2024-03-01T23:00:00-05:00", "2024-03-01"},
		{"text to moment", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDateTime), "2024-03-01 23:00 -0530", "2024-03-02T04:30:00Z"},
		{"text without an offset", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDateTime), "2024-03-01T23:00:00.123456789", "2024-03-01T23:00:00.123456Z"},
		{"day to moment from text", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDateTime), "0001-01-01", "0001-01-01T00:00:00Z"},
		{"ambiguous date", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "01/02/2024", "not_a_date"},
		{"no such day", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "2023-02-29", "not_a_date"},
		{"no such hour", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDateTime), "2023-02-28T24:00", "not_a_date"},
		{"year zero", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "0000-01-01", "not_a_date"},
		{"text behind a date", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "2024-01-01x", "not_a_date"},
		{"empty text to date", "string", crosswalk.FieldMapping{}, of(crosswalk.FieldDate), "", "null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.field.Name, tt.row.Target, tt.row.Source = "Field", "Field", tt.source
			got, reject := mapOne(t, tt.field, tt.row, tt.value)
			if reject != nil {
				got = string(reject.Code)
			}
			if got != tt.want {
				t.Errorf("%v: got %s, want %s", tt.value, got, tt.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, ft crosswalk.FieldType, code crosswalk.RejectCode, good, bad []string) {
		f := crosswalk.Field{Name: "Field", Type: ft}
		fm := crosswalk.FieldMapping{Source: "string", Target: "Field"}
		for _, s := range good {
			if _, reject := mapOne(t, f, fm, s); reject != nil {
				t.Errorf("%q is refused: %s", s, reject.Message)
			}
		}
		for _, s := range bad {
			if _, reject := mapOne(t, f, fm, s); reject == nil || reject.Code != code {
				t.Errorf("%q: got %v, want %s", s, reject, code)
			}
		}
	}
	t.Run("email", func(t *testing.T) {
		t.Parallel()
		check(t, crosswalk.FieldEmail, crosswalk.RejectNotAnEmail,
			[]string{"", "ada@contoso.com", "a.b+c@sub.contoso.co.uk", "o'hara@contoso.com", "jörg@müller.example", "x_y..z@contoso.com", "a@x-y.de"},
			[]string{
				"ada", "ada@", "@contoso.com", "ada@contoso", "ada@contoso..com", "ada@-contoso.com", "ada@contoso-.com",
				"Ada <ada@contoso.com>", "ada@contoso.com ", "a b@contoso.com", "ada@contoso.com,bob@contoso.com", "ada@@contoso.com", "n/a",
				strings.Repeat("a", 65) + "@contoso.com", "a@" + strings.Repeat("a.", 130) + "com",
			})
	})
	t.Run("url", func(t *testing.T) {
		t.Parallel()
		check(t, crosswalk.FieldURL, crosswalk.RejectNotAURL,
			[]string{
				"", "https://contoso.com", "HTTP://www.contoso.com/a?b=c#d", "www.contoso.com", "contoso.com/path", "http://localhost:8080/",
				"http://[2001:db8::1]:80/", "https://user@contoso.com/", "https://müller.example/ü", "contoso.com:443",
			},
			[]string{
				"contoso", "javascript:alert(1)", "ftp://contoso.com", "mailto:ada@contoso.com", "ada@contoso.com", "https://", "https:///x",
				"http://contoso .com", "http://contoso.com/<x>", "http://contoso.com:port/", "http://[::1", "http://[zz::1]/", "not a url", "//contoso.com", "http://a..b/",
			})
	})
}

func TestRejects(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", DisplayName: "Full Name", Type: crosswalk.FieldString, MaxLength: 5, Required: true},
		crosswalk.Field{Name: "Email", DisplayName: "E-mail", Type: crosswalk.FieldEmail},
	)
	m := crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
		{Source: "string", Target: "Key", Identifier: true},
		{Source: "memo", Target: "Name"},
		{Source: "entityname", Target: "Email"},
	}}
	plan, err := compile(o, m, crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	long := strings.Repeat("é", 2000)
	for _, row := range [][]any{
		{key, "k1", "Ada", "ada@contoso.com"},
		{key, "", "Ada", nil},
		{key, nil, "Ada", nil},
		{key, "k2", "", nil},
		{key, "k3", nil, nil},
		{key, "k4", long, nil},
		{key, "k5", "Bob", "b\"o\x01b"},
		{key, "k6", "Bob\x00", nil},
		{nil, "k7", "Bob", nil},
		{key, "k8", "Bob", nil},
	} {
		for i, v := range row {
			put(t, &src.Columns[i], v)
		}
		src.EndRow()
	}
	rejects, _ := plan.Apply(src, dst, []crosswalk.Reject{{SourceID: "kept"}})
	record := func(k, name, email string) string {
		return `{"thingid":"` + key + `","string":` + k + `,"memo":` + name + `,"entityname":` + email + `}`
	}
	const noKey = "Key is an identifier and the record has no value for it, so its row cannot be found."
	const noName = "Full Name is required and the record has no value for it."
	want := []crosswalk.Reject{
		{SourceID: "kept"},
		{SourceID: key, Field: "Key", Code: crosswalk.RejectIdentifierEmpty, Message: noKey, Record: record(`""`, `"Ada"`, "null")},
		{SourceID: key, Field: "Key", Code: crosswalk.RejectIdentifierEmpty, Message: noKey, Record: record("null", `"Ada"`, "null")},
		{SourceID: key, Field: "Name", Code: crosswalk.RejectRequiredEmpty, Message: noName, Record: record(`"k2"`, `""`, "null")},
		{SourceID: key, Field: "Name", Code: crosswalk.RejectRequiredEmpty, Message: noName, Record: record(`"k3"`, "null", "null")},
		{
			SourceID: key, Field: "Name", Code: crosswalk.RejectTooLong, Value: strings.Repeat("é", 1000), Record: record(`"k4"`, `"`+long+`"`, "null"),
			Message: `Full Name takes 5 characters at most and the value is longer: "` + strings.Repeat("é", 80) + `".`,
		},
		{
			SourceID: key, Field: "Email", Code: crosswalk.RejectNotAnEmail, Value: "b\"o\x01b", Record: record(`"k5"`, `"Bob"`, `"b\"o\u0001b"`),
			Message: `E-mail: "b\"o\x01b" is not an e-mail address.`,
		},
		{
			SourceID: key, Field: "Name", Code: crosswalk.RejectInvalidText, Value: "Bob␀", Record: record(`"k6"`, `"Bob\u0000"`, "null"),
			Message: `Full Name: the text holds a character that cannot be stored: "Bob␀".`,
		},
		{Code: crosswalk.RejectMalformed, Message: "The record has no key (thingid).", Record: strings.Replace(record(`"k7"`, `"Bob"`, "null"), `"`+key+`"`, "null", 1)},
	}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	var rows []string
	for i := range dst.Rows() {
		rows = append(rows, mapping.Record(dst, i))
	}
	wantRows := []string{
		`{"source_id":"` + key + `","Key":"k1","Name":"Ada","Email":"ada@contoso.com"}`,
		`{"source_id":"` + key + `","Key":"k8","Name":"Bob","Email":null}`,
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRecordOfEveryKind(t *testing.T) {
	t.Parallel()
	var m crosswalk.Mapping
	o := object()
	for i, a := range attributes() {
		if a.Type == crosswalk.AttributeOther {
			continue
		}
		name := "F" + string(rune('A'+i))
		o.Fields = append(o.Fields, crosswalk.Field{Name: name, Type: crosswalk.FieldString})
		m.Fields = append(m.Fields, crosswalk.FieldMapping{Source: a.LogicalName, Target: name, Identifier: i == 0})
	}
	plan, err := compile(o, m, crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	src := plan.NewSourceBatch()
	values := []any{
		key, "<&>\u2028", "\xff", "account", 7, int64(1) << 60, "20000.0000", "1E5", "x", true, false,
		"2024-03-01T08:00:00Z", "1900-01-01T00:00:00.25Z", "1899-12-31", key, nil, nil, 1, 0, nil, "1,9",
	}
	for i, v := range values {
		put(t, &src.Columns[i], v)
	}
	src.EndRow()
	want := `{"thingid":"` + key + `","string":"<&>\u2028","memo":"\ufffd","entityname":"account","integer":7,"bigint":1152921504606846976,` +
		`"decimal":20000.0000,"double":1E5,"money":"x","boolean":true,"bare":false,"moment":"2024-03-01T08:00:00Z","wall":"1900-01-01T00:00:00.25Z",` +
		`"day":"1899-12-31","_lookup_value":"` + key + `","_customer_value":null,"_owner_value":null,"choice":1,"state":0,"status":null,"multi":"1,9"}`
	if diff := cmp.Diff(want, mapping.Record(src, 0)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", Type: crosswalk.FieldString, MaxLength: 100},
		crosswalk.Field{Name: "Short", Type: crosswalk.FieldString, MaxLength: 3},
		crosswalk.Field{Name: "Owner", Type: crosswalk.FieldString},
		crosswalk.Field{Name: "Value", Type: crosswalk.FieldCurrency, Decimals: 2},
	)
	plan, err := compile(o, keyed(
		crosswalk.FieldMapping{Source: "string", Target: "Name", OnNull: crosswalk.NullKeep},
		crosswalk.FieldMapping{Source: "string", Target: "Short", OnTooLong: crosswalk.LengthTruncate},
		crosswalk.FieldMapping{Source: "owner", Target: "Owner"},
		crosswalk.FieldMapping{Source: "money", Target: "Value"},
	), crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "state", Operator: crosswalk.Equal, Values: []string{"1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range plan.Source {
		names = append(names, s.Name+" "+s.Kind.String())
	}
	for _, c := range plan.NewBatch().Columns {
		names = append(names, c.Name+" "+c.Kind.String())
	}
	want := []string{
		"thingid GUID", "string Text", "_owner_value GUID", "money Decimal",
		"source_id Text", "Key Text", "Name Text", "Short Text", "Owner Text", "Value Decimal",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	rest := mapping.Plan{Source: plan.Source, Select: []string{"thingid", "string", "_owner_value", "money"}, Filter: "state eq 1", Modified: -1, Target: []mapping.TargetColumn{
		{Field: o.Fields[1], Identifier: true},
		{Field: o.Fields[2], KeepOnNull: true},
		{Field: o.Fields[3]},
		{Field: o.Fields[4]},
		{Field: o.Fields[5], Kind: 1},
	}}
	if diff := cmp.Diff(rest, *plan, cmpopts.IgnoreUnexported(mapping.Plan{})); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}
