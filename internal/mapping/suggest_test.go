package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// table makes a table from "name Type" or "name Type Format", the key first
// and the attribute that names a record second.
func table(name string, attributes ...string) *crosswalk.Entity {
	e := &crosswalk.Entity{LogicalName: name, DisplayName: name}
	for _, text := range attributes {
		parts := append(strings.Fields(text), "")
		a := crosswalk.Attribute{LogicalName: parts[0], DisplayName: strings.ReplaceAll(parts[0], "_", " "), Type: crosswalk.AttributeType(parts[1]), Format: parts[2]}
		e.Attributes = append(e.Attributes, a)
	}
	e.PrimaryID, e.PrimaryName = e.Attributes[0].LogicalName, e.Attributes[1].LogicalName
	return e
}

func suggested(rows []crosswalk.FieldMapping) []string {
	var all []string
	for _, r := range rows {
		text := r.Source + " -> " + r.Target
		for _, flag := range []struct {
			set  bool
			name string
		}{{r.Identifier, "identifier"}, {r.Label, "label"}, {r.Negate, "negate"}} {
			if flag.set {
				text += " " + flag.name
			}
		}
		all = append(all, text)
	}
	return all
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	account := table("account", "accountid UniqueID", "name String", "accountnumber String", "industrycode Choice", "numberofemployees Integer",
		"revenue Money", "revenue_base Money", "statecode State", "statuscode Status", "telephone1 String Phone", "emailaddress1 String Email", "websiteurl String Url",
		"address1_city String", "address1_country String", "description Memo", "createdon DateTime", "modifiedon DateTime",
		"parentaccountid Lookup", "ownerid Owner", "entityimage Other", "stageid UniqueID")
	user := table("systemuser", "systemuserid UniqueID", "fullname String", "firstname String", "lastname String", "internalemailaddress String Email",
		"domainname String", "title String", "jobtitle String", "isdisabled Boolean", "azureactivedirectoryobjectid UniqueID", "parentsystemuserid Lookup")
	contact := table("contact", "contactid UniqueID", "fullname String", "firstname String", "lastname String", "emailaddress1 String Email", "emailaddress2 String Email",
		"telephone1 String", "mobilephone String", "jobtitle String", "accountrolecode Choice", "new_linkedin String", "parentcustomerid Customer")
	custom := crosswalk.Object{Name: "Deal__gc", Fields: append(objects("Company").Fields[:5:5], []crosswalk.Field{
		{Name: "External_ID__gc", DisplayName: "External ID", Type: crosswalk.FieldString},
		{Name: "Status__gc", DisplayName: "Status", Type: crosswalk.FieldDropdown},
		{Name: "Tier__gc", DisplayName: "Tier", Type: crosswalk.FieldDropdown},
		{Name: "Hobbies__gc", DisplayName: "Hobbies", Type: crosswalk.FieldMultiSelect},
		{Name: "Deal_Size__gc", DisplayName: "Deal size", Type: crosswalk.FieldCurrency, Decimals: 2},
		{Name: "Close__gc", DisplayName: "Expected Close", Type: crosswalk.FieldDate},
		{Name: "Won__gc", DisplayName: "Won", Type: crosswalk.FieldBoolean},
		{Name: "Contact_Mail__gc", DisplayName: "Contact mail", Type: crosswalk.FieldEmail},
		{Name: "Name__gc", DisplayName: "Subject", Type: crosswalk.FieldString},
	}...)}
	deal := table("new_deal", "new_dealid UniqueID", "new_subject String", "statecode State", "new_tier Choice", "new_hobbies MultiChoice", "dealsize Money", "won Choice", "expected_close DateTime", "backup String Email")
	tests := []struct {
		entity *crosswalk.Entity
		object *crosswalk.Object
		want   []string
	}{
		{account, objects("Company"), []string{
			"accountid -> External_ID identifier", "name -> Name", "accountnumber -> Account_Number", "industrycode -> Industry label",
			"numberofemployees -> Employees", "revenue -> Annual_Revenue", "statecode -> Status label", "telephone1 -> Phone", "websiteurl -> Website",
			"address1_city -> City", "address1_country -> Country", "description -> Description", "createdon -> Source_Created_On", "modifiedon -> Source_Modified_On",
		}},
		{user, objects("User"), suggested(sorted(crosswalk.NewUserSync("", "").Mapping.Fields, objects("User")))},
		{contact, objects("Company_Person"), []string{
			"fullname -> Name", "jobtitle -> Title", "accountrolecode -> Role label", "emailaddress1 -> Email", "contactid -> External_ID",
		}},
		{contact, objects("Person"), []string{
			"contactid -> External_ID identifier", "fullname -> Name", "firstname -> First_Name", "lastname -> Last_Name", "emailaddress1 -> Email",
			"telephone1 -> Phone", "new_linkedin -> LinkedIn",
		}},
		{deal, &custom, []string{
			"new_dealid -> External_ID__gc identifier", "statecode -> Status__gc label", "new_tier -> Tier__gc label", "new_hobbies -> Hobbies__gc label", "dealsize -> Deal_Size__gc", "expected_close -> Close__gc",
			"backup -> Contact_Mail__gc", "new_subject -> Name__gc",
		}},
		{table("nothing", "nothingid UniqueID", "x String"), &crosswalk.Object{Name: "Empty__gc"}, nil},
	}
	for _, test := range tests {
		t.Run(test.entity.LogicalName+" to "+test.object.Name, func(t *testing.T) {
			t.Parallel()
			same(t, "rows", test.want, suggested(mapping.Suggest(test.entity, test.object)))
		})
	}
}

