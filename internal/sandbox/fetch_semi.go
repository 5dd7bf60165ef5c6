package sandbox

import (
	"slices"
	"strings"
)

// semiLinks are the link-types that only ask whether there are rows, beside a
// table or within a filter (fetchxml/join-tables.md, filter-rows.md).
var (
	semiLinks   = []string{"exists", "in"}
	filterLinks = []string{"any", "not any", "all", "not all"}
)

// firstOnly is the link-type that takes the first row alone.
const firstOnly = "matchfirstrowusingcrossapply"

// semi compiles a link that brings no columns: a condition on the rows of its
// parent.
func (q *fetchQuery) semi(n *fetchNode, l *fetchEntity) (predicate, error) {
	t := q.c.data.table(l.Name)
	if t == nil || q.c.data.catalog.byName[l.Name] == nil {
		return nil, noEntity(l.Name, 400)
	}
	if n.t.elastic() {
		return nil, &fault{400, "0x80048d0b", "Link entities are not supported"}
	}
	m := &fetchNode{t: t, doc: l}
	if err := q.join(n, m); err != nil {
		return nil, err
	}
	sub := &fetchQuery{c: q.c}
	root := &fetchNode{t: t, doc: l}
	if err := sub.add(root); err != nil {
		return nil, err
	}
	sub.tuple = make([]int32, len(sub.nodes))
	visible := root.keep
	for _, node := range sub.nodes {
		if err := sub.filters(node); err != nil {
			return nil, err
		}
	}
	m.keep = visible // what the filters leave is decided below
	var v value
	return func(row int) bool {
		found := m.matches(row, q.c.r.Context().Done(), &v, nil)
		some := slices.ContainsFunc(found, func(child int32) (is bool) {
			if root.keep == nil || root.keep(int(child)) {
				sub.each(int(child), func() bool { is = true; return false })
			}
			return is
		})
		switch l.LinkType {
		case "not any":
			return !some
		case "all": // there are rows, and none is as the filter says
			return len(found) > 0 && !some
		}
		return some
	}, nil
}

// join finds the columns that a linked table and its parent have in common.
func (q *fetchQuery) join(n, m *fetchNode) error {
	l := m.doc
	var err error
	if m.from, err = m.t.fetchColumn(l.From); err != nil {
		return err
	}
	if m.to, err = n.t.fetchColumn(l.To); err != nil {
		return err
	}
	if family(m.from.attribute) != family(m.to.attribute) {
		return fetchFault("The attributes '" + l.From + "' and '" + l.To + "' of a link-entity are not of the same type.")
	}
	m.byKey = m.from.attribute == m.t.key && !m.t.elastic()
	return nil
}

// hierarchical are the operators about the rows above or below one.
var hierarchical = []string{"above", "eq-or-above", "under", "eq-or-under", "not-under"}

// hierarchy compiles a condition on where a row stands below another: by the
// lookup of the table to itself that the metadata call a hierarchy.
func (q *fetchQuery) hierarchy(t *table, p *reader, f *fetchCondition, text string) (predicate, error) {
	lookup := t.hierarchy()
	if lookup == nil || p.attribute != t.key {
		return nil, fetchFault("The condition operator '" + f.Operator + "' needs the key of a table with a hierarchical relationship, which '" + f.Attribute + "' of '" + t.name + "' is not.")
	}
	id, ok := parseGUID(text)
	if !ok {
		return nil, badRequest("The value '%s' is not of type 'Edm.Guid'.", text)
	}
	chosen := map[int]bool{}
	start, found := t.row(id)
	parent := t.column(lookup)
	var v value
	above := func(row int) (int, bool) {
		parent(row, &v)
		return v.row, v.kind == kindGUID && v.row >= 0 && t.alive(v.row)
	}
	if found && strings.HasSuffix(f.Operator, "above") {
		for row, ok := above(start); ok && !chosen[row]; row, ok = above(row) {
			chosen[row] = true
		}
	} else if found {
		children := map[int][]int{}
		for row := range (&scan{t: t, to: t.positions(), ended: q.c.r.Context().Done()}).all() {
			if of, ok := above(row); ok {
				children[of] = append(children[of], row)
			}
		}
		for next := children[start]; len(next) > 0; {
			row := next[len(next)-1]
			next = next[:len(next)-1]
			if !chosen[row] {
				chosen[row] = true
				next = append(next, children[row]...)
			}
		}
	}
	delete(chosen, start)
	if found && strings.HasPrefix(f.Operator, "eq-or-") {
		chosen[start] = true
	}
	return func(row int) bool { return chosen[row] != (f.Operator == "not-under") }, nil
}

// hierarchy returns the lookup of a table to itself that makes a tree of its
// rows, nil for none.
func (t *table) hierarchy() *attribute {
	for _, v := range t.raw.list("ManyToOneRelationships") {
		if r := v.(object); r.bool("IsHierarchical") && r.text("ReferencedEntity") == t.name {
			return t.byName[r.text("ReferencingAttribute")]
		}
	}
	return nil
}
