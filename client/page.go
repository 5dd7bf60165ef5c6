package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Page is one page of a list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"` // Cursor of the next page; empty on the last one
	Total      int64  `json:"total"`       // number of things in the whole list
}

// Paging says which page of a list is wanted. The zero value is the first page,
// in the server's default size.
type Paging struct {
	Limit  int    // items a page, at most 200; 0 means 50
	Cursor string // NextCursor of the page before; empty for the first
}

func (p Paging) add(q url.Values) url.Values {
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	set(q, "cursor", p.Cursor)
	return q
}

// set adds a parameter unless it is empty.
func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func list[T any](ctx context.Context, c *Client, path string, q url.Values) (Page[T], error) {
	var p Page[T]
	err := c.do(ctx, http.MethodGet, path, q, nil, &p)
	return p, err
}

// all iterates over every item of a list, page by page. It ends after the first
// error, which it yields with a zero item.
func all[T any](ctx context.Context, p Paging, fetch func(context.Context, Paging) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if p.Limit == 0 {
			p.Limit = 200
		}
		for {
			page, err := fetch(ctx, p)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == "" || page.NextCursor == p.Cursor {
				return
			}
			p.Cursor = page.NextCursor
		}
	}
}
