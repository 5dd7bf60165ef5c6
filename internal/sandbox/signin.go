package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// accounts is how many people the sign-in page offers.
const accounts = 6

// appName is what the consent page calls the app registration.
const appName = "Crosswalk"

// signIn is the sign-in server: what login.microsoftonline.com is to a real
// environment. Refresh tokens and browser sessions are sealed with a key
// derived from the seed and kept by the client, so that they outlive a
// restart of the sandbox; codes, consents and revocations are kept in memory.
type signIn struct {
	s      *Sandbox
	mux    *http.ServeMux
	seal   cipher.AEAD
	people []person

	shift atomic.Int64 // of the clock, in nanoseconds

	applicationUsers sync.Map // client id -> row of the systemuser, as last found

	mu             sync.Mutex
	apps           map[string]*registration // by lower-case client id
	codes          map[string]*code
	assertions     map[string]float64  // ids seen -> when they end, in seconds since 1970
	standings      map[string]standing // by object id
	consents       map[string][]string // consentKey -> scopes
	withdrawn      map[string]bool     // consentKey -> RemoveConsent was called since
	tenantConsents map[string]bool     // lower-case client id -> an administrator consented
	sessionEpoch   int64               // raised by RevokeSessions
	tokenEpoch     int64               // raised by ExpireTokens
	continuous     bool                // SetContinuousAccess
	challenged     int64               // by Challenge, in seconds since 1970
	faults         []string            // of FailNextToken
	tokenFault     string              // of FailToken
	authorizeFault string              // of FailAuthorize
	loops          loops
}

func newSignIn(s *Sandbox) *signIn {
	in := &signIn{
		s:      s,
		mux:    http.NewServeMux(),
		people: s.people(accounts),

		apps:           registrations(s.cfg),
		codes:          map[string]*code{},
		assertions:     map[string]float64{},
		standings:      map[string]standing{},
		consents:       map[string][]string{},
		withdrawn:      map[string]bool{},
		tenantConsents: map[string]bool{},
		continuous:     s.cfg.ContinuousAccess,
		loops:          loops{limit: DefaultLoopLimit},
	}
	clock := s.now
	s.now = func() time.Time { return clock().Add(time.Duration(in.shift.Load())) }
	key := derive(s.cfg.Seed, "seal")
	block, err := aes.NewCipher(key[:])
	if err == nil {
		in.seal, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		panic(fmt.Sprintf("sandbox: %v", err)) // a key of 32 bytes is always good
	}
	sameOrigin := http.NewCrossOriginProtection()
	in.mux.HandleFunc("GET /{$}", in.home)
	in.mux.HandleFunc("GET /signin.css", in.style)
	in.mux.HandleFunc("GET /certificate.pem", in.pem)
	in.mux.HandleFunc("GET /common/discovery/instance", in.instance)
	in.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", in.configuration)
	in.mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", in.keys)
	in.mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", in.authorize)
	in.mux.Handle("POST /{tenant}/oauth2/v2.0/authorize", sameOrigin.Handler(http.HandlerFunc(in.answer)))
	in.mux.HandleFunc("GET /{tenant}/adminconsent", in.adminConsent)
	in.mux.Handle("POST /{tenant}/adminconsent", sameOrigin.Handler(http.HandlerFunc(in.answerAdmin)))
	in.mux.HandleFunc("GET /{tenant}/v2.0/adminconsent", in.adminConsent)
	in.mux.Handle("POST /{tenant}/v2.0/adminconsent", sameOrigin.Handler(http.HandlerFunc(in.answerAdmin)))
	in.mux.HandleFunc("/{tenant}/oauth2/v2.0/token", in.token)
	in.mux.HandleFunc("GET /{tenant}/oauth2/v2.0/logout", in.logout)
	return in
}

// ServeHTTP serves everything that is not the Web API.
func (in *signIn) ServeHTTP(w http.ResponseWriter, r *http.Request) { in.mux.ServeHTTP(w, r) }

func (in *signIn) person(objectID string) (person, bool) {
	i := slices.IndexFunc(in.people, func(p person) bool { return strings.EqualFold(p.ObjectID, objectID) })
	if i < 0 {
		return person{}, false
	}
	return in.people[i], true
}

// personNamed finds an account by its sign-in name.
func (in *signIn) personNamed(name string) (person, bool) {
	i := slices.IndexFunc(in.people, func(p person) bool { return strings.EqualFold(p.DomainName, name) })
	if i < 0 {
		return person{}, false
	}
	return in.people[i], true
}

// knownTenant reports whether the first part of the path means our tenant.
func (in *signIn) knownTenant(r *http.Request) bool {
	switch t := strings.ToLower(r.PathValue("tenant")); t {
	case "organizations", "common":
		return true
	default:
		return t == strings.ToLower(in.s.TenantID())
	}
}

// sealed makes an opaque token of a value.
func (in *signIn) sealed(kind string, value any) string {
	plain, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("sandbox: %v", err)) // only plain structs are sealed
	}
	return base64.RawURLEncoding.EncodeToString(in.seal.Seal(nil, nil, plain, []byte(kind)))
}

// unsealed reads what sealed made, and reports whether it is ours.
func (in *signIn) unsealed(kind, token string, into any) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return false
	}
	plain, err := in.seal.Open(nil, nil, b, []byte(kind))
	return err == nil && json.Unmarshal(plain, into) == nil
}

const sessionCookie = "sandbox_signin"

// session is what the browser's cookie says.
type session struct {
	ObjectID string `json:"oid"`
	Epoch    int64  `json:"epoch"`
	Sessions int64  `json:"sessions"` // of the standing
}

// signedIn returns who is signed in with this browser.
func (in *signIn) signedIn(r *http.Request) (person, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return person{}, false
	}
	var held session
	if !in.unsealed("session", cookie.Value, &held) {
		return person{}, false
	}
	in.mu.Lock()
	ended := held.Epoch < in.sessionEpoch || held.Sessions < in.standings[held.ObjectID].sessions
	in.mu.Unlock()
	if ended {
		return person{}, false
	}
	return in.person(held.ObjectID)
}

func (in *signIn) startSession(w http.ResponseWriter, r *http.Request, p person) {
	in.mu.Lock()
	epoch, sessions := in.sessionEpoch, in.standings[p.ObjectID].sessions
	in.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: in.sealed("session", session{ObjectID: p.ObjectID, Epoch: epoch, Sessions: sessions}),
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}

// logout ends the browser's session. Tokens stay good, as with Entra.
func (in *signIn) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	if back := r.URL.Query().Get("post_logout_redirect_uri"); back != "" {
		if u, err := url.Parse(back); err == nil && (u.Scheme == "http" || u.Scheme == "https") && crosswalk.IsLoopback(u.Hostname()) {
			http.Redirect(w, r, back, http.StatusFound)
			return
		}
	}
	in.page(w, r, http.StatusOK, "signedout", pageData{Title: "You are signed out"})
}
