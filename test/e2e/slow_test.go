package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// TestSlowSignIn has the sign-in server take its time: signing in, refreshing
// and running take as long, and nothing else comes of it.
func TestSlowSignIn(t *testing.T) {
	t.Parallel()
	const pause = 700 * time.Millisecond
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInSecret} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 20, Accounts: 10}, server.Config{})
			_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultDelay, Path: "/oauth2/v2.0/", Delay: sandbox.Span(pause)})
			w.must(err)
			conn := w.inMode(mode)
			w.must(w.authorize(conn.ID, "accept"))
			w.sandbox.ExpireTokens()
			began := time.Now()
			r, err := w.client.TestConnection(t.Context(), conn.ID)
			w.must(err)
			if took := time.Since(began); !r.OK || took < pause {
				t.Errorf("tested in %v: %+v", took, r)
			}
			if got := w.find(conn.ID); got.Status != crosswalk.ConnectionAuthorized || got.StatusCause != "" {
				t.Errorf("connection %s: %q", got.Status, got.StatusCause)
			}
			if run := w.run(w.job("User Sync_As " + string(mode))); run.Status != crosswalk.RunSuccess {
				t.Errorf("run %s: %s", run.Status, run.Message)
			}
			if slow := w.sandbox.Requests(sandbox.RequestFilter{Path: "/oauth2/v2.0/token", Fault: sandbox.FaultDelay}); len(slow) < 2 || time.Duration(slow[0].Took) < pause {
				t.Errorf("%d slow answers: %+v", len(slow), slow)
			}
		})
	}
}

// TestSignInTooSlow waits for the sign-in server no longer than it may, and
// says that it was too slow, not that the authorization has ended.
func TestSignInTooSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 1}, server.Config{})
	_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultDelay, Path: "/oauth2/v2.0/token", Delay: sandbox.Span(3 * time.Second)})
	w.must(err)
	cfg := oauth.Config{
		Authority: w.env, Tenant: w.sandbox.TenantID(), Resource: w.env, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
		HTTP: &http.Client{Timeout: 200 * time.Millisecond},
	}
	began := time.Now()
	_, err = cfg.Credentials(t.Context())
	if took := time.Since(began); err == nil || took > 2*time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	words := oauth.Explain(err)
	if words.Code != crosswalk.CodeUnavailable || !strings.Contains(words.Message, "did not answer in time") || words.Hint == "" {
		t.Errorf("%+v", words)
	}
	var e *oauth.Error
	if errors.As(err, &e) && e.Disconnects() {
		t.Error("a slow answer ends the authorization")
	}
}
