package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

const (
	goneAtOnce     = 1000 // rows treated in one transaction
	comparedAtOnce = 5000 // rows compared in one transaction
)

// heldError ends a slice because somebody has to decide.
type heldError struct{ message, hint string }

func (e *heldError) Error() string { return e.message }

// errMore ends a slice whose budget is spent in the middle of a step.
var errMore = errors.New("the step goes on in another slice")

// finisher works on what follows the last page of a run: rows whose records
// are gone, then lookups that wait for a row. Each step goes on from the
// task's checkpoint, which it moves in the transaction of what it did.
type finisher struct {
	*runner
	task   *crosswalk.Task
	gone   table.Gone
	log    *slog.Logger
	until  time.Time
	worked bool // something was stored, so that the next slice begins further on
}

// after does what is left of a run when its last page is stored, and reports
// whether that was all.
func (r *runner) after(ctx context.Context, task crosswalk.Task, log *slog.Logger) (done bool, err error) {
	// The slice that stored the last page may have been cut off before it could
	// look, or end the run.
	if err := r.rejectedTooMany(ctx, task, crosswalk.Counts{}, true); err != nil {
		return false, err
	}
	object, err := r.store.FindObject(ctx, task.Job.Object)
	if err != nil {
		return false, err
	}
	f := finisher{runner: r, task: &task, log: log, until: r.until(), gone: goneOf(&task, &object)}
	for err == nil && task.Checkpoint.Step != crosswalk.StepEnd {
		err = f.step(ctx)
	}
	if errors.Is(err, errMore) {
		return false, nil
	}
	return err == nil, err
}

// until returns when a slice that begins now should end.
func (r *runner) until() time.Time {
	if r.budget == 0 {
		return time.Now().Add(pipeline.DefaultBudget)
	}
	return time.Now().Add(r.budget)
}

// step works on one step to its end.
func (f *finisher) step(ctx context.Context) error {
	at := f.task.Checkpoint
	switch at.Step {
	case crosswalk.StepRead, crosswalk.StepIndex:
		loading, err := f.loading(ctx)
		switch {
		case err != nil:
			return err
		case loading && at.Step == crosswalk.StepRead:
			return f.next(ctx, crosswalk.StepIndex)
		case loading:
			return f.index(ctx)
		case !wantsGone(f.task):
			return f.next(ctx, crosswalk.StepLookups)
		case at.Complete && at.Counting:
			return f.next(ctx, crosswalk.StepCompare)
		}
		return f.next(ctx, crosswalk.StepDelete)
	case crosswalk.StepCompare:
		return f.compare(ctx)
	case crosswalk.StepDelete:
		return f.remove(ctx)
	case crosswalk.StepLookups:
		next := crosswalk.StepEnd
		if f.task.Job.Mapping.Person != nil {
			next = crosswalk.StepPersons
		}
		if err := f.lookups(ctx, f.gone.Object); err != nil {
			return err
		}
		return f.next(ctx, next)
	case crosswalk.StepPersons:
		person, err := f.store.FindObject(ctx, "Person")
		if err == nil {
			err = f.lookups(ctx, person)
		}
		if err != nil {
			return err
		}
		return f.next(ctx, crosswalk.StepEnd)
	default:
		return fmt.Errorf("there is no step %q", at.Step)
	}
}

// goOn returns why a step cannot go on in this slice.
func (f *finisher) goOn(ctx context.Context) error {
	if f.worked && !time.Now().Before(f.until) {
		return errMore
	}
	return f.mayGoOn(ctx, *f.task)
}

// save stores in tx where the task stands now and what was done since.
func (f *finisher) save(ctx context.Context, tx database.Execer, at crosswalk.Checkpoint, p store.Progress) error {
	p.RunID, p.Fence, p.Checkpoint = f.task.Run.ID, f.task.Fence, at
	if at.Step == crosswalk.StepDelete {
		p.Doing = f.task.Job.Deletes.Policy.Step()
	}
	return f.store.SaveProgress(ctx, tx, p)
}

// move stores where the task stands now and what was done since.
func (f *finisher) move(ctx context.Context, at crosswalk.Checkpoint, p store.Progress) error {
	err := f.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return f.save(ctx, tx, at, p) })
	if err == nil {
		f.task.Checkpoint = at
	}
	return err
}

// next ends a step.
func (f *finisher) next(ctx context.Context, step crosswalk.Step) error {
	at := f.task.Checkpoint
	at.Step, at.After, at.StepDone, at.StepTotal = step, "", 0, 0
	return f.move(ctx, at, store.Progress{})
}

// total tells the run how much there is to do in a step that begins.
func (f *finisher) total(ctx context.Context, count func() (int64, error)) error {
	at := f.task.Checkpoint
	if at.After != "" || at.StepTotal > 0 {
		return nil
	}
	n, err := count()
	if err != nil || n == 0 {
		return err
	}
	at.StepTotal = n
	return f.move(ctx, at, store.Progress{})
}

