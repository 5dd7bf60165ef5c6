package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// AuthorizeInput begins a sign-in.
type AuthorizeInput struct {
	ReturnTo string `json:"return_to,omitempty" doc:"Local path the browser goes to afterwards; /connections when absent"`
}

// AuthorizeOutput says where the sign-in goes on, or that it is done: exactly
// one of AuthorizeURL and Connection is there.
type AuthorizeOutput struct {
	AuthorizeURL string                `json:"authorize_url,omitempty" doc:"Open it in a browser; absent when no browser is needed"`
	Connection   *crosswalk.Connection `json:"connection,omitempty" doc:"The connection, authorized: it signs in as an application"`
	JobMade      bool                  `json:"job_made,omitempty" doc:"The out-of-the-box job was made now"`
}

// AdminConsentOutput is a link for an administrator.
type AdminConsentOutput struct {
	URL string `json:"url" doc:"Send it to an administrator of the tenant; it works once, for a week"`
}

func (a *api) authorizeRoutes() {
	register(a, operation{
		method: http.MethodPost, path: "/api/connections/{id}/authorize", id: "authorize-connection", tag: "Connections", role: crosswalk.RoleAdmin,
		summary: "Authorize a connection, or begin to",
		detail: "A connection that signs in as a user: answers with the address of Microsoft's sign-in page. After sign-in and consent the browser comes back to " +
			"/oauth/callback, which ends at return_to with the parameters connection and authorized=1, or failed=1; why it failed is in sign_in_failure of the connection. " +
			"A connection that signs in as an application is authorized at once and comes back in the answer.",
	}, a.authorize)
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}/admin-consent-link", id: "admin-consent-link", tag: "Connections", role: crosswalk.RoleAdmin,
		summary: "Get a link at which an administrator of the tenant approves the app",
		detail:  "For tenants whose users may not consent themselves. The approval changes nothing at the connection: authorize it afterwards.",
	}, func(ctx context.Context, in *IDInput) (*body[AdminConsentOutput], error) {
		link, err := a.Connector.AdminConsentLink(ctx, in.ID)
		return one(AdminConsentOutput{link}, err)
	})
}

func (a *api) authorize(ctx context.Context, in *struct {
	IDInput
	Body AuthorizeInput
},
) (*body[AuthorizeOutput], error) {
	conn, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !conn.SignInMode.Application() {
		to, err := a.Connector.Begin(ctx, in.ID, callerOf(ctx).session, in.Body.ReturnTo)
		if err != nil {
			a.noteAuthorization(ctx, connector.Outcome{Connection: conn}, err)
		}
		return one(AuthorizeOutput{AuthorizeURL: to}, err)
	}
	out, err := a.Connector.AuthorizeApplication(ctx, in.ID)
	a.noteAuthorization(ctx, out, err)
	return one(AuthorizeOutput{Connection: &out.Connection, JobMade: out.JobMade}, err)
}

// noteAuthorization records how an authorization ended. Why it failed is kept
// with the connection: the address the browser goes to tells only that it
// did, so that nobody can make a link that says something else.
func (a *api) noteAuthorization(ctx context.Context, out connector.Outcome, err error) {
	switch {
	case err != nil:
		message, hint := connector.Words(err)
		if out.Connection.ID != "" { // else anybody could fill the log
			a.Logger.WarnContext(ctx, "authorization failed", "connection", out.Connection.Name, "error", err)
			a.note(ctx, "connection.authorization_refused", out.Connection.Name, message)
			failure := crosswalk.SignInFailure{At: a.Store.Now().UTC(), Message: message, Hint: hint}
			if err := a.Store.NoteSignInFailure(ctx, out.Connection.ID, failure); err != nil {
				a.Logger.ErrorContext(ctx, "keep why an authorization failed", "connection", out.Connection.Name, "error", err)
			}
		}
	case out.Consent:
		a.note(ctx, "connection.consent_given", out.Connection.Name, "by an administrator of the tenant")
	case out.Again:
		a.note(ctx, "connection.reauthorized", out.Connection.Name, "as "+out.Connection.Authorization.UserName)
	default:
		a.note(ctx, "connection.authorized", out.Connection.Name, "as "+out.Connection.Authorization.UserName)
	}
}

// callback is where the sign-in server sends the browser back to.
func (a *api) callback(w http.ResponseWriter, r *http.Request) {
	who := a.identify(r)
	ctx := context.WithValue(r.Context(), callerKey{}, who)
	q := r.URL.Query()
	out, err := a.Connector.Complete(ctx, connector.Callback{
		State:            q.Get("state"),
		Code:             q.Get("code"),
		Error:            q.Get("error"),
		ErrorDescription: q.Get("error_description"),
		AdminConsent:     strings.EqualFold(q.Get("admin_consent"), "true"),
		SessionID:        who.session,
	})
	if errors.Is(err, database.ErrHeld) { // so nothing about it can be kept
		e := held(err)
		if out.Connection.ID != "" { // what began the sign-in is used up
			e = e.WithHint("Go back to Crosswalk when that is done and authorize the connection again.")
		}
		w.Header().Set("Retry-After", heldAgain)
		http.Error(w, e.Message+" "+e.Hint, http.StatusServiceUnavailable)
		return
	}
	a.noteAuthorization(ctx, out, err)
	back := url.Values{}
	if out.Connection.ID != "" {
		back.Set("connection", out.Connection.ID)
	}
	switch {
	case err != nil:
		back.Set("failed", "1")
	case out.Consent:
		back.Set("consented", "1")
	default:
		back.Set("authorized", "1")
		if out.JobMade {
			back.Set("job_made", "1")
		}
	}
	to := out.ReturnTo
	if strings.Contains(to, "?") {
		to += "&" + back.Encode()
	} else {
		to += "?" + back.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
