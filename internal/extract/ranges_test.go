package extract_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

var accounts = job{"account", []string{"accountid", "name", "primarycontactid.fullname"}, nil}

// open makes a source of ranges that is closed with the test.
func (w *world) ranges(entity *crosswalk.Entity, plan *mapping.Plan, pageSize, size int) *extract.Ranges {
	s := extract.NewRanges(extract.RangesConfig{Config: w.config(entity, plan, pageSize), Size: size})
	w.t.Cleanup(s.Close)
	return s
}

// fromBegin begins ranges like other sources.
type fromBegin struct{ *extract.Ranges }

func (s fromBegin) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if link == "" {
		link = extract.RangesBegin
	}
	return s.Ranges.Page(ctx, link, into)
}

// TestRanges reads a table by ranges and by pages: the rows are the same, and
// no request asks for anything else than the filter chooses.
func TestRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 950, Contacts: 100})
	for _, filter := range [][]crosswalk.Condition{nil, {{Attribute: "statecode", Operator: crosswalk.Equal, Values: []string{"0"}}}} {
		j := accounts
		j.filter = filter
		entity, plan := w.compile(j, false)
		want, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 0)))
		w.since("")
		got, infos := read(t, plan, fromBegin{w.ranges(entity, plan, 40, 120)})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-pages +ranges):\n%s", filter, diff)
		}
		n, told := 0, int64(0)
		for i, info := range infos {
			n += info.Records
			told += info.Requests
			if want := (pipeline.Changes{Recount: i == 0, Complete: i == len(infos)-1}); !cmp.Equal(want, info.Changes) {
				t.Errorf("page %d of %d: %+v", i+1, len(infos), info.Changes)
			}
			if info.Next != "" && !extract.InRanges(info.Next) {
				t.Errorf("link %s", info.Next)
			}
		}
		w.mu.Lock()
		sent := len(w.asked)
		w.mu.Unlock()
		if n != len(want) || told != int64(sent) {
			t.Errorf("%d records of %d, %d requests told of %d", n, len(want), told, sent)
		}
		if ranges := len(w.since("accounts")); ranges < 8*3 {
			t.Errorf("%d requests are too few for 8 ranges", ranges)
		}
	}
}

// TestRangesAtRandom reads tables of all sizes by ranges of all sizes, while
// requests fail and readers die and leave the place that was stored last: each
// record is stored once.
func TestRangesAtRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	failed, died := 0, 0
	for round := range 25 {
		w := newWorld(t, sandbox.Config{Seed: seed, Users: 5, Accounts: r.IntN(700), Contacts: 20})
		if r.IntN(2) == 0 {
			for _, change := range []func(string, int, uint64) (int, error){w.sandbox.DeleteRows, w.sandbox.InsertRows} {
				if _, err := change("account", r.IntN(100), uint64(round)); err != nil {
					t.Fatal(err)
				}
			}
		}
		j := accounts
		if r.IntN(3) == 0 {
			j.filter = []crosswalk.Condition{{Attribute: "numberofemployees", Operator: crosswalk.Greater, Values: []string{"20"}}}
		}
		entity, plan := w.compile(j, false)
		want, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 0)))
		if _, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: http.StatusInternalServerError, Path: "accounts", Probability: 0.01 + 0.1*r.Float64(), Seed: r.Uint64()}); err != nil {
			t.Fatal(err)
		}
		pageSize, size := 1+r.IntN(150), 10+r.IntN(300)
		what := fmt.Sprintf("seed %d, round %d, %d records, pages of %d, ranges of %d", seed, round, len(want), pageSize, size)
		source := w.ranges(entity, plan, pageSize, size)
		got, link := map[string]string{}, extract.RangesBegin
		src := plan.NewSourceBatch()
		for turn := 0; ; turn++ {
			if turn > 5000 {
				t.Fatalf("%s: no end at %s", what, link)
			}
			src.Reset()
			info, err := source.Page(t.Context(), link, src)
			if err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
				t.Fatalf("%s: %v", what, err)
			}
			if die := r.IntN(6) == 0; err != nil || die {
				if err != nil {
					failed++
				} else {
					died++
				}
				if r.IntN(2) == 0 {
					source.Close()
					source = w.ranges(entity, plan, pageSize, 10+r.IntN(900))
				}
				continue
			}
			dst := plan.NewBatch()
			if rejects, _ := plan.Apply(src, dst, nil); len(rejects) > 0 {
				t.Fatal(rejects[0])
			}
			for i := range dst.Rows() {
				id := string(dst.Columns[0].Bytes(i))
				if _, ok := got[id]; ok {
					t.Fatalf("%s: %s came twice", what, id)
				}
				got[id] = text(dst, i)
			}
			if link = info.Next; link == "" {
				break
			}
		}
		source.Close()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-pages +ranges):\n%s", what, diff)
		}
	}
	if failed < 10 || died < 20 {
		t.Errorf("only %d requests failed and %d readers died", failed, died)
	}
}

