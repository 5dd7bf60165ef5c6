package connector

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/access"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// signInLife is how long a person may take on the sign-in pages.
const signInLife = 15 * time.Minute

// pending is what must be remembered between the two halves of a sign-in. It is
// stored sealed.
type pending struct {
	Verifier string `json:"verifier"`
	Nonce    string `json:"nonce"`
	Claims   string `json:"claims,omitempty"`  // what a challenge demanded
	Consent  bool   `json:"consent,omitempty"` // an administrator's approval, which ends without a code
}

// Begin starts the sign-in of a user for a connection and returns the address
// to open in the browser. SessionID, when not empty, binds the sign-in to the
// browser session that began it; returnTo is the local path to go to
// afterwards. It returns CodeConflict for a connection that signs in as an
// application.
func (c *Connector) Begin(ctx context.Context, id, sessionID, returnTo string) (string, error) {
	conn, err := c.Store.FindConnection(ctx, id)
	if err != nil {
		return "", err
	}
	if conn.SignInMode.Application() {
		return "", crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s signs in as an application; there is no page to open.", conn.Name)
	}
	cfg, err := c.oauthConfig(ctx, conn)
	if err != nil {
		return "", err
	}
	p := pending{Verifier: oauth.NewVerifier(), Nonce: crosswalk.NewID()}
	if p.Claims, err = c.Store.RequiredClaims(ctx, id); err != nil {
		return "", err
	}
	cfg.Claims = p.Claims
	state, err := c.remember(ctx, id, p, store.SignIn{SessionID: sessionID, ReturnTo: LocalPath(returnTo), ExpiresAt: c.Now().Add(signInLife)})
	if err != nil {
		return "", err
	}
	return cfg.AuthCodeURL(state, p.Nonce, p.Verifier, "select_account"), nil
}

// remember stores what is needed when the browser comes back and returns the
// state by which it is found again.
func (c *Connector) remember(ctx context.Context, id string, p pending, in store.SignIn) (state string, err error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	in.ConnectionID = id
	state, in.StateHash = access.NewToken()
	if in.Sealed, err = c.Keys.Seal(plain, "signin/"+id); err != nil {
		return "", err
	}
	return state, c.Store.InsertSignIn(ctx, in)
}

// LocalPath returns path when it is a path on this site, and "/connections" otherwise.
// It keeps a sign-in from ending on somebody else's site.
func LocalPath(path string) string {
	const fallback = "/connections"
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\t\r\n") {
		return fallback
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || strings.Contains(u.Path, "//") {
		return fallback
	}
	return path
}

// Callback is what the sign-in server sent back through the browser.
type Callback struct {
	State, Code, Error, ErrorDescription string
	AdminConsent                         bool   // the answer to an administrator's approval
	SessionID                            string // of the browser that came back; empty when it has none
}

// Outcome says how a sign-in ended. Connection and ReturnTo are set once the sign-in
// is known, whether it succeeded or not.
type Outcome struct {
	Connection crosswalk.Connection
	ReturnTo   string
	JobMade    bool // the out-of-the-box job was made
	Again      bool // the connection had been authorized before
	Consent    bool // it was an administrator's approval, which leaves the connection as it was
}

