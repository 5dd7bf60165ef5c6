package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// TestConstantsAndDefaults fills a field of every type by a constant, and by a
// default in place of an empty value.
func TestConstantsAndDefaults(t *testing.T) {
	t.Parallel()
	options := []string{"Retail", "Bank"}
	tests := []struct {
		field crosswalk.Field
		text  string
		want  string // the value, or the problem
	}{
		{crosswalk.Field{Type: crosswalk.FieldString, MaxLength: 5}, "Hello", `"Hello"`},
		{crosswalk.Field{Type: crosswalk.FieldString, MaxLength: 5}, "Hello!", `Field cannot hold it: "Hello!" is not at most 5 characters long.`},
		{crosswalk.Field{Type: crosswalk.FieldRichText}, "<b>", `"<b>"`},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "-9223372036854775808", "-9223372036854775808"},
		{crosswalk.Field{Type: crosswalk.FieldNumber}, "1.5", `Field cannot hold it: "1.5" is not a whole number that fits 64 bits.`},
		{crosswalk.Field{Type: crosswalk.FieldCurrency, Decimals: 2}, "7.5", "7.50"},
		{crosswalk.Field{Type: crosswalk.FieldPercentage, Decimals: 1}, "x", `Field cannot hold it: "x" is not a number with at most 1 decimals.`},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, "yes", "true"},
		{crosswalk.Field{Type: crosswalk.FieldBoolean}, "FALSE", "false"},
		{crosswalk.Field{Type: crosswalk.FieldDate}, "1753-01-01", "1753-01-01"},
		{crosswalk.Field{Type: crosswalk.FieldDate}, "1.1.2024", `Field cannot hold it: "1.1.2024" is not a date like 2026-01-31.`},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
		{crosswalk.Field{Type: crosswalk.FieldDateTime}, "2024-01-01T00:00:00.5+01:00", "2023-12-31T23:00:00.5Z"},
		{crosswalk.Field{Type: crosswalk.FieldEmail}, "ada@contoso.com", `"ada@contoso.com"`},
		{crosswalk.Field{Type: crosswalk.FieldEmail}, "ada", `Field cannot hold it: "ada" is not an e-mail address.`},
		{crosswalk.Field{Type: crosswalk.FieldURL}, "contoso.com", `"contoso.com"`},
		{crosswalk.Field{Type: crosswalk.FieldDropdown, Options: options}, "bank", `"Bank"`},
		{crosswalk.Field{Type: crosswalk.FieldDropdown}, "New one", `"New one"`},
		{crosswalk.Field{Type: crosswalk.FieldDropdown}, "a\tb", `Field has no option "a\tb", and it cannot be added: a field has at most 1,000 options, each of 1 to 250 characters without control characters.`},
		{crosswalk.Field{Type: crosswalk.FieldMultiSelect, Options: options}, "Retail;BANK", `"Retail; Bank"`},
		{crosswalk.Field{Type: crosswalk.FieldLookup, Lookup: "Company"}, id(1), "Field is a lookup and cannot be filled directly."},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, test.field.Type), func(t *testing.T) {
			t.Parallel()
			test.field.Name = "Field"
			source := "title"
			if test.field.Type == crosswalk.FieldMultiSelect {
				source = "kinds"
			}
			for place, row := range map[string]crosswalk.FieldMapping{
				"constant": {Constant: test.text, Target: "Field"},
				"default":  {Source: source, Default: test.text, Target: "Field"},
			} {
				if place == "default" && !test.field.Type.IsText() {
					continue
				}
				plan, err := mapping.Compile(cases(t, object(test.field), byCase(row)))
				if err != nil {
					if test.field.Type == crosswalk.FieldLookup {
						place = "target"
					}
					same(t, "problems", []string{"mapping.fields[1]." + place + ": " + test.want}, problems(t, err))
					continue
				}
				rows, rejects := apply(t, plan, map[string]any{})
				same(t, "row", []string{"Field=" + test.want}, rows)
				same(t, "rejects", nil, rejects)
			}
		})
	}
}

