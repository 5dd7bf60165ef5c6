package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// hop is one lookup of a path, with the table to which it is followed and the
// navigation property that leads there.
type hop struct {
	lookup     *crosswalk.Attribute
	navigation string
	several    bool // the lookup can lead to other tables too
	entity     *crosswalk.Entity
}

// trail is where a path leads: through lookups to an attribute.
type trail struct {
	hops      []hop
	attribute *crosswalk.Attribute
	path      string
}

// ref is an attribute that is read, and its column in Plan.Source.
type ref struct {
	attribute *crosswalk.Attribute
	column    int
	path      string
	related   int // index in Plan.Related of the row that has the attribute; -1 is the record itself
}

// read makes the plan read the attribute at the end of a path, and returns its
// column. When the path leads nowhere it notes a problem at the place in the input
// and reports false.
func (c *compiler) read(at, path string) (ref, bool) {
	t, ok := c.resolve(at, path)
	if !ok {
		return ref{}, false
	}
	return c.take(t), true
}

// resolve finds where a path leads, without making the plan read it. When the path
// leads nowhere it notes a problem at the place in the input and reports false.
func (c *compiler) resolve(at, path string) (trail, bool) {
	t := trail{path: path}
	if path == "" {
		c.problems.Add(at, "Choose the attribute to read.")
		return t, false
	}
	parts := strings.Split(path, ".")
	if len(parts) > crosswalk.MaxLookups+1 {
		c.problems.AddHint(at, "Choose an attribute that is nearer.", "%s goes through %d lookups; at most %d are followed.", path, len(parts)-1, crosswalk.MaxLookups)
		return t, false
	}
	e, prefix := c.in.Entity, ""
	for _, part := range parts[:len(parts)-1] {
		h, ok := c.follow(at, e, prefix, part)
		if !ok {
			return t, false
		}
		t.hops = append(t.hops, h)
		e, prefix = h.entity, prefix+h.navigation+"/"
	}
	t.attribute = c.attribute(at, e, prefix, parts[len(parts)-1])
	if t.attribute == nil {
		return t, false
	}
	if !readable(t.attribute) {
		c.drift(at, DriftType, fmt.Sprintf("%s (%s) can no longer be read", t.attribute.DisplayName, t.attribute.LogicalName))
		c.problems.AddHint(at, "Choose another attribute.", "%s (%s) is of a type that cannot be read.", t.attribute.DisplayName, t.attribute.LogicalName)
		return t, false
	}
	return t, true
}

// attribute returns the attribute of that name, or notes a problem and returns nil.
// prefix is that of the names of its table's columns.
func (c *compiler) attribute(at string, e *crosswalk.Entity, prefix, name string) *crosswalk.Attribute {
	a := e.Attribute(name)
	if a != nil && slices.Contains(c.in.Gone, prefix+a.Member()) {
		a = nil
	}
	if a == nil {
		c.drift(at, DriftAttribute, fmt.Sprintf("%s no longer has the attribute %s", e.DisplayName, name))
		c.problems.AddHint(at, "Choose another attribute, or refresh the metadata if it was just added.",
			"%s has no attribute %q that can be read.", e.DisplayName, name)
	}
	return a
}

