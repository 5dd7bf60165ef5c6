package dataverse_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestChanges keeps a copy of a table that changes all the time, also between
// the pages, in every position of what is not documented. Whenever the table
// rests, the copy is the table.
func TestChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(128) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			s := newTracker(r.IntN(12))
			s.linkFirst, s.lateToken, s.repeat = seed&1 > 0, seed&2 > 0, seed&4 > 0
			m := newMirror(t, s)
			m.query.PageSize = 1 + r.IntN(6)
			m.query.Keys = seed >= 64
			switch seed / 8 % 4 {
			case 0, 1: // tracked
			case 2:
				m.query.Entity.ChangeTracking = false
			case 3:
				m.query.Entity.ChangeTracking = false
				m.query.Entity.Attributes = m.query.Entity.Attributes[:1]
				s.dated = false
			}
			s.between = func() {
				for range r.IntN(3) * r.IntN(2) {
					s.shuffle(r)
				}
			}
			for round := range 12 {
				if round%4 == 3 && m.query.Entity.ChangeTracking {
					s.expired = s.version + 1
					s.status = []int{400, 410, 412, 500, 503}[r.IntN(5)]
				}
				m.must()
				s.expired = 0
				for range r.IntN(8) {
					s.shuffle(r)
				}
				s.now = s.now.Add(time.Duration(r.IntN(20)) * time.Minute)
			}
			s.between = nil
			m.must()
			m.equal(s, "at rest")
			if m.query.Entity.ChangeTracking {
				want := "Dynamics no longer knows"
				if len(m.said) != 3 || !strings.HasPrefix(m.said[0], want) {
					t.Errorf("said %q, want three expired tokens", m.said)
				}
			}
		})
	}
}

// TestChangesCost checks what is asked in each way.
func TestChangesCost(t *testing.T) {
	t.Parallel()
	s := newTracker(7)
	m := newMirror(t, s)
	m.must()
	m.equal(s, "after everything")
	s.asked = nil
	m.must()
	if diff := cmp.Diff([]string{"$select=accountid,name&$deltatoken=7"}, s.asked); diff != "" || m.said != nil {
		t.Errorf("nothing has changed: asked (-want +got):\n%s\nsaid %q", diff, m.said)
	}
	id := s.put([16]byte{}, "made and gone")
	s.remove(id)
	other := s.put([16]byte{}, "stays")
	m.must()
	m.equal(s, "after changes")
	if m.names[other] != "stays" {
		t.Error("a new row is missing")
	}

	m.query.Entity.ChangeTracking = false
	m.query.Since, m.query.Sweep = "", false
	m.must()
	s.asked = nil
	m.must()
	want := []string{
		"$select=modifiedon&$filter=modifiedon%20ge%202024-03-01T07:55:02Z&$orderby=modifiedon%20desc",
		"$select=accountid,name&$filter=modifiedon%20ge%202024-03-01T07:55:02Z&$orderby=modifiedon,accountid",
	}
	if diff := cmp.Diff(want, s.asked[:min(len(s.asked), 2)]); diff != "" {
		t.Errorf("by time: asked first (-want +got):\n%s", diff)
	}
	for _, q := range s.asked {
		if !strings.Contains(q, "modifiedon") {
			t.Errorf("a sweep that nobody asked for: %s", q)
		}
	}
}

