package server

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

// TestKeyRange compares random keys by ranges of any size, in the way that
// compare does, with what a set says.
func TestKeyRange(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		// Few different keys, so that they repeat, and neighbours.
		random := func() (k [16]byte) {
			binary.BigEndian.PutUint16(k[:], uint16(r.IntN(40)))
			k[15] = byte(r.IntN(4))
			return k
		}
		kept := map[[16]byte]bool{}
		var pages [][]byte
		for range r.IntN(12) {
			var page []byte
			for range r.IntN(20) {
				k := random()
				kept[k] = true
				page = append(page, k[:]...)
			}
			pages = append(pages, page)
		}
		rows := map[string]bool{"not a key": true, "": true}
		for range r.IntN(120) {
			rows[crosswalk.GSID(random()).String()] = true
		}
		most := 1 + r.IntN(30)
		var have *keyRange
		loads := 0
		for _, row := range slices.Sorted(maps.Keys(rows)) {
			if have == nil || !have.holds(row) {
				k := newKeyRange(row, most)
				for _, page := range pages {
					k.add(page)
					if len(k.keys) >= 2*most+20 {
						t.Fatalf("seed %d: %d keys in memory for %d", seed, len(k.keys), most)
					}
				}
				k.shorten()
				if have, loads = &k, loads+1; !have.holds(row) {
					t.Fatalf("seed %d: a range from %s does not hold it", seed, row)
				}
			}
			key, ok := parseKey(row)
			if want := !ok || kept[key]; have.has(row) != want {
				t.Fatalf("seed %d: %q among %d of %d keys is %t, want %t", seed, row, len(have.keys), len(kept), !want, want)
			}
		}
		if loads > 1+len(kept)/most+1 {
			t.Errorf("seed %d: %d ranges of %d for %d keys", seed, loads, most, len(kept))
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	key := [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8}
	text := crosswalk.GSID(key).String()
	if got, ok := parseKey(text); !ok || got != key {
		t.Errorf("%s is %x, %t", text, got, ok)
	}
	for _, other := range []string{
		"", "x", text[:35], text + "0", "{" + text[1:], fmt.Sprintf("%x", key), fmt.Sprintf("%X", key) + "----",
		"01234567-89AB-cdef-0102-030405060708", "0123456-789ab-cdef-0102-030405060708", "01234567-89ab-cdef-0102-03040506070g",
	} {
		if _, ok := parseKey(other); ok {
			t.Errorf("%q is a key", other)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("01234567-89ab-cdef-0102-030405060708")
	f.Fuzz(func(t *testing.T, text string) {
		if key, ok := parseKey(text); ok && crosswalk.GSID(key).String() != text {
			t.Errorf("%q is %x", text, key)
		}
	})
}
