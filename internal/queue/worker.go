package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// args is a slice as River stores it.
type args struct {
	RunID string `json:"run_id" river:"unique"`
	Fence int64  `json:"fence" river:"unique"`
}

// Kind names the work for River; it is stored and never changes.
func (args) Kind() string { return "run_slice" }

// Slices of runs that have begun come after the first ones of others: a run
// that is long, or is made to wait, does not keep short ones from running.
const (
	firstSlice = 1
	laterSlice = 2
)

// InsertOpts keeps a slice from being queued again while it waits or is
// worked, or after it was done.
func (args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// report is what an attempt leaves for the next one, kept as River's output
// of the job.
type report struct {
	Fence   int64 `json:"fence,omitempty"` // told by Took; 0 if the run was not taken
	Attempt int   `json:"attempt"`         // attempts that reported back
	// Unsure says that the last attempt may have taken the run without knowing
	// it: the answer of the database may have been lost.
	Unsure bool `json:"unsure,omitempty"`
}

type fenceKey struct{}

// Took notes, inside Work, that the slice has taken the run, which now has
// that fence. The next attempt of a slice that then fails, panics or snoozes
// comes with it. Outside of Work it does nothing.
func Took(ctx context.Context, fence int64) {
	if p, ok := ctx.Value(fenceKey{}).(*atomic.Int64); ok {
		p.Store(fence)
	}
}

// worker works the slices that River hands out.
type worker struct {
	river.WorkerDefaults[args]
	work     func(ctx context.Context, s Slice) (Next, error)
	park     func(ctx context.Context, s Slice, err error) error
	backoff  func(n int) time.Duration
	log      *slog.Logger
	insert   func(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	stopping atomic.Bool

	mu   sync.Mutex
	owed map[int64]owed // by job
}

// owed is a job that must be tried again, as River has yet to store.
type owed struct {
	runID string
	since time.Time
}

func newWorker(c Config) *worker {
	return &worker{work: c.Work, park: c.Park, backoff: c.Backoff, log: c.Logger, owed: map[int64]owed{}}
}

func (w *worker) stop() { w.stopping.Store(true) }

func (w *worker) enqueue(ctx context.Context, runID string, fence int64, priority int) error {
	if _, err := w.insert(ctx, args{RunID: runID, Fence: fence}, &river.InsertOpts{Priority: priority}); err != nil {
		return fmt.Errorf("enqueue a slice of run %s: %w", runID, err)
	}
	return nil
}

// Work does one attempt of a slice.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	err := w.try(ctx, job)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.owed, job.ID)
	if cancelled := (*rivertype.JobCancelError)(nil); err != nil && !errors.As(err, &cancelled) {
		w.owed[job.ID] = owed{job.Args.RunID, time.Now()}
	}
	return err
}

// lost returns the runs of the jobs in running, which River holds for being
// worked, that have been owed for some time.
func (w *worker) lost(running []int64) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var runs []string
	for id, o := range w.owed {
		switch {
		case time.Since(o.since) < storeLimit:
		case slices.Contains(running, id):
			runs = append(runs, o.runID)
		default:
			delete(w.owed, id)
		}
	}
	return runs
}

func (w *worker) try(ctx context.Context, job *river.Job[args]) error {
	s, reported := sliceOf(job)
	if job.Attempt > MaxAttempts {
		// Only a slice that took its process down with it gets here.
		return w.parked(ctx, s, reported, fmt.Errorf("the slice was lost %d times with the process that worked it", job.Attempt-1))
	}
	var took atomic.Int64
	next, err := w.attempt(context.WithValue(ctx, fenceKey{}, &took), s)
	if fence := took.Load(); fence != 0 {
		reported.Fence, s.Fence = fence, fence
	}
	reported.Unsure = err != nil || next.snooze
	// What follows must be stored even if the slice's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	switch {
	case err != nil && w.stopping.Load():
		return w.again(ctx, reported, job.Attempt-1, 0)
	case err != nil && job.Attempt >= MaxAttempts:
		return w.parked(ctx, s, reported, err)
	case err != nil:
		reported.Attempt = job.Attempt
		return errors.Join(err, river.RecordOutput(ctx, reported))
	case next.snooze:
		return w.again(ctx, reported, job.Attempt-1, next.after)
	case next.fence != 0:
		if err := w.enqueue(ctx, s.RunID, next.fence, laterSlice); err != nil {
			// The work is done all the same: this slice goes on as the next.
			w.log.Warn("queue the next slice", "run", s.RunID, "error", err)
			reported.Fence = next.fence
			return w.again(ctx, reported, job.Attempt-1, time.Second)
		}
	}
	return nil
}

// again gives the job back without counting the attempt.
func (w *worker) again(ctx context.Context, r report, attempts int, after time.Duration) error {
	r.Attempt = attempts
	if err := river.RecordOutput(ctx, r); err != nil {
		return err
	}
	return river.JobSnooze(max(after, 0))
}

// parkAgain is when a slice is tried once more that could not be parked.
const parkAgain = 5 * time.Second

// parked gives a slice up. When that cannot be stored, it is tried once more.
func (w *worker) parked(ctx context.Context, s Slice, r report, cause error) error {
	if err := w.park(ctx, s, cause); err != nil {
		w.log.Error("park a slice", "run", s.RunID, "cause", cause, "error", err)
		return w.again(ctx, r, s.Attempt-1, parkAgain)
	}
	return river.JobCancel(cause)
}

// attempt calls Work and turns a panic into an error.
func (w *worker) attempt(ctx context.Context, s Slice) (next Next, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a slice of run %s: %v\n%s", s.RunID, v, debug.Stack())
		}
	}()
	return w.work(ctx, s)
}

// NextRetry says when a failed attempt is followed by the next.
func (w *worker) NextRetry(job *river.Job[args]) time.Time {
	return time.Now().Add(max(w.backoff(job.Attempt), time.Millisecond))
}

// sliceOf returns the slice a job stands for and what the last attempt that
// reported back left.
func sliceOf(job *river.Job[args]) (Slice, report) {
	var r report
	if out := job.Output(); out != nil {
		if err := json.Unmarshal(out, &r); err != nil {
			r = report{} // not ours: as if nothing had been left
		}
	}
	s := Slice{RunID: job.Args.RunID, Fence: job.Args.Fence, Attempt: job.Attempt, Unsure: job.Attempt-1 > r.Attempt || r.Unsure}
	if r.Fence > s.Fence {
		s.Fence = r.Fence
	}
	return s, r
}