// TestChangesFallBack checks that whatever keeps changes from being tracked
// is told and something else is done instead.
func TestChangesFallBack(t *testing.T) {
	t.Parallel()
	refusal := func(code, message string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
	}
	tests := []struct {
		name   string
		status int
		body   string
		words  string
	}{
		{"not enabled", 400, refusal("0x80072491", "Entity account isn't enabled for change tracking."), "Dynamics does not track changes here: Entity account"},
		{"not enabled, by another code", 400, refusal("0x80060888", "Change Tracking is not enabled for account"), "does not track"},
		{"not enabled, by the code alone", 500, refusal("0X80072492", "no"), "does not track"},
		{"no global read", 403, refusal("0x80040220", "SecLib::CheckPrivilege failed. User: u, PrivilegeName: prvReadAccount, Required Depth: Global, ..."), "needs: give the user a role with the privilege prvReadAccount at organization level."},
		{"no global read, another code", 403, refusal("0x8004f003", "SecLib::CheckPrivilege failed."), "a role with read access at organization level."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// From the beginning.
			s := newTracker(8)
			s.refuse, s.status = test.body, test.status
			m := newMirror(t, s)
			m.must()
			s.remove(s.put([16]byte{}, "gone again"))
			s.remove(s.sorted(func(*tracked) bool { return true }, byID)[2].id)
			m.must()
			m.equal(s, "never tracked")
			if len(m.said) != 1 || !strings.Contains(m.said[0], test.words) || strings.Contains(m.said[0], "SecLib") {
				t.Errorf("said %q", m.said)
			}
			// From some day on.
			s = newTracker(8)
			m = newMirror(t, s)
			m.must()
			s.refuse, s.status = test.body, test.status
			s.now = s.now.Add(time.Hour)
			s.put([16]byte{}, "later")
			s.remove(s.sorted(func(*tracked) bool { return true }, byID)[2].id)
			s.asked = nil
			m.must()
			m.equal(s, "no longer tracked")
			if len(m.said) != 1 || !strings.Contains(m.said[0], test.words) || !strings.Contains(s.asked[1], "modifiedon%20ge%202024-03-01T07:55") {
				t.Errorf("said %q, asked %q", m.said, s.asked)
			}
			// Nor by time.
			s = newTracker(8)
			s.dated = false
			m = newMirror(t, s)
			m.query.Entity.Attributes = nil
			m.must()
			s.refuse, s.status = test.body, test.status
			s.remove(s.put([16]byte{}, "gone again"))
			m.must()
			m.equal(s, "neither tracked nor dated")
		})
	}
}

// TestChangesSkew keeps a copy by modification time while the server's Date
// header is wrong and the environment's clock is not that of this machine.
func TestChangesSkew(t *testing.T) {
	t.Parallel()

	for _, skew := range []time.Duration{-2 * time.Hour, 0, 2 * time.Hour, 10 * 365 * 24 * time.Hour} {
		for _, rows := range []int{1, 12} {
			for _, refused := range []int{0, 1, 3} { // from which read on
				t.Run(fmt.Sprint(skew, " ", rows, " ", refused), func(t *testing.T) {
					t.Parallel()
					r := rand.New(rand.NewPCG(uint64(rows), uint64(refused)))
					s := newTracker(rows)
					s.skew = skew
					m := newMirror(t, s)
					s.between = func() { s.shuffle(r) }
					for round := range 10 {
						if round == refused {
							s.refuse = refusal
						}
						m.must()
						for range r.IntN(4) { // none: nothing is read
							s.shuffle(r)
						}
						s.now = s.now.Add(time.Duration(r.IntN(20)) * time.Minute)
					}
					s.between = nil
					m.must()
					m.equal(s, "at rest")
					// Twice within the second that was read last.
					for _, name := range []string{"changed", "changed again"} {
						s.now = s.now.Truncate(time.Second)
						s.put(s.sorted(func(*tracked) bool { return true }, byID)[0].id, name)
						m.must()
						m.equal(s, name)
					}
				})
			}
		}
	}
}

