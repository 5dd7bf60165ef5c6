package e2e_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// inMode makes a connection that signs in that way, not authorized yet.
func (w *world) inMode(mode crosswalk.SignInMode) crosswalk.Connection {
	w.t.Helper()
	in := client.ConnectionInput{Name: "As " + string(mode), EnvironmentURL: w.env, SignInMode: mode, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret}
	if mode == crosswalk.SignInCertificate {
		in.ClientSecret, in.Certificate = "", string(w.sandbox.Certificate())
	}
	conn, err := w.client.InsertConnection(w.t.Context(), in)
	w.must(err)
	return conn
}

func (w *world) find(id string) crosswalk.Connection {
	w.t.Helper()
	conn, err := w.client.FindConnection(w.t.Context(), id)
	w.must(err)
	return conn
}

// check returns the finding with that name whose detail holds a text.
func check(t *testing.T, r client.TestResult, name, detail string) client.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name && strings.Contains(c.Detail, detail) {
			return c
		}
	}
	t.Errorf("no check %q with %q in %+v", name, detail, r.Checks)
	return client.Check{}
}

// In every mode a connection is authorized, tested, pinned and syncs; the
// access token is replaced when it ends.
func TestSignInModes(t *testing.T) {
	t.Parallel()
	for mode, as := range map[crosswalk.SignInMode]string{
		crosswalk.SignInUser: "Signed in as ", crosswalk.SignInSecret: "with a client secret", crosswalk.SignInCertificate: "with a certificate",
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Accounts: 30, Users: 20}, server.Config{ClientID: "00000000-0000-4000-8000-000000000000"})
			conn := w.inMode(mode)
			if conn.SignInMode != mode || conn.Status != crosswalk.ConnectionNotAuthorized || (conn.Certificate != nil) != (mode == crosswalk.SignInCertificate) {
				t.Errorf("created %+v", conn)
			}
			w.must(w.authorize(conn.ID, "accept"))
			conn = w.find(conn.ID)
			if conn.Status != crosswalk.ConnectionAuthorized || conn.OrganizationID != w.sandbox.OrganizationID() || conn.TenantID != w.sandbox.TenantID() {
				t.Errorf("authorized %+v", conn)
			}
			if a := conn.Authorization; a.UserID == "" || a.DisplayName == "" || a.UserName == "" || len(a.Scopes) == 0 || strings.HasPrefix(a.DisplayName, "# ") != mode.Application() {
				t.Errorf("authorization %+v", a)
			}
			r, err := w.client.TestConnection(t.Context(), conn.ID)
			w.must(err)
			if !r.OK || r.Parallelism == 0 {
				t.Errorf("test %+v", r)
			}
			check(t, r, "Sign-in", as)
			check(t, r, "Organization", w.sandbox.OrganizationName())
			for _, entity := range []string{"systemuser", "account"} {
				if c := check(t, r, "Organization-wide read", entity); c.Warn || !c.OK {
					t.Errorf("%+v", c)
				}
			}
			job := w.job("User Sync_As " + string(mode))
			if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted == 0 {
				t.Errorf("run: %s %s", run.Status, run.Message)
			}
			w.sandbox.ExpireTokens()
			if run := w.run(job); run.Status != crosswalk.RunSuccess {
				t.Errorf("run with an ended token: %s %s", run.Status, run.Message)
			}
			w.must(w.authorize(conn.ID, "accept")) // again: the same organization, no second job
			page, err := w.client.ListJobs(t.Context(), client.JobFilter{})
			w.must(err)
			if len(page.Items) != 1 {
				t.Errorf("%d jobs", len(page.Items))
			}
		})
	}
}

