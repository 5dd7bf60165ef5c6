package sandbox

import (
	"net/http"
	"strings"
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
	ACR        string `json:"acr,omitempty"`
	AppID      string `json:"appid"`
	AppIDACR   string `json:"appidacr"`
	FamilyName string `json:"family_name,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	Name       string `json:"name,omitempty"`
	ObjectID   string `json:"oid"`
	Scope      string `json:"scp,omitempty"`
	Subject    string `json:"sub"`
	TenantID   string `json:"tid"`
	UniqueName string `json:"unique_name,omitempty"`
	UPN        string `json:"upn,omitempty"`
	UTI        string `json:"uti"`
	Version    string `json:"ver"`
	IDType     string `json:"idtyp,omitempty"` // "app" in tokens of applications

	Capabilities []string `json:"xms_cc,omitempty"` // cp1: the client answers claims challenges

	Epoch    int64 `json:"xms_sandbox_epoch"`
	Standing int64 `json:"xms_sandbox_standing"`  // events of the account and revocations before it
	Answered int64 `json:"xms_sandbox_challenge"` // the last claims challenge it answers, in seconds since 1970
}

func (in *signIn) accessClaims(a registration, account person, s scopes, acr string, lifetime int) accessClaims {
	now := in.s.now()
	audience, scope := s.Resource, "user_impersonation"
	if !s.Access {
		audience, scope = graph, strings.Join(s.OpenID, " ")
	}
	return accessClaims{
		Audience: audience, Issuer: "https://sts.windows.net/" + in.s.TenantID() + "/",
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + int64(lifetime),
		ACR: "1", AppID: a.ClientID, AppIDACR: acr, FamilyName: account.LastName, GivenName: account.FirstName, Name: account.FullName,
		ObjectID: account.ObjectID, Scope: scope, Subject: in.subject(account, a.ClientID), TenantID: in.s.TenantID(),
		UniqueName: account.DomainName, UPN: account.DomainName, UTI: uti(), Version: "1.0",
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

func (in *signIn) idClaims(r *http.Request, a registration, account person, s scopes, nonce string) idClaims {
	now := in.s.now()
	claims := idClaims{
		Audience: a.ClientID, Issuer: in.issuer(r), IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + 3600,
		Nonce: nonce, Subject: in.subject(account, a.ClientID), TenantID: in.s.TenantID(), UTI: uti(), Version: "2.0",
	}
	if s.has("profile") { // without it Entra leaves out who it is
		claims.Name, claims.ObjectID, claims.PreferredUsername = account.FullName, account.ObjectID, account.DomainName
	}
	return claims
}
