package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestSignInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	v := b.open(w.authorizeURL("organizations", nil)).wantPage(t, "Choose an account")
	for _, x := range v.buttons() {
		if x.name != "account" || len(x.value) != 36 || !strings.Contains(x.text, " ") || !strings.Contains(x.text, "@") {
			t.Errorf("button %+v, want the name and address of a person", x)
		}
	}
	if n := len(v.buttons()); n < 2 {
		t.Errorf("%d accounts, want several", n)
	}
	for name, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://127.0.0.1:8080",
		"Cache-Control":           "no-store", "X-Frame-Options": "DENY",
	} {
		if got := v.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if strings.Contains(v.text, "<script") || !strings.Contains(v.text, ">Sandbox<") {
		t.Error("the page has scripts or does not say that it is a sandbox")
	}

	who := v.buttons()[1]
	v = b.press(v, who.text).wantPage(t, "Permissions requested")
	for _, scope := range []string{"user_impersonation", "offline_access", "openid profile"} {
		if !strings.Contains(v.text, `data-scope="`+scope+`"`) {
			t.Errorf("the permission %s is not listed", scope)
		}
	}
	mail := who.text[strings.LastIndexByte(who.text, ' ')+1:]
	if !strings.Contains(v.text, mail) {
		t.Errorf("the page does not show the account %s", mail)
	}
	if diff := cmp.Diff([]button{{"decision", "decline", "Cancel"}, {"decision", "accept", "Accept"}}, v.buttons(), cmp.AllowUnexported(button{})); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}

	back := b.press(v, "Accept")
	back.wantCode(t)
	if got := back.location.Scheme + "://" + back.location.Host + back.location.Path; got != callback {
		t.Errorf("sent back to %s", got)
	}
	if q := back.location.Query(); q.Get("state") != "state 1" || len(q.Get("session_state")) != 36 {
		t.Errorf("sent back with %v", q)
	}
}

func TestSignInDecline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	v := b.open(w.authorizeURL("common", nil)).wantPage(t, "Choose an account")
	v = b.press(v, v.buttons()[0].text)
	back := b.press(v, "Cancel")
	back.wantError(t, "access_denied", "65004")
	raw := back.header.Get("Location")
	if !strings.HasPrefix(raw, callback+"?error=access_denied&error_description=AADSTS65004%3a+User+declined") || !strings.HasSuffix(raw, "&state=state+1") {
		t.Errorf("Location = %s", raw)
	}
	// Nothing was remembered: the next try asks again.
	b.open(w.authorizeURL("common", nil)).wantPage(t, "Permissions requested")
}

func TestSignInPrompt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	with := func(kv ...string) view {
		change := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			change[kv[i]] = kv[i+1]
		}
		return b.open(w.authorizeURL("organizations", change))
	}
	with("prompt", "none").wantError(t, "login_required", "50058")
	v := with().wantPage(t, "Choose an account")
	first, second := v.buttons()[0], v.buttons()[1]
	v = b.press(v, first.text)
	with("prompt", "none").wantError(t, "consent_required", "65001")
	b.press(v, "Accept").wantCode(t)

	with().wantCode(t) // signed in and consented: no page
	with("prompt", "none").wantCode(t)
	with("prompt", "consent").wantPage(t, "Permissions requested")
	with("prompt", "login").wantPage(t, "Choose an account")
	v = with("prompt", "select_account").wantPage(t, "Choose an account")
	b.press(v, first.text).wantCode(t)                           // consent is remembered
	b.press(v, second.text).wantPage(t, "Permissions requested") // for each account
	with("scope", w.url+"/user_impersonation").wantPage(t, "Permissions requested")
	with("prompt", "create").wantError(t, "invalid_request", "90023")

	// The account named by the client is the only one offered.
	mail := first.text[strings.LastIndexByte(first.text, ' ')+1:]
	v = with("login_hint", strings.ToUpper(mail)).wantPage(t, "Choose an account")
	if diff := cmp.Diff([]button{first}, v.buttons(), cmp.AllowUnexported(button{})); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	b.press(v, first.text).wantCode(t)
	with("login_hint", mail).wantCode(t)
	v = with("login_hint", "<nobody@example.com>").wantPage(t, "Choose an account")
	if !strings.Contains(v.text, "&lt;nobody@example.com&gt; is not an account") || len(v.buttons()) < 2 {
		t.Error("a hint nobody has is not told, or hides the accounts")
	}
}

func TestSignInEndedSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	v := b.open(w.authorizeURL("organizations", nil))
	consent := b.press(v, v.buttons()[0].text)

	other := newBrowser(t) // without the cookie the consent form proves nothing
	other.press(consent, "Accept").wantPage(t, "Choose an account")
	w.RevokeSessions()
	b.press(consent, "Accept").wantPage(t, "Choose an account")

	v = b.open(w.authorizeURL("organizations", nil)).wantPage(t, "Choose an account")
	b.press(b.press(v, v.buttons()[0].text), "Accept").wantCode(t)
	out := b.open(w.url + "/organizations/oauth2/v2.0/logout?post_logout_redirect_uri=" + url.QueryEscape("http://localhost:1/bye"))
	if out.location == nil || out.location.String() != "http://localhost:1/bye" {
		t.Errorf("logout sends to %v", out.location)
	}
	b.open(w.authorizeURL("organizations", nil)).wantPage(t, "Choose an account")
	b.open(w.url+"/organizations/oauth2/v2.0/logout?post_logout_redirect_uri=https://evil.example/").wantPage(t, "You are signed out")
}

func TestSignInForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	address := w.authorizeURL("organizations", nil)
	v := b.read(b.client.PostForm(address, url.Values{"account": {"00000000-0000-0000-0000-000000000000"}}))
	v.wantPage(t, "Choose an account")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("account="+v.buttons()[0].value))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "http://evil.example")
	if got := b.read(b.client.Do(req)); got.status != http.StatusForbidden {
		t.Errorf("a form of another site got %d, want 403", got.status)
	}
}

func TestSignInErrorPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct {
		tenant string
		change map[string]string
		number string
	}{
		"unknown client":         {"organizations", map[string]string{"client_id": "00000000-0000-0000-0000-000000000000"}, "700016"},
		"no client":              {"organizations", map[string]string{"client_id": ""}, "900144"},
		"unknown tenant":         {"consumers", nil, "90002"},
		"no redirect":            {"organizations", map[string]string{"redirect_uri": ""}, "900144"},
		"redirect elsewhere":     {"organizations", map[string]string{"redirect_uri": "https://evil.example/oauth/callback"}, "50011"},
		"redirect path":          {"organizations", map[string]string{"redirect_uri": "http://127.0.0.1:8080/oauth/Callback"}, "50011"},
		"redirect slash":         {"organizations", map[string]string{"redirect_uri": callback + "/"}, "50011"},
		"redirect escaped":       {"organizations", map[string]string{"redirect_uri": "http://127.0.0.1:8080/oauth%2Fcallback"}, "50011"},
		"redirect query":         {"organizations", map[string]string{"redirect_uri": callback + "?x=1"}, "50011"},
		"redirect fragment":      {"organizations", map[string]string{"redirect_uri": callback + "#x"}, "50011"},
		"redirect user":          {"organizations", map[string]string{"redirect_uri": "http://127.0.0.1@evil.example/oauth/callback"}, "50011"},
		"redirect scheme":        {"organizations", map[string]string{"redirect_uri": "javascript://127.0.0.1/oauth/callback"}, "50011"},
		"redirect with a script": {"organizations", map[string]string{"redirect_uri": `"><script>alert(1)</script>`}, "50011"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newBrowser(t).open(w.authorizeURL(tt.tenant, tt.change))
			if v.status != http.StatusBadRequest || v.location != nil || v.title() != "We cannot sign you in" || !strings.Contains(v.text, "AADSTS"+tt.number) {
				t.Errorf("answer = %d %q to %v, want a page with AADSTS%s", v.status, v.title(), v.location, tt.number)
			}
			if strings.Contains(v.text, "<script") {
				t.Error("text of the request is not escaped")
			}
		})
	}
}

func TestSignInRedirectedErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct {
		change       map[string]string
		code, number string
	}{
		"no response type":      {map[string]string{"response_type": ""}, "invalid_request", "900144"},
		"token response":        {map[string]string{"response_type": "id_token token"}, "unsupported_response_type", "700054"},
		"response mode":         {map[string]string{"response_mode": "web_message"}, "unsupported_response_mode", "70007"},
		"claims":                {map[string]string{"claims": "{"}, "invalid_request", "90013"},
		"no scope":              {map[string]string{"scope": ""}, "invalid_request", "900144"},
		"another environment":   {map[string]string{"scope": "https://contoso.crm.dynamics.com/user_impersonation"}, "invalid_resource", "500011"},
		"unknown scope":         {map[string]string{"scope": w.url + "/write_everything"}, "invalid_client", "650053"},
		"scope without a place": {map[string]string{"scope": "user_impersonation"}, "invalid_scope", "70011"},
		"challenge too short":   {map[string]string{"code_challenge": "abc"}, "invalid_request", "50147"},
		"challenge method":      {map[string]string{"code_challenge_method": "S512"}, "invalid_request", "50147"},
		"method alone":          {map[string]string{"code_challenge": ""}, "invalid_request", "50147"},
		"plain by default":      {map[string]string{"code_challenge": "short", "code_challenge_method": ""}, "invalid_request", "50147"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newBrowser(t).open(w.authorizeURL("organizations", tt.change)).wantError(t, tt.code, tt.number)
		})
	}
}

func TestSignInFragment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	v := b.open(w.authorizeURL(w.TenantID(), map[string]string{"response_mode": "fragment", "redirect_uri": "https://[::1]:9/oauth/callback"}))
	back := b.press(b.press(v, v.buttons()[0].text), "Accept")
	if back.location == nil || !strings.HasPrefix(back.location.Fragment, "code=") || back.location.RawQuery != "" {
		t.Errorf("sent back to %v", back.location)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newBrowser(t).open(w.url+"/").wantPage(t, "Dynamics 365 sandbox")
	for _, want := range []string{w.url, sandbox.ClientID, sandbox.ClientSecret, w.TenantID(), w.OrganizationID(), "/oauth/callback"} {
		if !strings.Contains(v.text, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
	if pem := newBrowser(t).open(w.url + "/certificate.pem"); pem.text != string(w.Certificate()) {
		t.Errorf("certificate.pem = %d bytes", len(pem.text))
	}
	if css := newBrowser(t).open(w.url + "/signin.css"); css.header.Get("Content-Type") != "text/css; charset=utf-8" || len(css.text) < 1000 {
		t.Errorf("style sheet = %d bytes of %s", len(css.text), css.header.Get("Content-Type"))
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for tenant, issuer := range map[string]string{
		w.TenantID(): w.url + "/" + w.TenantID() + "/v2.0", "organizations": w.url + "/{tenantid}/v2.0", "common": w.url + "/{tenantid}/v2.0",
	} {
		var got map[string]any
		w.document(t, "/"+tenant+"/v2.0/.well-known/openid-configuration", &got)
		for member, want := range map[string]string{
			"issuer": issuer, "authorization_endpoint": w.url + "/" + tenant + "/oauth2/v2.0/authorize",
			"token_endpoint": w.url + "/" + tenant + "/oauth2/v2.0/token", "jwks_uri": w.url + "/" + tenant + "/discovery/v2.0/keys",
			"end_session_endpoint": w.url + "/" + tenant + "/oauth2/v2.0/logout",
		} {
			if got[member] != want {
				t.Errorf("%s: %s = %v, want %s", tenant, member, got[member], want)
			}
		}
		if _, has := got["revocation_endpoint"]; has {
			t.Error("Entra has no revocation endpoint")
		}
	}
	v := newBrowser(t).open(w.url + "/nosuch/v2.0/.well-known/openid-configuration")
	if v.status != http.StatusBadRequest || !strings.Contains(v.text, "AADSTS90002") {
		t.Errorf("unknown tenant = %d %s", v.status, v.text)
	}
	var instance struct {
		Endpoint string `json:"tenant_discovery_endpoint"`
	}
	w.document(t, "/common/discovery/instance?api-version=1.1", &instance)
	if !strings.HasSuffix(instance.Endpoint, "/v2.0/.well-known/openid-configuration") {
		t.Errorf("tenant_discovery_endpoint = %s", instance.Endpoint)
	}
}
