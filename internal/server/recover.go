package server

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/queue"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

const (
	beatEvery = 5 * time.Second
	// silence is how long a node may say nothing before it is thought dead or
	// cut off. It is longer than any pause that a busy machine makes.
	silence    = 30 * time.Second
	sweepEvery = 20 * time.Second
)

// maxLost is how often in a row a run may take the process down with it, or be
// cut off, before it has stored anything.
const maxLost = 5

// node returns who this process is. With a data directory comes the right to
// speak for whoever had it before: the lock on it is this process's now.
func (s *Server) node() store.Node {
	return store.Node{ID: crosswalk.NewID(), Home: home(s.cfg.DataDir)}
}

// home names a data directory among those of all machines.
func home(dir string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return host + ", " + dir
}

// alone reports whether there can be no other node.
func (s *Server) alone() bool { return s.cfg.Database == "" }

// beat says from time to time that this node is alive, and on died that
// another no longer is.
func (s *Server) beat(ctx context.Context, died chan<- struct{}) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for !s.alone() {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		limited, cancel := context.WithTimeout(ctx, silence/2)
		gone, err := s.store.Beat(limited, silence)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil:
			s.cfg.Logger.Error("say that this node is alive", "error", err)
		case gone:
			select {
			case died <- struct{}{}:
			default: // another one has been told of, and not yet seen to
			}
		}
	}
	return nil
}

// sweep looks from time to time for runs that nobody works on.
func (s *Server) sweep(ctx context.Context, died <-chan struct{}) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		gone := false
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-died:
			gone = true
			s.cfg.Logger.Warn("a node is gone; its runs are taken up", "silent", silence)
		}
		if err := s.runner.recover(ctx, s.queue, gone); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("look for runs without a task", "error", err)
		}
		if err := s.runner.settler.left(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("complete the first loads of runs that have ended", "error", err)
		}
	}
}

// ageEvery is how often positions are looked at that expire after some days.
const ageEvery = 10 * time.Minute

// watchAge tells from time to time of jobs whose position expires soon.
func (s *Server) watchAge(ctx context.Context) error {
	tick := time.NewTicker(ageEvery)
	defer tick.Stop()
	for {
		if err := s.store.TellExpiring(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("look for positions that expire", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// recover queues runs that nobody works on: those whose node is gone, those
// whose slice the queue has lost, and those that wait for a worker and whose
// task may never have been written. died says that a node is gone, which may
// have held such a task.
func (r *runner) recover(ctx context.Context, q *queue.Queue, died bool) error {
	lost, err := q.Lost(ctx)
	if err != nil {
		return err
	}
	runs, err := r.store.UnfinishedRuns(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		fence, waits := run.Fence, run.Node == ""
		if !waits && run.Alive && !slices.Contains(lost, run.ID) {
			continue
		}
		if died || !waits {
			// Whatever task there is of the old fence finds nothing to do.
			switch fence, err = r.takeOver(ctx, run); {
			case err != nil:
				return err
			case fence == 0:
				continue
			}
		}
		if err := q.Enqueue(ctx, queue.Slice{RunID: run.ID, Fence: fence}); err != nil {
			return err
		}
	}
	return nil
}

// takeOver returns the fence with which a run goes on, 0 when it does not.
func (r *runner) takeOver(ctx context.Context, run store.UnfinishedRun) (fence int64, err error) {
	fence, lost, err := r.store.TakeOver(ctx, run.ID, run.Fence)
	switch {
	case crosswalk.ErrorCode(err) == crosswalk.CodeConflict, crosswalk.ErrorCode(err) == crosswalk.CodeNotFound:
		return 0, nil // somebody else was faster
	case err != nil:
		return 0, err
	case lost > maxLost:
		r.log.Error("run given up: whoever worked on it ended before anything was stored", "run", run.ID, "times", lost)
		return 0, r.store.FinishRun(ctx, run.ID, fence, crosswalk.RunFailed,
			"The process that worked on the run ended again and again before it had stored anything.",
			"Look into the log of the servers for why they ended. Other jobs go on; this one can be run again.")
	}
	if run.Node != "" {
		r.log.Info("run taken up again", "run", run.ID)
	}
	return fence, nil
}
