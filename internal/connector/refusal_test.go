package connector_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// refusals is Microsoft's table of errors, a row a line, with what becomes of
// a connection whose token cannot be refreshed for that reason. The sandbox
// gives each number the OAuth error that Microsoft does.
var refusals = []struct {
	row     string
	numbers string
	status  crosswalk.ConnectionStatus
	cause   string // "" means that the connection shows none: it passes
	hint    string // what somebody must do
}{
	{"grant ended", "50173 50132 50133 700082 70008 700084 50089 50013", crosswalk.ConnectionDisconnected, "authorization", "Authorize the connection again"},
	{"sign-in frequency", "70043", crosswalk.ConnectionDisconnected, "frequency policy", "Authorize the connection again"},
	{"password", "50055 50126", crosswalk.ConnectionDisconnected, "password", "uthorize the connection again"},
	{"second factor", "50076 50079 50072 50074 50078 50158", crosswalk.ConnectionDisconnected, "multi-factor", "second step"},
	{"policy", "53000 53001 53002 53003 530035 50131 50097 50129", crosswalk.ConnectionDisconnected, "Conditional Access", "policy allows"},
	{"consent", "65001", crosswalk.ConnectionDisconnected, "permission", "accept the permissions"},
	{"declined", "65004", crosswalk.ConnectionAuthorized, "declined", "Accept"},
	{"administrator's consent", "90094 90095 900941", crosswalk.ConnectionAuthorized, "administrator", "admin consent"},
	{"permissions of the app", "65005 650057", crosswalk.ConnectionAuthorized, "permissions of the app", "API permissions"},
	{"permissions of the app, as a bad client", "650056", crosswalk.ConnectionDisconnected, "permissions of the app", "API permissions"},
	{"no such resource", "500011 50001", crosswalk.ConnectionAuthorized, "no Dynamics 365 environment", "address of the environment"},
	{"no subscription", "650052", crosswalk.ConnectionDisconnected, "no Dynamics 365 environment", "licence"},
	{"account of another tenant", "50020", crosswalk.ConnectionDisconnected, "another organization", "choose an account"},
	{"no such user", "50034 51004 50014", crosswalk.ConnectionDisconnected, "does not exist", "choose an account"},
	{"user disabled or locked", "50057 50053", crosswalk.ConnectionDisconnected, "The account is", "administrator"},
	{"user not assigned", "50105", crosswalk.ConnectionDisconnected, "not assigned", "assign the account"},
	{"app of one tenant", "50194", crosswalk.ConnectionAuthorized, "one organization only", "app registration"},
	{"redirect address", "50011", crosswalk.ConnectionAuthorized, "redirect address", "Authentication"},
	{"app unknown or disabled", "700016 70001 7000112", crosswalk.ConnectionAuthorized, "client id", "Application (client) ID"},
	{"secret wrong", "7000215 70002", crosswalk.ConnectionDisconnected, "secret is wrong", "not its Secret ID"},
	{"secret expired", "7000222", crosswalk.ConnectionDisconnected, "secret has expired", "Make a new client secret"},
	{"no secret", "7000218", crosswalk.ConnectionDisconnected, "needs a client secret", "Make a client secret"},
	{"public client", "700025", crosswalk.ConnectionDisconnected, "public client", "platform Web"},
	{"assertion", "700027 50012", crosswalk.ConnectionDisconnected, "certificate", "thumbprints"},
	{"time of the assertion", "500133", crosswalk.ConnectionDisconnected, "certificate", "clock"},
	{"malformed", "70011 28002 28003 70003 90014 900144 900023", crosswalk.ConnectionAuthorized, "malformed", "report it"},
	{"malformed grant", "9002313", crosswalk.ConnectionDisconnected, "malformed", "Authorize again"},
	{"challenge of the code", "50147", crosswalk.ConnectionAuthorized, "proof", "Start the authorization again"},
	{"code", "501481 54005 700005", crosswalk.ConnectionDisconnected, "code", "Start the authorization again"},
	{"silent sign-in", "50058", crosswalk.ConnectionAuthorized, "Nobody is signed in", "Authorize"},
	{"looping", "50196", crosswalk.ConnectionAuthorized, "", ""},
	{"passing", "90055 90006 90033 90024 90012 90090 50033 429 503", crosswalk.ConnectionAuthorized, "", ""},
	{"national cloud", "90038 900432", crosswalk.ConnectionAuthorized, "national cloud", "same cloud"},
	{"no such tenant", "90002 50059 50128 90019", crosswalk.ConnectionAuthorized, "does not know the organization", "address of the environment"},
}

