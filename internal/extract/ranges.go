package extract

import (
	"context"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// RangeSize is how many records a range has. It is below
// dataverse.AggregateLimit, so that a range that grows can still be counted,
// and no multiple of the size of a page: a last page that is full is asked for
// again.
const RangeSize = 44_900

// maxStreams is how many ranges are read at a time at most.
const maxStreams = 8

// batches is how many pages are decoded or wait for their turn at a time: few
// of those who are read from have answered.
const batches = 2

// RangesConfig is what a source of ranges needs.
type RangesConfig struct {
	Config
	// Size is how many records a range has; 0 means RangeSize, and no more
	// are possible.
	Size int
	// Beside, made by NewKeys without a place to go on from, tells of what
	// changes while the ranges are read, and where the next read goes on; nil
	// for no such place.
	Beside *Changes
}

// Ranges is the source of all records that the plan's filter chooses, read as
// ranges of their keys, several at a time, in no order. Where a range ends is
// asked of the server, which counts its records in its own order; that all of
// a range has come is shown by its count.
//
// The link of a page holds where each of the open ranges stands, so that
// another Ranges goes on from there. Records whose keys Dynamics compares by
// another order than it sorts by are read all the same; see
// dataverse.KeyRange.
//
// A Ranges is used by one goroutine at a time, and has to be closed.
type Ranges struct {
	client  *dataverse.Client
	plan    *mapping.Plan
	cfg     RangesConfig
	query   dataverse.Query
	columns *odata.Columns

	at   rangesState
	link string // that stands for at

	stop     context.CancelFunc // nil while nothing is at work
	ctx      context.Context    // of what is
	work     sync.WaitGroup
	results  chan result
	busy     int  // requests and results that are not yet taken
	streams  int  // pages that may be under way or wait to be taken
	reading  int  // those that are
	scouting bool // the next bound is asked for
	walking  bool // so is a page of what stands beside
	heavy    int  // queries that were too heavy and were asked again
	free     chan *column.Batch
	spent    dataverse.PageInfo // that no page has told of
	keys     int                // that came beside, of which no page has told

	mu     sync.Mutex
	walked walked
}

// walked is how far the walk beside has come since the last page.
type walked struct {
	link string // of its next page; "" for no further than it was
	keys int    // that came
	cost dataverse.PageInfo
}

// result is what comes of a request, to be called by the goroutine that asks
// for pages. It fills into and returns what the page says, or nil when there
// is no page.
type result func(into *column.Batch) (*pipeline.PageInfo, error)

// NewRanges makes the source of a plan. Beside something, the plan has to be
// compiled as Tracked.
func NewRanges(cfg RangesConfig) *Ranges {
	if cfg.Size <= 0 || cfg.Size > RangeSize {
		cfg.Size = RangeSize
	}
	return &Ranges{client: cfg.Client, plan: cfg.Plan, cfg: cfg, query: cfg.expanding(), columns: cfg.columns()}
}

// Page implements pipeline.Source; into has to be empty. The link of the first
// page is RangesBegin. The error is a *GoneError when tables lost columns that the
// plan reads, a *OneStreamError when ranges do not fit the table, else that of
// dataverse.Client.Page or of what stands beside.
func (s *Ranges) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if into.Rows() > 0 {
		panic("extract: a page of a range needs an empty batch")
	}
	if s.stop == nil || link != s.link {
		if err := s.open(ctx, link); err != nil {
			return pipeline.PageInfo{}, err
		}
	}
	if s.cfg.Beside != nil && !s.at.Begun { // before any row is read
		return s.beside(ctx, into)
	}
	began := time.Now()
	late := time.NewTicker(walkTold)
	defer late.Stop()
	for {
		s.goOn()
		if s.busy == 0 { // so all ranges have been read
			return s.rest(ctx, into)
		}
		var r result
		select {
		case r = <-s.results:
		case <-late.C:
			if s.catchUp() {
				return s.told(pipeline.PageInfo{}), nil
			}
			continue
		case <-ctx.Done():
			return pipeline.PageInfo{}, context.Cause(ctx)
		}
		s.busy--
		info, err := r(into)
		switch {
		case err != nil:
			return s.tell(pipeline.PageInfo{}), err
		case info != nil:
			if into.Rows() > 0 {
				s.adapt(time.Since(began), into.Rows())
			}
			s.goOn()
			s.catchUp()
			return s.told(*info), nil
		}
	}
}

