package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// countLimit is where Dataverse stops counting.
const countLimit = 5000

// entitySet answers for accounts, accounts(<id>) and accounts/$count.
func (c *call) entitySet(t *table) error {
	q := c.query
	switch {
	case q.Apply != "":
		return notHere("$apply")
	case q.DeltaToken != "":
		return notHere("change tracking")
	case len(c.path) > 2:
		return noSegment(c.path[2].name)
	case len(c.path) == 2 && c.path[1].name == "$count" && !c.path[0].called:
		return c.count(t)
	case len(c.path) == 2:
		return noSegment(c.path[1].name)
	}
	cols, context, err := c.columns(t)
	if err != nil {
		return err
	}
	if c.path[0].called {
		return c.oneRow(t, cols, context)
	}
	return c.page(t, cols, context)
}

func (c *call) oneRow(t *table, cols []columnWriter, context string) error {
	row, _, id, err := c.key(t, c.path[0].args)
	if err != nil {
		return err
	}
	if row < 0 {
		return c.missing(t, id)
	}
	if err := c.mayRead(t); err != nil {
		return err
	}
	if reach := c.visible(t); reach != nil && !reach(row) {
		return c.noAccess(t, row, "ReadAccess")
	}
	return c.sendRow(t, row, cols, context)
}

// showRow answers with a row that was just written.
func (c *call) showRow(t *table, row int) error {
	cols, context, err := c.columns(t)
	if err != nil {
		return err
	}
	return c.sendRow(t, row, cols, context)
}

// columns resolves $select and $expand; context is what the answer says of
// them.
func (c *call) columns(t *table) (cols []columnWriter, context string, err error) {
	if cols, err = t.selectColumns(c.query.Select, c.prefer); err != nil {
		return nil, "", err
	}
	expanded, err := t.expandColumns(c.query.Expand, c.prefer)
	return append(cols, expanded...), t.set + projection(c.query), err
}

