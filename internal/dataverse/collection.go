package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// Limits of a collection of metadata, which is never paged.
const (
	maxItem       = 8 << 20 // inflated bytes of one item
	maxItems      = 200_000
	maxCollection = 256 << 20 // inflated bytes of all
)

// collect requests a collection that is not paged and returns what keep makes of
// its items, leaving out those for which it returns false. The answer is decoded
// as it streams in: only one item at a time is in memory.
func collect[T, R any](ctx context.Context, c *Client, what, path, query string, keep func(*T) (R, bool)) ([]R, error) {
	if c.err != nil {
		return nil, c.err
	}
	var kept []R
	call := &call{what: what, url: c.address(path, query)}
	err := c.get(ctx, call, func(body io.Reader) error {
		kept = kept[:0]
		return eachItem(body, func(item *T) error {
			if r, ok := keep(item); ok {
				if len(kept) == maxItems {
					return errTooLarge
				}
				kept = append(kept, r)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// eachItem decodes a collection and calls use with each item.
func eachItem[T any](body io.Reader, use func(*T) error) error {
	limit := &limitedReader{&limitedReader{body, maxCollection}, maxItem}
	d := json.NewDecoder(limit)
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	seen := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return unreadableJSON(err)
		}
		limit.left = maxItem
		switch name {
		case "value":
			seen = true
			if err := expect(d, json.Delim('[')); err != nil {
				return err
			}
			for d.More() {
				limit.left = maxItem
				item := new(T)
				if err := d.Decode(item); err != nil {
					return unreadableJSON(err)
				}
				if err := use(item); err != nil {
					return err
				}
			}
			if err := expect(d, json.Delim(']')); err != nil {
				return err
			}
		default:
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return unreadableJSON(err)
			}
			if name == "error" {
				return odata.ParseError(200, "application/json", append(append([]byte(`{"error":`), other...), '}'))
			}
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if !seen {
		return &garbled{errors.New("a collection without items")}
	}
	rest, err := io.ReadAll(io.MultiReader(d.Buffered(), limit))
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = &garbled{errors.New("something follows the collection")}
	}
	return err
}

// expect reads the delimiter that must come next.
func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	switch {
	case err != nil:
		return unreadableJSON(err)
	case got != want:
		return &garbled{fmt.Errorf("%v where %v is needed", got, want)}
	}
	return nil
}

// unreadableJSON distinguishes text that is not the JSON it should be from faults
// of the network, which it returns as they are.
func unreadableJSON(err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case errors.As(err, &syntax), errors.As(err, &kind):
		return &garbled{err}
	}
	return err
}
