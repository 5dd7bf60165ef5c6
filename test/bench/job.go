package main

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// filled is a field of the object that is filled and where its value comes
// from.
type filled struct {
	source  string
	display string
	kind    crosswalk.FieldType
	length  int
	decimal int
}

func (f filled) name() string { return crosswalk.APIName(f.display) + "__gc" }

// accountFields are the twenty fields of the table's main rows, of every kind
// there is: ten texts, an exact decimal, a float, four whole numbers, two
// truths and two moments.
var accountFields = []filled{
	{"accountid", "Account ID", crosswalk.FieldString, 36, 0},
	{"name", "Account Name", crosswalk.FieldString, 160, 0},
	{"accountnumber", "Number", crosswalk.FieldString, 20, 0},
	{"telephone1", "Phone", crosswalk.FieldString, 50, 0},
	{"websiteurl", "Website", crosswalk.FieldURL, 500, 0},
	{"address1_city", "City", crosswalk.FieldString, 80, 0},
	{"address1_country", "Country", crosswalk.FieldString, 80, 0},
	{"address1_line1", "Street", crosswalk.FieldString, 250, 0},
	{"address1_postalcode", "Postal Code", crosswalk.FieldString, 20, 0},
	{"ownerid", "Owner", crosswalk.FieldString, 36, 0},
	{"revenue", "Revenue", crosswalk.FieldCurrency, 0, 2},
	{"address1_latitude", "Latitude", crosswalk.FieldNumber, 0, 5},
	{"industrycode", "Industry", crosswalk.FieldNumber, 0, 0},
	{"numberofemployees", "Employees", crosswalk.FieldNumber, 0, 0},
	{"statecode", "State", crosswalk.FieldNumber, 0, 0},
	{"statuscode", "Reason", crosswalk.FieldNumber, 0, 0},
	{"donotphone", "No Phone", crosswalk.FieldBoolean, 0, 0},
	{"donotemail", "No Mail", crosswalk.FieldBoolean, 0, 0},
	{"createdon", "Made On", crosswalk.FieldDateTime, 0, 0},
	{"modifiedon", "Changed On", crosswalk.FieldDateTime, 0, 0},
}

// contactFields are those of the rows about a derived lookup.
var contactFields = []filled{
	{"contactid", "Contact ID", crosswalk.FieldString, 36, 0},
	{"fullname", "Full Name", crosswalk.FieldString, 160, 0},
	{"firstname", "First Name", crosswalk.FieldString, 100, 0},
	{"lastname", "Last Name", crosswalk.FieldString, 100, 0},
	{"jobtitle", "Job Title", crosswalk.FieldString, 100, 0},
	{"emailaddress1", "Email", crosswalk.FieldString, 100, 0},
	{"telephone1", "Phone", crosswalk.FieldString, 50, 0},
	{"parentcustomerid", "Customer", crosswalk.FieldString, 36, 0},
	{"createdon", "Made On", crosswalk.FieldDateTime, 0, 0},
	{"modifiedon", "Changed On", crosswalk.FieldDateTime, 0, 0},
}

// What the lookup of contacts is called.
const companyDisplay = "Company"

// definition returns an object with those fields and, with an object to look
// up, a lookup to it.
func definition(display string, fields []filled, lookup string) crosswalk.ObjectDefinition {
	d := crosswalk.ObjectDefinition{DisplayName: display}
	for _, f := range fields {
		d.Fields = append(d.Fields, crosswalk.FieldDefinition{DisplayName: f.display, Type: f.kind, MaxLength: f.length, Decimals: f.decimal})
	}
	if lookup != "" {
		d.Fields = append(d.Fields, crosswalk.FieldDefinition{DisplayName: companyDisplay, Type: crosswalk.FieldLookup, Lookup: lookup})
	}
	return d
}

// mappingOf fills those fields, the first of which is the identifier. With
// inverted, every truth is the opposite, which changes every row.
func mappingOf(fields []filled, inverted bool) crosswalk.Mapping {
	var m crosswalk.Mapping
	for i, f := range fields {
		m.Fields = append(m.Fields, crosswalk.FieldMapping{
			Source: f.source, Target: f.name(), Identifier: i == 0, Negate: inverted && f.kind == crosswalk.FieldBoolean,
		})
	}
	return m
}

// jobOf returns a job that reads an entity into an object.
func jobOf(connection, name, entity, object string, m crosswalk.Mapping) client.JobInput {
	return client.JobInput{
		Name: name, ConnectionID: connection, Entity: entity, Object: object,
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental, Mapping: m,
	}
}
