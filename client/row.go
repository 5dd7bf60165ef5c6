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
)

// Row is a row of an object: its values by the API names of the fields. Numbers
// are strings, so that no digit is lost; empty fields are nil. A row that was
// flagged or deactivated because its record is gone also has "gone_at", the time.
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

// Rows iterates over all rows of an object.
func (c *Client) Rows(ctx context.Context, object string, f RowFilter) iter.Seq2[Row, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[Row], error) {
		f.Paging = p
		return c.ListRows(ctx, object, f)
	})
}

// Provenance says where a row came from. Names are the current ones; what was
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

// ExportRows returns the rows as CSV, with all fields when none are named. The
// caller closes it; an error of Read means that rows at the end are missing.
func (c *Client) ExportRows(ctx context.Context, object string, f RowFilter, fields []string) (io.ReadCloser, error) {
	q := url.Values{}
	f.addTo(q)
	set(q, "fields", strings.Join(fields, ","))
	return c.open(ctx, http.MethodGet, "/api/objects/"+seg(object)+"/rows.csv", q, nil, "text/csv")
}
