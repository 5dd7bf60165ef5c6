package dataverse_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// tracker is a table that tracks changes, without a network. What is not
// documented of Dataverse, tests can have either way.
type tracker struct {
	mu      sync.Mutex // held while it answers
	base    string
	now     time.Time
	skew    time.Duration // of the Date header
	version int
	rows    map[[16]byte]*tracked
	gone    []tracked // in order
	next    byte      // of the ids

	linkFirst bool   // links come before the records
	lateToken bool   // a token marks the last page of a walk, not the first
	repeat    bool   // a changed row comes twice, first as it was
	refuse    string // an error body for every request that tracks changes
	status    int    // of that body
	noDelta   bool   // a tracked walk ends without a link
	expired   int    // tokens below this version have expired
	dated     bool   // rows have a modifiedon
	asked     []string
	between   func() // called behind each page but the last, and before rows are read by key
}

type tracked struct {
	id       [16]byte
	name     string
	version  int
	modified time.Time
}

func newTracker(rows int) *tracker {
	s := &tracker{
		base: "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?", dated: true, status: 400,
		now: time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC), rows: map[[16]byte]*tracked{},
	}
	for range rows {
		s.put([16]byte{}, "first")
	}
	return s
}

// put makes or changes a row; a zero id makes one.
func (s *tracker) put(id [16]byte, name string) [16]byte {
	s.version++
	if id == ([16]byte{}) {
		s.next++
		id = [16]byte{s.next * 167, s.next} // not in the order of making
	}
	s.rows[id] = &tracked{id, name, s.version, s.now.Truncate(time.Second)}
	return id
}

func (s *tracker) remove(id [16]byte) {
	s.version++
	delete(s.rows, id)
	s.gone = append(s.gone, tracked{id: id, version: s.version})
}

// sorted returns the rows for which keep returns true.
func (s *tracker) sorted(keep func(*tracked) bool, less func(a, b tracked) int) []tracked {
	var rows []tracked
	for _, r := range s.rows {
		if keep(r) {
			rows = append(rows, *r)
		}
	}
	slices.SortFunc(rows, less)
	return rows
}

func byID(a, b tracked) int { return slices.Compare(a.id[:], b.id[:]) }
func byModified(a, b tracked) int {
	if n := a.modified.Compare(b.modified); n != 0 {
		return n
	}
	return byID(a, b)
}

// shuffle changes something.
func (s *tracker) shuffle(r *rand.Rand) {
	s.now = s.now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
	ids := s.sorted(func(*tracked) bool { return true }, byID)
	switch n := r.IntN(10); {
	case n < 4 || len(ids) == 0:
		s.put([16]byte{}, "new")
	case n < 7:
		s.put(ids[r.IntN(len(ids))].id, fmt.Sprintf("changed %d", s.version))
	case n < 9 || len(s.gone) == 0:
		s.remove(ids[r.IntN(len(ids))].id)
	default:
		s.put(s.gone[r.IntN(len(s.gone))].id, "restored")
	}
}

func (s *tracker) answer(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.RawQuery)
	s.now = s.now.Add(200 * time.Millisecond)
	header := http.Header{"Date": {s.now.Add(s.skew).Format(http.TimeFormat)}}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	prefer := r.Header.Get("Prefer")
	track := strings.Contains(prefer, "odata.track-changes")
	_, size, _ := strings.Cut(prefer, "maxpagesize=")
	size, _, _ = strings.Cut(size, ",")
	limit, err := strconv.Atoi(size)
	if err != nil {
		return nil, err
	}
	if track && s.refuse != "" {
		return answer(r, s.status, header, s.refuse), nil
	}
	if track && (q.Has("$filter") || q.Has("$orderby")) {
		return answer(r, 400, header, `{"error":{"code":"0x80060888","message":"The \"$filter\" query parameter isn't supported when Change Tracking is enabled."}}`), nil
	}
	if q.Has("$deltatoken") {
		return s.delta(r, header, q, limit), nil
	}
	keep, order := func(*tracked) bool { return true }, byID
	switch by := q.Get("$orderby"); {
	case by == "":
	case !s.dated:
		return answer(r, 400, header, `{"error":{"code":"0x80060888","message":"Could not find a property named 'modifiedon' on type 'Microsoft.Dynamics.CRM.account'."}}`), nil
	case by == "modifiedon desc":
		order = func(a, b tracked) int { return byModified(b, a) }
	default:
		order = byModified
	}
	if f := q.Get("$filter"); strings.Contains(f, "CRM.In(PropertyName='accountid'") {
		if s.between != nil {
			s.between()
		}
		keep = func(t *tracked) bool { return strings.Contains(f, fmt.Sprintf("%q", odata.AppendGUID(nil, t.id))) }
	} else if f != "" {
		since, err := time.Parse(time.RFC3339, strings.TrimPrefix(f, "modifiedon ge "))
		if err != nil || !slices.Contains([]string{"modifiedon,accountid", "modifiedon desc"}, q.Get("$orderby")) {
			return answer(r, 400, header, `{"error":{"code":"","message":"`+f+` is no filter"}}`), nil
		}
		keep = func(t *tracked) bool { return !t.modified.Before(since) }
	}
	rows := s.sorted(keep, order)
	begin := s.version
	if token := q.Get("$skiptoken"); token != "" { // of the last row: version at the begin, time, id
		var unix int64
		var id string
		if _, err := fmt.Sscanf(token, "%d/%d/%s", &begin, &unix, &id); err != nil {
			return nil, err
		}
		last := tracked{id: parseID(id), modified: time.Unix(unix, 0)}
		rows = slices.DeleteFunc(rows, func(t tracked) bool { return order(t, last) <= 0 })
	}
	link := ""
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		q.Set("$skiptoken", fmt.Sprintf("%d/%d/%s", begin, last.modified.Unix(), odata.AppendGUID(nil, last.id)))
		link = `"@odata.nextLink":"` + s.base + q.Encode() + `"`
	} else if track && !s.noDelta {
		if s.lateToken {
			begin = s.version
		}
		link = fmt.Sprintf(`"@odata.deltaLink":"%s$select=%s&$deltatoken=%d"`, s.base, q.Get("$select"), begin)
	}
	items := make([]string, len(rows))
	for i, t := range rows {
		items[i] = t.json(t.name)
	}
	return s.page(r, header, items, link), nil
}

