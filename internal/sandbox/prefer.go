package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// maxPage is the largest page and the page size when none is asked for.
const maxPage = 5000

// preferences is what a request's Prefer headers ask for.
type preferences struct {
	pageSize    int      // 0 when none was asked for
	annotations []string // patterns in order: *, a.b.*, a.b.c, each maybe with - in front
	applied     []string // for Preference-Applied

	representation bool // return=representation
	trackChanges   bool // odata.track-changes
	goOn           bool // odata.continue-on-error

	unverified Unverified // what was chosen when the request began
}

// parsePrefer reads Prefer headers: one list or several headers, values with
// or without quotes (RFC 7240, section 2). What it does not know it ignores.
func parsePrefer(h http.Header) *preferences {
	p := &preferences{}
	for _, line := range h.Values("Prefer") {
		for item := range splitQuoted(line) {
			name, value, _ := strings.Cut(item, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch name {
			case "odata.maxpagesize", "maxpagesize":
				n, err := strconv.Atoi(value)
				if err != nil || n <= 0 || p.pageSize > 0 {
					continue
				}
				p.pageSize = min(n, maxPage)
				p.applied = append(p.applied, "odata.maxpagesize="+strconv.Itoa(p.pageSize))
			case "return":
				p.representation = value == "representation"
			case "odata.track-changes":
				p.trackChanges = true
			case "odata.continue-on-error":
				p.goOn = true
			case "odata.include-annotations", "include-annotations":
				if value == "" || p.annotations != nil {
					continue
				}
				for pattern := range strings.SplitSeq(value, ",") {
					p.annotations = append(p.annotations, strings.TrimSpace(pattern))
				}
				p.applied = append(p.applied, `odata.include-annotations="`+value+`"`)
			}
		}
	}
	return p
}

// splitQuoted cuts at commas outside of quotes.
func splitQuoted(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := range len(s) {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == ',' && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

// annotates tells whether annotations of that name were asked for. The
// longest pattern that fits decides (OData Protocol 4.0, 8.2.8.4).
func (p *preferences) annotates(name string) bool {
	best, wanted := -1, false
	for _, pattern := range p.annotations {
		no := strings.HasPrefix(pattern, "-")
		pattern = strings.TrimPrefix(pattern, "-")
		prefix, wild := strings.CutSuffix(pattern, "*")
		if wild && !strings.HasPrefix(name, prefix) || !wild && name != pattern {
			continue
		}
		if len(pattern) >= best {
			best, wanted = len(pattern), !no
		}
	}
	return wanted
}

func (p *preferences) pages() int {
	if p.pageSize == 0 {
		return maxPage
	}
	return p.pageSize
}
