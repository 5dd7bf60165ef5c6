package dataverse

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// noProperty is how Dataverse refuses a query with a column that it does not
// have, or no longer has: customizers remove columns at any time.
var noProperty = regexp.MustCompile(`(?i)Could not find a property named '([^']{1,200})' on type`)

// missingProperty returns the name in such a refusal, or "".
func missingProperty(err error) string {
	var e *odata.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest {
		return ""
	}
	if m := noProperty.FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return ""
}

// selection finds the value of $select in a query as it is sent. It returns
// its place and the members it names.
func selection(query string) (start, end int, members []string) {
	for at := 0; at <= len(query); {
		end := at + len(query[at:])
		if i := strings.IndexByte(query[at:], '&'); i >= 0 {
			end = at + i
		}
		name, value, _ := strings.Cut(query[at:end], "=")
		if name == "$select" || strings.EqualFold(name, "%24select") {
			for _, m := range strings.Split(commas.Replace(value), ",") {
				if plain, err := url.PathUnescape(m); err == nil {
					m = plain
				}
				members = append(members, strings.TrimSpace(m))
			}
			return end - len(value), end, members
		}
		at = end + 1
	}
	return 0, 0, nil
}

var commas = strings.NewReplacer("%2C", ",", "%2c", ",")

// Selected returns the members that a link selects, nil when it does not say.
func Selected(link string) []string {
	u, err := url.Parse(link)
	if err != nil {
		return nil
	}
	_, _, members := selection(u.RawQuery)
	return members
}

// unselect returns the address without a member of its $select; everything
// else stays as it is, to the letter. It returns false when the member is not
// selected, or alone.
func unselect(u *url.URL, member string) (*url.URL, bool) {
	start, end, members := selection(u.RawQuery)
	i := slices.IndexFunc(members, func(m string) bool { return strings.EqualFold(m, member) })
	if i < 0 || len(members) == 1 {
		return nil, false
	}
	parts := strings.Split(commas.Replace(u.RawQuery[start:end]), ",")
	less := *u
	less.RawQuery = u.RawQuery[:start] + strings.Join(slices.Delete(parts, i, i+1), ",") + u.RawQuery[end:]
	return &less, true
}
