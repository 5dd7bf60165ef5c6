package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// assertionType is the type of the JWTs with which clients prove who they
// are (RFC 7523, section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion is what such a JWT says.
type assertion struct {
	Audience  oneOrMany `json:"aud"`
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	ID        string    `json:"jti"`
	NotBefore float64   `json:"nbf"`
	Expires   float64   `json:"exp"`
}

// oneOrMany is one string or a list of them.
type oneOrMany []string

func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// assertionSkew is how far a client's clock may be off.
const assertionSkew = 5 * time.Minute

// checkAssertion checks a client assertion of the app: signed with PS256 or
// RS256 by one of its certificates, named by x5t#S256 or x5t; made for this
// token endpoint, by and about the app, good now, and not seen before. Source:
// Microsoft's description of certificate credentials.
func (in *signIn) checkAssertion(r *http.Request, a registration, token string) *refusal {
	text, last, ok := cutLast(token, ".")
	head, body, ok2 := strings.Cut(text, ".")
	var header struct {
		Algorithm string `json:"alg"`
		SHA256    string `json:"x5t#S256"`
		SHA1      string `json:"x5t"`
	}
	var says assertion
	signature, err := base64.RawURLEncoding.Strict().DecodeString(last)
	if !ok || !ok2 || err != nil || decodePart(head, &header) != nil || decodePart(body, &says) != nil {
		return refuse(50027)
	}
	cert := in.certificate(a, header.SHA256, header.SHA1)
	if cert == nil {
		return refuse(700027, "The key was not found.")
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	sum := sha256.Sum256([]byte(text))
	switch {
	case !ok:
		return refuse(700027, "The key is not an RSA key.")
	case header.Algorithm == "PS256":
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case header.Algorithm == "RS256":
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		return refuse(5002738, header.Algorithm)
	}
	if err != nil {
		return refuse(700027, "The key was found, but use of the key to verify the signature failed.")
	}
	now, skew := float64(in.s.now().Unix()), assertionSkew.Seconds()
	switch {
	case !strings.EqualFold(says.Issuer, a.ClientID) || !strings.EqualFold(says.Subject, a.ClientID):
		return refuse(700021)
	case !slices.ContainsFunc(says.Audience, func(audience string) bool { return in.isTokenEndpoint(r, audience) }):
		return refuse(700023)
	case says.Expires == 0, says.ID == "":
		return refuse(50013, "The assertion has no jti or no exp.")
	case now > says.Expires+skew, now < says.NotBefore-skew, cert.NotAfter.Before(in.s.now()), says.Expires-now > 24*3600:
		return refuse(700024)
	case !in.firstUse(a.ClientID+"/"+says.ID, says.Expires+skew):
		return refuse(50013, "The assertion was used already.")
	}
	return nil
}

// isTokenEndpoint reports whether the audience of an assertion is the token
// endpoint of our tenant, in any of its names, or the issuer of the tenant.
func (in *signIn) isTokenEndpoint(r *http.Request, audience string) bool {
	for _, base := range append(in.s.bases(r), in.s.authority(r), called(r)) {
		for _, tenant := range []string{in.s.TenantID(), "common", "organizations"} {
			for _, end := range []string{"/oauth2/v2.0/token", "/v2.0", "/oauth2/token"} {
				if strings.EqualFold(audience, base+"/"+tenant+end) {
					return true
				}
			}
		}
	}
	return false
}

// firstUse remembers the id of an assertion until it has expired, and reports
// whether it was new.
func (in *signIn) firstUse(id string, until float64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := float64(in.s.now().Unix())
	for old, end := range in.assertions {
		if end < now {
			delete(in.assertions, old)
		}
	}
	if _, seen := in.assertions[id]; seen {
		return false
	}
	in.assertions[id] = until
	return true
}
