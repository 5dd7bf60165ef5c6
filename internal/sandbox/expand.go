package sandbox

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// maxExpands is how many navigation properties one query can expand.
const maxExpands = 15

// expansion is what $expand adds to a row: the row that a lookup points to,
// or the rows that point to this one.
type expansion struct {
	call      *call
	of        *table
	target    *table // nil when the table has no rows here
	path      string // navigation property
	columns   []columnWriter
	visible   predicate // rows of the target the caller may read, nil for all
	ref       bool      // only the address
	principal bool      // an owner, of whom only the id and the table are told

	// Of a collection alone:
	collection bool
	rows       map[int][]int32 // by the row they belong to
	size       int             // most rows of one
	paged      bool            // the others can be fetched
	count      bool
	scan       *scan // for the link to the others
	options    []odata.Option
}

// expandColumns resolves $expand.
func (c *call) expandColumns(t *table, items []odata.Expand) ([]columnWriter, error) {
	if n := countExpands(items); n > maxExpands {
		return nil, badRequest("The number of $expand items is %d, which is larger than the maximum of %d.", n, maxExpands)
	}
	var cols []columnWriter
	for i := range items {
		e := &items[i]
		path, ref := e.Path, false
		if n := len(path); n == 2 && path[1] == "$ref" {
			path, ref = path[:1], true
		}
		if len(path) != 1 {
			return nil, badRequest("Term '%s' is not valid in a $select or $expand expression.", e.Path)
		}
		if q := &e.Query; q.Apply != "" || q.SkipToken != "" || q.DeltaToken != "" {
			return nil, badRequest("Only $select, $filter, $orderby, $top, $count and $expand are supported inside $expand.")
		}
		x := &expansion{call: c, of: t, path: path[0], ref: ref}
		w := columnWriter{table: t, name: memberName(path[0]), value: &value{}, expansion: x}
		var err error
		if many, ok := t.collection(path[0]); ok {
			err = x.many(many, &e.Query)
		} else {
			err = x.one(&w, &e.Query)
		}
		if err != nil {
			return nil, err
		}
		cols = append(cols, w)
	}
	return cols, nil
}

func countExpands(items []odata.Expand) int {
	n := len(items)
	for i := range items {
		n += countExpands(items[i].Query.Expand)
	}
	return n
}

// one resolves the $expand of a lookup.
func (x *expansion) one(w *columnWriter, q *odata.Query) error {
	if q.Filter != nil || q.OrderBy != nil || q.Top >= 0 || q.Count {
		return badRequest("Only $select and $expand are supported inside the $expand of a single-valued navigation property.")
	}
	a, target, err := x.of.navigate(x.path)
	if err != nil {
		return err
	}
	w.attribute, w.generate = a, x.of.column(a)
	if a.typeName == "OwnerType" {
		x.principal = true
		for _, name := range q.Select {
			if name != "ownerid" {
				return noProperty(name, "principal")
			}
		}
		return nil
	}
	if x.target = target; target == nil {
		return nil
	}
	if err := x.call.mayRead(target); err != nil {
		return err
	}
	x.visible = x.call.visible(target)
	return x.shape(q)
}

// shape resolves the columns of the target.
func (x *expansion) shape(q *odata.Query) error {
	if x.ref {
		if q.Select != nil || q.Expand != nil {
			return badRequest("$select and $expand are not supported together with $ref.")
		}
		return nil
	}
	var err error
	if x.columns, err = x.target.selectColumns(q.Select, x.call.prefer); err != nil {
		return err
	}
	inner, err := x.call.expandColumns(x.target, q.Expand)
	x.columns = append(x.columns, inner...)
	return err
}

