package client

import (
	"context"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
)

// Status is what a server tells everybody about itself.
type Status struct {
	Version       string `json:"version"`
	SetupRequired bool   `json:"setup_required"` // no administrator exists yet
	Authenticated bool   `json:"authenticated"`  // the call had a valid session or token
}

// Status asks the server what it is and whether it is set up.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, "/api/status", nil, nil, &s)
	return s, err
}

// Settings are what a person must know about an installation to connect an
// environment.
type Settings struct {
	PublicURL   string `json:"public_url"`
	RedirectURL string `json:"redirect_url"` // to be entered in the app registration
	ClientID    string `json:"client_id"`    // the installation's own app registration; empty when there is none
}

// Settings returns the settings of the installation.
func (c *Client) Settings(ctx context.Context) (Settings, error) {
	var s Settings
	err := c.do(ctx, http.MethodGet, "/api/settings", nil, nil, &s)
	return s, err
}

// SetupInput makes the first administrator.
type SetupInput struct {
	Token    string `json:"token"` // token of the one-time sign-in link
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

type sessionAnswer struct {
	SetupRequired bool            `json:"setup_required"`
	User          *crosswalk.User `json:"user"`
}

// Setup makes the first administrator and signs that user in; the session is
// kept in the cookie jar of HTTP. It returns CodeConflict when there already is
// an administrator.
func (c *Client) Setup(ctx context.Context, in SetupInput) (crosswalk.User, error) {
	return c.session(ctx, http.MethodPost, "/api/setup", in)
}

// SignIn signs a user in by e-mail address and password; the session is kept in
// the cookie jar of HTTP.
func (c *Client) SignIn(ctx context.Context, email, password string) (crosswalk.User, error) {
	return c.session(ctx, http.MethodPost, "/api/session", map[string]string{"email": email, "password": password})
}

// SignInByLink redeems the token of a one-time sign-in link and signs the
// administrator in. While there is none, it says so and the token stays valid
// for Setup.
func (c *Client) SignInByLink(ctx context.Context, token string) (setupRequired bool, user *crosswalk.User, err error) {
	var a sessionAnswer
	err = c.do(ctx, http.MethodPost, "/api/session/link", nil, map[string]string{"token": token}, &a)
	return a.SetupRequired, a.User, err
}

// CurrentUser returns the user as whom the calls are made.
func (c *Client) CurrentUser(ctx context.Context) (crosswalk.User, error) {
	return c.session(ctx, http.MethodGet, "/api/session", nil)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/api/session", nil, nil, nil)
}

func (c *Client) session(ctx context.Context, method, path string, in any) (crosswalk.User, error) {
	var a sessionAnswer
	if err := c.do(ctx, method, path, nil, in, &a); err != nil || a.User == nil {
		return crosswalk.User{}, err
	}
	return *a.User, nil
}

// CreateLink makes a one-time sign-in link and returns its address.
func (c *Client) CreateLink(ctx context.Context) (string, error) {
	var out struct {
		URL string `json:"url"`
	}
	err := c.do(ctx, http.MethodPost, "/api/links", nil, nil, &out)
	return out.URL, err
}
