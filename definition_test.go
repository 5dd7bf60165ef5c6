package crosswalk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestNewObject(t *testing.T) {
	t.Parallel()
	others := crosswalk.StandardObjects()
	many := func(n int) []crosswalk.FieldDefinition {
		var out []crosswalk.FieldDefinition
		for i := range n {
			out = append(out, crosswalk.FieldDefinition{DisplayName: fmt.Sprint("Field ", i), Type: crosswalk.FieldString})
		}
		return out
	}
	one := func(f crosswalk.FieldDefinition) crosswalk.ObjectDefinition {
		if f.DisplayName == "" {
			f.DisplayName = "Field"
		}
		return crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: []crosswalk.FieldDefinition{f}}
	}
	two := func(a, b string) crosswalk.ObjectDefinition {
		return crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: []crosswalk.FieldDefinition{
			{DisplayName: "A", Name: a, Type: crosswalk.FieldString}, {DisplayName: "B", Name: b, Type: crosswalk.FieldString},
		}}
	}
	for name, tt := range map[string]struct {
		in   crosswalk.ObjectDefinition
		want []string // places of the problems
	}{
		"a word of SQL":          {in: crosswalk.ObjectDefinition{DisplayName: "Select", Fields: many(3)}},
		"every word of SQL":      {in: crosswalk.ObjectDefinition{DisplayName: "Table", Fields: []crosswalk.FieldDefinition{{DisplayName: "Order", Type: "String"}, {DisplayName: "Group", Type: "Number"}, {DisplayName: "User", Type: "Lookup", Lookup: "User"}}}},
		"as many as allowed":     {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: many(crosswalk.MaxFields - 5)}},
		"too many":               {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: many(crosswalk.MaxFields)}, want: []string{"fields"}},
		"no name":                {in: crosswalk.ObjectDefinition{}, want: []string{"name", "display_name"}},
		"begins with a digit":    {in: crosswalk.ObjectDefinition{DisplayName: "1st"}, want: []string{"name", "display_name"}},
		"letters beyond ASCII":   {in: crosswalk.ObjectDefinition{DisplayName: "日本"}, want: []string{"name"}},
		"named by hand":          {in: crosswalk.ObjectDefinition{DisplayName: "日本", Name: "Japan__gc"}},
		"without __gc":           {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Name: "Thing"}, want: []string{"name"}},
		"nothing but __gc":       {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Name: "__gc"}, want: []string{"name"}},
		"kept names":             {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Name: "PG_x__gc"}, want: []string{"name"}},
		"injection":              {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Name: `x"; DROP__gc`}, want: []string{"name"}},
		"display name taken":     {in: crosswalk.ObjectDefinition{DisplayName: "company", Name: "Other__gc"}, want: []string{"display_name"}},
		"long":                   {in: crosswalk.ObjectDefinition{DisplayName: strings.Repeat("x", 90)}, want: []string{"name"}},
		"clash in lower case":    {in: two("Thing__gc", "THING__gc"), want: []string{"fields[1].name"}},
		"same derived name":      {in: crosswalk.ObjectDefinition{DisplayName: "Thing", Fields: []crosswalk.FieldDefinition{{DisplayName: "A b", Type: "String"}, {DisplayName: "A-b", Type: "String"}}}, want: []string{"fields[1].name"}},
		"system's display name":  {in: one(crosswalk.FieldDefinition{DisplayName: "gsid", Type: "String"}), want: []string{"fields[0].display_name"}},
		"field without __gc":     {in: one(crosswalk.FieldDefinition{Name: "Mine", Type: "String"}), want: []string{"fields[0].name"}},
		"no type":                {in: one(crosswalk.FieldDefinition{}), want: []string{"fields[0].type"}},
		"type of the system":     {in: one(crosswalk.FieldDefinition{Type: "GSID"}), want: []string{"fields[0].type"}},
		"all that does not fit":  {in: one(crosswalk.FieldDefinition{Type: "Boolean", MaxLength: 3, Decimals: 2, Options: []string{"a"}, Lookup: "User", Unique: true}), want: []string{"fields[0].max_length", "fields[0].decimals", "fields[0].options", "fields[0].lookup", "fields[0].unique"}},
		"too many decimals":      {in: one(crosswalk.FieldDefinition{Type: "Number", Decimals: 10}), want: []string{"fields[0].decimals"}},
		"lookup to nothing":      {in: one(crosswalk.FieldDefinition{Type: "Lookup"}), want: []string{"fields[0].lookup"}},
		"lookup to nobody":       {in: one(crosswalk.FieldDefinition{Type: "Lookup", Lookup: "Nobody__gc"}), want: []string{"fields[0].lookup"}},
		"lookup to itself":       {in: one(crosswalk.FieldDefinition{Type: "Lookup", Lookup: "Thing__gc"})},
		"default of a lookup":    {in: one(crosswalk.FieldDefinition{Type: "Lookup", Lookup: "User", Default: crosswalk.NewID()}), want: []string{"fields[0].default"}},
		"default not an option":  {in: one(crosswalk.FieldDefinition{Type: "Dropdown", Options: []string{"a"}, Default: "b"}), want: []string{"fields[0].default"}},
		"default of unique":      {in: one(crosswalk.FieldDefinition{Type: "String", Unique: true, Default: "b"}), want: []string{"fields[0].default"}},
		"default does not fit":   {in: one(crosswalk.FieldDefinition{Type: "Number", Decimals: 1, Default: "1.25"}), want: []string{"fields[0].default"}},
		"default too long":       {in: one(crosswalk.FieldDefinition{Type: "String", MaxLength: 2, Default: "äöü"}), want: []string{"fields[0].default"}},
		"options twice and bare": {in: one(crosswalk.FieldDefinition{Type: "MultiSelect", Options: []string{"a", "A", "", "b;c"}}), want: []string{"fields[0].options", "fields[0].options", "fields[0].options"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := crosswalk.NewObject(tt.in, others)
			var got []string
			if err != nil {
				for _, f := range err.(*crosswalk.Error).Fields {
					got = append(got, f.Field)
				}
			} else if o.Field(crosswalk.GSIDField) == nil || !strings.HasSuffix(o.Name, "__gc") {
				t.Errorf("made %+v", o)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n%v", diff, err)
			}
		})
	}
}

