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
	// turnEvery is how often it is looked whose turn it is while suspects wait.
	turnEvery = 2 * time.Second
)

// A run under which the process has ended more than maxLost times in a row,
// before anything was stored, is suspected to be the reason. It does not fail
// yet: whoever kills a server, or another run, may be the reason as well. It
// rests before it is tried again, longer each time, and one suspect is tried at
// a time, so that other runs go on, and one that is not to blame gets through.
// After half an hour and maxSuspected more times it is to blame.
const (
	maxLost      = 5
	maxSuspected = 5
	firstRest    = time.Minute
	longestRest  = 15 * time.Minute
)

// restOf returns how long after it was last taken a run is tried again.
func restOf(lost int64) time.Duration {
	if lost <= maxLost {
		return 0
	}
	return min(firstRest<<min(lost-maxLost-1, 10), longestRest)
}

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
	pause := turnEvery
	for {
		gone := false
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		case <-died:
			gone = true
			s.cfg.Logger.Warn("a node is gone; its runs are taken up", "silent", silence)
		}
		suspects, err := s.runner.recover(ctx, s.queue, gone)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("look for runs without a task", "error", err)
		}
		pause = sweepEvery
		if suspects > 0 {
			pause = turnEvery
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
// have held such a task. It returns how many suspects wait for their turn.
func (r *runner) recover(ctx context.Context, q *queue.Queue, died bool) (waiting int, err error) {
	lost, err := q.Lost(ctx)
	if err != nil {
		return 0, err
	}
	runs, err := r.store.UnfinishedRuns(ctx)
	if err != nil {
		return 0, err
	}
	var suspects []store.UnfinishedRun
	tried := false // a suspect is at work
	for _, run := range runs {
		waits := run.Node == ""
		if !waits && run.Alive && !slices.Contains(lost, run.ID) {
			tried = tried || run.Lost > maxLost
			continue
		}
		if died || !waits {
			// Whatever task there is of the old fence finds nothing to do.
			switch run.Fence, err = r.takeOver(ctx, run); {
			case err != nil:
				return 0, err
			case run.Fence == 0:
				continue
			}
		}
		if run.Lost > maxLost && !run.Cancelling {
			suspects = append(suspects, run)
			continue
		}
		if err := q.Enqueue(ctx, queue.Slice{RunID: run.ID, Fence: run.Fence}); err != nil {
			return 0, err
		}
	}
	if tried || len(suspects) == 0 {
		return len(suspects), nil
	}
	next := slices.MinFunc(suspects, func(a, b store.UnfinishedRun) int { return due(a).Compare(due(b)) })
	if due(next).After(r.store.Now()) {
		return len(suspects), nil
	}
	return len(suspects), q.Enqueue(ctx, queue.Slice{RunID: next.ID, Fence: next.Fence})
}

// due returns when a run may be tried again.
func due(run store.UnfinishedRun) time.Time { return run.SavedAt.Add(restOf(run.Lost)) }

// takeOver returns the fence with which a run goes on, 0 when it does not.
func (r *runner) takeOver(ctx context.Context, run store.UnfinishedRun) (fence int64, err error) {
	fence, err = r.store.TakeOver(ctx, run.ID, run.Fence)
	switch {
	case crosswalk.ErrorCode(err) == crosswalk.CodeConflict, crosswalk.ErrorCode(err) == crosswalk.CodeNotFound:
		return 0, nil // somebody else was faster
	case err != nil || run.Node == "":
		return fence, err
	case run.Lost <= maxLost:
		r.log.Info("run taken up again", "run", run.ID)
		return fence, nil
	case run.Lost <= maxLost+maxSuspected:
		return fence, r.postpone(ctx, run, fence)
	}
	r.log.Error("run given up: whoever worked on it ended again and again before anything was stored", "run", run.ID, "times", run.Lost)
	return 0, r.store.FinishRun(ctx, run.ID, fence, crosswalk.RunFailed,
		english.Sprintf("The process that worked on the run ended %d times in a row before it had stored anything.", run.Lost),
		"Look into the log of the servers for why they ended. Other jobs go on; when the reason is gone, run this one again.")
}

// postpone tells of a suspect that it rests.
func (r *runner) postpone(ctx context.Context, suspect store.UnfinishedRun, fence int64) error {
	run, err := r.store.FindRun(ctx, suspect.ID)
	if err != nil {
		return ignoreMissing(err)
	}
	until := due(suspect)
	r.log.Error("run postponed: whoever worked on it ended again and again before anything was stored", "run", run.Number, "job", run.JobName, "times", suspect.Lost, "until", until)
	message := english.Sprintf("The process that worked on the run has ended %d times in a row before it had stored anything. The run is tried again after %s.",
		suspect.Lost, until.UTC().Format("2006-01-02 15:04 UTC"))
	err = r.store.InsertEvent(ctx, crosswalk.Event{Actor: "Crosswalk", Action: "run.postponed", Subject: run.JobName, Detail: message, RunID: run.ID, Run: run.Number})
	if err != nil {
		return err
	}
	return r.store.SetRunTrouble(ctx, run.ID, fence, message,
		"Other runs go on. Look into the log of the servers for why they ended. If it is because of this run, cancel it and correct its job.")
}
