package mapping_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// texts is an object with a key and n texts named A, B, C, …
func texts(n int) *crosswalk.Object {
	var fields []crosswalk.Field
	for i := range n {
		fields = append(fields, crosswalk.Field{Name: string(rune('A' + i)), Type: crosswalk.FieldString})
	}
	return object(fields...)
}

// TestRelated shows what a plan asks for of paths that share lookups.
func TestRelated(t *testing.T) {
	t.Parallel()
	m := byCase(
		crosswalk.FieldMapping{Source: "primarycontactid.emailaddress1", Target: "A"},
		crosswalk.FieldMapping{Source: "customerid(account).name", Fallback: []string{"customerid(contact).fullname"}, Target: "B"},
		crosswalk.FieldMapping{Source: "customerid(account).primarycontactid(contact).parentcustomerid(account).name", Target: "C"},
		crosswalk.FieldMapping{Source: "ownerid(systemuser).fullname", Fallback: []string{"ownerid(team).name"}, Target: "D"},
		crosswalk.FieldMapping{Source: "primarycontactid.parentcustomerid", Label: true, Target: "E"},
		crosswalk.FieldMapping{Source: "customerid(account).ownerid", Target: "F"},
		crosswalk.FieldMapping{Source: "customerid(account).ownerid(systemuser).parentsystemuserid.fullname", Target: "G"},
	)
	for _, tracked := range []bool{false, true} {
		t.Run(fmt.Sprint("tracked=", tracked), func(t *testing.T) {
			t.Parallel()
			in := cases(t, texts(7), m)
			in.Tracked = tracked
			plan := must(t, in)
			const table = "@" + mapping.LookupTable
			type related struct {
				Parent, ID, Table, Navigation, Entity string
				Columns                               []string
			}
			var got []related
			for _, r := range plan.Related {
				one := related{ID: plan.Source[r.ID].Name, Navigation: r.Navigation, Entity: r.Entity.LogicalName}
				if r.Parent >= 0 {
					one.Parent = plan.Related[r.Parent].Navigation
				}
				if r.Table >= 0 {
					one.Table = plan.Source[r.Table].Name
				}
				for _, c := range r.Columns {
					one.Columns = append(one.Columns, c.Member+" "+plan.Source[c.Source].Name)
				}
				got = append(got, one)
			}
			const label = "_parentcustomerid_value@" + mapping.FormattedValue
			want := []related{
				{ID: "_primarycontactid_value", Navigation: "primarycontactid", Entity: "contact", Columns: []string{
					"emailaddress1 primarycontactid/emailaddress1", "_parentcustomerid_value primarycontactid/_parentcustomerid_value", label + " primarycontactid/" + label,
				}},
				{ID: "_customerid_value", Navigation: "customerid_account", Entity: "account", Columns: []string{
					"name customerid_account/name", "_primarycontactid_value customerid_account/_primarycontactid_value",
					"_ownerid_value customerid_account/_ownerid_value", "_owninguser_value customerid_account/_owninguser_value",
				}},
				{ID: "_customerid_value", Navigation: "customerid_contact", Entity: "contact", Columns: []string{"fullname customerid_contact/fullname"}},
				{Parent: "customerid_account", ID: "customerid_account/_primarycontactid_value", Navigation: "primarycontactid", Entity: "contact", Columns: []string{
					"_parentcustomerid_value customerid_account/primarycontactid/_parentcustomerid_value",
				}},
				{
					Parent: "primarycontactid", ID: "customerid_account/primarycontactid/_parentcustomerid_value", Navigation: "parentcustomerid_account", Entity: "account",
					Columns: []string{"name customerid_account/primarycontactid/parentcustomerid_account/name"},
				},
				{ID: "_owninguser_value", Navigation: "owninguser", Entity: "systemuser", Columns: []string{"fullname owninguser/fullname"}},
				{ID: "_owningteam_value", Navigation: "owningteam", Entity: "team", Columns: []string{"name owningteam/name"}},
				{Parent: "customerid_account", ID: "customerid_account/_owninguser_value", Navigation: "owninguser", Entity: "systemuser", Columns: []string{
					"_parentsystemuserid_value customerid_account/owninguser/_parentsystemuserid_value",
				}},
				{
					Parent: "owninguser", ID: "customerid_account/owninguser/_parentsystemuserid_value", Navigation: "parentsystemuserid", Entity: "systemuser",
					Columns: []string{"fullname customerid_account/owninguser/parentsystemuserid/fullname"},
				},
			}
			annotations := []string{mapping.FormattedValue}
			if tracked {
				annotations = []string{mapping.LookupTable, mapping.FormattedValue}
				want[1].Table, want[2].Table = "_customerid_value"+table, "_customerid_value"+table
				want[3].Columns = append(want[3].Columns, "_parentcustomerid_value"+table+" customerid_account/primarycontactid/_parentcustomerid_value"+table)
				want[4].Table = "customerid_account/primarycontactid/_parentcustomerid_value" + table
			}
			same(t, "related rows", want, got)
			same(t, "$select", []string{"caseid", "_primarycontactid_value", "_customerid_value", "_owninguser_value", "_owningteam_value"}, plan.Select)
			same(t, "annotations", annotations, plan.Annotations)
		})
	}
}

