package sandbox

import (
	"cmp"
	"slices"
	"strings"
)

// aggregate answers with aggregated rows.
func (q *fetchQuery) aggregate(f *fetchDocument) error {
	a := &aggregation{}
	w, err := f.window(maxPage)
	if err != nil {
		return err
	}
	var names []string
	for _, n := range q.nodes {
		if n.doc.All != nil {
			return fetchFault("all-attributes is not supported in an aggregate query.")
		}
		for _, d := range n.doc.Attributes {
			p, err := n.t.fetchColumn(d.Name)
			if err != nil {
				return err
			}
			if d.Alias == "" || slices.Contains(names, d.Alias) {
				return fetchFault("FetchXml attribute '" + d.Name + "' of an aggregate query needs an alias of its own.")
			}
			names = append(names, d.Alias)
			if err := a.add(d, p.attribute, q.read(n, p)); err != nil {
				return err
			}
		}
	}
	root := q.nodes[0]
	s := &scan{t: root.t, keep: root.keep, to: root.t.positions(), ended: q.c.r.Context().Done()}
	groups, err := a.run(func(yield func(int) bool) {
		for row := range s.all() {
			if !q.each(row, func() bool { return yield(row) }) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	for _, n := range q.nodes {
		if err := a.sort(groups, n.doc.Orders); err != nil {
			return err
		}
	}
	groups = groups[min((w.number-1)*w.size, len(groups)):]
	return q.c.groups(root.t, root.t.set+"("+strings.Join(names, ",")+")", a, groups[:min(w.size, len(groups))], true)
}

// add adds an attribute of an aggregate query.
func (a *aggregation) add(d fetchAttribute, of *attribute, read generator) error {
	if isTrue(d.GroupBy) {
		g := groupColumn{d.Alias, of, read}
		isDate := edmType(of) == "Edm.DateTimeOffset" || edmType(of) == "Edm.Date"
		if d.DateGrouping != "" {
			part := dateGrouping(d.DateGrouping)
			if !isDate || part == nil {
				return fetchFault("The dategrouping '" + d.DateGrouping + "' of the attribute '" + of.name + "' is not valid.")
			}
			g.attribute = nil
			g.read = func(row int, v *value) {
				if read(row, v); v.kind != kindNull {
					v.setInt(part(v))
				}
			}
		} else if isDate {
			return fetchFault("The attribute '" + of.name + "' of an aggregate query needs a dategrouping.")
		}
		a.by = append(a.by, g)
		return nil
	}
	c := aggregateColumn{name: d.Alias, method: d.Aggregate, distinct: isTrue(d.Distinct), attribute: of, read: read}
	if !slices.Contains([]string{"count", "countcolumn", "sum", "avg", "min", "max"}, c.method) {
		return fetchFault("The attribute '" + of.name + "' of an aggregate query needs an aggregate or a groupby.")
	}
	if err := c.check(); err != nil {
		return err
	}
	a.of = append(a.of, c)
	return nil
}

// dateGrouping returns what groups dates by, nil for an unknown grouping.
func dateGrouping(name string) func(v *value) int64 {
	day := func(v *value) int64 {
		if v.kind == kindTime {
			return floorDiv(v.n, 86400)
		}
		return v.n
	}
	switch name {
	case "year", "fiscal-year":
		return func(v *value) int64 { y, _, _ := civil(day(v)); return y }
	case "quarter", "fiscal-period":
		return func(v *value) int64 { _, m, _ := civil(day(v)); return (m + 2) / 3 }
	case "month":
		return func(v *value) int64 { _, m, _ := civil(day(v)); return m }
	case "day":
		return func(v *value) int64 { _, _, d := civil(day(v)); return d }
	case "week": // of the year, from Sunday, the first from 1 January
		return func(v *value) int64 {
			n := day(v)
			y, _, _ := civil(n)
			first := days(int(y), 1, 1)
			return (n-first+(first+4)%7)/7 + 1
		}
	}
	return nil
}

// sort orders groups by their aliases.
func (a *aggregation) sort(groups []*group, orders []fetchOrder) error {
	for _, o := range slices.Backward(orders) {
		by := slices.IndexFunc(a.by, func(g groupColumn) bool { return g.name == o.Alias })
		of := slices.IndexFunc(a.of, func(c aggregateColumn) bool { return c.name == o.Alias })
		if o.Alias == "" || by < 0 && of < 0 {
			return fetchFault("An order element of an aggregate query needs the alias of an attribute.")
		}
		var v, w value
		slices.SortStableFunc(groups, func(g, h *group) int {
			var c int
			if by >= 0 {
				c = compareNulls(&g.by[by], &h.by[by])
			} else {
				a.of[of].result(&g.of[of], &v)
				a.of[of].result(&h.of[of], &w)
				c = compareNulls(&v, &w)
			}
			if isTrue(o.Descending) {
				return cmp.Compare(0, c)
			}
			return c
		})
	}
	return nil
}
