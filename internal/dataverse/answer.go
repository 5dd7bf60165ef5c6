package dataverse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// maxErrorBody is how much of an error body is read.
const maxErrorBody = 1 << 20

// garbled is an answer with a success status that is not what was asked for.
type garbled struct{ err error }

func (e *garbled) Error() string { return e.err.Error() }
func (e *garbled) Unwrap() error { return e.err }

// redirected is an answer that points elsewhere.
type redirected struct{ location string }

func (e *redirected) Error() string { return "redirected to " + e.location }

// once makes one attempt at a call and hands the inflated body of a good answer
// to use. Any other answer is an error.
func (c *Client) once(ctx context.Context, call *call, use func(io.Reader) error) error {
	resp, err := c.chain.RoundTrip(c.request(ctx, call))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	call.served, _ = http.ParseTime(resp.Header.Get("Date")) // zero when missing
	body, done, err := inflate(resp)
	if err != nil {
		return err
	}
	defer done()
	kind := resp.Header.Get("Content-Type")
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		to := resp.Header.Get("Location")
		if u, err := call.url.Parse(to); err == nil {
			c.ledAway(place(u))
		}
		return &redirected{to}
	case resp.StatusCode != http.StatusOK:
		data, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
		if err != nil && len(data) == 0 {
			kind = ""
		}
		return odata.ParseError(resp.StatusCode, kind, data)
	case !isJSON(kind):
		data, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
		if err != nil {
			return err
		}
		return &garbled{fmt.Errorf("a body of type %q: %s", kind, odata.ParseError(resp.StatusCode, kind, data).Message)}
	}
	return use(body)
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

var inflaters sync.Pool // of *gzip.Reader

// inflate returns the body of an answer without its content encoding, and what
// to call after reading it.
func inflate(resp *http.Response) (body io.Reader, done func(), err error) {
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return resp.Body, func() {}, nil
	case "gzip":
		z, ok := inflaters.Get().(*gzip.Reader)
		if ok {
			err = z.Reset(resp.Body)
		} else {
			z, err = gzip.NewReader(resp.Body)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return http.NoBody, func() {}, nil // an empty body, whatever its header says
			}
			return nil, nil, fmt.Errorf("inflate: %w", err)
		}
		return z, func() { inflaters.Put(z) }, nil
	default:
		return nil, nil, &garbled{fmt.Errorf("an encoding %q nobody asked for", encoding)}
	}
}
