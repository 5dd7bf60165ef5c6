package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/access"
)

// sessionLife is how long a browser stays signed in.
const sessionLife = 14 * 24 * time.Hour

// Link is a one-time sign-in link.
type Link struct {
	URL string `json:"url" doc:"Open it in a browser; it works once, for a day"`
}

func sessionID(hash []byte) string { return hex.EncodeToString(hash) }

// Session is who is signed in.
type Session struct {
	User crosswalk.User `json:"user"`
}

type sessionOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Session
}

// Status tells a client that is not signed in what to show.
type Status struct {
	Version       string `json:"version"`
	SetupRequired bool   `json:"setup_required" doc:"Whether there is no administrator yet"`
	Authenticated bool   `json:"authenticated" doc:"Whether the caller is signed in"`
}

// Settings is what a client needs to know of the installation.
type Settings struct {
	PublicURL   string `json:"public_url" doc:"Address people reach the server at"`
	RedirectURL string `json:"redirect_url" doc:"Redirect address to register with the app in Microsoft Entra"`
	ClientID    string `json:"client_id" doc:"App registration used by connections without one of their own; may be empty"`
}

// SetupInput makes the first administrator.
type SetupInput struct {
	Token    string `json:"token" doc:"Token of the one-time link"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password" doc:"10 to 200 characters"`
}

// SignInInput signs a person in.
type SignInInput struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// LinkInput redeems a one-time link.
type LinkInput struct {
	Token string `json:"token"`
}

// LinkOutput says what a one-time link led to.
type LinkOutput struct {
	SetupRequired bool            `json:"setup_required" doc:"There is no administrator yet: post the same token to /api/setup"`
	User          *crosswalk.User `json:"user,omitempty" doc:"Who is signed in now; absent when set-up is required"`
}

type linkOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      LinkOutput
}

func (a *api) accessRoutes() {
	register(a, operation{
		method: http.MethodGet, path: "/api/status", id: "get-status", tag: "Access",
		summary: "What a client may know without signing in",
	}, a.status)
	register(a, operation{
		method: http.MethodGet, path: "/api/settings", id: "get-settings", tag: "Access", role: crosswalk.RoleViewer,
		summary: "Settings of the installation",
	}, func(context.Context, *struct{}) (*body[Settings], error) {
		return &body[Settings]{Settings{a.PublicURL, a.PublicURL + "/oauth/callback", a.ClientID}}, nil
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/setup", id: "set-up", tag: "Access",
		summary: "Make the first administrator", detail: "Works once, with the token of the one-time link that the server prints at its start.",
	}, a.setup)
	register(a, operation{
		method: http.MethodPost, path: "/api/session", id: "sign-in", tag: "Access", summary: "Sign in",
	}, a.signIn)
	register(a, operation{
		method: http.MethodPost, path: "/api/session/link", id: "redeem-link", tag: "Access",
		summary: "Sign in with a one-time link",
	}, a.redeemLink)
	register(a, operation{
		method: http.MethodPost, path: "/api/links", id: "create-link", tag: "Access", role: crosswalk.RoleSuperAdmin,
		summary: "Make a one-time sign-in link", status: http.StatusCreated,
		detail: "It leads to the set-up page while there is no administrator, and signs the first one in afterwards.",
	}, func(ctx context.Context, _ *struct{}) (*body[Link], error) {
		to, err := a.SignInLink(ctx)
		return one(Link{to}, err)
	})
	register(a, operation{
		method: http.MethodGet, path: "/api/session", id: "get-session", tag: "Access", role: crosswalk.RoleViewer,
		summary: "Who is signed in",
	}, func(ctx context.Context, _ *struct{}) (*body[Session], error) {
		return &body[Session]{Session{callerOf(ctx).user}}, nil
	})
	register(a, operation{
		method: http.MethodDelete, path: "/api/session", id: "sign-out", tag: "Access", role: crosswalk.RoleViewer,
		summary: "Sign out", status: http.StatusNoContent,
	}, a.signOut)
}

func (a *api) status(ctx context.Context, _ *struct{}) (*body[Status], error) {
	n, err := a.Store.CountUsers(ctx)
	return one(Status{Version: a.Version, SetupRequired: n == 0, Authenticated: callerOf(ctx).user.Role != ""}, err)
}

