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

// authorizeURL is an authorize request; change says what differs from the
// usual parameters, "" leaving one out.
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
