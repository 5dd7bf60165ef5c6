package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/secret"
)

func ring(t *testing.T, keys ...[]byte) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.NewKey())
	for _, plain := range []string{"", "s", "a client secret ~ with ü", strings.Repeat("x", 1<<16)} {
		sealed, err := k.Seal([]byte(plain), "connection/1/secret")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sealed) - len(plain); got != secret.Overhead {
			t.Errorf("overhead is %d, want %d", got, secret.Overhead)
		}
		if len(plain) > 5 && bytes.Contains(sealed, []byte(plain[:5])) {
			t.Error("the plaintext shows in the sealed value")
		}
		got, err := k.Open(sealed, "connection/1/secret")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain, string(got)); diff != "" {
			t.Errorf("opened value (-want +got):\n%s", diff)
		}
	}
}

func TestSealTwiceDiffers(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.NewKey())
	a, _ := k.Seal([]byte("same"), "c")
	b, _ := k.Seal([]byte("same"), "c")
	if bytes.Equal(a, b) {
		t.Error("sealing the same value twice gave the same bytes")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	k := ring(t, secret.NewKey())
	other := ring(t, secret.NewKey())
	sealed, err := k.Seal([]byte("value"), "connection/1/tokens")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		return b
	}
	tests := map[string]struct {
		ring    *secret.Keyring
		sealed  []byte
		context string
	}{
		"another context":  {k, sealed, "connection/2/tokens"},
		"no context":       {k, sealed, ""},
		"another key":      {other, sealed, "connection/1/tokens"},
		"version changed":  {k, flip(0), "connection/1/tokens"},
		"key id changed":   {k, flip(3), "connection/1/tokens"},
		"nonce changed":    {k, flip(12), "connection/1/tokens"},
		"last bit changed": {k, flip(len(sealed) - 1), "connection/1/tokens"},
		"cut":              {k, sealed[:len(sealed)-1], "connection/1/tokens"},
		"empty":            {k, nil, "connection/1/tokens"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.ring.Open(tt.sealed, tt.context)
			if err == nil {
				t.Fatalf("opened: %q", got)
			}
			var e *crosswalk.Error
			if !errors.As(err, &e) || e.Code != crosswalk.CodeInternal || e.Hint == "" {
				t.Errorf("error = %#v, want CodeInternal with a hint", err)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	oldKey, newKey := secret.NewKey(), secret.NewKey()
	before := ring(t, oldKey)
	sealed, err := before.Seal([]byte("value"), "c")
	if err != nil {
		t.Fatal(err)
	}
	after := ring(t, newKey, oldKey)
	got, err := after.Open(sealed, "c")
	if err != nil || string(got) != "value" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	resealed, err := after.Seal(got, "c")
	if err != nil {
		t.Fatal(err)
	}
	if !after.Stale(sealed) || after.Stale(resealed) || before.Stale(sealed) {
		t.Error("Stale does not tell the old key from the new one")
	}
	if _, err := before.Open(resealed, "c"); err == nil {
		t.Error("the old ring opened what the new key sealed")
	}
}

func TestNewKeyringRefuses(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{"none": nil, "short": {make([]byte, 16)}, "second long": {secret.NewKey(), make([]byte, 33)}} {
		if _, err := secret.NewKeyring(keys...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestKeyringPrintsNoKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xA7}, 32)
	k := ring(t, key)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "ring", k)
	all := fmt.Sprintf("%v %+v %#v %s", k, k, k, k) + log.String()
	for _, secretText := range []string{"a7a7", "A7A7", "167, 167", "0xa7", base64.StdEncoding.EncodeToString(key)[:8]} {
		if strings.Contains(all, secretText) {
			t.Errorf("printing shows %q: %s", secretText, all)
		}
	}
}

func TestOpenKeyFileMakesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crosswalk.key")
	first, err := secret.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %#o, want 0600", got)
	}
	sealed, err := first.Seal([]byte("value"), "c")
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, "c"); err != nil || string(got) != "value" {
		t.Errorf("after opening the file again: %q, %v", got, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOpenKeyFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crosswalk.key")
	rings := make([]*secret.Keyring, 16)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			k, err := secret.OpenKeyFile(path)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = k
		})
	}
	wg.Wait()
	for i, k := range rings {
		if k.String() != rings[0].String() {
			t.Errorf("ring %d has another key: %v, %v", i, k, rings[0])
		}
	}
}

func TestOpenKeyFileRefuses(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(secret.NewKey())
	tests := map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by the group": {good, 0o640, "Other users"},
		"readable by all":       {good, 0o604, "Other users"},
		"empty":                 {"", 0o600, "no key"},
		"comments only":         {"# nothing\n\n", 0o600, "no key"},
		"not base64":            {"# k\nhunter2!\n", 0o600, "line 2 is not base64"},
		"short":                 {"aGVsbG8=\n", 0o600, "line 1 holds 5 bytes"},
		"large":                 {strings.Repeat("#\n", 1<<16), 0o600, "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			_, err := secret.OpenKeyFile(path)
			if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want CodeInvalid with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the content of the file")
			}
		})
	}
}

func TestOpenKeyFileNoFolder(t *testing.T) {
	t.Parallel()
	if _, err := secret.OpenKeyFile(filepath.Join(t.TempDir(), "none", "key")); err == nil {
		t.Error("no error for a folder that is not there")
	}
	if _, err := secret.OpenKeyFile(t.TempDir()); err == nil {
		t.Error("no error for a folder in place of the file")
	}
}

func FuzzOpen(f *testing.F) {
	k, err := secret.NewKeyring(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := k.Seal([]byte("value"), "c")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, "c")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, data []byte, context string) {
		if got, err := k.Open(data, context); err == nil && (string(got) != "value" || context != "c") {
			t.Errorf("opened %x with %q: %q", data, context, got)
		}
	})
}

// The id of the key that seals is known to the rings that hold the key.
func TestID(t *testing.T) {
	t.Parallel()
	a, b := secret.NewKey(), secret.NewKey()
	one, both, other := ring(t, a), ring(t, b, a), ring(t, b)
	if !one.Has(one.ID()) || !both.Has(one.ID()) || other.Has(one.ID()) || both.ID() != other.ID() {
		t.Errorf("ids %s, %s, %s", one.ID(), both.ID(), other.ID())
	}
	for _, id := range []string{"", "x", one.ID() + "00", one.ID()[2:]} {
		if one.Has(id) {
			t.Errorf("it has %q", id)
		}
	}
}
