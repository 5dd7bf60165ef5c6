package extract

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// maxRestarts is how often a range is restarted because its links end, or lead
// back.
const maxRestarts = 3

// A range whose count differs is read again, at most so many times.
const maxRereads = 3

// What a range may then bring beyond both counts, the one before and the one
// behind: records that came and went while it was read.
const (
	tolerated = 50 // records
	percent   = 1  // of the records
)

// A filter that leaves this share of the records or less after so many ranges
// is read faster in one stream, which the server walks without the rest.
const (
	fewRanges = 8
	fewShare  = 5 // one of
)

// maxSplits is into how many parts a range is cut to count it.
const maxSplits = 100

// OneStreamError is that a table is to be read in one stream, from the start.
type OneStreamError struct {
	// Why is a sentence for a person.
	Why string
	// Lasting means that it will be so for the next run too.
	Lasting bool
	err     error
}

// Error says why.
func (e *OneStreamError) Error() string { return e.Why }

// Unwrap returns the server's error, nil when there is none.
func (e *OneStreamError) Unwrap() error { return e.err }

var english = message.NewPrinter(language.English)

// contradiction is that the answers of the server do not fit each other.
func contradiction(format string, args ...any) *OneStreamError {
	return &OneStreamError{Why: english.Sprintf(format, args...), Lasting: true}
}

// maxHeavy is how often a slice asks again what was too heavy for the server.
const maxHeavy = 3

// tooHeavy reports whether a query that was too heavy for the server is to be
// asked again: that passes, as a rule.
func (s *Ranges) tooHeavy(err error) bool {
	if !dataverse.TooHeavy(err) || s.heavy == maxHeavy {
		return false
	}
	s.heavy++
	return true
}

// refused is that the server does not take a query.
func refused(what string, err error) *OneStreamError {
	words := err.Error()
	var e *crosswalk.Error
	if errors.As(err, &e) {
		words = e.Message
	}
	return &OneStreamError{Why: "Dynamics refused " + what + ". " + words, Lasting: !dataverse.TooHeavy(err), err: err}
}

// goOn begins the requests that can be.
func (s *Ranges) goOn() {
	waiting := 0
	for _, r := range s.at.Open {
		switch {
		case r.busy:
		case r.Read:
			s.count(r)
		case s.reading < s.streams:
			s.read(r)
		default:
			waiting++
		}
	}
	if !s.at.Ended && !s.scouting && waiting < s.streams {
		s.scout()
	}
	if s.cfg.Beside != nil && !s.walking && s.cfg.Beside.Walking(s.at.Beside) {
		s.walk()
	}
}

// scout looks for the end of the next range.
func (s *Ranges) scout() {
	s.scouting = true
	after, size := s.at.Last, s.at.Size
	s.start(func(ctx context.Context) result {
		key, cost, err := s.client.NthKey(ctx, s.cfg.Entity, dataverse.KeyRange{After: after}, size)
		return func(*column.Batch) (*pipeline.PageInfo, error) {
			s.scouting = false
			s.spend(cost)
			switch {
			case s.tooHeavy(err):
				return nil, nil
			case dataverse.Refused(err):
				return nil, refused("to look for a key", err)
			case err != nil:
				return nil, err
			case key != "" && key == after:
				return nil, contradiction("Dynamics told a key as the one behind itself.")
			}
			s.at.Last, s.at.Ended = key, key == ""
			s.at.Open = append(s.at.Open, &openRange{KeyRange: dataverse.KeyRange{After: after, To: key}})
			return nil, nil
		}
	})
}