func (a *api) setup(ctx context.Context, in *body[SetupInput]) (*sessionOutput, error) {
	var p crosswalk.Problems
	in.Body.Email = strings.TrimSpace(in.Body.Email)
	crosswalk.ValidateName(&p, "name", in.Body.Name)
	if !crosswalk.IsEmail(in.Body.Email) {
		p.AddHint("email", "Write it like name@example.com.", "%q is not an e-mail address.", in.Body.Email)
	}
	crosswalk.ValidatePassword(&p, "password", in.Body.Password)
	if err := p.Err("The administrator cannot be made."); err != nil {
		return nil, err
	}
	user := crosswalk.User{Name: in.Body.Name, Email: in.Body.Email, Role: crosswalk.RoleSuperAdmin}
	if err := a.Store.InsertFirstUser(ctx, access.HashToken(in.Body.Token), &user, access.HashPassword(in.Body.Password)); err != nil {
		return nil, err
	}
	return a.startSession(ctx, user)
}

func (a *api) signIn(ctx context.Context, in *body[SignInInput]) (*sessionOutput, error) {
	email := strings.ToLower(strings.TrimSpace(in.Body.Email))
	from := callerOf(ctx).remote
	if wait := max(a.perAccount.Take(email), a.perAddress.Take(from)); wait > 0 {
		return nil, tooMany(wait)
	}
	user, hash, err := a.Store.FindUserByEmail(ctx, email)
	if code := crosswalk.ErrorCode(err); code != "" && code != crosswalk.CodeNotFound {
		return nil, err
	}
	// An unknown address costs the same time as a wrong password.
	if !access.VerifyPassword(hash, in.Body.Password) || err != nil {
		return nil, crosswalk.Errorf(crosswalk.CodeUnauthorized, "The e-mail address or the password is wrong.").
			WithHint("Check both; a super administrator can get a one-time link with: crosswalk link")
	}
	a.perAccount.Reset(email)
	a.perAddress.Reset(from)
	return a.startSession(ctx, user)
}

func (a *api) redeemLink(ctx context.Context, in *body[LinkInput]) (*linkOutput, error) {
	hash := access.HashToken(in.Body.Token)
	n, err := a.Store.CountUsers(ctx)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		if err := a.Store.CheckLink(ctx, hash); err != nil {
			return nil, err
		}
		return &linkOutput{Body: LinkOutput{SetupRequired: true}}, nil
	}
	if err := a.Store.TakeLink(ctx, hash); err != nil {
		return nil, err
	}
	user, err := a.Store.FirstAdmin(ctx)
	if err != nil {
		return nil, err
	}
	out, err := a.startSession(ctx, user)
	if err != nil {
		return nil, err
	}
	return &linkOutput{SetCookie: []http.Cookie{out.SetCookie}, Body: LinkOutput{User: &user}}, nil
}

// startSession makes a session with a token of its own, so that none from
// before the sign-in goes on.
func (a *api) startSession(ctx context.Context, user crosswalk.User) (*sessionOutput, error) {
	token, hash := access.NewToken()
	expires := time.Now().Add(sessionLife)
	if err := a.Store.InsertSession(ctx, hash, user.ID, expires); err != nil {
		return nil, err
	}
	return &sessionOutput{SetCookie: a.cookie(token, expires), Body: Session{user}}, nil
}

func (a *api) cookie(token string, expires time.Time) http.Cookie {
	return http.Cookie{
		Name:     sessionCookie,
		Value:    token,
		Path:     "/",
		Expires:  expires,
		HttpOnly: true,
		Secure:   strings.HasPrefix(a.PublicURL, "https:"),
		SameSite: http.SameSiteLaxMode, // the sign-in server's redirect must bring it
	}
}

func (a *api) signOut(ctx context.Context, _ *struct{}) (*struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}, error,
) {
	if id := callerOf(ctx).session; id != "" {
		hash, err := hex.DecodeString(id)
		if err == nil {
			err = a.Store.DeleteSession(ctx, hash)
		}
		if err != nil {
			return nil, err
		}
	}
	return &struct {
		SetCookie http.Cookie `header:"Set-Cookie"`
	}{a.cookie("", time.Unix(0, 0))}, nil
}
