package oauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Config is one app registration as used for one environment.
type Config struct {
	Authority    string       // scheme and host of the sign-in server, for example https://login.microsoftonline.com
	Tenant       string       // id of the tenant, or "organizations" when it is not known yet
	ClientID     string       // application (client) id
	ClientSecret string       // empty for a public client, and ignored when there is a Certificate
	Certificate  *Certificate // by which the app proves who it is; nil means by the secret
	RedirectURL  string       // where the browser comes back to, exactly as registered
	Resource     string       // address of the environment, without a trailing slash
	Claims       string       // claims (JSON) a challenge demanded; empty for none

	HTTP *http.Client     // nil means a client with a timeout of 30 s
	Now  func() time.Time // nil means time.Now
}

// String describes the configuration without the secret.
func (c Config) String() string {
	return fmt.Sprintf("oauth.Config(%s/%s client %s for %s)", c.Authority, c.Tenant, c.ClientID, c.Resource)
}

// GoString is String, so that %#v does not show the secret either.
func (c Config) GoString() string { return c.String() }

// LogValue is String for structured logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// NewVerifier makes a PKCE code verifier (RFC 7636): 43 characters with 256
// random bits. It also serves as a state or nonce.
func NewVerifier() string { return oauth2.GenerateVerifier() }

// AuthCodeURL returns the address to which to send the browser. The state comes back
// with the answer, and the nonce inside the id token. Exchange needs the verifier, of
// which only the SHA-256 is in the address. The prompt is "", "login", "consent" or
// "select_account".
func (c Config) AuthCodeURL(state, nonce, verifier string, prompt string) string {
	conf := oauth2.Config{
		ClientID:    c.ClientID,
		RedirectURL: c.RedirectURL,
		Scopes:      strings.Fields(c.scope()),
		Endpoint:    oauth2.Endpoint{AuthURL: c.endpoint("authorize")},
	}
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("nonce", nonce),
		oauth2.SetAuthURLParam("response_mode", "query"),
		oauth2.SetAuthURLParam("claims", mergeClaims(c.Claims)),
	}
	if prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	return conf.AuthCodeURL(state, options...)
}

// scope asks for the environment as the user, for a refresh token and for an
// id token with the user's name.
func (c Config) scope() string {
	return strings.TrimSuffix(c.Resource, "/") + "/user_impersonation offline_access openid profile"
}

func (c Config) endpoint(name string) string {
	return strings.TrimSuffix(c.Authority, "/") + "/" + url.PathEscape(c.Tenant) + "/oauth2/v2.0/" + name
}

func (c Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
