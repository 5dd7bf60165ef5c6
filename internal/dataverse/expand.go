package dataverse

import (
	"net/url"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// Expand is a row to read along with each record: the one that a lookup leads
// to. Its members come in an object under the name of the navigation
// property, null when the lookup is empty, leads elsewhere, or to a row that
// is gone or may not be read.
type Expand struct {
	Navigation string   // single-valued navigation property, for example "primarycontactid" or "customerid_account"
	Table      string   // logical name of the table it leads to
	Select     []string // members to read; at least one
	Expand     []Expand // rows to read along with it
}

// appendExpand appends the value of $expand to b, as it stands in an address.
func appendExpand(b []byte, expands []Expand) []byte {
	for i, e := range expands {
		if i > 0 {
			b = append(b, ',')
		}
		b = odata.AppendQuery(b, e.Navigation)
		b = append(b, "($select="...)
		b = odata.AppendQuery(b, strings.Join(e.Select, ","))
		if len(e.Expand) > 0 {
			b = appendExpand(append(b, ";$expand="...), e.Expand)
		}
		b = append(b, ')')
	}
	return b
}

// optionIn finds an option in an encoded query. It returns where its value
// stands, and false when there is none.
func optionIn(query, name string) (start, end int, ok bool) {
	for at := 0; at <= len(query); {
		end := at + len(query[at:])
		if i := strings.IndexByte(query[at:], '&'); i >= 0 {
			end = at + i
		}
		n, value, _ := strings.Cut(query[at:end], "=")
		if n == "$"+name || strings.EqualFold(n, "%24"+name) {
			return end - len(value), end, true
		}
		at = end + 1
	}
	return 0, 0, false
}

// expansion returns what an encoded query expands; nil when it expands nothing or
// cannot be read.
func expansion(query string) []Expand {
	start, end, ok := optionIn(query, "expand")
	if !ok {
		return nil
	}
	q, err := odata.ParseQuery("$expand=" + query[start:end])
	if err != nil {
		return nil
	}
	return expandsOf(q.Expand)
}

func expandsOf(items []odata.Expand) []Expand {
	var expands []Expand
	for i := range items {
		q := &items[i].Query
		expands = append(expands, Expand{Navigation: items[i].Path.String(), Select: q.Select, Expand: expandsOf(q.Expand)})
	}
	return expands
}

// named returns the paths of all members that the expands read, below a prefix.
func named(prefix string, expands []Expand) []string {
	var names []string
	for _, e := range expands {
		within := prefix + e.Navigation + "/"
		for _, m := range e.Select {
			names = append(names, within+m)
		}
		names = append(names, named(within, e.Expand)...)
	}
	return names
}

// reexpand returns the address with another $expand; everything else stays
// verbatim.
func reexpand(u *url.URL, expands []Expand) *url.URL {
	start, end, _ := optionIn(u.RawQuery, "expand")
	less := *u
	if len(expands) > 0 {
		less.RawQuery = u.RawQuery[:start] + string(appendExpand(nil, expands)) + u.RawQuery[end:]
		return &less
	}
	before := u.RawQuery[:strings.LastIndexByte(u.RawQuery[:start], '&')+1]
	less.RawQuery = strings.TrimSuffix(before+strings.TrimPrefix(u.RawQuery[end:], "&"), "&")
	return &less
}

// unexpand removes a member that a table does not have from what is expanded, be
// it a column or a navigation property with everything below it. tables says to
// which table each navigation property leads, and parent to which one they
// belong. It returns what remains, and the paths of what does not.
func unexpand(expands, tables []Expand, parent, member, table, prefix string) (rest []Expand, lost []string) {
	for _, e := range expands {
		if strings.EqualFold(e.Navigation, member) && sameTable(parent, table) {
			lost = append(lost, named(prefix, []Expand{e})...)
			continue
		}
		var to Expand // stays empty for one in an older link, which the query no longer asks for
		if i := slices.IndexFunc(tables, func(t Expand) bool { return t.Navigation == e.Navigation }); i >= 0 {
			to = tables[i]
		}
		within := prefix + e.Navigation + "/"
		if sameTable(to.Table, table) {
			e.Select = slices.Clone(e.Select)
			e.Select = slices.DeleteFunc(e.Select, func(m string) bool {
				is := strings.EqualFold(m, member)
				if is {
					lost = append(lost, within+m)
				}
				return is
			})
		}
		inner, innerLost := unexpand(e.Expand, to.Expand, to.Table, member, table, within)
		e.Expand, lost = inner, append(lost, innerLost...)
		if len(e.Select) == 0 {
			// Without $select all columns would come.
			lost = append(lost, named(within, e.Expand)...)
			continue
		}
		rest = append(rest, e)
	}
	return rest, lost
}

// sameTable reports whether a name given by the server is that of a table, as far
// as both are known.
func sameTable(known, given string) bool {
	return known == "" || given == "" || strings.EqualFold(known, given)
}
