package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// problems returns the problems of an error as "path: message".
func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *crosswalk.Error
	if !errors.As(err, &e) || e.Code != crosswalk.CodeInvalid {
		t.Fatalf("got error %v, want one of CodeInvalid", err)
	}
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Field+": "+f.Message)
	}
	return all
}

func TestCompileProblems(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", DisplayName: "Full Name", Type: crosswalk.FieldString},
		crosswalk.Field{Name: "Email", DisplayName: "E-mail", Type: crosswalk.FieldEmail},
		crosswalk.Field{Name: "Notes", Type: crosswalk.FieldRichText},
		crosswalk.Field{Name: "Since", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "Active", Type: crosswalk.FieldBoolean},
		crosswalk.Field{Name: "Parent", Type: crosswalk.FieldLookup, Lookup: "Target"},
	)
	required := object(crosswalk.Field{Name: "Name", DisplayName: "Full Name", Type: crosswalk.FieldString, Required: true})
	seven := object()
	var sevenRows []crosswalk.FieldMapping
	for i := range 7 {
		name := fmt.Sprintf("F%d", i)
		seven.Fields = append(seven.Fields, crosswalk.Field{Name: name, Type: crosswalk.FieldString})
		sevenRows = append(sevenRows, crosswalk.FieldMapping{Source: "string", Target: name, Identifier: true})
	}
	tests := []struct {
		name   string
		object *crosswalk.Object
		rows   []crosswalk.FieldMapping
		want   []string
	}{
		{"nothing", o, nil, []string{"mapping.fields: Nothing is mapped yet."}},
		{"no identifier", o, []crosswalk.FieldMapping{{Source: "string", Target: "Name"}}, []string{
			"mapping.fields: No row is an identifier, so no record could be found again.",
		}},
		{"seven identifiers", seven, sevenRows, []string{"mapping.fields: 7 rows are identifiers; at most 6 can be."}},
		{"required", required, keyed().Fields, []string{"mapping.fields: Full Name is required and nothing fills it."}},
		{"all at once", o, keyed(
			crosswalk.FieldMapping{},
			crosswalk.FieldMapping{Source: "gone", Target: "Gone"},
			crosswalk.FieldMapping{Source: "image", Target: "GSID"},
			crosswalk.FieldMapping{Source: "string", Target: "Name", Label: true, Negate: true},
			crosswalk.FieldMapping{Source: "memo", Target: "Name", OnNull: "never", OnTooLong: "explode"},
			crosswalk.FieldMapping{Source: "memo", Target: "Email", OnTooLong: crosswalk.LengthTruncate},
			crosswalk.FieldMapping{Source: "memo", Target: "Notes", Identifier: true},
			crosswalk.FieldMapping{Source: "choice", Target: "Since", Label: true},
			crosswalk.FieldMapping{Source: "boolean", Target: "Active", Label: true},
			crosswalk.FieldMapping{Source: "lookup", Target: "Parent"},
		).Fields, []string{
			"mapping.fields[1].source: Choose the attribute to read.",
			"mapping.fields[1].target: Choose the field to fill.",
			`mapping.fields[2].source: Thing has no attribute "gone" that can be read.`,
			`mapping.fields[2].target: Target has no field "Gone".`,
			"mapping.fields[3].source: Image (image) is of a type that cannot be read.",
			"mapping.fields[3].target: GSID is filled by Crosswalk itself.",
			"mapping.fields[4].label: String (String) has no labels.",
			"mapping.fields[4].negate: Only a Boolean can be inverted; String is of type String.",
			"mapping.fields[5].target: Full Name is already filled by row 5.",
			`mapping.fields[5].on_null: "never" is no way to treat empty values.`,
			`mapping.fields[5].on_too_long: "explode" is no way to treat long texts.`,
			"mapping.fields[6].on_too_long: E-mail holds addresses, which lead nowhere when they are cut.",
			"mapping.fields[7].identifier: Notes (RichText) cannot identify a row.",
			"mapping.fields[8].target: The label of Choice (Choice) cannot fill Since (Date).",
			"mapping.fields[9].target: The label of Boolean (Boolean) cannot fill Active (Boolean).",
			"mapping.fields[10].target: Lookup (Lookup) cannot fill Parent (Lookup).",
		}},
		{"cut identifier", o, []crosswalk.FieldMapping{{Source: "string", Target: "Name", Identifier: true, OnTooLong: crosswalk.LengthTruncate}}, []string{
			"mapping.fields[0].on_too_long: Full Name is an identifier and cannot be cut: different records could become one.",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan, err := compile(tt.object, crosswalk.Mapping{Fields: tt.rows}, crosswalk.Filter{})
			if plan != nil {
				t.Error("there is a plan in spite of problems")
			}
			if diff := cmp.Diff(tt.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	cond := func(attribute string, op crosswalk.Comparison, values ...string) crosswalk.Condition {
		return crosswalk.Condition{Attribute: attribute, Operator: op, Values: values}
	}
	tests := []struct {
		conditions []crosswalk.Condition
		want       string   // $filter
		problems   []string // or what is wrong
	}{
		{nil, "", nil},
		{[]crosswalk.Condition{cond("lookup", crosswalk.IsNull), cond("choice", crosswalk.NotEqual, "3")}, "_lookup_value eq null and choice ne 3", nil},
		{[]crosswalk.Condition{cond("string", crosswalk.Equal, "O'Brien & 'Sons'")}, "string eq 'O''Brien & ''Sons'''", nil},
		{[]crosswalk.Condition{cond("string", crosswalk.Equal, "x' or 1 eq 1 or y eq '")}, "string eq 'x'' or 1 eq 1 or y eq '''", nil},
		{[]crosswalk.Condition{cond("memo", crosswalk.Contains, "a"), cond("memo", crosswalk.StartsWith, "b"), cond("memo", crosswalk.EndsWith, "")}, "contains(memo,'a') and startswith(memo,'b') and endswith(memo,'')", nil},
		{[]crosswalk.Condition{cond("string", crosswalk.In, "a", "b & <c>")}, `Microsoft.Dynamics.CRM.In(PropertyName='string',PropertyValues=["a","b & <c>"])`, nil},
		{[]crosswalk.Condition{cond("string", crosswalk.In, "a", `"b'`)}, `(string eq 'a' or string eq '"b''')`, nil},
		{[]crosswalk.Condition{cond("integer", crosswalk.In, "007", "-1")}, `Microsoft.Dynamics.CRM.In(PropertyName='integer',PropertyValues=["7","-1"])`, nil},
		{[]crosswalk.Condition{cond("thingid", crosswalk.In, "{"+strings.ToUpper(key)+"}")}, `Microsoft.Dynamics.CRM.In(PropertyName='thingid',PropertyValues=["` + key + `"])`, nil},
		{[]crosswalk.Condition{cond("owner", crosswalk.In, key, key)}, "(_owner_value eq " + key + " or _owner_value eq " + key + ")", nil},
		{[]crosswalk.Condition{cond("customer", crosswalk.Equal, strings.ToUpper(key))}, "_customer_value eq " + key, nil},
		{[]crosswalk.Condition{cond("money", crosswalk.GreaterOrEqual, "1e3"), cond("decimal", crosswalk.Less, "-0.50")}, "money ge 1000 and decimal lt -0.50", nil},
		{[]crosswalk.Condition{cond("bigint", crosswalk.Greater, "9223372036854775807")}, "bigint gt 9223372036854775807", nil},
		{[]crosswalk.Condition{cond("boolean", crosswalk.Equal, "false")}, "boolean eq false", nil},
		{[]crosswalk.Condition{cond("day", crosswalk.LessOrEqual, "1990-01-01")}, "day le 1990-01-01", nil},
		{[]crosswalk.Condition{cond("moment", crosswalk.GreaterOrEqual, "2024-01-01"), cond("wall", crosswalk.Less, "2024-01-01T02:00:00+03:00")}, "moment ge 2024-01-01T00:00:00Z and wall lt 2023-12-31T23:00:00Z", nil},
		{[]crosswalk.Condition{cond("multi", crosswalk.Contains, "1", "9"), cond("multi", crosswalk.IsNotNull)}, `Microsoft.Dynamics.CRM.ContainValues(PropertyName='multi',PropertyValues=["1","9"]) and multi ne null`, nil},
		{[]crosswalk.Condition{
			cond("", crosswalk.IsNull),
			cond("gone", crosswalk.IsNull),
			cond("image", crosswalk.IsNull),
			cond("string", "like", "x"),
			cond("boolean", crosswalk.Greater, "true"),
			cond("string", crosswalk.Greater, "x"),
			cond("multi", crosswalk.Equal, "1"),
			cond("string", crosswalk.Equal),
			cond("string", crosswalk.Equal, "a", "b"),
			cond("string", crosswalk.IsNull, "a"),
			cond("integer", crosswalk.Equal, "2147483648"),
			cond("choice", crosswalk.In, "1", "Retail"),
			cond("money", crosswalk.Equal, "12,5"),
			cond("boolean", crosswalk.Equal, "yes"),
			cond("day", crosswalk.Equal, "2024-01-01T00:00:00Z"),
			cond("moment", crosswalk.Equal, "yesterday"),
			cond("owner", crosswalk.Equal, "me"),
			cond("multi", crosswalk.Contains, "Retail"),
			cond("string", crosswalk.Equal, "\x00"),
		}, "", []string{
			"filter.conditions[0].attribute: Choose the attribute to compare.",
			`filter.conditions[1].attribute: Thing has no attribute "gone" that can be read.`,
			"filter.conditions[2].attribute: Image (image) is of a type that cannot be compared.",
			`filter.conditions[3].operator: String (String) cannot be compared by "like".`,
			`filter.conditions[4].operator: Boolean (Boolean) cannot be compared by "gt".`,
			`filter.conditions[5].operator: String (String) cannot be compared by "gt".`,
			`filter.conditions[6].operator: Multi (MultiChoice) cannot be compared by "eq".`,
			"filter.conditions[7].values: Say what to compare String with.",
			"filter.conditions[8].values: This comparison takes one value, not 2.",
			"filter.conditions[9].values: This comparison takes no value.",
			`filter.conditions[10].values[0]: "2147483648" is no value of Integer (Integer).`,
			`filter.conditions[11].values[1]: "Retail" is no value of Choice (Choice).`,
			`filter.conditions[12].values[0]: "12,5" is no value of Money (Money).`,
			`filter.conditions[13].values[0]: "yes" is no value of Boolean (Boolean).`,
			`filter.conditions[14].values[0]: "2024-01-01T00:00:00Z" is no value of Day (DateTime).`,
			`filter.conditions[15].values[0]: "yesterday" is no value of Moment (DateTime).`,
			`filter.conditions[16].values[0]: "me" is no value of Owner (Owner).`,
			`filter.conditions[17].values[0]: "Retail" is no value of Multi (MultiChoice).`,
			`filter.conditions[18].values[0]: "\x00" is no value of String (String).`,
		}},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			plan, err := compile(object(), keyed(), crosswalk.Filter{Conditions: tt.conditions})
			if diff := cmp.Diff(tt.problems, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if err == nil {
				if diff := cmp.Diff(tt.want, plan.Filter); diff != "" {
					t.Errorf("$filter (-want +got):\n%s", diff)
				}
				if _, err := odata.ParseFilter(plan.Filter, nil); err != nil && plan.Filter != "" {
					t.Errorf("$filter is no filter: %v", err)
				}
			}
		})
	}
}
