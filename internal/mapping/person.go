package mapping

import (
	"slices"

	"github.com/crosswalk-data/crosswalk"
)

// The objects and fields of a Company Person and its person.
const (
	companyPerson   = "Company_Person"
	personObject    = "Person"
	personField     = "Person"
	companyField    = "Company"
	emailField      = "Email"
	externalIDField = "External_ID"
)

// person compiles how the person of each record is found or made.
func (c *compiler) person() {
	pm := c.in.Mapping.Person
	if pm == nil {
		return
	}
	if c.in.Object.Name != companyPerson {
		c.problems.AddHint("mapping.person", "Remove it, or choose Company Person as object.", "%s has no persons to be found or made.", c.in.Object.DisplayName)
		return
	}
	var o *crosswalk.Object
	if c.in.Objects != nil {
		o = c.in.Objects(personObject)
	}
	if o == nil {
		c.problems.Add("mapping.person", "There is no object %s.", personObject)
		return
	}
	match := pm.Match
	switch match {
	case "":
		match = emailField
	case emailField, externalIDField:
	default:
		c.problems.AddHint("mapping.person.match", "Choose Email or External_ID.", "A person cannot be found by %q.", match)
		return
	}
	for i := range c.in.Mapping.Fields {
		if c.in.Mapping.Fields[i].Identifier {
			c.problems.AddHint(at("mapping.fields", i, "identifier"), "Do not mark it as identifier.", "A Company Person is found by its person and its company alone.")
		}
	}
	if !slices.ContainsFunc(c.in.Mapping.Derived, func(d crosswalk.DerivedMapping) bool { return d.Target == companyField }) {
		c.problems.AddHint("mapping.derived", "Add a derived mapping for Company, usually by the id of the record's account.",
			"A Company Person is found by its person and its company, and nothing fills its company.")
	}
	s := &sink{object: o, place: "mapping.person.fields", prefix: personObject + ".", filled: map[string]string{}, key: match}
	for i := range pm.Fields {
		if fm := &pm.Fields[i]; fm.Identifier && fm.Target != match {
			c.problems.AddHint(at(s.place, i, "identifier"), "Do not mark it as identifier.", "A person is found by %s alone.", match)
		}
		c.row(s, i, &pm.Fields[i])
	}
	if _, ok := s.filled[match]; !ok {
		c.problems.AddHint("mapping.person.match", "Add a row that fills it.", "Persons are found by %s, and no row fills it.", match)
	}
	for i := range o.Fields {
		f := &o.Fields[i]
		if _, ok := s.filled[f.Name]; !ok && f.Required && f.Default == "" && !f.System && f.Name != match {
			c.problems.AddHint("mapping.person.fields", "Add a row that fills it.", "%s is required and nothing fills it.", f.DisplayName)
		}
	}
	c.plan.Person = &Person{Target: s.columns}
}
