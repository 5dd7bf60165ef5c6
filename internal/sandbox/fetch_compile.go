package sandbox

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// fetchNode is one table of a query in FetchXML. The rows that are read
// together, one of each node, are a tuple; -1 stands for none.
type fetchNode struct {
	t      *table
	slot   int
	parent *fetchNode
	alias  string
	doc    *fetchEntity
	inner  bool
	first  bool      // takes the first row alone
	keep   predicate // conditions on this table alone

	to    *reader // column of the parent
	from  *reader // and the column of this table that equals it
	byKey bool    // from is the key
	index map[string][]int32
}

// fetchQuery is a query in FetchXML, ready to run.
type fetchQuery struct {
	c      *call
	nodes  []*fetchNode               // parents before children
	tuples []func(tuple []int32) bool // conditions over several tables
	tuple  []int32                    // the one being read
}

func (c *call) compileFetch(t *table, f *fetchDocument) (*fetchQuery, error) {
	if f.Entity.Name != t.name {
		return nil, fetchFault("The entity '" + f.Entity.Name + "' of the FetchXML is not that of the entity set '" + t.set + "'.")
	}
	q := &fetchQuery{c: c}
	root := &fetchNode{t: t, doc: &f.Entity}
	if err := q.add(root); err != nil {
		return nil, err
	}
	q.tuple = make([]int32, len(q.nodes))
	for _, n := range q.nodes {
		if err := q.filters(n); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// add adds a node and the links below it.
func (q *fetchQuery) add(n *fetchNode) error {
	if err := q.c.mayRead(n.t); err != nil {
		return err
	}
	n.keep = q.c.visible(n.t)
	n.slot = len(q.nodes)
	q.nodes = append(q.nodes, n)
	for i := range n.doc.Links {
		l := &n.doc.Links[i]
		t := q.c.data.table(l.Name)
		if t == nil || q.c.data.catalog.byName[l.Name] == nil {
			return noEntity(l.Name, 400)
		}
		if slices.Contains(semiLinks, l.LinkType) {
			p, err := q.semi(n, l)
			if err != nil {
				return err
			}
			n.keep = both(n.keep, p)
			continue
		}
		m := &fetchNode{t: t, parent: n, doc: l, alias: l.Alias, first: l.LinkType == firstOnly}
		m.inner = l.LinkType == "" || l.LinkType == "inner" || m.first
		if !m.inner && l.LinkType != "outer" {
			return fetchFault("The link-type '" + l.LinkType + "' is not supported.")
		}
		if m.inner && n.t.elastic() {
			return &fault{400, "0x80048d0b", "Link entities are not supported"}
		}
		if m.alias == "" { // as Dataverse names it: by table and number
			number := 1
			for _, o := range q.nodes {
				if o.parent != nil && o.t == t {
					number++
				}
			}
			m.alias = l.Name + strconv.Itoa(number)
		}
		for _, o := range q.nodes {
			if o.alias == m.alias && o.parent != nil {
				return fetchFault("The alias '" + m.alias + "' is used twice.")
			}
		}
		if err := q.join(n, m); err != nil {
			return err
		}
		if err := q.add(m); err != nil {
			return err
		}
	}
	return nil
}

// fetchColumn finds a column by its logical name. Beside those of rows it
// knows the names of lookups, such as owneridname.
func (t *table) fetchColumn(name string) (*reader, error) {
	a := t.byName[name]
	if a != nil && a.readable {
		return &reader{a, t.column(a)}, nil
	}
	if a != nil && a.of != "" && strings.HasSuffix(name, "name") && edmType(a) == "Edm.String" {
		if of := t.byName[a.of]; of != nil && of.readable {
			o := orderColumn{attribute: of}
			if of.lookup() {
				return &reader{a, func(row int, v *value) { o.read(t, row, v) }}, nil
			}
		}
	}
	return nil, &fault{400, codeAttributeNotFound, "'" + t.name + "' entity doesn't contain attribute with Name = '" + name + "' and NameMapping = 'Logical'."}
}

// filters compiles the conditions of a node.
func (q *fetchQuery) filters(n *fetchNode) error {
	for i := range n.doc.Filters {
		f := &n.doc.Filters[i]
		if f.spans() {
			p, err := q.filter(n, f)
			if err != nil {
				return err
			}
			q.tuples = append(q.tuples, p)
			continue
		}
		p, err := q.filter(n, f)
		if err != nil {
			return err
		}
		one := make([]int32, len(q.nodes))
		before := n.keep
		n.keep = func(row int) bool {
			one[n.slot] = int32(row)
			return (before == nil || before(row)) && p(one)
		}
	}
	return nil
}

// spans tells whether a condition is on another table than its own.
func (f *fetchFilter) spans() bool {
	return slices.ContainsFunc(f.Conditions, func(c fetchCondition) bool { return c.EntityName != "" || strings.Contains(c.ValueOf, ".") }) ||
		slices.ContainsFunc(f.Filters, func(g fetchFilter) bool { return g.spans() })
}

func (q *fetchQuery) filter(n *fetchNode, f *fetchFilter) (func([]int32) bool, error) {
	or := f.Type == "or"
	if f.Type != "" && f.Type != "and" && !or {
		return nil, fetchFault("The filter type '" + f.Type + "' is not valid.")
	}
	var all []func([]int32) bool
	for i := range f.Conditions {
		p, err := q.condition(n, &f.Conditions[i])
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	for i := range f.Filters {
		p, err := q.filter(n, &f.Filters[i])
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	for i := range f.Links {
		if l := &f.Links[i]; !slices.Contains(filterLinks, l.LinkType) {
			return nil, fetchFault("The link-type '" + l.LinkType + "' is not supported within a filter.")
		}
		p, err := q.semi(n, &f.Links[i])
		if err != nil {
			return nil, err
		}
		all = append(all, func(tuple []int32) bool { return tuple[n.slot] >= 0 && p(int(tuple[n.slot])) })
	}
	return func(tuple []int32) bool {
		for _, p := range all {
			if p(tuple) == or {
				return or
			}
		}
		return !or || len(all) == 0
	}, nil
}

// named returns the node with an alias, or else with a table's name.
func (q *fetchQuery) named(n *fetchNode, alias string) (*fetchNode, error) {
	if alias == "" {
		return n, nil
	}
	for _, m := range q.nodes {
		if m.alias == alias && m.parent != nil {
			return m, nil
		}
	}
	for _, m := range q.nodes {
		if m.t.name == alias {
			return m, nil
		}
	}
	return nil, fetchFault("LinkEntity with name or alias '" + alias + "' is not found.")
}

func (q *fetchQuery) condition(n *fetchNode, f *fetchCondition) (func([]int32) bool, error) {
	m, err := q.named(n, f.EntityName)
	if err != nil {
		return nil, err
	}
	p, err := m.t.fetchColumn(f.Attribute)
	if err != nil {
		return nil, err
	}
	if f.ValueOf != "" {
		return q.valueOf(n, m, p, f)
	}
	texts := f.texts()
	for i, text := range texts {
		if edmType(p.attribute) == "Edm.Guid" {
			texts[i] = strings.Trim(text, "{}")
		}
	}
	switch want := takes(f.Operator); {
	case want == noValue && len(texts) > 0:
		return nil, fetchFault("The condition operator '" + f.Operator + "' takes no value.")
	case want == oneValue && len(texts) != 1:
		return nil, fetchFault("The condition operator '" + f.Operator + "' requires 1 value. Values.Length: " + strconv.Itoa(len(texts)))
	case want == manyValues && len(texts) == 0:
		return nil, fetchFault("The condition operator '" + f.Operator + "' requires at least 1 value.")
	}
	var keep predicate
	if slices.Contains(hierarchical, f.Operator) {
		keep, err = q.hierarchy(m.t, p, f, texts[0])
	} else {
		keep, err = q.c.compiler().condition(p, f.Operator, texts)
	}
	if err != nil {
		return nil, err
	}
	null := f.Operator == "null" // an outer link without a row is null
	return func(tuple []int32) bool {
		if row := tuple[m.slot]; row >= 0 {
			return keep(int(row))
		}
		return null
	}, nil
}

// valueOf compares two columns.
func (q *fetchQuery) valueOf(n, m *fetchNode, p *reader, f *fetchCondition) (func([]int32) bool, error) {
	alias, name, dotted := strings.Cut(f.ValueOf, ".")
	if !dotted {
		alias, name = "", f.ValueOf
	}
	other, err := q.named(n, alias)
	if err != nil {
		return nil, err
	}
	o, err := other.t.fetchColumn(name)
	if err != nil {
		return nil, err
	}
	op, ok := comparisons[f.Operator]
	if !ok || family(o.attribute) != family(p.attribute) {
		return nil, fetchFault("The condition operator '" + f.Operator + "' cannot compare the attributes '" + f.Attribute + "' and '" + f.ValueOf + "'.")
	}
	var v, w value
	return func(tuple []int32) bool {
		a, b := tuple[m.slot], tuple[other.slot]
		if a < 0 || b < 0 {
			return false
		}
		p.read(int(a), &v)
		o.read(int(b), &w)
		return holds(op, &v, &w)
	}, nil
}

// matches returns the rows of a linked table for a row of its parent.
func (n *fetchNode) matches(row int, ended <-chan struct{}, v *value, found []int32) []int32 {
	n.to.read(row, v)
	if v.kind == kindNull {
		return found
	}
	if n.byKey {
		if at, ok := n.t.row(v.id); ok && (n.keep == nil || n.keep(at)) {
			found = append(found, int32(at))
		}
		return found
	}
	if n.index == nil {
		n.index = map[string][]int32{}
		var w value
		s := &scan{t: n.t, keep: n.keep, to: n.t.positions(), ended: ended}
		for r := range s.all() {
			if n.from.read(r, &w); w.kind != kindNull {
				n.index[w.joinKey()] = append(n.index[w.joinKey()], int32(r))
			}
		}
	}
	return append(found, n.index[v.joinKey()]...)
}

// joinKey is equal for values that equal each other.
func (v *value) joinKey() string {
	if v.kind == kindText {
		return string(bytes.TrimRight(fold(nil, v.text), " ")) // as compareFold has it
	}
	return string(v.append(nil))
}

// each calls fn with each tuple of a row of the first table, until it returns
// false. The tuple is reused.
func (q *fetchQuery) each(row int, fn func() bool) bool {
	q.tuple[0] = int32(row)
	return q.step(1, fn)
}

func (q *fetchQuery) step(k int, fn func() bool) bool {
	if k == len(q.nodes) {
		for _, p := range q.tuples {
			if !p(q.tuple) {
				return true
			}
		}
		return fn()
	}
	n := q.nodes[k]
	var found []int32
	if parent := q.tuple[n.parent.slot]; parent >= 0 {
		var v value
		found = n.matches(int(parent), q.c.r.Context().Done(), &v, nil)
	}
	if len(found) == 0 {
		if n.inner {
			return true
		}
		q.tuple[k] = -1
		return q.step(k+1, fn)
	}
	if n.first {
		found = found[:1]
	}
	for _, row := range found {
		q.tuple[k] = row
		if !q.step(k+1, fn) {
			return false
		}
	}
	return true
}

// flat tells whether each row of the first table makes one tuple at most.
func (q *fetchQuery) flat() bool {
	return !slices.ContainsFunc(q.nodes, func(n *fetchNode) bool { return n.parent != nil && !n.byKey && !n.first })
}

// read reads a column of one node from the tuple at hand.
func (q *fetchQuery) read(n *fetchNode, p *reader) generator {
	return func(_ int, v *value) {
		if row := q.tuple[n.slot]; row >= 0 {
			p.read(int(row), v)
		} else {
			v.null()
		}
	}
}

// ordering is one order element.
type ordering struct {
	n    *fetchNode
	col  orderColumn
	desc bool
}

// orders resolves the order elements, those of the first table first.
func (q *fetchQuery) orders() ([]ordering, error) {
	var list []ordering
	for _, n := range q.nodes {
		for _, o := range n.doc.Orders {
			m, err := q.named(n, o.EntityName)
			if err != nil {
				return nil, err
			}
			if o.Attribute == "" {
				return nil, fetchFault("An order element needs the attribute 'attribute'.")
			}
			p, err := m.t.fetchColumn(o.Attribute)
			if err != nil {
				return nil, err
			}
			desc := isTrue(o.Descending)
			list = append(list, ordering{m, orderColumn{attribute: p.attribute, desc: desc, path: odata.Path{o.Attribute}}, desc})
		}
	}
	return list, nil
}
