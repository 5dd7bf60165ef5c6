package mapping

import (
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// knownPairs are attributes of Microsoft's own tables and the fields that they fill,
// where the names alone do not show that. Of several attributes for one field, the
// first that the table has is taken.
var knownPairs = []struct{ attribute, field string }{
	{"fullname", "Name"},
	{"name", "Name"},
	{"subject", "Name"},
	{"title", "Title"},
	{"title", "Name"},
	{"internalemailaddress", "Email"},
	{"emailaddress1", "Email"},
	{"emailaddress", "Email"},
	{"domainname", "Username"},
	{"jobtitle", "Title"},
	{"accountrolecode", "Role"},
	{"telephone1", "Phone"},
	{"address1_telephone1", "Phone"},
	{"mobilephone", "Phone"},
	{"websiteurl", "Website"},
	{"industrycode", "Industry"},
	{"numberofemployees", "Employees"},
	{"revenue", "Annual_Revenue"},
	{"statecode", "Status"},
	{"address1_city", "City"},
	{"address1_country", "Country"},
	{"customertypecode", "Type"},
	{"createdon", "Source_Created_On"},
	{"modifiedon", "Source_Modified_On"},
	{"isdisabled", "Is_Active"},
}

// Suggest returns rows that fill fields of the object from attributes of the entity,
// likely enough to be offered to a person for correction. The record's key fills
// External_ID, as identifier unless a person and a company identify the row. Then
// come the known pairs, attributes and fields of the same name, the attribute that
// names a record for Name, and addresses by their format. No field and no attribute
// is in two rows, and every row can be saved as it is.
func Suggest(e *crosswalk.Entity, o *crosswalk.Object) []crosswalk.FieldMapping {
	s := suggester{entity: e, object: o, rows: map[string]crosswalk.FieldMapping{}, taken: map[string]bool{}}
	s.pair(e.PrimaryID, externalIDField)
	for _, p := range knownPairs {
		s.pair(p.attribute, p.field)
	}
	for i := range o.Fields {
		s.sameName(&o.Fields[i])
	}
	s.pair(e.PrimaryName, "Name")
	for i := range o.Fields {
		s.sameFormat(&o.Fields[i])
	}
	var rows []crosswalk.FieldMapping
	for i := range o.Fields {
		if row, ok := s.rows[o.Fields[i].Name]; ok {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b crosswalk.FieldMapping) int {
		switch {
		case a.Identifier == b.Identifier:
			return 0
		case a.Identifier:
			return -1
		}
		return 1
	})
	return rows
}

type suggester struct {
	entity *crosswalk.Entity
	object *crosswalk.Object
	rows   map[string]crosswalk.FieldMapping // by field
	taken  map[string]bool                   // attributes
}

// pair adds a row for the attribute and the field, if both exist, fit each other and
// have no row yet.
func (s *suggester) pair(attribute, field string) {
	a, f := s.entity.Attribute(attribute), s.object.Field(field)
	if f == nil {
		f = s.object.Field(field + crosswalk.CustomSuffix)
	}
	if a == nil || f == nil || f.System || s.taken[attribute] || !readable(a) || a.IsLookup() {
		return
	}
	if _, ok := s.rows[f.Name]; ok {
		return
	}
	key := attribute == s.entity.PrimaryID
	if !key && a.Type == crosswalk.AttributeUniqueID {
		return // ids of other things mean nothing by themselves
	}
	negate := attribute == "isdisabled" && field == "Is_Active"
	if negate && (a.Type != crosswalk.AttributeBoolean || f.Type != crosswalk.FieldBoolean) {
		return
	}
	label := a.HasLabels() && (f.Type == crosswalk.FieldDropdown || f.Type == crosswalk.FieldMultiSelect || f.Type == crosswalk.FieldString)
	if operation(a, label, f) == opNone {
		return
	}
	s.taken[attribute] = true
	s.rows[f.Name] = crosswalk.FieldMapping{
		Source: attribute, Label: label, Target: f.Name,
		Identifier: key && field == externalIDField && s.object.Name != companyPerson, Negate: negate,
	}
}

// sameName looks for an attribute with the name of the field: by logical name, with
// or without the publisher's prefix, or by display name.
func (s *suggester) sameName(f *crosswalk.Field) {
	names := []string{plainName(strings.TrimSuffix(f.Name, crosswalk.CustomSuffix)), plainName(f.DisplayName)}
	for _, of := range []func(*crosswalk.Attribute) string{
		func(a *crosswalk.Attribute) string { return a.LogicalName },
		func(a *crosswalk.Attribute) string { _, name, _ := strings.Cut(a.LogicalName, "_"); return name },
		func(a *crosswalk.Attribute) string { return a.DisplayName },
	} {
		for i := range s.entity.Attributes {
			a := &s.entity.Attributes[i]
			if name := plainName(of(a)); name != "" && slices.Contains(names, name) {
				s.pair(a.LogicalName, f.Name)
			}
		}
	}
}

// sameFormat looks for an attribute that holds addresses like the field.
func (s *suggester) sameFormat(f *crosswalk.Field) {
	format := map[crosswalk.FieldType]string{crosswalk.FieldEmail: "Email", crosswalk.FieldURL: "Url"}[f.Type]
	for i := range s.entity.Attributes {
		if a := &s.entity.Attributes[i]; format != "" && a.Format == format {
			s.pair(a.LogicalName, f.Name)
		}
	}
}

// plainName returns the letters and digits of a name in lower case.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r | 0x20
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r >= 0x80:
			return r
		}
		return -1
	}, name)
}
