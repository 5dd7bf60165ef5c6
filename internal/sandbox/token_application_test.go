package sandbox_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// keyPair is the sandbox's own certificate, read as a client reads it.
func (w *world) keyPair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(w.Certificate(), w.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// claim is a change of an assertion; nil leaves the claim out.
type claim map[string]any

// assertion makes a client assertion the way a client library does.
func (w *world) assertion(t *testing.T, algorithm string, change claim) string {
	t.Helper()
	pair := w.keyPair(t)
	key := pair.PrivateKey.(*rsa.PrivateKey)
	enc := base64.RawURLEncoding
	header := map[string]any{"alg": algorithm, "typ": "JWT"}
	if algorithm == "RS256" {
		sum := sha1.Sum(pair.Certificate[0])
		header["x5t"] = enc.EncodeToString(sum[:])
	} else {
		sum := sha256.Sum256(pair.Certificate[0])
		header["x5t#S256"] = enc.EncodeToString(sum[:])
	}
	now := w.clock.Load()
	claims := map[string]any{
		"aud": w.url + "/" + w.TenantID() + "/oauth2/v2.0/token", "iss": sandbox.ClientID, "sub": sandbox.ClientID,
		"jti": rand.Text(), "nbf": now, "exp": now + 600,
	}
	for k, v := range change {
		switch {
		case k == "x5t#S256":
			header[k] = v
		case v == nil:
			delete(claims, k)
		default:
			claims[k] = v
		}
	}
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return enc.EncodeToString(b)
	}
	text := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if algorithm == "RS256" {
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	} else {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc.EncodeToString(signature)
}

// asApplication asks for an application's token at a tenant.
func (w *world) asApplication(t *testing.T, change map[string]string) reply {
	t.Helper()
	all := map[string]string{"grant_type": "client_credentials", "scope": w.url + "/.default"}
	for k, v := range change {
		all[k] = v
	}
	return w.ask(t, all)
}

// withAssertion are the parameters of a client that signs an assertion.
func withAssertion(token string) map[string]string {
	return map[string]string{"client_secret": "", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": token}
}

func TestApplicationToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct {
		change map[string]string
		acr    string
	}{
		"secret":              {nil, "1"},
		"certificate, PS256":  {withAssertion(w.assertion(t, "PS256", nil)), "2"},
		"certificate, RS256":  {withAssertion(w.assertion(t, "RS256", nil)), "2"},
		"audience, a list":    {withAssertion(w.assertion(t, "PS256", claim{"aud": []string{w.url + "/" + w.TenantID() + "/v2.0"}})), "2"},
		"clock a bit ahead":   {withAssertion(w.assertion(t, "PS256", claim{"nbf": w.clock.Load() + 200})), "2"},
		"trailing slash more": {map[string]string{"scope": w.url + "//.default"}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := w.asApplication(t, tt.change)
			if r.Status != 200 || r.RefreshToken != "" || r.IDToken != "" || r.ExpiresIn != 3599 || strings.Contains(r.Text, `"scope"`) {
				t.Fatalf("answer = %d %s", r.Status, r.Text)
			}
			claims := w.claims(t, r.AccessToken)
			for name, want := range map[string]any{
				"aud": w.url, "appid": sandbox.ClientID, "appidacr": tt.acr, "idtyp": "app", "tid": w.TenantID(), "ver": "1.0",
				"scp": nil, "upn": nil, "name": nil, "sub": claims["oid"],
			} {
				if diff := cmp.Diff(want, claims[name]); diff != "" {
					t.Errorf("access token, %s (-want +got):\n%s", name, diff)
				}
			}
			status, user := w.whoAmI(t, r.AccessToken)
			if status != 200 {
				t.Fatalf("WhoAmI = %d", status)
			}
			row := w.read(t, r.AccessToken, "systemusers("+user+")?$select=applicationid,accessmode,azureactivedirectoryobjectid")
			if row["applicationid"] != sandbox.ClientID || row["azureactivedirectoryobjectid"] != claims["oid"] {
				t.Errorf("the application user is %v", row)
			}
		})
	}
}

// read asks the Web API for one object.
func (w *world) read(t *testing.T, token, path string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/data/v9.2/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return o
}

func TestApplicationRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.Load()
	signed := func(change claim) map[string]string { return withAssertion(w.assertion(t, "PS256", change)) }
	forged := func() map[string]string {
		good := w.assertion(t, "PS256", nil)
		head, rest, _ := strings.Cut(good, ".")
		_, signature, _ := strings.Cut(rest, ".")
		other := w.assertion(t, "PS256", claim{"jti": "other"})
		_, rest, _ = strings.Cut(other, ".")
		body, _, _ := strings.Cut(rest, ".")
		return withAssertion(head + "." + body + "." + signature)
	}
	for name, tt := range map[string]struct {
		change map[string]string
		status int
		code   string
		number int
	}{
		"named scope":           {only("scope", w.url+"/user_impersonation"), 400, "invalid_scope", 1002012},
		"scope without a place": {only("scope", ".default"), 400, "invalid_scope", 1002012},
		"two scopes":            {only("scope", w.url+"/.default "+w.url+"/user_impersonation"), 400, "invalid_scope", 70011},
		"no scope":              {only("scope", ""), 400, "invalid_request", 900144},
		"another environment":   {only("scope", "https://fabrikam.crm.dynamics.com/.default"), 400, "invalid_resource", 500011},
		"wrong secret":          {only("client_secret", "guess"), 401, "invalid_client", 7000215},
		"nothing to prove it":   {only("client_secret", ""), 401, "invalid_client", 7000218},
		"public client":         {map[string]string{"client_id": sandbox.PublicClientID, "client_secret": ""}, 401, "invalid_client", 7000218},
		"public, with a secret": {only("client_id", sandbox.PublicClientID), 401, "invalid_client", 700025},
		"assertion for another": {signed(claim{"sub": "x"}), 401, "invalid_client", 700021},
		"assertion by another":  {signed(claim{"iss": "x"}), 401, "invalid_client", 700021},
		"assertion elsewhere":   {signed(claim{"aud": "https://login.microsoftonline.com/x/oauth2/v2.0/token"}), 401, "invalid_client", 700023},
		"no audience":           {signed(claim{"aud": nil}), 401, "invalid_client", 700023},
		"expired":               {signed(claim{"nbf": now - 1000, "exp": now - 400}), 401, "invalid_client", 700024},
		"from the future":       {signed(claim{"nbf": now + 400, "exp": now + 1000}), 401, "invalid_client", 700024},
		"for a year":            {signed(claim{"exp": now + 365*24*3600}), 401, "invalid_client", 700024},
		"no jti":                {signed(claim{"jti": nil}), 400, "invalid_grant", 50013},
		"no exp":                {signed(claim{"exp": nil}), 400, "invalid_grant", 50013},
		"another certificate":   {signed(claim{"x5t#S256": "AAAA"}), 401, "invalid_client", 700027},
		"forged":                {forged(), 401, "invalid_client", 700027},
		"nonsense":              {withAssertion("a.b.c"), 401, "invalid_client", 50027},
		"unsigned":              {withAssertion(w.assertion(t, "none", nil)), 401, "invalid_client", 5002738},
		"no assertion type":     {map[string]string{"client_secret": "", "client_assertion": w.assertion(t, "PS256", nil)}, 400, "invalid_request", 900144},
		"claims that are none":  {only("claims", "["), 400, "invalid_request", 90013},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.asApplication(t, tt.change).want(t, tt.status, tt.code, tt.number)
		})
	}
	for _, tenant := range []string{"common", "organizations"} {
		resp, err := http.PostForm(w.url+"/"+tenant+"/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "scope": {w.url + "/.default"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(body), "AADSTS50059") {
			t.Errorf("%s = %d %s", tenant, resp.StatusCode, body)
		}
	}
}

// An assertion works once, until it could not work any more anyway.
func TestAssertionReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.assertion(t, "PS256", claim{"jti": "once"})
	if r := w.asApplication(t, withAssertion(token)); r.Status != 200 {
		t.Fatalf("answer = %s", r.Text)
	}
	w.asApplication(t, withAssertion(token)).want(t, 400, "invalid_grant", 50013)
	w.asApplication(t, withAssertion(w.assertion(t, "RS256", claim{"jti": "once"}))).want(t, 400, "invalid_grant", 50013)
	w.pass(time.Hour)
	if r := w.asApplication(t, withAssertion(w.assertion(t, "PS256", claim{"jti": "once"}))); r.Status != 200 {
		t.Errorf("after an hour: %s", r.Text)
	}
}

// The certificate also proves the app when a code or a refresh token is
// redeemed.
func TestCodeWithCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.redeem(t, w.signIn(t, nil), withAssertion(w.assertion(t, "PS256", nil))).wantTokens(t)
	if acr := w.claims(t, r.AccessToken)["appidacr"]; acr != "2" {
		t.Errorf("appidacr = %v", acr)
	}
}

func TestApplicationUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.asApplication(t, nil)

	wantCode := func(token string, status int, code string) {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/data/v9.2/WhoAmI", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(body), code) {
			t.Errorf("answer = %d %s, want %d %s", resp.StatusCode, body, status, code)
		}
	}
	wantCode(good.AccessToken, 200, "UserId")
	for _, role := range []bool{false, true} {
		if err := w.SetApplicationRole(sandbox.ClientID, role); err != nil {
			t.Fatal(err)
		}
		if role {
			wantCode(good.AccessToken, 200, "UserId")
		} else {
			wantCode(good.AccessToken, 403, "0x80040220")
		}
	}

	// An app that is no application user gets a token, but not in.
	stranger := app(t, sandbox.Config{Apps: []sandbox.App{{ClientID: "9e1d5a0c-0000-4000-8000-000000000001", Secret: "s"}}})
	r := stranger.asApplication(t, map[string]string{"client_id": "9e1d5a0c-0000-4000-8000-000000000001", "client_secret": "s"})
	w = stranger
	wantCode(r.AccessToken, 403, "0x80072560")
}

// app is a world with a configuration of its own.
func app(t *testing.T, cfg sandbox.Config) *world {
	t.Helper()
	w := &world{}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	cfg.Seed, cfg.Users, cfg.Accounts, cfg.Contacts, cfg.Opportunities, cfg.Incidents = 7, 12, 5, 5, 5, 5
	cfg.Now = func() time.Time { return time.Unix(w.clock.Load(), 0) }
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Sandbox = s
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}
