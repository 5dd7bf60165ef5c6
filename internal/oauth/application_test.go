package oauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

// rsaKey is made once: finding primes takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// selfSigned makes a certificate that is good for a year around noon.
func selfSigned(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "crosswalk"}, NotBefore: noon.AddDate(0, -6, 0), NotAfter: noon.AddDate(0, 6, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func certificate(t *testing.T) *oauth.Certificate {
	t.Helper()
	c, err := oauth.ParseCertificate(append(block("CERTIFICATE", selfSigned(t, rsaKey())), pkcs8(t, rsaKey())...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	key := rsaKey()
	der := selfSigned(t, key)
	cert, pkcs1 := block("CERTIFICATE", der), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, tt := range map[string]struct {
		text []byte
		want string // of the message; "" when it is good
	}{
		"PKCS 8":               {join(cert, pkcs8(t, key)), ""},
		"PKCS 1, key first":    {join(pkcs1, cert), ""},
		"with a chain":         {join(block("CERTIFICATE", selfSigned(t, other)), cert, pkcs1), ""},
		"with text around":     {join([]byte("Bag Attributes\n"), cert, []byte("\nkey\n"), pkcs1), ""},
		"nothing":              {nil, "not a PEM file"},
		"a .pfx file":          {[]byte{0x30, 0x82, 1, 2}, "not a PEM file"},
		"no key":               {cert, "no private key"},
		"no certificate":       {pkcs1, "no certificate"},
		"another's key":        {join(cert, pkcs8(t, other)), "does not belong"},
		"two keys":             {join(cert, pkcs1, pkcs1), "more than one"},
		"encrypted":            {join(cert, block("ENCRYPTED PRIVATE KEY", []byte{1})), "encrypted"},
		"elliptic curve":       {join(block("CERTIFICATE", selfSigned(t, ec)), pkcs8(t, ec)), "not an RSA key"},
		"broken certificate":   {join(block("CERTIFICATE", der[:100]), pkcs1), "cannot be read"},
		"broken key":           {join(cert, block("PRIVATE KEY", []byte("sekrit"))), "form is not known"},
		"old encryption":       {join(cert, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")), "encrypted"},
		"public key only":      {join(cert, block("PUBLIC KEY", []byte{1})), "no private key"},
		"a request for one":    {block("CERTIFICATE REQUEST", []byte{1}), "not a PEM file"},
		"certificates and so?": {join(cert, cert), "no private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := oauth.ParseCertificate(tt.text)
			if tt.want == "" {
				sum := sha256.Sum256(der)
				if err != nil || !strings.Contains(c.String(), c.Facts().Thumbprint) || sum == [32]byte{} {
					t.Fatalf("ParseCertificate = %v, %v", c, err)
				}
				return
			}
			var words *crosswalk.Error
			if !errors.As(err, &words) || words.Code != crosswalk.CodeInvalid || words.Hint == "" || !strings.Contains(words.Message, tt.want) {
				t.Errorf("error = %v, want CodeInvalid with %q and a hint", err, tt.want)
			}
			wantNoSecret(t, fmt.Sprint(err))
		})
	}
}

func TestCertificateFacts(t *testing.T) {
	t.Parallel()
	c := certificate(t)
	facts := c.Facts()
	want := crosswalk.Certificate{Subject: "CN=crosswalk", Thumbprint: facts.Thumbprint, NotBefore: noon.AddDate(0, -6, 0), NotAfter: noon.AddDate(0, 6, 0)}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if b, err := hex.DecodeString(facts.Thumbprint); err != nil || len(b) != 20 || strings.ToUpper(facts.Thumbprint) != facts.Thumbprint {
		t.Errorf("thumbprint %q", facts.Thumbprint)
	}
	for at, want := range map[time.Time]crosswalk.Code{
		noon: "", noon.AddDate(0, 7, 0): crosswalk.CodeInvalid, noon.AddDate(0, -7, 0): crosswalk.CodeInvalid,
		facts.NotBefore.Add(-time.Minute): "", // our clock may be a bit behind
	} {
		if code := crosswalk.ErrorCode(c.CheckValidity(at)); code != want {
			t.Errorf("at %v: %q, want %q", at, code, want)
		}
	}
	d := rsaKey().D.String()
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v", c, c), fmt.Sprintf("%v", oauth.Config{Certificate: c})} {
		if strings.Contains(text, d) {
			t.Error("the private key shows")
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	e := &endpoint{status: 200, body: `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"sekrit-access","refresh_token":"sekrit-odd"}`}
	c := config(t, e)
	g, err := c.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &oauth.Grant{AccessToken: "sekrit-access", ExpiresAt: noon.Add(3599 * time.Second), Scopes: []string{resource + "/.default"}, TenantID: tenant}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("grant (-want +got):\n%s", diff)
	}
	wantForm := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {"sekrit-client"}, "scope": {resource + "/.default"}, "claims": {capability},
	}
	if diff := cmp.Diff(wantForm, e.got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if e.path != "/"+tenant+"/oauth2/v2.0/token" {
		t.Errorf("path %s", e.path)
	}

	c.Tenant = "organizations"
	e.got = nil
	if _, err := c.Credentials(t.Context()); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid || e.got != nil {
		t.Errorf("without a tenant: %v, sent %v", err, e.got)
	}
}

// The assertion is signed with PS256, names the certificate by its SHA-256,
// speaks to this token endpoint only, for a few minutes, and never twice.
func TestCertificateAssertion(t *testing.T) {
	t.Parallel()
	e := &endpoint{status: 200, body: answer(nil)}
	c := config(t, e)
	c.Certificate = certificate(t)
	ids := map[string]bool{}
	for range 2 {
		if _, err := c.Refresh(t.Context(), "sekrit-old"); err != nil {
			t.Fatal(err)
		}
		if e.got.Has("client_secret") || e.got.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Errorf("request %v", e.got)
		}
		parts := strings.Split(e.got.Get("client_assertion"), ".")
		if len(parts) != 3 {
			t.Fatalf("assertion of %d parts", len(parts))
		}
		enc := base64.RawURLEncoding
		decode := func(part string) map[string]any {
			b, err := enc.DecodeString(part)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			return m
		}
		header, claims := decode(parts[0]), decode(parts[1])
		if header["alg"] != "PS256" || header["typ"] != "JWT" || len(header["x5t#S256"].(string)) != 43 {
			t.Errorf("header %v", header)
		}
		id, _ := claims["jti"].(string)
		if ids[id] || id == "" {
			t.Errorf("jti %q", id)
		}
		ids[id] = true
		delete(claims, "jti")
		now := float64(noon.Unix())
		want := map[string]any{"aud": c.Authority + "/" + tenant + "/oauth2/v2.0/token", "iss": clientID, "sub": clientID, "nbf": now, "iat": now, "exp": now + 600}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		signature, err := enc.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPSS(&rsaKey().PublicKey, crypto.SHA256, sum[:], signature, nil); err != nil {
			t.Errorf("signature: %v", err)
		}
	}
}

// What only a person can do is a matter of setting up for an application.
func TestExplainApplication(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"interaction_required", "invalid_grant"} {
		e := &endpoint{status: 400, body: `{"error":"` + code + `","error_description":"AADSTS53003: blocked sekrit-client","error_codes":[53003]}`}
		_, err := config(t, e).Credentials(t.Context())
		words := oauth.Explain(err)
		if words.Code != crosswalk.CodeInvalid || !strings.Contains(words.Hint, "application") || strings.Contains(words.Hint, "from a device") {
			t.Errorf("%s: %v, %s", code, words, words.Hint)
		}
		wantNoSecret(t, err.Error())
		_, err = config(t, e).Refresh(t.Context(), "sekrit-old")
		if words := oauth.Explain(err); words.Code != crosswalk.CodeDisconnected || strings.Contains(words.Hint, "signs in as an application") {
			t.Errorf("a user's %s: %v, %s", code, words, words.Hint)
		}
	}
}

func TestAdminConsentURL(t *testing.T) {
	t.Parallel()
	c := oauth.Config{
		Authority: "https://login.microsoftonline.com", Tenant: tenant, ClientID: clientID, ClientSecret: "sekrit-client",
		RedirectURL: "https://crosswalk.example/oauth/callback", Resource: "https://contoso.crm4.dynamics.com",
	}
	u, err := url.Parse(c.AdminConsentURL("s-1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Scheme + "://" + u.Host + u.Path; got != "https://login.microsoftonline.com/"+tenant+"/v2.0/adminconsent" {
		t.Errorf("address %s", got)
	}
	want := url.Values{"client_id": {clientID}, "scope": {"https://contoso.crm4.dynamics.com/.default"}, "redirect_uri": {c.RedirectURL}, "state": {"s-1"}}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

// Demanded claims are asked for beside our capability, which a challenge
// cannot change.
func TestClaims(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ demanded, want string }{
		"none":              {"", capability},
		"nbf":               {`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`, `{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}`},
		"of the id token":   {`{"id_token":{"acr":null}}`, `{"access_token":{"xms_cc":{"values":["cp1"]}},"id_token":{"acr":null}}`},
		"our capability":    {`{"access_token":{"xms_cc":{"values":["evil"]}}}`, capability},
		"not JSON":          {`{`, capability},
		"not an object":     {`[1]`, capability},
		"not what it seems": {`{"access_token":7}`, capability},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &endpoint{status: 200, body: answer(nil)}
			c := config(t, e)
			c.Claims = tt.demanded
			if _, err := c.Refresh(t.Context(), "r"); err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(c.AuthCodeURL("s", "n", oauth.NewVerifier(), ""))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, tt.want}, []string{e.got.Get("claims"), u.Query().Get("claims")}); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseCertificate(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := oauth.ParseCertificate(text)
		if (c == nil) == (err == nil) || err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("ParseCertificate = %v, %v", c, err)
		}
	})
}
