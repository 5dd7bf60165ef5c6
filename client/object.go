package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Objects returns all objects with the number of their rows.
func (c *Client) Objects(ctx context.Context) ([]crosswalk.Object, error) {
	p, err := list[crosswalk.Object](ctx, c, "/api/objects", nil)
	return p.Items, err
}

// FindObject returns the object with that API name.
func (c *Client) FindObject(ctx context.Context, name string) (crosswalk.Object, error) {
	var out crosswalk.Object
	err := c.do(ctx, http.MethodGet, "/api/objects/"+seg(name), nil, nil, &out)
	return out, err
}

// MadeObject is a new object and what is unwise about it.
type MadeObject struct {
	crosswalk.Object
	Warnings []string `json:"warnings,omitempty"`
}

// InsertObject makes a custom object.
func (c *Client) InsertObject(ctx context.Context, d crosswalk.ObjectDefinition) (MadeObject, error) {
	var out MadeObject
	err := c.do(ctx, http.MethodPost, "/api/objects", nil, d, &out)
	return out, err
}

// PlanObject returns what a definition would do to the object of that API
// name. Nothing is changed.
func (c *Client) PlanObject(ctx context.Context, name string, d crosswalk.ObjectDefinition) (crosswalk.ObjectPlan, error) {
	var out crosswalk.ObjectPlan
	err := c.do(ctx, http.MethodPost, "/api/objects/"+seg(name)+"/plan", nil, d, &out)
	return out, err
}

// ChangeObject applies the plan of that hash. The answer is a conflict when
// the plan would be another one by now, when one of its steps is refused, or
// while a run writes into the object.
func (c *Client) ChangeObject(ctx context.Context, name string, d crosswalk.ObjectDefinition, plan string) (crosswalk.Object, error) {
	in := struct {
		crosswalk.ObjectDefinition
		Plan string `json:"plan"`
	}{d, plan}
	var out crosswalk.Object
	err := c.do(ctx, http.MethodPut, "/api/objects/"+seg(name), nil, in, &out)
	return out, err
}

// DeleteObject deletes a custom object and its rows, of which there must be
// that many.
func (c *Client) DeleteObject(ctx context.Context, name string, rows int64) error {
	return c.do(ctx, http.MethodDelete, "/api/objects/"+seg(name), url.Values{"rows": {strconv.FormatInt(rows, 10)}}, nil, nil)
}

// Provenance says where a row came from. Names are those of today; what was
// deleted has none.
type Provenance struct {
	ConnectionID   string    `json:"connection_id"`
	ConnectionName string    `json:"connection_name,omitempty"`
	Entity         string    `json:"entity"`
	SourceID       string    `json:"source_id"`
	JobID          string    `json:"job_id,omitempty"`
	JobName        string    `json:"job_name,omitempty"`
	RunID          string    `json:"run_id,omitempty"`
	Run            int64     `json:"run"`
	At             time.Time `json:"at"`
	// GoneAt is when the row was flagged or deactivated because its record is
	// gone; nil while the record is there.
	GoneAt *time.Time `json:"gone_at"`
}

// FindRow returns one row and where it came from, which is nil when no run
// wrote it.
func (c *Client) FindRow(ctx context.Context, object, gsid string) (Row, *Provenance, error) {
	var out struct {
		Row        Row         `json:"row"`
		Provenance *Provenance `json:"provenance"`
	}
	err := c.do(ctx, http.MethodGet, "/api/objects/"+seg(object)+"/rows/"+seg(gsid), nil, nil, &out)
	return out.Row, out.Provenance, err
}

// ExportRows returns the rows as CSV, all fields when none are named. The
// caller closes it; an error of Read means that rows are missing at the end.
func (c *Client) ExportRows(ctx context.Context, object string, f RowFilter, fields []string) (io.ReadCloser, error) {
	q := url.Values{}
	f.addTo(q)
	set(q, "fields", strings.Join(fields, ","))
	return c.open(ctx, http.MethodGet, "/api/objects/"+seg(object)+"/rows.csv", q, nil, "text/csv")
}

// Row is a row of an object: its values by the API names of the fields.
// Numbers are texts, so that no digit is lost; empty fields are nil. One whose
// record is gone also has "gone_at", since when.
type Row map[string]any

// RowFilter chooses and orders rows. The zero value chooses all, in the order
// they were made.
type RowFilter struct {
	Search string   // part of a text
	Where  []string // conditions that all hold, each like "ARR ge 1000"
	Sort   string   // API name of a field
	Desc   bool     // from the largest to the smallest
	Gone   *bool    // whether a row is flagged or deactivated because its record is gone; nil for all
	Paging
}

func (f RowFilter) addTo(q url.Values) {
	set(q, "q", f.Search)
	set(q, "sort", f.Sort)
	if f.Desc {
		q.Set("desc", "true")
	}
	if f.Gone != nil {
		q.Set("gone", strconv.FormatBool(*f.Gone))
	}
	for _, c := range f.Where {
		q.Add("filter", c)
	}
}

// ListRows returns one page of an object's rows.
func (c *Client) ListRows(ctx context.Context, object string, f RowFilter) (Page[Row], error) {
	q := f.add(url.Values{})
	f.addTo(q)
	return list[Row](ctx, c, "/api/objects/"+seg(object)+"/rows", q)
}

// Rows goes through all rows of an object.
func (c *Client) Rows(ctx context.Context, object string, f RowFilter) iter.Seq2[Row, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[Row], error) {
		f.Paging = p
		return c.ListRows(ctx, object, f)
	})
}

// EventFilter chooses events. The zero value chooses all.
type EventFilter struct {
	Search string // part of the actor, action, subject or detail
	Paging
}

// ListEvents returns one page of the activity log, newest first.
func (c *Client) ListEvents(ctx context.Context, f EventFilter) (Page[crosswalk.Event], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	return list[crosswalk.Event](ctx, c, "/api/events", q)
}

// Events goes through the activity log, newest first.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[crosswalk.Event, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Event], error) {
		f.Paging = p
		return c.ListEvents(ctx, f)
	})
}
