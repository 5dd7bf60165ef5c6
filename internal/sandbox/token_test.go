package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// reply is an answer of the token endpoint.
type reply struct {
	Status int
	Header http.Header
	Text   string

	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	ClientInfo   string `json:"client_info"`

	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	TraceID     string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
	URI         string `json:"error_uri"`
	Suberror    string `json:"suberror"`
}

// ask sends a token request with the usual client; change says what differs,
// "" leaving a parameter out.
func (w *world) ask(t *testing.T, change map[string]string) reply {
	t.Helper()
	form := url.Values{"client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}}
	for k, v := range change {
		if v == "" {
			form.Del(k)
			continue
		}
		form.Set(k, v)
	}
	resp, err := http.PostForm(w.url+"/"+w.TenantID()+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{Status: resp.StatusCode, Header: resp.Header, Text: string(body)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	return r
}

func (w *world) redeem(t *testing.T, code string, change map[string]string) reply {
	t.Helper()
	all := map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
	for k, v := range change {
		all[k] = v
	}
	return w.ask(t, all)
}

func (w *world) refresh(t *testing.T, token string) reply {
	t.Helper()
	return w.ask(t, map[string]string{"grant_type": "refresh_token", "refresh_token": token, "scope": w.url + "/user_impersonation offline_access"})
}

func (r reply) want(t *testing.T, status int, code string, number int) {
	t.Helper()
	if r.Status != status || r.Error != code || len(r.Codes) != 1 || r.Codes[0] != number {
		t.Errorf("answer = %d %s, want %d %s AADSTS%d", r.Status, r.Text, status, code, number)
	}
}

func (r reply) wantTokens(t *testing.T) reply {
	t.Helper()
	if r.Status != http.StatusOK || r.AccessToken == "" || r.RefreshToken == "" {
		t.Fatalf("answer = %d %s, want tokens", r.Status, r.Text)
	}
	return r
}

func TestTokenCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.redeem(t, w.signIn(t, nil), map[string]string{"client_info": "1"}).wantTokens(t)
	if r.TokenType != "Bearer" || r.Scope != w.url+"/user_impersonation" || r.ExpiresIn < 3600 || r.ExpiresIn > 5400 {
		t.Errorf("answer = %s", r.Text)
	}
	if got := r.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control = %q", got)
	}

	access := w.claims(t, r.AccessToken)
	now := float64(w.clock.Load())
	for name, want := range map[string]any{
		"aud": w.url, "iss": "https://sts.windows.net/" + w.TenantID() + "/", "appid": sandbox.ClientID, "appidacr": "1",
		"scp": "user_impersonation", "tid": w.TenantID(), "ver": "1.0", "iat": now, "nbf": now, "exp": now + float64(r.ExpiresIn),
	} {
		if diff := cmp.Diff(want, access[name]); diff != "" {
			t.Errorf("access token, %s (-want +got):\n%s", name, diff)
		}
	}
	id := w.claims(t, r.IDToken)
	for name, want := range map[string]any{
		"aud": sandbox.ClientID, "iss": w.url + "/" + w.TenantID() + "/v2.0", "tid": w.TenantID(), "nonce": "nonce 1", "ver": "2.0",
		"oid": access["oid"], "preferred_username": access["upn"], "name": access["name"], "sub": access["sub"],
	} {
		if diff := cmp.Diff(want, id[name]); diff != "" || want == nil || want == "" {
			t.Errorf("id token, %s (-want +got):\n%s", name, diff)
		}
	}
	info, err := base64.RawURLEncoding.DecodeString(r.ClientInfo)
	if err != nil || string(info) != `{"uid":"`+access["oid"].(string)+`","utid":"`+w.TenantID()+`"}` {
		t.Errorf("client_info = %s, %v", info, err)
	}
	if status, user := w.whoAmI(t, r.AccessToken); status != http.StatusOK || len(user) != 36 {
		t.Errorf("WhoAmI = %d %q", status, user)
	}
}

func TestTokenErrorShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.refresh(t, "1.Anonsense")
	r.want(t, http.StatusBadRequest, "invalid_grant", 9002313)
	const id = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	const at = `2026-03-01 12:00:00Z`
	if !regexp.MustCompile(`^AADSTS9002313: [^\r\n]+\r\nTrace ID: ` + id + `\r\nCorrelation ID: ` + id + `\r\nTimestamp: ` + at + `$`).MatchString(r.Description) {
		t.Errorf("error_description = %q", r.Description)
	}
	if r.Timestamp != at || !strings.Contains(r.Description, r.TraceID) || !strings.Contains(r.Description, r.Correlation) || !strings.HasSuffix(r.URI, "/error?code=9002313") {
		t.Errorf("answer = %s", r.Text)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := map[string]string{"grant_type": "refresh_token", "refresh_token": "x"}
	tests := map[string]struct {
		change map[string]string
		status int
		code   string
		number int
	}{
		"no grant type":      {map[string]string{}, 400, "invalid_request", 900144},
		"unknown grant type": {map[string]string{"grant_type": "password"}, 400, "unsupported_grant_type", 70003},
		"no client":          {map[string]string{"grant_type": "refresh_token", "client_id": ""}, 400, "invalid_request", 900144},
		"unknown client":     {map[string]string{"grant_type": "refresh_token", "client_id": "x"}, 400, "unauthorized_client", 700016},
		"no secret":          {map[string]string{"grant_type": "refresh_token", "client_secret": ""}, 401, "invalid_client", 7000218},
		"wrong secret":       {map[string]string{"grant_type": "refresh_token", "client_secret": "guess"}, 401, "invalid_client", 7000215},
		"no refresh token":   {map[string]string{"grant_type": "refresh_token"}, 400, "invalid_request", 900144},
		"bad refresh token":  {good, 400, "invalid_grant", 9002313},
		"no code":            {map[string]string{"grant_type": "authorization_code", "redirect_uri": callback}, 400, "invalid_request", 900144},
		"no redirect":        {map[string]string{"grant_type": "authorization_code", "code": "x"}, 400, "invalid_request", 900144},
		"invented code":      {map[string]string{"grant_type": "authorization_code", "code": "x", "redirect_uri": callback}, 400, "invalid_grant", 9002313},
		"another resource":   {map[string]string{"grant_type": "refresh_token", "refresh_token": "x", "scope": "https://contoso.crm.dynamics.com/user_impersonation"}, 400, "invalid_resource", 500011},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.ask(t, tt.change).want(t, tt.status, tt.code, tt.number)
		})
	}
	resp, err := http.Get(w.url + "/organizations/oauth2/v2.0/token")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(body), "AADSTS900561") {
		t.Errorf("GET = %d %s", resp.StatusCode, body)
	}
}

func TestTokenCodeIsBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.signIn(t, nil)
	w.redeem(t, code, map[string]string{"code_verifier": ""}).want(t, 400, "invalid_grant", 501481)
	w.redeem(t, code, map[string]string{"code_verifier": verifier + "x"}).want(t, 400, "invalid_grant", 501481)
	w.redeem(t, code, map[string]string{"redirect_uri": "http://127.0.0.1:8081/oauth/callback"}).want(t, 401, "invalid_client", 500112)
	w.redeem(t, code, nil).wantTokens(t)
	w.redeem(t, code, nil).want(t, 400, "invalid_grant", 54005)

	code = w.signIn(t, only("prompt", "consent"))
	w.pass(9*time.Minute + 59*time.Second)
	other := w.signIn(t, only("prompt", "consent"))
	w.pass(time.Second)
	w.redeem(t, code, nil).want(t, 400, "invalid_grant", 70008)
	w.redeem(t, other, nil).wantTokens(t)

	// A code asked for without a challenge takes no verifier; a plain
	// challenge is compared as it is.
	code = w.signIn(t, map[string]string{"code_challenge": "", "code_challenge_method": "", "prompt": "consent"})
	w.redeem(t, code, nil).want(t, 400, "invalid_grant", 501481)
	w.redeem(t, code, map[string]string{"code_verifier": ""}).wantTokens(t)
	code = w.signIn(t, map[string]string{"code_challenge": verifier, "code_challenge_method": "plain", "prompt": "consent"})
	w.redeem(t, code, map[string]string{"code_verifier": verifier + "x"}).want(t, 400, "invalid_grant", 501481)
	w.redeem(t, code, nil).wantTokens(t)
}

