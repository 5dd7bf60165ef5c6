package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/crosswalk-data/crosswalk"
)

// JobInput is a job as written by its author.
type JobInput struct {
	Name         string                `json:"name"`
	ConnectionID string                `json:"connection_id"`
	Entity       string                `json:"entity"`
	Object       string                `json:"object"`
	Operation    crosswalk.Operation   `json:"operation,omitempty"`
	LoadMode     crosswalk.LoadMode    `json:"load_mode,omitempty"`
	Deletes      crosswalk.Deletes     `json:"deletes,omitzero"`
	RejectLimit  crosswalk.RejectLimit `json:"reject_limit,omitzero"`
	Mapping      crosswalk.Mapping     `json:"mapping"`
	Filter       crosswalk.Filter      `json:"filter"`
}

// InputOf returns the part of j that its author writes, to be changed and sent
// back.
func InputOf(j crosswalk.Job) JobInput {
	return JobInput{
		Name: j.Name, ConnectionID: j.ConnectionID, Entity: j.Entity, Object: j.Object,
		Operation: j.Operation, LoadMode: j.LoadMode, Deletes: j.Deletes, RejectLimit: j.RejectLimit, Mapping: j.Mapping, Filter: j.Filter,
	}
}

// JobFilter chooses jobs. The zero value chooses all.
type JobFilter struct {
	Search       string // part of the name
	ConnectionID string
	Paging
}

// ListJobs returns one page of jobs.
func (c *Client) ListJobs(ctx context.Context, f JobFilter) (Page[crosswalk.Job], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	set(q, "connection_id", f.ConnectionID)
	return list[crosswalk.Job](ctx, c, "/api/jobs", q)
}

// Jobs iterates over all jobs.
func (c *Client) Jobs(ctx context.Context, f JobFilter) iter.Seq2[crosswalk.Job, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Job], error) {
		f.Paging = p
		return c.ListJobs(ctx, f)
	})
}

// InsertJob makes a job. It returns CodeInvalid with every problem of the
// input.
func (c *Client) InsertJob(ctx context.Context, in JobInput) (crosswalk.Job, error) {
	var out crosswalk.Job
	err := c.do(ctx, http.MethodPost, "/api/jobs", nil, in, &out)
	return out, err
}

// CheckJob returns every problem of the input and changes nothing. id is that of
// the job that the input would change, empty for a new one.
func (c *Client) CheckJob(ctx context.Context, id string, in JobInput) ([]crosswalk.FieldError, error) {
	body := struct {
		ID string `json:"id,omitempty"`
		JobInput
	}{id, in}
	var out struct {
		Problems []crosswalk.FieldError `json:"problems"`
	}
	err := c.do(ctx, http.MethodPost, "/api/jobs/check", nil, body, &out)
	return out.Problems, err
}

// FindJob returns the job with that id.
func (c *Client) FindJob(ctx context.Context, id string) (crosswalk.Job, error) {
	var out crosswalk.Job
	err := c.do(ctx, http.MethodGet, "/api/jobs/"+seg(id), nil, nil, &out)
	return out, err
}

// UpdateJob replaces a job. version is the job's version as last read: it
// returns CodeConflict when somebody has changed the job since.
func (c *Client) UpdateJob(ctx context.Context, id string, version int64, in JobInput) (crosswalk.Job, error) {
	body := struct {
		JobInput
		Version int64 `json:"version"`
	}{in, version}
	var out crosswalk.Job
	err := c.do(ctx, http.MethodPut, "/api/jobs/"+seg(id), nil, body, &out)
	return out, err
}

// DeleteJob deletes a job with its runs. It returns CodeConflict while a run
// has not ended.
func (c *Client) DeleteJob(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/api/jobs/"+seg(id), nil, nil, nil)
}

// StartRun queues a run of a job over the scope. It returns CodeConflict when
// one is running and another is already waiting.
func (c *Client) StartRun(ctx context.Context, jobID string, scope crosswalk.Scope) (crosswalk.Run, error) {
	var out crosswalk.Run
	body := struct {
		Scope crosswalk.Scope `json:"scope"`
	}{scope}
	err := c.do(ctx, http.MethodPost, "/api/jobs/"+seg(jobID)+"/runs", nil, body, &out)
	return out, err
}
