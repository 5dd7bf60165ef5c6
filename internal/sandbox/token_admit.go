package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// Codes with which the environment refuses a caller whose token is good.
const (
	codeNotAMember  = "0x80072560"
	codeNoPrivilege = "0x80040220"
)

// admit returns who calls the Web API. When the caller may not, it has
// answered the request and returns false.
func (s *Sandbox) admit(w http.ResponseWriter, r *http.Request) (caller, bool) {
	if s.cfg.bearer != "" && r.Header.Get("Authorization") == "Bearer "+s.cfg.bearer {
		return caller{UserID: s.snapshot().table("systemuser").id(0).String(), AppID: ClientID}, true
	}
	claims, ok := s.signIn.verify(r)
	if !ok {
		s.refuse(w, r)
		return caller{}, false
	}
	if demanded := s.signIn.demanded(claims); demanded != "" {
		s.challenge(w, r, demanded)
		return caller{}, false
	}
	who, refused := s.signIn.member(claims)
	if refused != nil {
		s.headers(w, r)
		c := &call{s: s, w: w, r: r, data: s.snapshot(), prefer: parsePrefer(r.Header)}
		c.fail(refused)
		return caller{}, false
	}
	return who, true
}

// verify returns the claims of the bearer token of a request to the Web API.
// It checks the signature, the audience, the lifetime, the tenant, the scope
// of a person's token and that ExpireTokens was not called since.
func (in *signIn) verify(r *http.Request) (accessClaims, bool) {
	var claims accessClaims
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || signingKeyFor(in.s.cfg.Seed).open(strings.TrimSpace(token), &claims) != nil {
		return claims, false
	}
	now := in.s.now().Unix()
	in.mu.Lock()
	expired := claims.Epoch < in.tokenEpoch
	in.mu.Unlock()
	_, known := in.person(claims.ObjectID)
	switch {
	case expired, now < claims.NotBefore, now >= claims.Expires,
		claims.Version != "1.0", // an id token is not an access token
		claims.TenantID != in.s.TenantID(),
		claims.IDType != "app" && (!known || !slices.Contains(strings.Fields(claims.Scope), "user_impersonation")),
		!slices.ContainsFunc(in.s.bases(r), func(b string) bool {
			return strings.EqualFold(b, strings.TrimSuffix(claims.Audience, "/"))
		}):
		return claims, false
	}
	return claims, true
}

// member finds the systemuser that a token speaks for, or says why the
// environment refuses it.
func (in *signIn) member(claims accessClaims) (caller, *fault) {
	users := in.s.snapshot().table("systemuser")
	stranger := &fault{http.StatusForbidden, codeNotAMember, "The user is not a member of the organization."}
	var row int
	var found bool
	if claims.IDType == "app" {
		row, found = in.applicationUser(claims.AppID)
	} else {
		p, _ := in.person(claims.ObjectID)
		if id, ok := parseGUID(p.SystemUserID); ok {
			row, found = users.row(id)
		}
	}
	if !found {
		return caller{}, stranger
	}
	id := users.id(row).String()
	if claims.IDType == "app" {
		if a, _ := in.app(claims.AppID); a.noRole {
			return caller{}, &fault{
				http.StatusForbidden, codeNoPrivilege,
				"Principal user (Id=" + id + ", type=8, roleCount=0, privilegeCount=0, accessMode=4), is missing prvReadUser privilege (Id=0b6ed8a9-4a2c-4b1e-9b0e-9f4b7a7d8f10) on OTC=8 for entity 'systemuser'. context.Caller=" + id,
			}
		}
	}
	return caller{UserID: id, App: claims.IDType == "app", AppID: claims.AppID}, nil
}
