package table

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// verdict is what was decided about a row, and then what became of it.
type verdict uint8

const (
	write     verdict = iota
	writeOnly         // may only update: an insert would leave a required field empty
	rejected
	duplicate
	inserted // this one and those below only where rows are written one by one
	updated
	unchanged
	skipped
)

// open reports whether the row is still to be written.
func (v verdict) open() bool { return v <= writeOnly }

// plan decides which rows of a batch can be stored in one table. Its memory
// is reused from batch to batch.
type plan struct {
	fields
	operation   crosswalk.Operation
	identifiers int
	// modified is the column of the batch that tells when a record was
	// modified last, -1 for none.
	modified int
	versions bool // each version of a record is a row; see Config.Versions
	verdicts []verdict
	main     *plan  // whose rows are rejected; the plan itself unless it is a Person's
	prefix   string // of fields in rejects: "" or "Person."
	keys     keySet
	scratch  []byte
}

// prepare begins with a batch: it fills the verdicts and notes rejects in r.
func (p *plan) prepare(b *column.Batch, r *Result) {
	rows := b.Rows()
	p.load(b)
	p.verdicts = append(p.verdicts[:0], make([]verdict, rows)...)
	reject := func(rj RowReject) { p.reject(r, rj) }
	for i := range p.columns {
		if p.from[i] >= 0 {
			p.checkEmpty(b, i, r)
		}
		p.checkValues(b, i, p.columns[i].Field.Name, reject)
	}
	if p.modified >= 0 {
		checkRange(&b.Columns[p.modified], rows, "the last change of the record", minTime, maxTime, reject)
	}
	checkText(&b.Columns[0], rows, "the key of the record", reject)
}

// reject notes a reject unless the row has one already.
func (p *plan) reject(r *Result, rj RowReject) {
	if p.main.verdicts[rj.Row].open() {
		p.main.verdicts[rj.Row] = rejected
		rj.Field = p.prefix + rj.Field
		r.Rejects = append(r.Rejects, rj)
	}
	p.verdicts[rj.Row] = rejected
}

// checkEmpty rejects the rows of the batch that have no value for column i,
// an identifier or required.
func (p *plan) checkEmpty(b *column.Batch, i int, r *Result) {
	def, c := &p.columns[i], &b.Columns[p.from[i]]
	if !def.Identifier && !def.Field.Required {
		return
	}
	for row := range b.Rows() {
		if c.Valid[row] && !(def.Identifier && c.Kind == column.Text && len(c.Bytes(row)) == 0) {
			continue
		}
		switch {
		case !p.verdicts[row].open():
		case def.Identifier:
			p.reject(r, identifierEmpty(row, def.Field.Name))
		case !def.KeepOnNull || p.operation == crosswalk.OperationInsert && p.identifiers == 0:
			p.reject(r, requiredEmpty(row, def.Field.Name))
		case p.operation != crosswalk.OperationUpdate:
			p.verdicts[row] = writeOnly
		}
	}
}

// dedupe leaves one of the rows with the same identifiers: one statement must
// not touch a row twice. Of different records the one modified last counts,
// where that is known, else the last one. The same record once more is no
// duplicate: it counts as what comes of it when it is on another page.
func (p *plan) dedupe(b *column.Batch, r *Result) {
	if p.identifiers == 0 {
		p.dedupeVersions(b, r)
		return
	}
	p.keys.reset(b.Rows())
	for row, v := range p.verdicts {
		if !v.open() {
			continue
		}
		p.scratch = p.appendKey(p.scratch[:0], row, func(c Column) bool { return c.Identifier })
		n, again := p.keys.put(p.scratch, row)
		if !again {
			continue
		}
		loser := int(p.keys.row[n])
		same := compareRecords(b, loser, row) == 0
		if p.modified >= 0 && later(b, p.modified, loser, row) {
			loser = row
		} else {
			p.keys.row[n] = int32(row)
		}
		p.verdicts[loser] = duplicate
		if same {
			r.Unchanged++
		} else {
			r.Duplicates++
		}
	}
}

// dedupeVersions leaves each record aside that comes once more, or each version
// of it where that is a row of its own.
func (p *plan) dedupeVersions(b *column.Batch, r *Result) {
	p.keys.reset(b.Rows())
	for row, v := range p.verdicts {
		if !v.open() || !b.Columns[0].Valid[row] {
			continue
		}
		p.scratch = append(p.scratch[:0], recordKey(b, row)...)
		if p.versions && b.Columns[p.modified].Valid[row] {
			p.scratch = binary.BigEndian.AppendUint64(p.scratch, uint64(floorDiv(b.Columns[p.modified].Ints[row], 1000)))
		}
		if _, again := p.keys.put(p.scratch, row); again {
			p.verdicts[row] = skipped
			r.Skipped++
		}
	}
}

// recordKey returns the key of the record in a row.
func recordKey(b *column.Batch, row int) []byte {
	if key := &b.Columns[0]; key.Kind != column.GUID {
		return key.Bytes(row)
	}
	return b.Columns[0].GUIDs[row][:]
}

// compareRecords compares the keys of the records in two rows.
func compareRecords(b *column.Batch, i, k int) int {
	return bytes.Compare(recordKey(b, i), recordKey(b, k))
}

// later reports whether the record in row i counts although that in row k was
// read after it: it is another one and was modified later, to the millisecond,
// or has the greater key.
func later(b *column.Batch, modified, i, k int) bool {
	m, order := &b.Columns[modified], compareRecords(b, i, k)
	switch {
	case order == 0:
		return false
	case m.Valid[i] != m.Valid[k]:
		return m.Valid[i]
	case !m.Valid[i]:
		return order > 0
	}
	a, z := floorDiv(m.Ints[i], 1000), floorDiv(m.Ints[k], 1000)
	return a > z || a == z && order > 0
}

// identifierEmpty makes the reject of a row that has no value for an
// identifier.
func identifierEmpty(row int, field string) RowReject {
	return RowReject{Row: row, Field: field, Code: crosswalk.RejectIdentifierEmpty, Message: fmt.Sprintf("%s is an identifier, and the record has no value for it.", field)}
}

// requiredEmpty makes the reject of a row whose required field is null.
func requiredEmpty(row int, field string) RowReject {
	return RowReject{Row: row, Field: field, Code: crosswalk.RejectRequiredEmpty, Message: fmt.Sprintf("%s is required, and the record has no value for it.", field)}
}

// emptyRequired returns the name of the first required field that is null.
func (p *plan) emptyRequired(row int) string {
	for i, c := range p.columns {
		if c.Field.Required && !p.values[i].Valid[row] {
			return c.Field.Name
		}
	}
	return ""
}