// Each refusal of a refresh leaves the connection in the state that the table
// says, with the cause and what to do. When it is over, a connection that was
// not disconnected goes on by itself with the grant it had, and one that was
// after it was authorized again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.SignInMode{crosswalk.SignInUser, crosswalk.SignInSecret} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.connect(t, "Contoso", mode)
			for _, row := range refusals {
				for number := range strings.FieldsSeq(row.numbers) {
					w.sandbox.Advance(6 * time.Minute) // so that no earlier failure is remembered
					w.sandbox.ExpireTokens()
					must(t, w.sandbox.FailToken(number))
					err := w.ask(t, id)
					got, found := w.Store.FindConnection(t.Context(), id)
					must(t, found)
					name := fmt.Sprintf("%s, %s", row.row, number)
					code := crosswalk.CodeConflict
					switch {
					case row.status == crosswalk.ConnectionDisconnected:
						code = crosswalk.CodeDisconnected
					case row.cause == "":
						code = crosswalk.CodeUnavailable
					}
					if crosswalk.ErrorCode(err) != code {
						t.Errorf("%s: error %v, want code %s", name, err, code)
					}
					hint := row.hint
					if mode.Application() && strings.Contains(got.StatusHint, "nobody can sign in again for it") {
						hint = "administrator" // and not: sign in again
					}
					if got.Status != row.status || !strings.Contains(got.StatusCause, row.cause) || !strings.Contains(got.StatusHint, hint) || (got.StatusCause == "") != (row.cause == "") {
						t.Errorf("%s: %s: %q (%q)", name, got.Status, got.StatusCause, got.StatusHint)
					}
					if row.cause != "" && !strings.Contains(got.StatusCause, "AADSTS"+number) {
						t.Errorf("%s: the cause %q does not name the number", name, got.StatusCause)
					}

					w.sandbox.ClearFailures()
					w.sandbox.Advance(6 * time.Minute)
					if row.status == crosswalk.ConnectionDisconnected {
						w.authorize(t, id, mode)
					}
					if err := w.ask(t, id); err != nil {
						t.Fatalf("%s: put right: %v", name, err)
					}
					got, found = w.Store.FindConnection(t.Context(), id)
					must(t, found)
					if got.Status != crosswalk.ConnectionAuthorized || got.StatusCause != "" || got.StatusHint != "" {
						t.Errorf("%s: put right: %s: %q (%q)", name, got.Status, got.StatusCause, got.StatusHint)
					}
				}
			}
		})
	}
}

// ask sends a request as the connection.
func (w *world) ask(t *testing.T, id string) error {
	t.Helper()
	client, err := w.Client(t.Context(), id)
	must(t, err)
	_, err = client.WhoAmI(t.Context())
	return err
}

// Two processes use one connection. The refresh of the one is refused while
// a person authorizes again in the other: the refusal is about tokens that
// are gone, so nothing is disconnected, and the first goes on with the new
// ones.
func TestRefusedWhileAuthorizedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.connect(t, "Contoso", crosswalk.SignInUser)
	other := &world{Connector: connector.New(w.Config), sandbox: w.sandbox, env: w.env}
	var held atomic.Bool
	asked, authorized := make(chan struct{}), make(chan struct{})
	hold := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") && !held.Swap(true) { // the first is the refresh
			close(asked)
			<-authorized
		}
	})
	w.before.Store(&hold)
	w.sandbox.RevokeSessions()
	w.sandbox.ExpireTokens()
	answer := make(chan error, 1)
	client, err := w.Client(t.Context(), id)
	must(t, err)
	go func() {
		_, err := client.WhoAmI(t.Context())
		answer <- err
	}()
	<-asked
	other.authorize(t, id, crosswalk.SignInUser)
	close(authorized)
	if err := <-answer; err != nil {
		t.Errorf("the request of the first process: %v", err)
	}
	conn, err := w.Store.FindConnection(t.Context(), id)
	must(t, err)
	if conn.Status != crosswalk.ConnectionAuthorized || conn.StatusCause != "" {
		t.Errorf("%s: %s", conn.Status, conn.StatusCause)
	}
}

// A sign-in server that takes its time is waited for; one that does not
// answer at all disconnects nothing.
func TestSlowSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.connect(t, "Contoso", crosswalk.SignInUser)
	w.sandbox.ExpireTokens()
	fault, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultDelay, Path: "/oauth2/v2.0/token", Delay: sandbox.Span(1500 * time.Millisecond)})
	must(t, err)
	begin := time.Now()
	if err := w.ask(t, id); err != nil || time.Since(begin) < 1500*time.Millisecond {
		t.Errorf("a slow answer: %v after %v", err, time.Since(begin))
	}
	w.sandbox.RemoveFault(fault)

	w.sandbox.ExpireTokens()
	drop := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			panic(http.ErrAbortHandler)
		}
	})
	w.before.Store(&drop)
	w.sandbox.Advance(time.Minute)
	if err := w.ask(t, id); crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
		t.Errorf("no answer: %v", err)
	}
	conn, err := w.Store.FindConnection(t.Context(), id)
	must(t, err)
	if conn.Status != crosswalk.ConnectionAuthorized || conn.StatusCause != "" {
		t.Errorf("%s: %s", conn.Status, conn.StatusCause)
	}
}
