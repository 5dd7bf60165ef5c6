package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"sync"
)

// signingKey signs the tokens of a sandbox. It is derived from the seed, so
// that tokens outlive a restart of the sandbox; it guards sample data only.
type signingKey struct {
	private *rsa.PrivateKey
	id      string // kid, and x5t as with Entra
	cert    string // x5c: base64 of the certificate
}

// signingKeys keeps the key of each seed: finding the primes takes a good
// part of a second.
var signingKeys sync.Map // uint64 -> func() *signingKey

func signingKeyFor(seed uint64) *signingKey {
	made, _ := signingKeys.LoadOrStore(seed, sync.OnceValue(func() *signingKey { return newSigningKey(seed) }))
	return made.(func() *signingKey)()
}

func newSigningKey(seed uint64) *signingKey {
	key := deriveKey(seed, "signing key")
	der, err := certificate(key, "Crosswalk sandbox sign-in")
	if err != nil {
		panic("sandbox: " + err.Error()) // the key is good and the template ours
	}
	sum := sha1.Sum(der)
	return &signingKey{private: key, id: base64.RawURLEncoding.EncodeToString(sum[:]), cert: base64.StdEncoding.EncodeToString(der)}
}

// deriveKey makes the RSA key of the seed for one purpose.
func deriveKey(seed uint64, purpose string) *rsa.PrivateKey {
	stream := mathrand.NewChaCha8(derive(seed, purpose))
	e := big.NewInt(65537)
	one := big.NewInt(1)
	for {
		p, q := prime(stream), prime(stream)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(e.Int64())},
			D:         d,
			Primes:    []*big.Int{p, q},
		}
		key.Precompute()
		if key.Validate() == nil {
			return key
		}
	}
}

// prime returns a prime of 1024 bits whose two highest bits are set, so that
// the product of two has 2048.
func prime(stream *mathrand.ChaCha8) *big.Int {
	var b [128]byte
	_, _ = stream.Read(b[:])
	b[0] |= 0xc0
	b[len(b)-1] |= 1
	p, two := new(big.Int).SetBytes(b[:]), big.NewInt(2)
	for !p.ProbablyPrime(1) {
		p.Add(p, two)
	}
	return p
}

// derive makes key material of the seed for one purpose.
func derive(seed uint64, purpose string) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("crosswalk sandbox "+purpose+"\x00"), seed))
}

// jwk is a key of the key set as Entra publishes it.
type jwk struct {
	Type   string   `json:"kty"`
	Use    string   `json:"use"`
	ID     string   `json:"kid"`
	X5T    string   `json:"x5t"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X5C    []string `json:"x5c"`
	Issuer string   `json:"issuer"`
}

func (k *signingKey) jwk(issuer string) jwk {
	return jwk{
		Type: "RSA", Use: "sig", ID: k.id, X5T: k.id,
		N:      base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		E:      base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
		X5C:    []string{k.cert},
		Issuer: issuer,
	}
}

// sign makes a JWT of the claims (RFC 7519) with RS256.
func (k *signingKey) sign(claims any) (string, error) {
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": k.id, "x5t": k.id})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

var errToken = errors.New("sandbox: not a token of this sandbox")

// open checks the signature of a JWT and decodes its claims.
func (k *signingKey) open(token string, claims any) error {
	text, last, ok := cutLast(token, ".")
	if !ok || strings.Count(text, ".") != 1 {
		return errToken
	}
	head, body, _ := strings.Cut(text, ".")
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	if err := decodePart(head, &header); err != nil || header.Algorithm != "RS256" || header.KeyID != k.id {
		return errToken
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(last)
	if err != nil {
		return errToken
	}
	sum := sha256.Sum256([]byte(text))
	if rsa.VerifyPKCS1v15(&k.private.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return errToken
	}
	return decodePart(body, claims)
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return errToken
	}
	if err := json.Unmarshal(b, into); err != nil {
		return errToken
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
