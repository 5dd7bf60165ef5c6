package odata

import (
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// Deletion is an item in a page of changes saying that a record was deleted.
type Deletion struct {
	ID [16]byte
	// Records is how many records of the page came before it. A record with the
	// same key among those is gone; one that follows was created again.
	Records int
}

// sign is a member that distinguishes deletions from records; several are or-ed.
type sign uint8

const (
	noSign      sign = 0
	signContext sign = 1 // @odata.context, which ends in /$deletedEntity
	signID      sign = 2
	signReason  sign = 4
)

var signs = map[string]sign{"@odata.context": signContext, "id": signID, "reason": signReason}

// deletedContext ends the context of a deletion (OData JSON Format 4.0,
// section 15.3).
const deletedContext = "/$deletedEntity"

// removal holds which of the members of a deletion the present record has, and
// where their values begin in the window.
type removal struct {
	signs               sign
	context, id, reason int
}

// note remembers the value at i.
func (d *decoder) note(s sign, i int) {
	d.removal.signs |= s
	switch s {
	case signContext:
		d.removal.context = i
	case signID:
		d.removal.id = i
	case signReason:
		d.removal.reason = i
	}
}

// removed reports whether the present record is a deletion: its context says so,
// or it has a reason and an id but no value in the first column, which in changes
// is the key.
func (d *decoder) removed() bool {
	r := &d.removal
	if r.signs&signContext != 0 {
		s, ok := d.checkedText(r.context)
		return ok && strings.HasSuffix(string(s), deletedContext)
	}
	if r.signs != signID|signReason || len(d.batch.Columns) == 0 {
		return false
	}
	key := &d.batch.Columns[0]
	rows := d.batch.Rows()
	_, ok := d.removedID()
	return ok && (len(key.Valid) == rows || !key.Valid[rows]) && !d.batch.IsBad(0)
}

// removedID returns the id of a deletion.
func (d *decoder) removedID() (id [16]byte, ok bool) {
	if d.removal.signs&signID == 0 {
		return id, false
	}
	s, ok := d.checkedText(d.removal.id)
	if !ok {
		return id, false
	}
	return crosswalk.ParseGSID(s)
}

// checkedText returns the string at i, which has been read before, without its
// quotes; false when the value there is not a string.
func (d *decoder) checkedText(i int) ([]byte, bool) {
	if d.buf[i] != '"' {
		return nil, false
	}
	end, plain := d.text(i)
	if end < 0 {
		return nil, false
	}
	if plain {
		return d.buf[i+1 : end], true
	}
	d.scratch = appendUnescaped(d.scratch[:0], d.buf[i+1:end])
	return d.scratch, true
}
