package oauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

const (
	tenant   = "5f0c8c1e-3d27-4f6a-9d55-2b7f6a1c0e01"
	clientID = "11111111-2222-3333-4444-555555555555"
	resource = "http://127.0.0.1:1"
	secrets  = "sekrit" // every secret value of the tests begins with it

	// capability is what every request declares: we answer claims challenges.
	capability = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, secrets) {
		t.Errorf("a secret shows: %s", text)
	}
}

// endpoint is a token endpoint that gives one answer and keeps the request.
type endpoint struct {
	status int
	header map[string]string
	body   string
	got    url.Values
	path   string
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.got, _ = url.ParseQuery(string(body))
	e.path = r.URL.Path
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for k, v := range e.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
}

func config(t *testing.T, e *endpoint) oauth.Config {
	t.Helper()
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return oauth.Config{
		Authority: server.URL, Tenant: tenant, ClientID: clientID, ClientSecret: "sekrit-client",
		RedirectURL: "http://127.0.0.1:8080/oauth/callback", Resource: resource,
		Now:  func() time.Time { return noon },
		HTTP: server.Client(), // other tests' servers close the connections that all others share
	}
}

func idToken(change map[string]any) string {
	claims := map[string]any{
		"iss": "https://login.example/" + tenant + "/v2.0", "aud": clientID, "exp": noon.Add(time.Hour).Unix(), "nonce": "n-1",
		"tid": tenant, "oid": "AAAAAAAA-0000-0000-0000-000000000001", "preferred_username": "ada@contoso.example", "name": "Ada Ångström",
	}
	for k, v := range change {
		if v == nil {
			delete(claims, k)
			continue
		}
		claims[k] = v
	}
	payload, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + enc.EncodeToString(payload) + ".c2ln"
}

func answer(change map[string]any) string {
	a := map[string]any{
		"token_type": "Bearer", "scope": resource + "/user_impersonation", "expires_in": 4386, "ext_expires_in": 4386,
		"access_token": "sekrit-access", "refresh_token": "sekrit-refresh", "id_token": idToken(nil),
	}
	for k, v := range change {
		if v == nil {
			delete(a, k)
			continue
		}
		a[k] = v
	}
	b, _ := json.Marshal(a)
	return string(b)
}

