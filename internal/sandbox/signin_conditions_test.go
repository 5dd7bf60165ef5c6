package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// first is the account that signIn chooses.
func (w *world) first() string { return w.Accounts()[0].SignInName }

// publicSignIn signs in with the public client.
func (w *world) publicSignIn(t *testing.T) reply {
	t.Helper()
	code := w.signIn(t, map[string]string{"client_id": sandbox.PublicClientID, "redirect_uri": "http://localhost:4711/"})
	return w.redeem(t, code, map[string]string{"client_id": sandbox.PublicClientID, "client_secret": "", "redirect_uri": "http://localhost:4711/"}).wantTokens(t)
}

func (w *world) publicRefresh(t *testing.T, token string) reply {
	t.Helper()
	return w.ask(t, map[string]string{"grant_type": "refresh_token", "refresh_token": token, "client_id": sandbox.PublicClientID, "client_secret": ""})
}

// What ends a refresh token depends on the client. Source: Microsoft's table
// of token revocation.
func TestWhatEndsRefreshTokens(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event                func(w *world) error
		confidential, public int // number of the refusal, 0 for none
	}{
		"change of the password":    {func(w *world) error { return w.ChangePassword(w.first()) }, 0, 50173},
		"reset in the admin center": {func(w *world) error { return w.ResetPassword(w.first()) }, 50173, 50173},
		"sessions revoked":          {func(w *world) error { return w.RevokeUserSessions(strings.ToUpper(w.first())) }, 50173, 50173},
		"by object id":              {func(w *world) error { return w.RevokeUserSessions(w.Accounts()[0].ObjectID) }, 50173, 50173},
		"another's sessions":        {func(w *world) error { return w.RevokeUserSessions(w.Accounts()[1].ObjectID) }, 0, 0},
		"all sessions revoked":      {func(w *world) error { w.RevokeSessions(); return nil }, 50173, 50173},
		"user disabled":             {func(w *world) error { return w.DisableUser(w.first(), true) }, 50057, 50057},
		"enabled again":             {func(w *world) error { return errAny(w.DisableUser(w.first(), true), w.DisableUser(w.first(), false)) }, 0, 0},
		"consent of one app":        {func(w *world) error { return w.RemoveConsent(w.first(), sandbox.ClientID) }, 65001, 0},
		"consent of everybody":      {func(w *world) error { return w.RemoveConsent("", sandbox.PublicClientID) }, 0, 65001},
		"consent given again": {func(w *world) error {
			return errAny(w.RemoveConsent("", sandbox.ClientID), w.GrantAdminConsent(sandbox.ClientID))
		}, 0, 0},
		"app disabled":   {func(w *world) error { return w.DisableApp(sandbox.ClientID, true) }, 7000112, 0},
		"secret changed": {func(w *world) error { return w.SetSecret(sandbox.ClientID, "another") }, 7000215, 0},
		"secret expired": {func(w *world) error { return w.ExpireSecret(sandbox.ClientID, true) }, 7000222, 0},
		"89 days":        {func(w *world) error { w.Advance(89 * 24 * time.Hour); return nil }, 0, 0},
		"91 days":        {func(w *world) error { w.SetClock(w.Clock().Add(91 * 24 * time.Hour)); return nil }, 700082, 700082},
		"on command":     {func(w *world) error { return w.FailToken("AADSTS53003") }, 53003, 53003},
		"command ended":  {func(w *world) error { err := w.FailToken("53003"); w.ClearFailures(); return err }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			confidential := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
			public := w.publicSignIn(t)
			must(t, tt.event(w))
			for range 2 { // it lasts
				got := []int{refusedWith(w.refresh(t, confidential.RefreshToken)), refusedWith(w.publicRefresh(t, public.RefreshToken))}
				if diff := cmp.Diff([]int{tt.confidential, tt.public}, got); diff != "" {
					t.Errorf("refusals of the confidential and the public client (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func errAny(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// refusedWith is the number of a refusal, 0 for tokens.
func refusedWith(r reply) int {
	if len(r.Codes) == 1 {
		return r.Codes[0]
	}
	return 0
}

// A refresh token belongs to the client it was given to.
func TestRefreshTokenOfAnotherClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publicRefresh(t, w.redeem(t, w.signIn(t, nil), nil).wantTokens(t).RefreshToken).want(t, 400, "invalid_grant", 9002313)
	w.refresh(t, w.publicSignIn(t).RefreshToken).want(t, 400, "invalid_grant", 9002313)
	w.redeem(t, w.signIn(t, only("prompt", "consent")), map[string]string{"client_id": sandbox.PublicClientID, "client_secret": ""}).want(t, 400, "invalid_grant", 9002313)
}

func TestRefusalOfPolicyTellsClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.FailToken("50076"))
	r := w.asApplication(t, nil)
	var body struct {
		Claims string `json:"claims"`
	}
	must(t, json.Unmarshal([]byte(r.Text), &body))
	if !json.Valid([]byte(body.Claims)) || body.Claims == "" {
		t.Errorf("claims = %q", body.Claims)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, err := range map[string]error{
		"disable": w.DisableUser("nobody@example.com", true), "guest": w.SetGuest("", true), "password": w.ChangePassword("x"),
		"reset": w.ResetPassword("x"), "revoke": w.RevokeUserSessions("x"), "consent of nobody": w.RemoveConsent("x", sandbox.ClientID),
		"consent to nothing": w.RemoveConsent("", "x"), "admin consent": w.GrantAdminConsent("x"), "secret": w.SetSecret("x", "y"),
		"expire": w.ExpireSecret("x", true), "app": w.DisableApp("x", true), "role": w.SetApplicationRole("x", true),
		"code": w.FailToken("soon"), "low code": w.FailAuthorize("7"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whoever cannot sign in is told at the account page's answer.
func TestSignInConditions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event        func(w *world) error
		tenant       string
		code, number string // of the refusal; "page" when it is shown and not sent back
	}{
		"disabled":               {func(w *world) error { return w.DisableUser(w.first(), true) }, "organizations", "invalid_grant", "50057"},
		"guest by organizations": {func(w *world) error { return w.SetGuest(w.first(), true) }, "organizations", "page", "50020"},
		"guest by common":        {func(w *world) error { return w.SetGuest(w.first(), true) }, "common", "page", "50020"},
		"guest by the tenant":    {func(w *world) error { return w.SetGuest(w.first(), true) }, "", "", ""},
		"on command":             {func(w *world) error { return w.FailAuthorize("AADSTS53003") }, "", "interaction_required", "53003"},
		"command ended":          {func(w *world) error { err := w.FailAuthorize("53003"); w.ClearFailures(); return err }, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			must(t, tt.event(w))
			if tt.tenant == "" {
				tt.tenant = w.TenantID()
			}
			b := newBrowser(t)
			v := b.open(w.authorizeURL(tt.tenant, nil)).wantPage(t, "Choose an account")
			v = b.press(v, v.buttons()[0].text)
			switch tt.code {
			case "":
				b.press(v.wantPage(t, "Permissions requested"), "Accept").wantCode(t)
			case "page":
				if v.status != 400 || v.location != nil || !strings.Contains(v.text, "AADSTS"+tt.number) {
					t.Errorf("answer = %d %q", v.status, v.title())
				}
			default:
				v.wantError(t, tt.code, tt.number)
			}
		})
	}
}

// With continuous access evaluation the Web API asks for a new token within
// the life of the old one, from clients that said they can handle it.
func TestContinuousAccess(t *testing.T) {
	t.Parallel()
	const cp1 = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
	w := app(t, sandbox.Config{ContinuousAccess: true})
	first := w.redeem(t, w.signIn(t, nil), map[string]string{"claims": cp1}).wantTokens(t)
	if first.ExpiresIn < 20*3600 || first.ExpiresIn > 28*3600 {
		t.Errorf("expires_in = %d, want about a day", first.ExpiresIn)
	}
	if diff := cmp.Diff(any([]any{"cp1"}), w.claims(t, first.AccessToken)["xms_cc"]); diff != "" {
		t.Errorf("xms_cc (-want +got):\n%s", diff)
	}
	plain := w.refresh(t, first.RefreshToken).wantTokens(t)
	if plain.ExpiresIn > 5400 {
		t.Errorf("expires_in without cp1 = %d", plain.ExpiresIn)
	}
	app := w.asApplication(t, only("claims", cp1))
	if app.ExpiresIn < 20*3600 {
		t.Errorf("expires_in of an application = %d", app.ExpiresIn)
	}

	must(t, w.Challenge())
	demanded := w.demanded(t, first.AccessToken)
	if w.demanded(t, app.AccessToken) == "" || w.demanded(t, plain.AccessToken) != "" {
		t.Error("the application is not challenged, or a client that cannot handle it is")
	}
	refresh := func(claims string) reply {
		return w.ask(t, map[string]string{"grant_type": "refresh_token", "refresh_token": first.RefreshToken, "claims": claims})
	}
	if w.demanded(t, refresh(cp1).wantTokens(t).AccessToken) == "" {
		t.Error("a token without the demanded claims is good")
	}
	var merged map[string]map[string]any
	must(t, json.Unmarshal([]byte(demanded), &merged))
	merged["access_token"]["xms_cc"] = map[string]any{"values": []string{"cp1"}}
	text, err := json.Marshal(merged)
	must(t, err)
	good := refresh(string(text)).wantTokens(t)
	if status, _ := w.whoAmI(t, good.AccessToken); status != 200 {
		t.Errorf("with the demanded claims: %d", status)
	}

	// What happens to an account is noticed at once, and the refresh refused.
	must(t, w.RevokeUserSessions(w.first()))
	if w.demanded(t, good.AccessToken) == "" {
		t.Error("a revoked session is not noticed")
	}
	refresh(string(text)).want(t, 400, "invalid_grant", 50173)
	if status, _ := w.whoAmI(t, plain.AccessToken); status != 200 {
		t.Errorf("without cp1 a revoked session ends the access token: %d", status)
	}
}

// Continuous access can be turned on and off: only tokens given meanwhile are
// challenged, and only as long as it is on.
func TestSetContinuousAccess(t *testing.T) {
	t.Parallel()
	const cp1 = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
	w := app(t, sandbox.Config{})
	before := w.asApplication(t, only("claims", cp1))
	if before.ExpiresIn >= 20*3600 {
		t.Errorf("expires_in without continuous access = %d", before.ExpiresIn)
	}
	if err := w.Challenge(); err == nil || !strings.Contains(err.Error(), "continuous access is off") {
		t.Errorf("challenged without continuous access: %v", err)
	}
	w.SetContinuousAccess(true)
	during := w.asApplication(t, only("claims", cp1))
	must(t, w.Challenge())
	if w.demanded(t, during.AccessToken) == "" || w.demanded(t, before.AccessToken) != "" {
		t.Error("a token is not challenged, or one given before continuous access is")
	}
	w.SetContinuousAccess(false)
	if w.ContinuousAccess() || w.demanded(t, during.AccessToken) != "" {
		t.Error("a token is challenged after continuous access is off")
	}
}

// demanded returns the claims with which the Web API answers a token, "" when
// it takes it.
func (w *world) demanded(t *testing.T, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/data/v9.2/WhoAmI", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode == 200 {
		return ""
	}
	header := resp.Header.Get("Www-Authenticate")
	prefix := `Bearer realm="", authorization_uri="` + w.url + `/common/oauth2/authorize", error="insufficient_claims", claims="`
	text, ok := strings.CutPrefix(header, prefix)
	claims, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, `"`))
	if resp.StatusCode != 401 || !ok || err != nil || !json.Valid(claims) {
		t.Fatalf("answer = %d %s, %v", resp.StatusCode, header, err)
	}
	return string(claims)
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBrowser(t)
	change := map[string]string{"response_mode": "form_post", "client_id": sandbox.PublicClientID, "redirect_uri": "http://localhost:4711/back", "state": `"><script>`}
	v := b.open(w.authorizeURL(w.TenantID(), change)).wantPage(t, "Choose an account")
	v = b.press(b.press(v, v.buttons()[0].text), "Accept").wantPage(t, "Working…")
	form := formTag.FindStringSubmatch(v.text)
	got := map[string]string{}
	for _, m := range hiddenTag.FindAllStringSubmatch(v.text, -1) {
		got[m[1]] = m[2]
	}
	if form == nil || form[1] != "http://localhost:4711/back" || got["code"] == "" || got["state"] != "&#34;&gt;&lt;script&gt;" {
		t.Errorf("form %v with %v", form, got)
	}
	policy := v.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'sha256-") || !strings.Contains(policy, "form-action 'self' http://localhost:4711") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s", policy)
	}
	r := w.redeem(t, got["code"], map[string]string{"client_id": sandbox.PublicClientID, "client_secret": "", "redirect_uri": "http://localhost:4711/back"})
	if acr := w.claims(t, r.wantTokens(t).AccessToken)["appidacr"]; acr != "0" {
		t.Errorf("appidacr = %v", acr)
	}
}