// TestRangesUnfit reads tables whose ranges do not hold what they should: the
// source says so. What it says for good, it says every time.
func TestRangesUnfit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(w *world) error
		filter  []crosswalk.Condition
		why     string // "" when they fit
		lasting bool
	}{
		{name: "ranges are refused", prepare: unverified(sandbox.Unverified{RefuseIDRanges: true}), why: "refused ranges of keys", lasting: true},
		{name: "keys are sorted otherwise", prepare: unverified(sandbox.Unverified{TextKeyOrder: true}), why: "sorts keys otherwise", lasting: true},
		{
			name:    "FetchXML is refused",
			prepare: broken(sandbox.Fault{Kind: sandbox.FaultStatus, Status: http.StatusBadRequest, Path: "fetchXml"}),
			why:     "refused to look for a key", lasting: true,
		},
		{
			name:    "counts are refused",
			prepare: broken(sandbox.Fault{Kind: sandbox.FaultStatus, Status: http.StatusBadRequest, Path: "apply"}),
			why:     "refused to count", lasting: true,
		},
		{name: "counts take too long", prepare: broken(sandbox.Fault{Kind: sandbox.FaultTimeout, Path: "apply"}), why: "refused to count"},
		{name: "counts take too long for a while", prepare: broken(sandbox.Fault{Kind: sandbox.FaultTimeout, Path: "apply", Count: 3})},
		{name: "ranges take too long", prepare: broken(sandbox.Fault{Kind: sandbox.FaultTimeout, Path: "accountid%20le"}), why: "refused ranges"},
		{name: "ranges take too long for a while", prepare: broken(sandbox.Fault{Kind: sandbox.FaultTimeout, Path: "accountid%20le", Count: 3})},
		{name: "keys take too long for a while", prepare: broken(sandbox.Fault{Kind: sandbox.FaultTimeout, Path: "fetchXml", Count: 3})},
		{
			name: "few records pass the filter", prepare: func(*world) error { return nil },
			filter: []crosswalk.Condition{{Attribute: "name", Operator: crosswalk.StartsWith, Values: []string{"Q"}}}, why: "leaves few",
		},
		{name: "a page comes twice", prepare: broken(sandbox.Fault{Kind: sandbox.FaultDuplicatePage, Path: "skiptoken"})},
		{name: "a page comes twice always", prepare: broken(sandbox.Fault{Kind: sandbox.FaultDuplicatePage, Path: "skiptoken", Count: 1000}), why: "go round in circles", lasting: true},
		{name: "counts are others", prepare: func(w *world) error {
			n := regexp.MustCompile(`"n":(\d+)`)
			w.tamper = func(body []byte) []byte { return n.ReplaceAll(body, []byte(`"n":1$1`)) }
			return nil
		}, why: "of which Dynamics counts 1,400", lasting: true},
		{name: "pages lead back", prepare: broken(sandbox.Fault{Kind: sandbox.FaultLinkLoop, Path: "skiptoken", Count: 2})},
		{name: "pages always lead back", prepare: broken(sandbox.Fault{Kind: sandbox.FaultLinkLoop, Path: "skiptoken"}), why: "go round in circles", lasting: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 5, Accounts: 5000, Contacts: 10})
			j := accounts
			j.filter = test.filter
			entity, plan := w.compile(j, false)
			want, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 0)))
			if err := test.prepare(w); err != nil {
				t.Fatal(err)
			}
			source := w.ranges(entity, plan, 100, 400)
			got, err := readOn(t, plan, source, extract.RangesBegin)
			var unfit *extract.OneStreamError
			if errors.As(err, &unfit) {
				if test.why == "" || !strings.Contains(unfit.Why, test.why) || unfit.Lasting != test.lasting {
					t.Errorf("lasting %t: %s", unfit.Lasting, unfit.Why)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || test.why != "" {
				t.Errorf("%v (-pages +ranges):\n%s", err, diff)
			}
		})
	}
}

