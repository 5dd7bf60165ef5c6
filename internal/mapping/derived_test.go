package mapping_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// pointing is an object with lookups.
func pointing() *crosswalk.Object {
	return object(
		crosswalk.Field{Name: "Company", Type: crosswalk.FieldLookup, Lookup: "Company"},
		crosswalk.Field{Name: "CSM", Type: crosswalk.FieldLookup, Lookup: "User", Required: true},
		crosswalk.Field{Name: "Parent", Type: crosswalk.FieldLookup, Lookup: "Target"},
		crosswalk.Field{Name: "Lost", Type: crosswalk.FieldLookup, Lookup: "Nothing__gc"},
		crosswalk.Field{Name: "Amount", Type: crosswalk.FieldCurrency, Decimals: 2},
		crosswalk.Field{Name: "Kind", Type: crosswalk.FieldDropdown},
		crosswalk.Field{Name: "Notes", Type: crosswalk.FieldRichText},
	)
}

// csm fills the required lookup of pointing.
func csm() crosswalk.DerivedMapping {
	return crosswalk.DerivedMapping{Target: "CSM", Match: []crosswalk.MatchPair{{Source: "ownerid(systemuser).systemuserid", Field: "External_ID"}}}
}

func TestDerived(t *testing.T) {
	t.Parallel()
	m := byCase(crosswalk.FieldMapping{Source: "title", Target: "Kind"})
	m.Derived = []crosswalk.DerivedMapping{
		csm(),
		{Target: "Company", OnSeveral: crosswalk.SeveralReject, OnNone: crosswalk.NoneReject, Match: []crosswalk.MatchPair{
			{Source: "customerid(account).accountid", Fallback: []string{"customerid(contact).parentcustomerid"}, Field: "External_ID"},
			{Constant: "12.5", Field: "ARR"},
			{Source: "customerid", Label: true, Field: "Name"},
			{Source: "kind", Label: true, Field: "Industry"},
			{Source: "title", Field: "Account_Number"},
			{Source: "modifiedon", Field: "Renewal_Date"},
		}},
		{Target: "Parent", Match: []crosswalk.MatchPair{{Source: "amount", Field: "Amount"}}},
	}
	m.TimeZone = "Europe/Berlin"
	plan := must(t, cases(t, pointing(), m))
	type derived struct {
		Field, Object string
		Match         []string
		OnSeveral     crosswalk.SeveralPolicy
		OnNone        crosswalk.NonePolicy
	}
	var got []derived
	for _, d := range plan.Derived {
		one := derived{Field: d.Field.Name, Object: d.Object, OnSeveral: d.OnSeveral, OnNone: d.OnNone}
		for _, c := range d.Match {
			one.Match = append(one.Match, c.Field.Name+" "+c.Kind.String())
		}
		got = append(got, one)
		if d.Identifier {
			t.Errorf("%s identifies a row", d.Field.Name)
		}
	}
	same(t, "derived", []derived{
		{"CSM", "User", []string{"External_ID Text"}, crosswalk.SeveralAny, crosswalk.NoneReject},
		{"Company", "Company", []string{"External_ID Text", "ARR Decimal", "Name Text", "Industry Text", "Account_Number Text", "Renewal_Date Date"}, crosswalk.SeveralReject, crosswalk.NoneReject},
		{"Parent", "Target", []string{"Amount Decimal"}, crosswalk.SeveralAny, crosswalk.NoneEmpty},
	}, got)

	long := "longer than the hundred characters of the field: ----------------------------------------------------------------------"
	rows, rejects := apply(t, plan,
		map[string]any{
			"title": "x", "owninguser/systemuserid": id(1), "customerid_account/accountid": id(2), "_customerid_value": id(2),
			"_customerid_value@" + mapping.FormattedValue: "Contoso", "kind": 2, "amount": "1.005", "modifiedon": "2024-03-31T22:30:00Z",
		},
		map[string]any{"title": long, "owninguser/systemuserid": id(1), "customerid_contact/_parentcustomerid_value": id(3), "_customerid_value@" + mapping.FormattedValue: "", "kind": 7},
		map[string]any{"title": "x"},
		map[string]any{"title": "x", "owninguser/systemuserid": id(1), "amount": "1e400"},
	)
	same(t, "rows", []string{
		`Kind="x" CSM.External_ID="` + id(1) + `" Company.External_ID="` + id(2) + `" Company.ARR=12.50 Company.Name="Contoso" Company.Industry="Bank" Company.Account_Number="x" Company.Renewal_Date=2024-04-01 Parent.Amount=1.01`,
		`Kind="` + long + `" CSM.External_ID="` + id(1) + `" Company.External_ID="` + id(3) + `" Company.ARR=12.50 Company.Industry="7" Company.Account_Number="` + long + `"`,
	}, rows)
	same(t, "rejects", []string{"CSM: required_empty", "Parent: number_range"}, rejects)
}

