package sandbox

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// guid is a GUID in the order of its text.
type guid [16]byte

// sqlOrder lists the bytes of a guid from the most to the least significant
// in SQL Server's order, by which Dataverse sorts keys: the last group first,
// the first group last and byte by byte backwards.
var sqlOrder = [16]int{10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0}

// compare orders as SQL Server orders uniqueidentifier values.
func (g guid) compare(h guid) int {
	for _, i := range sqlOrder {
		if g[i] != h[i] {
			if g[i] < h[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func (g guid) String() string { return string(g.append(make([]byte, 0, 36))) }

// append adds the 36 characters in lower case, as in JSON.
func (g guid) append(b []byte) []byte {
	n := len(b)
	b = append(b, "00000000-0000-0000-0000-000000000000"...)
	t := b[n:]
	hex.Encode(t[0:8], g[0:4])
	hex.Encode(t[9:13], g[4:6])
	hex.Encode(t[14:18], g[6:8])
	hex.Encode(t[19:23], g[8:10])
	hex.Encode(t[24:36], g[10:16])
	return b
}

// upper returns the 36 characters in upper case, as in paging cookies.
func (g guid) upper() string {
	b := g.append(make([]byte, 0, 36))
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// parseGUID reads 36 characters in either case.
func parseGUID(s string) (guid, bool) {
	var g guid
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, false
	}
	var digits [32]byte
	n := copy(digits[:], s[0:8])
	n += copy(digits[n:], s[9:13])
	n += copy(digits[n:], s[14:18])
	n += copy(digits[n:], s[19:23])
	copy(digits[n:], s[24:36])
	if _, err := hex.Decode(g[:], digits[:]); err != nil {
		return guid{}, false
	}
	return g, true
}

// nameGUID makes a GUID from names, in the manner of RFC 9562 version 5.
func nameGUID(names ...string) guid {
	h := sha1.New()
	for _, n := range names {
		fmt.Fprintf(h, "%d:%s", len(n), n)
	}
	var g guid
	copy(g[:], h.Sum(nil))
	g[6] = g[6]&0x0f | 0x50
	g[8] = g[8]&0x3f | 0x80
	return g
}

// randomGUID makes a version 4 GUID that depends on the seed and a name.
func randomGUID(seed uint64, name string) guid {
	h := mix(seed ^ hashString(name))
	return hashGUID(h)
}

// hashGUID makes a version 4 GUID from a hash.
func hashGUID(h uint64) guid {
	var g guid
	binary.BigEndian.PutUint64(g[:8], mix(h))
	binary.BigEndian.PutUint64(g[8:], mix(h+1))
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// mix is the finalizer of splitmix64: every bit of the result depends on
// every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
