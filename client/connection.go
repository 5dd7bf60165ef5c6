package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// ConnectionFilter chooses connections. The zero value chooses all.
type ConnectionFilter struct {
	Search string // part of the name or address
	Paging
}

// ListConnections returns one page of connections.
func (c *Client) ListConnections(ctx context.Context, f ConnectionFilter) (Page[crosswalk.Connection], error) {
	q := f.add(url.Values{})
	set(q, "q", f.Search)
	return list[crosswalk.Connection](ctx, c, "/api/connections", q)
}

// Connections iterates over all connections.
func (c *Client) Connections(ctx context.Context, f ConnectionFilter) iter.Seq2[crosswalk.Connection, error] {
	return all(ctx, f.Paging, func(ctx context.Context, p Paging) (Page[crosswalk.Connection], error) {
		f.Paging = p
		return c.ListConnections(ctx, f)
	})
}

// ConnectionInput is a new connection.
type ConnectionInput struct {
	Name           string `json:"name"`
	EnvironmentURL string `json:"environment_url"`

	SignInMode      crosswalk.SignInMode `json:"sign_in_mode,omitempty"`      // empty: as a user
	ClientID        string               `json:"client_id,omitempty"`         // empty: the installation's own app registration
	ClientSecret    string               `json:"client_secret,omitempty"`     // empty: a public client, or the installation's own secret
	SecretExpiresAt *time.Time           `json:"secret_expires_at,omitempty"` // nil: not known
	Certificate     string               `json:"certificate,omitempty"`       // PEM of a certificate and its private key
}

// InsertConnection makes a connection. It is not authorized yet.
func (c *Client) InsertConnection(ctx context.Context, in ConnectionInput) (crosswalk.Connection, error) {
	var out crosswalk.Connection
	err := c.do(ctx, http.MethodPost, "/api/connections", nil, in, &out)
	return out, err
}

// FindConnection returns the connection with that id.
func (c *Client) FindConnection(ctx context.Context, id string) (crosswalk.Connection, error) {
	var out crosswalk.Connection
	err := c.do(ctx, http.MethodGet, "/api/connections/"+seg(id), nil, nil, &out)
	return out, err
}

// ConnectionUpdate is a change of a connection. Nil fields stay as they are.
type ConnectionUpdate struct {
	Name            *string               `json:"name,omitempty"`
	SignInMode      *crosswalk.SignInMode `json:"sign_in_mode,omitempty"` // another one destroys the authorization
	ClientID        *string               `json:"client_id,omitempty"`
	ClientSecret    *string               `json:"client_secret,omitempty"`
	SecretExpiresAt *time.Time            `json:"secret_expires_at,omitempty"` // the zero time: unknown
	Certificate     *string               `json:"certificate,omitempty"`
}

// UpdateConnection changes a connection.
func (c *Client) UpdateConnection(ctx context.Context, id string, u ConnectionUpdate) (crosswalk.Connection, error) {
	var out crosswalk.Connection
	err := c.do(ctx, http.MethodPatch, "/api/connections/"+seg(id), nil, u, &out)
	return out, err
}

// DeleteConnection deletes a connection with its jobs and their runs. The
// rows they wrote stay.
func (c *Client) DeleteConnection(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/api/connections/"+seg(id), nil, nil, nil)
}

// Authorize begins an authorization and returns the address of the sign-in
// page, to be opened in a browser within a few minutes; it works once.
// Afterwards the browser is sent to returnTo, a path of the web UI; empty means
// the list of connections. For a connection that signs in as an application the
// address is empty: the connection is authorized when Authorize returns.
func (c *Client) Authorize(ctx context.Context, id, returnTo string) (authorizeURL string, err error) {
	var in struct {
		ReturnTo string `json:"return_to,omitempty"`
	}
	in.ReturnTo = returnTo
	var out struct {
		AuthorizeURL string `json:"authorize_url"`
	}
	err = c.do(ctx, http.MethodPost, "/api/connections/"+seg(id)+"/authorize", nil, in, &out)
	return out.AuthorizeURL, err
}

// AdminConsentLink returns an address at which an administrator of the tenant
// can approve the app for everybody. It works once, for a week.
func (c *Client) AdminConsentLink(ctx context.Context, id string) (string, error) {
	var out struct {
		URL string `json:"url"`
	}
	err := c.do(ctx, http.MethodGet, "/api/connections/"+seg(id)+"/admin-consent-link", nil, nil, &out)
	return out.URL, err
}

// Revoke destroys the stored authorization. Jobs of the connection do not run
// until it is authorized again.
func (c *Client) Revoke(ctx context.Context, id string) (crosswalk.Connection, error) {
	var out crosswalk.Connection
	err := c.do(ctx, http.MethodPost, "/api/connections/"+seg(id)+"/revoke", nil, nil, &out)
	return out, err
}

// TestResult is the outcome of a connection's test.
type TestResult struct {
	OK          bool    `json:"ok"` // every check passed; warnings are not failures
	Checks      []Check `json:"checks"`
	LatencyMS   int64   `json:"latency_ms"`  // of one small request, in milliseconds
	Parallelism int     `json:"parallelism"` // how many parallel requests the environment recommends
}

// Check is one thing that a test looked at.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Warn   bool   `json:"warn"` // it works, but not for long or not for everything
	Detail string `json:"detail"`
	Hint   string `json:"hint"` // what to do unless all is well
}

// TestConnection asks the environment whether the connection works. A
// connection that does not work is a result, not an error.
func (c *Client) TestConnection(ctx context.Context, id string) (TestResult, error) {
	var out TestResult
	err := c.do(ctx, http.MethodPost, "/api/connections/"+seg(id)+"/test", nil, nil, &out)
	return out, err
}

// RefreshMetadata makes the server forget what it knows of the environment's
// tables, so that it asks again.
func (c *Client) RefreshMetadata(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/api/connections/"+seg(id)+"/refresh-metadata", nil, nil, nil)
}

// Entities returns the environment's tables whose name contains search, without
// their attributes.
func (c *Client) Entities(ctx context.Context, id, search string) ([]crosswalk.Entity, error) {
	q := url.Values{}
	set(q, "q", search)
	p, err := list[crosswalk.Entity](ctx, c, "/api/connections/"+seg(id)+"/entities", q)
	return p.Items, err
}

// FindEntity returns one table of the environment with its readable
// attributes.
func (c *Client) FindEntity(ctx context.Context, id, logicalName string) (crosswalk.Entity, error) {
	var out crosswalk.Entity
	err := c.do(ctx, http.MethodGet, "/api/connections/"+seg(id)+"/entities/"+seg(logicalName), nil, nil, &out)
	return out, err
}

// Template is a job ready to be made.
type Template struct {
	Name        string `json:"name"` // for example company_sync
	Title       string `json:"title"`
	Description string `json:"description"`
	// Objects are the custom objects that the job needs and that do not exist
	// yet.
	Objects []crosswalk.ObjectDefinition `json:"objects,omitempty"`
	Job     JobInput                     `json:"job"`
}

// Templates returns the job templates of a connection.
func (c *Client) Templates(ctx context.Context, id string) ([]Template, error) {
	p, err := list[Template](ctx, c, "/api/connections/"+seg(id)+"/templates", nil)
	return p.Items, err
}
