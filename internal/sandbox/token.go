package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	mathrand "math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refreshLifetime is how long a refresh token is good for; each refresh
// gives one with a new life.
const refreshLifetime = 90 * 24 * time.Hour

// refreshToken is what a refresh token says. Using it does not end it.
type refreshToken struct {
	ClientID  string `json:"client"`
	ObjectID  string `json:"oid"`
	Scopes    scopes `json:"scopes"`
	Issued    int64  `json:"iat"` // seconds since 1970
	Epoch     int64  `json:"epoch"`
	Sessions  int64  `json:"sessions"`  // of the standing
	Passwords int64  `json:"passwords"` // of the standing
}

// token is the token endpoint.
func (in *signIn) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		in.refuseToken(w, r, refuse(900561, r.Method))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		in.refuseToken(w, r, refuse(900144, "grant_type"))
		return
	}
	if in.failNext(w, r) {
		return
	}
	if !in.knownTenant(r) {
		in.refuseToken(w, r, refuse(90002, r.PathValue("tenant")))
		return
	}
	form := r.PostForm
	a, acr, f := in.authenticateClient(r, form)
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	if !goodClaims(form.Get("claims")) {
		in.refuseToken(w, r, refuse(90013))
		return
	}
	switch grant := form.Get("grant_type"); grant {
	case "":
		in.refuseToken(w, r, refuse(900144, "grant_type"))
	case "authorization_code":
		in.redeem(w, r, form, a, acr)
	case "refresh_token":
		in.refresh(w, r, form, a, acr)
	case "client_credentials":
		in.application(w, r, form, a, acr)
	default:
		in.refuseToken(w, r, refuse(70003, grant))
	}
}

// authenticateClient finds the app and checks its proof: a secret in the form
// or by HTTP Basic (RFC 6749, section 2.3.1, where both are form-encoded
// first), or an assertion signed with a certificate. A public client must
// send none. It returns how the app proved who it is.
func (in *signIn) authenticateClient(r *http.Request, form url.Values) (a registration, acr string, f *refusal) {
	id, secret, token := form.Get("client_id"), form.Get("client_secret"), form.Get("client_assertion")
	if user, password, ok := r.BasicAuth(); ok {
		var err, err2 error
		if user, err = url.QueryUnescape(user); err == nil {
			password, err2 = url.QueryUnescape(password)
		}
		if err != nil || err2 != nil {
			return a, "", refuse(7000215)
		}
		if id != "" && !strings.EqualFold(id, user) {
			return a, "", refuse(700016, user)
		}
		id, secret = user, password
	}
	if id == "" && token != "" { // the assertion names the app
		var says assertion
		if _, body, ok := strings.Cut(token, "."); ok {
			body, _, _ = strings.Cut(body, ".")
			_ = decodePart(body, &says) // an assertion that cannot be read names nobody
		}
		id = says.Subject
	}
	a, known := in.app(id)
	switch {
	case id == "":
		f = refuse(900144, "client_id")
	case !known:
		f = refuse(700016, id)
	case a.disabled:
		f = refuse(7000112, id)
	case a.Public && (secret != "" || token != ""):
		f = refuse(700025)
	case a.Public:
		acr = acrPublic
	case token != "" && form.Get("client_assertion_type") != assertionType:
		f = refuse(900144, "client_assertion_type")
	case token != "":
		acr, f = acrCertificate, in.checkAssertion(r, a, token)
	case secret == "":
		f = refuse(7000218)
	case a.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(a.Secret)) != 1:
		f = refuse(7000215)
	case a.expired:
		f = refuse(7000222)
	default:
		acr = acrSecret
	}
	return a, acr, f
}

