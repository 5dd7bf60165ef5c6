package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

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

// ChangeObject applies the plan with that hash. It returns CodeConflict when the
// plan would be a different one by now, when one of its steps is refused, and
// while a run writes to the object.
func (c *Client) ChangeObject(ctx context.Context, name string, d crosswalk.ObjectDefinition, plan string) (crosswalk.Object, error) {
	in := struct {
		crosswalk.ObjectDefinition
		Plan string `json:"plan"`
	}{d, plan}
	var out crosswalk.Object
	err := c.do(ctx, http.MethodPut, "/api/objects/"+seg(name), nil, in, &out)
	return out, err
}

// DeleteObject deletes a custom object with its rows, of which there must be
// exactly that many.
func (c *Client) DeleteObject(ctx context.Context, name string, rows int64) error {
	return c.do(ctx, http.MethodDelete, "/api/objects/"+seg(name), url.Values{"rows": {strconv.FormatInt(rows, 10)}}, nil, nil)
}
