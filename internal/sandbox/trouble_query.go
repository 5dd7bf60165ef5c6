package sandbox

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// leadingWildcard finds conditions of FetchXML that no index can serve.
var leadingWildcard = regexp.MustCompile(`(?i)operator=["'](?:not-)?like["'][^>]*value=["']%|value=["']%[^>]*operator=["'](?:not-)?like["']|operator=["'](?:not-)?end(?:s|-)-?with["']`)

// expensive tells what of a query makes it slow: a text that begins with
// anything, or a condition on a column that is computed.
func (d *dataset) expensive(r *http.Request) (wildcard, computed bool) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return false, false
	}
	set, _, _ := strings.Cut(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "(")
	e := d.catalog.bySet[set]
	if e == nil {
		return false, false
	}
	for _, o := range q.Raw {
		if strings.EqualFold(o.Name, "fetchXml") {
			text, err := url.QueryUnescape(o.Raw)
			wildcard = err == nil && leadingWildcard.MatchString(text)
			for _, a := range e.attributes {
				computed = computed || a.computed() && strings.Contains(text, `condition attribute="`+a.name+`"`)
			}
		}
	}
	var walk func(x odata.Expr)
	column := func(o odata.Operand) {
		if p, ok := o.(odata.Path); ok && len(p) == 1 {
			a := e.byMember[p[0]]
			computed = computed || a != nil && a.computed()
		}
	}
	walk = func(x odata.Expr) {
		switch x := x.(type) {
		case *odata.Logical:
			walk(x.Left)
			walk(x.Right)
		case *odata.Not:
			walk(x.Expr)
		case *odata.Comparison:
			column(x.Left)
			column(x.Right)
		case *odata.TextCall:
			column(x.Of)
			l, ok := x.Text.(odata.Literal)
			wildcard = wildcard || x.Name != "startswith" || ok && strings.HasPrefix(l.Text, "%")
		}
	}
	if q.Filter != nil {
		walk(q.Filter)
	}
	return wildcard, computed
}

// computed tells columns whose values are computed when they are read.
func (a *attribute) computed() bool {
	kind := a.raw.int("SourceType")
	return kind == 1 || kind == 3
}

// slow is the error of a query that took too long, or of one that is
// throttled because it costs too much: both tell what of it is to blame
// (query-antipatterns.md, query-throttling.md).
func (f *Fault) slow(d *dataset, r *http.Request) *fault {
	wildcard, computed := d.expensive(r)
	status := f.Status
	if f.Kind == FaultThrottleQuery {
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		const throttled = "This query cannot be executed because it conflicts with Query Throttling; the query uses a "
		const more = " in a filter condition, which will cause the query to be throttled more aggressively."
		switch {
		case wildcard:
			return &fault{status, "0x80048644", throttled + "leading wildcard value" + more}
		case computed:
			return &fault{status, "0x80048744", throttled + "computed column" + more}
		}
		return &fault{status, "0x80048544", "This query cannot be executed because it conflicts with query throttling."}
	}
	if status == 0 {
		status = http.StatusBadRequest
		if !wildcard && !computed {
			status = http.StatusInternalServerError
		}
	}
	const took = "The database operation timed out; this may be due to a "
	switch {
	case wildcard:
		return &fault{status, "0x80048573", took + "leading wildcard value being used in a filter condition. Please consider removing filter conditions on leading wildcard values, as these filter conditions are expensive and may cause timeouts."}
	case computed:
		return &fault{status, "0x80048574", took + "computed column being used in a filter condition. Please consider removing filter conditions on computed columns, as these filter conditions are expensive and may cause timeouts."}
	}
	return &fault{status, "0x80044151", "SQL timeout expired."}
}