// consentURL is the address of an admin consent page.
func (w *world) consentURL(version, tenant string, change map[string]string) string {
	q := url.Values{"client_id": {sandbox.ClientID}, "redirect_uri": {callback}, "state": {"state 1"}, "scope": {w.url + "/.default"}}
	for k, v := range change {
		if q.Set(k, v); v == "" {
			q.Del(k)
		}
	}
	return w.url + "/" + tenant + version + "/adminconsent?" + q.Encode()
}

func TestAdminConsent(t *testing.T) {
	t.Parallel()
	for version, tt := range map[string]struct{ accepted, declined url.Values }{
		"/v2.0": {
			url.Values{"admin_consent": {"True"}, "tenant": {""}, "state": {"state 1"}, "scope": {""}},
			url.Values{"admin_consent": {"True"}, "error": {"consent_required"}, "state": {"state 1"}},
		},
		"": {
			url.Values{"admin_consent": {"True"}, "tenant": {""}, "state": {"state 1"}},
			url.Values{"error": {"permission_denied"}, "state": {"state 1"}},
		},
	} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			w := app(t, sandbox.Config{Apps: []sandbox.App{{ClientID: sandbox.ClientID, Secret: sandbox.ClientSecret, AdminConsent: true}}})
			if tt.accepted.Set("tenant", w.TenantID()); tt.accepted.Has("scope") {
				tt.accepted.Set("scope", w.url+"/.default")
			}
			person := func(b *browser, n int) view {
				v := b.open(w.authorizeURL(w.TenantID(), only("prompt", "select_account"))).wantPage(t, "Choose an account")
				return b.press(v, v.buttons()[n].text)
			}
			person(newBrowser(t), 1).wantError(t, "access_denied", "90094")
			w.asApplication(t, nil).want(t, 400, "unauthorized_client", 700016)

			b := newBrowser(t)
			open := func() view { return b.open(w.consentURL(version, "organizations", nil)) }
			v := open().wantPage(t, "Choose an account")
			v = b.press(v, v.buttons()[1].text).wantPage(t, "Choose an account")
			if !strings.Contains(v.text, "is not an administrator") {
				t.Error("an ordinary user is not refused")
			}
			v = b.press(v, v.buttons()[0].text).wantPage(t, "Permissions requested")
			if !strings.Contains(v.text, "for everybody in") {
				t.Error("the page does not say that it is for everybody")
			}
			no := b.press(v, "Cancel").location.Query()
			if !strings.HasPrefix(no.Get("error_description"), "AADSTS65004: ") {
				t.Errorf("description %q", no.Get("error_description"))
			}
			no.Del("error_description")
			if diff := cmp.Diff(tt.declined, no); diff != "" {
				t.Errorf("declined (-want +got):\n%s", diff)
			}
			person(newBrowser(t), 1).wantError(t, "access_denied", "90094")

			yes := b.press(open().wantPage(t, "Permissions requested"), "Accept").location.Query()
			if diff := cmp.Diff(tt.accepted, yes); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			person(newBrowser(t), 1).wantCode(t) // not asked any more
			if r := w.asApplication(t, nil); r.Status != 200 {
				t.Errorf("application: %s", r.Text)
			}
			must(t, w.RemoveConsent("", sandbox.ClientID))
			person(newBrowser(t), 1).wantError(t, "access_denied", "90094")
		})
	}
}

func TestAdminConsentRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct{ address, number string }{
		"common":          {w.consentURL("/v2.0", "common", nil), "90019"},
		"unknown tenant":  {w.consentURL("/v2.0", "nosuch", nil), "90002"},
		"no scope":        {w.consentURL("/v2.0", w.TenantID(), only("scope", "")), "900144"},
		"no client":       {w.consentURL("/v2.0", w.TenantID(), only("client_id", "")), "900144"},
		"unknown client":  {w.consentURL("", w.TenantID(), only("client_id", "x")), "700016"},
		"other resource":  {w.consentURL("/v2.0", w.TenantID(), only("scope", "https://x.example/.default")), "500011"},
		"other redirect":  {w.consentURL("", w.TenantID(), only("redirect_uri", "https://x.example/")), "50011"},
		"without address": {w.consentURL("", w.TenantID(), only("redirect_uri", "")), "900144"},
	} {
		v := newBrowser(t).open(tt.address)
		if v.status != 400 || !strings.Contains(v.text, "AADSTS"+tt.number) {
			t.Errorf("%s = %d %q, want AADSTS%s", name, v.status, v.title(), tt.number)
		}
	}
}

func TestRedirectsOfApps(t *testing.T) {
	t.Parallel()
	const web, native = "9e1d5a0c-0000-4000-8000-000000000001", "9e1d5a0c-0000-4000-8000-000000000002"
	w := app(t, sandbox.Config{Apps: []sandbox.App{
		{ClientID: web, Name: "Web & more", Secret: "s", Redirects: []string{"https://app.example/back"}},
		{ClientID: native, Public: true, Redirects: []string{"http://localhost/back"}},
	}})
	for name, tt := range map[string]struct {
		client, redirect string
		ok               bool
	}{
		"registered":            {web, "https://app.example/back", true},
		"not registered":        {web, "https://app.example/Back", false},
		"loopback by default":   {web, callback, false},
		"any port, native":      {native, "http://localhost:4711/back", true},
		"another path, native":  {native, "http://localhost:4711/other", false},
		"another host, native":  {native, "http://evil.example:4711/back", false},
		"a public app's choice": {sandbox.PublicClientID, "http://127.0.0.1:1/any/path", true},
	} {
		v := newBrowser(t).open(w.authorizeURL(w.TenantID(), map[string]string{"client_id": tt.client, "redirect_uri": tt.redirect}))
		if ok := v.status == 200; ok != tt.ok {
			t.Errorf("%s: %d %q, want ok = %v", name, v.status, v.title(), tt.ok)
		}
		if tt.client == web && tt.ok && !strings.Contains(v.text, "Web &amp; more") {
			t.Error("the page does not name the app")
		}
	}
}
