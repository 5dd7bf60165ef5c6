package oauth

import (
	"context"
	"net/url"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// Credentials gets an access token for the app registration itself (client
// credentials, RFC 6749 section 4.4), which proves itself by the certificate or the
// client secret. There is no refresh token: when the token expires, the next one is
// requested the same way. Tenant must be the tenant's id. It returns an *Error when
// Microsoft refuses or does not answer properly.
func (c Config) Credentials(ctx context.Context) (*Grant, error) {
	if !tenantID.MatchString(c.Tenant) {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The environment does not say to which tenant it belongs, so an application cannot sign in.").
			WithHint("Check the address of the environment. Signing in as a user works without the tenant's id.")
	}
	answer, err := c.post(ctx, url.Values{
		"grant_type": {"client_credentials"},
		"scope":      {c.appScope()},
	})
	if err != nil {
		return nil, err
	}
	g := answer.grant(c.now())
	g.RefreshToken = "" // Microsoft sends none
	g.TenantID = strings.ToLower(c.Tenant)
	if len(g.Scopes) == 0 {
		g.Scopes = []string{c.appScope()}
	}
	return g, nil
}

// appScope asks for whatever the app registration may do in the environment, the
// only scope that an application can ask for.
func (c Config) appScope() string { return strings.TrimSuffix(c.Resource, "/") + "/.default" }

// AdminConsentURL returns the address at which an administrator of the tenant
// approves the app for everybody. State comes back with the answer to
// RedirectURL, together with admin_consent=True, and an error if there was
// one. Source: Microsoft's description of the admin consent endpoint.
func (c Config) AdminConsentURL(state string) string {
	q := url.Values{
		"client_id":    {c.ClientID},
		"scope":        {c.appScope()},
		"redirect_uri": {c.RedirectURL},
		"state":        {state},
	}
	return strings.TrimSuffix(c.Authority, "/") + "/" + url.PathEscape(c.Tenant) + "/v2.0/adminconsent?" + q.Encode()
}
