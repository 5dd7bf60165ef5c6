package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

func TestDegrade(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", Type: crosswalk.FieldString, Required: true},
		crosswalk.Field{Name: "Size", DisplayName: "Size of it", Type: crosswalk.FieldNumber},
		crosswalk.Field{Name: "Boss", Type: crosswalk.FieldString},
	)
	m := keyed(
		crosswalk.FieldMapping{Source: "string", Target: "Name"},
		crosswalk.FieldMapping{Source: "integer", Target: "Size"},
		crosswalk.FieldMapping{Source: "lookup", Target: "Boss"},
	)
	tests := []struct {
		name     string
		gone     []string
		targets  []string
		warnings []string
	}{
		{"nothing", nil, []string{"Key", "Name", "Size", "Boss"}, nil},
		{"what no row takes", []string{"memo", "lookup"}, []string{"Key", "Name", "Size", "Boss"}, nil},
		{"two rows", []string{"integer", "_lookup_value"}, []string{"Key", "Name"}, []string{
			"Thing no longer has the attribute integer, so Size of it is not filled and keeps the values it has.",
			"Thing no longer has the attribute lookup, so Boss is not filled and keeps the values it has.",
		}},
		{"what cannot be done without", []string{"thingid", "string"}, []string{"Key", "Name", "Size", "Boss"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := thing()
			all := len(e.Attributes)
			in, warnings := mapping.Degrade(mapping.Input{Entity: e, Object: o, Mapping: m, Gone: test.gone})
			var targets []string
			for _, f := range in.Mapping.Fields {
				targets = append(targets, f.Target)
			}
			if diff := cmp.Diff(test.targets, targets); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if len(e.Attributes) != all || len(m.Fields) != 4 {
				t.Error("the entity or the mapping was changed")
			}
		})
	}
	_, err := mapping.Compile(mapping.Input{Entity: thing(), Object: o, Mapping: m, Gone: []string{"string"}})
	if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("a required field without its attribute: %v", err)
	}
}

