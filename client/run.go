package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// RunFilter chooses runs. The zero value chooses all.
type RunFilter struct {
	Search       string // part of the job's name
	JobID        string
	ConnectionID string
	Object       string                // API name of the target
	Statuses     []crosswalk.RunStatus // runs in any of these states
	Paging
}

// ListRuns returns one page of runs, newest first.
func (c *Client) ListRuns(ctx context.Context, f RunFilter) (Page[crosswalk.Run], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	set(q, "job_id", f.JobID)
	set(q, "connection_id", f.ConnectionID)
	set(q, "object", f.Object)
	var statuses []string
	for _, s := range f.Statuses {
		statuses = append(statuses, string(s))
	}
	set(q, "status", strings.Join(statuses, ","))
	return list[crosswalk.Run](ctx, c, "/api/runs", q)
}

// Runs iterates over all runs, newest first.
func (c *Client) Runs(ctx context.Context, f RunFilter) iter.Seq2[crosswalk.Run, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Run], error) {
		f.Paging = p
		return c.ListRuns(ctx, f)
	})
}

// FindRun returns the run with that id.
func (c *Client) FindRun(ctx context.Context, id string) (crosswalk.Run, error) {
	var out crosswalk.Run
	err := c.do(ctx, http.MethodGet, "/api/runs/"+seg(id), nil, nil, &out)
	return out, err
}

// CancelRun asks a run to end. A running one ends after the batch it is
// writing; Cancelling is set until then.
func (c *Client) CancelRun(ctx context.Context, id string) (crosswalk.Run, error) {
	var out crosswalk.Run
	err := c.do(ctx, http.MethodPost, "/api/runs/"+seg(id)+"/cancel", nil, nil, &out)
	return out, err
}

// DecideRun lets a held run go on with a decision about its deletions.
func (c *Client) DecideRun(ctx context.Context, id string, d crosswalk.Decision) (crosswalk.Run, error) {
	var out crosswalk.Run
	err := c.do(ctx, http.MethodPost, "/api/runs/"+seg(id)+"/"+seg(string(d)), nil, nil, &out)
	return out, err
}

// patience is how long WaitRun goes on while the server does not answer. A
// restart takes seconds, an upgrade with a copy of the data somewhat longer.
const patience = 2 * time.Minute

// WaitRun polls the run and returns it when it has ended, or when it cannot go
// on until somebody has decided about deletions: its own when it is held, or
// those of the run that it waits for. While the server does not answer, as
// during a restart, WaitRun keeps trying; after two minutes without an answer it
// returns that error, of CodeUnavailable. seen, when not nil, is called with
// every answer, the last one included, and, when the server did not answer and
// WaitRun tries again, with the run as last seen and the error. WaitRun returns
// the context's error when ctx ends first; the run goes on.
func (c *Client) WaitRun(ctx context.Context, id string, seen func(crosswalk.Run, error)) (crosswalk.Run, error) {
	wait := 50 * time.Millisecond // short runs end within it
	var run crosswalk.Run
	answered := time.Now()
	for {
		now, err := c.FindRun(ctx, id)
		switch {
		case err == nil:
			run, answered = now, time.Now()
		case ctx.Err() != nil, crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable, time.Since(answered) >= patience:
			return run, err
		}
		if seen != nil {
			seen(run, err)
		}
		if err == nil && (run.Status.Ended() || run.Status == crosswalk.RunHeld || run.WaitsFor != 0) {
			return run, nil
		}
		select {
		case <-ctx.Done():
			return run, context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(wait*2, 250*time.Millisecond)
	}
}

// RejectFilter chooses rejects of a run. The zero value chooses all.
type RejectFilter struct {
	Search string // part of the key, message or value
	Code   crosswalk.RejectCode
	Field  string // API name
	Paging
}

// ListRejects returns one page of a run's rejects.
func (c *Client) ListRejects(ctx context.Context, runID string, f RejectFilter) (Page[crosswalk.Reject], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	set(q, "code", string(f.Code))
	set(q, "field", f.Field)
	return list[crosswalk.Reject](ctx, c, "/api/runs/"+seg(runID)+"/rejects", q)
}

// Rejects iterates over all rejects of a run.
func (c *Client) Rejects(ctx context.Context, runID string, f RejectFilter) iter.Seq2[crosswalk.Reject, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Reject], error) {
		f.Paging = p
		return c.ListRejects(ctx, runID, f)
	})
}

// RejectGroups returns a run's rejects by reason and field, the largest group
// first.
func (c *Client) RejectGroups(ctx context.Context, runID string) ([]crosswalk.RejectGroup, error) {
	var out struct {
		Items []crosswalk.RejectGroup `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/runs/"+seg(runID)+"/rejects/groups", nil, nil, &out)
	return out.Items, err
}

// RejectsCSV writes all rejects of a run to w as comma-separated values with a
// header line (RFC 4180). When it fails, part of them may have been written.
func (c *Client) RejectsCSV(ctx context.Context, runID string, w io.Writer) error {
	body, err := c.open(ctx, http.MethodGet, "/api/runs/"+seg(runID)+"/rejects.csv", nil, nil, "text/csv, application/problem+json")
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}