// What a mode needs is told at its field, all at once.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	pem := string(w.sandbox.Certificate())
	own := "9e1d5a0c-0000-4000-8000-000000000001"
	for name, c := range map[string]struct {
		in    client.ConnectionInput
		field string // "" when it is fine
	}{
		"the installation's secret": {client.ConnectionInput{SignInMode: crosswalk.SignInSecret}, ""},
		"an app without a secret":   {client.ConnectionInput{SignInMode: crosswalk.SignInSecret, ClientID: own}, "client_secret"},
		"a public client":           {client.ConnectionInput{ClientID: own}, ""},
		"no certificate":            {client.ConnectionInput{SignInMode: crosswalk.SignInCertificate, ClientID: own}, "certificate"},
		"half a certificate":        {client.ConnectionInput{SignInMode: crosswalk.SignInCertificate, Certificate: pem[:200]}, "certificate"},
		"no key":                    {client.ConnectionInput{Certificate: pem[:strings.Index(pem, "-----BEGIN PRIVATE")]}, "certificate"},
		"a certificate":             {client.ConnectionInput{SignInMode: crosswalk.SignInCertificate, Certificate: pem}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Name, c.in.EnvironmentURL = name, w.env
			_, err := w.client.InsertConnection(t.Context(), c.in)
			if c.field == "" {
				w.must(err)
				return
			}
			if e := problem(t, err, crosswalk.CodeInvalid); at(e, c.field) == "" || len(e.Fields) != 1 {
				t.Errorf("problems %+v, want one at %s", e.Fields, c.field)
			}
		})
	}
	_, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{Name: "x", EnvironmentURL: w.env, SignInMode: "password"})
	if e := problem(t, err, crosswalk.CodeInvalid); e.Message == "" {
		t.Errorf("an unknown mode: %+v", e)
	}
}

// An environment that refuses the application says what an administrator must
// do, and the connection stays as it was.
func TestApplicationRefused(t *testing.T) {
	t.Parallel()
	const stranger = "9e1d5a0c-0000-4000-8000-000000000001"
	w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10, Apps: []sandbox.App{{ClientID: stranger, Secret: "s"}}}, server.Config{})
	conn, err := w.client.InsertConnection(t.Context(), client.ConnectionInput{
		Name: "Stranger", EnvironmentURL: w.env, SignInMode: crosswalk.SignInSecret, ClientID: stranger, ClientSecret: "s",
	})
	w.must(err)
	e := problem(t, w.authorize(conn.ID, ""), crosswalk.CodeForbidden)
	if !strings.Contains(e.Message, stranger) || !strings.Contains(e.Hint, "Application users") {
		t.Errorf("no application user: %+v", e)
	}

	known := w.inMode(crosswalk.SignInSecret)
	w.must(w.sandbox.SetApplicationRole(sandbox.ClientID, false))
	if e := problem(t, w.authorize(known.ID, ""), crosswalk.CodeForbidden); !strings.Contains(e.Hint, "security role") {
		t.Errorf("no role: %+v", e)
	}
	w.must(w.sandbox.SetApplicationRole(sandbox.ClientID, true))
	w.must(w.authorize(known.ID, ""))
	w.must(w.sandbox.SetApplicationRole(sandbox.ClientID, false))
	r, err := w.client.TestConnection(t.Context(), known.ID)
	w.must(err)
	if c := check(t, r, "Sign-in", "security role"); r.OK || c.OK || c.Hint == "" {
		t.Errorf("test without a role: %+v", r)
	}
	for id, want := range map[string]crosswalk.ConnectionStatus{conn.ID: crosswalk.ConnectionNotAuthorized, known.ID: crosswalk.ConnectionAuthorized} {
		if got := w.find(id).Status; got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

// When Microsoft refuses for good the connection is disconnected with the
// cause in words; a person puts it right and the jobs go on.
func TestDisconnectedAndPutRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode  crosswalk.SignInMode
		event func(s *sandbox.Sandbox) error
		cause string
		right func(s *sandbox.Sandbox) error // nil when authorizing again is enough
	}{
		"secret expired":   {crosswalk.SignInSecret, func(s *sandbox.Sandbox) error { return s.ExpireSecret(sandbox.ClientID, true) }, "7000222", func(s *sandbox.Sandbox) error { return s.ExpireSecret(sandbox.ClientID, false) }},
		"policy for apps":  {crosswalk.SignInSecret, func(s *sandbox.Sandbox) error { return s.FailToken("53003") }, "53003", func(s *sandbox.Sandbox) error { s.ClearFailures(); return nil }},
		"sessions revoked": {crosswalk.SignInUser, func(s *sandbox.Sandbox) error { s.RevokeSessions(); return nil }, "50173", nil},
		"consent removed":  {crosswalk.SignInUser, func(s *sandbox.Sandbox) error { return s.RemoveConsent("", sandbox.ClientID) }, "65001", nil},
		"user disabled": {
			crosswalk.SignInUser, func(s *sandbox.Sandbox) error { return s.DisableUser(s.Accounts()[0].SignInName, true) }, "50057",
			func(s *sandbox.Sandbox) error { return s.DisableUser(s.Accounts()[0].SignInName, false) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
			conn := w.inMode(c.mode)
			w.must(w.authorize(conn.ID, "accept"))
			job := w.job("User Sync_As " + string(c.mode))
			w.must(c.event(w.sandbox))
			w.sandbox.ExpireTokens()
			if run := w.run(job); run.Status != crosswalk.RunFailed || run.Hint == "" {
				t.Errorf("run: %s %s", run.Status, run.Message)
			}
			got := w.find(conn.ID)
			if got.Status != crosswalk.ConnectionDisconnected || !strings.Contains(got.StatusCause, c.cause) || got.StatusHint == "" {
				t.Errorf("connection %s: %s (%s)", got.Status, got.StatusCause, got.StatusHint)
			}
			if c.right != nil {
				w.must(c.right(w.sandbox))
			}
			w.must(w.authorize(conn.ID, "accept"))
			if run := w.run(job); run.Status != crosswalk.RunSuccess {
				t.Errorf("run after authorizing again: %s %s", run.Status, run.Message)
			}
		})
	}
}