// redeem turns a code into tokens, once.
func (in *signIn) redeem(w http.ResponseWriter, r *http.Request, form url.Values, a registration, acr string) {
	for _, name := range []string{"code", "redirect_uri"} {
		if form.Get(name) == "" {
			in.refuseToken(w, r, refuse(900144, name))
			return
		}
	}
	asked, f := in.askedScopes(r, form)
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	in.mu.Lock()
	c := in.codes[form.Get("code")]
	switch {
	case c == nil, !strings.EqualFold(c.clientID, a.ClientID):
		f = refuse(9002313)
	case c.redeemed:
		f = refuse(54005)
	case !in.s.now().Before(c.expires):
		f = refuse(70008)
	case !in.sameTenant(c.tenant, r.PathValue("tenant")):
		f = refuse(700005)
	case c.redirect != form.Get("redirect_uri"):
		f = refuse(500112, form.Get("redirect_uri"))
	case !c.proves(form.Get("code_verifier")):
		f = refuse(501481)
	default:
		c.redeemed = true
	}
	in.mu.Unlock()
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	granted, f := narrow(c.scopes, asked, a.ClientID)
	if f == nil {
		f = in.unfit(c.account, r.PathValue("tenant"))
	}
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	in.grant(w, r, form, a, acr, c.account, granted, c.nonce)
}

// sameTenant reports whether a code asked for at one tenant may be redeemed
// at the other: all names of our only tenant are the same.
func (in *signIn) sameTenant(asked, redeemed string) bool {
	ours := []string{"organizations", "common", strings.ToLower(in.s.TenantID())}
	return slices.Contains(ours, asked) && slices.Contains(ours, strings.ToLower(redeemed))
}

// proves checks the PKCE verifier (RFC 7636, section 4.6). A code asked for
// with a challenge needs one; without a challenge there must be none.
func (c *code) proves(verifier string) bool {
	switch c.method {
	case "S256":
		sum := sha256.Sum256([]byte(verifier))
		return goodVerifier(verifier) && subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(c.challenge)) == 1
	case "plain":
		return subtle.ConstantTimeCompare([]byte(verifier), []byte(c.challenge)) == 1
	default:
		return verifier == ""
	}
}

// refresh turns a refresh token into new tokens.
func (in *signIn) refresh(w http.ResponseWriter, r *http.Request, form url.Values, a registration, acr string) {
	if form.Get("refresh_token") == "" {
		in.refuseToken(w, r, refuse(900144, "refresh_token"))
		return
	}
	asked, f := in.askedScopes(r, form)
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	var held refreshToken
	text, ours := strings.CutPrefix(form.Get("refresh_token"), "1.A")
	if !ours || !in.unsealed("refresh", text, &held) || !strings.EqualFold(held.ClientID, a.ClientID) {
		in.refuseToken(w, r, refuse(9002313))
		return
	}
	account, known := in.person(held.ObjectID)
	in.mu.Lock()
	st := in.standings[held.ObjectID]
	revoked := held.Epoch < in.sessionEpoch || held.Sessions < st.sessions || a.Public && held.Passwords < st.passwords
	withdrawn := in.withdrawn[consentKey(account, a.ClientID)]
	in.mu.Unlock()
	unfit := in.unfit(account, r.PathValue("tenant"))
	switch {
	case !known:
		f = refuse(50034)
	case in.looping("refresh_token", a.ClientID, r.PathValue("tenant"), form.Get("scope"), held.ObjectID):
		f = refuse(50196)
	case unfit != nil:
		f = unfit
	case revoked:
		f = refuse(50173)
	case withdrawn:
		f = refuse(65001, a.ClientID)
		f.code = "invalid_grant"
	case in.s.now().Sub(time.Unix(held.Issued, 0)) > refreshLifetime:
		f = refuse(700082)
	default:
		held.Scopes, f = narrow(held.Scopes, asked, a.ClientID)
	}
	if f != nil {
		in.refuseToken(w, r, f)
		return
	}
	in.grant(w, r, form, a, acr, account, held.Scopes, "")
}

