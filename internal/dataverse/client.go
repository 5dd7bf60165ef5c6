package dataverse

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// apiPath is the root of the Web API. Links of answers repeat the version
// that was called.
const apiPath = "/api/data/v9.2/"

// maxDocument is the largest inflated answer that is not a collection.
const maxDocument = 16 << 20

// Config is what a Client needs.
type Config struct {
	// BaseURL is the address of the environment, scheme and host.
	BaseURL string
	// Token returns an access token for the environment. force means that the
	// server refused the last one although it had not expired. Its errors are
	// passed on unchanged.
	Token func(ctx context.Context, force bool) (string, error)
	// Challenged is called when the server refuses a token with a claims
	// challenge, before the next token is requested: claims is the JSON to
	// request it with. nil means that such a refusal is treated like any other.
	Challenged func(token, claims string)
	// LedAway is called when an answer leads out of the environment's Web API,
	// by a link or a redirect, which is not followed. to is that address without
	// its query; whoever wrote it may be hostile. It may be nil.
	LedAway func(to string)
	// Transport sends the requests; nil means one with HTTP/1.1 connections
	// of its own. It must not follow redirects or keep cookies.
	Transport http.RoundTripper
	// Logger gets a line at debug level for each answer and one at warn
	// level for each retry; nil means none. Neither holds queries or data.
	Logger *slog.Logger
}

// Client reads from one environment as one user. It is safe for concurrent
// use, and all callers should share one: when the server asks to slow down,
// all requests of the client wait.
//
// Errors are *crosswalk.Error for a person, or the context's own:
//
//	CodeInvalid       the request names something that does not exist (any more), or the answer does not fit it
//	CodeDisconnected  the authorization no longer works
//	CodeForbidden     the user may not read that
//	CodeNotFound      no such table or record
//	CodeUnavailable   no answer, or none that can be used, after all retries
type Client struct {
	base    *url.URL
	err     error // the base address is wrong
	chain   http.RoundTripper
	pacer   *pacer
	limiter *limiter
	ledAway func(to string)
	log     *slog.Logger

	mu        sync.Mutex
	version   string                    // metadata version seen last
	pageSizes map[string]int            // of entity sets whose pages were too large
	sweeps    map[string]*odata.Columns // by key
}

// New makes a Client. It sends nothing; a base address that cannot be used
// fails each call with CodeInvalid.
func New(cfg Config) *Client {
	c := &Client{log: cfg.Logger, ledAway: cfg.LedAway, pageSizes: map[string]int{}, sweeps: map[string]*odata.Columns{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.ledAway == nil {
		c.ledAway = func(string) {}
	}
	c.base, c.err = parseBase(cfg.BaseURL)
	transport := cfg.Transport
	if transport == nil {
		transport = newTransport()
	}
	chain := http.RoundTripper(&wire{next: transport})
	chain = &batcher{next: chain}
	c.pacer = &pacer{next: chain}
	c.limiter = newLimiter(&authorizer{next: c.pacer, token: cfg.Token, told: cfg.Challenged})
	c.chain = &logger{next: c.limiter, log: c.log}
	return c
}

// Paused returns for how long requests of the client are still held back
// because the environment asked for it, 0 when they are not. asked is the whole
// wait that it asked for, 0 when it did not say; it is longer than left when the
// client will try again sooner.
func (c *Client) Paused() (left, asked time.Duration) { return c.pacer.left() }

// Parallelism returns how many requests of the client may be in flight at
// present. More of them wait.
func (c *Client) Parallelism() int { return c.limiter.parallel() }

// ParallelHint returns how many parallel requests the server recommends or,
// until it has recommended anything, how many the client sends at most.
func (c *Client) ParallelHint() int {
	c.limiter.mu.Lock()
	defer c.limiter.mu.Unlock()
	return int(c.limiter.ceiling)
}

// MetadataVersion returns the version of the environment's metadata as last
// seen, empty before the first page. When it changes, somebody has published a
// change, and metadata read before are out of date.
func (c *Client) MetadataVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// sawVersion notes the metadata version that came with a page.
func (c *Client) sawVersion(version string) {
	if version == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version = version
}

func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Path != "" {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%q is not the address of an environment.", raw).
			WithHint("It looks like https://yourorg.crm.dynamics.com.")
	}
	return u, nil
}

// newTransport returns a transport for many parallel HTTP/1.1 connections.
// Over HTTP/2 one connection would carry all requests to one server.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.MaxIdleConns = 256
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 90 * time.Second
	t.ResponseHeaderTimeout = headerTimeout
	t.MaxResponseHeaderBytes = 256 << 10
	return t
}

// call is one thing asked of the server, through all its attempts.
type call struct {
	what    string // for messages: "read table account"
	url     *url.URL
	prefer  string
	tally   tally
	missing []string  // members that were left out because the table lacks them
	frozen  bool      // no column may be left out
	served  time.Time // the server's clock at the last answer; zero when it did not say
}

// address returns the address of a path and query below the API's root. Both
// are already encoded and are sent as they are: net/url on its own would encode
// the parentheses of keys and functions.
func (c *Client) address(path, query string) *url.URL {
	u := *c.base
	u.RawPath = apiPath + path
	u.Path = u.RawPath
	if plain, err := url.PathUnescape(u.RawPath); err == nil {
		u.Path = plain
	}
	u.RawQuery = query
	return &u
}

// read asks for a JSON document and decodes it into v.
func (c *Client) read(ctx context.Context, what, path, query string, v any) error {
	if c.err != nil {
		return c.err
	}
	return c.document(ctx, &call{what: what, url: c.address(path, query)}, v)
}

// document runs a call for a JSON document and decodes it into v.
func (c *Client) document(ctx context.Context, call *call, v any) error {
	return c.get(ctx, call, func(body io.Reader) error {
		data, err := io.ReadAll(&limitedReader{body, maxDocument})
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, v); err != nil {
			return &garbled{err}
		}
		return nil
	})
}

// request makes the request of one attempt.
func (c *Client) request(ctx context.Context, call *call) *http.Request {
	r := &http.Request{
		Method:     http.MethodGet,
		URL:        call.url,
		Host:       call.url.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header: http.Header{
			"Accept":           {"application/json"},
			"Accept-Encoding":  {"gzip"},
			"If-None-Match":    {"null"}, // against caches, as Microsoft advises
			"Odata-Maxversion": {"4.0"},
			"Odata-Version":    {"4.0"},
			"User-Agent":       {"Crosswalk"},
		},
	}
	if call.prefer != "" {
		r.Header.Set("Prefer", call.prefer)
	}
	return r.WithContext(context.WithValue(ctx, tallyKey{}, &call.tally))
}