// TestOptions maps labels that a dropdown has, has in other letters, and has
// not, by every policy.
func TestOptions(t *testing.T) {
	t.Parallel()
	dropdown := crosswalk.Field{Name: "Kind", Type: crosswalk.FieldDropdown, Options: []string{"Retail"}}
	several := crosswalk.Field{Name: "Kinds", Type: crosswalk.FieldMultiSelect, Options: []string{"Retail"}}
	records := []map[string]any{
		{"kind": 1, "kinds": "1", "title": " retail "},
		{"kind": 2, "kinds": "2,1,3", "title": "Insurance"},
		{"kind": 3, "kinds": "2", "title": "insurance"},
		{"kind": 5, "kinds": "", "title": " "}, // an option without a label
		{"kind": 7, "kinds": "7", "title": "bank"},
	}
	tests := []struct {
		policy  crosswalk.OptionPolicy
		rows    []string
		rejects []string
		added   []mapping.Added
	}{
		{"", []string{
			`Kind="Retail" Kinds="Retail" Other="retail"`,
			`Kind="Bank" Kinds="Retail; Bank" Other="Insurance"`,
			`Kind="Retail" Kinds="Bank" Other="Insurance"`,
			`Kind="5" Kinds=""`,
			`Kind="7" Kinds="7" Other="bank"`,
		}, nil, []mapping.Added{
			{Object: "Target", Field: "Kind", Labels: []string{"Bank", "5", "7"}},
			{Object: "Target", Field: "Kinds", Labels: []string{"Bank", "7"}},
			{Object: "Target", Field: "Other", Labels: []string{"retail", "Insurance", "bank"}},
		}},
		{crosswalk.OptionNull, []string{
			`Kind="Retail" Kinds="Retail"`,
			`Kinds="Retail"`,
			`Kind="Retail"`,
			`Kinds=""`,
			``,
		}, nil, nil},
		{crosswalk.OptionReject, nil, []string{
			"Other: unknown_option", "Kind: unknown_option", "Kinds: unknown_option", "Kind: unknown_option", "Kind: unknown_option",
		}, nil},
	}
	for _, test := range tests {
		t.Run(string(test.policy), func(t *testing.T) {
			t.Parallel()
			o := object(dropdown, several, crosswalk.Field{Name: "Other", Type: crosswalk.FieldDropdown})
			plan := must(t, cases(t, o, byCase(
				crosswalk.FieldMapping{Source: "kind", Target: "Kind", OnUnknown: test.policy},
				crosswalk.FieldMapping{Source: "kinds", Target: "Kinds", OnUnknown: test.policy},
				crosswalk.FieldMapping{Source: "title", Target: "Other", OnUnknown: test.policy},
			)))
			for _, added := range [][]mapping.Added{test.added, nil} { // a second batch adds nothing
				rows, rejects := apply(t, plan, records...)
				same(t, "rows", test.rows, rows)
				same(t, "rejects", test.rejects, rejects)
				same(t, "added", added, plan.TakeOptions())
			}
		})
	}
}

func TestOptionsThatCannotBeAdded(t *testing.T) {
	t.Parallel()
	full := crosswalk.Field{Name: "Full", Type: crosswalk.FieldDropdown}
	for i := range crosswalk.MaxOptions - 1 {
		full.Options = append(full.Options, fmt.Sprint("Option ", i))
	}
	plan := must(t, cases(t, object(full, crosswalk.Field{Name: "Short", Type: crosswalk.FieldDropdown, MaxLength: 3}), byCase(
		crosswalk.FieldMapping{Source: "title", Target: "Full"},
		crosswalk.FieldMapping{Source: "kind", Target: "Short"},
	)))
	rows, rejects := apply(t, plan,
		map[string]any{"title": "Option 5"}, map[string]any{"title": "last"}, map[string]any{"title": "too many"}, map[string]any{"title": "LAST"},
		map[string]any{"title": strings.Repeat("y", 251)}, map[string]any{"title": "a\nb"}, map[string]any{"kind": 2}, map[string]any{"kind": 5},
	)
	same(t, "rows", []string{`Full="Option 5"`, `Full="last"`, `Full="last"`, `Short="5"`}, rows)
	same(t, "rejects", []string{"Full: unknown_option", "Full: unknown_option", "Full: unknown_option", "Short: too_long"}, rejects)

	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	put(t, &src.Columns[0], id(1))
	put(t, &src.Columns[1], "x")
	src.EndRow()
	got, _ := plan.Apply(src, dst, nil)
	want := `Full has no option "x", and it cannot be added: a field has at most 1,000 options, each of 1 to 250 characters without control characters.`
	if len(got) != 1 || got[0].Message != want || got[0].Value != "x" {
		t.Errorf("got %+v", got)
	}
}

