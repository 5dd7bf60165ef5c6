package sandbox

import (
	"encoding/xml"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// nextLink returns the address of the next page. The query stays as the
// caller sent it; the cookie holds the key, and the values ordered by, of the
// page's first and last row, so that any server can go on from it at any
// time.
func (c *call) nextLink(s *scan, options []odata.Option, number, first, last int) string {
	var b strings.Builder
	b.WriteString(c.root + "/" + s.path + "?")
	for _, o := range options {
		if o.Name != "$skiptoken" {
			b.WriteString(o.Raw + "&")
		}
	}
	b.WriteString("$skiptoken=%3Ccookie%20pagenumber=%22" + strconv.Itoa(number))
	if !s.keyset() {
		b.WriteString("%22%20istracking=%22False%22" + c.linkMade() + "%20/%3E")
		return b.String()
	}
	b.WriteString("%22%20pagingcookie=%22")
	b.WriteString(strings.ReplaceAll(escapeLower(s.wrapped(s.cookie(number-1, first, last))), "%", "%25"))
	b.WriteString("%22%20istracking=%22False%22" + c.linkMade() + "%20/%3E")
	return b.String()
}

// keyset tells whether a cookie can say where a page ends. Where rows are
// ordered by columns of others it cannot, and pages are counted.
func (s *scan) keyset() bool {
	return !slices.ContainsFunc(s.lookup, func(o orderColumn) bool { return o.related != nil })
}

// maxCounted is how many rows can be paged through without a cookie.
const maxCounted = 50_000

func pagingLimit() *fault {
	return &fault{400, codePagingLimit, "Paging without a paging cookie is limited to " + strconv.Itoa(maxCounted) + " records."}
}

// skip returns the position of a counted page.
func (s *scan) skip(number, size int) (int, error) {
	if (number-1)*size >= maxCounted {
		return 0, pagingLimit()
	}
	pos := s.next(s.from)
	for range (number - 1) * size {
		if pos >= s.to {
			break
		}
		pos = s.next(pos + 1)
	}
	return pos, nil
}

// cookie returns the inner cookie of a page.
func (s *scan) cookie(page, first, last int) string {
	var b strings.Builder
	b.WriteString(`<cookie page="` + strconv.Itoa(page) + `">`)
	for _, o := range s.lookup {
		b.WriteString("<" + o.attribute.name)
		for _, end := range []struct {
			name string
			row  int
		}{{"last", last}, {"first", first}} {
			text, ok := o.text(s.t, end.row)
			if !ok {
				b.WriteString(" " + end.name + `null="1"`)
				continue
			}
			b.WriteString(" " + end.name + `="`)
			_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder does not fail
			b.WriteString(`"`)
		}
		b.WriteString(" />")
	}
	b.WriteString("<" + s.t.key.name + ` last="{` + s.t.id(last).upper() + `}" first="{` + s.t.id(first).upper() + `}" />`)
	b.WriteString(s.t.partitionCookie(last) + "</cookie>")
	return b.String()
}

// partitionCookie returns what the cookie of an elastic table tells beside the
// key of the last row: keys are not unique there.
func (t *table) partitionCookie(last int) string {
	if !t.elastic() {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<partitionid last="`)
	_ = xml.EscapeText(&b, []byte(t.partition(last))) // a strings.Builder does not fail
	b.WriteString(`" />`)
	return b.String()
}

// escapeLower percent-encodes all but letters, digits and -_. in lower-case
// hex, as .NET does.
func escapeLower(s string) string {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b = append(b, c)
		default:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

var outerCookie = regexp.MustCompile(`^<cookie pagenumber="(\d{1,9})"(?: pagingcookie="([^"]*)")? istracking="(?:False|True)" />$`)

func badCookie() *fault {
	return &fault{400, codeInvalidArgument, "Malformed XML in the Paging Cookie"}
}

// resume returns the position after the row with which a cookie ends, and the
// number of the page that begins there.
func (s *scan) resume(token string, size int) (pos, number int, err error) {
	m := outerCookie.FindStringSubmatch(token)
	if m == nil {
		return 0, 0, badCookie()
	}
	if number, _ = strconv.Atoi(m[1]); m[2] == "" && number > 0 {
		pos, err := s.skip(number, size)
		return pos, number, err
	}
	inner, err := url.PathUnescape(m[2])
	if err != nil {
		return 0, 0, badCookie()
	}
	if inner, err = s.unwrapped(inner); err != nil {
		return 0, 0, badCookie()
	}
	pos, err = s.behind(inner)
	return pos, number, err
}

// behind returns the position after the row that the inner cookie of a page
// ends with.
func (s *scan) behind(inner string) (int, error) {
	var cookie struct {
		Columns []struct {
			XMLName xml.Name
			Last    string `xml:"last,attr"`
			Null    string `xml:"lastnull,attr"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(inner), &cookie); err != nil {
		return 0, badCookie()
	}
	n, partition := len(s.lookup), ""
	if s.t.elastic() && len(cookie.Columns) == n+2 && cookie.Columns[n+1].XMLName.Local == "partitionid" {
		partition, cookie.Columns = cookie.Columns[n+1].Last, cookie.Columns[:n+1]
	}
	if len(cookie.Columns) != n+1 || cookie.Columns[n].XMLName.Local != s.t.key.name {
		return 0, badCookie()
	}
	id, ok := parseGUID(strings.Trim(cookie.Columns[n].Last, "{}"))
	if !ok {
		return 0, badCookie()
	}
	if s.order == nil {
		return s.t.after(id, partition), nil
	}
	// The row itself may have gone or moved: what counts is where its values
	// would stand.
	last := make([]value, n)
	for i, o := range s.lookup {
		col := &cookie.Columns[i]
		if col.XMLName.Local != o.attribute.name || col.Null == "" && !o.parse(col.Last, &last[i]) {
			return 0, badCookie()
		}
	}
	var v value
	pos := sort.Search(len(s.order), func(at int) bool {
		row := int(s.order[at])
		for i, o := range s.lookup {
			o.read(s.t, row, &v)
			if c := o.compare(&v, &last[i]); c != 0 {
				return c > 0
			}
		}
		return s.t.order(s.t.id(row), id) > 0
	})
	return pos, nil
}
