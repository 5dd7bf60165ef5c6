package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/queue"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// runner works on runs, a slice at a time: it takes the run, puts source,
// plan and target together, lets the pipeline work for the budget, and ends
// the run when nothing is left to do.
type runner struct {
	db        *database.DB
	store     *store.Store
	connector *connector.Connector
	log       *slog.Logger
	budget    time.Duration // of one slice
	pageSize  int           // 0 means the server's own
	parallel  int           // more records than these are read in several streams
	settler   *settler
	// trackAgain is how long a job finds changes by their time until it is
	// tried again to have them tracked.
	trackAgain time.Duration

	room  room
	mu    sync.Mutex
	again map[string]int // by run: how often it began again
}

// maxAgain is how often a run begins again because the link that it stored is
// no longer taken.
const maxAgain = 3

// beginAgain reports whether a run may begin again.
func (r *runner) beginAgain(runID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again[runID]++
	return r.again[runID] <= maxAgain
}

// errStopped ends a slice because the run was cancelled.
var errStopped = errors.New("cancelled")

// longPause is how long an environment may ask to wait before the slice gives
// its worker back. It is well below the queue's limit for a slice.
const longPause = 15 * time.Second

// pausedError ends a slice because the environment asked to wait for long. It
// has waited for some time already.
type pausedError struct{ waited, left, asked time.Duration }

func (e *pausedError) Error() string {
	return "the environment asked to wait " + e.words()
}

// words says for how long.
func (e *pausedError) words() string { return crosswalk.DurationWords(max(e.asked, e.left)) }

// hint says what comes of it: a client waits for as long as it was asked to,
// but for no longer than limits of the environment last.
func (e *pausedError) hint() string {
	if e.asked > e.left+time.Minute {
		return fmt.Sprintf("The run goes on by itself: Crosswalk asks again in %s.", crosswalk.DurationWords(e.left))
	}
	return "The run goes on by itself."
}

// work is the queue's worker. It returns an error only for what trying again
// can mend.
func (r *runner) work(ctx context.Context, s queue.Slice) (queue.Next, error) {
	defer r.room.enter()()
	fence := s.Fence
	if s.Unsure {
		// If the attempt before had taken the run, its fence is ours to
		// replace.
		current, err := r.store.Fence(ctx, s.RunID)
		if err != nil {
			return queue.Done, ignoreMissing(err)
		}
		if current == fence+1 {
			fence = current
			queue.Took(ctx, fence)
		}
	}
	take, cancel := context.WithTimeout(ctx, takeLimit)
	task, err := r.store.TakeRun(take, s.RunID, fence)
	cancel()
	switch crosswalk.ErrorCode(err) {
	case "":
	case crosswalk.CodeConflict, crosswalk.CodeNotFound:
		return queue.Done, nil // somebody else has it, or it is over
	case crosswalk.CodeUnavailable:
		return queue.Snooze(time.Second), nil // waits for the job's other run
	default:
		return queue.Done, err
	}
	queue.Took(ctx, task.Fence)
	if task.Run.Cancelling {
		return queue.Done, r.end(ctx, task, crosswalk.RunCancelled, "Cancelled.", "", r.log)
	}
	log := r.log.With("run", task.Run.Number, "job", task.Run.JobName, "connection", task.Run.ConnectionName)
	done, err := r.slice(ctx, task, log)
	if err == nil && done {
		err = r.finish(ctx, task, log)
	}
	var loading *table.LoadError
	if errors.As(err, &loading) {
		err = r.waitForLoad(ctx, task, loading.Load, log)
	}
	var held *heldError
	if errors.As(err, &held) {
		log.Warn("the run is held", "message", held.message)
		return queue.Done, r.store.HoldRun(ctx, task.Run.ID, task.Fence, held.message, held.hint)
	}
	var paused *pausedError
	if errors.As(err, &paused) {
		log.Info("waiting for the environment", "wait", paused.left)
		r.pause(ctx, task, log, paused)
		return queue.Snooze(paused.left), nil
	}
	if trouble := r.trouble(ctx, err); trouble != nil {
		log.Warn("slice failed", "attempt", s.Attempt, "error", trouble)
		message, hint := connector.Words(trouble)
		r.setTrouble(ctx, task, log, message, hint)
		return queue.Done, trouble
	}
	switch {
	case err == nil && !done:
		return queue.Continue(task.Fence), nil
	case err == nil:
		return queue.Done, nil
	case errors.Is(err, errStopped):
		return queue.Done, r.end(ctx, task, crosswalk.RunCancelled, "Cancelled.", "", log)
	case ctx.Err() != nil:
		return queue.Done, err // the server stops; the run goes on at its next start
	default:
		message, hint := problemWords(err)
		return queue.Done, r.end(ctx, task, crosswalk.RunFailed, message, hint, log)
	}
}

