package table

import (
	"encoding/binary"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// What PostgreSQL counts moments and days from: 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * microsADay
)

// copyHeader begins the data of COPY in binary form: the signature, no flags
// and no extension. Source: PostgreSQL's documentation of COPY, "Binary
// Format".
var copyHeader = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// copyEnd ends it.
var copyEnd = []byte{0xff, 0xff}

// appendCopy appends the rows of a batch that can be stored: their position,
// a new GSID, the key of the source, when the record was modified last where
// that is known, and the columns.
func (p *plan) appendCopy(b []byte, batch *column.Batch) []byte {
	b = append(b, copyHeader...)
	be := binary.BigEndian
	columns := 3 + len(p.columns)
	if p.modified >= 0 {
		columns++
	}
	for row := range batch.Rows() {
		if !p.verdicts[row].open() {
			continue
		}
		b = be.AppendUint16(b, uint16(columns))
		b = be.AppendUint32(be.AppendUint32(b, 4), uint32(row))
		id := crosswalk.NewGSID()
		b = append(be.AppendUint32(b, 16), id[:]...)
		b = appendCopyValue(b, &batch.Columns[0], row, column.Text)
		if p.modified >= 0 {
			b = appendCopyValue(b, &batch.Columns[p.modified], row, column.Time)
		}
		for i := range p.columns {
			b = appendCopyValue(b, p.values[i], row, p.stored[i])
		}
	}
	return append(b, copyEnd...)
}

func appendCopyValue(b []byte, c *column.Column, row int, stored column.Kind) []byte {
	be := binary.BigEndian
	if !c.Valid[row] {
		return be.AppendUint32(b, 0xffffffff)
	}
	start := len(b)
	b = append(b, 0, 0, 0, 0) // the length, known at the end
	switch stored {
	case column.Int:
		b = be.AppendUint64(b, uint64(c.Ints[row]))
	case column.Bool:
		b = append(b, byte(c.Ints[row]&1))
	case column.Time:
		// Whole milliseconds, as SQLite stores them.
		b = be.AppendUint64(b, uint64(floorDiv(c.Ints[row], 1000)*1000-epochMicros))
	case column.Date:
		b = be.AppendUint32(b, uint32(int32(c.Ints[row]-epochDays)))
	case column.GUID:
		b = append(b, c.GUIDs[row][:]...)
	case column.Decimal:
		b = appendNumeric(b, c.Bytes(row))
	default:
		b = appendText(b, c, row)
	}
	be.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// appendNumeric appends a number that appendDecimal wrote in PostgreSQL's
// binary form: how many digits of base 10,000 follow, the weight of the first,
// the sign, the number of decimals, the digits. Source: numeric_send in
// PostgreSQL's src/backend/utils/adt/numeric.c.
func appendNumeric(b []byte, text []byte) []byte {
	be := binary.BigEndian
	var sign uint16
	if text[0] == '-' {
		sign, text = 0x4000, text[1:]
	}
	point, decimals := len(text), 0
	for i, c := range text {
		if c == '.' {
			point, decimals = i, len(text)-i-1
		}
	}
	whole, fraction := text[:point], text[len(text)-decimals:]
	groups := (len(whole) + 3) / 4
	weight := groups - 1
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = be.AppendUint16(be.AppendUint16(b, sign), uint16(decimals))
	digits := len(b)
	add := func(d uint16) {
		if d == 0 && len(b) == digits { // leading zeros are left out
			weight--
			return
		}
		b = be.AppendUint16(b, d)
	}
	for head := len(whole) - 4*(groups-1); len(whole) > 0; head = 4 {
		var d uint16
		for _, c := range whole[:head] {
			d = d*10 + uint16(c-'0')
		}
		whole = whole[head:]
		add(d)
	}
	for len(fraction) > 0 {
		var d uint16
		for k := range 4 {
			d *= 10
			if k < len(fraction) {
				d += uint16(fraction[k] - '0')
			}
		}
		fraction = fraction[min(4, len(fraction)):]
		add(d)
	}
	for len(b) > digits && b[len(b)-1] == 0 && b[len(b)-2] == 0 { // so are trailing ones
		b = b[:len(b)-2]
	}
	n := (len(b) - digits) / 2
	if n == 0 {
		weight = 0
	}
	be.PutUint16(b[start:], uint16(n))
	be.PutUint16(b[start+2:], uint16(int16(weight)))
	return b
}
