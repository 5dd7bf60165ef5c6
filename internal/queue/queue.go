// Package queue holds the work that is still to be done, so that it survives
// the process: slices of runs, each a bounded piece of work. It is built on
// River, which nothing outside this package knows, in SQLite (in a file of
// its own, because a bulk writer in the same file would hold it up) or in
// PostgreSQL.
//
// The queue promises that a slice is worked at least once. That it writes at
// most once is the fence's promise: whoever takes a run raises its fence, and
// a slice that comes with an older one finds that there is nothing to do.
package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/crosswalk-data/crosswalk"
)

// MaxAttempts is how often a slice is tried before it is parked.
const MaxAttempts = 5

// A slice is cut off after sliceTimeout; one that has not reported back after
// rescueAfter was lost with its process and is tried again.
const (
	sliceTimeout = 110 * time.Second
	rescueAfter  = 2 * time.Minute
)

// storeLimit is how long River may take to store what became of an attempt
// before it is thought to have given up, as it does when the disk is full.
const storeLimit = 15 * time.Second

// Slice is a bounded piece of a run.
type Slice struct {
	RunID string
	// Fence is the fence the run is expected to have when the slice takes it.
	Fence int64
	// Attempt counts from 1. Enqueue ignores it.
	Attempt int
	// Unsure says that the attempt before never reported back, or ended
	// without knowing what it had stored, so that it may or may not have taken
	// the run: the run's fence may be one higher than Fence. Enqueue ignores
	// it.
	Unsure bool
}

// Next says what follows a slice. The zero value is Done.
type Next struct {
	fence  int64
	after  time.Duration
	snooze bool
}

// Done says that the run needs no further slice.
var Done = Next{}

// Continue asks for another slice of the same run at once. Fence is the fence
// the run has now, which is never 0.
func Continue(fence int64) Next { return Next{fence: fence} }

// Snooze asks for the same slice again after d; that counts as no attempt.
// If the slice took the run, it must have said so by Took.
func Snooze(d time.Duration) Next { return Next{after: d, snooze: true} }

// Config says where the queue is and what it works.
type Config struct {
	// DB is "sqlite:/dir/queue.db" or a PostgreSQL URL. The file and the
	// tables are made when they are missing.
	DB string
	// Workers is the number of slices worked at a time; 0 means 4.
	Workers int
	// SliceLimit is when a slice is cut off, at most 110 s, which is what 0
	// means.
	SliceLimit time.Duration
	// Logger may be nil.
	Logger *slog.Logger
	// Work does a slice. An error or a panic is a failed attempt: the slice
	// is tried again, with the fence told by Took if there was one, until
	// MaxAttempts. An error after ctx was cancelled by Stop is no failure.
	Work func(ctx context.Context, s Slice) (Next, error)
	// Park is told of a slice that failed for the last time, and why; the
	// slice's Fence is the one told by Took if there was one. The queue
	// forgets the slice afterwards, unless Park returns an error: then the
	// slice is tried once more after some seconds.
	Park func(ctx context.Context, s Slice, err error) error
	// Backoff says how long to wait after failed attempt n, counted from 1;
	// nil means 1, 4, 16 and 64 seconds.
	Backoff func(n int) time.Duration
}

// Queue is a durable queue of slices. It is safe for concurrent use.
type Queue struct {
	client  client
	closeDB func()
	worker  *worker
}

// client is what the two instances of River's generic client have in common.
type client interface {
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	Start(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	Stopped() <-chan struct{}
	ID() string
	JobList(ctx context.Context, params *river.JobListParams) (*river.JobListResult, error)
}

// Open opens the queue and brings its tables up to date. It works nothing
// before Start; Stop must be called in any case.
func Open(ctx context.Context, c Config) (*Queue, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.SliceLimit == 0 || c.SliceLimit > sliceTimeout {
		c.SliceLimit = sliceTimeout
	}
	if c.Backoff == nil {
		c.Backoff = func(n int) time.Duration { return time.Second << (2 * min(n-1, 3)) }
	}
	q := &Queue{worker: newWorker(c)}
	var err error
	scheme, file, _ := strings.Cut(c.DB, ":")
	switch scheme {
	case "sqlite":
		err = q.openSQLite(ctx, file, c)
	case "postgres", "postgresql":
		err = q.openPostgres(ctx, c)
	default: // without showing an address that may hold a password
		err = crosswalk.Errorf(crosswalk.CodeInvalid, "The address of the queue's database begins with neither sqlite: nor postgres:.").
			WithHint("Write sqlite:/folder/queue.db or postgres://user@host/database.")
	}
	if err != nil {
		return nil, err
	}
	q.worker.insert = q.client.Insert
	return q, nil
}

// Enqueue adds a slice. Adding the same run with the same fence again does
// nothing, even after it was worked.
func (q *Queue) Enqueue(ctx context.Context, s Slice) error {
	return q.worker.enqueue(ctx, s.RunID, s.Fence, firstSlice)
}

// Lost returns the runs of slices that this queue has tried and must try again,
// and will not, because what became of the attempt could not be stored: the
// disk was full, or the database was away for long. A slice queued with a
// higher fence takes their place.
func (q *Queue) Lost(ctx context.Context) ([]string, error) {
	var running []int64
	p := river.NewJobListParams().States(rivertype.JobStateRunning).First(1000)
	res, err := q.client.JobList(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("list the slices at work: %w", err)
	}
	for _, job := range res.Jobs {
		if n := len(job.AttemptedBy); n > 0 && job.AttemptedBy[n-1] == q.client.ID() {
			running = append(running, job.ID)
		}
	}
	return q.worker.lost(running), nil
}

// Start begins to work. Cancelling ctx does not stop the queue; Stop does.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	return nil
}

// Stop cancels the slices at work, waits for them until ctx ends, and closes
// the queue's database. What was not finished is tried again after the next
// start. When ctx ends first, Stop returns its error; the database is then
// closed once the last slice has returned.
func (q *Queue) Stop(ctx context.Context) error {
	q.worker.stop()
	if err := q.client.StopAndCancel(ctx); err != nil {
		go func() {
			<-q.client.Stopped()
			q.closeDB()
		}()
		return fmt.Errorf("stop the queue: %w", err)
	}
	q.closeDB()
	return nil
}