// unfit refuses an account that gets no tokens at a tenant.
func (in *signIn) unfit(p person, tenant string) *refusal {
	in.mu.Lock()
	defer in.mu.Unlock()
	st := in.standings[p.ObjectID]
	tenant = strings.ToLower(tenant)
	switch {
	case st.disabled:
		return refuse(50057)
	case st.guest && (tenant == "organizations" || tenant == "common"):
		return refuse(50020, p.DomainName)
	}
	return nil
}

// askedScopes reads the scope parameter, which may be missing.
func (in *signIn) askedScopes(r *http.Request, form url.Values) (*scopes, *refusal) {
	text := form.Get("scope")
	if text == "" {
		return nil, nil
	}
	s, f := parseScopes(text, in.s.bases(r))
	return &s, f
}

// narrow returns what is granted when a grant for given is used to ask for
// asked, nil meaning all of it. Access that was not consented to is refused;
// the scopes of OpenID Connect belong to every consent (Microsoft identity
// platform, "Scopes and permissions", offline_access), so Microsoft's library
// for Go asks for them only here.
func narrow(given scopes, asked *scopes, clientID string) (scopes, *refusal) {
	if asked == nil {
		return given, nil
	}
	if asked.Access && !given.Access {
		return given, refuse(65001, clientID)
	}
	narrowed := scopes{Resource: given.Resource, Access: given.Access, OpenID: asked.OpenID}
	if asked.Access {
		narrowed.Resource = asked.Resource
	}
	return narrowed, nil
}

// tokenAnswer is the answer of the token endpoint.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// grant answers with tokens for the account.
func (in *signIn) grant(w http.ResponseWriter, r *http.Request, form url.Values, a registration, acr string, account person, s scopes, nonce string) {
	claims := in.accessClaims(a, account, s, acr, 3600+mathrand.IntN(1801)) // 60 to 90 minutes
	in.stamp(&claims, form.Get("claims"), account.ObjectID, form.Get("grant_type") == "authorization_code")
	key := signingKeyFor(in.s.cfg.Seed)
	access, err := key.sign(claims)
	if err != nil {
		http.Error(w, "The token could not be signed.", http.StatusInternalServerError)
		return
	}
	lifetime := int(claims.Expires - claims.IssuedAt)
	answer := tokenAnswer{
		TokenType: "Bearer", Scope: s.granted(), ExpiresIn: lifetime, ExtExpiresIn: lifetime, AccessToken: access,
	}
	if s.has("offline_access") {
		in.mu.Lock()
		st := in.standings[account.ObjectID]
		held := refreshToken{
			ClientID: a.ClientID, ObjectID: account.ObjectID, Scopes: s, Issued: claims.IssuedAt,
			Epoch: in.sessionEpoch, Sessions: st.sessions, Passwords: st.passwords,
		}
		in.mu.Unlock()
		answer.RefreshToken = "1.A" + in.sealed("refresh", held)
	}
	if s.has("openid") {
		if answer.IDToken, err = key.sign(in.idClaims(r, a, account, s, nonce)); err != nil {
			http.Error(w, "The token could not be signed.", http.StatusInternalServerError)
			return
		}
	}
	if form.Get("client_info") == "1" {
		info, _ := json.Marshal(map[string]string{"uid": account.ObjectID, "utid": in.s.TenantID()}) // strings always marshal
		answer.ClientInfo = base64.RawURLEncoding.EncodeToString(info)
	}
	writeTokens(w, answer)
}

func writeTokens(w http.ResponseWriter, answer tokenAnswer) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-cache")
	header.Set("Pragma", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Ms-Request-Id", newGUID())
	_ = json.NewEncoder(w).Encode(answer) // only a gone client can make it fail
}

// subject is the pairwise sub of an account: another one for each client.
func (in *signIn) subject(account person, clientID string) string {
	sum := sha256.Sum256([]byte(in.s.TenantID() + account.ObjectID + strings.ToLower(clientID)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// uti is the unique id of a token.
func uti() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
