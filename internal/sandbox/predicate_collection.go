package sandbox

import (
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// collection is the rows of another table that point to a row.
type collection struct {
	name   string // navigation property
	table  *table // nil when the table is not here: then there are no rows
	lookup *attribute
	entity string // name of the table
}

// collection finds a collection-valued navigation property.
func (t *table) collection(name string) (*collection, bool) {
	for _, v := range t.raw.list("OneToManyRelationships") {
		r := v.(object)
		if r.text("ReferencedEntityNavigationPropertyName") != name {
			continue
		}
		c := &collection{name: name, entity: r.text("ReferencingEntity")}
		if c.table = t.data.table(c.entity); c.table != nil {
			if c.lookup = c.table.byName[r.text("ReferencingAttribute")]; c.lookup == nil || !c.lookup.readable || !c.lookup.lookup() {
				c.table = nil
			}
		}
		return c, true
	}
	for _, v := range t.raw.list("ManyToManyRelationships") {
		r := v.(object)
		for _, end := range [][2]string{{"Entity1", "Entity2"}, {"Entity2", "Entity1"}} {
			if r.text(end[0]+"LogicalName") == t.name && r.text(end[0]+"NavigationPropertyName") == name {
				return &collection{name: name, entity: r.text(end[1] + "LogicalName")}, true
			}
		}
	}
	return nil, false
}

// each calls fn with each row of the collections and the row it belongs to,
// in the order of keys.
func (c *collection) each(of *table, keep predicate, ended <-chan struct{}, fn func(parent, row int)) {
	if c.table == nil {
		return
	}
	s := &scan{t: c.table, keep: keep, to: c.table.positions(), ended: ended}
	read := c.table.column(c.lookup)
	var v value
	for pos := s.next(0); pos < s.to; pos = s.next(pos + 1) {
		row := s.row(pos)
		read(row, &v)
		if parent, ok := of.meant(&v); ok {
			fn(parent, row)
		}
	}
}

// lambda compiles any and all over a collection. They look at the rows of the
// collection once, and remember those they belong to.
func (x *compiler) lambda(t *table, e *odata.Lambda) (predicate, error) {
	if len(e.Path) > 1 {
		return nil, badRequest("The path to the collection '%s' of any or all must not lead over another navigation property.", e.Path)
	}
	c, ok := t.collection(e.Path[0])
	if !ok {
		if _, _, err := t.navigate(e.Path[0]); err == nil {
			return nil, badRequest("Any/All may only be used following a collection.")
		}
		return nil, noProperty(e.Path[0], t.name)
	}
	if c.table == nil {
		return func(int) bool { return e.All }, nil
	}
	var keep predicate
	if e.Condition != nil {
		condition, err := within(e.Condition, e.Variable)
		if err != nil {
			return nil, err
		}
		if keep, err = x.filter(c.table, condition); err != nil {
			return nil, err
		}
	}
	if e.All {
		holds := keep
		keep = func(row int) bool { return !holds(row) }
	}
	marked := map[int]struct{}{}
	c.each(t, keep, x.ended, func(parent, _ int) { marked[parent] = struct{}{} })
	return func(row int) bool {
		_, is := marked[row]
		return is != e.All
	}, nil
}

// within takes the variable of a lambda from the paths of its condition.
func within(e odata.Expr, variable string) (odata.Expr, error) {
	path := func(o odata.Operand) (odata.Operand, error) {
		p, ok := o.(odata.Path)
		if !ok {
			return o, nil
		}
		if p[0] != variable || len(p) < 2 {
			return nil, badRequest("The path '%s' does not begin with the variable '%s' of any or all.", p, variable)
		}
		return p[1:], nil
	}
	switch e := e.(type) {
	case *odata.Logical:
		left, err := within(e.Left, variable)
		if err != nil {
			return nil, err
		}
		right, err := within(e.Right, variable)
		return &odata.Logical{Or: e.Or, Left: left, Right: right}, err
	case *odata.Not:
		inner, err := within(e.Expr, variable)
		return &odata.Not{Expr: inner}, err
	case *odata.Comparison:
		left, err := path(e.Left)
		if err != nil {
			return nil, err
		}
		right, err := path(e.Right)
		return &odata.Comparison{Op: e.Op, Left: left, Right: right}, err
	case *odata.TextCall:
		of, err := path(e.Of)
		if err != nil {
			return nil, err
		}
		text, err := path(e.Text)
		return &odata.TextCall{Name: e.Name, Of: of, Text: text}, err
	case *odata.Lambda:
		p, err := path(e.Path)
		if err != nil {
			return nil, err
		}
		return &odata.Lambda{Path: p.(odata.Path), All: e.All, Variable: e.Variable, Condition: e.Condition}, nil
	}
	return e, nil
}
