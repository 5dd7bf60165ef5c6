package sandbox

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// The app registrations that every sandbox knows, unless Config.Apps replaces
// them. ClientID is a confidential client with the secret ClientSecret and the
// certificate of Sandbox.Certificate; the environment has its application user.
// PublicClientID is a public client.
const (
	ClientID       = "51f81489-12ee-4a9e-aaae-a2591f45987d"
	ClientSecret   = "sandbox-secret"
	PublicClientID = "7d3c2f0a-6a53-4c0e-9c5e-0f6b2b1d4e77"
)

// App is an app registration.
type App struct {
	ClientID string
	Name     string // on the sign-in pages; "" means Crosswalk

	// A confidential client proves who it is with the secret or one of the
	// certificates; a public one must do neither.
	Secret       string
	Certificates []*x509.Certificate
	Public       bool

	// Redirects are the addresses to which sign-ins may return. None means any
	// host and port of this machine, for a confidential client only with the
	// path /oauth/callback. As in Entra, the port of http://localhost does not
	// matter for a public client.
	Redirects []string

	// AdminConsent says that users cannot consent for themselves: until an
	// administrator has consented for the tenant, they are refused with
	// AADSTS90094, and the app itself with 700016.
	AdminConsent bool
}

// registration is an app with what can become of it.
type registration struct {
	App
	expired  bool // its secret
	disabled bool
	noRole   bool // its application user has no security role
}

func (a *registration) name() string {
	if a.Name == "" {
		return appName
	}
	return a.Name
}

// acr is how the app proves who it is, as access tokens tell it.
const (
	acrPublic      = "0"
	acrSecret      = "1"
	acrCertificate = "2"
)

// registrations are the apps of a configuration, by lower-case client id.
func registrations(cfg Config) map[string]*registration {
	all := map[string]*registration{}
	for _, a := range append([]App{
		{ClientID: ClientID, Secret: ClientSecret},
		{ClientID: PublicClientID, Name: "Crosswalk (public client)", Public: true},
	}, cfg.Apps...) {
		all[strings.ToLower(a.ClientID)] = &registration{App: a}
	}
	return all
}

// app returns a copy of the registration with that id.
func (in *signIn) app(clientID string) (registration, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a := in.apps[strings.ToLower(clientID)]
	if a == nil {
		return registration{}, false
	}
	return *a, true
}

// urlAlphabet turns base64 into its form for addresses, as it stands in JWTs.
var urlAlphabet = strings.NewReplacer("+", "-", "/", "_", "=", "")

// certificate returns the certificate of the app that an assertion's header
// names by its SHA-256 or SHA-1. Entra takes both alphabets of base64 there:
// Microsoft's library for Go uses the ordinary one.
func (in *signIn) certificate(a registration, sum256, sum1 string) *x509.Certificate {
	sum256, sum1 = urlAlphabet.Replace(sum256), urlAlphabet.Replace(sum1)
	all := a.Certificates
	if strings.EqualFold(a.ClientID, ClientID) && all == nil {
		all = []*x509.Certificate{appKeyFor(in.s.cfg.Seed).cert}
	}
	for _, c := range all {
		long, short := sha256.Sum256(c.Raw), sha1.Sum(c.Raw)
		if sum256 == base64.RawURLEncoding.EncodeToString(long[:]) || sum256 == "" && sum1 == base64.RawURLEncoding.EncodeToString(short[:]) {
			return c
		}
	}
	return nil
}

// allows reports whether a sign-in of the app may come back to an address.
func (a registration) allows(raw string) bool {
	if len(a.Redirects) > 0 {
		return slices.ContainsFunc(a.Redirects, func(r string) bool { return r == raw || a.Public && withoutPort(r) == withoutPort(raw) })
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || !crosswalk.IsLoopback(u.Hostname()) {
		return false
	}
	return a.Public || u.EscapedPath() == "/oauth/callback"
}

// withoutPort returns an address of http://localhost without its port, and
// any other as it is.
func withoutPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || !crosswalk.IsLoopback(u.Hostname()) {
		return raw
	}
	if host, _, err := net.SplitHostPort(u.Host); err == nil {
		u.Host = host
	}
	return u.String()
}

// appKey is the certificate of the built-in app and its key.
type appKey struct {
	cert    *x509.Certificate
	private *rsa.PrivateKey
}

// appKeys keeps the certificate of each seed; finding the primes takes a good
// part of a second.
var appKeys sync.Map // uint64 -> func() *appKey

func appKeyFor(seed uint64) *appKey {
	made, _ := appKeys.LoadOrStore(seed, sync.OnceValue(func() *appKey {
		key := deriveKey(seed, "app certificate")
		der, err := certificate(key, "Crosswalk sandbox application")
		if err != nil {
			panic("sandbox: " + err.Error()) // the key is good and the template ours
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			panic("sandbox: " + err.Error())
		}
		return &appKey{cert, key}
	}))
	return made.(func() *appKey)()
}

// Certificate returns the certificate by which the app ClientID can prove who
// it is, instead of by its secret, with its private key, as PEM. It is derived
// from the seed: it protects nothing but sample data.
func (s *Sandbox) Certificate() []byte {
	k := appKeyFor(s.cfg.Seed)
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		panic("sandbox: " + err.Error()) // an RSA key can always be written
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: k.cert.Raw}) // a bytes.Buffer does not fail
	_ = pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return b.Bytes()
}

// certificate signs a certificate of the key by itself.
func certificate(key *rsa.PrivateKey, name string) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber:       big.NewInt(1),
		Subject:            pkix.Name{CommonName: name},
		NotBefore:          time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}

// pem serves Certificate, for people and scripts that try the sandbox.
func (in *signIn) pem(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(in.s.Certificate()) // only a gone client can make it fail
}