// follow finds where one lookup of a path leads.
func (c *compiler) follow(at string, e *crosswalk.Entity, prefix, part string) (hop, bool) {
	name, table, named := strings.Cut(part, "(")
	if named {
		var closed bool
		if table, closed = strings.CutSuffix(table, ")"); !closed {
			c.problems.AddHint(at, "Write the table behind the lookup as in customerid(account).name.", "%q lacks its closing bracket.", part)
			return hop{}, false
		}
	}
	lookup := c.attribute(at, e, prefix, name)
	switch {
	case lookup == nil:
		return hop{}, false
	case !lookup.IsLookup():
		c.drift(at, DriftType, fmt.Sprintf("%s (%s) is no longer a lookup", lookup.DisplayName, lookup.LogicalName))
		c.problems.AddHint(at, "Choose an attribute of the table itself, or go through a lookup.", "%s (%s) is not a lookup that leads to another table.", lookup.DisplayName, lookup.Type)
		return hop{}, false
	}
	targets := slices.Clone(lookup.Targets)
	slices.Sort(targets)
	several := len(targets) > 1
	switch {
	case table == "" && several:
		c.problems.AddHint(at, "Name it, as in "+name+"("+targets[0]+"); it can be "+list(targets)+".", "%s can lead to several tables.", lookup.DisplayName)
		return hop{}, false
	case len(targets) == 0:
		c.problems.AddHint(at, "Choose another attribute.", "%s cannot be followed: Dynamics names no table.", lookup.DisplayName)
		return hop{}, false
	case table == "" && len(targets) == 1:
		table = targets[0]
	case !slices.Contains(targets, table):
		c.drift(at, DriftTable, fmt.Sprintf("%s no longer leads to the table %s", lookup.DisplayName, table))
		c.problems.AddHint(at, "It can be "+list(targets)+".", "%s does not lead to a table %q.", lookup.DisplayName, table)
		return hop{}, false
	}
	if lookup.Type == crosswalk.AttributeOwner {
		// The navigation property of an owner leads to the abstract table
		// owner, of which nothing can be selected; these lookups hold the same
		// id when the owner is of their table.
		alias := map[string]string{"systemuser": "owninguser", "team": "owningteam"}[table]
		if lookup = c.attribute(at, e, prefix, alias); lookup == nil {
			return hop{}, false
		}
		several = false
	}
	h := hop{lookup: lookup, several: several, navigation: lookup.Navigation[table]}
	if h.navigation == "" {
		c.problems.AddHint(at, "Choose another attribute.", "%s cannot be followed to %s: Dynamics names no navigation property.", lookup.DisplayName, table)
		return hop{}, false
	}
	for other, navigation := range lookup.Navigation {
		if other != table && navigation == h.navigation { // acceptingentityid of email is one
			c.problems.AddHint(at, "Choose another attribute.", "%s cannot be followed to %s: Dynamics has one navigation property for several tables.", lookup.DisplayName, table)
			return hop{}, false
		}
	}
	if c.in.Catalog == nil {
		c.problems.AddHint(at, "Choose an attribute of the table itself.", "Lookups cannot be followed here.")
		return hop{}, false
	}
	entity, err := c.in.Catalog(table)
	switch {
	case crosswalk.ErrorCode(err) == crosswalk.CodeNotFound, crosswalk.ErrorCode(err) == crosswalk.CodeForbidden:
		c.drift(at, DriftTable, fmt.Sprintf("The table %s can no longer be read", table))
		c.problems.AddHint(at, "Choose another attribute, or give the connection's user the right to read that table.", "The table %s, to which %s leads, cannot be read.", table, lookup.DisplayName)
		return hop{}, false
	case err != nil:
		c.err = err
		c.problems.Add(at, "%s cannot be followed now.", lookup.DisplayName)
		return hop{}, false
	}
	h.entity = entity
	return h, true
}

func list(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// take makes the plan read what the trail leads to.
func (c *compiler) take(t trail) ref {
	related := -1
	for _, h := range t.hops {
		related = c.relate(related, h)
	}
	return ref{attribute: t.attribute, column: c.column(related, t.attribute.Member(), sourceKind(t.attribute)), path: t.path, related: related}
}

// relate returns the index in Plan.Related of the row that the lookup of
// parent leads to.
func (c *compiler) relate(parent int, h hop) int {
	i := slices.IndexFunc(c.plan.Related, func(r Related) bool { return r.Parent == parent && r.Navigation == h.navigation })
	if i >= 0 {
		return i
	}
	r := Related{Parent: parent, ID: c.column(parent, h.lookup.Member(), column.GUID), Table: -1, Navigation: h.navigation, Entity: h.entity}
	if h.several && c.in.Tracked {
		r.Table = c.annotation(parent, h.lookup, LookupTable)
	}
	c.plan.Related = append(c.plan.Related, r)
	return len(c.plan.Related) - 1
}

// annotation returns the column with an annotation of a lookup of that row.
func (c *compiler) annotation(related int, lookup *crosswalk.Attribute, name string) int {
	c.column(related, lookup.Member(), column.GUID)
	if !slices.Contains(c.plan.Annotations, name) {
		c.plan.Annotations = append(c.plan.Annotations, name)
	}
	return c.column(related, lookup.Member()+"@"+name, column.Text)
}

// column returns the column of Source with a member of that row, adding it when it
// is new.
func (c *compiler) column(related int, member string, kind column.Kind) int {
	name := member
	for i := related; i >= 0; i = c.plan.Related[i].Parent {
		name = c.plan.Related[i].Navigation + "/" + name
	}
	i := slices.IndexFunc(c.plan.Source, func(s column.Spec) bool { return s.Name == name })
	if i >= 0 {
		c.reads = append(c.reads, i)
		return i
	}
	i = len(c.plan.Source)
	c.reads = append(c.reads, i)
	c.plan.Source = append(c.plan.Source, column.Spec{Name: name, Kind: kind})
	switch {
	case related >= 0:
		r := &c.plan.Related[related]
		r.Columns = append(r.Columns, RelatedColumn{Member: member, Source: i})
	case !strings.Contains(member, "@"):
		c.plan.Select = append(c.plan.Select, member)
	}
	return i
}
