package sandbox

import (
	"slices"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// keyed returns the rows that a condition names by their keys with the
// function In, in the order of keys, and false when it does not. A server finds
// them in its index; so few of many rows must not cost a walk over all.
func (t *table) keyed(e odata.Expr) ([]int32, bool) {
	switch e := e.(type) {
	case *odata.Logical:
		if e.Or {
			break
		}
		if rows, ok := t.keyed(e.Left); ok {
			return rows, true
		}
		return t.keyed(e.Right)
	case *odata.Call:
		property, given := e.Argument("PropertyName"), e.Argument("PropertyValues")
		if e.Name != "Microsoft.Dynamics.CRM.In" || property == nil || given == nil || t.textual {
			break // or the key is not all that tells rows apart
		}
		if l, ok := property.Value.(odata.Literal); !ok || l.Text != t.key.name {
			break
		}
		var at []int
		for _, text := range given.Values {
			id, ok := parseGUID(text)
			if pos := t.search(id); ok && pos < t.positions() && t.id(t.at(pos)) == id {
				at = append(at, pos)
			}
		}
		slices.Sort(at)
		rows := make([]int32, 0, len(at))
		for _, pos := range slices.Compact(at) {
			rows = append(rows, int32(t.at(pos)))
		}
		return rows, true
	}
	return nil, false
}
