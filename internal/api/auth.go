package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/access"
)

// sessionCookie holds the token of a browser session.
const sessionCookie = "crosswalk_session"

// caller is who sent the request.
type caller struct {
	user    crosswalk.User
	session string // hash of the browser session, as text; "" for API tokens
	remote  string // address of the client, for rate limits
	failed  error  // why it cannot be said who it is
}

type callerKey struct{}

// callerOf returns who sent the request; its user is empty when nobody is
// signed in.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// authenticate finds out who calls and refuses who may not.
func (a *api) authenticate(hctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hctx)
	c := a.identify(r)
	role, _ := hctx.Operation().Metadata[roleKey].(crosswalk.Role)
	switch {
	case role == "":
	case c.failed != nil:
		a.Logger.ErrorContext(r.Context(), "find out who calls", "error", c.failed)
		writeProblem(w, crosswalk.Errorf(crosswalk.CodeUnavailable, "Crosswalk cannot find out who you are: its database does not answer.").
			WithHint("Try again in a moment."))
		return
	case c.user.Role == "":
		writeProblem(w, crosswalk.Errorf(crosswalk.CodeUnauthorized, "You are not signed in.").
			WithHint("Sign in, or send an API token as Authorization: Bearer."))
		return
	case !c.user.Role.Allows(role):
		writeProblem(w, crosswalk.Errorf(crosswalk.CodeForbidden, "Your role does not allow this.").
			WithHint("Ask an administrator for the role %s.", role))
		return
	}
	next(huma.WithValue(hctx, callerKey{}, c))
}

// identify returns the caller of a request: by API token, else by session.
func (a *api) identify(r *http.Request) caller {
	c := caller{remote: remoteHost(r)}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		user, err := a.Store.FindAPIToken(r.Context(), access.HashToken(token))
		c.user, c.failed = user, unlessUnknown(err)
		return c
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		hash := access.HashToken(cookie.Value)
		user, err := a.Store.FindSession(r.Context(), hash)
		if c.user, c.failed = user, unlessUnknown(err); err == nil {
			c.session = sessionID(hash)
		}
	}
	return c
}

// unlessUnknown returns the error of looking for a token unless it says that
// there is no such token.
func unlessUnknown(err error) error {
	if code := crosswalk.ErrorCode(err); code == crosswalk.CodeNotFound || code == crosswalk.CodeUnauthorized {
		return nil
	}
	return err
}

func remoteHost(r *http.Request) string {
	host := r.RemoteAddr
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	return host
}

// note adds a line to the activity log. A line that cannot be written is
// logged; it does not undo what was done.
func (a *api) note(ctx context.Context, action, subject, detail string) {
	a.noteEvent(ctx, crosswalk.Event{Action: action, Subject: subject, Detail: detail})
}

// noteRun adds a line about a run.
func (a *api) noteRun(ctx context.Context, action string, run crosswalk.Run, detail string) {
	a.noteEvent(ctx, crosswalk.Event{Action: action, Subject: run.JobName, Detail: detail, RunID: run.ID, Run: run.Number})
}

func (a *api) noteEvent(ctx context.Context, e crosswalk.Event) {
	if e.Actor = callerOf(ctx).user.Name; e.Actor == "" {
		e.Actor = "Crosswalk"
	}
	if err := a.Store.InsertEvent(ctx, e); err != nil {
		a.Logger.ErrorContext(ctx, "write activity log", "action", e.Action, "error", err)
	}
}
