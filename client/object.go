package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

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

// Row is a row of an object: its values by the API names of the fields.
// Numbers are json.Number, so that no digit is lost; empty fields are nil.
type Row map[string]any

// RowFilter chooses and orders rows. The zero value chooses all, in the order
// they were made.
type RowFilter struct {
	Search string // part of a text
	Sort   string // API name of a field
	Desc   bool   // from the largest to the smallest
	Paging
}

// ListRows returns one page of an object's rows.
func (c *Client) ListRows(ctx context.Context, object string, f RowFilter) (Page[Row], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	set(q, "sort", f.Sort)
	if f.Desc {
		q.Set("desc", "true")
	}
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
