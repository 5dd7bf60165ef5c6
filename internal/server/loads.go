package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// settler ends the loads of tables. Over many rows that takes longer than a
// slice may, so it happens beside the slices that wait for it, and goes on when
// the run that wanted it is cancelled.
type settler struct {
	db    *database.DB
	store *store.Store
	log   *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	mu     sync.Mutex
	under  map[string]*settling // by table
}

// settling is a load whose end is under way. err is set when done is closed.
type settling struct {
	done chan struct{}
	err  error
}

func newSettler(db *database.DB, s *store.Store, log *slog.Logger) *settler {
	ctx, cancel := context.WithCancel(context.Background())
	return &settler{db: db, store: s, log: log, ctx: ctx, cancel: cancel, under: map[string]*settling{}}
}

// close ends what is under way; the next process begins it again.
func (s *settler) close() {
	s.cancel()
	s.work.Wait()
}

// settle begins to end the load of a table, unless that is under way. failed,
// which may be nil, is called when what it began fails.
func (s *settler) settle(name string, failed func(error)) *settling {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.under[name]; t != nil {
		return t
	}
	t := &settling{done: make(chan struct{})}
	s.under[name] = t
	s.work.Go(func() {
		begun := time.Now()
		var load, twice int64
		t.err = table.Settle(s.ctx, s.db, name, func(ctx context.Context, tx database.Execer, run int64, differ table.Result) error {
			load, twice = run, -differ.Inserted
			return s.store.CorrectRun(ctx, tx, run, writtenOf(differ).Counts())
		})
		switch {
		case t.err == nil && load > 0:
			s.log.Info("the first load of a table is complete", "table", name, "run", load, "took", time.Since(begun).Round(time.Millisecond), "twice", twice)
		case t.err != nil && failed != nil && s.ctx.Err() == nil:
			failed(t.err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.under, name)
		close(t.done)
	})
	return t
}

// abandoned begins to end the loads that the condition chooses.
func (s *settler) abandoned(ctx context.Context, is func(table.Load) (bool, error)) error {
	loads, err := table.Loads(ctx, s.db)
	if err != nil {
		return err
	}
	for _, l := range loads {
		chosen, err := is(l)
		if err != nil {
			return err
		}
		if chosen {
			s.settle(l.Table, func(err error) { s.log.Error("complete the first load of a table", "table", l.Table, "error", err) })
		}
	}
	return nil
}

// left begins to end the loads of runs that have ended.
func (s *settler) left(ctx context.Context) error {
	return s.abandoned(ctx, func(l table.Load) (bool, error) {
		run, err := s.store.FindRunByNumber(ctx, l.Run)
		if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
			return true, nil
		}
		return run.Status.Ended(), err
	})
}

// ended begins to end the loads of a run that has just ended.
func (s *settler) ended(ctx context.Context, run int64) error {
	return s.abandoned(ctx, func(l table.Load) (bool, error) { return l.Run == run, nil })
}

// settle ends the load of a table and reports whether that is done when the
// time is over.
func (r *runner) settle(ctx context.Context, task *crosswalk.Task, name string, until time.Time) (done bool, err error) {
	t := r.settler.settle(name, nil)
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	for {
		select {
		case <-t.done:
			return t.err == nil, t.err
		case <-end.C:
			return false, nil
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, context.DeadlineExceeded) { // of the slice, which others follow
				cause = nil
			}
			return false, cause
		case <-tick.C:
			if err := r.mayGoOn(ctx, *task); err != nil {
				return false, err
			}
		}
	}
}

// waitForLoad ends the load of a table that a run needs as it usually is,
// unless that takes longer than a slice.
func (r *runner) waitForLoad(ctx context.Context, task crosswalk.Task, l table.Load, log *slog.Logger) error {
	log.Info("the run needs a table that is being filled for the first time", "table", l.Table, "by", l.Run)
	r.setTrouble(ctx, task, log, english.Sprintf("Waits for the index of the table %s, which run %d fills for the first time.", l.Table, l.Run), "The run goes on by itself.")
	_, err := r.settle(ctx, &task, l.Table, r.until())
	return err
}

// index ends the load of the run's own table. It returns errMore when that
// takes longer than the slice.
func (f *finisher) index(ctx context.Context) error {
	done, err := f.settle(ctx, f.task, f.gone.Object.Table(), f.until)
	if err == nil && !done {
		err = errMore
	}
	return err
}

// loading reports whether the run has filled its table without the index.
func (f *finisher) loading(ctx context.Context) (bool, error) {
	loads, err := table.Loads(ctx, f.db)
	return slices.Contains(loads, table.Load{Table: f.gone.Object.Table(), Run: f.task.Run.Number}), err
}
