package sandbox

import (
	"net/http"
	"strings"
)

// The admin consent page comes in two versions that differ in how they take
// scopes and tell a refusal. Source: Microsoft's description of the admin
// consent endpoint.

// adminConsent begins an administrator's consent for the tenant (GET).
func (in *signIn) adminConsent(w http.ResponseWriter, r *http.Request) {
	req, ok := in.parseAdmin(w, r)
	if !ok {
		return
	}
	if who, signedIn := in.signedIn(r); signedIn && in.admin(who) {
		in.adminConsentPage(w, r, req, who)
		return
	}
	in.pickAccount(w, r, req, "")
}

// answerAdmin takes what the account page or the consent page sent (POST).
func (in *signIn) answerAdmin(w http.ResponseWriter, r *http.Request) {
	req, ok := in.parseAdmin(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	account, known := in.person(r.PostFormValue("account"))
	decision := r.PostFormValue("decision")
	if decision == "" {
		switch {
		case !known:
			in.pickAccount(w, r, req, "Choose one of these accounts.")
		case !in.admin(account):
			in.pickAccount(w, r, req, account.DomainName+" is not an administrator of this tenant. Choose one who is.")
		default:
			in.startSession(w, r, account)
			in.adminConsentPage(w, r, req, account)
		}
		return
	}
	who, signedIn := in.signedIn(r)
	switch {
	case !signedIn || !known || who.ObjectID != account.ObjectID || !in.admin(who):
		in.pickAccount(w, r, req, "Your sign-in has ended. Choose an account again.")
	case decision == "accept":
		in.consentForTenant(req.app.ClientID)
		in.s.log.Info("consented for the tenant", "app", req.app.ClientID, "user", who.DomainName)
		pairs := []string{"admin_consent", "True", "tenant", in.s.TenantID(), "state", req.state}
		if isSecondVersion(r) {
			pairs = append(pairs, "scope", r.URL.Query().Get("scope"))
		}
		in.redirect(w, r, req, pairs...)
	default:
		in.refuseAdmin(w, r, req)
	}
}

// isSecondVersion reports whether a request is for the page of version 2.
func isSecondVersion(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/v2.0/adminconsent")
}

// refuseAdmin sends the browser back with the administrator's no. The second
// version says admin_consent=True then too.
func (in *signIn) refuseAdmin(w http.ResponseWriter, r *http.Request, req request) {
	f, t := refuse(65004), in.trace(r)
	in.s.log.Info("sign-in refused", "error", f.code, "number", f.number, "trace", t.id)
	if isSecondVersion(r) {
		in.redirect(w, r, req, "admin_consent", "True", "error", "consent_required", "error_description", f.description(t), "state", req.state)
		return
	}
	in.redirect(w, r, req, "error", "permission_denied", "error_description", f.description(t), "state", req.state)
}

// parseAdmin checks the request. All that is wrong with it is shown as a page;
// then it returns false.
func (in *signIn) parseAdmin(w http.ResponseWriter, r *http.Request) (request, bool) {
	q := r.URL.Query()
	req := request{redirect: q.Get("redirect_uri"), state: q.Get("state"), tenant: strings.ToLower(r.PathValue("tenant"))}
	var shown *refusal
	switch {
	case !in.knownTenant(r):
		shown = refuse(90002, r.PathValue("tenant"))
	case req.tenant == "common" && isSecondVersion(r):
		shown = refuse(90019)
	case q.Get("client_id") == "":
		shown = refuse(900144, "client_id")
	default:
		shown = in.redirectable(&req, q.Get("client_id"))
	}
	if shown == nil {
		scope := q.Get("scope")
		if !isSecondVersion(r) { // takes what the app is registered for
			scope = in.s.baseURL(r) + "/.default"
		}
		req.scopes, shown = parseScopes(scope, in.s.bases(r))
	}
	if shown != nil {
		in.errorPage(w, r, shown)
	}
	return req, shown == nil
}

func (in *signIn) adminConsentPage(w http.ResponseWriter, r *http.Request, req request, who person) {
	in.page(w, r, http.StatusOK, "consent", pageData{
		Title: "Permissions requested", App: req.app.name(), BackTo: hostOf(req.redirect), Account: who,
		Permissions: req.scopes.permissions(), Tenant: true,
	})
}
