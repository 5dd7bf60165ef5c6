package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewToken makes a random token for a session, an API token, a one-time link or the
// state of a sign-in: 43 characters of the URL-safe base64 alphabet that hold 256
// random bits. Only its hash is stored, so that reading the database does not let
// anybody use it.
func NewToken() (token string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken returns the 32 bytes under which a token is stored. Plain SHA-256 is
// enough: unlike a password, a token is long and random.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