// walkTold is how long the walk beside goes on without a page that stores how
// far it is. It can take longer than the ranges, and than a slice.
const walkTold = 5 * time.Second

// told returns what a page says, with the link of what follows.
func (s *Ranges) told(info pipeline.PageInfo) pipeline.PageInfo {
	s.link = s.at.text()
	info.Next = s.link
	return s.tell(info)
}

// Close ends what is at work and waits for it. The source can be used again.
func (s *Ranges) Close() {
	if s.stop != nil {
		s.stop()
		s.work.Wait()
		s.stop = nil
	}
}

// open goes to a place.
func (s *Ranges) open(ctx context.Context, link string) error {
	s.Close()
	at, err := parseRanges(link)
	if err != nil {
		return err
	}
	for _, r := range at.Open {
		if err := unselected(s.plan, r.Link, func(string) bool { return true }); err != nil {
			return err
		}
	}
	if at.Size == 0 {
		at.Size = s.cfg.Size
	}
	s.at, s.link = at, link
	s.ctx, s.stop = context.WithCancel(ctx)
	s.results = make(chan result)
	s.free = make(chan *column.Batch, batches) // anew, since results that nobody took have kept theirs
	for range batches {
		s.free <- s.plan.NewSourceBatch()
	}
	s.busy, s.reading, s.scouting, s.walking, s.heavy, s.walked = 0, 0, false, false, 0, walked{}
	s.streams = min(firstStreams, s.mostStreams())
	return nil
}

// start begins a request.
func (s *Ranges) start(request func(ctx context.Context) result) {
	s.busy++
	ctx, results := s.ctx, s.results
	s.work.Go(func() {
		select {
		case results <- attempt(ctx, request):
		case <-ctx.Done():
		}
	})
}

// tell adds the keys that came beside, and what requests cost that brought no
// page.
func (s *Ranges) tell(info pipeline.PageInfo) pipeline.PageInfo {
	info.Bytes += s.spent.Bytes
	info.Requests += s.spent.Requests
	info.Throttled += s.spent.Throttled
	info.Records += s.keys // a page which only tells of them is no empty one
	s.spent, s.keys = dataverse.PageInfo{}, 0
	return info
}

// spend notes such a cost.
func (s *Ranges) spend(cost dataverse.PageInfo) {
	s.spent.Bytes += cost.Bytes
	s.spent.Requests += cost.Requests
	s.spent.Throttled += cost.Throttled
}

// How many streams there are follows from how long pages let wait: a stream
// more serves nothing when pages come as fast as they can be written.
const (
	firstStreams  = 2
	moreStreams   = 2
	shortWait     = 5 * time.Millisecond
	shortWaitEach = 10 * time.Microsecond // for each record of the page
)

// adapt begins to read more ranges at a time when a page with that many rows
// let wait for too long.
func (s *Ranges) adapt(waited time.Duration, rows int) {
	if waited > max(shortWait, time.Duration(rows)*shortWaitEach) {
		s.streams = min(s.streams+moreStreams, s.mostStreams())
	}
}

// mostStreams returns how many ranges may be read at a time now.
func (s *Ranges) mostStreams() int { return min(maxStreams, s.client.Parallelism()) }

// Count returns how many records a source of everything brings; many means that
// they are more than dataverse.AggregateLimit.
func Count(ctx context.Context, cfg Config) (n int64, many bool, err error) {
	n, many, _, err = cfg.Client.CountWithin(ctx, cfg.query(), dataverse.KeyRange{}, cfg.Entity.PrimaryID)
	return n, many, err
}
