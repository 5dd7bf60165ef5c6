package server

import (
	"hash/maphash"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

const (
	rejectedBits   = 1 << 20 // 128 KiB
	rejectedAtOnce = 5000
	// maxRecalled is how many rejects of slices before are told apart. Where
	// there are more, most pages have some, which costs more than to ask for
	// every record.
	maxRecalled = 100_000
)

// rejected knows which records a run may have rejected: a record that comes
// again and is stored is rejected no longer, and nearly always there is nothing
// to look for. By mistake it takes other records for rejected too, the more
// there are, but never the reverse. The zero value knows of none.
type rejected struct {
	seed maphash.Seed
	bits []uint64 // by hash; nil while nothing was rejected
	all  bool     // they are too many
}

// recall adds those that a run has rejected so far. list returns the keys of up
// to n of them that come behind after, in their order.
func (r *rejected) recall(list func(after string, n int) ([]string, error)) error {
	after := ""
	for n := 0; ; {
		ids, err := list(after, rejectedAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			r.add(id)
		}
		after = ids[len(ids)-1]
		if n += len(ids); n >= maxRecalled {
			r.all = true
			return nil
		}
	}
}

// newestOf returns the rejects of a page whose records do not come once more
// further on, with other values, and are not gone: the last time counts.
func newestOf(p pipeline.Progress) []crosswalk.Reject {
	keys := &p.Page.Columns[0]
	if len(p.Rejects) == 0 || keys.Kind != column.GUID {
		return p.Rejects
	}
	type came struct{ times, last int } // last is the row
	records := make(map[[16]byte]came, len(p.Rejects))
	for _, r := range p.Rejects {
		if key, ok := parseKey(r.SourceID); ok {
			records[key] = came{}
		}
	}
	for row := range p.Page.Rows() {
		if c, rejected := records[keys.GUIDs[row]]; rejected && keys.Valid[row] {
			records[keys.GUIDs[row]] = came{c.times + 1, row}
		}
	}
	for _, key := range p.Changes.Deleted {
		delete(records, key)
	}
	left := make([]crosswalk.Reject, 0, len(p.Rejects))
	for _, r := range p.Rejects {
		key, ok := parseKey(r.SourceID)
		c, there := records[key]
		if !ok || there && (c.times < 2 || mapping.Record(p.Page, c.last) == r.Record) {
			left = append(left, r)
		}
	}
	return left
}

// add adds a record by its key.
func (r *rejected) add(id string) {
	if r.bits == nil {
		r.seed, r.bits = maphash.MakeSeed(), make([]uint64, rejectedBits/64)
	}
	h := maphash.String(r.seed, id) % rejectedBits
	r.bits[h/64] |= 1 << (h % 64)
}

// has reports whether a record may have been rejected.
func (r *rejected) has(id []byte) bool {
	if r.bits == nil || r.all {
		return r.all
	}
	h := maphash.Bytes(r.seed, id) % rejectedBits
	return r.bits[h/64]&(1<<(h%64)) != 0
}

// among returns the keys of the records of a page that may have been rejected
// before: of those that are to be stored, that the filter leaves out and that
// are gone.
func (r *rejected) among(batch *column.Batch, p pipeline.Progress) (ids []string) {
	if r.bits == nil {
		return nil
	}
	ask := func(id []byte) {
		if r.has(id) {
			ids = append(ids, string(id))
		}
	}
	for row := range batch.Rows() {
		ask(batch.Columns[0].Bytes(row))
	}
	var scratch []byte
	askKey := func(key [16]byte) {
		scratch = crosswalk.GSID(key).AppendText36(scratch[:0])
		ask(scratch)
	}
	if keys := &p.Page.Columns[0]; keys.Kind == column.GUID {
		for _, row := range p.Skipped {
			askKey(keys.GUIDs[row])
		}
	}
	for _, key := range p.Changes.Deleted {
		askKey(key)
	}
	return ids
}
