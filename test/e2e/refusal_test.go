package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// Every wrong input of the connection form is told at its field, all at once,
// and nothing is stored.
func TestWrongConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	html := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("<html>Hello</html>"))
	}))
	defer html.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ok := client.ConnectionInput{Name: "Fine", EnvironmentURL: w.env}
	for name, c := range map[string]struct {
		change func(*client.ConnectionInput)
		field  string
	}{
		"no name":            {func(in *client.ConnectionInput) { in.Name = "" }, "name"},
		"long name":          {func(in *client.ConnectionInput) { in.Name = strings.Repeat("x", 101) }, "name"},
		"not an address":     {func(in *client.ConnectionInput) { in.EnvironmentURL = "contoso" }, "environment_url"},
		"another site":       {func(in *client.ConnectionInput) { in.EnvironmentURL = "https://example.com" }, "environment_url"},
		"plain http":         {func(in *client.ConnectionInput) { in.EnvironmentURL = "http://contoso.crm.dynamics.com" }, "environment_url"},
		"not an environment": {func(in *client.ConnectionInput) { in.EnvironmentURL = html.URL }, "environment_url"},
		"nobody there":       {func(in *client.ConnectionInput) { in.EnvironmentURL = gone.URL }, "environment_url"},
		"client id":          {func(in *client.ConnectionInput) { in.ClientID = "my app" }, "client_id"},
		"id of the secret":   {func(in *client.ConnectionInput) { in.ClientSecret = sandbox.ClientID }, "client_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			in := ok
			c.change(&in)
			_, err := w.client.InsertConnection(t.Context(), in)
			if e := problem(t, err, crosswalk.CodeInvalid); at(e, c.field) == "" || len(e.Fields) != 1 {
				t.Errorf("problems %+v, want one at %s", e.Fields, c.field)
			}
		})
	}
	_, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{ClientID: "x", EnvironmentURL: "x"})
	if e := problem(t, err, crosswalk.CodeInvalid); len(e.Fields) != 3 {
		t.Errorf("three problems at once, got %+v", e.Fields)
	}
	list, err := w.client.ListConnections(t.Context(), client.ConnectionFilter{})
	w.must(err)
	if len(list.Items) != 0 {
		t.Errorf("stored %+v", list.Items)
	}
	w.create("Fine")
	_, err = w.client.InsertConnection(t.Context(), ok)
	if e := problem(t, err, crosswalk.CodeInvalid); at(e, "name") == "" {
		t.Errorf("name taken: %+v", e)
	}
}

func TestDeclinedConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.create("Contoso")
	err := w.authorize(conn.ID, "decline")
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "consent") && !strings.Contains(strings.ToLower(err.Error()), "declined") {
		t.Errorf("declined: %v", err)
	}
	conn, err = w.client.FindConnection(t.Context(), conn.ID)
	w.must(err)
	if conn.Status != crosswalk.ConnectionNotAuthorized || conn.OrganizationID != "" || conn.Jobs != 0 {
		t.Errorf("connection %+v", conn)
	}
	w.must(w.authorize(conn.ID, "accept"))
}

// A callback that does not belong to a sign-in of ours changes nothing.
func TestWrongState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.create("Contoso")
	begun, err := w.client.Authorize(t.Context(), conn.ID, "")
	w.must(err)
	u, err := url.Parse(begun)
	w.must(err)
	state := u.Query().Get("state")
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct{ name, query, want string }{
		{"none", "code=x", "/connections?failed=1"},
		{"made up", "code=x&state=made-up", "/connections?failed=1"},
		{"an error made up", "error=access_denied&error_description=Call+1-800-EVIL", "/connections?failed=1"},
		{"right state, wrong code", "code=x&state=" + state, "/connections?connection=" + conn.ID + "&failed=1"},
		{"used again", "code=x&state=" + state, "/connections?failed=1"},
	} {
		res, err := browser.Get(w.url + "/oauth/callback?" + c.query)
		w.must(err)
		_ = res.Body.Close()
		to, err := res.Location()
		w.must(err)
		if to.RequestURI() != c.want {
			t.Errorf("%s: sent to %s", c.name, to)
		}
	}
	conn, err = w.client.FindConnection(t.Context(), conn.ID)
	w.must(err)
	if conn.Status != crosswalk.ConnectionNotAuthorized {
		t.Errorf("connection is %s", conn.Status)
	}
	if f := conn.SignInFailure; f == nil || !strings.Contains(f.Message, "AADSTS") || f.Hint == "" || f.At.IsZero() {
		t.Errorf("failure %+v", f)
	}
	w.must(w.authorize(conn.ID, "accept"))
	if f := w.find(conn.ID).SignInFailure; f != nil {
		t.Errorf("failure %+v after a sign-in that succeeded", f)
	}
}

// An environment replaced behind its address is refused at re-authorization
// and at the start of a run; what was authorized before stays as it was.
func TestOtherOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	w.behind.Store(newSandbox(t, sandbox.Config{Seed: 7, Accounts: 10}))
	err := w.authorize(conn.ID, "accept")
	if err == nil || !strings.Contains(err.Error(), w.sandbox.OrganizationID()) || !strings.Contains(err.Error(), w.behind.Load().OrganizationID()) {
		t.Errorf("authorizing another organization: %v", err)
	}
	after, err := w.client.FindConnection(t.Context(), conn.ID)
	w.must(err)
	if after.OrganizationID != conn.OrganizationID || after.Status != crosswalk.ConnectionAuthorized || after.Authorization.UserName != conn.Authorization.UserName {
		t.Errorf("connection changed: %+v", after)
	}
	w.behind.Store(w.sandbox)
	if run := w.run(w.job("User Sync_Contoso")); run.Status != crosswalk.RunSuccess {
		t.Errorf("back at the right organization: %s %s", run.Status, run.Message)
	}
}

func TestRevokeAndReauthorize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	job := w.job("User Sync_Contoso")
	first := w.run(job)
	conn, err := w.client.Revoke(t.Context(), conn.ID)
	w.must(err)
	if conn.Status != crosswalk.ConnectionRevoked || conn.Authorization != nil {
		t.Errorf("revoked: %+v", conn)
	}
	_, err = w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	if e := problem(t, err, crosswalk.CodeConflict); !strings.Contains(e.Message, "revoked") || e.Hint == "" {
		t.Errorf("run after revoke: %+v", e)
	}
	if n := w.rows("User"); n != first.Counts.Inserted {
		t.Errorf("%d users after revoke, %d before", n, first.Counts.Inserted)
	}
	w.must(w.authorize(conn.ID, "accept"))
	if run := w.runOver(job, everything); run.Status != crosswalk.RunSuccess || run.Counts.Unchanged != first.Counts.Inserted {
		t.Errorf("after re-authorizing: %s %+v", run.Status, run.Counts)
	}
}
