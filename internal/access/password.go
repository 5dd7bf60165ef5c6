package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password hash: argon2id with the second recommended choice of
// RFC 9106, section 4 (64 MiB of memory, 3 passes), on one lane, about a tenth
// of a second.
const (
	passMemory  = 64 * 1024 // KiB
	passTime    = 3
	passThreads = 1
	passSalt    = 16 // bytes
	passKey     = 32 // bytes
)

// slots bounds how many hashes are computed at once, since each takes 64 MiB.
var slots = make(chan struct{}, 4)

// decoy is a hash that no password matches.
const decoy = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// HashPassword returns the hash of a password as a PHC string:
// $argon2id$v=19$m=65536,t=3,p=1$salt$hash, both in base64 without padding.
// It takes about a tenth of a second on purpose.
func HashPassword(password string) string {
	salt := make([]byte, passSalt)
	_, _ = rand.Read(salt) // crypto/rand.Read never fails
	slots <- struct{}{}
	key := argon2.IDKey([]byte(password), salt, passTime, passMemory, passThreads, passKey)
	<-slots
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passMemory, passTime, passThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// VerifyPassword reports whether password is the one behind hash, a string made by
// HashPassword. With an empty or damaged hash it reports false after the same time,
// so that its duration does not reveal whether an account exists.
func VerifyPassword(hash, password string) bool {
	h, err := parseHash(hash)
	if err != nil {
		h, _ = parseHash(decoy)
	}
	slots <- struct{}{}
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	<-slots
	return subtle.ConstantTimeCompare(key, h.key) == 1 && err == nil
}

type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

var errHash = errors.New("access: not a password hash")

// parseHash reads a PHC string. Costs higher than a later version of Crosswalk might
// choose are refused: they come from a damaged database and would use up the
// machine's memory.
func parseHash(s string) (passwordHash, error) {
	var h passwordHash
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil || n != 3 ||
		parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads) {
		return h, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return h, errHash
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return h, errHash
	}
	if h.memory < 8 || h.memory > 1<<20 || h.time < 1 || h.time > 16 || h.threads < 1 || h.threads > 16 ||
		len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return h, errHash
	}
	return h, nil
}