func TestAuthCodeURL(t *testing.T) {
	t.Parallel()
	c := oauth.Config{
		Authority: "https://login.microsoftonline.com/", Tenant: "organizations", ClientID: clientID, ClientSecret: "sekrit-client",
		RedirectURL: "https://crosswalk.example/oauth/callback", Resource: "https://contoso.crm4.dynamics.com",
	}
	verifier := oauth.NewVerifier()
	sum := sha256.Sum256([]byte(verifier))
	for _, prompt := range []string{"", "select_account"} {
		raw := c.AuthCodeURL("s-1", "n-1", verifier, prompt)
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Scheme + "://" + u.Host + u.Path; got != "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize" {
			t.Errorf("address = %s", got)
		}
		want := url.Values{
			"client_id": {clientID}, "response_type": {"code"}, "response_mode": {"query"}, "state": {"s-1"}, "nonce": {"n-1"},
			"redirect_uri":   {"https://crosswalk.example/oauth/callback"},
			"scope":          {"https://contoso.crm4.dynamics.com/user_impersonation offline_access openid profile"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "claims": {capability},
		}
		if prompt != "" {
			want.Set("prompt", prompt)
		}
		if diff := cmp.Diff(want, u.Query()); diff != "" {
			t.Errorf("prompt %q (-want +got):\n%s", prompt, diff)
		}
		if strings.Contains(raw, verifier) {
			t.Error("the verifier is in the address")
		}
		wantNoSecret(t, raw)
	}
	if len(verifier) < 43 || verifier == oauth.NewVerifier() {
		t.Errorf("verifier %q", verifier)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	e := &endpoint{status: 200, body: answer(nil)}
	c := config(t, e)
	g, err := c.Exchange(t.Context(), "sekrit-code", "sekrit-verifier", "n-1")
	if err != nil {
		t.Fatal(err)
	}
	want := &oauth.Grant{
		AccessToken: "sekrit-access", RefreshToken: "sekrit-refresh", ExpiresAt: noon.Add(4386 * time.Second),
		Scopes: []string{resource + "/user_impersonation"}, TenantID: tenant, ObjectID: "aaaaaaaa-0000-0000-0000-000000000001",
		UserName: "ada@contoso.example", DisplayName: "Ada Ångström",
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("grant (-want +got):\n%s", diff)
	}
	wantForm := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "client_secret": {"sekrit-client"}, "code": {"sekrit-code"},
		"redirect_uri": {c.RedirectURL}, "code_verifier": {"sekrit-verifier"},
		"scope": {resource + "/user_impersonation offline_access openid profile"}, "claims": {capability},
	}
	if diff := cmp.Diff(wantForm, e.got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if e.path != "/"+tenant+"/oauth2/v2.0/token" {
		t.Errorf("path = %s", e.path)
	}
}

func TestExchangeRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want string
	}{
		"wrong nonce":         {answer(map[string]any{"id_token": idToken(map[string]any{"nonce": "n-2"})}), "another sign-in"},
		"no nonce":            {answer(map[string]any{"id_token": idToken(map[string]any{"nonce": nil})}), "another sign-in"},
		"another client":      {answer(map[string]any{"id_token": idToken(map[string]any{"aud": "x"})}), "another sign-in"},
		"several audiences":   {answer(map[string]any{"id_token": idToken(map[string]any{"aud": []string{clientID, "x"}})}), "another sign-in"},
		"another tenant":      {answer(map[string]any{"id_token": idToken(map[string]any{"tid": "99999999-3d27-4f6a-9d55-2b7f6a1c0e01", "iss": "https://login.example/99999999-3d27-4f6a-9d55-2b7f6a1c0e01/v2.0"})}), "belongs to the tenant 99999999"},
		"issuer of another":   {answer(map[string]any{"id_token": idToken(map[string]any{"iss": "https://login.example/other/v2.0"})}), "another sign-in"},
		"no account":          {answer(map[string]any{"id_token": idToken(map[string]any{"oid": nil})}), "another sign-in"},
		"expired":             {answer(map[string]any{"id_token": idToken(map[string]any{"exp": noon.Add(-time.Hour).Unix()})}), "clock"},
		"no id token":         {answer(map[string]any{"id_token": nil}), "who signed in"},
		"id token not base64": {answer(map[string]any{"id_token": "a.?.c"}), "who signed in"},
		"id token not JSON":   {answer(map[string]any{"id_token": "a.AAAA.c"}), "who signed in"},
		"no refresh token":    {answer(map[string]any{"refresh_token": nil}), "lasting permission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := config(t, &endpoint{status: 200, body: tt.body}).Exchange(t.Context(), "sekrit-code", "sekrit-verifier", "n-1")
			var words *crosswalk.Error
			if g != nil || !errors.As(err, &words) || words.Code != crosswalk.CodeInvalid || words.Hint == "" || !strings.Contains(words.Message, tt.want) {
				t.Fatalf("Exchange = %v, %v; want CodeInvalid with %q and a hint", g, err, tt.want)
			}
			if oauth.Explain(err) != words {
				t.Error("Explain changed an error that already is in words")
			}
			wantNoSecret(t, err.Error())
		})
	}
}

