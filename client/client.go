package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Client calls one Crosswalk server. It is safe for concurrent use once its
// fields are set.
type Client struct {
	// BaseURL is the server's address without a path, for example
	// http://127.0.0.1:8080.
	BaseURL string
	// Token is the API token sent with every call. Empty means none: then only
	// Status, Setup and the sign-in methods work, unless the cookie jar of HTTP
	// holds a session.
	Token string
	// HTTP sends the requests. Nil means a client that waits 60 seconds for the
	// head of an answer and as long as it takes for the body.
	HTTP *http.Client
}

var defaultHTTP = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ResponseHeaderTimeout: 60 * time.Second,
	IdleConnTimeout:       30 * time.Second,
	MaxIdleConnsPerHost:   4,
}}

// New returns a client of the server at baseURL that sends token with every
// call. Slashes at the end of baseURL are dropped.
func New(baseURL, token string) *Client {
	return &Client{BaseURL: strings.TrimRight(baseURL, "/"), Token: token}
}

// do sends in as JSON, unless it is nil, and decodes the answer into out,
// unless that is nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	body, err := c.open(ctx, method, path, query, in, "application/json")
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(body, 1<<20)) // so that the connection can be used again
		return nil
	}
	dec := json.NewDecoder(body)
	dec.UseNumber()
	if err := dec.Decode(out); err != nil {
		return c.unreadable(method, path, err)
	}
	return nil
}

// open sends a request and returns the body of a successful answer.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, in any, accept string) (io.ReadCloser, error) {
	var payload io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request %s %s: %w", method, path, err)
		}
		payload = bytes.NewReader(text)
	}
	address := c.BaseURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil || req.URL.Host == "" || (req.URL.Scheme != "http" && req.URL.Scheme != "https") {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%q is not the address of a server.", c.BaseURL).
			WithHint("It looks like http://127.0.0.1:8080.")
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "crosswalk-client")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	h := c.HTTP
	if h == nil {
		h = defaultHTTP
	}
	res, err := h.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close()
		return nil, parseError(res)
	}
	return res.Body, nil
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("call %s: %w", c.BaseURL, context.Cause(ctx))
	}
	reason := err.Error()
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &op):
		reason = op.Err.Error()
		if i := strings.LastIndex(reason, ": "); i >= 0 { // "connect: connection refused"
			reason = reason[i+2:]
		}
	case errors.As(err, &timeout) && timeout.Timeout():
		reason = "it did not answer in time"
	}
	e := crosswalk.Errorf(crosswalk.CodeUnavailable, "No Crosswalk server answers at %s: %s.", c.BaseURL, strings.TrimSuffix(reason, "."))
	return e.WithHint("Start one with \"crosswalk serve\", or name another address.")
}

func (c *Client) unreadable(method, path string, err error) error {
	return crosswalk.Errorf(crosswalk.CodeUnavailable, "The answer of %s%s cannot be read as JSON.", c.BaseURL, path).
		WithHint("Is the server at that address a Crosswalk server of the same version?").
		WithCause(fmt.Errorf("%s %s: %w", method, path, err))
}

// seg escapes an id for use as one segment of a path.
func seg(id string) string {
	if id == "" || id == "." || id == ".." { // would name another resource
		return "%00"
	}
	return url.PathEscape(id)
}