// delta answers with what has changed since a token.
func (s *tracker) delta(r *http.Request, header http.Header, q url.Values, limit int) *http.Response {
	since, _ := strconv.Atoi(q.Get("$deltatoken"))
	if since < s.expired {
		return answer(r, s.status, header, `{"error":{"code":"0x80044352","message":"Version stamp associated with the client has expired. Please perform a full sync."}}`)
	}
	until, _ := strconv.Atoi(q.Get("until"))
	if until == 0 {
		until = s.version
	}
	// A row that changes again meanwhile is in the next delta, and moves none
	// of this one's pages.
	type change struct {
		at   [3]int // deletions behind rows, then version, then before or after
		text string
	}
	var changes []change
	for _, t := range s.sorted(func(t *tracked) bool { return t.version > since && t.version <= until }, func(a, b tracked) int { return a.version - b.version }) {
		if s.repeat {
			changes = append(changes, change{[3]int{0, t.version, 0}, t.json("as it was")})
		}
		changes = append(changes, change{[3]int{0, t.version, 1}, t.json(t.name)})
	}
	for _, t := range s.gone {
		if _, back := s.rows[t.id]; t.version > since && t.version <= until && !back {
			changes = append(changes, change{[3]int{1, t.version, 0}, fmt.Sprintf(`{"@odata.context":"%s#accounts/$deletedEntity","id":%q,"reason":"deleted"}`, s.base, odata.AppendGUID(nil, t.id))})
		}
	}
	var after [3]int
	_, _ = fmt.Sscanf(q.Get("after"), "%d/%d/%d", &after[0], &after[1], &after[2])
	changes = slices.DeleteFunc(changes, func(c change) bool { return slices.Compare(c.at[:], after[:]) <= 0 })
	link := fmt.Sprintf(`"@odata.deltaLink":"%s$deltatoken=%d"`, s.base, until)
	if len(changes) > limit {
		changes = changes[:limit]
		last := changes[limit-1].at
		link = fmt.Sprintf(`"@odata.nextLink":"%s$deltatoken=%d&until=%d&after=%d/%d/%d"`, s.base, since, until, last[0], last[1], last[2])
	}
	items := make([]string, len(changes))
	for i, c := range changes {
		items[i] = c.text
	}
	return s.page(r, header, items, link)
}

func (t *tracked) json(name string) string {
	return fmt.Sprintf(`{"@odata.etag":"W/\"%d\"","accountid":%q,"name":%q,"modifiedon":%q}`, t.version, odata.AppendGUID(nil, t.id), name, t.modified.Format(time.RFC3339))
}

func (s *tracker) page(r *http.Request, header http.Header, items []string, link string) *http.Response {
	if s.between != nil && strings.Contains(link, "nextLink") {
		s.between()
	}
	value := `"value":[` + strings.Join(items, ",") + `]`
	parts := []string{`"@odata.context":"x"`, value}
	switch {
	case link == "":
	case s.linkFirst:
		parts = []string{link, value}
	default:
		parts = append(parts, link)
	}
	return answer(r, 200, header, "{"+strings.Join(parts, ",")+"}")
}

func parseID(s string) [16]byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil {
		panic(err)
	}
	return [16]byte(b)
}
