package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/crosswalk-data/crosswalk"
)

// PreviewJob says what a run of the input would do with the first n records,
// 20 when n is 0. Nothing is written. id is that of the job that the input would
// change, empty for a new one.
func (c *Client) PreviewJob(ctx context.Context, id string, in JobInput, n int) (crosswalk.Preview, error) {
	body := struct {
		ID string `json:"id,omitempty"`
		JobInput
		Limit int `json:"limit,omitempty"`
	}{id, in, n}
	var out crosswalk.Preview
	err := c.do(ctx, http.MethodPost, "/api/jobs/preview", nil, body, &out)
	return out, err
}

// Formula is a formula to try out.
type Formula struct {
	ConnectionID string `json:"connection_id"`
	Entity       string `json:"entity"`
	Object       string `json:"object"`
	Formula      string `json:"formula"`
	TimeZone     string `json:"time_zone,omitempty"`
	Limit        int    `json:"limit,omitempty"` // records to read; 0 means 10
}

// Evaluation is what a formula gives for one record.
type Evaluation struct {
	SourceID string `json:"source_id"`
	Value    string `json:"value"`
	Null     bool   `json:"null,omitempty"`
	Reason   string `json:"reason,omitempty"` // why there is no value; the record would be rejected
}

// EvaluateFormula computes a formula for the first records of its table and
// says what kind of value it gives.
func (c *Client) EvaluateFormula(ctx context.Context, f Formula) (gives string, all []Evaluation, err error) {
	var out struct {
		Gives string       `json:"gives"`
		Items []Evaluation `json:"items"`
	}
	err = c.do(ctx, http.MethodPost, "/api/formulas/evaluate", nil, f, &out)
	return out.Gives, out.Items, err
}

// SuggestMapping returns rows that would fill an object from a table.
func (c *Client) SuggestMapping(ctx context.Context, connectionID, entity, object string) ([]crosswalk.FieldMapping, error) {
	p, err := list[crosswalk.FieldMapping](ctx, c, "/api/connections/"+seg(connectionID)+"/entities/"+seg(entity)+"/suggestions", url.Values{"object": {object}})
	return p.Items, err
}

// Finding is one difference between what a saved job needs and what exists.
type Finding struct {
	Place   string `json:"place"` // in the job, for example mapping.fields[2].source
	Kind    string `json:"kind"`
	Message string `json:"message"` // what changed, and what a run does about it
	Fails   bool   `json:"fails"`   // runs fail until the job is corrected
}

// JobDrift compares a job with the metadata of today.
func (c *Client) JobDrift(ctx context.Context, id string) ([]Finding, error) {
	p, err := list[Finding](ctx, c, "/api/jobs/"+seg(id)+"/drift", nil)
	return p.Items, err
}
