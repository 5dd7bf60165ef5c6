package dataverse

import (
	"encoding/json"
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
var noProperty = regexp.MustCompile(`(?i)Could not find a property named '([^']{1,200})' on type(?: 'Microsoft\.Dynamics\.CRM\.([^']{1,200})')?`)

// missingProperty returns the name in such a refusal, or "".
func missingProperty(err error) string {
	name, _ := missingFrom(err)
	return name
}

// missingFrom returns the name in such a refusal, and that of the table if it is
// there.
func missingFrom(err error) (name, table string) {
	var e *odata.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest {
		return "", ""
	}
	if m := noProperty.FindStringSubmatch(e.Message); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

// selection finds the value of $select in an encoded query. It returns where it
// stands and the members that it names.
func selection(query string) (start, end int, members []string) {
	start, end, ok := optionIn(query, "select")
	if !ok {
		return 0, 0, nil
	}
	for _, m := range strings.Split(commas.Replace(query[start:end]), ",") {
		if plain, err := url.PathUnescape(m); err == nil {
			m = plain
		}
		members = append(members, strings.TrimSpace(m))
	}
	return start, end, members
}

var commas = strings.NewReplacer("%2C", ",", "%2c", ",")

// Selected returns the members that the link to a page selects, those of expanded
// rows by their path of navigation properties; nil when it does not say. The Next
// of a page of changes will do as well.
func Selected(link string) []string {
	var at cursor
	if json.Unmarshal([]byte(link), &at) == nil {
		if link = at.Link; at.keysAlone() {
			return nil
		}
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil
	}
	_, _, members := selection(u.RawQuery)
	if members == nil {
		return nil
	}
	return append(members, named("", expansion(u.RawQuery))...)
}

// without returns the address without a member that a table does not have, and
// the paths of what is no longer read. There are none when the member is not read
// as a column: it may be part of the filter, and leaving it out would read
// something else.
func (q Query) without(u *url.URL, member, table string) (less *url.URL, lost []string) {
	if expands := expansion(u.RawQuery); expands != nil {
		rest, gone := unexpand(expands, q.Expand, q.Table, member, table, "")
		if len(gone) > 0 {
			u, lost = reexpand(u, rest), gone
		}
	}
	if len(lost) > 0 && !(q.Table != "" && strings.EqualFold(q.Table, table)) {
		return u, lost
	}
	if less, ok := unselect(u, member); ok {
		return less, append(lost, member)
	}
	return u, lost
}

// unselect returns the address without a member of its $select; everything else
// stays verbatim. It returns false when the member is not selected, or is the
// only one.
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
