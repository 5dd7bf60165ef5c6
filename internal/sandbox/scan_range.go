package sandbox

import (
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// keyRange narrows the positions a walk must look at by what the condition
// demands of the key. A server finds its place in an index: a range of a large
// table must not cost a walk over all of it.
func (t *table) keyRange(e odata.Expr, from, to int) (int, int) {
	switch e := e.(type) {
	case *odata.Logical:
		if !e.Or {
			from, to = t.keyRange(e.Left, from, to)
			return t.keyRange(e.Right, from, to)
		}
	case *odata.Comparison:
		p, ok := e.Left.(odata.Path)
		l, ok2 := e.Right.(odata.Literal)
		if ok && ok2 && len(p) == 1 && p[0] == t.key.name && l.Kind == odata.GUIDLiteral {
			return t.bound(e.Op, l.Text, from, to)
		}
	}
	return from, to
}

// fetchRange is keyRange for conditions of FetchXML.
func (t *table) fetchRange(filters []fetchFilter, from, to int) (int, int) {
	for _, f := range filters {
		if f.Type == "or" {
			continue
		}
		for _, c := range f.Conditions {
			op, ok := comparisons[c.Operator]
			if texts := c.texts(); ok && c.Attribute == t.key.name && c.EntityName == "" && c.ValueOf == "" && len(texts) == 1 {
				from, to = t.bound(op, strings.Trim(texts[0], "{}"), from, to)
			}
		}
		from, to = t.fetchRange(f.Filters, from, to)
	}
	return from, to
}

// bound narrows positions by a comparison of the key.
func (t *table) bound(op odata.Operator, key string, from, to int) (int, int) {
	id, ok := parseGUID(key)
	if !ok || t.textual { // or comparisons are in another order than the rows
		return from, to
	}
	at := t.search(id)
	after := at
	if at < t.positions() && t.id(t.at(at)) == id {
		after++
	}
	switch op {
	case odata.Eq:
		from, to = max(from, at), min(to, after)
	case odata.Ge:
		from = max(from, at)
	case odata.Gt:
		from = max(from, after)
	case odata.Lt:
		to = min(to, at)
	case odata.Le:
		to = min(to, after)
	}
	return from, max(from, to)
}

// inKeyOrder tells whether to sort by those columns is to sort by the key.
func (t *table) inKeyOrder(columns []orderColumn) bool {
	return !t.textual && !slices.ContainsFunc(columns, func(o orderColumn) bool {
		return o.attribute != t.key || o.related != nil || o.desc || o.textual
	})
}
