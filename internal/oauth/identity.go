package oauth

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// idClaims are the claims of a v2.0 id token that matter here.
type idClaims struct {
	Issuer            string   `json:"iss"`
	Audience          audience `json:"aud"`
	Expires           float64  `json:"exp"`
	Nonce             string   `json:"nonce"`
	TenantID          string   `json:"tid"`
	ObjectID          string   `json:"oid"`
	PreferredUsername string   `json:"preferred_username"`
	Name              string   `json:"name"`
}

// audience is one string or several.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// clockSkew is how far our clock may be off Microsoft's.
const clockSkew = 5 * time.Minute

// identify checks the id token and takes from it who signed in. The token came
// straight from the token endpoint over TLS, which replaces checking its signature
// (OpenID Connect Core, section 3.1.3.7, point 6).
func (c Config) identify(token, nonce string, g *Grant) error {
	claims, err := parseIDToken(token)
	if err != nil {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "Microsoft's answer does not say who signed in.").
			WithHint("Authorize again.").WithCause(err)
	}
	mixed := func(what string) error {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The answer belongs to another sign-in.").
			WithHint("Authorize again, in one browser window.").WithCause(errors.New("id token: " + what))
	}
	switch {
	case nonce == "" || subtle.ConstantTimeCompare([]byte(claims.Nonce), []byte(nonce)) != 1:
		return mixed("nonce differs")
	case len(claims.Audience) != 1 || !strings.EqualFold(claims.Audience[0], c.ClientID):
		return mixed("made for another client")
	case !tenantID.MatchString(claims.TenantID) || claims.ObjectID == "":
		return mixed("no tenant or no account")
	case !strings.HasSuffix(strings.ToLower(claims.Issuer), "/"+strings.ToLower(claims.TenantID)+"/v2.0"):
		return mixed("issuer of another tenant")
	case tenantID.MatchString(c.Tenant) && !strings.EqualFold(claims.TenantID, c.Tenant):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The account %s belongs to the tenant %s, but the environment belongs to %s.",
			claims.PreferredUsername, claims.TenantID, c.Tenant).
			WithHint("Authorize again and choose an account of the environment's own organization.")
	case time.Unix(int64(claims.Expires), 0).Before(c.now().Add(-clockSkew)):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The sign-in has expired, or the clock of this machine is wrong.").
			WithHint("Check the clock of this machine, then authorize again.")
	}
	g.TenantID = strings.ToLower(claims.TenantID)
	g.ObjectID = strings.ToLower(claims.ObjectID)
	g.UserName = claims.PreferredUsername
	g.DisplayName = claims.Name
	return nil
}

func parseIDToken(token string) (idClaims, error) {
	var claims idClaims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims, errors.New("id token: not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims, errors.New("id token: not base64")
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return claims, errors.New("id token: not JSON")
	}
	return claims, nil
}