// sorted returns rows as they are suggested: identifiers first, then in the
// order of the fields.
func sorted(rows []crosswalk.FieldMapping, o *crosswalk.Object) []crosswalk.FieldMapping {
	place := func(r crosswalk.FieldMapping) int {
		if r.Identifier {
			return -1
		}
		return slices.IndexFunc(o.Fields, func(f crosswalk.Field) bool { return f.Name == r.Target })
	}
	slices.SortFunc(rows, func(a, b crosswalk.FieldMapping) int { return place(a) - place(b) })
	return rows
}

// TestSuggestionsCanBeSaved draws tables and objects at random: what is
// suggested has no problem, no field and no attribute twice.
func TestSuggestionsCanBeSaved(t *testing.T) {
	t.Parallel()
	names := []string{"name", "fullname", "title", "emailaddress1", "revenue", "new_name", "status", "statecode", "External_ID", "isdisabled", "Is_Active", "phone", "telephone1"}
	types := []string{"String", "Memo", "Integer", "Money", "Boolean", "DateTime", "Choice", "MultiChoice", "Lookup", "UniqueID", "Other"}
	rapid.Check(t, func(r *rapid.T) {
		attributes := []string{"thingid UniqueID"}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), func(s string) string { return s }).Draw(r, "attributes") {
			attributes = append(attributes, name+" "+rapid.SampledFrom(types).Draw(r, name)+" "+rapid.SampledFrom([]string{"", "Email", "Url"}).Draw(r, "format"))
		}
		e := table("thing", attributes...)
		o := &crosswalk.Object{Name: "Thing__gc", DisplayName: "Thing"}
		for i, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"Name", "Email", "Title", "Status", "External_ID", "Is_Active", "Phone", "Annual_Revenue"}), func(s string) string { return s }).Draw(r, "fields") {
			o.Fields = append(o.Fields, crosswalk.Field{Name: name, DisplayName: fmt.Sprint(name, i), Type: rapid.SampledFrom(crosswalk.FieldTypes()).Draw(r, name)})
		}
		rows := mapping.Suggest(e, o)
		seen := map[string]bool{}
		for _, row := range rows {
			if seen[row.Source] || seen["-> "+row.Target] {
				r.Fatalf("twice: %+v", row)
			}
			seen[row.Source], seen["-> "+row.Target] = true, true
		}
		if len(rows) == 0 {
			return
		}
		_, err := mapping.Compile(mapping.Input{Entity: e, Object: o, Mapping: crosswalk.Mapping{Fields: rows}, Operation: crosswalk.OperationInsert})
		if err != nil {
			r.Fatal(err)
		}
	})
}
