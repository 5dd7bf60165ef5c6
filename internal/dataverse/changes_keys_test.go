package dataverse_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const (
	refusal   = `{"error":{"code":"0x80072491","message":"Entity account isn't enabled for change tracking."}}`
	linkEnded = `{"error":{"code":"0x80060888","message":"The paging cookie is no longer valid."}}`
	expiry    = `{"error":{"code":"0x80044352","message":"Version stamp associated with the client has expired. Please perform a full sync."}}`
)

// keyMirror returns a mirror that has others read the rows.
func keyMirror(t *testing.T, s *tracker) *mirror {
	m := newMirror(t, s)
	m.query.Keys = true
	return m
}

// before has fn answer requests before the tracker does; nil leaves them to
// it.
func (m *mirror) before(s *tracker, fn func(q url.Values, track bool) (status int, body string)) {
	m.client = bubble(func(r *http.Request) (*http.Response, error) {
		track := strings.Contains(r.Header.Get("Prefer"), "odata.track-changes")
		if status, body := fn(r.URL.Query(), track); status != 0 {
			return answer(r, status, nil, body), nil
		}
		return s.answer(r)
	})
}

// page reads one page.
func (m *mirror) page(next string) (dataverse.ChangePage, *column.Batch) {
	m.t.Helper()
	b := column.NewBatch(accountSpecs)
	page, err := m.client.Changes(m.t.Context(), m.query, next, odata.NewColumns(accountSpecs), b)
	if err != nil {
		m.t.Fatal(err)
	}
	return page, b
}

