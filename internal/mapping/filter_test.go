package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func cond(attribute string, op crosswalk.Comparison, values ...string) crosswalk.Condition {
	return crosswalk.Condition{Attribute: attribute, Operator: op, Values: values}
}

// filtered compiles a filter over things.
func filtered(f crosswalk.Filter, tracked bool) (*mapping.Plan, error) {
	in := formulaInput()
	in.Object, in.Filter, in.Tracked = object(), f, tracked
	zone := in.Mapping.TimeZone
	in.Mapping = keyed()
	in.Mapping.TimeZone = zone
	return mapping.Compile(in)
}

func TestFilterText(t *testing.T) {
	t.Parallel()
	other := strings.Replace(key, "7", "8", 1)
	tests := []struct {
		conditions []crosswalk.Condition
		expression string
		want       string
	}{
		{nil, "", ""},
		{[]crosswalk.Condition{cond("lookup", crosswalk.IsNull), cond("choice", crosswalk.NotEqual, "3")}, "", "_lookup_value eq null and (choice ne 3 or choice eq null)"},
		{[]crosswalk.Condition{cond("string", crosswalk.Equal, "O'Brien & 'Sons'")}, "", "string eq 'O''Brien & ''Sons'''"},
		{[]crosswalk.Condition{cond("string", crosswalk.Equal, "x' or 1 eq 1 or y eq '")}, "", "string eq 'x'' or 1 eq 1 or y eq '''"},
		{[]crosswalk.Condition{cond("memo", crosswalk.Contains, "a"), cond("memo", crosswalk.StartsWith, "b"), cond("memo", crosswalk.EndsWith, " ")}, "", "contains(memo,'a') and startswith(memo,'b') and endswith(memo,' ')"},
		{[]crosswalk.Condition{cond("memo", crosswalk.NotContains, "a")}, "", "not contains(memo,'a') or memo eq null"},
		{[]crosswalk.Condition{cond("string", crosswalk.In, "a", "b & <c>")}, "", `Microsoft.Dynamics.CRM.In(PropertyName='string',PropertyValues=["a","b & <c>"])`},
		{[]crosswalk.Condition{cond("string", crosswalk.In, "a", `"b'`)}, "", `string eq 'a' or string eq '"b'''`},
		{[]crosswalk.Condition{cond("string", crosswalk.NotIn, "a", "b"), cond("state", crosswalk.Equal, "0")}, "", `(string ne 'a' and string ne 'b' or string eq null) and state eq 0`},
		{[]crosswalk.Condition{cond("integer", crosswalk.In, "007", "-1")}, "", `Microsoft.Dynamics.CRM.In(PropertyName='integer',PropertyValues=["7","-1"])`},
		{[]crosswalk.Condition{cond("thingid", crosswalk.In, "{"+strings.ToUpper(key)+"}")}, "", "thingid eq " + key},
		{[]crosswalk.Condition{cond("owner", crosswalk.In, key, other)}, "", "_owner_value eq " + key + " or _owner_value eq " + other},
		{[]crosswalk.Condition{cond("customer", crosswalk.Equal, strings.ToUpper(key))}, "", "_customer_value eq " + key},
		{[]crosswalk.Condition{cond("money", crosswalk.GreaterOrEqual, "1e3"), cond("decimal", crosswalk.Less, "-0.50")}, "", "money ge 1000 and decimal lt -0.50"},
		{[]crosswalk.Condition{cond("money", crosswalk.Between, "1", "2.5")}, "", "money ge 1 and money le 2.5"},
		{[]crosswalk.Condition{cond("bigint", crosswalk.Greater, "9223372036854775807")}, "", "bigint gt 9223372036854775807"},
		{[]crosswalk.Condition{cond("boolean", crosswalk.Equal, "false")}, "", "boolean eq false"},
		{[]crosswalk.Condition{cond("multi", crosswalk.Contains, "1", "9"), cond("multi", crosswalk.IsNotNull)}, "", `Microsoft.Dynamics.CRM.ContainValues(PropertyName='multi',PropertyValues=["1","9"]) and multi ne null`},
		{[]crosswalk.Condition{cond("multi", crosswalk.NotContains, "1")}, "", `Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName='multi',PropertyValues=["1"]) or multi eq null`},

		// Related rows.
		{[]crosswalk.Condition{cond("lookup.string", crosswalk.Equal, "x"), cond("lookup.customer(account).owner", crosswalk.Equal, key)}, "", "lookup/string eq 'x' and lookup/customer_account/_owner_value eq " + key},
		{[]crosswalk.Condition{cond("lookup.integer", crosswalk.In, "1", "2")}, "", "lookup/integer eq 1 or lookup/integer eq 2"},
		{[]crosswalk.Condition{cond("lookup.string", crosswalk.IsNotNull)}, "", "lookup/string ne null"},

		// Days of dates stay, moments have days in Berlin, times on the wall
		// have their own.
		{[]crosswalk.Condition{cond("day", crosswalk.LessOrEqual, "1990-01-01")}, "", "day le 1990-01-01"},
		{[]crosswalk.Condition{cond("moment", crosswalk.GreaterOrEqual, "2024-01-01"), cond("wall", crosswalk.Less, "2024-01-01T02:00:00+03:00")}, "", "moment ge 2023-12-31T23:00:00Z and wall lt 2023-12-31T23:00:00Z"},
		{[]crosswalk.Condition{cond("moment", crosswalk.Equal, "2024-07-01"), cond("wall", crosswalk.Greater, "2024-07-01"), cond("moment", crosswalk.LessOrEqual, "2024-07-01")}, "", "moment ge 2024-06-30T22:00:00Z and moment lt 2024-07-01T22:00:00Z and wall ge 2024-07-02T00:00:00Z and moment lt 2024-07-01T22:00:00Z"},
		{[]crosswalk.Condition{cond("moment", crosswalk.NotEqual, "2024-07-01")}, "", "moment lt 2024-06-30T22:00:00Z or moment eq null or moment ge 2024-07-01T22:00:00Z or moment eq null"},
		{[]crosswalk.Condition{cond("moment", crosswalk.Between, "2024-03-31", "2024-03-31")}, "", "moment ge 2024-03-30T23:00:00Z and moment lt 2024-03-31T22:00:00Z"},

		// Relative dates: in Berlin the run begins on 1 January 2026, a
		// Thursday, half an hour after midnight.
		{[]crosswalk.Condition{cond("day", crosswalk.Today)}, "", "day ge 2026-01-01 and day lt 2026-01-02"},
		{[]crosswalk.Condition{cond("wall", crosswalk.Today)}, "", "wall ge 2026-01-01T00:00:00Z and wall lt 2026-01-02T00:00:00Z"},
		{[]crosswalk.Condition{cond("moment", crosswalk.Yesterday)}, "", "moment ge 2025-12-30T23:00:00Z and moment lt 2025-12-31T23:00:00Z"},
		{[]crosswalk.Condition{cond("day", crosswalk.Tomorrow)}, "", "day ge 2026-01-02 and day lt 2026-01-03"},
		{[]crosswalk.Condition{cond("day", crosswalk.ThisWeek)}, "", "day ge 2025-12-29 and day lt 2026-01-05"},
		{[]crosswalk.Condition{cond("day", crosswalk.LastWeek)}, "", "day ge 2025-12-22 and day lt 2025-12-29"},
		{[]crosswalk.Condition{cond("day", crosswalk.ThisMonth)}, "", "day ge 2026-01-01 and day lt 2026-02-01"},
		{[]crosswalk.Condition{cond("day", crosswalk.LastMonth)}, "", "day ge 2025-12-01 and day lt 2026-01-01"},
		{[]crosswalk.Condition{cond("moment", crosswalk.ThisYear)}, "", "moment ge 2025-12-31T23:00:00Z and moment lt 2026-12-31T23:00:00Z"},
		{[]crosswalk.Condition{cond("day", crosswalk.LastYear)}, "", "day ge 2025-01-01 and day lt 2026-01-01"},
		{[]crosswalk.Condition{cond("moment", crosswalk.LastDays, "1")}, "", "moment ge 2025-12-30T23:00:00Z and moment le 2025-12-31T23:30:00Z"},
		{[]crosswalk.Condition{cond("wall", crosswalk.LastDays, "1")}, "", "wall ge 2025-12-31T00:00:00Z and wall le 2026-01-01T00:30:00Z"},
		{[]crosswalk.Condition{cond("day", crosswalk.LastDays, "30")}, "", "day ge 2025-12-02 and day lt 2026-01-02"},
		{[]crosswalk.Condition{cond("moment", crosswalk.NextDays, "1")}, "", "moment ge 2025-12-31T23:30:00Z and moment lt 2026-01-02T23:00:00Z"},
		{[]crosswalk.Condition{cond("day", crosswalk.NextDays, "1")}, "", "day ge 2026-01-01 and day lt 2026-01-03"},
		{[]crosswalk.Condition{cond("moment", crosswalk.OlderThanDays, "365")}, "", "moment lt 2024-12-31T23:00:00Z"},

		// Expressions: NOT is carried down to the conditions, where null is
		// part of one side.
		{[]crosswalk.Condition{cond("integer", crosswalk.Greater, "1"), cond("state", crosswalk.Equal, "2"), cond("string", crosswalk.Equal, "c")}, "(1 AND 2) OR NOT 3", "integer gt 1 and state eq 2 or string ne 'c' or string eq null"},
		{[]crosswalk.Condition{cond("integer", crosswalk.Greater, "1"), cond("state", crosswalk.Equal, "2"), cond("string", crosswalk.Equal, "c")}, "not(1 or 2)and 3", "(integer le 1 or integer eq null) and (state ne 2 or state eq null) and string eq 'c'"},
		{[]crosswalk.Condition{cond("integer", crosswalk.Greater, "1"), cond("state", crosswalk.Equal, "2")}, "1 OR NOT NOT (2)", "integer gt 1 or state eq 2"},
		{[]crosswalk.Condition{cond("integer", crosswalk.Between, "1", "3"), cond("state", crosswalk.IsNull)}, "NOT (1 AND 2) AND 1", "(integer lt 1 or integer eq null or integer gt 3 or integer eq null or state ne null) and integer ge 1 and integer le 3"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			plan, err := filtered(crosswalk.Filter{Conditions: tt.conditions, Expression: tt.expression}, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, plan.Filter); diff != "" {
				t.Errorf("$filter (-want +got):\n%s", diff)
			}
			if _, err := odata.ParseFilter(plan.Filter, nil); err != nil && plan.Filter != "" {
				t.Errorf("$filter is no filter: %v", err)
			}
			if len(plan.Source) != 1 || plan.Related != nil {
				t.Errorf("what the server compares is read: %v, %v", plan.Source, plan.Related)
			}
		})
	}
}

func TestFilterProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		conditions []crosswalk.Condition
		expression string
		want       []string
	}{
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
			cond("customer.string", crosswalk.IsNull),
			cond("integer", crosswalk.Between, "1"),
			cond("money", crosswalk.Between, "10", "9.5"),
			cond("moment", crosswalk.LastDays, "0"),
			cond("integer", crosswalk.Today),
			cond("day", crosswalk.Today, "1"),
			cond("day", crosswalk.In, "2024-01-01"),
			cond("boolean", crosswalk.NotEqual, ""),
			cond("string", crosswalk.NotIn),
		}, "", []string{
			"filter.conditions[0].attribute: Choose the attribute to compare.",
			`filter.conditions[1].attribute: Thing has no attribute "gone" that can be read.`,
			"filter.conditions[2].attribute: Image (image) is of a type that cannot be read.",
			`filter.conditions[3].operator: String (String) cannot be compared by "like".`,
			`filter.conditions[4].operator: Boolean (Boolean) cannot be compared by "gt".`,
			`filter.conditions[5].operator: String (String) cannot be compared by "gt".`,
			`filter.conditions[6].operator: Multi (MultiChoice) cannot be compared by "eq".`,
			"filter.conditions[7].values: Say what to compare String with.",
			"filter.conditions[8].values: This comparison takes one value, not 2.",
			"filter.conditions[9].values: This comparison takes no value.",
			`filter.conditions[10].values[0]: "2147483648" is not a value of Integer (Integer).`,
			`filter.conditions[11].values[1]: "Retail" is not a value of Choice (Choice).`,
			`filter.conditions[12].values[0]: "12,5" is not a value of Money (Money).`,
			`filter.conditions[13].values[0]: "yes" is not a value of Boolean (Boolean).`,
			`filter.conditions[14].values[0]: "2024-01-01T00:00:00Z" is not a value of Day (DateTime).`,
			`filter.conditions[15].values[0]: "yesterday" is not a value of Moment (DateTime).`,
			`filter.conditions[16].values[0]: "me" is not a value of Owner (Owner).`,
			`filter.conditions[17].values[0]: "Retail" is not a value of Multi (MultiChoice).`,
			`filter.conditions[18].values[0]: "\x00" is not a value of String (String).`,
			"filter.conditions[19].attribute: Customer can lead to several tables.",
			"filter.conditions[20].values: This comparison takes two values, not 1.",
			"filter.conditions[21].values: 10 is larger than 9.5, so nothing lies between them.",
			`filter.conditions[22].values[0]: "0" is not a number of days.`,
			`filter.conditions[23].operator: Integer (Integer) cannot be compared by "today".`,
			"filter.conditions[24].values: This comparison takes no value.",
			`filter.conditions[25].operator: Day (DateTime) cannot be compared by "in".`,
			`filter.conditions[26].values[0]: "" is not a value of Boolean (Boolean).`,
			"filter.conditions[27].values: Say what to compare String with.",
		}},
		{nil, "1", []string{"filter.expression: At character 1: There is no condition 1."}},
	}
	two := []crosswalk.Condition{cond("string", crosswalk.IsNull), cond("memo", crosswalk.IsNull)}
	for expression, want := range map[string]string{
		" ":                             "At character 2: The expression ends too early.",
		"1 AND":                         "At character 6: The expression ends too early.",
		"1 OR 3":                        "At character 6: There is no condition 3.",
		"1 OR 0":                        "At character 6: There is no condition 0.",
		"1 OR 99999999999999999999":     "At character 6: There is no condition 99999999999999999999.",
		"(1 OR 2":                       "At character 8: A bracket that was opened at character 1 is not closed.",
		"1 OR 2)":                       `At character 7: ")" cannot stand here.`,
		"1 2":                           `At character 3: "2" cannot stand here.`,
		"1 XOR 2":                       `At character 3: "XOR" cannot stand here.`,
		"AND 1":                         `At character 1: "AND" cannot stand here.`,
		"ä":                             `At character 1: "ä" cannot stand here.`,
		"1 OR (ää":                      `At character 7: "ä" cannot stand here.`,
		"NOT 1":                         "Condition 2 is not used.",
		strings.Repeat("(", 99):         "At character 51: The expression is too deeply nested.",
		strings.Repeat("1 AND ", 3_000): "The expression is too long.",
	} {
		tests = append(tests, struct {
			conditions []crosswalk.Condition
			expression string
			want       []string
		}{two, expression, []string{"filter.expression: " + want}})
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			_, err := filtered(crosswalk.Filter{Conditions: tt.conditions, Expression: tt.expression}, false)
			if diff := cmp.Diff(tt.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFilterIsAppliedHere shows which filters are not left to the server.
func TestFilterIsAppliedHere(t *testing.T) {
	t.Parallel()
	many := make([]string, 400)
	for i := range many {
		many[i] = fmt.Sprintf("%s%012d", key[:24], i)
	}
	long := make([]string, 2000)
	for i := range long {
		long[i] = fmt.Sprintf("value number %d", i)
	}
	tests := map[string]struct {
		condition crosswalk.Condition
		tracked   bool
		want      []string // what is read beside the key
	}{
		"the request cannot filter":     {cond("string", crosswalk.Equal, "a"), true, []string{"string"}},
		"wildcards of the server":       {cond("string", crosswalk.Equal, "a_b"), false, []string{"string"}},
		"a text of nothing":             {cond("string", crosswalk.NotEqual, ""), false, []string{"string"}},
		"no related row":                {cond("lookup.string", crosswalk.IsNull), false, []string{"_lookup_value", "lookup/string"}},
		"another related row, or none":  {cond("lookup.string", crosswalk.NotEqual, "a"), false, []string{"_lookup_value", "lookup/string"}},
		"several choices of another":    {cond("lookup.multi", crosswalk.Contains, "1"), false, []string{"_lookup_value", "lookup/multi"}},
		"days before SQL Server's":      {cond("moment", crosswalk.Less, "1600-01-01"), false, []string{"moment"}},
		"the end of days":               {cond("wall", crosswalk.Equal, "9999-12-31"), false, []string{"wall"}},
		"numbers longer than a decimal": {cond("money", crosswalk.Less, "1e30"), false, []string{"money"}},
		"more terms than a query has":   {cond("lookup", crosswalk.In, many...), false, []string{"_lookup_value"}},
		"a longer text than an address": {cond("string", crosswalk.In, long...), false, []string{"string"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := filtered(crosswalk.Filter{Conditions: []crosswalk.Condition{tt.condition}}, tt.tracked)
			if err != nil {
				t.Fatal(err)
			}
			var read []string
			for _, s := range plan.Source[1:] {
				read = append(read, s.Name)
			}
			if diff := cmp.Diff(tt.want, read); diff != "" || plan.Filter != "" {
				t.Errorf("$filter %q; columns read (-want +got):\n%s", plan.Filter, diff)
			}
		})
	}
}

// TestFilterOutcome shows which records pass a filter that is applied here.
func TestFilterOutcome(t *testing.T) {
	t.Parallel()
	other := strings.Replace(key, "7", "8", 1)
	tests := []struct {
		condition crosswalk.Condition
		passes    []any
		not       []any
	}{
		{cond("string", crosswalk.Equal, "Café "), []any{"cafe", "CAFÉ", "Cafe\u0301   "}, []any{nil, " café", "café\t", "caf", ""}},
		{cond("string", crosswalk.NotEqual, "a%"), []any{nil, "ab", "a", ""}, []any{"A%", "a% "}},
		{cond("string", crosswalk.Equal, ""), []any{"", "  "}, []any{nil, "a"}},
		{cond("string", crosswalk.In, "a_b", "Ω"), []any{"A_B", "ω "}, []any{"axb", nil}},
		{cond("string", crosswalk.NotIn, "a_b", "c"), []any{"axb", nil}, []any{"A_b", "C"}},
		{cond("string", crosswalk.Contains, "50%"), []any{"is 50% of", "50%"}, []any{"500", nil, "50"}},
		{cond("string", crosswalk.Contains, "a "), []any{"xA y", "a "}, []any{"a", nil}},
		{cond("string", crosswalk.NotContains, "ß["), []any{nil, "ss[", ""}, []any{"xß[y"}},
		{cond("string", crosswalk.StartsWith, "É"), []any{"e", "école"}, []any{" e", nil, ""}},
		{cond("string", crosswalk.EndsWith, "'x'"), []any{"a'X'"}, []any{"'x' ", nil}},
		{cond("string", crosswalk.IsNull), []any{nil}, []any{"", "a"}},
		{cond("string", crosswalk.IsNotNull), []any{"", "a"}, []any{nil}},
		{cond("integer", crosswalk.NotEqual, "0"), []any{1, nil, -1}, []any{0}},
		{cond("integer", crosswalk.Between, "-1", "1"), []any{-1, 0, 1}, []any{-2, 2, nil}},
		{cond("choice", crosswalk.LessOrEqual, "9"), []any{9, 1}, []any{10, nil}},
		{cond("bigint", crosswalk.Greater, "9007199254740992"), []any{int64(9007199254740993)}, []any{int64(9007199254740992), nil}},
		{cond("money", crosswalk.Equal, "1e1"), []any{"10", "10.0000", "1e1"}, []any{"10.0001", "1", "-10", nil}},
		{cond("money", crosswalk.Less, "-0.5"), []any{"-0.50001", "-7", "-1e3"}, []any{"-0.5000", "0", "0.0", "3", nil}},
		{cond("decimal", crosswalk.GreaterOrEqual, "0"), []any{"0.000", "-0.00", "1e-9"}, []any{"-1e-9", nil}},
		{cond("decimal", crosswalk.In, "0.1", "100000000000000000000.0000000001"), []any{"0.10", "100000000000000000000.0000000001"}, []any{"100000000000000000000", nil}},
		{cond("double", crosswalk.Equal, "0.1"), []any{"0.1", "0.1000000000000000055", "1e-1"}, []any{"0.10000000000000002", nil}},
		{cond("double", crosswalk.In, "0.1", "2"), []any{"0.1000000000000000055", "2.0"}, []any{"3"}},
		{cond("double", crosswalk.Greater, "1e30"), []any{"1e31", "1e400"}, []any{"1e30", "-1e400", nil}},
		{cond("boolean", crosswalk.Equal, "true"), []any{true}, []any{false, nil}},
		{cond("boolean", crosswalk.NotEqual, "true"), []any{false, nil}, []any{true}},
		{cond("lookup", crosswalk.Equal, strings.ToUpper(key)), []any{key}, []any{other, nil}},
		{cond("lookup", crosswalk.NotIn, key), []any{other, nil}, []any{key}},
		{cond("multi", crosswalk.Contains, "9", "3"), []any{"1,9", "3", "9, 10"}, []any{"1,10", "90", "", nil}},
		{cond("multi", crosswalk.NotContains, "9"), []any{"1", nil}, []any{"1,9"}},
		{cond("day", crosswalk.Between, "2024-02-28", "2024-02-29"), []any{"2024-02-28", "2024-02-29"}, []any{"2024-03-01", "2024-02-27", nil}},
		{cond("day", crosswalk.NotEqual, "2024-02-28"), []any{"2024-02-29", nil}, []any{"2024-02-28"}},
		{cond("moment", crosswalk.Equal, "2024-10-27"), []any{"2024-10-26T22:00:00Z", "2024-10-27T22:59:59Z"}, []any{"2024-10-26T21:59:59Z", "2024-10-27T23:00:00Z", nil}},
		{cond("wall", crosswalk.Equal, "2024-10-27"), []any{"2024-10-27T00:00:00Z", "2024-10-27T23:59:59Z"}, []any{"2024-10-26T23:59:59Z", "2024-10-28T00:00:00Z", nil}},
		{cond("moment", crosswalk.NotEqual, "2024-10-27T00:00:00Z"), []any{"2024-10-27T00:00:01Z", nil}, []any{"2024-10-27T00:00:00Z"}},
		{cond("moment", crosswalk.OlderThanDays, "1"), []any{"2025-12-30T22:59:59Z", "0001-01-01T00:00:00Z"}, []any{"2025-12-30T23:00:00Z", nil}},
	}
	for _, tt := range tests {
		plan, err := filtered(crosswalk.Filter{Conditions: []crosswalk.Condition{tt.condition}}, true)
		if err != nil {
			t.Errorf("%v: %v", tt.condition, err)
			continue
		}
		for i, v := range append(append([]any{}, tt.passes...), tt.not...) {
			src, dst := plan.NewSourceBatch(), plan.NewBatch()
			put(t, &src.Columns[0], key)
			put(t, &src.Columns[1], v)
			src.EndRow()
			rejects, skipped := plan.Apply(src, dst, nil)
			if got, want := len(skipped) == 0, i < len(tt.passes); got != want || len(rejects) > 0 || dst.Rows() != 1-len(skipped) {
				t.Errorf("%v: %v passes: %t, want %t; rejects %v", tt.condition, v, got, want, rejects)
			}
		}
	}
}

// TestFilterMidnight shows where days begin in zones that change their clocks
// at midnight.
func TestFilterMidnight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ zone, day, want string }{
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // never comes: it is one o'clock at once
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"}, // the hour before it comes twice
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},    // comes twice
		{"Europe/Berlin", "2024-03-31", "2024-03-30T23:00:00Z"},
		{"Europe/Berlin", "2024-10-27", "2024-10-26T22:00:00Z"},
		{"Pacific/Kiritimati", "2024-01-01", "2023-12-31T10:00:00Z"},
		{"", "2024-01-01", "2024-01-01T00:00:00Z"},
	} {
		in := formulaInput()
		in.Object, in.Mapping = object(), keyed()
		in.Mapping.TimeZone = tt.zone
		in.Filter.Conditions = []crosswalk.Condition{cond("moment", crosswalk.GreaterOrEqual, tt.day)}
		plan, err := mapping.Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		if want := "moment ge " + tt.want; plan.Filter != want {
			t.Errorf("%s in %s: %s, want %s", tt.day, tt.zone, plan.Filter, want)
		}
	}
}

func FuzzFilterExpression(f *testing.F) {
	for _, text := range []string{"(1 AND 2) OR NOT 3", "1or2or3", "not((1)and 2)and\n3", "1 AND (2 OR", "4", "", "NOT NOT NOT 1 OR 2 OR 3"} {
		f.Add(text)
	}
	conditions := []crosswalk.Condition{cond("integer", crosswalk.Equal, "1"), cond("string", crosswalk.NotEqual, "a"), cond("state", crosswalk.IsNull)}
	f.Fuzz(func(t *testing.T, text string) {
		plan, err := filtered(crosswalk.Filter{Conditions: conditions, Expression: text}, false)
		if err != nil {
			if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if plan.Filter == "" {
			return // it became too long for an address
		}
		if _, err := odata.ParseFilter(plan.Filter, nil); err != nil {
			t.Errorf("%q gives %q: %v", text, plan.Filter, err)
		}
	})
}
