package oauth

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Certificate is a certificate with its private key, with which an app
// registration proves who it is. Printing it shows no key.
type Certificate struct {
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

const (
	hintPEM = "Give a PEM file with the certificate and its unencrypted RSA private key. From a .pfx file: openssl pkcs12 -in app.pfx -nodes -out app.pem."
	minBits = 2048 // Microsoft takes no shorter keys
)

// ParseCertificate reads a certificate and its RSA private key from PEM, in any
// order; other certificates of a chain are ignored. It returns CodeInvalid with what
// is wrong and what to do. It does not check whether the certificate has expired.
func ParseCertificate(text []byte) (*Certificate, error) {
	fail := func(format string, args ...any) (*Certificate, error) {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, format, args...).WithHint(hintPEM)
	}
	var chain []*x509.Certificate
	var key *rsa.PrivateKey
	for rest := bytes.TrimSpace(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			one, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fail("The certificate cannot be read.")
			}
			chain = append(chain, one)
		case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			return fail("The private key is encrypted.")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if key != nil {
				return fail("The file holds more than one private key.")
			}
			var err error
			if key, err = parseKey(block.Bytes); err != nil {
				return fail("The private key cannot be used: %v.", err)
			}
		}
	}
	switch {
	case len(chain) == 0 && key == nil:
		return fail("This is not a PEM file with a certificate and a private key.")
	case len(chain) == 0:
		return fail("The file holds a private key but no certificate.")
	case key == nil:
		return fail("The file holds a certificate but no private key.")
	case key.N.BitLen() < minBits:
		return fail("The private key has %d bits; Microsoft takes no fewer than %d.", key.N.BitLen(), minBits)
	}
	for _, one := range chain {
		if key.PublicKey.Equal(one.PublicKey) {
			return &Certificate{leaf: one, key: key}, nil
		}
	}
	return fail("The private key does not belong to the certificate.")
}

func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if _, ec := x509.ParseECPrivateKey(der); ec == nil {
			return nil, errors.New("it is not an RSA key")
		}
		return nil, errors.New("its form is not known") // the error of the parser could hold bytes of it
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an RSA key")
	}
	return key, nil
}

// Facts returns what may be shown of the certificate.
func (c *Certificate) Facts() crosswalk.Certificate {
	sum := sha1.Sum(c.leaf.Raw)
	return crosswalk.Certificate{
		Subject:    c.leaf.Subject.String(),
		Thumbprint: strings.ToUpper(hex.EncodeToString(sum[:])),
		NotBefore:  c.leaf.NotBefore.UTC(),
		NotAfter:   c.leaf.NotAfter.UTC(),
	}
}

// CheckValidity returns nil when the certificate is valid at the time now, and
// CodeInvalid otherwise.
func (c *Certificate) CheckValidity(now time.Time) error {
	switch {
	case now.After(c.leaf.NotAfter):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The certificate expired on %s.", c.leaf.NotAfter.UTC().Format(time.DateOnly)).
			WithHint("Make a new certificate and upload it under Certificates & secrets of the app registration, then store it here.")
	case now.Before(c.leaf.NotBefore.Add(-clockSkew)):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The certificate is not valid before %s.", c.leaf.NotBefore.UTC().Format(time.DateOnly)).
			WithHint("Check the clock of this machine, or wait until then.")
	}
	return nil
}

// String names the certificate without its key.
func (c *Certificate) String() string {
	if c == nil {
		return "oauth.Certificate(nil)"
	}
	return fmt.Sprintf("oauth.Certificate(%s until %s)", c.Facts().Thumbprint, c.leaf.NotAfter.UTC().Format(time.RFC3339))
}

// GoString is String, so that %#v shows no key either.
func (c *Certificate) GoString() string { return c.String() }

// LogValue is String for structured logs.
func (c *Certificate) LogValue() slog.Value { return slog.StringValue(c.String()) }

// assertionLife is how long an assertion is valid; Microsoft advises five to ten
// minutes.
const assertionLife = 10 * time.Minute

// assertion makes the signed statement that replaces a client secret (RFC 7523). It
// says who we are, to this token endpoint only, for a few minutes, once. Source:
// Microsoft's description of certificate credentials.
func (c *Certificate) assertion(clientID, audience string, now time.Time) (string, error) {
	sum := sha256.Sum256(c.leaf.Raw)
	enc := base64.RawURLEncoding
	header, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": enc.EncodeToString(sum[:])})
	if err != nil {
		return "", fmt.Errorf("making the client assertion: %w", err)
	}
	payload, err := json.Marshal(map[string]any{
		"aud": audience, "iss": clientID, "sub": clientID, "jti": crosswalk.NewID(),
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("making the client assertion: %w", err)
	}
	text := enc.EncodeToString(header) + "." + enc.EncodeToString(payload)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", fmt.Errorf("signing the client assertion: %w", err)
	}
	return text + "." + enc.EncodeToString(signature), nil
}