// setTrouble notes on the run what keeps it from going on, unless that is what
// holds the database.
func (r *runner) setTrouble(ctx context.Context, task crosswalk.Task, log *slog.Logger, message, hint string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteLimit)
	defer cancel()
	err := r.store.SetRunTrouble(ctx, task.Run.ID, task.Fence, message, hint)
	if err != nil && !errors.Is(err, database.ErrHeld) {
		log.Error("note why the run does not go on", "error", err)
	}
}

// pause notes on the run that it waits for its environment.
func (r *runner) pause(ctx context.Context, task crosswalk.Task, log *slog.Logger, p *pausedError) {
	message := fmt.Sprintf("Dynamics asked to wait %s.", p.words())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteLimit)
	defer cancel()
	err := r.store.PauseRun(ctx, task.Run.ID, task.Fence, p.waited, p.left, message, p.hint())
	if err != nil {
		log.Error("note that the run waits", "error", err)
	}
}

// trouble returns what an error means when trying again can mend it, nil when
// it cannot or when there is none.
func (r *runner) trouble(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, errStopped):
		return nil
	case outwaited(ctx, err):
		return database.Outage(err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The environment did not answer in time.").
			WithHint("Crosswalk tries again by itself.").WithCause(err)
	case ctx.Err() != nil:
		return nil
	}
	if outage := database.Outage(err); outage != nil {
		return outage
	}
	switch crosswalk.ErrorCode(err) {
	case crosswalk.CodeUnavailable, crosswalk.CodeInternal:
		return err
	}
	return nil
}

// park ends a run whose slice failed at every attempt, unless somebody else
// has the run by now: the slice may be one that was lost with its process. An
// error is one of the database.
func (r *runner) park(ctx context.Context, s queue.Slice, cause error) error {
	fence, err := r.store.Fence(ctx, s.RunID)
	if err == nil && (fence == s.Fence || fence == s.Fence+1) { // the last attempt may have taken it without knowing
		message, hint := problemWords(cause)
		err = r.store.FinishRun(ctx, s.RunID, fence, crosswalk.RunFailed, message, hint)
	}
	if code := crosswalk.ErrorCode(err); code == crosswalk.CodeNotFound || code == crosswalk.CodeConflict {
		return nil
	}
	return err
}

// problemWords is connector.Words with the problems of the fields.
func problemWords(err error) (message, hint string) {
	message, hint = connector.Words(err)
	var e *crosswalk.Error
	if errors.As(err, &e) {
		for _, f := range e.Fields {
			message += " " + f.Message
		}
	}
	return message, hint
}

func ignoreMissing(err error) error {
	if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
		return nil
	}
	return err
}

// slice works on a run until its budget is spent or the last page is stored.
func (r *runner) slice(ctx context.Context, task crosswalk.Task, log *slog.Logger) (done bool, err error) {
	if task.Checkpoint.Done {
		return r.after(ctx, task, log)
	}
	conn, err := r.store.FindConnection(ctx, task.Run.ConnectionID)
	if err != nil {
		return false, err
	}
	client, err := r.connector.Client(ctx, conn.ID)
	if err != nil {
		return false, err
	}
	ctx, stop := r.watch(dataverse.WithCaller(ctx, task.Job.ID), task, client)
	defer stop()
	defer func() {
		if cause := context.Cause(ctx); err != nil && cause != nil && !outwaited(ctx, err) {
			done, err = false, cause
		}
	}()
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return false, err
	}
	if err := connector.Pinned(conn, who.OrganizationID); err != nil {
		return false, err
	}
	first := task.Checkpoint.Page == 0
	if first {
		task.Checkpoint.User = who.UserID
	}
	if first && incremental(&task) {
		task.Checkpoint.Days, err = client.TrackingDays(ctx, who.OrganizationID)
		if err != nil {
			log.Info("it is not known for how long changes are remembered", "error", err)
		}
	}
	entity, err := r.entity(ctx, conn.ID, task.Job.Entity, first)
	if err != nil {
		return false, err
	}
	var found findings
	for {
		from := task.Checkpoint
		done, err = r.pages(ctx, client, &task, entity, found, log)
		if from.Page > 0 && task.Checkpoint == from && dataverse.LinkEnded(err) && r.beginAgain(task.Run.ID) {
			log.Warn("the run begins again: its link to the next page is no longer taken", "page", from.Page, "error", err)
			task.Checkpoint.Link = ""
			continue
		}
		var unfit *extract.OneStreamError
		if errors.As(err, &unfit) {
			if err = r.leaveRanges(ctx, &task, unfit, log); err != nil {
				break
			}
			found.oneStream = unfit.Why
			continue
		}
		var gone *extract.GoneError
		if !errors.As(err, &gone) {
			break
		}
		if slices.ContainsFunc(gone.Columns, func(m string) bool { return slices.Contains(found.lost, m) }) {
			err = crosswalk.Errorf(crosswalk.CodeInvalid, "Could not read %s: %v.", entity.DisplayName, gone).
				WithHint("Refresh the connection's metadata and correct the job's mapping.")
			break
		}
		found.lost = append(found.lost, gone.Columns...)
	}
	if err == nil {
		err = r.connector.Watch(ctx, conn.ID, client.MetadataVersion())
	}
	if err == nil && done {
		return r.after(ctx, task, log)
	}
	return done, err
}

