package sandbox

import "time"

// WithBearer returns the configuration with a token that the Web API takes
// without the sign-in server.
func WithBearer(cfg Config, token string) Config {
	cfg.bearer = token
	return cfg
}

// TokenOfTenant returns an access token that says what another says, but for
// the tenant, and is as well signed.
func TokenOfTenant(s *Sandbox, token, tenant string) (string, error) {
	key := signingKeyFor(s.cfg.Seed)
	var claims accessClaims
	if err := key.open(token, &claims); err != nil {
		return "", err
	}
	claims.TenantID, claims.Issuer = tenant, "https://sts.windows.net/"+tenant+"/"
	return key.sign(claims)
}

// SetWebhookTimeout sets how long a webhook may take to answer.
func SetWebhookTimeout(s *Sandbox, d time.Duration) { s.hookTimeout = d }
