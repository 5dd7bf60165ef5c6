package sandbox_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

const callback = "http://127.0.0.1:8080/oauth/callback"

// world is a sandbox on a listener of its own, with a clock that stands until
// it is moved.
type world struct {
	*sandbox.Sandbox
	url   string
	clock atomic.Int64 // seconds since 1970
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	s, err := sandbox.New(sandbox.Config{
		Seed: 7, Users: 12, Accounts: 5, Contacts: 5, Opportunities: 5, Incidents: 5,
		Now: func() time.Time { return time.Unix(w.clock.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Sandbox = s
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d / time.Second)) }

// browser follows no redirect by itself and keeps cookies.
type browser struct {
	t      *testing.T
	client *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// view is what a browser got: a page or the address it is sent to.
type view struct {
	status   int
	header   http.Header
	text     string
	location *url.URL
	at       string
}

func (b *browser) read(resp *http.Response, err error) view {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	v := view{status: resp.StatusCode, header: resp.Header, text: string(body), at: resp.Request.URL.String()}
	if l := resp.Header.Get("Location"); l != "" {
		if v.location, err = url.Parse(l); err != nil {
			b.t.Fatal(err)
		}
	}
	return v
}

func (b *browser) open(address string) view {
	b.t.Helper()
	return b.read(b.client.Get(address))
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*\baction="([^"]*)"[^>]*>.*?</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	buttonTag = regexp.MustCompile(`(?s)<button[^>]* name="([^"]*)" value="([^"]*)"[^>]*>(.*?)</button>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
	h1Tag     = regexp.MustCompile(`<h1>(.*?)</h1>`)
)

// button is a button as a person sees it.
type button struct{ name, value, text string }

func (v view) buttons() []button {
	var list []button
	for _, m := range buttonTag.FindAllStringSubmatch(v.text, -1) {
		list = append(list, button{m[1], html.UnescapeString(m[2]), strings.TrimSpace(html.UnescapeString(anyTag.ReplaceAllString(m[3], "")))})
	}
	return list
}

func (v view) title() string {
	if m := h1Tag.FindStringSubmatch(v.text); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// press sends the form of the page with the button whose text begins so.
func (b *browser) press(v view, text string) view {
	b.t.Helper()
	form := formTag.FindStringSubmatch(v.text)
	i := slices.IndexFunc(v.buttons(), func(x button) bool { return strings.HasPrefix(x.text, text) })
	if form == nil || i < 0 {
		b.t.Fatalf("no button %q on %q: %v", text, v.title(), v.buttons())
	}
	pressed := v.buttons()[i]
	values := url.Values{pressed.name: {pressed.value}}
	for _, m := range hiddenTag.FindAllStringSubmatch(form[0], -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	at, err := url.Parse(v.at)
	if err != nil {
		b.t.Fatal(err)
	}
	to, err := at.Parse(html.UnescapeString(form[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.read(b.client.PostForm(to.String(), values))
}

func (v view) wantPage(t *testing.T, title string) view {
	t.Helper()
	if v.status != http.StatusOK || v.title() != title {
		t.Fatalf("page = %d %q (sent to %v), want 200 %q", v.status, v.title(), v.location, title)
	}
	return v
}

// wantCode checks that the browser is sent back with a code.
func (v view) wantCode(t *testing.T) string {
	t.Helper()
	if v.location == nil || v.status != http.StatusFound || v.location.Query().Get("code") == "" {
		t.Fatalf("answer = %d %q to %v, want a redirect with a code", v.status, v.title(), v.location)
	}
	return v.location.Query().Get("code")
}

// wantError checks that the browser is sent back with a refusal.
func (v view) wantError(t *testing.T, code, number string) {
	t.Helper()
	if v.location == nil || v.status != http.StatusFound {
		t.Fatalf("answer = %d %q, want a redirect with %s", v.status, v.title(), code)
	}
	q := v.location.Query()
	if q.Get("error") != code || !strings.HasPrefix(q.Get("error_description"), "AADSTS"+number+": ") || q.Get("state") != "state 1" {
		t.Errorf("sent back with %v, want %s AADSTS%s", q, code, number)
	}
}

// params are the parameters of an authorize request; change says what
// differs from the usual ones, "" leaving one out.
func (w *world) authorizeURL(tenant string, change map[string]string) string {
	q := url.Values{
		"client_id": {sandbox.ClientID}, "response_type": {"code"}, "redirect_uri": {callback}, "response_mode": {"query"},
		"scope": {w.url + "/user_impersonation offline_access openid profile"}, "state": {"state 1"}, "nonce": {"nonce 1"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for k, v := range change {
		if v == "" {
			q.Del(k)
			continue
		}
		q.Set(k, v)
	}
	return w.url + "/" + tenant + "/oauth2/v2.0/authorize?" + q.Encode()
}

const verifier = "a-verifier-of-43-characters-or-more-0123456789"

// signIn goes the whole way to a code with a new browser.
func (w *world) signIn(t *testing.T, change map[string]string) string {
	t.Helper()
	b := newBrowser(t)
	v := b.open(w.authorizeURL("organizations", change)).wantPage(t, "Choose an account")
	v = b.press(v, v.buttons()[0].text).wantPage(t, "Permissions requested")
	return b.press(v, "Accept").wantCode(t)
}

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

func (w *world) document(t *testing.T, path string, into any) {
	t.Helper()
	v := newBrowser(t).open(w.url + path)
	if v.status != http.StatusOK {
		t.Fatalf("%s = %d %s", path, v.status, v.text)
	}
	if err := json.Unmarshal([]byte(v.text), into); err != nil {
		t.Fatal(err)
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

// claims checks the signature of a JWT with the published keys, as a client
// that knows nothing of the sandbox does, and returns header and claims.
func (w *world) claims(t *testing.T, token string) map[string]any {
	t.Helper()
	var set struct {
		Keys []struct{ KID, Kty, Use, N, E, Issuer string }
	}
	w.document(t, "/"+w.TenantID()+"/discovery/v2.0/keys", &set)
	part := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %s", token)
	}
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(part(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || header.Alg != "RS256" || header.Kid != set.Keys[0].KID || set.Keys[0].Use != "sig" || set.Keys[0].Kty != "RSA" {
		t.Fatalf("header %+v, keys %+v", header, set.Keys)
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(part(set.Keys[0].N)), E: int(new(big.Int).SetBytes(part(set.Keys[0].E)).Int64())}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], part(parts[2])); err != nil {
		t.Fatalf("signature: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(part(parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// independent is the OAuth client of golang.org/x/oauth2.
func (w *world) independent(style oauth2.AuthStyle) *oauth2.Config {
	return &oauth2.Config{
		ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret, RedirectURL: callback,
		Scopes:   []string{w.url + "/user_impersonation", "offline_access", "openid", "profile"},
		Endpoint: oauth2.Endpoint{AuthURL: w.url + "/organizations/oauth2/v2.0/authorize", TokenURL: w.url + "/organizations/oauth2/v2.0/token", AuthStyle: style},
	}
}

func (w *world) whoAmI(t *testing.T, token string) (status int, userID string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.url+"/api/data/v9.2/WhoAmI", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		UserID string `json:"UserId"`
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, body.UserID
}
