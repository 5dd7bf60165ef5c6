package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// accounts is a source in memory: pages of names, each followed by the next.
// A name that is longer than five characters cannot be mapped.
type accounts struct {
	pages   [][]string
	before  func(ctx context.Context, page int) error // called as a page is asked for; may be nil
	links   map[int]string                            // overrides the link behind a page
	changes map[int]pipeline.Changes                  // what pages say beside their rows
	met     int                                       // records of each page of which no row comes
	mu      sync.Mutex
	asked   []string
}

func (a *accounts) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	a.mu.Lock()
	a.asked = append(a.asked, link)
	a.mu.Unlock()
	n := 0
	if link != "" {
		if _, err := fmt.Sscanf(link, "page-%d", &n); err != nil {
			return pipeline.PageInfo{}, err
		}
	}
	if a.before != nil {
		if err := a.before(ctx, n); err != nil {
			return pipeline.PageInfo{}, err
		}
	}
	for i, name := range a.pages[n] {
		into.Columns[0].AppendGUID([16]byte{byte(n), byte(i)})
		into.Columns[1].AppendBytes([]byte(name))
		into.EndRow()
	}
	info := pipeline.PageInfo{Records: len(a.pages[n]) + a.met, Bytes: 100, Requests: 2, Throttled: time.Second}
	if n+1 < len(a.pages) {
		info.Next = fmt.Sprintf("page-%d", n+1)
	}
	if l, ok := a.links[n]; ok {
		info.Next = l
	}
	info.Changes = a.changes[n]
	return info, nil
}

// companies is a target in memory. Like a real one it stores rows and
// progress together or not at all.
type companies struct {
	stored
	holds   bool                            // several pages in a transaction
	held    stored                          // what the transaction makes of it
	commits []int64                         // pages stored after each
	before  func(ctx context.Context) error // called before a batch is stored; may be nil
}

// stored is what a target has.
type stored struct {
	names   []string
	counts  crosswalk.Counts
	at      crosswalk.Checkpoint
	rejects []string
}

func (c *companies) Write(ctx context.Context, batch *column.Batch, p pipeline.Progress) (pipeline.Written, error) {
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return pipeline.Written{}, err
		}
	}
	h := &c.held
	for row := range batch.Rows() {
		h.names = append(h.names, string(batch.Column("Name").Bytes(row)))
	}
	for _, r := range p.Rejects {
		h.rejects = append(h.rejects, r.Value)
	}
	w := pipeline.Written{Inserted: int64(batch.Rows()), Held: c.holds && p.Hold}
	h.counts.Add(p.Counts)
	h.counts.Inserted += w.Inserted
	h.at = p.Checkpoint
	if w.Held {
		return w, nil
	}
	return w, c.Commit(ctx)
}

func (c *companies) Commit(context.Context) error {
	c.stored = c.held
	c.commits = append(c.commits, c.at.Page)
	return nil
}

