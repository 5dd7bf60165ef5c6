package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/crosswalk-data/crosswalk"
)

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

// Events iterates over the activity log, newest first.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[crosswalk.Event, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Event], error) {
		f.Paging = p
		return c.ListEvents(ctx, f)
	})
}
