package crosswalk

import (
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// ConnectorDynamics365 is the only kind of connector so far.
const ConnectorDynamics365 = "dynamics365"

// ConnectionStatus says whether a connection's jobs can run.
type ConnectionStatus string

// The states of a connection. Only jobs of an authorized connection run.
const (
	ConnectionNotAuthorized ConnectionStatus = "not_authorized" // created, never authorized
	ConnectionAuthorized    ConnectionStatus = "authorized"
	ConnectionRevoked       ConnectionStatus = "revoked"      // an administrator revoked it; its tokens are destroyed
	ConnectionDisconnected  ConnectionStatus = "disconnected" // Microsoft refuses the stored authorization; StatusCause says why
)

// Connection is one Dynamics 365 environment and how we sign in to it.
type Connection struct {
	ID              string           `json:"id" doc:"Id of the connection"`
	Name            string           `json:"name" doc:"Unique name, 1 to 100 characters"`
	Connector       string           `json:"connector" doc:"Kind of source; always dynamics365"`
	EnvironmentURL  string           `json:"environment_url" doc:"Base address of the environment, without a trailing slash"`
	SignInMode      SignInMode       `json:"sign_in_mode" enum:"user,client_secret,certificate" doc:"As whom the connection signs in: as a user in the browser, or as the app registration with a client secret or a certificate"`
	ClientID        string           `json:"client_id" doc:"Application (client) id of the app registration"`
	HasSecret       bool             `json:"has_secret" doc:"Whether a client secret is stored; the secret itself is never shown"`
	SecretExpiresAt *time.Time       `json:"secret_expires_at,omitempty" doc:"When the client secret expires, if somebody entered that"`
	Certificate     *Certificate     `json:"certificate,omitempty" doc:"The stored certificate; its private key is never shown"`
	Warning         *Warning         `json:"warning,omitempty" doc:"Present when the secret or certificate expires soon or has expired"`
	Status          ConnectionStatus `json:"status" enum:"not_authorized,authorized,revoked,disconnected" doc:"Whether jobs of the connection can run"`
	StatusCause     string           `json:"status_cause,omitempty" doc:"Why the connection is disconnected or, while it is authorized, which wrong set-up keeps Microsoft from giving it a new token"`
	StatusHint      string           `json:"status_hint,omitempty" doc:"What to do about it"`
	SignInFailure   *SignInFailure   `json:"sign_in_failure,omitempty" doc:"Why the last attempt to authorize the connection failed; absent once one has succeeded"`
	OrganizationID  string           `json:"organization_id,omitempty" doc:"The organization to which the first authorization pinned the connection"`
	TenantID        string           `json:"tenant_id,omitempty" doc:"The Microsoft Entra tenant of that organization"`
	Authorization   *Authorization   `json:"authorization,omitempty" doc:"The current authorization; absent when there is none"`
	Jobs            int              `json:"jobs" doc:"Number of jobs of the connection"`
	LastActivity    *time.Time       `json:"last_activity,omitempty" doc:"When a job of the connection last ran"`
	CreatedAt       time.Time        `json:"created_at"`
	UpdatedAt       time.Time        `json:"updated_at"`
}

// Authorization is the OAuth grant behind a connection. The tokens themselves
// are stored sealed and are not part of it.
type Authorization struct {
	UserID           string    `json:"user_id" doc:"systemuserid of the user as whom the connection acts"`
	UserName         string    `json:"user_name" doc:"Sign-in name of that user"`
	DisplayName      string    `json:"display_name" doc:"Full name of that user"`
	OrganizationID   string    `json:"organization_id"`
	OrganizationName string    `json:"organization_name"`
	TenantID         string    `json:"tenant_id"`
	Scopes           []string  `json:"scopes" doc:"What was granted"`
	AuthorizedAt     time.Time `json:"authorized_at"`
	ExpiresAt        time.Time `json:"expires_at" doc:"When the current access token expires; it is refreshed before that"`
}

// SignInFailure is why an attempt to authorize a connection failed. It left the
// connection as it was.
type SignInFailure struct {
	At      time.Time `json:"at"`
	Message string    `json:"message" doc:"What happened"`
	Hint    string    `json:"hint,omitempty" doc:"What to do about it"`
}

// Err returns the failure as an error of CodeUnauthorized.
func (f *SignInFailure) Err() error {
	return &Error{Code: CodeUnauthorized, Message: f.Message, Hint: f.Hint}
}

// ValidateName checks a name typed by a person for a connection or a job and
// notes what is wrong with it at field.
func ValidateName(p *Problems, field, name string) {
	switch n := utf8.RuneCountInString(name); {
	case strings.TrimSpace(name) == "":
		p.Add(field, "Enter a name.")
	case n > 100:
		p.Add(field, "The name has %d characters; at most 100 are allowed.", n)
	case strings.TrimSpace(name) != name:
		p.Add(field, "The name must not begin or end with a space.")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		p.Add(field, "The name must not hold control characters.")
	}
}

// environmentHost matches the hosts of Dataverse environments in the commercial
// cloud, where new regions get new numbers, and in the national clouds.
// Source: Microsoft's list of data center regions and national clouds.
var environmentHost = regexp.MustCompile(`^[a-z0-9-]+(\.api)?\.(crm\d*\.dynamics\.com|crm\.microsoftdynamics\.us|crm\.appsplatform\.us|crm\.dynamics\.cn)$`)

// ParseEnvironmentURL checks the address of an environment as a person typed
// it and returns it as scheme and host. A path beyond the app's home page is
// refused rather than dropped, since it suggests that something else was
// pasted. It returns CodeInvalid with what is wrong.
func ParseEnvironmentURL(raw string) (string, error) {
	const hint = "It looks like https://yourorg.crm.dynamics.com; copy it from the Power Platform admin center, Environments, Environment URL."
	fail := func(format string, args ...any) (string, error) {
		return "", Errorf(CodeInvalid, format, args...).WithHint(hint)
	}
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return fail("Enter the address of the environment.")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return fail("%q is not a web address.", raw)
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.User != nil:
		return fail("The address must not hold a user name or password.")
	case IsLoopback(host):
		if u.Scheme != "http" && u.Scheme != "https" {
			return fail("The address must begin with https://.")
		}
	case u.Scheme != "https":
		return fail("The address must begin with https://.")
	case u.Port() != "" && u.Port() != "443":
		return fail("The address must not name a port.")
	case !environmentHost.MatchString(host):
		return fail("%s is not the host of a Dynamics 365 environment.", host)
	}
	if p := strings.TrimSuffix(u.Path, "/"); p != "" && p != "/main.aspx" && !strings.HasPrefix(p, "/api/data") {
		return fail("Give the address without the path %q.", u.Path)
	}
	if !IsLoopback(host) {
		return "https://" + host, nil
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// IsLoopback reports whether host, without a port, means this machine. An
// environment there is a sandbox and may use plain http.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
