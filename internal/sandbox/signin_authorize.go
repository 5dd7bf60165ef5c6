package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// codeLifetime is how long a code can be redeemed; after that it is
// remembered for a while, to tell an old code from an invented one.
const codeLifetime = 10 * time.Minute

// code is an authorization code given to a client.
type code struct {
	clientID  string
	account   person
	redirect  string
	challenge string
	method    string // of the challenge: S256, plain or none
	nonce     string
	scopes    scopes
	tenant    string // as in the path of the authorize request
	expires   time.Time
	redeemed  bool
}

// request is a checked authorize request.
type request struct {
	app       registration
	redirect  string
	mode      string // of the response: query, fragment or form_post
	state     string
	nonce     string
	challenge string
	method    string
	prompt    string
	hint      string
	scopes    scopes
	tenant    string
}

// authorize begins a sign-in (GET).
func (in *signIn) authorize(w http.ResponseWriter, r *http.Request) {
	req, ok := in.parse(w, r)
	if !ok {
		return
	}
	who, signedIn := in.signedIn(r)
	if signedIn && req.hint != "" && !strings.EqualFold(who.DomainName, req.hint) {
		signedIn = false // another account is wanted
	}
	switch {
	case req.prompt == "none" && !signedIn:
		in.redirectFault(w, r, req, refuse(50058))
	case req.prompt == "none" && !in.consented(who, req.app.ClientID, req.scopes):
		in.redirectFault(w, r, req, refuse(65001))
	case req.prompt == "login", req.prompt == "select_account", !signedIn:
		in.pickAccount(w, r, req, "")
	default:
		in.proceed(w, r, req, who)
	}
}

