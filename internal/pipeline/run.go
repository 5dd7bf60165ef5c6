package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// The ring of source batches: one being filled, one waiting, one being mapped
// and written.
const ringSize = 3

// While the next page is there already, pages share a transaction, if the
// target can hold it: the fewer transactions there are, the fewer times a
// database writes the same pages of an index. Other writers wait meanwhile, and
// nobody sees yet what was rejected: a run that rejects too much would go on.
const (
	groupRows    = 50_000
	groupRejects = 1_000
	groupTime    = 500 * time.Millisecond
)

// page is a page on its way from the reader to the writer, or the error behind
// the last one.
type page struct {
	batch *column.Batch
	info  PageInfo
	trail crosswalk.Trail // behind it
	err   error
}

// Run reads, maps and writes pages from the checkpoint on until the last one
// or until the budget is spent, and reports whether the last page is stored.
// When it returns, nothing of it is still running. The error is the source's,
// the target's, ctx's cause, or a *crosswalk.Error of
// CodeInvalid around ErrPagingLoop; a panic of any stage becomes an error.
func (s *Slice) Run(ctx context.Context) (done bool, err error) {
	if s.Checkpoint.Done {
		return true, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	free := make(chan *column.Batch, ringSize)
	for range ringSize {
		free <- s.Plan.NewSourceBatch()
	}
	pages := make(chan page, 1)
	go s.read(ctx, free, pages)
	defer func() {
		cancel()
		for range pages { // until the reader has ended
		}
	}()

	w := writer{Slice: s, batch: s.Plan.NewBatch()}
	for p := range pages {
		if p.err != nil {
			err = p.err
			break
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err := w.write(ctx, p); err != nil {
			return false, err
		}
		if len(pages) == 0 || w.full() {
			if err := w.commit(ctx); err != nil {
				return false, err
			}
		}
		if err := w.enough(); err != nil {
			return false, err
		}
		free <- p.batch
	}
	if ctx.Err() != nil {
		return s.Checkpoint.Done, context.Cause(ctx)
	}
	e := w.commit(ctx)
	if e == nil {
		e = w.enough()
	}
	if e != nil {
		err = e
	}
	return err == nil && s.Checkpoint.Done, err
}

// read sends page after page and closes pages after the last, at the end of
// the budget and after an error.
func (s *Slice) read(ctx context.Context, free <-chan *column.Batch, pages chan<- page) {
	defer close(pages)
	end := time.Now().Add(s.Budget)
	if s.Budget == 0 {
		end = time.Now().Add(DefaultBudget)
	}
	link := s.Checkpoint.Link
	loops := newLoopDetector(s.Checkpoint)
	for n := s.Checkpoint.Page + 1; ; {
		var p page
		select {
		case p.batch = <-free:
		case <-ctx.Done():
			return
		}
		p.batch.Reset()
		p.info, p.err = s.readPage(ctx, link, p.batch)
		if p.err == nil {
			p.err = loops.check(n, p.info, p.batch.Rows())
			p.trail = loops.trail
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		n++
		link = p.info.Next
		if p.err != nil || link == "" || !time.Now().Before(end) {
			return
		}
	}
}

func (s *Slice) readPage(ctx context.Context, link string, into *column.Batch) (info PageInfo, err error) {
	defer rescue("reading a page", &err)
	return s.Source.Page(ctx, link, into)
}

// writer maps and writes pages with memory that it uses again.
type writer struct {
	*Slice
	batch   *column.Batch
	rejects []crosswalk.Reject

	// Of the pages that the target holds.
	held   bool
	at     crosswalk.Checkpoint // behind them
	counts crosswalk.Counts
	begun  time.Time
	rows   int
}

func (w *writer) write(ctx context.Context, p page) (err error) {
	defer rescue("mapping and writing a page", &err)
	w.batch.Reset()
	clear(w.rejects)
	var skipped []int
	w.rejects, skipped = w.Plan.Apply(p.batch, w.batch, w.rejects[:0])
	options := w.Plan.TakeOptions()
	// About these the target looks at what is stored, or adds to it by
	// itself.
	alone := len(options) > 0 || len(skipped) > 0
	if alone {
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	if !w.held {
		w.at, w.begun = w.Checkpoint, time.Now()
	}
	progress := Progress{
		Counts: crosswalk.Counts{
			Read:      int64(p.batch.Rows()),
			Rejected:  int64(len(w.rejects)),
			Skipped:   int64(len(skipped)),
			Pages:     1,
			Bytes:     p.info.Bytes,
			Requests:  p.info.Requests,
			Throttled: p.info.Throttled,
		},
		Checkpoint: behind(w.at, p),
		Options:    options,
		Rejects:    w.rejects,
		Changes:    p.info.Changes,
		Page:       p.batch,
		Skipped:    skipped,
		Hold:       !alone,
	}
	written, err := w.Target.Write(ctx, w.batch, progress)
	if err != nil {
		return err
	}
	w.at = progress.Checkpoint
	w.counts.Add(progress.Counts)
	w.counts.Add(written.Counts())
	w.rows += w.batch.Rows()
	if w.held = written.Held; !w.held {
		w.stored()
	}
	return nil
}

// full reports whether what the target holds is to be committed even though
// more is there.
func (w *writer) full() bool {
	return w.rows >= groupRows || w.counts.Rejected >= groupRejects || time.Since(w.begun) >= groupTime
}

// commit has the target commit what it holds.
func (w *writer) commit(ctx context.Context) (err error) {
	if !w.held {
		return nil
	}
	defer rescue("committing pages", &err)
	if err := w.Target.Commit(ctx); err != nil {
		return err
	}
	w.stored()
	return nil
}

// enough returns the error of Enough once all that was written is stored.
func (w *writer) enough() error {
	if w.held || w.Enough == nil {
		return nil
	}
	return w.Enough(w.Counts, w.Checkpoint)
}

// stored notes that all that was written is stored.
func (w *writer) stored() {
	w.Checkpoint = w.at
	w.Counts.Add(w.counts)
	w.held, w.counts, w.rows = false, crosswalk.Counts{}, 0
}

// behind returns where a run stands behind a page.
func behind(at crosswalk.Checkpoint, p page) crosswalk.Checkpoint {
	says := p.info.Changes
	at.Page++
	at.Link, at.Done, at.Trail = p.info.Next, p.info.Next == "", p.trail
	if at.Done {
		at.Trail = crosswalk.Trail{}
	}
	at.Counting = at.Counting || says.Recount
	at.Complete, at.Mark = at.Done && says.Complete, says.Watermark
	if says.Restart != "" {
		at.Way, at.Why = crosswalk.WayTracked, ""
	}
	if says.Way != "" {
		at.Way, at.Why = says.Way, says.Fallback
	}
	return at
}

// rescue turns a panic into an error.
func rescue(doing string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic while %s: %v\n%s", doing, v, debug.Stack())
	}
}
