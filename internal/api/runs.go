package api

import (
	"context"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

func (a *api) runRoutes() {
	const tag = "Runs"
	register(a, operation{
		method: http.MethodGet, path: "/api/runs", id: "list-runs", tag: tag, role: crosswalk.RoleViewer,
		summary: "List runs", detail: "The newest first.",
	}, func(ctx context.Context, in *struct {
		ListInput
		JobID        string                `query:"job_id" doc:"Only runs of this job"`
		ConnectionID string                `query:"connection_id" doc:"Only runs of this connection"`
		Object       string                `query:"object" doc:"Only runs into this object"`
		Status       []crosswalk.RunStatus `query:"status" enum:"queued,running,held,success,partial_success,failed,cancelled,skipped" doc:"Only runs in one of these states, separated by commas"`
	},
	) (*body[List[crosswalk.Run]], error) {
		return list(a.Store.ListRuns(ctx, store.RunFilter{
			JobID: in.JobID, ConnectionID: in.ConnectionID, Object: in.Object, Search: in.Q, Statuses: in.Status,
		}, in.page()))
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/runs/{id}", id: "get-run", tag: tag, role: crosswalk.RoleViewer,
		summary: "Get a run", detail: "Its counts are those of the last stored batch.",
	}, func(ctx context.Context, in *IDInput) (*body[crosswalk.Run], error) {
		return one(a.Store.FindRun(ctx, in.ID))
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/runs/{id}/cancel", id: "cancel-run", tag: tag, role: crosswalk.RoleOperator,
		summary: "Cancel a run", detail: "A queued run ends at once, a running one within a page. What is stored stays.",
	}, func(ctx context.Context, in *IDInput) (*body[crosswalk.Run], error) {
		run, err := a.Store.RequestCancel(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		a.noteRun(ctx, "run.cancelled", run, "")
		if !run.Status.Ended() {
			a.wake(ctx, run)
		}
		return one(run, nil)
	})
	for _, d := range []struct {
		decision               crosswalk.Decision
		event, summary, detail string
	}{
		{crosswalk.Release, "run.released", "Release a held run", "Its rows whose records are gone are treated as the job says."},
		{crosswalk.Discard, "run.deletions_discarded", "Discard the deletions of a held run", "The rows stay as they are, and the run ends."},
	} {
		register(a, operation{
			method: http.MethodPost, path: "/api/runs/{id}/" + string(d.decision), id: string(d.decision) + "-run", tag: tag, role: crosswalk.RoleOperator,
			summary: d.summary, detail: d.detail,
		}, func(ctx context.Context, in *IDInput) (*body[crosswalk.Run], error) {
			run, fence, err := a.Store.Decide(ctx, in.ID, d.decision, callerOf(ctx).user.Name)
			if err != nil {
				return nil, err
			}
			a.noteRun(ctx, d.event, run, run.Decision.HeldFor)
			// When this fails, the next look for runs without a task finds it.
			if err := a.Enqueue(ctx, run.ID, fence); err != nil {
				a.Logger.ErrorContext(ctx, "queue run", "run", run.Number, "error", err)
			}
			return one(run, nil)
		})
	}
}

// wake has a run looked at now: it may be waiting for its next attempt. Whoever
// works on it finds its fence raised and stops before it writes again. When
// this fails, the next attempt sees that the run is to be cancelled.
func (a *api) wake(ctx context.Context, run crosswalk.Run) {
	fence, err := a.Store.BumpFence(ctx, run.ID)
	if err == nil {
		err = a.Enqueue(ctx, run.ID, fence)
	}
	if code := crosswalk.ErrorCode(err); err != nil && code != crosswalk.CodeConflict {
		a.Logger.ErrorContext(ctx, "wake run", "run", run.Number, "error", err)
	}
}