// What is wrong with the app registration is told on the connection while it
// lasts, and takes nothing away: when an administrator has put it right, the
// jobs go on with nobody authorizing anything.
func TestSetUpFaultAndPutRight(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInSecret, crosswalk.SignInCertificate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
			conn := w.inMode(mode)
			w.must(w.authorize(conn.ID, "accept"))
			job := w.job("User Sync_As " + string(mode))
			w.must(w.sandbox.DisableApp(sandbox.ClientID, true))
			w.sandbox.ExpireTokens()
			if run := w.run(job); run.Status != crosswalk.RunFailed || !strings.Contains(run.Message, "7000112") || run.Hint == "" {
				t.Errorf("run: %s %s (%s)", run.Status, run.Message, run.Hint)
			}
			r, err := w.client.TestConnection(t.Context(), conn.ID)
			w.must(err)
			if c := check(t, r, "Sign-in", "7000112"); r.OK || c.OK || c.Hint == "" {
				t.Errorf("test %+v", r)
			}
			if got := w.find(conn.ID); got.Status != crosswalk.ConnectionAuthorized || !strings.Contains(got.StatusCause, "7000112") || !strings.Contains(got.StatusHint, "client) ID") {
				t.Errorf("connection %s: %q (%q)", got.Status, got.StatusCause, got.StatusHint)
			}
			w.must(w.sandbox.DisableApp(sandbox.ClientID, false))
			// The failure is remembered for ten seconds; a new process knows
			// nothing of it.
			w.stop()
			w.start(server.Config{})
			if run := w.run(job); run.Status != crosswalk.RunSuccess {
				t.Errorf("run after it was put right: %s %s", run.Status, run.Message)
			}
			if got := w.find(conn.ID); got.Status != crosswalk.ConnectionAuthorized || got.StatusCause != "" || got.StatusHint != "" {
				t.Errorf("connection %s: %q (%q)", got.Status, got.StatusCause, got.StatusHint)
			}
		})
	}
}

// A passing fault of the sign-in server disconnects nothing, in no mode.
func TestPassingFaults(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInSecret} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
			conn := w.inMode(mode)
			w.must(w.authorize(conn.ID, "accept"))
			for _, code := range []string{"503", "429", "90033"} {
				w.must(w.sandbox.FailToken(code))
				w.sandbox.ExpireTokens()
				r, err := w.client.TestConnection(t.Context(), conn.ID)
				if err == nil && r.OK {
					t.Errorf("%s: the test is good", code)
				}
				if got := w.find(conn.ID).Status; got != crosswalk.ConnectionAuthorized {
					t.Errorf("%s: %s", code, got)
				}
			}
		})
	}
}

