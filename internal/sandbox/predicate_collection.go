package sandbox

import (
	"slices"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// collection is the rows of another table that point to a row, or that are
// brought together with it.
type collection struct {
	name   string // navigation property
	table  *table // nil when the table is not here: then there are no rows
	lookup *attribute
	entity string // name of the table

	// Of many to many alone:
	through *table // brings rows together, nil otherwise
	near    int    // which end of it the row is
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
		for near, end := range [][2]string{{"Entity1", "Entity2"}, {"Entity2", "Entity1"}} {
			if r.text(end[0]+"LogicalName") == t.name && r.text(end[0]+"NavigationPropertyName") == name {
				c := &collection{name: name, entity: r.text(end[1] + "LogicalName"), near: near}
				if c.through = t.data.table(t.data.links[r.text("SchemaName")]); c.through != nil {
					c.table = t.data.table(c.entity)
				}
				return c, true
			}
		}
	}
	return nil, false
}

// of keeps the rows of the collection of one row.
func (c *collection) of(t *table, row int, ended <-chan struct{}) predicate {
	if c.through != nil {
		rows := map[int]bool{}
		c.each(t, nil, ended, func(parent, far int) {
			if parent == row {
				rows[far] = true
			}
		})
		return func(row int) bool { return rows[row] }
	}
	read := c.table.column(c.lookup)
	var v value
	return func(r int) bool {
		read(r, &v)
		parent, ok := t.meant(&v)
		return ok && parent == row
	}
}

// each calls fn with each row of the collections and the row it belongs to,
// in the order of keys.
func (c *collection) each(of *table, keep predicate, ended <-chan struct{}, fn func(parent, row int)) {
	if c.table == nil {
		return
	}
	if c.through != nil {
		type pair struct{ near, far int }
		var pairs []pair
		for row := range (&scan{t: c.through, to: c.through.positions(), ended: ended}).all() {
			near, ok1 := c.through.linkedRow(row, c.near)
			far, ok2 := c.through.linkedRow(row, 1-c.near)
			if ok1 && ok2 && (keep == nil || keep(far)) {
				pairs = append(pairs, pair{near, far})
			}
		}
		slices.SortFunc(pairs, func(p, q pair) int { return c.table.order(c.table.id(p.far), c.table.id(q.far)) })
		for _, p := range pairs {
			fn(p.near, p.far)
		}
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
