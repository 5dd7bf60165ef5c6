package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// catalog is a small Dynamics: cases of accounts and contacts, with owners.
func catalog(name string) (*crosswalk.Entity, error) {
	lookup := func(name, table, navigation string) crosswalk.Attribute {
		return crosswalk.Attribute{LogicalName: name, Type: crosswalk.AttributeLookup, Targets: []string{table}, Navigation: map[string]string{table: navigation}}
	}
	plain := func(name string, t crosswalk.AttributeType) crosswalk.Attribute {
		return crosswalk.Attribute{LogicalName: name, Type: t}
	}
	customer := func(name string) crosswalk.Attribute {
		return crosswalk.Attribute{
			LogicalName: name, Type: crosswalk.AttributeCustomer, Targets: []string{"account", "contact"},
			Navigation: map[string]string{"account": name + "_account", "contact": name + "_contact"},
		}
	}
	owner := crosswalk.Attribute{LogicalName: "ownerid", Type: crosswalk.AttributeOwner, Targets: []string{"systemuser", "team"}, Navigation: map[string]string{"owner": "ownerid"}}
	options := []crosswalk.Option{{Value: 1, Label: "Retail"}, {Value: 2, Label: "Bank"}, {Value: 3, Label: "RETAIL"}, {Value: 4, Label: strings.Repeat("x", 251)}, {Value: 5}}
	entities := map[string][]crosswalk.Attribute{
		"case": {
			plain("caseid", crosswalk.AttributeUniqueID), plain("title", crosswalk.AttributeString), plain("number", crosswalk.AttributeString),
			plain("text", crosswalk.AttributeMemo), plain("amount", crosswalk.AttributeDecimal), plain("urgent", crosswalk.AttributeBoolean),
			{LogicalName: "modifiedon", Type: crosswalk.AttributeDateTime, DateBehavior: crosswalk.DateUserLocal},
			{LogicalName: "kind", Type: crosswalk.AttributeChoice, Options: options},
			{LogicalName: "kinds", Type: crosswalk.AttributeMultiChoice, Options: options},
			customer("customerid"), lookup("primarycontactid", "contact", "primarycontactid"), owner,
			lookup("owninguser", "systemuser", "owninguser"), lookup("owningteam", "team", "owningteam"),
			{LogicalName: "nowhere", Type: crosswalk.AttributeLookup, Targets: []string{"account"}},
			{LogicalName: "shared", Type: crosswalk.AttributeLookup, Targets: []string{"account", "contact"}, Navigation: map[string]string{"account": "shared", "contact": "shared"}},
			plain("tableless", crosswalk.AttributeLookup),
			lookup("hidden", "secret", "hidden"),
		},
		"account": {
			plain("accountid", crosswalk.AttributeUniqueID), plain("name", crosswalk.AttributeString),
			lookup("primarycontactid", "contact", "primarycontactid"), owner, lookup("owninguser", "systemuser", "owninguser"),
			{LogicalName: "industrycode", Type: crosswalk.AttributeChoice, Options: options},
		},
		"contact": {
			plain("contactid", crosswalk.AttributeUniqueID), plain("fullname", crosswalk.AttributeString),
			plain("emailaddress1", crosswalk.AttributeString), customer("parentcustomerid"), plain("photo", crosswalk.AttributeOther),
		},
		"systemuser": {
			plain("systemuserid", crosswalk.AttributeUniqueID), plain("fullname", crosswalk.AttributeString),
			lookup("parentsystemuserid", "systemuser", "parentsystemuserid"), plain("isdisabled", crosswalk.AttributeBoolean),
		},
		"team": {plain("teamid", crosswalk.AttributeUniqueID), plain("name", crosswalk.AttributeString)},
	}
	attributes, ok := entities[name]
	if !ok {
		return nil, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no table %s.", name)
	}
	for i := range attributes {
		attributes[i].DisplayName = strings.ToUpper(attributes[i].LogicalName[:1]) + attributes[i].LogicalName[1:]
	}
	return &crosswalk.Entity{
		LogicalName: name, EntitySetName: name + "s", DisplayName: strings.ToUpper(name[:1]) + name[1:],
		PrimaryID: attributes[0].LogicalName, PrimaryName: attributes[1].LogicalName, Attributes: attributes,
	}, nil
}

// objects are those that lookups of the tests point to.
func objects(name string) *crosswalk.Object {
	all := crosswalk.StandardObjects()
	i := slices.IndexFunc(all, func(o crosswalk.Object) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// cases is an input that reads cases into the object.
func cases(t testing.TB, o *crosswalk.Object, m crosswalk.Mapping) mapping.Input {
	t.Helper()
	e, err := catalog("case")
	if err != nil {
		t.Fatal(err)
	}
	return mapping.Input{Entity: e, Catalog: catalog, Object: o, Objects: objects, Mapping: m}
}

// byCase is a mapping with the case's id as identifier and the rows given.
func byCase(rows ...crosswalk.FieldMapping) crosswalk.Mapping {
	return crosswalk.Mapping{Fields: append([]crosswalk.FieldMapping{{Source: "caseid", Target: "Key", Identifier: true}}, rows...)}
}

// must compiles an input that has no problems.
func must(t testing.TB, in mapping.Input) *mapping.Plan {
	t.Helper()
	plan, err := mapping.Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// id is a GUID made of a number.
func id(n int) string { return fmt.Sprintf("%08d-34cb-ed11-b596-0022481d68cd", n) }

// apply maps records, given as values by the names of Source columns; the key
// is filled. It returns the rows as texts, their null values left out, and the
// rejects as "field: code".
func apply(t testing.TB, plan *mapping.Plan, records ...map[string]any) (rows, rejects []string) {
	t.Helper()
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for n, record := range records {
		for i := range src.Columns {
			c := &src.Columns[i]
			v, ok := record[c.Name]
			if i == 0 && !ok {
				v = id(n)
			}
			put(t, c, v)
		}
		src.EndRow()
	}
	got, _ := plan.Apply(src, dst, nil)
	for _, r := range got {
		rejects = append(rejects, r.Field+": "+string(r.Code))
	}
	for row := range dst.Rows() {
		var values []string
		for i := range dst.Columns {
			c := &dst.Columns[i]
			if c.Name == mapping.SourceID || c.Name == "Key" || !c.Valid[row] {
				continue
			}
			values = append(values, c.Name+"="+read(c, row))
		}
		rows = append(rows, strings.Join(values, " "))
	}
	return rows, rejects
}

// same compares what came out with what was wanted.
func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// sources returns the names of a plan's source columns.
func sources(specs []column.Spec) []string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}