func TestDerivedProblems(t *testing.T) {
	t.Parallel()
	pair := crosswalk.MatchPair{Source: "title", Field: "Name"}
	tests := []struct {
		name    string
		derived crosswalk.DerivedMapping
		want    []string
	}{
		{"nothing", crosswalk.DerivedMapping{}, []string{
			"mapping.derived[1].target: Choose the field to fill.",
			"mapping.derived[1].match: A derived mapping has 1 to 6 pairs, not 0.",
		}},
		{"no lookup", crosswalk.DerivedMapping{Target: "Amount", Match: []crosswalk.MatchPair{pair}}, []string{"mapping.derived[1].target: Amount (Currency) is not a lookup."}},
		{"no object", crosswalk.DerivedMapping{Target: "Lost", Match: []crosswalk.MatchPair{pair}}, []string{
			"mapping.derived[1].target: Lost points to Nothing__gc, and there is no such object.",
		}},
		{"twice", crosswalk.DerivedMapping{Target: "CSM", Match: []crosswalk.MatchPair{pair}}, []string{"mapping.derived[1].target: CSM is already filled by derived mapping 1."}},
		{"unknown policies", crosswalk.DerivedMapping{Target: "Company", OnSeveral: "both", OnNone: "make", Match: []crosswalk.MatchPair{pair}}, []string{
			`mapping.derived[1].on_several: "both" is not a way to treat several matches.`,
			`mapping.derived[1].on_none: "make" is not a way to treat values without a match.`,
		}},
		{"own object", crosswalk.DerivedMapping{Target: "Parent", OnNone: crosswalk.NoneReject, Match: []crosswalk.MatchPair{{Source: "title", Field: "Key"}}}, []string{
			"mapping.derived[1].on_none: Parent points to the object that the job fills, so the row that it waits for can come later.",
		}},
		{"pairs", crosswalk.DerivedMapping{Target: "Company", Match: []crosswalk.MatchPair{
			{},
			{Source: "gone", Field: "Gone"},
			{Source: "title", Field: "GSID"},
			{Source: "title", Field: "Description"},
			{Source: "urgent", Field: "Name"},
			{Source: "urgent", Field: "ARR", Label: true},
			{Source: "customerid", Constant: "x", Field: "Name"},
			{Constant: "x", Field: "Employees"},
		}}, []string{
			"mapping.derived[1].match: A derived mapping has 1 to 6 pairs, not 8.",
			"mapping.derived[1].match[0].source: Choose the attribute to read.",
			"mapping.derived[1].match[0].field: Choose the field that must equal the value.",
			`mapping.derived[1].match[1].source: Case has no attribute "gone" that can be read.`,
			`mapping.derived[1].match[1].field: Company has no field "Gone".`,
			"mapping.derived[1].match[2].field: GSID is filled by Crosswalk itself, and no record knows it.",
			"mapping.derived[1].match[3].field: Description (RichText) cannot be compared with a value of a record.",
			"mapping.derived[1].match[5].source: The label of Urgent (Boolean) cannot be compared with ARR (Currency).",
			"mapping.derived[1].match[6].field: Name is in two pairs.",
			"mapping.derived[1].match[6].constant: A row takes its value from an attribute, a constant or a formula, not from two of them.",
			`mapping.derived[1].match[7].constant: Employees cannot hold it: "x" is not a whole number that fits 64 bits.`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := byCase()
			m.Derived = []crosswalk.DerivedMapping{csm(), test.derived}
			_, err := mapping.Compile(cases(t, pointing(), m))
			same(t, "problems", test.want, problems(t, err))
		})
	}
	t.Run("required", func(t *testing.T) {
		t.Parallel()
		empty := csm()
		empty.OnNone = crosswalk.NoneEmpty
		for _, test := range []struct {
			derived []crosswalk.DerivedMapping
			want    []string
		}{
			{nil, []string{"mapping.fields: CSM is required and nothing fills it."}},
			{[]crosswalk.DerivedMapping{empty}, []string{"mapping.derived[0].on_none: CSM is required and cannot stay empty."}},
		} {
			m := byCase()
			m.Derived = test.derived
			_, err := mapping.Compile(cases(t, pointing(), m))
			same(t, "problems", test.want, problems(t, err))
		}
	})
}