// Complete ends a sign-in: it redeems the code, finds out who signed in to
// which organization, and stores the authorization. On any error the
// connection stays as it was.
func (c *Connector) Complete(ctx context.Context, cb Callback) (Outcome, error) {
	out := Outcome{ReturnTo: LocalPath("")}
	signIn, err := c.Store.TakeSignIn(ctx, access.HashToken(cb.State))
	switch {
	case crosswalk.ErrorCode(err) == crosswalk.CodeNotFound:
		return out, crosswalk.Errorf(crosswalk.CodeInvalid, "This sign-in is not known: it was finished already, or it took longer than %d minutes.", int(signInLife.Minutes())).
			WithHint("Go back to the connection and authorize it again.")
	case err != nil:
		return out, err
	}
	out.ReturnTo = signIn.ReturnTo
	if out.Connection, err = c.Store.FindConnection(ctx, signIn.ConnectionID); err != nil {
		return out, err
	}
	out.Again = out.Connection.OrganizationID != ""
	if signIn.SessionID != "" && signIn.SessionID != cb.SessionID {
		return out, crosswalk.Errorf(crosswalk.CodeInvalid, "This sign-in was begun in another browser session.").
			WithHint("Authorize the connection again and finish in the same browser.")
	}
	plain, err := c.Keys.Open(signIn.Sealed, "signin/"+signIn.ConnectionID)
	if err != nil {
		return out, err
	}
	var p pending
	if err := json.Unmarshal(plain, &p); err != nil {
		return out, err
	}
	out.Consent = p.Consent
	switch {
	case cb.Error != "":
		return out, oauth.Explain(oauth.CallbackError(cb.Error, cb.ErrorDescription))
	case p.Consent != cb.AdminConsent:
		return out, crosswalk.Errorf(crosswalk.CodeInvalid, "The answer belongs to another sign-in.").
			WithHint("Authorize the connection again.")
	case p.Consent:
		return out, nil // the answer names a tenant, which proves nothing; the next sign-in shows whether it helped
	}
	cfg, err := c.oauthConfig(ctx, out.Connection)
	if err != nil {
		return out, err
	}
	cfg.Claims = p.Claims
	grant, err := cfg.Exchange(ctx, cb.Code, p.Verifier, p.Nonce)
	if err != nil {
		return out, oauth.Explain(err)
	}
	return out, c.authorized(ctx, &out, grant)
}

// authorized finds out to whom the grant belongs and stores it.
func (c *Connector) authorized(ctx context.Context, out *Outcome, grant *oauth.Grant) error {
	auth, err := c.identify(ctx, out.Connection, grant)
	if err != nil {
		return err
	}
	raw, err := c.sealTokens(out.Connection.ID, sealed{grant.AccessToken, grant.RefreshToken, grant.ExpiresAt})
	if err != nil {
		return err
	}
	out.JobMade, err = c.Store.Authorize(ctx, out.Connection.ID, auth, raw, func() crosswalk.Job {
		return crosswalk.NewUserSync(out.Connection.ID, out.Connection.Name)
	})
	if err != nil {
		return err
	}
	c.Forget(out.Connection.ID)
	out.Connection, err = c.Store.FindConnection(ctx, out.Connection.ID)
	return err
}

// identify asks the environment to whom the new tokens belong.
func (c *Connector) identify(ctx context.Context, conn crosswalk.Connection, grant *oauth.Grant) (crosswalk.Authorization, error) {
	client := dataverse.New(dataverse.Config{
		BaseURL: conn.EnvironmentURL,
		Token:   func(context.Context, bool) (string, error) { return grant.AccessToken, nil },
		Logger:  c.Logger,
	})
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return crosswalk.Authorization{}, c.explainApplication(conn, err)
	}
	auth := crosswalk.Authorization{
		UserID:         who.UserID,
		UserName:       grant.UserName,
		DisplayName:    grant.DisplayName,
		OrganizationID: who.OrganizationID,
		TenantID:       grant.TenantID,
		Scopes:         grant.Scopes,
		AuthorizedAt:   c.Now().UTC(),
		ExpiresAt:      grant.ExpiresAt.UTC(),
	}
	if auth.OrganizationName, err = client.Organization(ctx, who.OrganizationID); err != nil {
		return crosswalk.Authorization{}, c.explainApplication(conn, err)
	}
	user, err := client.User(ctx, who.UserID)
	if err != nil {
		return crosswalk.Authorization{}, c.explainApplication(conn, err)
	}
	if user.FullName != "" {
		auth.DisplayName = user.FullName
	}
	if user.DomainName != "" {
		auth.UserName = user.DomainName
	}
	if auth.UserName == "" { // some application users have none
		auth.UserName = cmp.Or(conn.ClientID, c.ClientID)
	}
	return auth, nil
}
