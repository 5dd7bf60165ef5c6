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

// entitySet answers for an entity set and all below it: accounts,
// accounts(<id>), accounts/$count, accounts(<id>)/primarycontactid/fullname.
func (c *call) entitySet(t *table) error {
	if c.query.DeltaToken != "" {
		return notHere("change tracking")
	}
	rest := c.path[1:]
	if c.path[0].called {
		row, err := c.found(t, c.path[0].args)
		if err != nil {
			return err
		}
		if err := c.mayReadRow(t, row); err != nil {
			return err
		}
		return c.below(t, row, rest)
	}
	if fetch, ok := c.custom("fetchXml"); ok && len(rest) == 0 {
		return c.fetchXML(t, fetch)
	}
	var within predicate
	if partition, ok := c.custom("partitionId"); ok && t.elastic() {
		partition = strings.Trim(partition, `'"`)
		within = func(row int) bool { return t.partition(row) == partition }
	}
	return c.rowsBelow(t, t.set, within, rest)
}

// found returns the row that stands in the parentheses of an address.
func (c *call) found(t *table, args string) (int, error) {
	if strings.HasPrefix(args, "@") {
		args = c.query.Aliases[args]
	}
	row, _, id, err := c.key(t, args)
	if err == nil && row < 0 {
		err = c.missing(t, id)
	}
	return row, err
}

// rowsBelow answers for a collection of rows: those of a table that within
// keeps.
func (c *call) rowsBelow(t *table, path string, within predicate, rest []segment) error {
	if len(rest) > 0 {
		switch name := rest[0].name; {
		case len(rest) > 1:
			return noSegment(rest[1].name)
		case name == "$count":
			return c.count(t, within)
		case name == "$ref" && within != nil:
			return c.references(t, within)
		case name == "Microsoft.Dynamics.CRM."+t.name:
		case strings.HasPrefix(name, "Microsoft.Dynamics.CRM.") && within == nil:
			derived := c.data.table(strings.TrimPrefix(name, "Microsoft.Dynamics.CRM."))
			if derived == nil || derived.base != t.name {
				return noSegment(name)
			}
			t, path = derived, path+"/"+name
		default:
			return noSegment(name)
		}
	}
	if c.query.Apply != "" {
		return c.apply(t, within)
	}
	cols, context, err := c.shape(t)
	if err != nil {
		return err
	}
	return c.page(t, path, within, cols, context)
}

// shape resolves the columns the request asks for.
func (c *call) shape(t *table) ([]columnWriter, string, error) {
	cols, err := t.selectColumns(c.query.Select, c.prefer)
	if err != nil {
		return nil, "", err
	}
	expanded, err := c.expandColumns(t, c.query.Expand)
	if err != nil {
		return nil, "", err
	}
	return append(cols, expanded...), t.set + projection(c.query), nil
}

func (c *call) oneRow(t *table, row int) error {
	if err := c.mayReadRow(t, row); err != nil {
		return err
	}
	if err := c.onlyOne(); err != nil {
		return err
	}
	cols, context, err := c.shape(t)
	if err != nil {
		return err
	}
	return c.sendRow(t, row, cols, context)
}

// showRow answers with a row that was just written.
func (c *call) showRow(t *table, row int) error {
	cols, context, err := c.shape(t)
	if err != nil {
		return err
	}
	return c.sendRow(t, row, cols, context)
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

// onlyOne refuses options that are for collections.
func (c *call) onlyOne() error {
	q := c.query
	for name, given := range map[string]bool{
		"$filter": q.Filter != nil, "$orderby": q.OrderBy != nil, "$top": q.Top >= 0, "$count": q.Count, "$apply": q.Apply != "",
	} {
		if given {
			return badRequest("The query parameter '%s' is not supported for a single item.", name)
		}
	}
	return nil
}

// custom returns an option without $ in front.
func (c *call) custom(name string) (string, bool) {
	for _, o := range c.query.Raw {
		if strings.EqualFold(o.Name, name) {
			return o.Value, true
		}
	}
	return "", false
}

// count answers with the number of rows as text, capped.
func (c *call) count(t *table, within predicate) error {
	s, err := c.scanFor(t, c.query, within)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/plain")
	out := c.begin()
	out.buf = strconv.AppendInt(append(out.buf, "\xef\xbb\xbf"...), int64(s.count(countLimit)), 10)
	return out.close()
}

// page answers with one page of rows.
func (c *call) page(t *table, path string, within predicate, cols []columnWriter, context string) error {
	s, err := c.scanFor(t, c.query, within)
	if err != nil {
		return err
	}
	s.path = path
	q := c.query
	total := -1
	if q.Count {
		total = s.count(countLimit + 1)
	}
	pos, number := s.from, 1
	if q.SkipToken != "" {
		token, err := c.unstamped(q.SkipToken)
		if err != nil {
			return err
		}
		at, n, err := s.resume(token, c.pages(t))
		if err != nil {
			return err
		}
		pos, number = max(pos, at), n
	}
	size := c.pages(t)
	top := q.Top
	if top > maxPage {
		top = maxPage
	}
	// $top does not go with a page size: one that is larger has no effect.
	limited := top >= 0 && (c.prefer.pageSize == 0 || top <= size && !c.prefer.unverified.IgnoredTop)
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
		if !out.flush() {
			break
		}
		pos = s.next(pos + 1)
	}
	out.buf = append(out.buf, ']')
	if pos < s.to && !limited {
		out.buf = append(out.buf, `,"@odata.nextLink":`...)
		out.buf = appendString(out.buf, c.nextLink(s, q.Raw, number+1, first, last))
	}
	out.buf = append(out.buf, '}')
	return out.close()
}

func (c *call) appendTotals(b []byte, total int) []byte {
	if !c.prefer.annotates("Microsoft.Dynamics.CRM.totalrecordcount") {
		return b
	}
	b = append(b, `,"@Microsoft.Dynamics.CRM.totalrecordcount":`...)
	b = strconv.AppendInt(b, int64(min(total, countLimit)), 10)
	b = append(b, `,"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded":`...)
	b = strconv.AppendBool(b, total > countLimit)
	return append(b, `,"@Microsoft.Dynamics.CRM.globalmetadataversion":"`+strconv.FormatInt(c.data.catalog.version, 10)+`"`...)
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
			if a == nil && p.unverified.PartyLists && t.partyList(name) {
				continue
			}
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
