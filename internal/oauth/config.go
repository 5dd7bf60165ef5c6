package oauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/crosswalk-data/crosswalk"
)

// Config is one app registration as used for one environment.
type Config struct {
	Authority    string // scheme and host of the sign-in server, for example https://login.microsoftonline.com
	Tenant       string // id of the tenant, or "organizations" when it is not known yet
	ClientID     string // application (client) id
	ClientSecret string // empty for a public client
	RedirectURL  string // where the browser comes back to, exactly as registered
	Resource     string // address of the environment, without a slash at the end

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

// AuthCodeURL returns the address to which to send the browser. The state
// comes back with the answer, the nonce inside the id token, and the verifier
// is needed by Exchange; only its SHA-256 is in the address. The prompt is
// "", "login", "consent" or "select_account".
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

// The sign-in servers of Microsoft's clouds. Source: Microsoft's list of
// national clouds and the hosts its own client libraries trust.
var authorities = map[string]bool{
	"login.microsoftonline.com":        true,
	"login.microsoftonline.us":         true,
	"login.partner.microsoftonline.cn": true,
	"login.chinacloudapi.cn":           true,
	"login.sovcloud-identity.fr":       true,
	"login.sovcloud-identity.de":       true,
	"login.sovcloud-identity.sg":       true,
}

// CheckAuthority refuses, with an Error of CodeInvalid, a sign-in server that
// is not one of Microsoft's. The address of the server comes from the
// environment's own answer; without this check whoever runs a false
// environment could collect client secrets. A sandbox on this machine may
// name a server on this machine.
func CheckAuthority(authority, resource string) error {
	u, err := url.Parse(authority)
	if err == nil {
		switch {
		case u.Scheme == "https" && u.Port() == "" && authorities[strings.ToLower(u.Host)]:
			return nil
		case (u.Scheme == "http" || u.Scheme == "https") && crosswalk.IsLoopback(u.Hostname()):
			if r, err := url.Parse(resource); err == nil && crosswalk.IsLoopback(r.Hostname()) {
				return nil
			}
		}
	}
	return crosswalk.Errorf(crosswalk.CodeInvalid, "The environment names %q as its sign-in server, which is not one of Microsoft's.", authority).
		WithHint("Check the address of the environment. Crosswalk sends secrets to Microsoft's own sign-in servers only.")
}

var tenantID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
