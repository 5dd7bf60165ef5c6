package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The files that LoadTLS keeps in its folder.
const (
	AuthorityFile   = "ca.pem"         // the certificate that clients must trust
	CertificateFile = "server.pem"     // the sandbox's own certificate
	PrivateKeyFile  = "server-key.pem" // its key, readable by the owner only
)

const (
	certificateLife = 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// serverNames are the names in the certificate: this machine's own, and those
// of Microsoft's that clients by others insist on.
var serverNames = func() []string {
	names := []string{"localhost", "graph.microsoft.com"}
	for _, c := range clouds {
		names = append(names, c.signIn...)
	}
	domains := []string{"crm.dynamics.com", "crm.microsoftdynamics.us", "crm.appsplatform.us", "crm.dynamics.cn"}
	for n := 2; n <= 21; n++ { // regions
		domains = append(domains, fmt.Sprintf("crm%d.dynamics.com", n))
	}
	for _, d := range domains {
		names = append(names, "*."+d, "*.api."+d)
	}
	return names
}()

var serverAddresses = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}

// LoadTLS returns what a sandbox needs to serve HTTPS. The certificate, and the
// test authority that signed it, are made at the first start and again when
// they are about to expire; in between, the files in dir stay, so that a client
// that trusts the authority can go on doing so. The authority's key is never
// stored: nothing else can be signed with it.
func LoadTLS(dir string, now time.Time) (*tls.Config, error) {
	pair, err := loadCertificate(dir, now)
	if errors.Is(err, errNoCertificate) {
		if err = writeCertificate(dir, now); err == nil {
			pair, err = loadCertificate(dir, now)
		}
	}
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"}, // in HTTP/2 no single connection can be broken off as a fault
	}, nil
}

// errNoCertificate says that there is none yet, or none that is of use now.
var errNoCertificate = errors.New("sandbox: no certificate")

func loadCertificate(dir string, now time.Time) (tls.Certificate, error) {
	var none tls.Certificate
	authority, err := os.ReadFile(filepath.Join(dir, AuthorityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return none, errNoCertificate
	}
	if err != nil {
		return none, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertificateFile), filepath.Join(dir, PrivateKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return none, errNoCertificate
	}
	if err != nil {
		return none, fmt.Errorf("load the certificate in %s: %w", dir, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return none, errNoCertificate
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now.Add(renewBefore)}); err != nil {
		return none, errNoCertificate
	}
	if !slices.Equal(pair.Leaf.DNSNames, serverNames) { // of another version
		return none, errNoCertificate
	}
	return pair, nil
}

// writeCertificate makes an authority and a certificate signed by it.
func writeCertificate(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	from := now.Add(-time.Hour) // clocks differ
	root := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"Crosswalk sandbox"}, CommonName: "Crosswalk sandbox test authority"},
		NotBefore:             from,
		NotAfter:              now.Add(certificateLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"Crosswalk sandbox"}, CommonName: "localhost"},
		NotBefore:             from,
		NotAfter:              now.Add(certificateLife),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              serverNames,
		IPAddresses:           serverAddresses,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, rootKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name, kind string
		der        []byte
		mode       fs.FileMode
	}{
		{PrivateKeyFile, "PRIVATE KEY", keyDER, 0o600},
		{CertificateFile, "CERTIFICATE", leafDER, 0o644},
		{AuthorityFile, "CERTIFICATE", rootDER, 0o644}, // last: without it the others do not count
	} {
		if err := replaceFile(filepath.Join(dir, f.name), pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), f.mode); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile writes a new file, so that its mode is the one wanted even
// where an older file had another.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, content, mode)
}

// serial returns a random serial number.
func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
