package crosswalk

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// GSID is the id of a row of an object: a UUID version 7 (RFC 9562, section
// 5.7). GSIDs made by one process ascend in the order they were made.
type GSID [16]byte

var lastID struct {
	sync.Mutex
	stamp uint64
}

// NewGSID makes a new GSID. It is safe for concurrent use.
func NewGSID() GSID {
	var id GSID
	_, _ = rand.Read(id[6:]) // crypto/rand.Read never fails
	// 48 bits of milliseconds and, in the 12 bits after the version, the
	// fraction of the millisecond (RFC 9562, section 6.2, method 3). Within
	// the same 1/4096 ms the stamp counts up, so that ids still ascend.
	now := time.Now()
	stamp := uint64(now.UnixMilli())<<12 | uint64(now.Nanosecond()%1e6)*4096/1e6
	lastID.Lock()
	if stamp <= lastID.stamp {
		stamp = lastID.stamp + 1
	}
	lastID.stamp = stamp
	lastID.Unlock()
	ms, sub := stamp>>12, stamp&0xfff
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = 0x70 | byte(sub>>8)
	id[7] = byte(sub)
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// ParseGSID reads the 36 characters of a GSID, or of any other GUID, with
// letters in either case. It reports false for every other text.
func ParseGSID[T string | []byte](text T) (id GSID, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	var digits [32]byte
	n := copy(digits[:], text[:8])
	for _, at := range [3]int{9, 14, 19} {
		n += copy(digits[n:], text[at:at+4])
	}
	copy(digits[n:], text[24:])
	_, err := hex.Decode(id[:], digits[:])
	return id, err == nil
}

// String returns the 36 characters of the id in lower case.
func (id GSID) String() string {
	return string(id.AppendText36(make([]byte, 0, 36)))
}

// AppendText36 appends the 36 characters of the id to b.
func (id GSID) AppendText36(b []byte) []byte {
	b = hex.AppendEncode(b, id[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[8:10])
	b = append(b, '-')
	return hex.AppendEncode(b, id[10:16])
}

// NewID makes an id for a connection, a job, a run or anything else of
// Crosswalk's own: a GSID as text.
func NewID() string { return NewGSID().String() }
