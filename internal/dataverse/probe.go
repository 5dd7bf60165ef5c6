package dataverse

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// probeTimeout is how long a person waits for a probe.
const probeTimeout = 20 * time.Second

// Challenge is where an environment sends its callers to sign in.
type Challenge struct {
	Authority string // scheme and host, for example "https://login.microsoftonline.com"
	TenantID  string // GUID of the tenant, or "organizations" when the environment names none
	Resource  string // what to request a token for: address of the environment, without a trailing slash
}

// authorities are the hosts of Microsoft's sign-in servers in the commercial and
// the national clouds. A challenge comes from whatever answers at the address of
// the environment, so no other host is trusted.
var authorities = []string{
	"login.microsoftonline.com",
	"login.microsoftonline.us",
	"login.partner.microsoftonline.cn",
	"login.chinacloudapi.cn",
	"login.windows.net",
	"login.sovcloud-identity.fr",
	"login.sovcloud-identity.de",
	"login.sovcloud-identity.sg",
}

const probeHint = "Check the address; it looks like https://yourorg.crm.dynamics.com. Copy it from the Power Platform admin center, Environments, Environment URL."

// Probe asks the environment at baseURL, without a token, where to sign in. A
// nil transport means one of its own. Errors are *crosswalk.Error:
// CodeUnavailable when nothing answers, CodeInvalid when what answers is not
// an environment.
func Probe(ctx context.Context, transport http.RoundTripper, baseURL string) (Challenge, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return Challenge{}, err
	}
	if transport == nil {
		t := newTransport()
		defer t.CloseIdleConnections()
		transport = t
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c := &Client{base: base}
	req := c.request(ctx, &call{url: c.address("", "")})
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return Challenge{}, unreachable(err, "Could not reach "+base.Host)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	fail := func(format string, args ...any) (Challenge, error) {
		cause := odata.ParseError(resp.StatusCode, resp.Header.Get("Content-Type"), body)
		return Challenge{}, crosswalk.Errorf(crosswalk.CodeInvalid, format, args...).WithHint(probeHint).WithCause(cause)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fail("%s is not an environment: it redirects to %s.", base.Host, resp.Header.Get("Location"))
	case resp.StatusCode == http.StatusNotFound:
		return fail("%s is not an environment: it has no Web API.", base.Host)
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests:
		_, err := fail("%s answers %d, so it cannot be told where to sign in.", base.Host, resp.StatusCode)
		e := err.(*crosswalk.Error)
		e.Code, e.Hint = crosswalk.CodeUnavailable, "The environment may be starting or under maintenance. Try again later."
		return Challenge{}, e
	default:
		return fail("%s is not an environment: it answers %d where Dynamics asks for a sign-in.", base.Host, resp.StatusCode)
	}
	challenge, ok := parseChallenge(resp.Header.Values("Www-Authenticate"), base)
	if !ok {
		return fail("%s asks for a sign-in, but not with Microsoft.", base.Host)
	}
	return challenge, nil
}

// parameter matches one parameter of a challenge. Dataverse does not quote values
// and separates them by a comma and a space; other services of Microsoft quote
// them.
var parameter = regexp.MustCompile(`(?i)\b(authorization_uri|authorization|resource_id)\s*=\s*(?:"([^"]*)"|([^\s,"]+))`)

var tenantID = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func parseChallenge(headers []string, base *url.URL) (Challenge, bool) {
	for _, h := range headers {
		if len(h) < 7 || !strings.EqualFold(h[:7], "Bearer ") {
			continue
		}
		c := Challenge{Resource: base.String()}
		for _, m := range parameter.FindAllStringSubmatch(h, -1) {
			value := m[2] + m[3]
			if strings.EqualFold(m[1], "resource_id") {
				if u, err := url.Parse(value); err == nil && sameEnvironment(u, base) {
					c.Resource = u.Scheme + "://" + strings.ToLower(u.Host)
				}
				continue
			}
			u, err := url.Parse(value)
			if err != nil || !trusted(u, base) {
				continue
			}
			c.Authority = u.Scheme + "://" + strings.ToLower(u.Host)
			c.TenantID = "organizations"
			if first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); tenantID.MatchString(first) {
				c.TenantID = strings.ToLower(first)
			}
		}
		if c.Authority != "" {
			return c, true
		}
	}
	return Challenge{}, false
}

// trusted reports whether u is a sign-in server we send people to. Only a
// sandbox on this machine may have one on this machine.
func trusted(u, base *url.URL) bool {
	if crosswalk.IsLoopback(base.Hostname()) && crosswalk.IsLoopback(u.Hostname()) {
		return u.Scheme == "http" || u.Scheme == "https"
	}
	return u.Scheme == "https" && u.Port() == "" && slices.Contains(authorities, strings.ToLower(u.Hostname()))
}

// sameEnvironment reports whether a resource is the environment itself, possibly
// by its second name, which has ".api" in it. A token for anything else must not
// be requested: it would be sent to the environment.
func sameEnvironment(u, base *url.URL) bool {
	plain := func(u *url.URL) string {
		return strings.Replace(strings.ToLower(hostPort(u)), ".api.crm", ".crm", 1)
	}
	return u.Scheme == base.Scheme && plain(u) == plain(base)
}
