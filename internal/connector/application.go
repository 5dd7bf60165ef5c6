package connector

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// AuthorizeApplication authorizes a connection that signs in as an application: it
// gets a token with the secret or the certificate, finds out to which application
// user and organization that belongs, and stores it. No browser is needed. On any
// error the connection stays as it was. It returns CodeConflict for a connection that
// signs in as a user.
func (c *Connector) AuthorizeApplication(ctx context.Context, id string) (Outcome, error) {
	var out Outcome
	var err error
	if out.Connection, err = c.Store.FindConnection(ctx, id); err != nil {
		return out, err
	}
	if !out.Connection.SignInMode.Application() {
		return out, crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s signs in as a user, who must do so in a browser.", out.Connection.Name)
	}
	out.Again = out.Connection.OrganizationID != ""
	cfg, err := c.oauthConfig(ctx, out.Connection)
	if err != nil {
		return out, err
	}
	if cfg.Claims, err = c.Store.RequiredClaims(ctx, id); err != nil {
		return out, err
	}
	grant, err := cfg.Credentials(ctx)
	if err != nil {
		return out, oauth.Explain(err)
	}
	return out, c.authorized(ctx, &out, grant)
}

// explainApplication says what an administrator must do when an environment refuses
// an application. For connections that sign in as a user it returns err as it is.
func (c *Connector) explainApplication(conn crosswalk.Connection, err error) error {
	var refusal *odata.Error
	if !conn.SignInMode.Application() || !errors.As(err, &refusal) {
		return err
	}
	app := cmp.Or(conn.ClientID, c.ClientID)
	message, hint := "", ""
	switch strings.ToLower(refusal.Code) {
	case dataverse.CodeNotAMember:
		message = "The environment does not know the application " + app + "."
		hint = "In the Power Platform admin center open the environment, Settings, Users + permissions, Application users; add the app as a new app user and give it a security role."
	case dataverse.CodeNoPrivilege:
		message = "The application user of " + app + " has no security role that lets it read."
		hint = "In the Power Platform admin center open the environment, Settings, Users + permissions, Application users; give the app's user a security role that may read, at organization level, the tables to sync and the users."
	case dataverse.CodeAppBlocked:
		message = "The environment blocks the application " + app + "."
		hint = "In the Power Platform admin center open the environment's settings for app access control and allow this app."
	default:
		return err
	}
	return crosswalk.Errorf(crosswalk.CodeForbidden, "%s", message).WithHint("%s", hint).WithCause(err)
}

// consentLife is how long the link for an administrator works: it may travel by mail.
const consentLife = 7 * 24 * time.Hour

// AdminConsentLink returns an address at which an administrator of the
// tenant can approve the app for everybody. It works once, for a week, in
// any browser.
func (c *Connector) AdminConsentLink(ctx context.Context, id string) (string, error) {
	conn, err := c.Store.FindConnection(ctx, id)
	if err != nil {
		return "", err
	}
	cfg, err := c.oauthConfig(ctx, conn)
	if err != nil {
		return "", err
	}
	state, err := c.remember(ctx, id, pending{Consent: true}, store.SignIn{ReturnTo: LocalPath(""), ExpiresAt: c.Now().Add(consentLife)})
	if err != nil {
		return "", err
	}
	return cfg.AdminConsentURL(state), nil
}

// keepAliveAfter is how long a connection may be unused before its authorization is
// refreshed. Microsoft ends a refresh token that has not been used for 90 days; a
// month leaves many attempts.
const keepAliveAfter = 30 * 24 * time.Hour

// KeepAlive refreshes the authorizations of connections that have not been used for a
// month, so that they do not expire, and returns how many. Call it about once a day.
// A connection that cannot be refreshed is logged and, when Microsoft refuses for
// good, disconnected; the error is only that of reading the connections.
func (c *Connector) KeepAlive(ctx context.Context) (int, error) {
	refreshed := 0
	page := store.Page{Limit: 200}
	for {
		items, next, _, err := c.Store.ListConnections(ctx, store.ConnectionFilter{}, page)
		if err != nil {
			return refreshed, err
		}
		for _, conn := range items {
			a := conn.Authorization
			if conn.Status != crosswalk.ConnectionAuthorized || conn.SignInMode.Application() || a == nil || c.Now().Sub(a.ExpiresAt) < keepAliveAfter {
				continue
			}
			if _, err := c.link(conn).source.Token(ctx, false); err != nil {
				if ctx.Err() != nil {
					return refreshed, ctx.Err()
				}
				c.Logger.WarnContext(ctx, "authorization not kept alive", "connection", conn.Name, "error", err)
				continue
			}
			refreshed++
		}
		if next == "" {
			return refreshed, nil
		}
		page.Cursor = next
	}
}