// entity returns the metadata that the plan is made from: read anew when the
// run begins, from the cache in its later slices.
func (r *runner) entity(ctx context.Context, connectionID, name string, fresh bool) (*crosswalk.Entity, error) {
	if fresh {
		return r.connector.FreshEntity(ctx, connectionID, name)
	}
	return r.connector.Entity(ctx, connectionID, name)
}

// watch returns a context that ends with errStopped when the run is
// cancelled, before another request is sent; with the reason when its
// connection no longer is authorized; and with a pausedError when the
// environment asked to wait for long.
func (r *runner) watch(parent context.Context, task crosswalk.Task, client *dataverse.Client) (context.Context, func()) {
	ctx, leave := r.room.take(parent, task.Run.ConnectionID)
	ctx, cancel := context.WithCancelCause(ctx)
	// A page can come and go many times between two ticks.
	reading := dataverse.WithCheck(ctx, func() {
		if asked, err := r.store.CancelRequested(ctx, task.Run.ID); err == nil && asked {
			cancel(errStopped)
		}
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		var since time.Time // when requests began to wait, of which no page has told
		var pages int64
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := r.mayGoOn(ctx, task); err != nil {
				cancel(err)
				return
			}
			left, asked := client.Paused()
			switch n := seatOf(ctx).pages.Load(); {
			case left == 0:
				since = time.Time{}
			case since.IsZero() || n != pages: // what was read is stored by the next time
				since, pages = time.Now(), n
			case left > r.room.patience(ctx):
				cancel(&pausedError{time.Since(since), left, asked})
				return
			}
		}
	}()
	return reading, func() {
		cancel(nil)
		<-ended
		leave()
	}
}

func (r *runner) mayGoOn(ctx context.Context, task crosswalk.Task) error {
	asked, err := r.store.CancelRequested(ctx, task.Run.ID)
	if err != nil {
		return nil // a passing fault of the database must not end the run
	}
	if asked {
		return errStopped
	}
	conn, err := r.store.FindConnection(ctx, task.Run.ConnectionID)
	if err != nil {
		return nil
	}
	return connector.Ready(conn)
}

// finish ends a run all of whose pages are stored.
func (r *runner) finish(ctx context.Context, task crosswalk.Task, log *slog.Logger) error {
	run, err := r.store.FindRun(ctx, task.Run.ID)
	if err != nil {
		return err
	}
	status := crosswalk.RunSuccess
	var messages, hints []string
	if run.Counts.Rejected > 0 {
		status = crosswalk.RunPartialSuccess
		messages = append(messages, english.Sprintf("%d of %d records were rejected.", run.Counts.Rejected, run.Counts.Read))
		hints = append(hints, "Look at the rejects, correct the mapping or the records, and retry the rejects.")
	}
	if len(run.Warnings) > 0 {
		messages = append(messages, run.Warnings...)
		hints = append(hints, "Take the attributes that are gone out of the job's mapping, or bring them back in Dynamics.")
	}
	return r.end(ctx, task, status, strings.Join(messages, " "), strings.Join(hints, " "), log)
}

func (r *runner) end(ctx context.Context, task crosswalk.Task, status crosswalk.RunStatus, message, hint string, log *slog.Logger) error {
	err := r.store.FinishRun(ctx, task.Run.ID, task.Fence, status, message, hint)
	if crosswalk.ErrorCode(err) == crosswalk.CodeConflict {
		log.Warn("the run was taken over by another worker; nothing more is written here", "fence", task.Fence)
		return nil
	}
	if err == nil {
		log.Info("run ended", "status", status, "message", message)
		err = r.settler.ended(ctx, task.Run.Number)
	}
	return err
}