// With continuous access evaluation a challenge is answered without anybody,
// and what it demands of a person waits for the next sign-in.
func TestContinuousAccess(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInCertificate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10, ContinuousAccess: true}, server.Config{})
			conn := w.inMode(mode)
			w.must(w.authorize(conn.ID, "accept"))
			if left := time.Until(w.find(conn.ID).Authorization.ExpiresAt); left < 19*time.Hour {
				t.Errorf("the token lives for %v only", left)
			}
			w.sandbox.Challenge()
			if run := w.run(w.job("User Sync_As " + string(mode))); run.Status != crosswalk.RunSuccess {
				t.Errorf("run after a challenge: %s %s", run.Status, run.Message)
			}
			if got := w.find(conn.ID).Status; got != crosswalk.ConnectionAuthorized {
				t.Errorf("connection %s", got)
			}
			if mode != crosswalk.SignInUser {
				return
			}
			w.sandbox.Challenge()
			w.must(w.sandbox.FailToken("50076"))
			if run := w.run(w.job("User Sync_As user")); run.Status != crosswalk.RunFailed {
				t.Errorf("run without the second factor: %s", run.Status)
			}
			w.sandbox.ClearFailures()
			to, err := w.client.Authorize(t.Context(), conn.ID, "")
			w.must(err)
			u, err := url.Parse(to)
			w.must(err)
			if claims := u.Query().Get("claims"); !strings.Contains(claims, "capolids") || !strings.Contains(claims, "cp1") {
				t.Errorf("the next sign-in asks for %s", claims)
			}
			w.must(visitor.SignIn(t.Context(), to, visitor.Accept))
			if got := w.find(conn.ID).Status; got != crosswalk.ConnectionAuthorized {
				t.Errorf("connection %s after the sign-in", got)
			}
		})
	}
}

// The administrator's approval comes back to Crosswalk and changes nothing at
// the connection; afterwards it can be authorized.
func TestAdminConsentLink(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInSecret} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{
				Users: 20, Accounts: 10,
				Apps: []sandbox.App{{ClientID: sandbox.ClientID, Secret: sandbox.ClientSecret, AdminConsent: true}},
			}, server.Config{})
			conn := w.inMode(mode)
			if mode.Application() {
				if e := problem(t, w.authorize(conn.ID, ""), crosswalk.CodeInvalid); !strings.Contains(e.Message, "700016") {
					t.Errorf("before the consent: %+v", e)
				}
			}
			for _, decision := range []string{visitor.Decline, visitor.Accept} {
				link, err := w.client.AdminConsentLink(t.Context(), conn.ID)
				w.must(err)
				back, err := visitor.Visit(t.Context(), link, decision, func(u *url.URL) (bool, error) { return u.Path == "/connections", nil })
				w.must(err)
				q := back.Query()
				if ok := q.Get("consented") == "1"; ok != (decision == visitor.Accept) || ok == (q.Get("failed") != "") || q.Get("connection") != conn.ID {
					t.Errorf("%s came back with %v", decision, q)
				}
				if got := w.find(conn.ID); got.Status != crosswalk.ConnectionNotAuthorized || got.SignInFailure == nil || !strings.Contains(got.SignInFailure.Message, "65004") {
					t.Errorf("connection %s, %+v", got.Status, got.SignInFailure)
				}
			}
			w.must(w.authorize(conn.ID, "accept"))
		})
	}
}

// The answer of an administrator's approval is no sign-in, and the other way
// round.
func TestMixedAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
	conn := w.inMode(crosswalk.SignInUser)
	jar, err := cookiejar.New(nil)
	w.must(err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	state := func(address string) string {
		u, err := url.Parse(address)
		w.must(err)
		return u.Query().Get("state")
	}
	link, err := w.client.AdminConsentLink(t.Context(), conn.ID)
	w.must(err)
	begun, err := w.client.Authorize(t.Context(), conn.ID, "")
	w.must(err)
	for _, query := range []string{"code=x&state=" + state(link), "admin_consent=True&tenant=x&state=" + state(begun)} {
		res, err := browser.Get(w.url + "/oauth/callback?" + query)
		w.must(err)
		_ = res.Body.Close()
		to, err := res.Location()
		w.must(err)
		if q := to.Query(); q.Get("failed") == "" || q.Get("authorized") != "" || q.Get("consented") != "" {
			t.Errorf("%s came back with %v", query, q)
		}
	}
	if got := w.find(conn.ID).Status; got != crosswalk.ConnectionNotAuthorized {
		t.Errorf("connection %s", got)
	}
}