// answer takes what the account page or the consent page sent (POST). The
// request stays in the address, so that the pages hold no state of it.
func (in *signIn) answer(w http.ResponseWriter, r *http.Request) {
	req, ok := in.parse(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	account, known := in.person(r.PostFormValue("account"))
	decision := r.PostFormValue("decision")
	if decision == "" {
		if !known {
			in.pickAccount(w, r, req, "Choose one of these accounts.")
			return
		}
		in.startSession(w, r, account)
		in.proceed(w, r, req, account)
		return
	}
	who, signedIn := in.signedIn(r)
	switch {
	case !signedIn || !known || who.ObjectID != account.ObjectID:
		in.pickAccount(w, r, req, "Your sign-in has ended. Choose an account again.")
	case decision == "accept" && req.app.AdminConsent && !in.admin(who):
		in.redirectFault(w, r, req, refuse(90094))
	case decision == "accept":
		in.consent(who, req.app.ClientID, req.scopes)
		in.redirectCode(w, r, req, who)
	case decision == "decline":
		in.redirectFault(w, r, req, refuse(65004))
	default:
		in.consentPage(w, r, req, who)
	}
}

// proceed asks for consent where it is needed, and otherwise gives the code.
func (in *signIn) proceed(w http.ResponseWriter, r *http.Request, req request, who person) {
	switch f := in.barred(who, req.tenant); {
	case f != nil && f.number == 50020: // shown: the client's own address is not for strangers
		in.errorPage(w, r, f)
		return
	case f != nil:
		in.redirectFault(w, r, req, f)
		return
	case req.app.AdminConsent && !in.admin(who) && !in.consented(who, req.app.ClientID, req.scopes):
		in.redirectFault(w, r, req, refuse(90094))
		return
	}
	if req.prompt == "consent" || !in.consented(who, req.app.ClientID, req.scopes) {
		in.consentPage(w, r, req, who)
		return
	}
	in.redirectCode(w, r, req, who)
}

// barred refuses an account that cannot sign in by a tenant, and all of them
// while FailAuthorize is on.
func (in *signIn) barred(who person, tenant string) *refusal {
	in.mu.Lock()
	st, command := in.standings[who.ObjectID], in.authorizeFault
	in.mu.Unlock()
	switch {
	case command != "":
		number, _ := strconv.Atoi(command) // checked when it was set
		return refuse(number)
	case st.disabled:
		return refuse(50057)
	case st.guest && (tenant == "organizations" || tenant == "common"):
		return refuse(50020, who.DomainName)
	}
	return nil
}

// parse checks the request. What cannot safely be sent back to the client is
// shown as a page, the rest is sent back; then it returns false.
func (in *signIn) parse(w http.ResponseWriter, r *http.Request) (request, bool) {
	q := r.URL.Query()
	req := request{
		redirect: q.Get("redirect_uri"), mode: q.Get("response_mode"), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"), prompt: q.Get("prompt"),
		hint: q.Get("login_hint"), tenant: strings.ToLower(r.PathValue("tenant")),
	}
	var shown *refusal
	switch id := q.Get("client_id"); {
	case !in.knownTenant(r):
		shown = refuse(90002, r.PathValue("tenant"))
	case id == "":
		shown = refuse(900144, "client_id")
	default:
		shown = in.redirectable(&req, id)
	}
	if shown != nil {
		in.errorPage(w, r, shown)
		return req, false
	}

	var sent *refusal
	switch kind := q.Get("response_type"); {
	case kind == "":
		sent = refuse(900144, "response_type")
	case kind != "code":
		sent = refuse(700054, kind)
	case !slices.Contains([]string{"", "query", "fragment", "form_post"}, req.mode):
		sent = refuse(70007, req.mode)
	case !slices.Contains([]string{"", "login", "none", "consent", "select_account"}, req.prompt):
		sent = refuse(90023, req.prompt)
	case !goodChallenge(&req):
		sent = refuse(50147)
	case !goodClaims(q.Get("claims")):
		sent = refuse(90013)
	default:
		req.scopes, sent = parseScopes(q.Get("scope"), in.s.bases(r))
	}
	if sent != nil {
		in.redirectFault(w, r, req, sent)
		return req, false
	}
	return req, true
}

// redirectable finds the app of a request and refuses an address that is not
// the app's.
func (in *signIn) redirectable(req *request, clientID string) *refusal {
	var known bool
	req.app, known = in.app(clientID)
	switch {
	case !known:
		return refuse(700016, clientID)
	case req.app.disabled:
		return refuse(7000112, clientID)
	case req.redirect == "":
		return refuse(900144, "redirect_uri")
	case !req.app.allows(req.redirect):
		return refuse(50011, req.redirect, clientID)
	}
	return nil
}

// goodChallenge checks the PKCE challenge, if there is one (RFC 7636,
// section 4.2). Without a method it is plain.
func goodChallenge(req *request) bool {
	if req.challenge == "" {
		return req.method == ""
	}
	if req.method == "" {
		req.method = "plain"
	}
	switch req.method {
	case "S256":
		b, err := base64.RawURLEncoding.DecodeString(req.challenge)
		return err == nil && len(b) == 32
	case "plain":
		return goodVerifier(req.challenge)
	default:
		return false
	}
}

// goodVerifier checks the form of a PKCE verifier (RFC 7636, section 4.1).
func goodVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && !strings.ContainsFunc(v, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

// redirectCode sends the browser back with a new code.
func (in *signIn) redirectCode(w http.ResponseWriter, r *http.Request, req request, who person) {
	var b [48]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	text := "1.A" + base64.RawURLEncoding.EncodeToString(b[:])
	now := in.s.now()
	in.mu.Lock()
	for old, c := range in.codes {
		if now.Sub(c.expires) > time.Hour {
			delete(in.codes, old)
		}
	}
	in.codes[text] = &code{
		clientID: req.app.ClientID, account: who, redirect: req.redirect, challenge: req.challenge, method: req.method, nonce: req.nonce,
		scopes: req.scopes, tenant: req.tenant, expires: now.Add(codeLifetime),
	}
	in.mu.Unlock()
	in.s.log.Info("signed in", "user", who.DomainName)
	in.redirect(w, r, req, "code", text, "state", req.state, "session_state", newGUID())
}

// redirectFault sends the browser back with a refusal.
func (in *signIn) redirectFault(w http.ResponseWriter, r *http.Request, req request, f *refusal) {
	t := in.trace(r)
	in.s.log.Info("sign-in refused", "error", f.code, "number", f.number, "trace", t.id)
	in.redirect(w, r, req, "error", f.code, "error_description", f.description(t), "state", req.state)
}

// redirect sends the browser back with names and values, or has it post them.
// Entra writes escapes in lower case, which naive clients compare.
func (in *signIn) redirect(w http.ResponseWriter, r *http.Request, req request, pairs ...string) {
	if req.mode == "form_post" {
		in.postBack(w, r, req, pairs)
		return
	}
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == "state" && pairs[i+1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pairs[i] + "=" + escape(pairs[i+1]))
	}
	separator := "?"
	if req.mode == "fragment" {
		separator = "#"
	}
	in.secure(w, req.redirect, "")
	w.Header().Set("Location", req.redirect+separator+b.String())
	w.WriteHeader(http.StatusFound)
}

func escape(s string) string {
	b := []byte(url.QueryEscape(s))
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
			i += 2
		}
	}
	return string(b)
}

// newGUID makes a random GUID (version 4) for traces and ids of tokens.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
