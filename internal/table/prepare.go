package table

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// verdict is what prepare decided about a row.
type verdict uint8

const (
	write     verdict = iota
	writeOnly         // may only update: an insert would leave a required field empty
	drop              // rejected, or a duplicate
)

// plan decides which rows of a batch can be stored, and normalizes decimals.
// Its memory is reused from batch to batch.
type plan struct {
	columns  []Column
	stored   []column.Kind // in which form the table keeps each column
	verdicts []verdict
	// numbers[c] holds the decimals of column c of the batch with the
	// field's number of digits. Other columns have none.
	numbers []*column.Column
	keys    keySet
	scratch []byte
}

func newPlan(cfg *Config) plan {
	p := plan{columns: cfg.Columns, numbers: make([]*column.Column, len(cfg.Columns))}
	for i, c := range cfg.Columns {
		p.stored = append(p.stored, column.KindFor(&c.Field))
		if c.Kind == column.Decimal && column.KindFor(&c.Field) == column.Decimal {
			p.numbers[i] = &column.Column{Spec: column.Spec{Kind: column.Decimal}}
		}
	}
	return p
}

// check returns an error when the batch does not have the columns the writer
// was made for: a fault of the caller.
func (p *plan) check(b *column.Batch) error {
	if len(b.Columns) != len(p.columns)+1 {
		return fmt.Errorf("table: batch has %d columns, want %d", len(b.Columns), len(p.columns)+1)
	}
	if k := b.Columns[0].Kind; k != column.Text && k != column.GUID {
		return fmt.Errorf("table: the key of the source is %v, want Text or GUID", k)
	}
	for i, c := range p.columns {
		if k := b.Columns[i+1].Kind; k != c.Kind {
			return fmt.Errorf("table: column %s is %v, want %v", c.Field.Name, k, c.Kind)
		}
	}
	return nil
}

// prepare fills the verdicts and notes rejects and duplicates in r.
func (p *plan) prepare(b *column.Batch, r *Result) {
	rows := b.Rows()
	p.verdicts = append(p.verdicts[:0], make([]verdict, rows)...)
	for i := range p.columns {
		p.checkColumn(i, &b.Columns[i+1], rows, r)
	}
	p.checkText("the key of the record", &b.Columns[0], rows, r)
	p.dedupe(b, r)
}

func (p *plan) reject(r *Result, rj RowReject) {
	if p.verdicts[rj.Row] != drop {
		p.verdicts[rj.Row] = drop
		r.Rejects = append(r.Rejects, rj)
	}
}

func (p *plan) checkColumn(at int, c *column.Column, rows int, r *Result) {
	def := &p.columns[at]
	name := def.Field.Name
	for row := range rows {
		if c.Valid[row] && !(def.Identifier && c.Kind == column.Text && len(c.Bytes(row)) == 0) {
			continue
		}
		switch {
		case def.Identifier:
			p.reject(r, RowReject{Row: row, Field: name, Code: crosswalk.RejectIdentifierEmpty, Message: fmt.Sprintf("%s is an identifier, and the record has no value for it.", name)})
		case def.Field.Required && !def.KeepOnNull:
			p.reject(r, requiredEmpty(row, name))
		case def.Field.Required && p.verdicts[row] == write:
			p.verdicts[row] = writeOnly
		}
	}
	switch c.Kind {
	case column.Text:
		p.checkText(name, c, rows, r)
	case column.Decimal:
		p.checkDecimals(at, c, rows, r)
	case column.Time:
		p.checkRange(name, c, rows, minTime, maxTime, r)
	case column.Date:
		p.checkRange(name, c, rows, minDay, maxDay, r)
	}
}

// checkText refuses what PostgreSQL cannot store: NUL, and what is not UTF-8.
func (p *plan) checkText(name string, c *column.Column, rows int, r *Result) {
	if c.Kind != column.Text || plain(c.Data) {
		return
	}
	for row := range rows {
		v := c.Bytes(row)
		if bytes.IndexByte(v, 0) >= 0 || !utf8.Valid(v) {
			p.reject(r, RowReject{Row: row, Field: name, Code: crosswalk.RejectInvalidText, Message: fmt.Sprintf("The text for %s holds a character the database cannot store.", name), Value: string(v)})
		}
	}
}

