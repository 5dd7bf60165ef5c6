package server

import (
	"bytes"
	"context"
	"slices"

	"github.com/crosswalk-data/crosswalk"
)

// comparedKeys is how many kept keys are compared with rows at once, 16 bytes
// each; twice as many are in memory while they are chosen.
const comparedKeys = 1 << 19

// keyRange holds the lowest kept keys from one on, in their order.
type keyRange struct {
	keys [][16]byte
	from [16]byte
	most int       // keys that are held
	to   *[16]byte // the last one held; nil when none was left out
}

func newKeyRange(from string, most int) keyRange {
	first, _ := parseKey(from)
	return keyRange{from: first, most: most}
}

// keptKeys returns those of a run's kept keys that follow from, itself
// included, as many as fit.
func (r *runner) keptKeys(ctx context.Context, runID, from string) (keyRange, error) {
	k := newKeyRange(from, comparedKeys)
	err := r.store.EachKeptKeys(ctx, runID, func(page []byte) error {
		k.add(page)
		return nil
	})
	k.shorten()
	return k, err
}

// add adds keys, 16 bytes each. shorten must follow the last ones.
func (k *keyRange) add(page []byte) {
	for ; len(page) >= 16; page = page[16:] {
		if key := [16]byte(page); compareKeys(key, k.from) >= 0 && (k.to == nil || compareKeys(key, *k.to) <= 0) {
			k.keys = append(k.keys, key)
		}
	}
	if len(k.keys) >= 2*k.most {
		k.shorten()
	}
}

// shorten sorts the keys and leaves out the highest of too many.
func (k *keyRange) shorten() {
	slices.SortFunc(k.keys, compareKeys)
	k.keys = slices.Compact(k.keys)
	if len(k.keys) > k.most {
		k.keys = k.keys[:k.most]
		to := k.keys[k.most-1]
		k.to = &to
	}
}

// holds reports whether has can tell about the key.
func (k *keyRange) holds(text string) bool {
	key, ok := parseKey(text)
	return !ok || compareKeys(key, k.from) >= 0 && (k.to == nil || compareKeys(key, *k.to) <= 0)
}

// has reports whether the key is among them. What is no key came from
// elsewhere and counts as there.
func (k *keyRange) has(text string) bool {
	key, ok := parseKey(text)
	_, found := slices.BinarySearchFunc(k.keys, key, compareKeys)
	return found || !ok
}

// parseKey reads a key of 36 characters in the form in which keys are stored;
// keys order as their texts do.
func parseKey(text string) (key [16]byte, ok bool) {
	id, ok := crosswalk.ParseGSID(text)
	return id, ok && id.String() == text
}

func compareKeys(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }
