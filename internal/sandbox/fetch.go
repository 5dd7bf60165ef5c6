package sandbox

import (
	"slices"
	"strconv"
	"strings"
)

// fetchXML answers for a query in FetchXML. Unlike those of OData its rows
// lack what is null.
func (c *call) fetchXML(t *table, text string) error {
	for _, o := range c.query.Raw {
		if strings.HasPrefix(o.Name, "$") {
			return badRequest("The query parameter '%s' is not supported together with fetchXml.", o.Name)
		}
	}
	f, err := parseFetch(text)
	if err != nil {
		return err
	}
	if f.DataSource != "" {
		return notHere("the datasource " + f.DataSource + " of FetchXML")
	}
	q, err := c.compileFetch(t, f)
	if err != nil {
		return err
	}
	if isTrue(f.Aggregate) {
		return q.aggregate(f)
	}
	return q.rows(f)
}

// window says which tuples an answer holds.
type window struct {
	top    bool
	size   int
	number int // of the page
	cookie string
}

func (f *fetchDocument) window(largest int) (window, error) {
	w := window{size: largest, number: 1, cookie: f.PagingCookie}
	for _, o := range []struct {
		name, text string
		set        func(n int)
	}{
		{"count", f.Count, func(n int) { w.size = min(n, largest) }},
		{"page", f.Page, func(n int) { w.number = n }},
		{"top", f.Top, func(n int) { w.size, w.top = n, true }},
	} {
		if o.text == "" {
			continue
		}
		n, err := strconv.Atoi(o.text)
		if err != nil || n < 1 {
			return w, fetchFault("The value '" + o.text + "' of the attribute '" + o.name + "' of fetch is not valid.")
		}
		o.set(n)
	}
	switch {
	case w.top && (f.Page != "" || f.Count != "" || f.PagingCookie != ""):
		return w, fetchFault("The top attribute can't be specified with paging attribute page")
	case w.size > maxPage:
		return w, fetchFault("The value of the attribute 'top' of fetch must be between 1 and " + strconv.Itoa(maxPage) + ".")
	}
	return w, nil
}

// page returns the size of the largest page of the table that is read.
func (q *fetchQuery) page() int {
	if q.nodes[0].t.elastic() {
		return maxElasticPage
	}
	return maxPage
}

// fetchColumnWriter is a column of the answer.
type fetchColumnWriter struct {
	slot int
	columnWriter
}

// columns resolves what the rows of the answer hold.
func (q *fetchQuery) columns(distinct bool) (cols []fetchColumnWriter, names []string, err error) {
	for _, n := range q.nodes {
		var list []fetchAttribute
		if n.doc.All != nil {
			for _, a := range n.t.attributes {
				if a.readable {
					list = append(list, fetchAttribute{Name: a.name})
				}
			}
		}
		list = append(list, n.doc.Attributes...)
		has := func(name string) bool {
			return slices.ContainsFunc(list, func(a fetchAttribute) bool { return a.Name == name && a.Alias == "" })
		}
		if n.parent == nil && !distinct && !has(n.t.key.name) {
			list = append(list, fetchAttribute{Name: n.t.key.name})
		}
		if money := n.t.byName["transactioncurrencyid"]; n.parent == nil && money != nil && !distinct && !has(money.name) && slices.ContainsFunc(list, func(a fetchAttribute) bool {
			of := n.t.byName[a.Name]
			return of != nil && of.typeName == "MoneyType"
		}) {
			list = append(list, fetchAttribute{Name: money.name})
		}
		for _, a := range list {
			p, err := n.t.fetchColumn(a.Name)
			if err != nil {
				return nil, nil, err
			}
			name := a.Alias
			switch {
			case name != "":
			case n.parent != nil:
				name = n.alias + "." + a.Name
			default:
				name = p.attribute.member
			}
			if slices.Contains(names, name) {
				return nil, nil, fetchFault("The attribute alias '" + name + "' is used twice.")
			}
			names = append(names, name)
			w := n.t.writerAs(p.attribute, name, q.c.prefer)
			w.noNull, w.generate = true, p.read
			cols = append(cols, fetchColumnWriter{n.slot, w})
		}
	}
	return cols, names, nil
}

// rows answers with rows, one for each tuple.
func (q *fetchQuery) rows(f *fetchDocument) error {
	w, err := f.window(q.page())
	if err != nil {
		return err
	}
	distinct := isTrue(f.Distinct)
	cols, names, err := q.columns(distinct)
	if err != nil {
		return err
	}
	orders, err := q.orders()
	if err != nil {
		return err
	}
	root := q.nodes[0].t
	p := &fetchPage{window: w, total: -1}
	keyset := q.flat() && !distinct && !slices.ContainsFunc(orders, func(o ordering) bool { return o.n.parent != nil })
	if keyset {
		err = q.walk(p, orders, isTrue(f.Total))
	} else {
		err = q.collect(p, orders, cols, distinct, isTrue(f.Total))
	}
	if err != nil {
		return err
	}
	c := q.c
	out := c.begin()
	out.buf = append(out.buf, `{"@odata.context":`...)
	out.buf = appendString(out.buf, c.root+"/$metadata#"+root.set+"("+strings.Join(names, ",")+")")
	out.buf = c.appendTotals(out.buf, p.total)
	if p.more && !w.top {
		if c.prefer.annotates("Microsoft.Dynamics.CRM.fetchxmlpagingcookie") {
			out.buf = append(out.buf, `,"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":`...)
			out.buf = appendString(out.buf, p.outer())
		}
		if c.prefer.annotates("Microsoft.Dynamics.CRM.morerecords") {
			out.buf = append(out.buf, `,"@Microsoft.Dynamics.CRM.morerecords":true`...)
		}
	}
	out.buf = append(out.buf, `,"value":[`...)
	stride := len(q.nodes)
	for i := 0; i < len(p.tuples); i += stride {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		out.buf = appendTuple(out.buf, root, p.tuples[i:i+stride], cols, !distinct)
		out.flush()
	}
	out.buf = append(out.buf, "]}"...)
	return out.close()
}