func plan(t *testing.T) *mapping.Plan {
	t.Helper()
	e := &crosswalk.Entity{LogicalName: "account", DisplayName: "Account", PrimaryID: "accountid", Attributes: []crosswalk.Attribute{
		{LogicalName: "accountid", Type: crosswalk.AttributeUniqueID},
		{LogicalName: "name", Type: crosswalk.AttributeString},
	}}
	o := &crosswalk.Object{Name: "Company", DisplayName: "Company", Fields: []crosswalk.Field{
		{Name: "Key", Type: crosswalk.FieldString},
		{Name: "Name", Type: crosswalk.FieldString, MaxLength: 5},
	}}
	p, err := mapping.Compile(mapping.Input{Entity: e, Object: o, Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
		{Source: "accountid", Target: "Key", Identifier: true},
		{Source: "name", Target: "Name"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// book makes n pages of two names each.
func book(n int) [][]string {
	var pages [][]string
	for i := range n {
		pages = append(pages, []string{fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)})
	}
	return pages
}

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		pages  [][]string
		from   crosswalk.Checkpoint
		names  []string
		reject []string
		counts crosswalk.Counts
		at     crosswalk.Checkpoint
	}{
		{
			"one page", book(1),
			crosswalk.Checkpoint{},
			[]string{"a0", "b0"},
			nil,
			crosswalk.Counts{Read: 2, Inserted: 2, Pages: 1, Bytes: 100, Requests: 2, Throttled: time.Second},
			crosswalk.Checkpoint{Page: 1, Done: true},
		},
		{
			"more pages than batches, one of them empty", slices.Insert(book(5), 2, nil),
			crosswalk.Checkpoint{},
			[]string{"a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"},
			nil,
			crosswalk.Counts{Read: 10, Inserted: 10, Pages: 6, Bytes: 600, Requests: 12, Throttled: 6 * time.Second},
			crosswalk.Checkpoint{Page: 6, Done: true},
		},
		{
			"no record at all",
			[][]string{nil},
			crosswalk.Checkpoint{},
			nil, nil,
			crosswalk.Counts{Pages: 1, Bytes: 100, Requests: 2, Throttled: time.Second},
			crosswalk.Checkpoint{Page: 1, Done: true},
		},
		{
			"rejects",
			[][]string{{"a", "much too long"}, {"longer than that", "b"}},
			crosswalk.Checkpoint{},
			[]string{"a", "b"},
			[]string{"much too long", "longer than that"},
			crosswalk.Counts{Read: 4, Inserted: 2, Rejected: 2, Pages: 2, Bytes: 200, Requests: 4, Throttled: 2 * time.Second},
			crosswalk.Checkpoint{Page: 2, Done: true},
		},
		{
			"from a checkpoint", book(4),
			crosswalk.Checkpoint{Page: 2, Link: "page-2"},
			[]string{"a2", "b2", "a3", "b3"},
			nil,
			crosswalk.Counts{Read: 4, Inserted: 4, Pages: 2, Bytes: 200, Requests: 4, Throttled: 2 * time.Second},
			crosswalk.Checkpoint{Page: 4, Done: true},
		},
		{
			"after the last page", book(4),
			crosswalk.Checkpoint{Page: 4, Done: true},
			nil, nil,
			crosswalk.Counts{},
			crosswalk.Checkpoint{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var target companies
			s := pipeline.Slice{Plan: plan(t), Source: &accounts{pages: tt.pages}, Target: &target, Checkpoint: tt.from}
			done, err := s.Run(t.Context())
			if err != nil || !done {
				t.Fatalf("done %v, error %v", done, err)
			}
			want := stored{names: tt.names, counts: tt.counts, at: tt.at, rejects: tt.reject}
			if diff := cmp.Diff(want, target.stored, cmp.AllowUnexported(stored{})); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.counts, s.Counts); diff != "" {
				t.Errorf("counts of the slice (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSlices works a run in slices of less than three pages and finds every
// record once.
func TestSlices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &accounts{pages: book(20), before: func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		}}
		var target companies
		slicesRun := 0
		for done := false; !done; slicesRun++ {
			s := pipeline.Slice{Plan: plan(t), Source: source, Target: &target, Checkpoint: target.at, Budget: 2500 * time.Millisecond}
			var err error
			if done, err = s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(target.at, s.Checkpoint); diff != "" {
				t.Errorf("checkpoint of the slice (-stored +slice):\n%s", diff)
			}
		}
		if slicesRun != 7 {
			t.Errorf("%d slices of 20 pages, want 7 with three pages or less", slicesRun)
		}
		var want []string
		for _, p := range book(20) {
			want = append(want, p...)
		}
		if diff := cmp.Diff(want, target.names); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if len(source.asked) != 20 {
			t.Errorf("%d pages were asked for, want 20: none may be read in vain", len(source.asked))
		}
	})
}

// TestReadsAhead shows that page 1 is asked for while page 0 is being
// written: the write of page 0 waits for it.
func TestReadsAhead(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	source := &accounts{pages: book(3), before: func(_ context.Context, page int) error {
		if page == 1 {
			close(asked)
		}
		return nil
	}}
	target := companies{before: func(ctx context.Context) error {
		select {
		case <-asked:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	s := pipeline.Slice{Plan: plan(t), Source: source, Target: &target}
	if done, err := s.Run(t.Context()); err != nil || !done {
		t.Fatalf("done %v, error %v", done, err)
	}
}

// TestBoundedReadAhead shows that a slow writer holds the reader up.
func TestBoundedReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &accounts{pages: book(50)}
		var target companies
		most := 0
		target.before = func(context.Context) error {
			synctest.Wait() // until the reader can do no more
			source.mu.Lock()
			defer source.mu.Unlock()
			most = max(most, len(source.asked)-int(target.at.Page))
			return nil
		}
		s := pipeline.Slice{Plan: plan(t), Source: source, Target: &target}
		if done, err := s.Run(t.Context()); err != nil || !done {
			t.Fatalf("done %v, error %v", done, err)
		}
		if most != 3 {
			t.Errorf("up to %d pages were in memory, want 3", most)
		}
	})
}

// TestHolds shows that pages share a transaction while the next one is there
// already, but not for long and not with many rejects, and that an error loses what is held only when it
// is the target's.
func TestHolds(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		name    string
		source  accounts
		fails   int // which write does; 0 means none
		is      error
		commits []int64
	}{
		{"to the end", accounts{pages: book(8)}, 0, nil, []int64{3, 6, 8}},
		{"source fails", accounts{pages: book(8), before: failAt(4, broken)}, 0, broken, []int64{3, 4}},
		{"target fails", accounts{pages: book(8)}, 6, broken, []int64{3}},
		{"rejects", accounts{pages: slices.Repeat([][]string{slices.Repeat([]string{"too long"}, 600)}, 4)}, 0, nil, []int64{2, 4}},
		{"slow source", accounts{pages: book(4), before: func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		}}, 0, nil, []int64{1, 2, 3, 4}},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				writes := 0
				target := companies{holds: true, before: func(context.Context) error {
					time.Sleep(200 * time.Millisecond)
					if writes++; writes == tt.fails {
						return broken
					}
					return nil
				}}
				s := pipeline.Slice{Plan: plan(t), Source: &tt.source, Target: &target}
				done, err := s.Run(t.Context())
				if done != (tt.is == nil) || !errors.Is(err, tt.is) {
					t.Errorf("done %v, error %v", done, err)
				}
				if diff := cmp.Diff(tt.commits, target.commits); diff != "" {
					t.Errorf("pages stored after each commit (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(target.at, s.Checkpoint); diff != "" {
					t.Errorf("checkpoint (-stored +slice):\n%s", diff)
				}
				if diff := cmp.Diff(target.counts, s.Counts); diff != "" {
					t.Errorf("counts (-stored +slice):\n%s", diff)
				}
			})
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		name   string
		source accounts
		target companies
		want   string // part of the error
		is     error
		pages  int64 // stored before
	}{
		{
			name:   "source fails",
			source: accounts{pages: book(5), before: failAt(2, broken)},
			want:   "broken", is: broken, pages: 2,
		},
		{
			name:   "source panics",
			source: accounts{pages: book(5), before: panicAt(2)},
			want:   "panic while reading a page: page 2 on fire", pages: 2,
		},
		{
			name:   "target fails",
			source: accounts{pages: book(5)},
			target: companies{before: func(context.Context) error { return broken }},
			want:   "broken", is: broken,
		},
		{
			name:   "target panics",
			source: accounts{pages: book(5)},
			target: companies{before: func(context.Context) error { panic("disk on fire") }},
			want:   "panic while mapping and writing a page: disk on fire",
		},
		{
			name:   "the same page again",
			source: accounts{pages: book(5), links: map[int]string{1: "page-1"}},
			want:   "page 2 leads back to one already read", is: pipeline.ErrPagingLoop, pages: 1,
		},
		{
			name:   "a circle of three pages",
			source: accounts{pages: book(9), links: map[int]string{3: "page-1"}},
			want:   "page 4 leads back to one already read", is: pipeline.ErrPagingLoop, pages: 3,
		},
		{
			name:   "empty pages without end",
			source: accounts{pages: make([][]string, 1200)},
			want:   "The last 1000 pages were empty", is: pipeline.ErrPagingLoop, pages: 999,
		},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := pipeline.Slice{Plan: plan(t), Source: &tt.source, Target: &tt.target}
			done, err := s.Run(t.Context())
			if done || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("done %v, error %v, want one with %q", done, err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			if tt.target.at.Page != tt.pages || s.Checkpoint.Page != tt.pages {
				t.Errorf("%d pages stored, checkpoint at %d, want %d", tt.target.at.Page, s.Checkpoint.Page, tt.pages)
			}
		})
	}
}