// TestKeysCost checks what is asked for in a walk over keys, behind it, and for
// its changes.
func TestKeysCost(t *testing.T) {
	t.Parallel()
	s := newTracker(7)
	m := keyMirror(t, s)
	present, pages := 0, 0
	for next := ""; ; pages++ {
		walking := m.query.Walking(next)
		page, b := m.page(next)
		if walking != (pages < 3) || walking && b.Rows()+page.Records > 0 || page.Recount != (pages == 6) {
			t.Errorf("page %d, walking %t: %d rows, %+v", pages+1, walking, b.Rows(), page)
		}
		present += len(page.Present)
		if next = page.Next; next == "" {
			if !page.Tracked || !page.Complete {
				t.Errorf("at the end %+v", page)
			}
			m.query.Since = page.End
			break
		}
	}
	want := []string{
		"$select=modifiedon&$orderby=modifiedon%20desc",
		"$select=accountid", "skip", "skip",
		"$select=accountid,name&$filter=modifiedon%20ge%202024-03-01T07:55:00Z&$orderby=modifiedon,accountid", "skip", "skip",
		"$select=accountid", "skip", "skip",
	}
	for i, asked := range s.asked {
		if strings.Contains(asked, "skiptoken") {
			s.asked[i] = "skip"
		}
	}
	if diff := cmp.Diff(want, s.asked); diff != "" || present != 14 {
		t.Errorf("asked (-want +got):\n%s\n%d keys", diff, present)
	}

	m.names = map[[16]byte]string{}
	id := s.put([16]byte{}, "new")
	s.put(id, "newer")
	other := s.sorted(func(t *tracked) bool { return t.id != id }, byID)[0].id
	s.remove(other)
	s.repeat = true
	s.asked = nil
	page, b := m.page("")
	if diff := cmp.Diff([]string{
		"$select=accountid&$deltatoken=7",
		"$select=accountid,name&$filter=Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=%5B%22" + string(odata.AppendGUID(nil, id)) + "%22%5D)",
	}, s.asked); diff != "" {
		t.Errorf("a delta (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][16]byte{other}, page.Deleted); diff != "" || b.Rows() != 1 || page.Records != 1 || page.Requests != 2 || !page.Tracked || string(b.Columns[1].Bytes(0)) != "newer" {
		t.Errorf("%d rows, %+v %s", b.Rows(), page, diff)
	}
	m.query.Since, s.asked = page.End, nil
	if page, _ := m.page(""); len(s.asked) != 1 || page.End == "" {
		t.Errorf("nothing has changed: asked %q", s.asked)
	}
}

// TestKeysWithoutTracking checks what becomes of a walk over keys that is
// refused, or broken off, and of changes afterwards.
func TestKeysWithoutTracking(t *testing.T) {
	t.Parallel()
	second := func(status int, body string) func(*tracker, *mirror) (int, string) {
		return func(*tracker, *mirror) (int, string) { return status, body }
	}
	tests := []struct {
		name     string
		change   func(s *tracker, m *mirror) (status int, body string) // of the walk's second page; 0 for none
		words    string
		walks    int
		complete bool // without a sweep
	}{
		{"says the table", func(_ *tracker, m *mirror) (int, string) { m.query.Entity.ChangeTracking = false; return 0, "" }, "not switched on", 0, true},
		{"refused", func(s *tracker, _ *mirror) (int, string) { s.refuse = refusal; return 0, "" }, "does not track changes here", 1, true},
		{"refused on the second page", second(400, refusal), "does not track changes here", 1, false},
		{"links end at once", second(410, linkEnded), "broke off the walk over the keys", 4, false},
		{"expires at once", second(500, expiry), "broke off the walk over the keys", 4, false},
		{"no link", func(s *tracker, _ *mirror) (int, string) { s.noDelta = true; return 0, "" }, "no link", 1, false},
	}
	for _, test := range tests {
		for _, sweep := range []bool{true, false} {
			t.Run(fmt.Sprint(test.name, ", sweep ", sweep), func(t *testing.T) {
				t.Parallel()
				s := newTracker(5)
				s.between = func() { // while others read
					s.put([16]byte{}, "new")
					s.put(s.sorted(func(*tracked) bool { return true }, byID)[0].id, "changed")
				}
				m := keyMirror(t, s)
				m.query.Sweep = sweep
				status, body := test.change(s, m)
				walks := 0
				m.before(s, func(q url.Values, track bool) (int, string) {
					if !track {
						return 0, ""
					}
					if !q.Has("$skiptoken") {
						walks++
						return 0, ""
					}
					return status, body
				})
				m.must()
				s.between = nil
				if complete := sweep || test.complete; complete != m.complete {
					t.Errorf("complete %t", m.complete)
				}
				if walks != test.walks || m.tracked || len(m.said) != 1 || !strings.Contains(m.said[0], test.words) {
					t.Errorf("walked %d times, said %q, tracked %t", walks, m.said, m.tracked)
				}
				s.now = s.now.Add(time.Hour)
				s.put([16]byte{}, "later")
				if sweep {
					s.remove(s.sorted(func(*tracked) bool { return true }, byID)[1].id)
				}
				m.query.Keys = false
				m.must()
				m.equal(s, "by time")
			})
		}
	}
}

// TestKeysWithoutTimes keeps a copy of a table that is tracked but does not say
// when its rows were changed.
func TestKeysWithoutTimes(t *testing.T) {
	t.Parallel()
	for _, sweep := range []bool{true, false} {
		s := newTracker(8)
		s.dated = false
		m := keyMirror(t, s)
		m.query.Entity.Attributes, m.query.Sweep = nil, sweep
		s.between = func() { s.put([16]byte{}, "new") }
		m.must()
		s.between = nil
		m.must()
		m.equal(s, "at rest")
		if m.said != nil || !m.tracked {
			t.Errorf("said %q", m.said)
		}
	}
}

// TestKeysBeginAgain checks that a walk whose links end here and there begins
// again, and that what others read is not read again.
func TestKeysBeginAgain(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{410: linkEnded, 500: expiry} {
		s := newTracker(9)
		m := keyMirror(t, s)
		s.between = func() { s.put(s.sorted(func(*tracked) bool { return true }, byID)[0].id, "changed") }
		failed := 0
		m.before(s, func(q url.Values, track bool) (int, string) {
			if track && q.Has("$skiptoken") && failed < 3 {
				failed++
				return status, body
			}
			return 0, ""
		})
		m.must()
		s.between = nil
		m.must()
		m.equal(s, "at rest")
		if m.said != nil || !m.tracked || failed != 3 {
			t.Errorf("%d: said %q, tracked %t, failed %d times", status, m.said, m.tracked, failed)
		}
	}
}

// TestKeysGone checks records that a delta says were changed and that are gone
// when they are read by key, and some that are back.
func TestKeysGone(t *testing.T) {
	t.Parallel()
	s := newTracker(6)
	m := keyMirror(t, s)
	m.must()
	all := s.sorted(func(*tracked) bool { return true }, byID)
	// Changed, and gone before it is read.
	s.put(all[0].id, "changed")
	// Gone, and back under the same key.
	s.remove(all[1].id)
	s.put(all[1].id, "restored")
	// Gone, and back when the changed ones are read.
	s.remove(all[2].id)
	once := false
	s.between = func() {
		if !once {
			once = true
			s.remove(all[0].id)
			s.put(all[2].id, "restored later")
		}
	}
	m.query.PageSize = 0
	m.must()
	if !once || m.names[all[1].id] != "restored" {
		t.Errorf("reads by key %t, names %q", once, m.names)
	}
	if _, there := m.names[all[0].id]; !there {
		t.Error("a deletion was made up that no delta has told of yet")
	}
	m.must()
	m.equal(s, "at rest")
}

// TestKeysMany checks a delta of more keys than one address takes.
func TestKeysMany(t *testing.T) {
	t.Parallel()
	s := newTracker(3)
	m := keyMirror(t, s)
	m.must()
	for i := range 1800 {
		id := [16]byte{1, byte(i), byte(i >> 8)}
		s.put(id, fmt.Sprint("row ", i))
	}
	m.query.PageSize, s.asked = 0, nil
	m.must()
	m.equal(s, "many")
	longest := 0
	for _, q := range s.asked {
		longest = max(longest, len(s.base)+len(q))
	}
	if len(s.asked) < 5 || longest > 32_000 {
		t.Errorf("%d requests, one of %d characters", len(s.asked), longest)
	}
}

// TestKeysFail checks that a page whose rows cannot be read is no page.
func TestKeysFail(t *testing.T) {
	t.Parallel()
	s := newTracker(3)
	m := keyMirror(t, s)
	m.must()
	s.put([16]byte{}, "new")
	m.before(s, func(q url.Values, _ bool) (int, string) {
		if strings.Contains(q.Get("$filter"), "CRM.In") {
			return 403, `{"error":{"code":"0x80040220","message":"SecLib::CheckPrivilege failed. Required Depth: Global"}}`
		}
		return 0, ""
	})
	b := column.NewBatch(accountSpecs)
	_, err := m.client.Changes(t.Context(), m.query, "", odata.NewColumns(accountSpecs), b)
	if crosswalk.ErrorCode(err) != crosswalk.CodeForbidden || b.Rows() != 0 {
		t.Errorf("%d rows, %v", b.Rows(), err)
	}
	m.client = bubble(s.answer)
	m.must()
	m.equal(s, "afterwards")
}

// TestTrackedAgain has changes be tracked, not any more, and again, while the
// table changes all the time: the copy is the table whenever it rests, and is
// told by tracking when that is possible.
func TestTrackedAgain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(48) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			s := newTracker(r.IntN(12))
			s.linkFirst, s.lateToken, s.repeat = seed&1 > 0, seed&2 > 0, seed&4 > 0
			m := newMirror(t, s)
			m.query.PageSize = 1 + r.IntN(6)
			s.between = func() {
				for range r.IntN(3) * r.IntN(2) {
					s.shuffle(r)
				}
			}
			for range 12 {
				s.refuse = ""
				if r.IntN(2) == 0 {
					s.refuse = refusal
				}
				m.query.Keys = m.query.Since != "" && r.IntN(2) == 0
				was := m.tracked
				m.must()
				if s.refuse != "" && m.tracked || s.refuse == "" && m.query.Keys && !m.tracked || !m.query.Keys && !was && len(m.said) > 0 && s.refuse == "" && m.tracked {
					t.Errorf("tracked before %t, after %t, keys %t, refused %t", was, m.tracked, m.query.Keys, s.refuse != "")
				}
				for range 2 {
					for range r.IntN(4) {
						s.shuffle(r)
					}
					s.now = s.now.Add(time.Duration(r.IntN(20)) * time.Minute)
				}
			}
			s.between, s.refuse, m.query.Keys = nil, "", true
			m.must()
			m.equal(s, "at rest")
			m.query.Keys = false
			s.remove(s.put([16]byte{}, "made and gone"))
			s.put([16]byte{}, "new")
			s.asked = nil
			m.must()
			m.equal(s, "tracked again")
			if !m.tracked || !strings.Contains(s.asked[0], "deltatoken") {
				t.Errorf("asked %q", s.asked)
			}
		})
	}
}