// appendTuple adds a row of the answer.
func appendTuple(b []byte, root *table, tuple []int32, cols []fetchColumnWriter, etag bool) []byte {
	start := len(b)
	if etag {
		b = append(b, `,"@odata.etag":"W/\"`...)
		b = strconv.AppendInt(b, root.version(int(tuple[0])), 10)
		b = append(b, `\""`...)
	}
	for i := range cols {
		if row := tuple[cols[i].slot]; row >= 0 {
			b = cols[i].append(b, int(row))
		}
	}
	if start == len(b) {
		b = append(b, ' ')
	}
	b[start] = '{'
	return append(b, '}')
}

// fetchPage is one page of tuples.
type fetchPage struct {
	window
	tuples []int32
	more   bool
	total  int
	inner  string // cookie, "" when pages can only be counted
}

// outer returns the cookie as an answer shows it.
func (p *fetchPage) outer() string {
	if p.inner == "" {
		return `<cookie pagenumber="` + strconv.Itoa(p.number+1) + `" istracking="False" />`
	}
	return `<cookie pagenumber="` + strconv.Itoa(p.number+1) + `" pagingcookie="` + strings.ReplaceAll(escapeLower(p.inner), "%", "%25") + `" istracking="False" />`
}

// walk reads a page in the order of the first table alone, from where the
// cookie says.
func (q *fetchQuery) walk(p *fetchPage, orders []ordering, total bool) error {
	root := q.nodes[0]
	s := &scan{t: root.t, keep: root.keep, to: root.t.positions(), ended: q.c.r.Context().Done()}
	for _, o := range orders {
		s.lookup = append(s.lookup, o.col)
	}
	if q.c.prefer.unverified.TextKeyOrder {
		byText(root.t, s.lookup)
	}
	if root.t.inKeyOrder(s.lookup) {
		s.lookup = nil
		s.from, s.to = root.t.fetchRange(root.doc.Filters, 0, s.to)
	}
	if s.lookup != nil {
		s.order = q.c.s.sorted.order(root.t, s.lookup)
		s.to = len(s.order)
	}
	one := func(row int) (kept bool) {
		q.each(row, func() bool { kept = true; return false })
		return kept
	}
	if total {
		p.total = 0
		for row := range s.all() {
			if one(row) {
				p.total++
			}
		}
	}
	pos, skip := s.from, (p.number-1)*p.size
	if p.cookie != "" {
		at, err := s.behind(p.cookie)
		if err != nil {
			return err
		}
		pos, skip = max(pos, at), 0
	}
	if skip >= maxCounted {
		return pagingLimit()
	}
	first, last := -1, -1
	for pos = s.next(pos); pos < s.to; pos = s.next(pos + 1) {
		row := s.row(pos)
		if !one(row) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(p.tuples) == p.size*len(q.nodes) {
			p.more = true
			break
		}
		if first < 0 {
			first = row
		}
		last = row
		p.tuples = append(p.tuples, q.tuple...)
	}
	if p.more {
		p.inner = s.cookie(p.number, first, last)
	}
	return nil
}

// collect reads all tuples, orders them and cuts the page out: what a cookie
// cannot point into.
func (q *fetchQuery) collect(p *fetchPage, orders []ordering, cols []fetchColumnWriter, distinct, total bool) error {
	skip := (p.number - 1) * p.size
	if skip >= maxCounted {
		return pagingLimit()
	}
	root, stride := q.nodes[0], len(q.nodes)
	s := &scan{t: root.t, keep: root.keep, to: root.t.positions(), ended: q.c.r.Context().Done()}
	var tuples [][]int32
	seen := map[string]bool{}
	var key []byte
	for row := range s.all() {
		q.each(row, func() bool {
			if distinct {
				key = appendTuple(key[:0], root.t, q.tuple, cols, false)
				if seen[string(key)] {
					return true
				}
				seen[string(key)] = true
			}
			tuples = append(tuples, slices.Clone(q.tuple))
			return true
		})
	}
	if len(orders) > 0 {
		q.sort(tuples, orders)
	}
	if total {
		p.total = len(tuples)
	}
	tuples = tuples[min(skip, len(tuples)):]
	if len(tuples) > p.size {
		p.more, tuples = true, tuples[:p.size]
	}
	p.tuples = make([]int32, 0, len(tuples)*stride)
	for _, t := range tuples {
		p.tuples = append(p.tuples, t...)
	}
	return nil
}

func (q *fetchQuery) sort(tuples [][]int32, orders []ordering) {
	type keyed struct {
		tuple  []int32
		values []value
	}
	list := make([]keyed, len(tuples))
	for i, t := range tuples {
		list[i] = keyed{t, make([]value, len(orders))}
		for k, o := range orders {
			if row := t[o.n.slot]; row >= 0 {
				o.col.read(o.n.t, int(row), &list[i].values[k])
			}
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		for k, o := range orders {
			if c := o.col.compare(&a.values[k], &b.values[k]); c != 0 {
				return c
			}
		}
		return 0
	})
	for i := range list {
		tuples[i] = list[i].tuple
	}
}