// TestChangesMark checks from which time on changes are read next.
func TestChangesMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01T00:00:00Z
		for _, test := range []struct {
			name     string
			newest   string // what is read of modifiedon; empty means no record
			date     string
			last     string // of the read before
			want     string
			complete bool
		}{
			{"the data", "1999-12-31T20:00:00Z", "Sat, 01 Jan 2000 02:00:00 GMT", "", "1999-12-31T20:00:00Z", true},
			{"the data, after a read", "1999-12-31T20:00:00Z", "Sat, 01 Jan 2000 02:00:00 GMT", "1999-12-31T19:00:00Z", "1999-12-31T20:00:00Z", false},
			{"data of the future", "2001-01-01T00:00:00Z", "Sat, 01 Jan 2000 02:00:00 GMT", "", "2000-01-01T00:00:00Z", true},
			{"data of the server's future", "1999-12-31T23:00:00Z", "Fri, 31 Dec 1999 22:00:00 GMT", "", "1999-12-31T22:00:00Z", true},
			{"nothing, after a read", "", "Sat, 01 Jan 2000 02:00:00 GMT", "1999-12-31T19:00:00Z", "1999-12-31T19:00:00Z", false},
			{"nothing ever, a server ahead", "", "Sat, 01 Jan 2000 02:00:00 GMT", "", "2000-01-01T00:00:00Z", true},
			{"nothing ever, a server behind", "", "Fri, 31 Dec 1999 22:00:00 GMT", "", "1999-12-31T22:00:00Z", true},
			{"nothing ever, no date", "", "", "", "2000-01-01T00:00:00Z", true},
			{"older data than before", "1999-12-31T18:58:00Z", "Sat, 01 Jan 2000 02:00:00 GMT", "1999-12-31T19:00:00Z", "1999-12-31T19:00:00Z", false},
		} {
			c := bubble(func(r *http.Request) (*http.Response, error) {
				body := `{"value":[]}`
				if test.newest != "" {
					body = `{"value":[{"modifiedon":"` + test.newest + `"}]}`
				}
				return answer(r, 200, http.Header{"Date": {test.date}}, body), nil
			})
			q := dataverse.ChangeQuery{Query: dataverse.Query{EntitySet: "accounts"}, Entity: accountEntity()}
			q.Entity.ChangeTracking = false
			if test.last != "" {
				q.Since = `{"at":"` + test.last + `","what":"accounts?&"}`
			}
			page, err := c.Changes(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
			if err != nil || page.Complete != test.complete || page.Requests != 2 {
				t.Errorf("%s: %+v %v", test.name, page, err)
			}
			if diff := cmp.Diff(`{"at":"`+test.want+`","what":"accounts?\u0026"}`, page.End); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// TestChangesRestart checks when everything has to be read again.
func TestChangesRestart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(s *tracker, m *mirror)
		words  string
	}{
		{"another column", func(_ *tracker, m *mirror) { m.query.Select = []string{"accountid", "name", "fax"} }, "Other columns"},
		{"a position of another program", func(_ *tracker, m *mirror) { m.query.Since = "?" }, "not known"},
		{"a filter", func(_ *tracker, m *mirror) { m.query.Filter = "statecode eq 0" }, "Other columns or records"},
		{"a column that is gone", func(s *tracker, _ *mirror) {
			s.refuse = `{"error":{"code":"0x80060888","message":"Could not find a property named 'name' on type 'Microsoft.Dynamics.CRM.account'."}}`
		}, "The column name"},
		{"an invalid token", func(s *tracker, _ *mirror) {
			s.refuse = `{"error":{"code":"0x80040203","message":"The delta token 'x' is not valid"}}`
		}, "does not take the link to what has changed since the last read: The delta token 'x' is not valid."},
		{"an expired token", func(s *tracker, _ *mirror) { s.expired = 1 << 30 }, "no longer knows"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTracker(5)
			m := newMirror(t, s)
			m.must()
			test.change(s, m)
			cols, b := odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)
			page, err := m.client.Changes(t.Context(), m.query, "", cols, b)
			if err != nil || !strings.Contains(page.Restart, test.words) || page.Next == "" || page.End != "" || page.Complete || b.Rows() != 0 {
				t.Fatalf("%+v %v", page, err)
			}
			s.refuse, s.expired = "", 0
			if m.query.Filter != "" {
				return // the tracker knows no filters
			}
			page, err = m.client.Changes(t.Context(), m.query, page.Next, cols, b)
			if err != nil || b.Rows() != 3 || page.Restart != "" {
				t.Errorf("%d rows, %+v, %v", b.Rows(), page, err)
			}
		})
	}
}

// TestChangesWithoutDeltaLink checks a server that tracks but gives no link.
func TestChangesWithoutDeltaLink(t *testing.T) {
	t.Parallel()
	s := newTracker(5)
	s.noDelta = true
	m := newMirror(t, s)
	m.must()
	s.now = s.now.Add(time.Hour)
	s.remove(s.put([16]byte{}, "x"))
	s.put(s.sorted(func(*tracked) bool { return true }, byID)[0].id, "changed")
	m.must()
	m.equal(s, "without a link")
	if len(m.said) != 1 || !strings.Contains(m.said[0], "no link") {
		t.Errorf("said %q", m.said)
	}
}

// TestChangesRefuseForeignLinks checks that links of changes lead nowhere
// else, neither fresh nor stored.
func TestChangesRefuseForeignLinks(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"https://evil.example/api/data/v9.2/accounts?$deltatoken=1", "http://contoso.crm.dynamics.com/api/data/v9.2/accounts", "https://contoso.crm.dynamics.com@evil.example/api/data/", "/api/data/v9.2/accounts"} {
		for _, kind := range []string{"deltaLink", "nextLink"} {
			for _, body := range []string{`{"value":[{"name":"a"}],"@odata.%s":%q}`, `{"@odata.%s":%q,"value":[{"name":"a"}]}`} {
				body = fmt.Sprintf(body, kind, link)
				sent := 0
				c := bubble(func(r *http.Request) (*http.Response, error) {
					sent++
					return answer(r, 200, nil, body), nil
				})
				q := dataverse.ChangeQuery{Query: dataverse.Query{EntitySet: "accounts"}, Entity: accountEntity()}
				b := column.NewBatch(accountSpecs)
				_, err := c.Changes(t.Context(), q, "", odata.NewColumns(accountSpecs), b)
				personal(t, err, crosswalk.CodeUnavailable, "does not lead to", "connection's address")
				if sent != 2 || b.Rows() != 0 { // for the newest record and for a page
					t.Errorf("%s %s: %d requests, %d rows", kind, link, sent, b.Rows())
				}
				q.Since = fmt.Sprintf(`{"delta":%q,"what":"accounts?&"}`, link)
				_, err = c.Changes(t.Context(), q, "", odata.NewColumns(accountSpecs), b)
				personal(t, err, crosswalk.CodeUnavailable, "does not lead to", "connection's address")
				_, err = c.Changes(t.Context(), q, fmt.Sprintf(`{"way":"sweep","link":%q}`, link), odata.NewColumns(accountSpecs), b)
				personal(t, err, crosswalk.CodeUnavailable, "does not lead to", "connection's address")
				if sent != 2 {
					t.Errorf("%s: a stored link was followed", link)
				}
			}
		}
	}
}

