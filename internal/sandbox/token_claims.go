package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// graph is the resource of tokens for which no environment was asked.
const graph = "00000003-0000-0000-c000-000000000000"

// accessClaims are the claims of an access token: version 1.0, as Entra makes
// them for Dataverse. Epoch is the sandbox's own (see ExpireTokens).
type accessClaims struct {
	Audience   string `json:"aud"`
	Issuer     string `json:"iss"`
	IssuedAt   int64  `json:"iat"`
	NotBefore  int64  `json:"nbf"`
	Expires    int64  `json:"exp"`
	ACR        string `json:"acr"`
	AppID      string `json:"appid"`
	AppIDACR   string `json:"appidacr"`
	FamilyName string `json:"family_name,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	Name       string `json:"name"`
	ObjectID   string `json:"oid"`
	Scope      string `json:"scp"`
	Subject    string `json:"sub"`
	TenantID   string `json:"tid"`
	UniqueName string `json:"unique_name"`
	UPN        string `json:"upn"`
	UTI        string `json:"uti"`
	Version    string `json:"ver"`
	Epoch      int64  `json:"xms_sandbox_epoch"`
}

func (in *signIn) accessClaims(account person, s scopes, now time.Time, lifetime int, epoch int64) accessClaims {
	audience, scope := s.Resource, "user_impersonation"
	if !s.Access {
		audience, scope = graph, strings.Join(s.OpenID, " ")
	}
	return accessClaims{
		Audience: audience, Issuer: "https://sts.windows.net/" + in.s.TenantID() + "/",
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + int64(lifetime),
		ACR: "1", AppID: ClientID, AppIDACR: "1", FamilyName: account.LastName, GivenName: account.FirstName, Name: account.FullName,
		ObjectID: account.ObjectID, Scope: scope, Subject: in.subject(account), TenantID: in.s.TenantID(),
		UniqueName: account.DomainName, UPN: account.DomainName, UTI: uti(), Version: "1.0", Epoch: epoch,
	}
}

// idClaims are the claims of an id token, version 2.0.
type idClaims struct {
	Audience          string `json:"aud"`
	Issuer            string `json:"iss"`
	IssuedAt          int64  `json:"iat"`
	NotBefore         int64  `json:"nbf"`
	Expires           int64  `json:"exp"`
	Name              string `json:"name,omitempty"`
	Nonce             string `json:"nonce,omitempty"`
	ObjectID          string `json:"oid,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Subject           string `json:"sub"`
	TenantID          string `json:"tid"`
	UTI               string `json:"uti"`
	Version           string `json:"ver"`
}

func (in *signIn) idClaims(r *http.Request, account person, s scopes, nonce string, now time.Time) idClaims {
	claims := idClaims{
		Audience: ClientID, Issuer: in.issuer(r), IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + 3600,
		Nonce: nonce, Subject: in.subject(account), TenantID: in.s.TenantID(), UTI: uti(), Version: "2.0",
	}
	if s.has("profile") { // without it Entra leaves out who it is
		claims.Name, claims.ObjectID, claims.PreferredUsername = account.FullName, account.ObjectID, account.DomainName
	}
	return claims
}

// verify returns who the bearer token of a request to the Web API speaks for.
// It checks the signature, the audience, the lifetime, the tenant, the scope
// and that ExpireTokens was not called since.
func (in *signIn) verify(r *http.Request) (caller, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return caller{}, false
	}
	var claims accessClaims
	if signingKeyFor(in.s.cfg.Seed).open(strings.TrimSpace(token), &claims) != nil {
		return caller{}, false
	}
	now := in.s.now().Unix()
	in.mu.Lock()
	expired := claims.Epoch < in.tokenEpoch
	in.mu.Unlock()
	account, known := in.person(claims.ObjectID)
	switch {
	case expired, !known, now < claims.NotBefore, now >= claims.Expires,
		claims.Version != "1.0", // an id token is no access token
		claims.TenantID != in.s.TenantID(),
		!slices.Contains(strings.Fields(claims.Scope), "user_impersonation"),
		!slices.ContainsFunc(in.s.bases(r), func(b string) bool {
			return strings.EqualFold(b, strings.TrimSuffix(claims.Audience, "/"))
		}):
		return caller{}, false
	}
	return caller{UserID: account.SystemUserID}, true
}
