package extract_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestStreamsOverlap reads from an environment that thinks about every answer:
// at least three requests are under way at a time, on the average of the whole
// read, and never more than the client allows. One stream has one.
func TestStreamsOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 9_000, Contacts: 5, Latency: 150 * time.Millisecond, Limits: sandbox.Limits{ParallelHint: 8}})
	entity, plan := w.compile(accounts, false)
	seen := int64(len(w.sandbox.Requests(sandbox.RequestFilter{})))
	rows, _ := read(t, plan, fromBegin{w.ranges(entity, plan, 100, 1000)})
	if len(rows) != 9_000 {
		t.Errorf("%d rows", len(rows))
	}
	requests := w.sandbox.Requests(sandbox.RequestFilter{After: seen})
	var first, last time.Time
	var held time.Duration
	most := 0
	for i, r := range requests {
		if i == 0 || r.Time.Before(first) {
			first = r.Time
		}
		if end := r.Time.Add(time.Duration(r.Took)); end.After(last) {
			last = end
		}
		held += time.Duration(r.Took)
		most = max(most, r.Concurrent)
	}
	if overlap := float64(held) / float64(last.Sub(first)); overlap < 3 || most > 8 {
		t.Errorf("%d requests in %v: %.1f at a time, %d at most", len(requests), last.Sub(first), overlap, most)
	} else {
		t.Logf("%d requests in %v: %.1f at a time, %d at most", len(requests), last.Sub(first), overlap, most)
	}
}

// TestWalkOutlasts reads ranges that are through long before the walk beside:
// pages without rows tell from time to time how far it is, so that a read that
// is cut off again and again comes to its end.
func TestWalkOutlasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 5, Contacts: 3000, Latency: 60 * time.Millisecond, Limits: sandbox.Limits{ParallelHint: 8}})
	entity, plan := w.compile(job{contacts.entity, contacts.paths[:4], nil}, true)
	cfg := w.config(entity, plan, 0)
	cfg.PageSize = 15
	source := func() *extract.Ranges {
		s := extract.NewRanges(extract.RangesConfig{Config: cfg, Size: 500, Beside: extract.NewKeys(cfg, "", false)})
		t.Cleanup(s.Close)
		return s
	}
	s, link := source(), extract.RangesBegin
	into := plan.NewSourceBatch()
	rows, told, alone := 0, 0, 0
	for {
		into.Reset()
		began := time.Now()
		page, err := s.Page(t.Context(), link, into)
		if took := time.Since(began); err != nil || took > 8*time.Second {
			t.Fatalf("%d rows, then nothing for %v: %v", rows, took, err)
		}
		if link = page.Next; link == "" {
			break
		}
		rows += into.Rows()
		if extract.OnlyKeys(link) {
			if alone++; rows != 3000 {
				t.Errorf("only keys are said to come behind %d rows", rows)
			}
		}
		if into.Rows() == 0 && rows == 3000 && extract.InRanges(link) && told == 0 {
			told++
			if page.Records == 0 {
				t.Error("a page that tells how far the walk is looks empty")
			}
			s.Close()
			s = source()
		}
	}
	if rows < 3000 || told == 0 || alone == 0 {
		t.Errorf("%d rows, told %d times, %d times that only keys come", rows, told, alone)
	}
}

// TestRangesEnd has a read cut off while requests are under way: it ends at
// once, and nothing of it is left when it is closed.
func TestRangesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 2000, Contacts: 5})
	entity, plan := w.compile(accounts, false)
	source := w.ranges(entity, plan, 100, 300)
	into := plan.NewSourceBatch()
	page, err := source.Page(t.Context(), extract.RangesBegin, into)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultDelay, Path: "accounts", Delay: sandbox.Span(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("cancelled")
	for {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
		into.Reset()
		next, err := source.Page(ctx, page.Next, into)
		cancel(nil)
		if err != nil {
			if !errors.Is(err, stop) {
				t.Errorf("error %v", err)
			}
			break
		}
		page = next // that was under way before
	}
	source.Close()
	sent := len(w.sandbox.Requests(sandbox.RequestFilter{}))
	for _, f := range w.sandbox.Faults() {
		w.sandbox.RemoveFault(f.ID)
	}
	if now := len(w.sandbox.Requests(sandbox.RequestFilter{})); now != sent {
		t.Errorf("%d requests were sent behind the end", now-sent)
	}
	// What has not come is read by another source.
	rows, err := readOn(t, plan, source, page.Next)
	if err != nil || len(rows) == 0 || len(rows) >= 2000 {
		t.Errorf("%d further rows, %v", len(rows), err)
	}
	if _, err := source.Page(t.Context(), "ranges:[", plan.NewSourceBatch()); err == nil {
		t.Error("a link of no place is taken")
	}
	source.Close()
}
