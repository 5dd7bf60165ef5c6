package sandbox

import (
	"encoding/base64"
	"encoding/json"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// demands are the parts of the claims parameter that the sign-in server heeds
// (OpenID Connect Core, section 5.5; Microsoft's description of claims
// challenges).
type demands struct {
	Access struct {
		Capabilities struct {
			Values []string `json:"values"`
		} `json:"xms_cc"`
		NotBefore struct {
			Value string `json:"value"`
		} `json:"nbf"`
	} `json:"access_token"`
}

// goodClaims reports whether a claims parameter can be read. None is good.
func goodClaims(text string) bool {
	var d demands
	return text == "" || json.Unmarshal([]byte(text), &d) == nil
}

// stamp writes into a token what is known about its account now, and makes it
// live for about a day when the client can handle a challenge. The object id
// of an application is "". A person who has just signed in answers every
// challenge before.
func (in *signIn) stamp(claims *accessClaims, requested, objectID string, signedIn bool) {
	var d demands
	if requested != "" {
		_ = json.Unmarshal([]byte(requested), &d) // goodClaims has seen it
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	claims.Epoch = in.tokenEpoch
	claims.Standing = in.sessionEpoch + in.standings[objectID].events
	if !in.continuous || !slices.Contains(d.Access.Capabilities.Values, "cp1") {
		return
	}
	claims.Capabilities = []string{"cp1"}
	claims.Expires = claims.IssuedAt + 20*3600 + int64(mathrand.IntN(8*3600+1)) // 20 to 28 hours
	if n, err := strconv.ParseInt(d.Access.NotBefore.Value, 10, 64); signedIn || err == nil && n >= in.challenged {
		claims.Answered = in.challenged
	}
}

// demanded returns the claims with which a new token must be requested, "" for
// none: Challenge was called, or something happened to its account. Without
// continuous access nothing is demanded.
func (in *signIn) demanded(claims accessClaims) string {
	if !slices.Contains(claims.Capabilities, "cp1") {
		return ""
	}
	in.mu.Lock()
	continuous, challenged := in.continuous, in.challenged
	standing := in.sessionEpoch
	if claims.IDType != "app" {
		standing += in.standings[claims.ObjectID].events
	}
	in.mu.Unlock()
	switch {
	case !continuous:
		return ""
	case claims.Answered < challenged:
	case claims.Standing < standing:
		challenged = in.s.now().Unix()
	default:
		return ""
	}
	return `{"access_token":{"nbf":{"essential":true,"value":"` + strconv.FormatInt(challenged, 10) + `"}}}`
}

// challenge answers a call with a claims challenge.
func (s *Sandbox) challenge(w http.ResponseWriter, r *http.Request, claims string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.authority(r)+`/common/oauth2/authorize", error="insufficient_claims", claims="`+
		base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
	w.WriteHeader(http.StatusUnauthorized)
}