func (c *call) sendRow(t *table, row int, cols []columnWriter, context string) error {
	etag := t.etag(row)
	c.w.Header().Set("ETag", etag)
	if c.status == 0 && c.r.Header.Get("If-None-Match") == etag {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	out := c.begin()
	out.buf = append(out.buf, '{')
	out.buf = appendString(out.buf, "@odata.context")
	out.buf = append(out.buf, ':')
	out.buf = appendString(out.buf, c.root+"/$metadata#"+context+"/$entity")
	out.buf = append(out.buf, ',')
	out.buf = t.appendRow(out.buf, row, cols)
	return out.close()
}

// count answers with the number of rows as text, capped.
func (c *call) count(t *table) error {
	s, err := c.scan(t)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/plain")
	out := c.begin()
	out.buf = strconv.AppendInt(append(out.buf, "\xef\xbb\xbf"...), int64(s.count(countLimit)), 10)
	return out.close()
}

// page answers with one page of rows.
func (c *call) page(t *table, cols []columnWriter, context string) error {
	s, err := c.scan(t)
	if err != nil {
		return err
	}
	q := c.query
	total := -1
	if q.Count {
		total = s.count(countLimit + 1)
	}
	pos, number := s.from, 1
	if q.SkipToken != "" {
		at, n, err := s.resume(q.SkipToken)
		if err != nil {
			return err
		}
		pos, number = max(pos, at), n
	}
	size := c.prefer.pages()
	top := q.Top
	if top > maxPage {
		top = maxPage
	}
	// $top does not go with a page size: one that is larger has no effect.
	limited := top >= 0 && (c.prefer.pageSize == 0 || top <= size)
	if limited {
		size = top
	}

	out := c.begin()
	out.buf = append(out.buf, `{"@odata.context":`...)
	out.buf = appendString(out.buf, c.root+"/$metadata#"+context)
	if q.Count {
		out.buf = append(out.buf, `,"@odata.count":`...)
		out.buf = strconv.AppendInt(out.buf, int64(min(total, countLimit)), 10)
	}
	out.buf = c.appendTotals(out.buf, total)
	out.buf = append(out.buf, `,"value":[`...)
	first, last := -1, -1
	pos = s.next(pos)
	for n := 0; n < size && pos < s.to; n++ {
		row := s.row(pos)
		if first < 0 {
			first = row
		} else {
			out.buf = append(out.buf, ',')
		}
		last = row
		out.buf = append(out.buf, '{')
		out.buf = t.appendRow(out.buf, row, cols)
		out.flush()
		if out.err != nil {
			break
		}
		pos = s.next(pos + 1)
	}
	out.buf = append(out.buf, ']')
	if pos < s.to && !limited {
		out.buf = append(out.buf, `,"@odata.nextLink":`...)
		out.buf = appendString(out.buf, c.nextLink(s, number+1, first, last))
	}
	out.buf = append(out.buf, '}')
	return out.close()
}

// globalMetadataVersion rises with every change of metadata. There is none
// here.
const globalMetadataVersion = "6012567"

func (c *call) appendTotals(b []byte, total int) []byte {
	if !c.prefer.annotates("Microsoft.Dynamics.CRM.totalrecordcount") {
		return b
	}
	b = append(b, `,"@Microsoft.Dynamics.CRM.totalrecordcount":`...)
	b = strconv.AppendInt(b, int64(min(total, countLimit)), 10)
	b = append(b, `,"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded":`...)
	b = strconv.AppendBool(b, total > countLimit)
	return append(b, `,"@Microsoft.Dynamics.CRM.globalmetadataversion":"`+globalMetadataVersion+`"`...)
}

// Select resolves $select. The key is always there, and the currency where
// there is money.
func (t *table) selectColumns(names []string, p *preferences) ([]columnWriter, error) {
	var attributes []*attribute
	add := func(a *attribute) {
		if !slices.Contains(attributes, a) {
			attributes = append(attributes, a)
		}
	}
	if names == nil || slices.Contains(names, "*") {
		for _, a := range t.attributes {
			if a.readable {
				attributes = append(attributes, a)
			}
		}
	} else {
		for _, name := range names {
			a := t.byMember[name]
			if a == nil {
				return nil, noProperty(name, t.name)
			}
			add(a)
		}
		money := slices.ContainsFunc(attributes, func(a *attribute) bool { return a.typeName == "MoneyType" })
		add(t.key)
		if t.principal {
			add(t.byName["ownerid"])
		}
		if currency := t.byName["transactioncurrencyid"]; money && currency != nil {
			add(currency)
		}
	}
	cols := make([]columnWriter, len(attributes))
	for i, a := range attributes {
		cols[i] = t.writer(a, p)
	}
	return cols, nil
}

// projection returns what the context says of $select and $expand.
func projection(q *odata.Query) string {
	if q.Select == nil && q.Expand == nil {
		return ""
	}
	list := slices.Clone(q.Select)
	for i := range q.Expand {
		inner := projection(&q.Expand[i].Query)
		if inner == "" {
			inner = "()"
		}
		list = append(list, q.Expand[i].Path.String()+inner)
	}
	return "(" + strings.Join(list, ",") + ")"
}

// CountWhere returns how many rows of a table a $filter chooses; an empty
// filter chooses all.
func (s *Sandbox) CountWhere(entity, filter string) (int, error) {
	t := s.snapshot().table(entity)
	if t == nil {
		return 0, noEntity(entity, http.StatusNotFound)
	}
	if filter == "" {
		return t.count(), nil
	}
	f, err := odata.ParseFilter(filter, nil)
	if err != nil {
		return 0, err
	}
	keep, err := t.compile(f)
	if err != nil {
		return 0, err
	}
	return (&scan{t: t, keep: keep, to: t.positions()}).count(t.positions()), nil
}
