package access_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/access"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	hash := access.HashPassword("correct horse battery")
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(hash) {
		t.Errorf("not a PHC string: %s", hash)
	}
	tests := map[string]struct {
		hash, password string
		want           bool
	}{
		"right":           {hash, "correct horse battery", true},
		"wrong":           {hash, "correct horse batterz", false},
		"empty password":  {hash, "", false},
		"no hash":         {"", "", false},
		"damaged hash":    {hash[:len(hash)-3] + "!!!", "correct horse battery", false},
		"other algorithm": {strings.Replace(hash, "argon2id", "argon2i", 1), "correct horse battery", false},
		"other version":   {strings.Replace(hash, "v=19", "v=16", 1), "correct horse battery", false},
		"huge memory":     {strings.Replace(hash, "m=65536", "m=4294967295", 1), "correct horse battery", false},
		"trailing text":   {strings.Replace(hash, "p=1", "p=1,x=2", 1), "correct horse battery", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := access.VerifyPassword(tt.hash, tt.password); got != tt.want {
				t.Errorf("VerifyPassword = %v, want %v", got, tt.want)
			}
		})
	}
}

// The vector is one of the reference implementation's own tests.
func TestPasswordOfAnotherCost(t *testing.T) {
	t.Parallel()
	salt := base64.RawStdEncoding.EncodeToString([]byte("somesalt"))
	hash := "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !access.VerifyPassword(hash, "password") {
		t.Error("a hash of the reference implementation is not recognized")
	}
}

func TestHashPasswordTwiceDiffers(t *testing.T) {
	t.Parallel()
	first, second := access.HashPassword("same password"), access.HashPassword("same password")
	if first == second {
		t.Error("two hashes of one password are equal: no salt")
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		token, hash := access.NewToken()
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(token) {
			t.Fatalf("token %q", token)
		}
		if seen[token] {
			t.Fatal("a token came twice")
		}
		seen[token] = true
		if diff := cmp.Diff(hash, access.HashToken(token)); diff != "" {
			t.Error(diff)
		}
		if len(hash) != 32 || bytes.Contains(hash, []byte(token[:8])) {
			t.Errorf("hash %x", hash)
		}
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := access.NewLimiter(5, 5*time.Minute)
		take := func(key string, want time.Duration) {
			t.Helper()
			if got := l.Take(key); got != want {
				t.Errorf("Take(%q) = %v, want %v", key, got, want)
			}
		}
		for range 5 {
			take("a", 0)
		}
		take("a", time.Minute)
		take("b", 0) // another key is not held up
		time.Sleep(20 * time.Second)
		take("a", 40*time.Second)
		time.Sleep(40 * time.Second)
		take("a", 0)
		take("a", time.Minute)
		l.Reset("a")
		take("a", 0)
		time.Sleep(time.Hour)
		for range 5 { // never more than the tries of one window
			take("a", 0)
		}
		take("a", time.Minute)
	})
}

func TestLimiterManyKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := access.NewLimiter(2, time.Minute)
		l.Take("victim")
		l.Take("victim")
		time.Sleep(time.Second)
		for i := range 9_999 {
			l.Take(fmt.Sprint("filler ", i))
		}
		if l.Take("victim") == 0 {
			t.Error("the flood gave the tries back while there was room")
		}
		for i := range 50 { // beyond the room
			if wait := l.Take(fmt.Sprint("flood ", i)); wait != 0 {
				t.Fatalf("flood %d: a new key must wait %v", i, wait)
			}
		}
		if l.Take("victim") == 0 {
			t.Error("the flood pushed out the key with the fewest tries")
		}
	})
}