func TestRedefineStandard(t *testing.T) {
	t.Parallel()
	others := crosswalk.StandardObjects()
	company := others[0]
	same, renamed, err := company.Redefine(company.Definition(), others)
	if diff := cmp.Diff(company, same); diff != "" || err != nil || len(renamed) > 0 {
		t.Fatalf("%v %s", err, diff)
	}
	for name, tt := range map[string]struct {
		change func(d *crosswalk.ObjectDefinition)
		want   string // place of the problem, "" for none
	}{
		"field of its own": {func(d *crosswalk.ObjectDefinition) {
			d.Fields = append(d.Fields, crosswalk.FieldDefinition{DisplayName: "Tier", Type: crosswalk.FieldDropdown})
		}, ""},
		"other display name": {func(d *crosswalk.ObjectDefinition) { d.DisplayName, d.Fields[5].DisplayName = "Account", "Full Name" }, ""},
		"removed": {func(d *crosswalk.ObjectDefinition) {
			d.Fields = slices.DeleteFunc(d.Fields, func(f crosswalk.FieldDefinition) bool { return f.Name == "ARR" })
		}, "fields"},
		"renamed":  {func(d *crosswalk.ObjectDefinition) { d.Fields[5].Name, d.Fields[5].RenamedFrom = "Title__gc", "Name" }, "fields[5].renamed_from"},
		"retyped":  {func(d *crosswalk.ObjectDefinition) { d.Fields[5].Type = crosswalk.FieldRichText }, "fields[5].type"},
		"shorter":  {func(d *crosswalk.ObjectDefinition) { d.Fields[5].MaxLength = 10 }, "fields[5].max_length"},
		"longer":   {func(d *crosswalk.ObjectDefinition) { d.Fields[5].MaxLength = 1000 }, ""},
		"API name": {func(d *crosswalk.ObjectDefinition) { d.Name = "Account" }, "name"},
	} {
		d := company.Definition()
		tt.change(&d)
		_, _, err := company.Redefine(d, others)
		got := ""
		if err != nil {
			got = err.(*crosswalk.Error).Fields[0].Field
		}
		if got != tt.want {
			t.Errorf("%s: got %v, want a problem at %q", name, err, tt.want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		f        crosswalk.Field
		in, want string // "" when refused
	}{
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "+007", "7"},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "-0.0", "0"},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "9223372036854775807", "9223372036854775807"},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "9223372036854775808", ""},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "1e400", ""},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "1.", ""},
		{crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: 2}, " 1.5 ", "1.50"},
		{crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: 2}, "1.505", ""},
		{crosswalk.Field{Type: crosswalk.FieldPercentage, Decimals: 2}, strings.Repeat("9", 37), ""},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, "YES", "true"},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, "0", "false"},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, "maybe", ""},
		{crosswalk.Field{Type: crosswalk.FieldDate}, "1753-01-01", "1753-01-01"},
		{crosswalk.Field{Type: crosswalk.FieldDate}, "2023-02-29", ""},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, "2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00.000Z"},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, "9999-12-31", "9999-12-31T00:00:00.000Z"},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, "9999-12-31T23:59:59-01:00", ""},
		{crosswalk.Field{Type: crosswalk.FieldEmail}, "ada@contoso.com", "ada@contoso.com"},
		{crosswalk.Field{Type: crosswalk.FieldEmail}, "ada", ""},
		{crosswalk.Field{Type: crosswalk.FieldURL}, "javascript:alert(1)", ""},
		{crosswalk.Field{Type: crosswalk.FieldString}, "a\x00b", ""},
		{crosswalk.Field{Type: crosswalk.FieldString}, "a\xffb", ""},
		{crosswalk.Field{Type: crosswalk.FieldString, MaxLength: 2}, "🦊🦊", "🦊🦊"},
		{crosswalk.Field{Type: crosswalk.FieldLookup, Lookup: "User"}, "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5d-ac96-774b-bcce-b302099a8057"},
		{crosswalk.Field{Type: crosswalk.FieldLookup, Lookup: "User"}, "01890A5DAC96774BBCCEB302099A8057", ""},
	} {
		got, err := tt.f.Normalize(tt.in)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s %q: got %q, %v, want %q", tt.f.Type, tt.in, got, err, tt.want)
		}
	}
}
