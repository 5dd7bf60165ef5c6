// Package connector provides signed-in access to connections: it brings together the
// stored authorization, the sign-in server and the Web API. It begins and completes
// sign-ins, keeps tokens fresh, hands out Dataverse clients and caches metadata.
package connector

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/secret"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// Config is what a Connector needs.
type Config struct {
	Store *store.Store
	Keys  *secret.Keyring
	// ClientID and ClientSecret are the installation's app registration,
	// used by connections that have none of their own. Both may be empty.
	ClientID, ClientSecret string
	// RedirectURL is the address of Crosswalk's own callback, as registered
	// with the app.
	RedirectURL string
	Logger      *slog.Logger
	Now         func() time.Time // nil means time.Now
}

// Connector gives signed-in access to connections. It is safe for concurrent
// use.
type Connector struct {
	Config
	mu       sync.Mutex
	links    map[string]link   // by connection
	versions map[string]string // of the metadata last seen, by connection
}

// link is what all who use a connection share: one client, so that they keep
// one pace, and one source of tokens, so that they refresh once.
type link struct {
	client *dataverse.Client
	source *oauth.Source
}

// New makes a Connector.
func New(cfg Config) *Connector {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Connector{Config: cfg, links: map[string]link{}, versions: map[string]string{}}
}

// Client returns the Dataverse client of a connection. All callers share one client
// per connection, and with it its pace. It returns CodeConflict when the connection
// is not authorized, and CodeDisconnected when its authorization no longer works.
func (c *Connector) Client(ctx context.Context, id string) (*dataverse.Client, error) {
	conn, err := c.Store.FindConnection(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := Ready(conn); err != nil {
		return nil, err
	}
	return c.link(conn).client, nil
}

func (c *Connector) link(conn crosswalk.Connection) link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.links[conn.ID]
	if !ok {
		l.source = c.tokens(conn)
		l.client = dataverse.New(dataverse.Config{
			BaseURL:    conn.EnvironmentURL,
			Token:      l.source.Token,
			Challenged: l.source.Challenge,
			LedAway:    c.ledAway(conn),
			Logger:     c.Logger.With("connection", conn.Name),
		})
		c.links[conn.ID] = l
	}
	return l
}

// Ready returns nil when jobs of the connection can run, and otherwise an error that
// says why not.
func Ready(conn crosswalk.Connection) error {
	switch conn.Status {
	case crosswalk.ConnectionAuthorized:
		return nil
	case crosswalk.ConnectionRevoked:
		return crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s was revoked.", conn.Name).
			WithHint("Re-authorize the connection; its jobs and data are still there.")
	case crosswalk.ConnectionDisconnected:
		return crosswalk.Errorf(crosswalk.CodeDisconnected, "The connection %s is disconnected: %s", conn.Name, conn.StatusCause).
			WithHint("%s", conn.StatusHint)
	default:
		return crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s is not authorized yet.", conn.Name).
			WithHint("Authorize the connection first.")
	}
}

// Forget drops the client of a connection, so that the next one is made from what is
// stored by then.
func (c *Connector) Forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.links, id)
}

// Revoke destroys the stored tokens of a connection. Microsoft has no endpoint to
// revoke a grant; removing the consent there is up to an administrator.
func (c *Connector) Revoke(ctx context.Context, id string) error {
	c.Forget(id)
	return c.Store.Revoke(ctx, id)
}

// sealed is the plain text of sealed tokens.
type sealed struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh"`
	Expires time.Time `json:"expires"`
}

func (c *Connector) sealTokens(id string, s sealed) ([]byte, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return c.Keys.Seal(plain, "connection/"+id+"/tokens")
}

func (c *Connector) loadTokens(ctx context.Context, id string) (oauth.Tokens, error) {
	raw, version, err := c.Store.LoadTokens(ctx, id)
	if err != nil {
		return oauth.Tokens{}, err
	}
	plain, err := c.Keys.Open(raw, "connection/"+id+"/tokens")
	if err != nil {
		return oauth.Tokens{}, err
	}
	var s sealed
	if err := json.Unmarshal(plain, &s); err != nil {
		return oauth.Tokens{}, err
	}
	return oauth.Tokens{AccessToken: s.Access, RefreshToken: s.Refresh, ExpiresAt: s.Expires, Version: version}, nil
}

// tokens returns the token source of a connection. A refresh that Microsoft refuses
// for good marks the connection as disconnected; one that fails because of the set-up
// leaves it authorized and shows the cause; any other failure leaves it as it is.
func (c *Connector) tokens(conn crosswalk.Connection) *oauth.Source {
	id := conn.ID
	return &oauth.Source{
		Now:         c.Now,
		Application: conn.SignInMode.Application(),
		Load:        func(ctx context.Context) (oauth.Tokens, error) { return c.loadTokens(ctx, id) },
		Save: func(ctx context.Context, old, fresh oauth.Tokens) (bool, error) {
			raw, err := c.sealTokens(id, sealed{fresh.AccessToken, fresh.RefreshToken, fresh.ExpiresAt})
			if err != nil {
				return false, err
			}
			return c.Store.SaveTokens(ctx, id, old.Version, raw, fresh.ExpiresAt)
		},
		Refresh: func(ctx context.Context, refreshToken, claims string) (*oauth.Grant, error) {
			// The app registration may have been edited meanwhile: read it again.
			now, err := c.Store.FindConnection(ctx, id)
			if err != nil {
				return nil, err
			}
			cfg, err := c.oauthConfig(ctx, now)
			if err != nil {
				return nil, err
			}
			cfg.Claims = claims
			if now.SignInMode.Application() {
				return cfg.Credentials(ctx)
			}
			return cfg.Refresh(ctx, refreshToken)
		},
		Refused: func(ctx context.Context, used oauth.Tokens, cause *crosswalk.Error) bool {
			noted, err := c.Store.Refuse(ctx, id, store.Refusal{
				Version:     used.Version,
				Disconnects: cause.Code == crosswalk.CodeDisconnected,
				Cause:       cause.Message,
				Hint:        cause.Hint,
				Claims:      oauth.Demanded(cause),
			})
			if err != nil {
				c.Logger.Error("note the refusal of a connection", "connection", conn.Name, "error", err)
				return true
			}
			if noted {
				c.Logger.Warn("connection refused", "connection", conn.Name, "disconnected", cause.Code == crosswalk.CodeDisconnected, "error", cause)
			}
			return noted
		},
	}
}
