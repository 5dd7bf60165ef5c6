package mapping

import (
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
)

// Degrade returns the mapping without the rows whose attribute the entity no
// longer has, and for each of them a warning. Rows without which the mapping
// would mean something else stay, for Compile to refuse: identifiers, and
// rows that fill a required field. So do rows that name no attribute at all.
func Degrade(e *crosswalk.Entity, o *crosswalk.Object, m crosswalk.Mapping) (crosswalk.Mapping, []string) {
	var warnings []string
	m.Fields = slices.DeleteFunc(slices.Clone(m.Fields), func(fm crosswalk.FieldMapping) bool {
		if fm.Source == "" || fm.Identifier || e.Attribute(fm.Source) != nil {
			return false
		}
		f := o.Field(fm.Target)
		if f == nil || f.Required {
			return false
		}
		warnings = append(warnings, fmt.Sprintf("%s no longer has the attribute %s, so %s is not filled and keeps the values it has.",
			e.DisplayName, fm.Source, f.DisplayName))
		return true
	})
	return m, warnings
}

// Without returns the entity without the attributes that the Web API calls by
// those members.
func Without(e *crosswalk.Entity, members []string) *crosswalk.Entity {
	less := *e
	less.Attributes = slices.DeleteFunc(slices.Clone(e.Attributes), func(a crosswalk.Attribute) bool {
		return slices.Contains(members, a.Member())
	})
	return &less
}
