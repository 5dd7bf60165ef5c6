package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
)

// comparedKeys is how many kept keys are compared with rows at once, 16 bytes
// each.
const comparedKeys = 1 << 20

// keyRange holds the kept keys from one on, in their order.
type keyRange struct {
	keys [][16]byte
	from [16]byte
	all  bool // there are no others behind the last
}

// keptKeys returns those of a run's kept keys that follow from, itself
// included, as many as fit.
func (r *runner) keptKeys(ctx context.Context, runID, from string) (keyRange, error) {
	first, _ := parseKey(from)
	k := keyRange{from: first, all: true}
	err := r.store.EachKeptKeys(ctx, runID, func(page []byte) error {
		for ; len(page) >= 16; page = page[16:] {
			if key := [16]byte(page); compareKeys(key, first) >= 0 {
				k.keys = append(k.keys, key)
			}
		}
		if len(k.keys) > 2*comparedKeys {
			k.shorten()
		}
		return nil
	})
	k.sort()
	return k, err
}

func (k *keyRange) sort() { slices.SortFunc(k.keys, compareKeys) }

// shorten keeps the lowest keys only.
func (k *keyRange) shorten() {
	k.sort()
	k.keys = slices.Compact(k.keys)
	if len(k.keys) > comparedKeys {
		k.keys, k.all = k.keys[:comparedKeys], false
	}
}

// holds reports whether has can tell about the key.
func (k *keyRange) holds(text string) bool {
	key, ok := parseKey(text)
	switch {
	case !ok:
		return true
	case compareKeys(key, k.from) < 0:
		return false
	default:
		return k.all || len(k.keys) > 0 && compareKeys(key, k.keys[len(k.keys)-1]) <= 0
	}
}

// has reports whether the key is among them. What is no key came from
// elsewhere and counts as there.
func (k *keyRange) has(text string) bool {
	key, ok := parseKey(text)
	_, found := slices.BinarySearchFunc(k.keys, key, compareKeys)
	return found || !ok
}

// parseKey reads a key of 36 characters; keys order as their texts do.
func parseKey(text string) (key [16]byte, ok bool) {
	n, err := hex.Decode(key[:], []byte(strings.ReplaceAll(text, "-", "")))
	return key, err == nil && n == len(key)
}

func compareKeys(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }
