package mapping

import (
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
)

// Degrade returns the input without the rows of its mapping whose attribute
// the entity no longer has, and for each of them a warning. Rows without which
// the mapping would mean something else stay, for Compile to refuse:
// identifiers, and rows that fill a required field. So do rows that name no
// attribute at all.
func Degrade(in Input) (Input, []string) {
	var warnings []string
	e := in.Entity
	in.Mapping.Fields = slices.DeleteFunc(slices.Clone(in.Mapping.Fields), func(fm crosswalk.FieldMapping) bool {
		a := e.Attribute(fm.Source)
		if fm.Source == "" || fm.Identifier || a != nil && !slices.Contains(in.Gone, a.Member()) {
			return false
		}
		f := in.Object.Field(fm.Target)
		if f == nil || f.Required {
			return false
		}
		warnings = append(warnings, fmt.Sprintf("%s no longer has the attribute %s, so %s is not filled and keeps the values it has.",
			e.DisplayName, fm.Source, f.DisplayName))
		return true
	})
	return in, warnings
}