// Editing: what is absent stays; another mode takes the authorization away,
// and nothing else.
func TestEditCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
	conn := w.inMode(crosswalk.SignInSecret)
	w.must(w.authorize(conn.ID, ""))
	soon := time.Now().Add(10 * 24 * time.Hour).UTC().Truncate(time.Second)
	edit := func(u client.ConnectionUpdate) crosswalk.Connection {
		t.Helper()
		c, err := w.client.UpdateConnection(t.Context(), conn.ID, u)
		w.must(err)
		return c
	}
	got := edit(client.ConnectionUpdate{SecretExpiresAt: &soon})
	if got.Status != crosswalk.ConnectionAuthorized || got.SecretExpiresAt == nil || !got.SecretExpiresAt.Equal(soon) || got.Warning == nil {
		t.Errorf("with an end of the secret: %+v", got)
	}
	r, err := w.client.TestConnection(t.Context(), conn.ID)
	w.must(err)
	if c := check(t, r, "Expiry", "The client secret expires on"); !c.Warn || !r.OK {
		t.Errorf("test %+v", r)
	}
	secret := sandbox.ClientSecret
	if got = edit(client.ConnectionUpdate{ClientSecret: &secret}); got.SecretExpiresAt != nil || got.Warning != nil {
		t.Errorf("a new secret has the old one's end: %+v", got)
	}

	mode, pem := crosswalk.SignInCertificate, string(w.sandbox.Certificate())
	_, err = w.client.UpdateConnection(t.Context(), conn.ID, client.ConnectionUpdate{SignInMode: &mode})
	if e := problem(t, err, crosswalk.CodeInvalid); at(e, "certificate") == "" {
		t.Errorf("certificate mode without one: %+v", e)
	}
	got = edit(client.ConnectionUpdate{SignInMode: &mode, Certificate: &pem})
	if got.Status != crosswalk.ConnectionRevoked || got.Authorization != nil || got.OrganizationID != w.sandbox.OrganizationID() || got.Jobs != 1 || !got.HasSecret {
		t.Errorf("after another mode: %+v", got)
	}
	want := crosswalk.Certificate{
		Subject: "CN=Crosswalk sandbox application", Thumbprint: got.Certificate.Thumbprint,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, *got.Certificate); diff != "" {
		t.Errorf("certificate (-want +got):\n%s", diff)
	}
	w.must(w.authorize(conn.ID, ""))
	same, other := strings.ToUpper(sandbox.ClientID), "9e1d5a0c-0000-4000-8000-000000000001"
	if got = edit(client.ConnectionUpdate{ClientID: &same}); got.Status != crosswalk.ConnectionAuthorized {
		t.Errorf("the same app: %s", got.Status)
	}
	if got = edit(client.ConnectionUpdate{ClientID: &other}); got.Status != crosswalk.ConnectionRevoked {
		t.Errorf("another app: %s", got.Status)
	}
	edit(client.ConnectionUpdate{ClientID: &same})
	w.must(w.authorize(conn.ID, ""))
	if run := w.run(w.job("User Sync_As client_secret")); run.Status != crosswalk.RunSuccess {
		t.Errorf("run: %s %s", run.Status, run.Message)
	}
}

// A role that does not reach all rows is warned about; it is no failure.
func TestPartialRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
	conn := w.inMode(crosswalk.SignInSecret)
	w.must(w.authorize(conn.ID, ""))
	w.must(w.sandbox.SetRole(w.find(conn.ID).Authorization.UserID, sandbox.Role{Tables: map[string]sandbox.Depth{"account.Read": sandbox.Local}}))
	r, err := w.client.TestConnection(t.Context(), conn.ID)
	w.must(err)
	if c := check(t, r, "Organization-wide read", "Only some rows of account"); !c.Warn || !c.OK || c.Hint == "" || !r.OK {
		t.Errorf("test %+v", r)
	}
}