func only(k, v string) map[string]string { return map[string]string{k: v} }

func TestTokenRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
	w.pass(time.Hour)
	second := w.refresh(t, first.RefreshToken).wantTokens(t)
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("a refresh gave the same token again")
	}
	if second.IDToken != "" {
		t.Error("an id token came without openid")
	}
	w.refresh(t, first.RefreshToken).wantTokens(t) // the old one stays usable
	w.pass(89 * 24 * time.Hour)
	third := w.refresh(t, second.RefreshToken).wantTokens(t)
	w.pass(2 * 24 * time.Hour)
	w.refresh(t, first.RefreshToken).want(t, 400, "invalid_grant", 700082)
	w.refresh(t, third.RefreshToken).wantTokens(t) // each one begins its life anew

	w.RevokeSessions()
	w.refresh(t, third.RefreshToken).want(t, 400, "invalid_grant", 50173)
	fourth := w.redeem(t, w.signIn(t, map[string]string{"prompt": "consent"}), nil).wantTokens(t)
	w.refresh(t, fourth.RefreshToken).wantTokens(t)
}

func TestTokenScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Without offline_access and openid there is an access token only.
	r := w.redeem(t, w.signIn(t, map[string]string{"scope": w.url + "//user_impersonation"}), nil)
	if r.Status != 200 || r.AccessToken == "" || r.RefreshToken != "" || r.IDToken != "" {
		t.Errorf("answer = %s", r.Text)
	}
	// Signing in alone gives no access to the environment.
	r = w.redeem(t, w.signIn(t, map[string]string{"scope": "openid profile offline_access", "prompt": "consent"}), nil).wantTokens(t)
	if status, _ := w.whoAmI(t, r.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("WhoAmI with a token for no environment = %d", status)
	}
	w.refresh(t, r.RefreshToken).want(t, 400, "consent_required", 65001)
}

func TestTokenOutlivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
	again := newWorld(t) // same seed, another process as it were
	again.refresh(t, r.RefreshToken).wantTokens(t)

	s, err := sandbox.New(sandbox.Config{Seed: 8, Users: 12, Accounts: 5, Contacts: 5, Opportunities: 5, Incidents: 5})
	if err != nil {
		t.Fatal(err)
	}
	if s.TenantID() == w.TenantID() {
		t.Error("two seeds have one tenant")
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
	parts := strings.Split(r.AccessToken, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	elsewhere := newWorld(t) // the same keys, another address: the audience differs
	same, err := sandbox.TokenOfTenant(w.Sandbox, r.AccessToken, w.TenantID())
	must(t, err)
	foreign, err := sandbox.TokenOfTenant(w.Sandbox, r.AccessToken, "11111111-2222-4333-8444-555555555555")
	must(t, err)
	tests := map[string]struct {
		world *world
		token string
		want  int
	}{
		"good":                    {w, r.AccessToken, 200},
		"none":                    {w, "", 401},
		"nonsense":                {w, "x.y.z", 401},
		"no signature":            {w, parts[0] + "." + parts[1] + ".", 401},
		"algorithm none":          {w, none + "." + parts[1] + ".", 401},
		"claims changed":          {w, parts[0] + "." + strings.ToUpper(parts[1]) + "." + parts[2], 401},
		"an id token":             {w, r.IDToken, 401},
		"a refresh token":         {w, r.RefreshToken, 401},
		"for another environment": {elsewhere, r.AccessToken, 401},
		"signed again":            {w, same, 200},
		"of another tenant":       {w, foreign, 401},
	}
	for name, tt := range tests {
		if status, _ := tt.world.whoAmI(t, tt.token); status != tt.want {
			t.Errorf("%s: WhoAmI = %d, want %d", name, status, tt.want)
		}
	}
	w.pass(time.Duration(r.ExpiresIn-1) * time.Second)
	if status, _ := w.whoAmI(t, r.AccessToken); status != 200 {
		t.Errorf("a second before the end: %d", status)
	}
	w.pass(time.Second)
	if status, _ := w.whoAmI(t, r.AccessToken); status != 401 {
		t.Errorf("at the end: %d", status)
	}

	r = w.refresh(t, r.RefreshToken).wantTokens(t)
	w.ExpireTokens()
	if status, _ := w.whoAmI(t, r.AccessToken); status != 401 {
		t.Errorf("after ExpireTokens: %d", status)
	}
	r = w.refresh(t, r.RefreshToken).wantTokens(t)
	w.RevokeSessions() // access tokens live on
	if status, _ := w.whoAmI(t, r.AccessToken); status != 200 {
		t.Errorf("after a refresh: %d", status)
	}
}

func TestFailNextToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
	for _, code := range []string{"AADSTS50173", "7000222", "429", "503", "50076", "123456"} {
		w.FailNextToken(code)
	}
	w.refresh(t, r.RefreshToken).want(t, 400, "invalid_grant", 50173)
	w.refresh(t, r.RefreshToken).want(t, 401, "invalid_client", 7000222)
	busy := w.refresh(t, r.RefreshToken)
	busy.want(t, 429, "temporarily_unavailable", 90055)
	if busy.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q", busy.Header.Get("Retry-After"))
	}
	if down := w.refresh(t, r.RefreshToken); down.Status != 503 || !strings.HasPrefix(down.Header.Get("Content-Type"), "text/html") {
		t.Errorf("answer = %d %s", down.Status, down.Header.Get("Content-Type"))
	}
	w.refresh(t, r.RefreshToken).want(t, 400, "interaction_required", 50076)
	w.refresh(t, r.RefreshToken).want(t, 400, "invalid_request", 123456)
	w.refresh(t, r.RefreshToken).wantTokens(t)
}

// TestIndependentClient runs the flow with a client that others wrote.
func TestIndependentClient(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]oauth2.AuthStyle{"post": oauth2.AuthStyleInParams, "basic": oauth2.AuthStyleInHeader, "found out": oauth2.AuthStyleAutoDetect} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			conf := w.independent(style)
			check := oauth2.GenerateVerifier()
			b := newBrowser(t)
			v := b.open(conf.AuthCodeURL("state 1", oauth2.S256ChallengeOption(check))).wantPage(t, "Choose an account")
			v = b.press(v, v.buttons()[0].text).wantPage(t, "Permissions requested")
			code := b.press(v, "Accept").wantCode(t)

			token, err := conf.Exchange(t.Context(), code, oauth2.VerifierOption(check))
			if err != nil {
				t.Fatal(err)
			}
			if status, _ := w.whoAmI(t, token.AccessToken); status != 200 {
				t.Errorf("WhoAmI = %d", status)
			}
			renewed, err := conf.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
			if err != nil {
				t.Fatal(err)
			}
			if renewed.RefreshToken == token.RefreshToken || renewed.AccessToken == token.AccessToken {
				t.Error("the refresh gave the same tokens")
			}

			_, err = conf.Exchange(t.Context(), code, oauth2.VerifierOption(check))
			var refused *oauth2.RetrieveError
			if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" || !strings.HasPrefix(refused.ErrorDescription, "AADSTS54005: ") {
				t.Errorf("second redemption: %v", err)
			}
			conf.ClientSecret = "guess"
			_, err = conf.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
			if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != 401 {
				t.Errorf("wrong secret: %v", err)
			}
		})
	}
}
