package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/crosswalk-data/crosswalk"
)

// keySize is the length of a key in bytes (AES-256).
const keySize = 32

// A sealed value is
//
//	1 byte   version of this layout
//	8 bytes  id of the key
//	12 bytes nonce
//	n bytes  ciphertext
//	16 bytes tag
//
// The version, the key id and the context are authenticated with it.
const (
	version    = 1
	idSize     = 8
	headerSize = 1 + idSize
)

// Overhead is how many bytes longer a sealed value is than its plaintext.
const Overhead = headerSize + 12 + 16

// keyID identifies the key that sealed a value. It is derived from the key, so that
// the file need not hold it, but reveals nothing about the key.
type keyID [idSize]byte

// Keyring seals values with its first key and opens values sealed with any of
// its keys. It is safe for concurrent use. Printing a Keyring shows none of
// its keys.
type Keyring struct {
	first keyID
	aeads map[keyID]cipher.AEAD
}

// NewKeyring makes a keyring of keys of 32 bytes each. The first one seals.
func NewKeyring(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("secret: a keyring needs a key")
	}
	k := &Keyring{aeads: make(map[keyID]cipher.AEAD, len(keys))}
	for i, key := range keys {
		if len(key) != keySize {
			return nil, fmt.Errorf("secret: key %d has %d bytes, want %d", i+1, len(key), keySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("secret: key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("secret: key %d: %w", i+1, err)
		}
		sum := sha256.Sum256(append([]byte("crosswalk key id\x00"), key...))
		id := keyID(sum[:idSize])
		if i == 0 {
			k.first = id
		}
		k.aeads[id] = aead
	}
	return k, nil
}

// Seal encrypts plaintext. The context says what the value is and where it
// belongs, for example "connection/<id>/tokens"; the same context must be
// given to Open, so that a sealed value moved to another row does not open.
func (k *Keyring) Seal(plaintext []byte, context string) ([]byte, error) {
	sealed := make([]byte, headerSize, len(plaintext)+Overhead)
	sealed[0] = version
	copy(sealed[1:], k.first[:])
	data := additional(sealed, context)
	return k.aeads[k.first].Seal(sealed, nil, plaintext, data), nil
}

// Open decrypts what Seal made with the same context. It returns an Error of
// CodeInternal when the value was sealed with another context or with a key that is
// not in the ring, or has been changed since.
func (k *Keyring) Open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, crosswalk.Errorf(crosswalk.CodeInternal, "A stored secret is damaged.").
			WithHint("Enter the secret again, or restore the database from a backup.")
	}
	aead := k.aeads[keyID(sealed[1:headerSize])]
	if aead == nil {
		return nil, crosswalk.Errorf(crosswalk.CodeInternal, "A stored secret was sealed with a key that is not in the key file.").
			WithHint("Restore the key file that belongs to this database, or enter the secret again.")
	}
	plaintext, err := aead.Open(nil, nil, sealed[headerSize:], additional(sealed[:headerSize], context))
	if err != nil {
		return nil, crosswalk.Errorf(crosswalk.CodeInternal, "A stored secret does not open.").
			WithHint("It was changed, or moved from another row. Enter the secret again.").WithCause(err)
	}
	return plaintext, nil
}

// Stale reports whether sealed was made with a key other than the one that seals
// now, and so should be opened and sealed again.
func (k *Keyring) Stale(sealed []byte) bool {
	return len(sealed) < headerSize || !bytes.Equal(sealed[1:headerSize], k.first[:])
}

// ID returns the id of the key that seals, as text. It reveals nothing about the key.
func (k *Keyring) ID() string { return hex.EncodeToString(k.first[:]) }

// Has reports whether the key of that id is in the ring.
func (k *Keyring) Has(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == idSize && k.aeads[keyID(raw)] != nil
}

// String returns the id of the key that seals.
func (k *Keyring) String() string {
	if k == nil {
		return "secret.Keyring(nil)"
	}
	return fmt.Sprintf("secret.Keyring(%x)", k.first[:])
}

// GoString is String, so that %#v shows no keys either.
func (k *Keyring) GoString() string { return k.String() }

// LogValue is String for structured logs.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

func additional(header []byte, context string) []byte {
	return append(append(make([]byte, 0, len(header)+len(context)), header...), context...)
}

// NewKey makes a random key for NewKeyring.
func NewKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // crypto/rand.Read never fails
	return key
}
