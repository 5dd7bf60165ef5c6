package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// control changes the sandbox from outside.
func (w *world) control(t *testing.T, status int, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+"/sandbox/"+path, strings.NewReader(string(text)))
	must(t, err)
	a, err := http.DefaultClient.Do(r)
	must(t, err)
	defer a.Body.Close()
	if a.StatusCode != status {
		t.Fatalf("%s %s %s: %s", method, path, text, a.Status)
	}
}

// TestAppsFromOutside changes app registrations over HTTP and looks at what
// the token endpoint makes of it.
func TestAppsFromOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	change := func(member string, value any) {
		t.Helper()
		w.control(t, 200, "POST", "apps", map[string]any{"app": sandbox.ClientID, member: value})
	}
	good := func(secret string) {
		t.Helper()
		if r := w.asApplication(t, map[string]string{"client_secret": secret}); r.Status != 200 {
			t.Errorf("%d %s", r.Status, r.Text)
		}
	}
	good(sandbox.ClientSecret)
	change("secret", "new")
	w.asApplication(t, nil).want(t, 401, "invalid_client", 7000215)
	good("new")
	change("secret_expired", true)
	w.asApplication(t, map[string]string{"client_secret": "new"}).want(t, 401, "invalid_client", 7000222)
	change("secret_expired", false)
	good("new")
	change("disabled", true)
	w.asApplication(t, map[string]string{"client_secret": "new"}).want(t, 400, "unauthorized_client", 7000112)
	w.control(t, 200, "POST", "reset", struct{}{})
	good(sandbox.ClientSecret)

	token := w.asApplication(t, nil).AccessToken
	if status, _ := w.whoAmI(t, token); status != 200 {
		t.Error(status)
	}
	for _, c := range []struct {
		member  string
		no, yes bool
	}{{"role", false, true}, {"blocked", true, false}} {
		change(c.member, c.no)
		if status, _ := w.whoAmI(t, token); status != 403 {
			t.Error(c.member, status)
		}
		change(c.member, c.yes)
		if status, _ := w.whoAmI(t, token); status != 200 {
			t.Error(c.member, status)
		}
	}

	// A person's consent, and everybody's.
	change("consent", true)
	b := newBrowser(t)
	v := b.open(w.authorizeURL("organizations", nil)).wantPage(t, "Choose an account")
	held := w.redeem(t, b.press(v, v.buttons()[0].text).wantCode(t), nil).wantTokens(t) // without a page of permissions
	change("consent", false)
	w.refresh(t, held.RefreshToken).want(t, 400, "invalid_grant", 65001)

	for body, status := range map[string]int{`{"app":"crosswalk","disabled":true}`: 400, `{"app":"00000000-0000-4000-8000-000000000000","disabled":true}`: 400, `{"app":"` + sandbox.ClientID + `","disable":true}`: 400} {
		w.control(t, status, "POST", "apps", json.RawMessage(body))
	}
}

// TestRegisterFromOutside registers an app with a secret, then one with a
// certificate in its place.
func TestRegisterFromOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id = "4a6e4ad5-0a35-4a8e-9d8e-1d5c2a7f6b10"
	w.asApplication(t, map[string]string{"client_id": id, "client_secret": "mine"}).want(t, 400, "unauthorized_client", 700016)
	w.control(t, 200, "PUT", "apps", sandbox.AppRegistration{ClientID: id, Name: "Mine", Secret: "mine", AdminConsent: true})
	w.asApplication(t, map[string]string{"client_id": id, "client_secret": "mine"}).want(t, 400, "unauthorized_client", 700016)
	w.control(t, 200, "POST", "apps", map[string]any{"app": id, "consent": true})
	token := w.asApplication(t, map[string]string{"client_id": id, "client_secret": "mine"}).AccessToken
	if status, _ := w.whoAmI(t, token); status != 403 { // not in the environment
		t.Error(status)
	}
	w.control(t, 200, "PUT", "apps", sandbox.AppRegistration{ClientID: id, Certificates: string(w.Certificate())})
	signed := withAssertion(w.assertion(t, "PS256", claim{"iss": id, "sub": id}))
	signed["client_id"] = id
	if r := w.asApplication(t, signed); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	for _, bad := range []sandbox.AppRegistration{{ClientID: "mine"}, {ClientID: id, Public: true, Secret: "mine"}, {ClientID: id, Certificates: "none"}} {
		w.control(t, 400, "PUT", "apps", bad)
	}
	for _, a := range w.Apps() {
		if a.ClientID == id && (a.Name != "Crosswalk" || !a.Consent || !a.Role) {
			t.Errorf("%+v", a)
		}
	}
	w.control(t, 200, "POST", "reset", struct{}{})
	w.asApplication(t, map[string]string{"client_id": id, "client_secret": "mine"}).want(t, 400, "unauthorized_client", 700016)
}

// TestLoops asks for the same tokens again and again.
func TestLoops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.redeem(t, w.signIn(t, nil), nil).wantTokens(t)
	times := func(n int) {
		t.Helper()
		for range n {
			w.refresh(t, held.RefreshToken).wantTokens(t)
		}
	}
	times(sandbox.DefaultLoopLimit)
	refused := w.refresh(t, held.RefreshToken)
	refused.want(t, 400, "invalid_grant", 50196)
	if !strings.Contains(refused.Description, "client request loop") {
		t.Error(refused.Description)
	}
	// Another scope is another request.
	w.ask(t, map[string]string{"grant_type": "refresh_token", "refresh_token": held.RefreshToken, "scope": w.url + "/.default offline_access"}).wantTokens(t)
	w.pass(4 * time.Minute)
	w.refresh(t, held.RefreshToken).want(t, 400, "invalid_grant", 50196)
	w.pass(time.Minute)
	times(1)

	w.control(t, 200, "PUT", "loops", map[string]int{"after": 2})
	times(2)
	w.refresh(t, held.RefreshToken).want(t, 400, "invalid_grant", 50196)
	w.control(t, 200, "PUT", "loops", map[string]int{"after": 0})
	times(20)
	w.control(t, 400, "PUT", "loops", map[string]int{"after": -1})

	// An application is throttled instead.
	w.control(t, 200, "PUT", "loops", map[string]int{"after": 2})
	for range 2 {
		if r := w.asApplication(t, nil); r.Status != 200 {
			t.Errorf("%d %s", r.Status, r.Text)
		}
	}
	if r := w.asApplication(t, nil); r.Status != 429 || r.Header.Get("Retry-After") != "60" {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Text)
	}
	w.control(t, 200, "POST", "reset", struct{}{})
	if w.LoopLimit() != sandbox.DefaultLoopLimit {
		t.Error(w.LoopLimit())
	}
}