func failAt(page int, err error) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		if n == page {
			return err
		}
		return nil
	}
}

func panicAt(page int) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		if n == page {
			panic(fmt.Sprintf("page %d on fire", n))
		}
		return nil
	}
}

// TestCancel cancels while the source waits, and while the target does.
func TestCancel(t *testing.T) {
	t.Parallel()
	cause := errors.New("shutting down")
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for _, stage := range []string{"reading", "writing", "between"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			source, target := &accounts{pages: book(9)}, &companies{}
			switch stage {
			case "reading":
				source.before = func(ctx context.Context, page int) error {
					if page < 2 {
						return nil
					}
					cancel(cause)
					return wait(ctx)
				}
			case "writing":
				target.before = func(ctx context.Context) error {
					if target.at.Page < 2 {
						return nil
					}
					cancel(cause)
					return wait(ctx)
				}
			default:
				target.before = func(context.Context) error {
					if target.at.Page == 1 {
						cancel(cause) // and store the page all the same
					}
					return nil
				}
			}
			s := pipeline.Slice{Plan: plan(t), Source: source, Target: target}
			done, err := s.Run(ctx)
			if done || !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
				t.Errorf("done %v, error %v", done, err)
			}
			if target.at.Page > 3 || s.Checkpoint.Page != target.at.Page {
				t.Errorf("%d pages stored, checkpoint at %d", target.at.Page, s.Checkpoint.Page)
			}
		})
	}
}