func TestExchangeOrganizations(t *testing.T) {
	t.Parallel()
	c := config(t, &endpoint{status: 200, body: answer(nil)})
	c.Tenant = "organizations"
	g, err := c.Exchange(t.Context(), "code", "verifier", "n-1")
	if err != nil || g.TenantID != tenant {
		t.Errorf("Exchange = %v, %v", g, err)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change  map[string]any
		refresh string
		expires time.Duration
	}{
		"new refresh token":     {nil, "sekrit-refresh", 4386 * time.Second},
		"old one kept":          {map[string]any{"refresh_token": nil, "id_token": nil}, "sekrit-old", 4386 * time.Second},
		"lifetime as a string":  {map[string]any{"expires_in": "3599"}, "sekrit-refresh", 3599 * time.Second},
		"no lifetime":           {map[string]any{"expires_in": nil}, "sekrit-refresh", time.Hour},
		"negative lifetime":     {map[string]any{"expires_in": -5}, "sekrit-refresh", time.Hour},
		"endless lifetime":      {map[string]any{"expires_in": 1e18}, "sekrit-refresh", 28 * time.Hour},
		"token type lower case": {map[string]any{"token_type": "bearer"}, "sekrit-refresh", 4386 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &endpoint{status: 200, body: answer(tt.change)}
			g, err := config(t, e).Refresh(t.Context(), "sekrit-old")
			if err != nil {
				t.Fatal(err)
			}
			if g.RefreshToken != tt.refresh || !g.ExpiresAt.Equal(noon.Add(tt.expires)) || g.AccessToken != "sekrit-access" {
				t.Errorf("grant = %q until %v", g.RefreshToken, g.ExpiresAt)
			}
			wantForm := url.Values{
				"grant_type": {"refresh_token"}, "client_id": {clientID}, "client_secret": {"sekrit-client"}, "refresh_token": {"sekrit-old"},
				"scope": {resource + "/user_impersonation offline_access openid profile"}, "claims": {capability},
			}
			if diff := cmp.Diff(wantForm, e.got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPublicClientSendsNoSecret(t *testing.T) {
	t.Parallel()
	e := &endpoint{status: 200, body: answer(nil)}
	c := config(t, e)
	c.ClientSecret = ""
	if _, err := c.Refresh(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	if _, sent := e.got["client_secret"]; sent {
		t.Error("an empty client secret was sent")
	}
}

func TestCheckAuthority(t *testing.T) {
	t.Parallel()
	const real, local = "https://contoso.crm4.dynamics.com", "http://127.0.0.1:8089"
	tests := []struct {
		authority, resource string
		ok                  bool
	}{
		{"https://login.microsoftonline.com", real, true},
		{"https://LOGIN.microsoftonline.us", "https://contoso.crm.microsoftdynamics.us", true},
		{"https://login.microsoftonline.us", "https://contoso.crm.appsplatform.us", true},
		{"https://login.partner.microsoftonline.cn", "https://contoso.crm.dynamics.cn", true},
		{"https://login.chinacloudapi.cn", "https://contoso.crm.dynamics.cn", true},
		{"https://login.microsoftonline.com", "https://contoso.crm9.dynamics.com", true},
		{"https://login.sovcloud-identity.fr", real, true},
		{"https://login.microsoftonline.us", real, false}, // another cloud
		{"https://login.partner.microsoftonline.cn", real, false},
		{"https://login.microsoftonline.com", "https://contoso.crm.microsoftdynamics.us", false},
		{"https://login.microsoftonline.com", "https://contoso.crm.dynamics.cn", false},
		{"https://login.windows.net", real, false}, // unless made canonical first
		{oauth.CanonicalAuthority("https://login.windows.net"), real, true},
		{"http://127.0.0.1:8089", local, true},
		{"https://localhost:8089", local, true},
		{"https://login.microsoftonline.com", local, true},
		{"http://127.0.0.1:8089", real, false},
		{"http://login.microsoftonline.com", real, false},
		{"https://login.microsoftonline.com:444", real, false},
		{"https://login.microsoftonline.com.evil.example", real, false},
		{"https://evil.example", real, false},
		{"https://user@evil.example", real, false},
		{"", real, false},
		{"%", local, false},
	}
	for _, tt := range tests {
		err := oauth.CheckAuthority(tt.authority, tt.resource)
		if (err == nil) != tt.ok {
			t.Errorf("CheckAuthority(%q, %q) = %v, want ok = %v", tt.authority, tt.resource, err, tt.ok)
		}
		if err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("code = %s", crosswalk.ErrorCode(err))
		}
	}
}

func TestSecretStaysFromOtherServers(t *testing.T) {
	t.Parallel()
	e := &endpoint{status: 200, body: answer(nil)}
	c := config(t, e)
	c.Resource = "https://contoso.crm4.dynamics.com" // a real environment never signs in at this machine
	if _, err := c.Refresh(t.Context(), "sekrit-old"); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("error = %v, want CodeInvalid", err)
	}
	if e.got != nil {
		t.Error("the request was sent")
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := &endpoint{status: 200, body: answer(nil)}
	there := httptest.NewServer(other)
	t.Cleanup(there.Close)
	c := config(t, &endpoint{status: 307, header: map[string]string{"Location": there.URL}})
	_, err := c.Refresh(t.Context(), "sekrit-old")
	if crosswalk.ErrorCode(oauth.Explain(err)) != crosswalk.CodeUnavailable {
		t.Errorf("error = %v, want unavailable", err)
	}
	if other.got != nil {
		t.Error("the refresh token went to another server")
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	c := config(t, &endpoint{status: 200})
	c.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") })}
	_, err := c.Refresh(t.Context(), "sekrit-old")
	var e *oauth.Error
	if !errors.As(err, &e) || e.Disconnects() {
		t.Fatalf("error = %#v, want a passing *oauth.Error", err)
	}
	if words := oauth.Explain(err); words.Code != crosswalk.CodeUnavailable || !strings.Contains(words.Message, "cannot be reached") {
		t.Errorf("Explain = %#v", words)
	}
	wantNoSecret(t, err.Error())
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := config(t, &endpoint{status: 200, body: answer(nil)}).Refresh(ctx, "sekrit-old")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the end of the context", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPrintsNoSecret(t *testing.T) {
	t.Parallel()
	c := oauth.Config{ClientSecret: "sekrit-client", ClientID: clientID}
	g := &oauth.Grant{AccessToken: "sekrit-a", RefreshToken: "sekrit-r"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "grant", g, "tokens", oauth.Tokens{AccessToken: "sekrit-a"})
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v %v %+v %#v", c, c, c, g, g, g)+log.String())
}