// people is a mapping of contacts that find their persons and companies.
func people(match string, person ...crosswalk.FieldMapping) crosswalk.Mapping {
	return crosswalk.Mapping{
		Fields:  []crosswalk.FieldMapping{{Source: "fullname", Target: "Name"}},
		Derived: []crosswalk.DerivedMapping{{Target: "Company", Match: []crosswalk.MatchPair{{Source: "parentcustomerid", Field: "External_ID"}}}},
		Person:  &crosswalk.PersonMapping{Match: match, Fields: person},
	}
}

// contacts is an input that reads contacts into Company_Person.
func contacts(t testing.TB, m crosswalk.Mapping) mapping.Input {
	t.Helper()
	in := cases(t, objects("Company_Person"), m)
	in.Entity, _ = catalog("contact")
	return in
}

func TestPerson(t *testing.T) {
	t.Parallel()
	name := crosswalk.FieldMapping{Source: "fullname", Target: "Name"}
	mail := crosswalk.FieldMapping{Source: "emailaddress1", Target: "Email"}
	key := crosswalk.FieldMapping{Source: "contactid", Target: "External_ID", Identifier: true}
	plan := must(t, contacts(t, people("", name, mail)))
	var targets []string
	for _, c := range plan.Person.Target {
		targets = append(targets, c.Field.Name+map[bool]string{true: " identifies"}[c.Identifier])
	}
	same(t, "person", []string{"Name", "Email identifies"}, targets)
	if d := plan.Derived[0]; !d.Identifier || d.OnNone != crosswalk.NoneReject {
		t.Errorf("the company: %+v", d)
	}
	rows, rejects := apply(t, plan,
		map[string]any{"fullname": "Ada", "emailaddress1": "ADA.Straße@Contoso.com", "_parentcustomerid_value": id(5)},
		map[string]any{"fullname": "Bob", "_parentcustomerid_value": id(5)},
		map[string]any{"fullname": "Cid", "emailaddress1": "cid", "_parentcustomerid_value": id(5)},
		map[string]any{"fullname": "Dan", "emailaddress1": "dan@contoso.com"},
	)
	same(t, "rows", []string{`Name="Ada" Company.External_ID="` + id(5) + `" Person.Name="Ada" Person.Email="ada.straße@contoso.com"`}, rows)
	same(t, "rejects", []string{"Person.Email: identifier_empty", "Person.Email: not_an_email", "Company: identifier_empty"}, rejects)

	plan = must(t, contacts(t, people("External_ID", mail, key)))
	rows, _ = apply(t, plan, map[string]any{"emailaddress1": "ADA@Contoso.com", "_parentcustomerid_value": id(5)})
	same(t, "rows", []string{`Company.External_ID="` + id(5) + `" Person.Email="ADA@Contoso.com" Person.External_ID="` + id(0) + `"`}, rows)
}