// compare notes the rows of the job whose records did not come. It goes
// through the rows in the order of their records' keys, with as many of the
// keys that came in memory as fit.
func (f *finisher) compare(ctx context.Context) error {
	var kept *keyRange
	err := f.total(ctx, func() (int64, error) { return table.CountRows(ctx, f.db, f.gone, math.MaxInt64) })
	if err != nil {
		return err
	}
	for {
		if err := f.goOn(ctx); err != nil {
			return err
		}
		at := f.task.Checkpoint
		rows, err := table.GoneKeys(ctx, f.db, f.gone, at.After, comparedAtOnce)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return f.next(ctx, crosswalk.StepDelete)
		}
		var gone []string
		for _, k := range rows {
			if kept == nil || !kept.holds(k) {
				fresh, err := f.keptKeys(ctx, f.task.Run.ID, k)
				if err != nil {
					return err
				}
				kept = &fresh
			}
			if !kept.has(k) {
				gone = append(gone, k)
			}
		}
		at.After, at.StepDone = rows[len(rows)-1], at.StepDone+int64(len(rows))
		if err := f.move(ctx, at, store.Progress{Deleted: gone}); err != nil {
			return err
		}
		f.worked = true
	}
}

// remove treats the rows of records that are gone. When they are many, it
// returns a heldError unless somebody decided.
func (f *finisher) remove(ctx context.Context) error {
	switch at := f.task.Checkpoint; {
	case at.Decided == crosswalk.Discard:
		f.log.Warn("the deletions were discarded")
		return f.next(ctx, crosswalk.StepLookups)
	case at.Decided == "" && at.After == "":
		if err := f.guard(ctx); err != nil {
			return err
		}
	}
	err := f.total(ctx, func() (int64, error) { return f.store.CountNotedDeletes(ctx, f.task.Run.ID) })
	if err != nil {
		return err
	}
	for {
		if err := f.goOn(ctx); err != nil {
			return err
		}
		at := f.task.Checkpoint
		keys, err := f.store.NotedDeletes(ctx, f.task.Run.ID, at.After, goneAtOnce)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return f.next(ctx, crosswalk.StepLookups)
		}
		_, err = table.Remove(ctx, f.db, f.gone, keys, func(ctx context.Context, tx database.Execer, n int64, done bool) error {
			if done {
				at.After, at.StepDone = keys[len(keys)-1], at.StepDone+int64(len(keys))
			} else if err := f.goOn(ctx); err != nil {
				return err
			}
			f.worked = true
			return f.save(ctx, tx, at, store.Progress{Counts: crosswalk.Counts{Deleted: n}})
		})
		if err != nil {
			return err
		}
		f.task.Checkpoint = at
	}
}

// english writes numbers with commas between thousands.
var english = message.NewPrinter(language.English)

// did says in words what a policy does to rows.
var did = map[crosswalk.DeletePolicy]string{
	crosswalk.DeleteFlag: "flagged", crosswalk.DeleteDeactivate: "deactivated", crosswalk.DeleteRow: "deleted",
}

// guard returns a heldError when too many rows would be touched at once.
func (f *finisher) guard(ctx context.Context) error {
	var n int64
	for after := ""; ; {
		if err := f.mayGoOn(ctx, *f.task); err != nil {
			return err
		}
		keys, err := f.store.NotedDeletes(ctx, f.task.Run.ID, after, goneAtOnce)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		found, err := table.CountKeys(ctx, f.db, f.gone, keys)
		if err != nil {
			return err
		}
		n += found
		after = keys[len(keys)-1]
	}
	if n == 0 {
		return nil
	}
	// Of how many rows they would be few enough; whether there are more makes
	// no difference.
	rows, err := table.CountRows(ctx, f.db, f.gone, 100*n+1)
	if err != nil || !f.task.Job.Deletes.Holds(n, rows) {
		return err
	}
	return &heldError{
		message: english.Sprintf("%d of %d rows would be %s: their records are gone in Dynamics, left out by the filter now, or no longer shown to the connection's user.",
			n, rows, did[f.gone.Policy]),
		hint: "Check the rights of the connection's user. Then release the run to go on, or discard its deletions.",
	}
}

// lookups fills the lookups that wait for a row of the object.
func (f *finisher) lookups(ctx context.Context, object crosswalk.Object) error {
	err := f.total(ctx, func() (int64, error) { return table.CountWaiting(ctx, f.db, object) })
	if err != nil {
		return err
	}
	at := f.task.Checkpoint
	h := table.Healing{Object: object, Run: f.task.Run.Number, By: f.task.Run.JobName, At: &at.After}
	_, err = table.Heal(ctx, f.db, h, func(ctx context.Context, tx database.Execer, _ int64) error {
		if err := f.goOn(ctx); err != nil {
			return err
		}
		f.worked = true
		at.StepDone = min(at.StepDone+table.HealBatch, at.StepTotal)
		return f.save(ctx, tx, at, store.Progress{})
	})
	return err
}