// many resolves the $expand of a collection. Its rows are looked up once, for
// all rows that they belong to.
func (x *expansion) many(of *collection, q *odata.Query) error {
	if x.ref {
		return badRequest("$ref is not supported in the $expand of the collection-valued navigation property '%s'.", x.path)
	}
	x.collection, x.count = true, q.Count
	if x.target = of.table; x.target == nil {
		return nil
	}
	if err := x.call.mayRead(x.target); err != nil {
		return err
	}
	if err := x.shape(q); err != nil {
		return err
	}
	x.size, x.paged = x.call.prefer.pages(), true
	if q.Top >= 0 && q.Top <= x.size {
		x.size, x.paged = q.Top, false
	}
	for _, o := range q.Raw {
		x.options = append(x.options, odata.Option{Name: o.Name, Raw: o.Name + "=" + strings.ReplaceAll(url.QueryEscape(o.Value), "+", "%20")})
	}
	s := &scan{t: x.target}
	var err error
	if q.Filter != nil {
		if s.keep, err = x.call.compiler().filter(x.target, q.Filter); err != nil {
			return err
		}
	}
	s.keep = both(x.call.visible(x.target), s.keep)
	if s.lookup, err = x.target.orderColumns(q.OrderBy); err != nil {
		return err
	}
	x.scan = s
	x.rows = map[int][]int32{}
	of.each(x.of, s.keep, x.call.r.Context().Done(), func(parent, row int) {
		x.rows[parent] = append(x.rows[parent], int32(row))
	})
	if s.lookup != nil {
		var v, w value
		for _, rows := range x.rows {
			slices.SortStableFunc(rows, func(a, b int32) int {
				for _, o := range s.lookup {
					o.read(x.target, int(a), &v)
					o.read(x.target, int(b), &w)
					if n := o.compare(&v, &w); n != 0 {
						return n
					}
				}
				return 0
			})
		}
	}
	return nil
}

// navigate finds the lookup behind a navigation property and the table it
// leads to, nil when that table is not here. An activity has those of the type
// that it inherits from beside its own.
func (t *table) navigate(name string) (*attribute, *table, error) {
	base := t.data.catalog.byName[t.base]
	for _, a := range t.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		for _, entity := range a.targets {
			if t.navigationTo(a, entity) == name || a.inherited && base != nil && base.navigationTo(base.byName[a.name], entity) == name {
				return a, t.data.table(entity), nil
			}
		}
	}
	return nil, nil, noProperty(name, t.name)
}

// append adds what belongs to a row.
func (x *expansion) append(b []byte, row int, w *columnWriter) []byte {
	if x.collection {
		return x.appendMany(b, row, w)
	}
	v := w.value
	w.generate(row, v)
	b = append(b, w.name...)
	switch {
	case v.kind == kindNull || v.row < 0:
		return append(b, "null"...)
	case x.principal:
		b = append(b, `{"@odata.type":"#Microsoft.Dynamics.CRM.`+v.target+`",`...)
		b = append(b, `"ownerid":"`...)
		return append(v.id.append(b), `"}`...)
	case x.target == nil || v.target != x.target.name || x.visible != nil && !x.visible(v.row):
		return append(b, "null"...)
	case x.ref:
		b = append(b, `{"@odata.id":`...)
		return append(appendString(b, x.call.addressOf(x.target, v.row)), '}')
	}
	return x.target.appendRow(append(b, '{'), v.row, x.columns)
}

func (x *expansion) appendMany(b []byte, row int, w *columnWriter) []byte {
	rows := x.rows[row]
	if x.count {
		b = append(b, ',')
		b = appendString(b, x.path+"@odata.count")
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(min(len(rows), countLimit)), 10)
	}
	b = append(b, w.name...)
	b = append(b, '[')
	n := min(len(rows), x.size)
	for i, r := range rows[:n] {
		if i > 0 {
			b = append(b, ',')
		}
		b = x.target.appendRow(append(b, '{'), int(r), x.columns)
	}
	b = append(b, ']')
	if x.paged && n > 0 && n < len(rows) {
		b = append(b, memberName(x.path+"@odata.nextLink")...)
		s := *x.scan
		s.path = x.of.set + "(" + x.of.id(row).String() + ")/" + x.path
		b = appendString(b, x.call.nextLink(&s, x.options, 2, int(rows[0]), int(rows[n-1])))
	}
	return b
}

// addressOf returns the address of a row.
func (c *call) addressOf(t *table, row int) string {
	return c.root + "/" + t.set + "(" + t.id(row).String() + ")"
}
