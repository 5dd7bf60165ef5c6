package sandbox

import "github.com/crosswalk-data/crosswalk/internal/odata"

// maxExpands is how many navigation properties one query can expand.
const maxExpands = 15

// expandColumns resolves $expand of lookups: the row they point to stands in
// the row, with the columns it selects.
func (t *table) expandColumns(items []odata.Expand, p *preferences) ([]columnWriter, error) {
	if len(items) > maxExpands {
		return nil, badRequest("The number of $expand items is larger than %d.", maxExpands)
	}
	var cols []columnWriter
	for i := range items {
		e := &items[i]
		q := &e.Query
		if len(e.Path) != 1 || q.Filter != nil || q.OrderBy != nil || q.Top >= 0 || q.Count {
			return nil, badRequest("Only $select and $expand are supported inside the $expand of a lookup.")
		}
		a, target, err := t.navigate(e.Path[0])
		if err != nil {
			return nil, err
		}
		w := columnWriter{table: t, attribute: a, generate: t.column(a), name: memberName(e.Path[0]), value: &value{}, target: target}
		if w.columns, err = target.selectColumns(q.Select, p); err != nil {
			return nil, err
		}
		inner, err := target.expandColumns(q.Expand, p)
		if err != nil {
			return nil, err
		}
		w.columns = append(w.columns, inner...)
		cols = append(cols, w)
	}
	return cols, nil
}

// navigate finds the lookup behind a navigation property and the table it
// leads to.
func (t *table) navigate(name string) (*attribute, *table, error) {
	for _, a := range t.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		for _, entity := range a.targets {
			if t.navigationTo(a, entity) != name {
				continue
			}
			if a.typeName == "OwnerType" {
				return nil, nil, notHere("$expand of " + name + ", which leads to several tables")
			}
			if target := t.data.table(entity); target != nil {
				return a, target, nil
			}
			return nil, nil, notHere("$expand of " + name + ", which leads to a table that is not here")
		}
	}
	for _, v := range t.raw.list("OneToManyRelationships") {
		if v.(object).text("ReferencedEntityNavigationPropertyName") == name {
			return nil, nil, notHere("$expand of collections")
		}
	}
	return nil, nil, noProperty(name, t.name)
}
