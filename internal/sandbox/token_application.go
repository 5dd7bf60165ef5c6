package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// application answers the client credentials grant: the app signs in as
// itself (RFC 6749, section 4.4). Source: Microsoft's description of the
// client credentials flow.
func (in *signIn) application(w http.ResponseWriter, r *http.Request, form url.Values, a registration, acr string) {
	scope := withoutOpenID(form.Get("scope"))
	if f := in.applicationScope(r, scope, a, acr); f != nil {
		in.refuseToken(w, r, f)
		return
	}
	if in.looping("client_credentials", a.ClientID, r.PathValue("tenant"), scope) {
		in.refuseLoop(w, r)
		return
	}
	resource, _, _ := cutLast(scope, "/")
	s := scopes{Resource: strings.ToLower(strings.TrimSuffix(resource, "/")), Access: true}
	claims := in.accessClaims(a, person{}, s, acr, 3599)
	claims.ACR, claims.Scope, claims.IDType = "", "", "app"
	claims.ObjectID = in.principal(a.ClientID)
	claims.Subject = claims.ObjectID
	in.stamp(&claims, form.Get("claims"), "", false)
	access, err := signingKeyFor(in.s.cfg.Seed).sign(claims)
	if err != nil {
		http.Error(w, "The token could not be signed.", http.StatusInternalServerError)
		return
	}
	lifetime := int(claims.Expires - claims.IssuedAt)
	writeTokens(w, tokenAnswer{TokenType: "Bearer", ExpiresIn: lifetime, ExtExpiresIn: lifetime, AccessToken: access})
}

// withoutOpenID returns a scope parameter without the scopes of OpenID
// Connect, which mean nothing where nobody signs in. Microsoft's library for
// Go sends them all the same.
func withoutOpenID(scope string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(scope), isOpenID), " ")
}

// applicationScope refuses what an app cannot ask for.
func (in *signIn) applicationScope(r *http.Request, scope string, a registration, acr string) *refusal {
	tenant := strings.ToLower(r.PathValue("tenant"))
	resource, name, ok := cutLast(scope, "/")
	switch {
	case acr == acrPublic:
		return refuse(7000218)
	case tenant == "common" || tenant == "organizations":
		return refuse(50059)
	case scope == "":
		return refuse(900144, "scope")
	case len(strings.Fields(scope)) > 1:
		return refuse(70011, scope)
	case !ok || name != ".default":
		return refuse(1002012, scope)
	case a.AdminConsent && !in.tenantConsented(a.ClientID):
		return refuse(700016, a.ClientID)
	}
	resource = strings.TrimSuffix(resource, "/")
	if !isDiscovery(resource) && !slices.ContainsFunc(in.s.bases(r), func(b string) bool { return strings.EqualFold(b, resource) }) {
		return refuse(500011, resource)
	}
	return nil
}

// principal is the id of an app in the tenant (its service principal): that
// of its application user when there is one.
func (in *signIn) principal(clientID string) string {
	if row, ok := in.applicationUser(clientID); ok {
		return in.s.snapshot().table("systemuser").objectID(row).String()
	}
	return randomGUID(in.s.cfg.Seed, "principal "+strings.ToLower(clientID)).String()
}

// applicationUser returns the row of the systemuser whose applicationid is the
// client id. An app without one is not a member of the environment.
func (in *signIn) applicationUser(clientID string) (int, bool) {
	id, ok := parseGUID(clientID)
	if !ok {
		return 0, false
	}
	t := in.s.snapshot().table("systemuser")
	column := t.byName["applicationid"]
	var v value
	is := func(row int) bool {
		if !t.alive(row) {
			return false
		}
		t.value(row, column, &v)
		return v.kind == kindGUID && v.id == id
	}
	if known, ok := in.applicationUsers.Load(id); ok && is(known.(int)) {
		return known.(int), true
	}
	for pos := range t.positions() {
		if row := t.at(pos); is(row) {
			in.applicationUsers.Store(id, row)
			return row, true
		}
	}
	return 0, false
}