func TestValuesOfRelatedRows(t *testing.T) {
	t.Parallel()
	plan := must(t, cases(t, texts(4), byCase(
		crosswalk.FieldMapping{Source: "customerid(account).name", Fallback: []string{"customerid(contact).fullname", "title"}, Target: "A"},
		crosswalk.FieldMapping{Source: "customerid", Label: true, Fallback: []string{"title"}, Target: "B"},
		crosswalk.FieldMapping{Source: "customerid", Table: true, Target: "C"},
		crosswalk.FieldMapping{Source: "customerid(account).industrycode", Label: true, Fallback: []string{"urgent"}, Target: "D"},
	)))
	rows, rejects := apply(t, plan,
		map[string]any{
			"customerid_account/name": "Contoso", "_customerid_value": id(7), "_customerid_value@" + mapping.FormattedValue: "Contoso Ltd",
			"_customerid_value@" + mapping.LookupTable: "account", "title": "T", "customerid_account/industrycode": 2, "urgent": true,
		},
		map[string]any{"customerid_account/name": "", "customerid_contact/fullname": "Ada", "title": "T", "urgent": true},
		map[string]any{"title": "T"},
		map[string]any{"customerid_contact/fullname": "\x00"},
		map[string]any{},
	)
	same(t, "rows", []string{
		`A="Contoso" B="Contoso Ltd" C="account" D="Bank"`,
		`A="Ada" B="T" D="true"`,
		`A="T" B="T"`,
		``,
	}, rows)
	same(t, "rejects", []string{"A: invalid_text"}, rejects)
}

func TestPathProblems(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		{"customerid.name", "Customerid can lead to several tables."},
		{"customerid(lead).name", `Customerid does not lead to a table "lead".`},
		{"customerid(account.name", `"customerid(account" lacks its closing bracket.`},
		{"ownerid.fullname", "Ownerid can lead to several tables."},
		{"title.name", "Title (String) is not a lookup that leads to another table."},
		{"gone.name", `Case has no attribute "gone" that can be read.`},
		{"primarycontactid.gone", `Contact has no attribute "gone" that can be read.`},
		{"primarycontactid.photo", "Photo (photo) is of a type that cannot be read."},
		{"nowhere.name", "Nowhere cannot be followed to account: Dynamics names no navigation property."},
		{"shared(account).name", "Shared cannot be followed to account: Dynamics has one navigation property for several tables."},
		{"tableless.name", "Tableless cannot be followed: Dynamics names no table."},
		{"hidden.name", "The table secret, to which Hidden leads, cannot be read."},
		{"customerid(account).ownerid(team).name", `Account has no attribute "owningteam" that can be read.`},
		{"a.b.c.d.e", "a.b.c.d.e goes through 4 lookups; at most 3 are followed."},
		{"primarycontactid.", `Contact has no attribute "" that can be read.`},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Compile(cases(t, texts(1), byCase(crosswalk.FieldMapping{Source: "title", Fallback: []string{test.path}, Target: "A"})))
			same(t, "problems", []string{"mapping.fields[1].fallback[0]: " + test.want}, problems(t, err))
		})
	}
	t.Run("hint with the tables", func(t *testing.T) {
		t.Parallel()
		_, err := mapping.Compile(cases(t, texts(1), byCase(crosswalk.FieldMapping{Source: "customerid.name", Target: "A"})))
		var e *crosswalk.Error
		if !errors.As(err, &e) || e.Fields[0].Hint != "Name it, as in customerid(account); it can be account, contact." {
			t.Errorf("%+v", e)
		}
	})
	t.Run("no catalog", func(t *testing.T) {
		t.Parallel()
		in := cases(t, texts(1), byCase(crosswalk.FieldMapping{Source: "primarycontactid.fullname", Target: "A"}))
		in.Catalog = nil
		_, err := mapping.Compile(in)
		same(t, "problems", []string{"mapping.fields[1].source: Lookups cannot be followed here."}, problems(t, err))
	})
	t.Run("unreachable catalog", func(t *testing.T) {
		t.Parallel()
		in := cases(t, texts(1), byCase(crosswalk.FieldMapping{Source: "primarycontactid.fullname", Target: "A"}))
		down := crosswalk.Errorf(crosswalk.CodeUnavailable, "down")
		in.Catalog = func(string) (*crosswalk.Entity, error) { return nil, down }
		if _, err := mapping.Compile(in); !errors.Is(err, down) {
			t.Errorf("got %v, want the catalog's error", err)
		}
	})
	t.Run("sixteen lookups", func(t *testing.T) {
		t.Parallel()
		in := cases(t, texts(16), byCase())
		for i := range 16 {
			name := fmt.Sprint("l", i)
			in.Entity.Attributes = append(in.Entity.Attributes, crosswalk.Attribute{
				LogicalName: name, Type: crosswalk.AttributeLookup, Targets: []string{"contact"}, Navigation: map[string]string{"contact": name},
			})
			in.Mapping.Fields = append(in.Mapping.Fields, crosswalk.FieldMapping{Source: name + ".fullname", Target: string(rune('A' + i))})
		}
		_, err := mapping.Compile(in)
		same(t, "problems", []string{"mapping: 16 lookups are followed; Dynamics follows at most 15 for one request."}, problems(t, err))
	})
}