// TestChangesOrder checks rows and deletions of the same record in one page.
func TestChangesOrder(t *testing.T) {
	t.Parallel()
	const a, b = "60c4e274-0d87-e711-80e5-00155db19e6d", "2e451703-c686-e711-80e5-00155db19e6d"
	row := func(id string) string { return `{"accountid":"` + id + `"}` }
	gone := func(id string) string { return `{"@odata.context":"x/$deletedEntity","id":"` + id + `"}` }
	for _, test := range []struct {
		items []string
		want  [][16]byte
	}{
		{[]string{row(a), gone(a)}, [][16]byte{parseID(a)}},
		{[]string{gone(a), row(a)}, nil},
		{[]string{gone(a), row(a), row(b), gone(a)}, [][16]byte{parseID(a)}},
		{[]string{gone(a), gone(a), gone(b), row(a)}, [][16]byte{parseID(b)}},
	} {
		c := bubble(func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, nil, `{"value":[`+strings.Join(test.items, ",")+`],"@odata.deltaLink":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$deltatoken=2"}`), nil
		})
		q := dataverse.ChangeQuery{
			Query: dataverse.Query{EntitySet: "accounts"}, Entity: accountEntity(),
			Since: `{"delta":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$deltatoken=1","what":"accounts?&"}`,
		}
		page, err := c.Changes(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
		if err != nil || page.End == "" || page.Complete {
			t.Fatalf("%+v %v", page, err)
		}
		if diff := cmp.Diff(test.want, page.Deleted); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.items, diff)
		}
	}
}

// TestSweepNeedsKeys checks that a record whose key cannot be read does not
// count as deleted.
func TestSweepNeedsKeys(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"value":[{"accountid":7}]}`, `{"value":[{}]}`} {
		c := bubble(func(r *http.Request) (*http.Response, error) { return answer(r, 200, nil, body), nil })
		q := dataverse.ChangeQuery{Query: dataverse.Query{EntitySet: "accounts"}, Entity: accountEntity()}
		_, err := c.Changes(t.Context(), q, `{"way":"sweep"}`, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
		personal(t, err, crosswalk.CodeUnavailable, "not data", "")
	}
}

// FuzzChanges checks that stored positions, whatever became of them, are
// followed inside of the environment only.
func FuzzChanges(f *testing.F) {
	f.Add(`{"delta":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$deltatoken=1","at":"2024-01-01T00:00:00Z","what":"accounts?&"}`, "")
	f.Add(`{"at":"2024-01-01T00:00:00Z","what":"accounts?&"}`, "")
	f.Add("", `{"way":"sweep","link":"https://evil.example/api/data/"}`)
	f.Add("", `{"way":"modified","since":"0001-01-01T00:00:00Z","sweep":true}`)
	cols := odata.NewColumns(accountSpecs)
	f.Fuzz(func(t *testing.T, since, next string) {
		synctest.Test(t, func(t *testing.T) {
			c := bubble(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host != "contoso.crm.dynamics.com" || !strings.HasPrefix(r.URL.Path, "/api/data/") {
					t.Errorf("sent to %s", r.URL)
				}
				return answer(r, 200, nil, onePage), nil
			})
			q := dataverse.ChangeQuery{Query: dataverse.Query{EntitySet: "accounts"}, Entity: accountEntity(), Since: since}
			page, err := c.Changes(t.Context(), q, next, cols, column.NewBatch(accountSpecs))
			if err == nil && (page.Next == "") == (page.End == "") {
				t.Errorf("neither or both of next and end: %+v", page)
			}
		})
	})
}