// TestRangesShort reads a range that brings somewhat less than is counted
// before and after: it is read again, and at last no longer trusted.
func TestRangesShort(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		more func(count int) int // how many more the n-th count of ranges tells
		lost bool
	}{
		"as counted":                         {func(int) int { return 0 }, false},
		"less by one, each time":             {func(int) int { return 1 }, true},
		"less, three times":                  {func(count int) int { return max(0, 4-count) * 10 }, false},
		"made while it reads":                {func(count int) int { return (count - 1) * 30 }, false},
		"gone while it reads":                {func(count int) int { return (2 - count) * 30 }, false},
		"many gone while it reads once more": {func(count int) int { return (3 - 2*count) * 100 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 5, Accounts: 300, Contacts: 10})
			entity, plan := w.compile(accounts, false)
			n := regexp.MustCompile(`"n":(\d+)`)
			var mu sync.Mutex
			counts := 0
			w.tamper = func(body []byte) []byte {
				return n.ReplaceAllFunc(body, func(m []byte) []byte {
					mu.Lock()
					defer mu.Unlock()
					counts++
					v, _ := strconv.Atoi(string(m[len(`"n":`):]))
					return fmt.Appendf(nil, `"n":%d`, v+test.more(counts))
				})
			}
			if test.lost {
				var one *extract.OneStreamError
				_, err := readOn(t, plan, w.ranges(entity, plan, 100, 400), extract.RangesBegin)
				if !errors.As(err, &one) || one.Why != "A range brought 300 records, of which Dynamics counts 301." {
					t.Errorf("%v", err)
				}
				return
			}
			rows, infos := read(t, plan, fromBegin{w.ranges(entity, plan, 100, 400)})
			if len(rows) != 300 || !infos[len(infos)-1].Changes.Complete {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}

// TestRangesEmptied reads ranges that lose most of their records between the
// time they are found, read and counted: what is left is read, and nothing is
// taken for a contradiction.
func TestRangesEmptied(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		behind string // a request of this kind
		nth    int
	}{
		{"before they are read", "fetchXml", 2},
		{"while they are read", "skiptoken", 8},
		{"before they are counted", "apply", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 5, Accounts: 5000, Contacts: 10})
			entity, plan := w.compile(accounts, false)
			var mu sync.Mutex
			asked, changed := 0, false
			w.answered = func(address string) {
				mu.Lock()
				defer mu.Unlock()
				if strings.Contains(address, test.behind) {
					asked++
				}
				if asked == test.nth && !changed {
					changed = true
					if _, err := w.sandbox.DeleteRows("account", 4400, 1); err != nil {
						t.Error(err)
					}
				}
			}
			got, err := readOn(t, plan, w.ranges(entity, plan, 100, 400), extract.RangesBegin)
			if err != nil || !changed {
				t.Fatalf("changed %t: %v", changed, err)
			}
			left, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 0)))
			for id, row := range left {
				if got[id] != row {
					t.Errorf("%s is %q", id, got[id])
				}
			}
			if len(left) != 600 {
				t.Errorf("%d records are left", len(left))
			}
		})
	}
}

func unverified(u sandbox.Unverified) func(*world) error {
	return func(w *world) error {
		w.sandbox.SetUnverified(u)
		return nil
	}
}

func broken(f sandbox.Fault) func(*world) error {
	return func(w *world) error {
		_, err := w.sandbox.Fault(f)
		return err
	}
}