// read asks for the next page of a range.
func (s *Ranges) read(r *openRange) {
	s.reading++
	r.busy = true
	q, link := s.query.Within(r.KeyRange, s.cfg.Entity.PrimaryID), r.Link
	s.start(func(ctx context.Context) result {
		var b *column.Batch
		page, err := s.client.PageInto(ctx, q, link, s.columns, func(ctx context.Context) (_ *column.Batch, err error) {
			if b == nil {
				b, err = s.batch(ctx)
			}
			return b, err
		})
		if err == nil {
			err = missing(s.plan, page.Missing)
		}
		if err != nil {
			s.release(b)
		}
		return func(into *column.Batch) (*pipeline.PageInfo, error) {
			s.reading--
			r.busy = false
			switch {
			case link != "" && r.Restarts < maxRestarts && dataverse.LinkEnded(err):
				s.spend(page)
				r.restart()
				r.Restarts++
				return nil, nil
			case s.tooHeavy(err):
				s.spend(page)
				return nil, nil
			case link == "" && dataverse.Refused(err):
				return nil, refused("ranges of keys", err)
			case err != nil:
				return nil, err
			}
			r.Rows += int64(b.Rows())
			*into, *b = *b, *into
			s.release(b)
			if r.Read = page.Next == ""; !r.Read && !r.follow(page.Next) {
				if r.Restarts++; r.Restarts > maxRestarts {
					return nil, contradiction("The pages of a range go round in circles.")
				}
				r.restart()
			}
			told := info(page)
			told.Changes.Recount = !s.at.Begun
			s.at.Begun = true
			return &told, nil
		}
	})
}

// batchWait is how long an answer waits for a batch. Then it gets one more: those
// who wait for the writer must not keep requests of others from the server.
const batchWait = time.Second

