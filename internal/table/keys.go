package table

import (
	"bytes"
	"hash/maphash"
)

// keySet numbers distinct keys from 0 and keeps a row for each. Its memory is
// reused.
type keySet struct {
	seed  maphash.Seed
	slots []int32 // 1 + number of the key, 0 when free; a power of two long
	hash  []uint64
	row   []int32
	ends  []int
	data  []byte
}

// reset empties the set and makes room for that many keys.
func (s *keySet) reset(keys int) {
	if s.slots == nil {
		s.seed = maphash.MakeSeed()
	}
	size := 16
	for size < 2*keys {
		size *= 2
	}
	if len(s.slots) < size {
		s.slots = make([]int32, size)
	} else {
		clear(s.slots)
	}
	s.hash, s.row, s.ends, s.data = s.hash[:0], s.row[:0], s.ends[:0], s.data[:0]
}

// key returns the key with that number, until the set is reset.
func (s *keySet) key(n int) []byte {
	start := 0
	if n > 0 {
		start = s.ends[n-1]
	}
	return s.data[start:s.ends[n]]
}

// put returns the number of the key and whether it was there already. The row
// of a new key is set.
func (s *keySet) put(key []byte, row int) (n int, again bool) {
	n, h, slot := s.find(key)
	if n >= 0 {
		return n, true
	}
	s.hash, s.row = append(s.hash, h), append(s.row, int32(row))
	s.data = append(s.data, key...)
	s.ends = append(s.ends, len(s.data))
	s.slots[slot] = int32(len(s.row))
	return len(s.row) - 1, false
}

// find returns the number of the key, -1 when it was not put, its hash and the
// slot that is its own or would be.
func (s *keySet) find(key []byte) (n int, h, slot uint64) {
	h = maphash.Bytes(s.seed, key)
	mask := uint64(len(s.slots) - 1)
	for slot = h & mask; ; slot = (slot + 1) & mask {
		n = int(s.slots[slot]) - 1
		if n < 0 || s.hash[n] == h && bytes.Equal(s.key(n), key) {
			return n, h, slot
		}
	}
}