func TestPersonProblems(t *testing.T) {
	t.Parallel()
	mail := crosswalk.FieldMapping{Source: "emailaddress1", Target: "Email"}
	empty := people("", mail)
	empty.Derived[0].OnNone = crosswalk.NoneEmpty
	taken := people("", mail)
	taken.Fields = append(taken.Fields, crosswalk.FieldMapping{Source: "contactid", Target: "External_ID", Identifier: true})
	taken.Derived = append(taken.Derived[:0:0], crosswalk.DerivedMapping{Target: "Person", Match: []crosswalk.MatchPair{{Source: "contactid", Field: "External_ID"}}})
	tests := []struct {
		name string
		m    crosswalk.Mapping
		want []string
	}{
		{"match not filled", people("External_ID", mail), []string{"mapping.person.match: Persons are found by External_ID, and no row fills it."}},
		{"unknown match", people("Phone", mail), []string{`mapping.person.match: A person cannot be found by "Phone".`}},
		{"company may be empty", empty, []string{"mapping.derived[0].on_none: A Company Person is found by its company, which therefore cannot stay empty."}},
		{"other identifiers", taken, []string{
			"mapping.derived[0].target: Person is already filled by the person's mapping.",
			"mapping.fields[1].identifier: A Company Person is found by its person and its company alone.",
			"mapping.derived: A Company Person is found by its person and its company, and nothing fills its company.",
		}},
		{"rows", people("", mail, crosswalk.FieldMapping{Source: "gone", Target: "Nme"}, crosswalk.FieldMapping{Source: "fullname", Target: "Name", Identifier: true}), []string{
			`mapping.person.fields[1].source: Contact has no attribute "gone" that can be read.`,
			`mapping.person.fields[1].target: Person has no field "Nme".`,
			"mapping.person.fields[2].identifier: A person is found by Email alone.",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Compile(contacts(t, test.m))
			same(t, "problems", test.want, problems(t, err))
		})
	}
	m := byCase()
	m.Person = &crosswalk.PersonMapping{}
	_, err := mapping.Compile(cases(t, texts(0), m))
	if diff := cmp.Diff([]string{"mapping.person: Target has no persons to be found or made."}, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}

// TestRejectsOfMatches shows which field rejects of a derived mapping name,
// and that labels match options whatever their case.
func TestRejectsOfMatches(t *testing.T) {
	t.Parallel()
	user := crosswalk.Object{Name: "User", DisplayName: "User", Fields: []crosswalk.Field{
		{Name: "Size", DisplayName: "Size", Type: crosswalk.FieldNumber},
		{Name: "Kind", DisplayName: "Kind", Type: crosswalk.FieldDropdown, Options: []string{"Bank"}},
	}}
	m := byCase()
	m.Derived = []crosswalk.DerivedMapping{{Target: "CSM", OnNone: crosswalk.NoneReject, Match: []crosswalk.MatchPair{
		{Source: "customerid(account).name", Fallback: []string{"number"}, Field: "Size"}, {Source: "title", Field: "Kind"},
	}}}
	in := cases(t, pointing(), m)
	in.Objects = func(string) *crosswalk.Object { return &user }
	plan := must(t, in)
	rows, _ := apply(t, plan, map[string]any{"number": " 12 ", "title": " BANK"}, map[string]any{"number": "12", "title": "other"})
	same(t, "rows", []string{`CSM.Size=12 CSM.Kind="Bank"`, `CSM.Size=12 CSM.Kind="other"`}, rows)
	same(t, "added", nil, plan.TakeOptions())

	src := plan.NewSourceBatch()
	number := slices.Index(sources(plan.Source), "number")
	put(t, &src.Columns[0], id(1))
	put(t, &src.Columns[number], "12a")
	src.EndRow()
	put(t, &src.Columns[0], id(2))
	src.AppendBad(number, []byte("[]"))
	src.EndRow()
	put(t, &src.Columns[0], id(3))
	src.EndRow()
	var got []string
	rejects, _ := plan.Apply(src, plan.NewBatch(), nil)
	for _, r := range rejects {
		got = append(got, fmt.Sprintf("%s %s %q: %s", r.Field, r.Code, r.Value, r.Message))
	}
	same(t, "rejects", []string{
		`CSM not_a_number "12a": CSM (Size): "12a" cannot be read as a number.`,
		`CSM malformed "[]": CSM (Size): Dynamics sent [] for number, which is not a value of its type.`,
		`CSM required_empty "": CSM is required and the record has no value for it.`,
	}, got)
}