// batch returns an empty batch.
func (s *Ranges) batch(ctx context.Context) (*column.Batch, error) {
	late := time.NewTimer(batchWait)
	defer late.Stop()
	select {
	case b := <-s.free:
		b.Reset()
		return b, nil
	case <-late.C:
		return s.plan.NewSourceBatch(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// release gives a batch back, which may be nil.
func (s *Ranges) release(b *column.Batch) {
	if b == nil {
		return
	}
	select {
	case s.free <- b:
	default: // there are enough
	}
}

// count compares a range that has been read with its count.
func (s *Ranges) count(r *openRange) {
	r.busy = true
	within, rows := r.KeyRange, r.Rows
	s.start(func(ctx context.Context) result {
		var cost dataverse.PageInfo
		splits := 0
		n, err := s.counted(ctx, within, &splits, &cost)
		if err == nil && s.unlike(within, rows) {
			err = s.inOrder(ctx, within.After, rows, &cost)
		}
		return func(*column.Batch) (*pipeline.PageInfo, error) {
			r.busy = false
			s.spend(cost)
			switch {
			case s.tooHeavy(err):
				return nil, nil
			case dataverse.Refused(err):
				return nil, refused("to count a range", err)
			case err != nil:
				return nil, err
			}
			return nil, s.verify(r, n)
		}
	})
}

// counted returns how many records a range has. One that has more than can be
// counted is cut.
func (s *Ranges) counted(ctx context.Context, r dataverse.KeyRange, splits *int, cost *dataverse.PageInfo) (int64, error) {
	key := s.cfg.Entity.PrimaryID
	n, many, c, err := s.client.CountWithin(ctx, s.query, r, key)
	add(cost, c)
	if err != nil || !many {
		return n, err
	}
	mid, c, err := s.client.NthKey(ctx, s.cfg.Entity, r, s.cfg.Size)
	add(cost, c)
	if err != nil {
		return 0, err
	}
	if *splits++; mid == "" || mid == r.After || mid == r.To || *splits > maxSplits {
		return 0, contradiction("Dynamics has more records in a range than can be counted, and no key to cut it at.")
	}
	first, err := s.counted(ctx, dataverse.KeyRange{After: r.After, To: mid}, splits, cost)
	if err != nil {
		return 0, err
	}
	rest, err := s.counted(ctx, dataverse.KeyRange{After: mid, To: r.To}, splits, cost)
	return first + rest, err
}

// unlike reports whether a range cannot have held that many records when it
// was found, unless most of them came or went since: it ended then where the
// server's own order has as many keys as a range has.
func (s *Ranges) unlike(r dataverse.KeyRange, rows int64) bool {
	size := int64(s.at.Size)
	return r.To != "" && (rows > 2*size+tolerated || s.query.Filter == "" && rows+tolerated < size/2)
}

// inOrder finds the range behind a key once more, which brought rows records
// before, and counts it at once, so that nothing has time to come or go. It
// returns a contradiction when the range now found is as unlike its size.
func (s *Ranges) inOrder(ctx context.Context, after string, rows int64, cost *dataverse.PageInfo) error {
	again := dataverse.KeyRange{After: after}
	to, c, err := s.client.NthKey(ctx, s.cfg.Entity, again, s.at.Size)
	add(cost, c)
	if err != nil || to == "" { // fewer records are left than a range has
		return err
	}
	again.To = to
	n, many, c, err := s.client.CountWithin(ctx, s.query, again, s.cfg.Entity.PrimaryID)
	add(cost, c)
	if err == nil && (many || s.unlike(again, n)) {
		err = contradiction("Dynamics sorts keys otherwise than it compares them: a range of %d records brought %d.", s.at.Size, rows)
	}
	return err
}

// verify closes a range of which n records are counted, or has it read again
// until as many have come as there were before or behind the reading. Fewer
// would be records lost.
func (s *Ranges) verify(r *openRange, n int64) error {
	least, most := min(r.Counted, n), max(r.Counted, n)
	switch came := r.Rereads > 0 && r.Rows >= least && r.Rows-most <= max(tolerated, most*percent/100); {
	case r.Rows == n, came:
		s.at.closeRange(r)
	case r.Rereads == maxRereads:
		return contradiction("A range brought %d records, of which Dynamics counts %d.", r.Rows, n)
	default:
		r.restart()
		r.Rereads++
		r.Counted = n
		return nil
	}
	if s.query.Filter != "" && s.at.Closed >= fewRanges && s.at.Rows*fewShare <= int64(s.at.Closed)*int64(s.at.Size) {
		return &OneStreamError{Why: "The filter leaves few of the records."}
	}
	return nil
}

// walk goes through the keys beside, up to a page that says something. It does
// not wait for the pages of the ranges: what it finds on the way holds whether
// they are stored or not.
func (s *Ranges) walk() {
	s.walking = true
	link := s.at.Beside
	s.start(func(ctx context.Context) result {
		var page pipeline.PageInfo
		var err error
		keys := s.plan.NewSourceBatch()
		for {
			page, err = s.cfg.Beside.Page(ctx, link, keys)
			found := len(page.Changes.Present)
			page.Changes.Present = nil // a sweep shows them once more if anybody wants to know
			if err != nil || page.Changes.Fallback != "" || page.Changes.Recount || !s.cfg.Beside.Walking(page.Next) {
				break
			}
			link = page.Next
			s.mu.Lock()
			s.walked.link = link
			s.walked.keys += found
			add(&s.walked.cost, dataverse.PageInfo{Bytes: page.Bytes, Requests: page.Requests, Throttled: page.Throttled})
			s.mu.Unlock()
		}
		return func(*column.Batch) (*pipeline.PageInfo, error) {
			s.catchUp()
			s.walking = false
			if err != nil {
				return nil, err
			}
			s.at.Beside = page.Next
			return &page, nil
		}
	})
}

// catchUp notes how far the walk has come, and reports whether that is further
// than before.
func (s *Ranges) catchUp() (further bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if further = s.walked.link != ""; further {
		s.at.Beside = s.walked.link
	}
	s.spend(s.walked.cost)
	s.keys += s.walked.keys
	s.walked = walked{}
	return further
}

// beside reads a page of what stands beside, while nothing else is at work.
func (s *Ranges) beside(ctx context.Context, into *column.Batch) (pipeline.PageInfo, error) {
	page, err := s.cfg.Beside.Page(ctx, s.at.Beside, into)
	if err != nil {
		return page, err
	}
	s.at.Begun, s.at.Beside = true, page.Next
	if page.Next != "" {
		s.link = s.at.text()
		page.Next = s.link
	}
	return s.tell(page), nil
}

// rest returns what comes behind all ranges.
func (s *Ranges) rest(ctx context.Context, into *column.Batch) (pipeline.PageInfo, error) {
	if s.cfg.Beside != nil {
		return s.beside(ctx, into)
	}
	return s.tell(pipeline.PageInfo{Changes: pipeline.Changes{Recount: !s.at.Begun, Complete: true}}), nil
}

// add adds a cost.
func add(to *dataverse.PageInfo, cost dataverse.PageInfo) {
	to.Bytes += cost.Bytes
	to.Requests += cost.Requests
	to.Throttled += cost.Throttled
}

// attempt makes a request. A panic becomes an error.
func attempt(ctx context.Context, request func(context.Context) result) (r result) {
	defer func() {
		if v := recover(); v != nil {
			err := fmt.Errorf("panic while reading a range: %v\n%s", v, debug.Stack())
			r = func(*column.Batch) (*pipeline.PageInfo, error) { return nil, err }
		}
	}()
	return request(ctx)
}