// plain reports whether data is ASCII without NUL.
func plain(data []byte) bool {
	for _, c := range data {
		if c == 0 || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (p *plan) checkDecimals(at int, c *column.Column, rows int, r *Result) {
	n := p.numbers[at]
	if n == nil {
		return // stored as text
	}
	n.Valid, n.Data, n.Ends = n.Valid[:0], n.Data[:0], n.Ends[:0]
	name := p.columns[at].Field.Name
	for row := range rows {
		if !c.Valid[row] {
			n.AppendNull()
			continue
		}
		var ok bool
		n.Data, ok = appendDecimal(n.Data, c.Bytes(row), p.columns[at].Field.Decimals)
		if !ok {
			v := string(c.Bytes(row))
			p.reject(r, RowReject{Row: row, Field: name, Code: crosswalk.RejectNotANumber, Message: fmt.Sprintf("%.100q cannot be stored as a number in %s.", v, name), Value: v})
			n.AppendNull()
			continue
		}
		n.EndBytes()
	}
}

func (p *plan) checkRange(name string, c *column.Column, rows int, low, high int64, r *Result) {
	for row := range rows {
		if v := c.Ints[row]; c.Valid[row] && (v < low || v > high) {
			p.reject(r, RowReject{Row: row, Field: name, Code: crosswalk.RejectNotADate, Message: fmt.Sprintf("The date for %s is not between the years 1 and 9999.", name)})
		}
	}
}

// dedupe drops all but the last of the rows with the same identifiers: one
// statement must not touch a row twice, and the last one read is the newest.
func (p *plan) dedupe(b *column.Batch, r *Result) {
	p.keys.reset(b.Rows())
	for row := range b.Rows() {
		if p.verdicts[row] == drop {
			continue
		}
		p.scratch = p.scratch[:0]
		for i := range p.columns {
			if !p.columns[i].Identifier {
				continue
			}
			c := &b.Columns[i+1]
			if p.numbers[i] != nil {
				c = p.numbers[i]
			}
			start := len(p.scratch)
			p.scratch = appendText(append(p.scratch, 0, 0, 0, 0), c, row)
			n := len(p.scratch) - start // so that ("a", "bc") is not ("ab", "c")
			p.scratch[start], p.scratch[start+1], p.scratch[start+2], p.scratch[start+3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
		}
		if before, again := p.keys.put(p.scratch, row); again {
			p.verdicts[before] = drop
			r.Duplicates++
		}
	}
}

// keySet remembers the row in which each key came last. Its memory is reused.
type keySet struct {
	seed  maphash.Seed
	slots []int32 // 1 + index of the entry, 0 when free; a power of two long
	hash  []uint64
	row   []int32
	ends  []int
	data  []byte
}

func (s *keySet) reset(rows int) {
	if s.slots == nil {
		s.seed = maphash.MakeSeed()
	}
	size := 16
	for size < 2*rows {
		size *= 2
	}
	if len(s.slots) < size {
		s.slots = make([]int32, size)
	} else {
		clear(s.slots)
	}
	s.hash, s.row, s.ends, s.data = s.hash[:0], s.row[:0], s.ends[:0], s.data[:0]
}

// put notes that key came in row and returns the row in which it came before.
func (s *keySet) put(key []byte, row int) (before int, again bool) {
	h := maphash.Bytes(s.seed, key)
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		e := s.slots[i]
		if e == 0 {
			s.hash, s.row = append(s.hash, h), append(s.row, int32(row))
			s.data = append(s.data, key...)
			s.ends = append(s.ends, len(s.data))
			s.slots[i] = int32(len(s.row))
			return 0, false
		}
		e--
		start := 0
		if e > 0 {
			start = s.ends[e-1]
		}
		if s.hash[e] == h && bytes.Equal(s.data[start:s.ends[e]], key) {
			before = int(s.row[e])
			s.row[e] = int32(row)
			return before, true
		}
	}
}