// TestDrift takes attributes, tables and fields away from a job that used all
// of them, and shows what is told and what is left of the mapping.
func TestDrift(t *testing.T) {
	t.Parallel()
	o := pointing()
	o.Fields = append(o.Fields, crosswalk.Field{Name: "Must", DisplayName: "Must", Type: crosswalk.FieldString, Required: true})
	m := byCase(
		crosswalk.FieldMapping{Source: "customerid(account).name", Fallback: []string{"customerid(contact).fullname", "title"}, Target: "Kind"},
		crosswalk.FieldMapping{Source: "number", Fallback: []string{"title"}, Target: "Must"},
		crosswalk.FieldMapping{Source: "customerid", Label: true, Fallback: []string{"text"}, Target: "Notes"},
		crosswalk.FieldMapping{Source: "amount", Default: "0", Target: "Amount"},
	)
	company := crosswalk.DerivedMapping{Target: "Company", Match: []crosswalk.MatchPair{
		{Source: "customerid(account).accountid", Fallback: []string{"number"}, Field: "External_ID"}, {Source: "title", Field: "Name"},
	}}
	m.Derived = []crosswalk.DerivedMapping{csm(), company}
	filter := crosswalk.Filter{Conditions: []crosswalk.Condition{
		{Attribute: "kind", Operator: crosswalk.Equal, Values: []string{"1"}},
	}}
	const fails = "FAILS "
	tests := []struct {
		name   string
		change func(in *mapping.Input)
		want   []string
		left   func(m *crosswalk.Mapping) // nil: nothing is left out
	}{
		{"nothing", func(*mapping.Input) {}, nil, nil},
		{"a fall-back and a pair's first path", func(in *mapping.Input) { in.Gone = []string{"customerid_account/name", "customerid_account/accountid"} }, []string{
			"attribute_gone mapping.fields[1].source: Account no longer has the attribute name, so Kind is filled without it.",
			"attribute_gone mapping.derived[1].match[0].source: Account no longer has the attribute accountid, so Company is filled without it.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[1].Source, m.Fields[1].Fallback = "customerid(contact).fullname", []string{"title"}
			m.Derived[1].Match[0].Source, m.Derived[1].Match[0].Fallback = "number", nil
		}},
		{"a lookup", func(in *mapping.Input) { in.Gone = []string{"_customerid_value"} }, []string{
			"attribute_gone mapping.fields[1].source: Case no longer has the attribute customerid, so Kind is filled without it.",
			"attribute_gone mapping.fields[1].fallback[0]: Case no longer has the attribute customerid, so Kind is filled without it.",
			"attribute_gone mapping.fields[3].source: Case no longer has the attribute customerid, so Notes is filled without it.",
			"attribute_gone mapping.derived[1].match[0].source: Case no longer has the attribute customerid, so Company is filled without it.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[1].Source, m.Fields[1].Fallback = "title", nil
			m.Fields[3] = crosswalk.FieldMapping{Source: "text", Target: "Notes"}
			m.Derived[1].Match[0].Source, m.Derived[1].Match[0].Fallback = "number", nil
		}},
		{"a row and a pair", func(in *mapping.Input) { in.Gone = []string{"amount", "title"} }, []string{
			"attribute_gone mapping.fields[1].fallback[1]: Case no longer has the attribute title, so Kind is filled without it.",
			"attribute_gone mapping.fields[2].fallback[0]: Case no longer has the attribute title, so Must is filled without it.",
			"attribute_gone mapping.fields[4].source: Case no longer has the attribute amount, so Amount is not filled and keeps the values it has.",
			"attribute_gone mapping.derived[1].match[1].source: Case no longer has the attribute title, so Company is not filled and keeps the values it has.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[1].Fallback = m.Fields[1].Fallback[:1]
			m.Fields[2].Fallback = nil
			m.Fields = m.Fields[:4]
			m.Derived = m.Derived[:1]
		}},
		{"what cannot be done without", func(in *mapping.Input) {
			in.Gone = []string{"number", "title", "_owninguser_value"}
		}, []string{
			"attribute_gone mapping.fields[1].fallback[1]: Case no longer has the attribute title, so Kind is filled without it.",
			fails + "attribute_gone mapping.fields[2].source: Case no longer has the attribute number, so the run fails: it cannot do without Must.",
			fails + "attribute_gone mapping.fields[2].fallback[0]: Case no longer has the attribute title, so the run fails: it cannot do without Must.",
			fails + "attribute_gone mapping.derived[0].match[0].source: Case no longer has the attribute owninguser, so the run fails: it cannot do without CSM.",
			"attribute_gone mapping.derived[1].match[0].fallback[0]: Case no longer has the attribute number, so Company is filled without it.",
			"attribute_gone mapping.derived[1].match[1].source: Case no longer has the attribute title, so Company is not filled and keeps the values it has.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[1].Fallback = m.Fields[1].Fallback[:1]
			m.Derived = m.Derived[:1]
		}},
		{"a table", func(in *mapping.Input) {
			in.Catalog = func(name string) (*crosswalk.Entity, error) {
				if name == "account" {
					return nil, crosswalk.Errorf(crosswalk.CodeForbidden, "no")
				}
				return catalog(name)
			}
		}, []string{
			"table_gone mapping.fields[1].source: The table account can no longer be read, so Kind is filled without it.",
			"table_gone mapping.derived[1].match[0].source: The table account can no longer be read, so Company is filled without it.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[1].Source, m.Fields[1].Fallback = "customerid(contact).fullname", []string{"title"}
			m.Derived[1].Match[0].Source, m.Derived[1].Match[0].Fallback = "number", nil
		}},
		{"a type", func(in *mapping.Input) {
			in.Entity.Attribute("amount").Type = crosswalk.AttributeBoolean
			in.Entity.Attribute("text").Type = crosswalk.AttributeOther
		}, []string{
			"type_changed mapping.fields[3].fallback[0]: Text (text) can no longer be read, so Notes is filled without it.",
			"type_changed mapping.fields[4].target: Amount (Boolean) no longer fits Amount (Currency), so Amount is not filled and keeps the values it has.",
		}, func(m *crosswalk.Mapping) {
			m.Fields[3].Fallback = nil
			m.Fields = m.Fields[:4]
		}},
		{"fields", func(in *mapping.Input) {
			o := *in.Object
			o.Fields = o.Fields[: len(o.Fields)-4 : len(o.Fields)-4]
			in.Object = &o
			in.Objects = func(string) *crosswalk.Object { return nil }
		}, []string{
			"field_gone mapping.fields[1].target: Target no longer has the field Kind, so Kind is not filled and keeps the values it has.",
			"field_gone mapping.fields[2].target: Target no longer has the field Must, so Must is not filled and keeps the values it has.",
			"field_gone mapping.fields[3].target: Target no longer has the field Notes, so Notes is not filled and keeps the values it has.",
			"field_gone mapping.fields[4].target: Target no longer has the field Amount, so Amount is not filled and keeps the values it has.",
			fails + "field_gone mapping.derived[0].target: The object User no longer exists, so the run fails: it cannot do without CSM.",
			"field_gone mapping.derived[1].target: The object Company no longer exists, so Company is not filled.",
		}, func(m *crosswalk.Mapping) {
			m.Fields = m.Fields[:1]
			m.Derived = m.Derived[:1]
		}},
		{"the filter", func(in *mapping.Input) { in.Gone = []string{"kind"} }, []string{
			fails + "attribute_gone filter.conditions[0].attribute: Case no longer has the attribute kind, so the filter cannot be applied and runs fail.",
		}, nil},
		{"an option of the filter", func(in *mapping.Input) { in.Entity.Attribute("kind").Options = in.Entity.Attribute("kind").Options[1:] }, []string{
			"option_gone filter.conditions[0].values[0]: Kind no longer has the option 1, so condition 1 compares with a value that only old records can have.",
		}, nil},
		{"a constant", func(in *mapping.Input) {
			in.Mapping.Fields = append(slices.Clone(in.Mapping.Fields[:4]), crosswalk.FieldMapping{Constant: "x", Target: "Amount"})
		}, []string{
			fails + `other mapping.fields[4].constant: Amount cannot hold it: "x" is not a number with at most 2 decimals. Runs fail until the job is corrected.`,
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := cases(t, o, m)
			in.Filter = filter
			test.change(&in)
			var got, warnings []string
			for _, f := range driftOf(t, in) {
				text := string(f.Kind) + " " + f.Place + ": " + f.Message
				if f.Fails {
					text = fails + text
				} else if f.Kind != mapping.DriftOption {
					warnings = append(warnings, f.Message)
				}
				got = append(got, text)
			}
			same(t, "findings", test.want, got)
			before := in.Mapping
			want := crosswalk.Mapping{Fields: slices.Clone(before.Fields)}
			for _, d := range before.Derived {
				d.Match = slices.Clone(d.Match)
				want.Derived = append(want.Derived, d)
			}
			if test.left != nil {
				test.left(&want)
			}
			less, told := mapping.Degrade(in)
			same(t, "warnings", warnings, told)
			if diff := cmp.Diff(want, less.Mapping, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
			failing := slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, fails) })
			if _, err := mapping.Compile(less); (err != nil) != failing {
				t.Errorf("what is left: %v", err)
			}
		})
	}
}

