package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// browser is a person's browser: it keeps cookies and sends JSON as the UI
// does.
type browser struct {
	t      *testing.T
	client *http.Client
	base   string
}

func newBrowser(t *testing.T, base string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar}, base}
}

// do sends a request and returns the status and the answer as JSON.
func (b *browser) do(method, path, body string, header ...string) (int, map[string]any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var doc map[string]any
	_ = json.Unmarshal(raw, &doc)
	return res.StatusCode, doc
}

// link makes a one-time link and returns its token.
func (w *world) link() string {
	w.t.Helper()
	link, err := w.client.CreateLink(w.t.Context())
	w.must(err)
	_, token, _ := strings.Cut(link, "token=")
	return token
}

// The first administrator is made through a one-time link; afterwards there
// is no other way in than to sign in.
func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	b := newBrowser(t, w.url)
	if status, doc := b.do("GET", "/api/status", ""); status != 200 || doc["setup_required"] != true || doc["authenticated"] != false {
		t.Errorf("status at first: %d %v", status, doc)
	}
	if status, doc := b.do("GET", "/api/connections", ""); status != 401 || doc["hint"] == "" {
		t.Errorf("list without signing in: %d %v", status, doc)
	}
	token := w.link()
	if status, doc := b.do("POST", "/api/session/link", `{"token":"`+token+`"}`); status != 200 || doc["setup_required"] != true {
		t.Errorf("link before set-up: %d %v", status, doc)
	}
	person := `"name":"Ada Admin","email":"ada@example.com","password":"correct horse battery"`
	for name, c := range map[string]struct {
		body   string
		status int
		field  string
	}{
		"no link":        {`{"token":"x",` + person + `}`, 401, ""},
		"short password": {`{"token":"` + token + `","name":"Ada","email":"ada@example.com","password":"short"}`, 422, "password"},
		"no e-mail":      {`{"token":"` + token + `","name":"Ada","email":"ada","password":"correct horse battery"}`, 422, "email"},
	} {
		status, doc := b.do("POST", "/api/setup", c.body)
		if status != c.status || c.field != "" && !strings.Contains(toJSON(doc["errors"]), `"`+c.field+`"`) {
			t.Errorf("%s: %d %v", name, status, doc)
		}
	}
	if status, doc := b.do("POST", "/api/setup", `{"token":"`+token+`",`+person+`}`); status != 200 {
		t.Fatalf("set up: %d %v", status, doc)
	}
	if status, doc := b.do("GET", "/api/session", ""); status != 200 || !strings.Contains(toJSON(doc), string(crosswalk.RoleSuperAdmin)) {
		t.Errorf("session: %d %v", status, doc)
	}
	other := newBrowser(t, w.url)
	if status, _ := other.do("POST", "/api/setup", `{"token":"`+w.link()+`",`+person+`}`); status != 409 {
		t.Errorf("second set-up: %d", status)
	}
	if status, _ := other.do("POST", "/api/session/link", `{"token":"`+token+`"}`); status != 401 {
		t.Errorf("used link: %d", status)
	}
	if status, doc := other.do("POST", "/api/session/link", `{"token":"`+w.link()+`"}`); status != 200 || doc["user"] == nil {
		t.Errorf("new link: %d %v", status, doc)
	}
}

func toJSON(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// Signing in and out, wrong passwords, and requests that another site's page
// makes in the person's name.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	b := newBrowser(t, w.url)
	b.do("POST", "/api/setup", `{"token":"`+w.link()+`","name":"Ada","email":"Ada@Example.com","password":"correct horse battery"}`)
	if status, _ := b.do("POST", "/api/connections", `{"name":"x","environment_url":"`+w.env+`"}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); status != 403 {
		t.Errorf("request of another site: %d", status)
	}
	if status, _ := b.do("DELETE", "/api/session", ""); status != 204 {
		t.Errorf("sign out: %d", status)
	}
	if status, _ := b.do("GET", "/api/session", ""); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
	if status, doc := b.do("POST", "/api/session", `{"email":"ada@example.com","password":"wrong password"}`); status != 401 || !strings.Contains(doc["detail"].(string), "wrong") {
		t.Errorf("wrong password: %d %v", status, doc)
	}
	if status, _ := b.do("POST", "/api/session", `{"email":"ada@example.com","password":"correct horse battery"}`); status != 200 {
		t.Errorf("sign in: %d", status)
	}
	for range 20 {
		b.do("POST", "/api/session", `{"email":"ada@example.com","password":"wrong password"}`)
	}
	if status, _ := b.do("POST", "/api/session", `{"email":"ada@example.com","password":"correct horse battery"}`); status != 429 {
		t.Errorf("after many wrong passwords: %d", status)
	}
}

// A sign-in begun in one browser cannot be finished in another.
func TestSignInBelongsToItsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	b := newBrowser(t, w.url)
	b.do("POST", "/api/setup", `{"token":"`+w.link()+`","name":"Ada","email":"ada@example.com","password":"correct horse battery"}`)
	conn := w.create("Contoso")
	status, doc := b.do("POST", "/api/connections/"+conn.ID+"/authorize", `{}`)
	if status != 200 {
		t.Fatalf("begin: %d %v", status, doc)
	}
	err := visitor.SignIn(t.Context(), doc["authorize_url"].(string), "accept")
	conn = w.find(conn.ID)
	if err == nil || conn.SignInFailure == nil || !strings.Contains(conn.SignInFailure.Message, "another browser session") {
		t.Errorf("finished elsewhere: %v, %+v", err, conn.SignInFailure)
	}
	if conn.Status != crosswalk.ConnectionNotAuthorized {
		t.Errorf("connection is %s", conn.Status)
	}
}

// A connection can bring an app registration of its own; its secret is used
// and never shown.
func TestOwnAppRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{ClientID: "00000000-0000-0000-0000-000000000001"})
	conn, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{
		Name: "Contoso", EnvironmentURL: w.env, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
	})
	w.must(err)
	if !conn.HasSecret || strings.Contains(toJSON(conn), sandbox.ClientSecret) {
		t.Errorf("connection %+v", conn)
	}
	w.must(w.authorize(conn.ID, "accept"))
	if run := w.run(w.job("User Sync_Contoso")); run.Status != crosswalk.RunSuccess {
		t.Errorf("run %s %s", run.Status, run.Message)
	}
}
