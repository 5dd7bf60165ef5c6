package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
)

// AuthorizeInput begins a sign-in.
type AuthorizeInput struct {
	ReturnTo string `json:"return_to,omitempty" doc:"Local path the browser goes to afterwards; /connections when absent"`
}

// AuthorizeOutput says where the sign-in goes on.
type AuthorizeOutput struct {
	AuthorizeURL string `json:"authorize_url" doc:"Open it in a browser"`
}

func (a *api) authorizeRoutes() {
	register(a, operation{
		method: http.MethodPost, path: "/api/connections/{id}/authorize", id: "authorize-connection", tag: "Connections", role: crosswalk.RoleAdmin,
		summary: "Begin to authorize a connection",
		detail: "Answers with the address of Microsoft's sign-in page. After sign-in and consent the browser comes back to /oauth/callback, " +
			"which ends at return_to with the parameters connection and authorized=1, or error and hint.",
	}, func(ctx context.Context, in *struct {
		IDInput
		Body AuthorizeInput
	},
	) (*body[AuthorizeOutput], error) {
		to, err := a.Connector.Begin(ctx, in.ID, callerOf(ctx).session, in.Body.ReturnTo)
		return one(AuthorizeOutput{to}, err)
	})
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
		SessionID:        who.session,
	})
	back := url.Values{}
	if out.Connection.ID != "" {
		back.Set("connection", out.Connection.ID)
	}
	if err != nil {
		message, hint := connector.Words(err)
		a.Logger.WarnContext(ctx, "authorization failed", "connection", out.Connection.Name, "error", err)
		a.note(ctx, "connection.authorization_refused", out.Connection.Name, message)
		back.Set("error", message)
		if hint != "" {
			back.Set("hint", hint)
		}
	} else {
		action := "connection.authorized"
		if out.Again {
			action = "connection.reauthorized"
		}
		a.note(ctx, action, out.Connection.Name, "as "+out.Connection.Authorization.UserName)
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