// TestZone shows that moments become days of the mapping's zone, and that
// wall-clock times and days do not move.
func TestZone(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Moment", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "Wall", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "Day", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "Text", Type: crosswalk.FieldDate},
	)
	m := keyed(
		crosswalk.FieldMapping{Source: "moment", Target: "Moment"},
		crosswalk.FieldMapping{Source: "wall", Target: "Wall"},
		crosswalk.FieldMapping{Source: "day", Target: "Day"},
		crosswalk.FieldMapping{Source: "string", Target: "Text"},
	)
	tests := []struct{ zone, moment, want string }{
		{"", "2024-03-31T22:30:00Z", "2024-03-31"},
		{"UTC", "2024-03-31T22:30:00Z", "2024-03-31"},
		{"Europe/Berlin", "2024-03-31T22:30:00Z", "2024-04-01"},
		{"Europe/Berlin", "2024-01-31T22:30:00Z", "2024-01-31"},
		{"America/New_York", "2024-01-01T04:59:59Z", "2023-12-31"},
		{"Pacific/Kiritimati", "9999-12-31T09:00:00Z", "9999-12-31"},
		{"Asia/Kolkata", "1753-01-01T00:00:00Z", "1753-01-01"},
	}
	for _, test := range tests {
		t.Run(test.zone, func(t *testing.T) {
			t.Parallel()
			m := m
			m.TimeZone = test.zone
			plan, err := compile(o, m, crosswalk.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			rows, _ := apply(t, plan, map[string]any{"moment": test.moment, "wall": test.moment, "day": test.moment[:10], "string": test.moment})
			day := test.moment[:10]
			same(t, "row", []string{"Moment=" + test.want + " Wall=" + day + " Day=" + day + " Text=" + day}, rows)
		})
	}
	for _, zone := range []string{"Mars/Olympus", "Local", "../etc/passwd"} {
		m := m
		m.TimeZone = zone
		_, err := compile(o, m, crosswalk.Filter{})
		same(t, "problems", []string{fmt.Sprintf("mapping.time_zone: There is no time zone %q.", zone)}, problems(t, err))
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	plan := must(t, cases(t, object(
		crosswalk.Field{Name: "A", Type: crosswalk.FieldString, Required: true},
		crosswalk.Field{Name: "N", Type: crosswalk.FieldCurrency, Decimals: 2},
		crosswalk.Field{Name: "B", Type: crosswalk.FieldBoolean},
	), byCase(
		crosswalk.FieldMapping{Source: "title", Fallback: []string{"number"}, Default: "none", Target: "A"},
		crosswalk.FieldMapping{Source: "amount", Default: "1.5", Target: "N"},
		crosswalk.FieldMapping{Source: "urgent", Negate: true, Default: "true", Target: "B"},
	)))
	rows, rejects := apply(t, plan,
		map[string]any{"title": "t", "number": "n", "amount": "0", "urgent": true},
		map[string]any{"title": "", "number": "n"},
		map[string]any{"number": ""},
		map[string]any{"amount": "x"},
	)
	same(t, "rows", []string{`A="t" N=0.00 B=false`, `A="n" N=1.50 B=true`, `A="none" N=1.50 B=true`}, rows)
	same(t, "rejects", []string{"N: malformed"}, rejects)
}

func TestRowProblems(t *testing.T) {
	t.Parallel()
	dropdown := crosswalk.Field{Name: "Kind", Type: crosswalk.FieldDropdown, Options: []string{"Retail"}}
	several := crosswalk.Field{Name: "Kinds", Type: crosswalk.FieldMultiSelect}
	tests := []struct {
		name string
		rows []crosswalk.FieldMapping
		want []string
	}{
		{"two values", []crosswalk.FieldMapping{{Source: "title", Constant: "x", Formula: "y", Target: "A"}}, []string{
			"mapping.fields[1].constant: A row takes its value from an attribute, a constant or a formula, not from two of them.",
			"mapping.fields[1].formula: A row takes its value from an attribute, a constant or a formula, not from two of them.",
		}},
		{"what only attributes have", []crosswalk.FieldMapping{{Constant: "x", Fallback: []string{"title"}, Label: true, Table: true, Negate: true, Target: "A"}}, []string{
			"mapping.fields[1].fallback: Only a row that reads an attribute can have that.",
			"mapping.fields[1].label: Only a row that reads an attribute can have that.",
			"mapping.fields[1].table: Only a row that reads an attribute can have that.",
			"mapping.fields[1].negate: Only a row that reads an attribute can have that.",
		}},
		{"policies", []crosswalk.FieldMapping{{Source: "kind", Table: true, OnUnknown: "ask", Target: "A"}}, []string{
			"mapping.fields[1].table: Kind (Choice) is not a lookup, so it leads to no table.",
			`mapping.fields[1].on_unknown: "ask" is not a way to treat unknown options.`,
		}},
		{"name and table", []crosswalk.FieldMapping{{Source: "customerid", Table: true, Label: true, Target: "A"}}, []string{
			"mapping.fields[1].table: A row takes either the name of the row that a lookup leads to, or its table.",
		}},
		{"fall-backs that do not fit", []crosswalk.FieldMapping{{Source: "kind", Fallback: []string{"title", "gone", "amount"}, Target: "Kind"}}, []string{
			`mapping.fields[1].fallback[1]: Case has no attribute "gone" that can be read.`,
			"mapping.fields[1].fallback[2]: Amount (Decimal) cannot fill Kind (Dropdown).",
		}},
		{"unknown default", []crosswalk.FieldMapping{{Source: "kind", Default: "Bank", OnUnknown: crosswalk.OptionReject, Target: "Kind"}}, []string{
			`mapping.fields[1].default: Kind has no option "Bank".`,
		}},
		{"cut options", []crosswalk.FieldMapping{{Source: "kinds", OnTooLong: crosswalk.LengthTruncate, Target: "Kinds"}}, []string{
			"mapping.fields[1].on_too_long: Kinds holds options, and a cut text could hold another one.",
		}},
		{"the name of a lookup as a number", []crosswalk.FieldMapping{{Source: "customerid", Label: true, Target: "N"}}, []string{
			"mapping.fields[1].target: The name of Customerid (Customer) cannot fill N (Number).",
		}},
		{"default of an identifier", []crosswalk.FieldMapping{{Source: "title", Default: "x", Identifier: true, Target: "A"}}, []string{
			"mapping.fields[1].default: A is an identifier: records without one would all become one row.",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := object(dropdown, several, crosswalk.Field{Name: "A", Type: crosswalk.FieldString}, crosswalk.Field{Name: "N", Type: crosswalk.FieldNumber})
			_, err := mapping.Compile(cases(t, o, byCase(test.rows...)))
			same(t, "problems", test.want, problems(t, err))
		})
	}
}

// TestOperations shows what each operation asks of identifiers and required
// fields, and when duplicates can come.
func TestOperations(t *testing.T) {
	t.Parallel()
	o := object(crosswalk.Field{Name: "Must", DisplayName: "Must", Type: crosswalk.FieldString, Required: true}, crosswalk.Field{Name: "Const", Type: crosswalk.FieldString})
	key := crosswalk.FieldMapping{Source: "caseid", Target: "Key", Identifier: true}
	number := crosswalk.FieldMapping{Source: "number", Target: "Key", Identifier: true}
	must := crosswalk.FieldMapping{Source: "title", Target: "Must", OnNull: crosswalk.NullKeep}
	constant := crosswalk.FieldMapping{Constant: "x", Target: "Const", Identifier: true}
	const none = "mapping.fields: No row is an identifier, so no record could be found again."
	const unfilled = "mapping.fields: Must is required and nothing fills it."
	tests := []struct {
		operation crosswalk.Operation
		rows      []crosswalk.FieldMapping
		problems  []string
		modified  string
	}{
		{"", []crosswalk.FieldMapping{key}, []string{unfilled}, ""},
		{crosswalk.OperationUpsert, []crosswalk.FieldMapping{must}, []string{none}, ""},
		{crosswalk.OperationUpsert, []crosswalk.FieldMapping{key, must}, nil, ""},
		{crosswalk.OperationUpsert, []crosswalk.FieldMapping{number, must}, nil, "modifiedon"},
		{crosswalk.OperationUpsert, []crosswalk.FieldMapping{constant, must}, []string{"mapping.fields: Every identifier is a constant, so all records would be one row."}, ""},
		{crosswalk.OperationUpsert, []crosswalk.FieldMapping{constant, number, must}, nil, "modifiedon"},
		{crosswalk.OperationInsert, []crosswalk.FieldMapping{must}, nil, "modifiedon"},
		{crosswalk.OperationInsert, []crosswalk.FieldMapping{number, must}, nil, "modifiedon"},
		{crosswalk.OperationInsert, []crosswalk.FieldMapping{number}, []string{unfilled}, ""},
		{crosswalk.OperationUpdate, []crosswalk.FieldMapping{number}, nil, "modifiedon"},
		{crosswalk.OperationUpdate, []crosswalk.FieldMapping{must}, []string{none}, ""},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, test.operation), func(t *testing.T) {
			t.Parallel()
			in := cases(t, o, crosswalk.Mapping{Fields: test.rows})
			in.Operation = test.operation
			plan, err := mapping.Compile(in)
			same(t, "problems", test.problems, problems(t, err))
			if err != nil {
				return
			}
			modified := ""
			if plan.Modified >= 0 {
				modified = plan.Source[plan.Modified].Name
			}
			same(t, "modified", test.modified, modified)
		})
	}
	t.Run("an update keeps what is required", func(t *testing.T) {
		t.Parallel()
		for operation, want := range map[crosswalk.Operation][]string{crosswalk.OperationUpdate: nil, crosswalk.OperationUpsert: {"Must: required_empty"}} {
			in := cases(t, o, crosswalk.Mapping{Fields: []crosswalk.FieldMapping{key, must}})
			in.Operation = operation
			plan, err := mapping.Compile(in)
			if err != nil {
				t.Fatal(err)
			}
			_, rejects := apply(t, plan, map[string]any{})
			same(t, "rejects", want, rejects)
		}
	})
}

// TestModified shows the last column of a batch.
func TestModified(t *testing.T) {
	t.Parallel()
	plan := must(t, cases(t, texts(1), crosswalk.Mapping{Fields: []crosswalk.FieldMapping{{Source: "number", Target: "A", Identifier: true}}}))
	rows, rejects := apply(t, plan,
		map[string]any{"number": "1", "modifiedon": "2024-02-29T12:00:00Z"},
		map[string]any{"number": "2"},
		map[string]any{"modifiedon": "2024-02-29T12:00:00Z"},
	)
	same(t, "rows", []string{`A="1" modified=2024-02-29T12:00:00Z`, `A="2"`}, rows)
	same(t, "rejects", []string{"A: identifier_empty"}, rejects)
	same(t, "source", []string{"caseid", "number", "modifiedon"}, sources(plan.Source))
}