// TestDriftOfPersons shows what persons cannot do without.
func TestDriftOfPersons(t *testing.T) {
	t.Parallel()
	in := contacts(t, people("", crosswalk.FieldMapping{Source: "fullname", Target: "Name"}, crosswalk.FieldMapping{Source: "emailaddress1", Target: "Email"}))
	in.Gone = []string{"fullname", "emailaddress1", "_parentcustomerid_value"}
	var got []string
	for _, f := range driftOf(t, in) {
		got = append(got, fmt.Sprint(f.Place, " ", f.Fails))
	}
	same(t, "findings", []string{
		"mapping.fields[0].source false", "mapping.derived[0].match[0].source true",
		"mapping.person.fields[0].source false", "mapping.person.fields[1].source true",
	}, got)
	less, _ := mapping.Degrade(in)
	if len(less.Mapping.Fields) != 0 || len(less.Mapping.Derived) != 1 || len(less.Mapping.Person.Fields) != 1 || len(in.Mapping.Person.Fields) != 2 {
		t.Errorf("what is left: %+v", less.Mapping)
	}
}

// TestDriftOfFormulas shows that a formula goes with an attribute that it
// reads, and with one whose type it can no longer work with.
func TestDriftOfFormulas(t *testing.T) {
	t.Parallel()
	o := object(crosswalk.Field{Name: "Amount", Type: crosswalk.FieldCurrency, Decimals: 2}, crosswalk.Field{Name: "Must", Type: crosswalk.FieldNumber, Required: true})
	for name, change := range map[string]func(in *mapping.Input){
		"gone": func(in *mapping.Input) { in.Gone = []string{"amount"} },
		"type": func(in *mapping.Input) { in.Entity.Attribute("amount").Type = crosswalk.AttributeBoolean },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := cases(t, o, byCase(crosswalk.FieldMapping{Formula: "amount * 2", Target: "Amount"}, crosswalk.FieldMapping{Formula: "amount + 1", Target: "Must"}))
			if findings := driftOf(t, in); findings != nil {
				t.Fatalf("before: %+v", findings)
			}
			change(&in)
			var got []string
			for _, f := range driftOf(t, in) {
				got = append(got, fmt.Sprint(f.Place, " ", f.Fails))
			}
			same(t, "findings", []string{"mapping.fields[1].formula false", "mapping.fields[2].formula true"}, got)
			less, warnings := mapping.Degrade(in)
			if len(less.Mapping.Fields) != 2 || len(warnings) != 1 || !strings.HasSuffix(warnings[0], ", so Amount is not filled and keeps the values it has.") {
				t.Errorf("left %+v, warnings %q", less.Mapping.Fields, warnings)
			}
		})
	}
}

func driftOf(t *testing.T, in mapping.Input) []mapping.Finding {
	t.Helper()
	findings, err := mapping.Drift(in)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}
