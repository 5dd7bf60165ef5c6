package api

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
)

// RunInput says what a run is to read.
type RunInput struct {
	Scope crosswalk.Scope `json:"scope,omitempty" doc:"Which records to read; absent means what the job's load mode says"`
}

func (a *api) runJob(ctx context.Context, in *struct {
	IDInput
	Body *Form[RunInput]
},
) (*body[crosswalk.Run], error) {
	job, err := a.Store.FindJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	conn, err := a.Store.FindConnection(ctx, job.ConnectionID)
	if err != nil {
		return nil, err
	}
	if err := connector.Ready(conn); err != nil {
		return nil, err
	}
	var scope crosswalk.Scope
	if in.Body != nil {
		scope = in.Body.Value.Scope
	}
	err = within("scope", a.checkScope(ctx, job, scope))
	if in.Body != nil {
		err = in.Body.refusalOf(a, "The run cannot be started like that.", err)
	}
	if err != nil {
		return nil, err
	}
	run, err := a.Store.EnqueueRun(ctx, job, scope, callerOf(ctx).user.Name)
	if err != nil {
		return nil, err
	}
	// When this fails the run stays queued, and the next look for runs
	// without a task finds it.
	if err := a.Enqueue(ctx, run.ID, 0); err != nil {
		a.Logger.ErrorContext(ctx, "queue run", "run", run.Number, "error", err)
	}
	return &body[crosswalk.Run]{run}, nil
}

// checkScope returns what keeps a job from running over a scope.
func (a *api) checkScope(ctx context.Context, job crosswalk.Job, scope crosswalk.Scope) error {
	if err := scope.Check(nil); err != nil {
		return err
	}
	switch scope.Kind {
	case crosswalk.ScopeRange:
		entity, err := a.Connector.Entity(ctx, job.ConnectionID, job.Entity)
		if err != nil {
			return err
		}
		return scope.Check(entity)
	case crosswalk.ScopeRejects:
		run, err := a.Store.FindRun(ctx, scope.RunID)
		switch {
		case err != nil:
			return err
		case run.JobID != job.ID:
			return crosswalk.Errorf(crosswalk.CodeInvalid, "Run %d is one of %s, not of %s.", run.Number, run.JobName, job.Name).
				WithHint("Name a run of %s, or run the other job.", job.Name)
		case !run.Status.Ended():
			return crosswalk.Errorf(crosswalk.CodeConflict, "Run %d has not ended yet.", run.Number).WithHint("Wait until it has.")
		case run.Counts.Rejected == 0:
			return crosswalk.Errorf(crosswalk.CodeInvalid, "Run %d has rejected nothing.", run.Number).
				WithHint("There is nothing to retry. To read what has changed since, run the job.")
		}
	}
	return nil
}