// readOn reads a source from a place to its end or an error.
func readOn(t *testing.T, plan *mapping.Plan, source pipeline.Source, link string) (map[string]string, error) {
	t.Helper()
	rows := map[string]string{}
	src := plan.NewSourceBatch()
	for turn := 0; ; turn++ {
		if turn > 2000 {
			t.Fatal("no end")
		}
		src.Reset()
		info, err := source.Page(t.Context(), link, src)
		if err != nil {
			return rows, err
		}
		dst := plan.NewBatch()
		if rejects, _ := plan.Apply(src, dst, nil); len(rejects) > 0 {
			t.Fatal(rejects[0])
		}
		for i := range dst.Rows() {
			rows[string(dst.Columns[0].Bytes(i))] = text(dst, i)
		}
		if link = info.Next; link == "" {
			return rows, nil
		}
	}
}

// both reads everything by ranges beside a walk over keys, and changes by
// themselves.
type both struct {
	ranges  *extract.Ranges
	changes *extract.Changes
	all     bool // from the begin
}

func (s both) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if link == "" && s.all {
		link = extract.RangesBegin
	}
	if extract.InRanges(link) {
		return s.ranges.Page(ctx, link, into)
	}
	page, err := s.changes.Page(ctx, link, into)
	if page.Changes.Restart != "" {
		page.Next = extract.RangesBegin
	}
	return page, err
}

// TestRangesBeside keeps a copy of a table by ranges and by changes, while the
// table changes and readers die, however the environment tells of changes.
func TestRangesBeside(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(w *world) error
		said    string
	}{
		{"tracked", unverified(sandbox.Unverified{}), ""},
		{"tracked to the end of the walk", unverified(sandbox.Unverified{TokenAtEnd: true, RepeatChanges: true}), ""},
		{"by time", func(w *world) error { return w.sandbox.SetTracked("contact", false) }, "not switched on"},
		{"with tokens that expire at once", func(w *world) error { return w.sandbox.SetTrackingDays(0) }, "no longer knows"},
		{"without the right to all rows", func(w *world) error {
			return w.sandbox.SetRole("", sandbox.Role{Tables: map[string]sandbox.Depth{"contact": sandbox.Deep}})
		}, "organization level"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 5, Accounts: 80, Contacts: 400})
			if err := test.prepare(w); err != nil {
				t.Fatal(err)
			}
			j := job{contacts.entity, contacts.paths[:4], nil} // what a change of a related row does is another matter
			entity, plan := w.compile(j, true)
			c := &copyOf{plan: plan, rows: map[string]string{}}
			seed := uint64(0)
			shuffle := func(n int) {
				for _, change := range []func(string, int, uint64) (int, error){w.sandbox.ChangeRows, w.sandbox.DeleteRows, w.sandbox.InsertRows} {
					seed++
					if _, err := change("contact", n, seed); err != nil {
						t.Fatal(err)
					}
				}
			}
			for round := range 4 {
				if round == 2 {
					c.end = "" // everything once more
				}
				stop := func() {}
				source := func() pipeline.Source {
					stop()
					cfg := w.config(entity, plan, 30)
					ranges := extract.NewRanges(extract.RangesConfig{Config: cfg, Size: 70, Beside: extract.NewKeys(cfg, "", true)})
					stop = ranges.Close
					t.Cleanup(stop)
					return both{ranges, extract.NewChanges(cfg, c.end, true), c.end == ""}
				}
				page := 0
				c.sync(t, source(), func() pipeline.Source {
					page++
					if round == 3 {
						return nil
					}
					shuffle(2)
					if page%4 == 0 {
						return source()
					}
					return nil
				})
				if round < 2 {
					shuffle(15)
				}
			}
			_, full := w.compile(j, false)
			want, _ := read(t, full, extract.NewPages(w.config(entity, full, 0)))
			if diff := cmp.Diff(want, c.rows); diff != "" {
				t.Errorf("(-table +copy):\n%s", diff)
			}
			if said := strings.Join(c.said, "\n"); !strings.Contains(said, test.said) || test.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, test.said)
			}
		})
	}
}
