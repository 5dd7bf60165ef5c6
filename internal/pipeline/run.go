package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// The ring of source batches: one being filled, one being mapped and written.
const ringSize = 2

// While the writer is behind, the reader puts further pages into the batch at
// hand: the fewer transactions there are, the fewer times a database writes the
// same pages of an index. A batch is bounded in pages and in the bytes of its
// texts.
const (
	maxPages = 2
	maxBytes = 4 << 20
)

// maxEmptyPages is how many pages in a row may show no record. Dataverse
// sends empty pages that are not the last, but not without end.
const maxEmptyPages = 1000

// ErrPagingLoop is the cause of the error of a run whose pages lead back to a
// page already read, or on without end.
var ErrPagingLoop = errors.New("the pages do not end")

// page is a page on its way from the reader to the writer, or several as one.
type page struct {
	batch *column.Batch
	info  PageInfo
	count int64 // of pages
	err   error // of the page behind them
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
		if err := ctx.Err(); err != nil && p.count > 0 {
			return false, context.Cause(ctx)
		}
		if p.count > 0 {
			if err := w.write(ctx, p); err != nil {
				return false, err
			}
		}
		if p.err != nil {
			return false, p.err
		}
		free <- p.batch
	}
	if ctx.Err() != nil {
		return s.Checkpoint.Done, context.Cause(ctx)
	}
	return s.Checkpoint.Done, nil
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
	loops := loopDetector{seen: map[[sha256.Size]byte]bool{sha256.Sum256([]byte(link)): true}}
	for n := s.Checkpoint.Page + 1; ; {
		var p page
		select {
		case p.batch = <-free:
		case <-ctx.Done():
			return
		}
		p.batch.Reset()
		for more := true; more; {
			rows := p.batch.Rows()
			info, err := s.readPage(ctx, link, p.batch)
			if err == nil && info.Changes.Recount && p.count > 0 {
				p.batch.Truncate(rows) // it has to begin a batch, and is read again
				break
			}
			if err == nil {
				shown := p.batch.Rows() - rows + len(info.Changes.Deleted) + len(info.Changes.Present)
				err = loops.check(n, info.Next, shown)
			}
			if err != nil {
				p.batch.Truncate(rows)
				p.err = err
				break
			}
			p.add(info)
			n++
			link = info.Next
			more = len(free) == 0 && p.count < maxPages && p.extends() && time.Now().Before(end)
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		if p.err != nil || link == "" || !time.Now().Before(end) {
			return
		}
	}
}

// add puts a page behind those there are.
func (p *page) add(next PageInfo) {
	next.Records += p.info.Records
	next.Bytes += p.info.Bytes
	next.Requests += p.info.Requests
	next.Throttled += p.info.Throttled
	next.Changes.Recount = next.Changes.Recount || p.info.Changes.Recount // of the first
	p.info = next
	p.count++
}

// extends reports whether another page may follow in the same batch. What a
// page says beside its rows holds for all rows before it, so that such a page
// is the last one; only counting anew holds from the first on.
func (p *page) extends() bool {
	says := p.info.Changes
	if p.info.Next == "" || len(says.Deleted)+len(says.Present) > 0 || says.Restart+says.Fallback+says.Watermark != "" {
		return false
	}
	bytes := 0
	for i := range p.batch.Columns {
		bytes += len(p.batch.Columns[i].Data)
	}
	return bytes < maxBytes
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
}

func (w *writer) write(ctx context.Context, p page) (err error) {
	defer rescue("mapping and writing a page", &err)
	w.batch.Reset()
	clear(w.rejects)
	var skipped []int
	w.rejects, skipped = w.Plan.Apply(p.batch, w.batch, w.rejects[:0])
	progress := Progress{
		Counts: crosswalk.Counts{
			Read:      int64(p.batch.Rows()),
			Rejected:  int64(len(w.rejects)),
			Skipped:   int64(len(skipped)),
			Pages:     p.count,
			Bytes:     p.info.Bytes,
			Requests:  p.info.Requests,
			Throttled: p.info.Throttled,
		},
		Checkpoint: behind(w.Checkpoint, p),
		Options:    w.Plan.TakeOptions(),
		Rejects:    w.rejects,
		Changes:    p.info.Changes,
		Page:       p.batch,
		Skipped:    skipped,
	}
	written, err := w.Target.Write(ctx, w.batch, progress)
	if err != nil {
		return err
	}
	w.Checkpoint = progress.Checkpoint
	w.Counts.Add(progress.Counts)
	w.Counts.Add(written.Counts())
	return nil
}

// behind returns where a run stands behind pages.
func behind(at crosswalk.Checkpoint, read page) crosswalk.Checkpoint {
	p := read.info
	at.Page += read.count
	at.Link, at.Done = p.Next, p.Next == ""
	at.Counting = at.Counting || p.Changes.Recount
	at.Complete, at.Mark = at.Done && p.Changes.Complete, p.Changes.Watermark
	if p.Changes.Restart != "" {
		at.Way, at.Why = crosswalk.WayTracked, ""
	}
	if p.Changes.Fallback != "" {
		at.Way, at.Why = p.Changes.Way, p.Changes.Fallback
	}
	return at
}

// loopDetector notices pages that lead back to one already read.
type loopDetector struct {
	seen  map[[sha256.Size]byte]bool
	empty int
}

// check looks at page n's link to the next page and the number of records it
// shows.
func (d *loopDetector) check(n int64, next string, records int) error {
	hash := sha256.Sum256([]byte(next))
	if d.empty++; records > 0 {
		d.empty = 0
	}
	switch {
	case next == "":
		return nil
	case d.seen[hash]:
		return crosswalk.Errorf(crosswalk.CodeInvalid,
			"The pages go round in circles: page %d leads back to one already read (link %x).", n, hash[:6]).
			WithHint("Nothing is lost: what was read is stored. Run the job again; if it happens again, the server's paging is at fault.").
			WithCause(ErrPagingLoop)
	case d.empty >= maxEmptyPages:
		return crosswalk.Errorf(crosswalk.CodeInvalid,
			"The last %d pages were empty and there is still another one after page %d (link %x).", d.empty, n, hash[:6]).
			WithHint("Run the job again; if it happens again, the server's paging is at fault.").
			WithCause(ErrPagingLoop)
	}
	d.seen[hash] = true
	return nil
}

// rescue turns a panic into an error.
func rescue(doing string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic while %s: %v\n%s", doing, v, debug.Stack())
	}
}
