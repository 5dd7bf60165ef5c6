package table

import (
	"hash/maphash"

	"github.com/crosswalk-data/crosswalk"
)

// The slots of knownHits, 32 bytes each.
const (
	firstKnown = 1 << 12
	mostKnown  = 1 << 17
)

// knownHits remembers which row was found for a combination of values, for as
// many combinations as there is room for: one takes the place of another. They
// are told apart by 128 bits of two hashes with keys of their own, which two
// combinations have in common as seldom as two records a GUID.
type knownHits struct {
	version int64 // of the database that they were found in
	seed    maphash.Seed
	slots   []knownHit // a power of two
	filled  int
}

type knownHit struct {
	hash, more uint64
	gsid       crosswalk.GSID // zero when the slot is free
}

func newKnownHits() *knownHits {
	return &knownHits{seed: maphash.MakeSeed(), slots: make([]knownHit, firstKnown)}
}

// keep forgets everything unless it was found in that version.
func (k *knownHits) keep(version int64) {
	if k.version != version {
		clear(k.slots)
		k.version, k.filled = version, 0
	}
}

// get returns the row that was found for a combination with that hash.
func (k *knownHits) get(hash uint64, key []byte) (crosswalk.GSID, bool) {
	h := &k.slots[hash&uint64(len(k.slots)-1)]
	if h.hash != hash || h.gsid == (crosswalk.GSID{}) || h.more != maphash.Bytes(k.seed, key) {
		return crosswalk.GSID{}, false
	}
	return h.gsid, true
}

// put remembers the row that was found for a combination with that hash.
func (k *knownHits) put(hash uint64, key []byte, gsid crosswalk.GSID) {
	if k.filled > len(k.slots)/2 && len(k.slots) < mostKnown {
		old := k.slots
		k.slots, k.filled = make([]knownHit, 2*len(old)), 0
		for _, h := range old {
			k.set(h)
		}
	}
	k.set(knownHit{hash, maphash.Bytes(k.seed, key), gsid})
}

func (k *knownHits) set(h knownHit) {
	if h.gsid == (crosswalk.GSID{}) {
		return
	}
	slot := &k.slots[h.hash&uint64(len(k.slots)-1)]
	if slot.gsid == (crosswalk.GSID{}) {
		k.filled++
	}
	*slot = h
}
