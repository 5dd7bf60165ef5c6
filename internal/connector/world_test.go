package connector_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/secret"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// world is a connector that goes by the sandbox's clock.
type world struct {
	*connector.Connector
	sandbox *sandbox.Sandbox
	env     string
	before  atomic.Pointer[http.HandlerFunc] // called before each request that the sandbox answers; nil for nothing
}

func newWorld(t *testing.T, apps ...sandbox.App) *world {
	t.Helper()
	s, err := sandbox.New(sandbox.Config{Seed: 7, Users: 12, Accounts: 5, Contacts: 5, Opportunities: 5, Incidents: 5, Apps: apps})
	must(t, err)
	w := &world{sandbox: s}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if before := w.before.Load(); before != nil {
			(*before)(rw, r)
		}
		s.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.env = server.URL
	keys, err := secret.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	stored := store.New(databasetest.Open(t, database.SQLite))
	stored.Now = s.Clock
	must(t, stored.Migrate(t.Context()))
	w.Connector = connector.New(connector.Config{
		Store: stored, Keys: keys, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
		RedirectURL: "http://127.0.0.1:1/oauth/callback", Logger: slog.New(slog.DiscardHandler), Now: s.Clock,
	})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect makes and authorizes a connection.
func (w *world) connect(t *testing.T, name string, mode crosswalk.SignInMode) string {
	t.Helper()
	conn := crosswalk.Connection{Name: name, EnvironmentURL: w.env, SignInMode: mode}
	must(t, w.Store.InsertConnection(t.Context(), &conn, store.Sealed{}))
	w.authorize(t, conn.ID, mode)
	return conn.ID
}

// authorize authorizes a connection, once more if need be.
func (w *world) authorize(t *testing.T, id string, mode crosswalk.SignInMode) {
	t.Helper()
	if mode.Application() {
		_, err := w.AuthorizeApplication(t.Context(), id)
		must(t, err)
		return
	}
	to, err := w.Begin(t.Context(), id, "", "")
	must(t, err)
	back, err := visitor.Visit(t.Context(), to, visitor.Accept, func(u *url.URL) (bool, error) { return u.Path == "/oauth/callback", nil })
	must(t, err)
	_, err = w.Complete(t.Context(), connector.Callback{State: back.Query().Get("state"), Code: back.Query().Get("code")})
	must(t, err)
}

// An authorization that nobody uses is refreshed once a month and so outlives
// the 90 days that Microsoft gives it; one that is used is left alone.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	idle := w.connect(t, "Idle", crosswalk.SignInUser)
	app := w.connect(t, "App", crosswalk.SignInSecret)
	revoked := w.connect(t, "Revoked", crosswalk.SignInUser)
	must(t, w.Revoke(t.Context(), revoked))

	var refreshed []int
	for range 8 { // half a year, looked after every 24 days
		w.sandbox.Advance(24 * 24 * time.Hour)
		n, err := w.KeepAlive(t.Context())
		must(t, err)
		refreshed = append(refreshed, n)
	}
	if diff := cmp.Diff([]int{0, 1, 0, 1, 0, 1, 0, 1}, refreshed); diff != "" {
		t.Errorf("refreshed (-want +got):\n%s", diff)
	}
	for _, id := range []string{idle, app} {
		client, err := w.Client(t.Context(), id)
		must(t, err)
		if _, err := client.WhoAmI(t.Context()); err != nil {
			t.Errorf("after half a year: %v", err)
		}
	}

	// What Microsoft refuses for good is disconnected, what passes is not.
	w.sandbox.Advance(40 * 24 * time.Hour)
	w.sandbox.FailNextToken("503")
	n, err := w.KeepAlive(t.Context())
	must(t, err)
	conn, err := w.Store.FindConnection(t.Context(), idle)
	must(t, err)
	if n != 0 || conn.Status != crosswalk.ConnectionAuthorized {
		t.Errorf("after a passing fault: %d refreshed, %s", n, conn.Status)
	}
	w.sandbox.Advance(time.Minute)
	w.sandbox.RevokeSessions()
	n, err = w.KeepAlive(t.Context())
	must(t, err)
	conn, err = w.Store.FindConnection(t.Context(), idle)
	must(t, err)
	if n != 0 || conn.Status != crosswalk.ConnectionDisconnected || conn.StatusHint == "" {
		t.Errorf("after a revocation: %d refreshed, %s: %s", n, conn.Status, conn.StatusCause)
	}
}

// Without looking after it an authorization ends after 90 days.
func TestNotKeptAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.connect(t, "Idle", crosswalk.SignInUser)
	w.sandbox.Advance(91 * 24 * time.Hour)
	client, err := w.Client(t.Context(), id)
	must(t, err)
	if _, err := client.WhoAmI(t.Context()); crosswalk.ErrorCode(err) != crosswalk.CodeDisconnected {
		t.Errorf("after 91 days: %v", err)
	}
}

// A guest signs in at the environment's tenant, never at "organizations",
// where the tokens would come from the guest's own.
func TestGuest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.sandbox.SetGuest(w.sandbox.Accounts()[0].SignInName, true))
	client, err := w.Client(t.Context(), w.connect(t, "Guest", crosswalk.SignInUser))
	must(t, err)
	w.sandbox.Advance(2 * time.Hour)
	if _, err := client.WhoAmI(t.Context()); err != nil {
		t.Errorf("after a refresh: %v", err)
	}
}

// The mode decides how a connection is authorized.
func TestAuthorizeInTheOtherMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, app := w.connect(t, "User", crosswalk.SignInUser), w.connect(t, "App", crosswalk.SignInSecret)
	if _, err := w.AuthorizeApplication(t.Context(), user); crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
		t.Errorf("a user's without a browser: %v", err)
	}
	if _, err := w.Begin(t.Context(), app, "", ""); crosswalk.ErrorCode(err) != crosswalk.CodeConflict {
		t.Errorf("an application's in the browser: %v", err)
	}
}

// A certificate is warned about ahead of its end; when it has ended the
// connection is disconnected with that cause, and a new one puts it right.
func TestCertificateExpires(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certificate := func(days int) (*x509.Certificate, string) {
		now := time.Now()
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(days)), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	}
	soon, soonPEM := certificate(40)
	late, latePEM := certificate(400)
	w := newWorld(t, sandbox.App{ClientID: sandbox.ClientID, Certificates: []*x509.Certificate{soon, late}})
	conn := crosswalk.Connection{ID: crosswalk.NewID(), Name: "App", EnvironmentURL: w.env, SignInMode: crosswalk.SignInCertificate}
	var sealed store.Sealed
	var facts crosswalk.Certificate
	sealed.Certificate, facts, err = w.SealCertificate(conn.ID, soonPEM)
	must(t, err)
	conn.Certificate = &facts
	must(t, w.Store.InsertConnection(t.Context(), &conn, sealed))
	_, err = w.AuthorizeApplication(t.Context(), conn.ID)
	must(t, err)

	find := func() crosswalk.Connection {
		t.Helper()
		now, err := w.Store.FindConnection(t.Context(), conn.ID)
		must(t, err)
		return now
	}
	if got := find(); got.Warning != nil {
		t.Errorf("40 days ahead: %+v", got.Warning)
	}
	w.sandbox.Advance(15 * 24 * time.Hour)
	r, err := w.Test(t.Context(), conn.ID)
	must(t, err)
	if got := find(); got.Warning == nil || !r.OK || !r.Checks[0].Warn {
		t.Errorf("25 days ahead: %+v, test %+v", got.Warning, r)
	}

	w.sandbox.Advance(26 * 24 * time.Hour)
	client, err := w.Client(t.Context(), conn.ID)
	must(t, err)
	if _, err := client.WhoAmI(t.Context()); crosswalk.ErrorCode(err) != crosswalk.CodeDisconnected {
		t.Errorf("with an ended certificate: %v", err)
	}
	if got := find(); got.Status != crosswalk.ConnectionDisconnected || !strings.Contains(got.StatusCause, "certificate expired") || got.StatusHint == "" {
		t.Errorf("%s: %s (%s)", got.Status, got.StatusCause, got.StatusHint)
	}
	if _, _, err := w.SealCertificate(conn.ID, soonPEM); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("an ended certificate can be stored: %v", err)
	}

	sealed.Certificate, facts, err = w.SealCertificate(conn.ID, latePEM)
	must(t, err)
	must(t, w.Store.UpdateConnection(t.Context(), conn.ID, store.ConnectionUpdate{SealedCertificate: sealed.Certificate, Certificate: &facts}))
	_, err = w.AuthorizeApplication(t.Context(), conn.ID)
	must(t, err)
	if got := find(); got.Status != crosswalk.ConnectionAuthorized || got.Warning != nil {
		t.Errorf("with a new one: %s, %+v", got.Status, got.Warning)
	}
}
