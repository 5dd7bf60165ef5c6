package extract

import (
	"encoding/binary"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// row is the values of a related row, one after the other, in a form that
// takes little memory. A row that is not there is nil.
type row []byte

// How a value of a row begins.
const (
	valueNull byte = iota
	valueThere
	valueBad // of another type than its column; what was sent follows
)

// makeRow returns row n of a batch without its first column, the key. bad are
// the batch's bad values of that row.
func makeRow(b *column.Batch, n int, bad []column.Bad) row {
	r := make(row, 0, 16*len(b.Columns))
	for i := range b.Columns[1:] {
		c := &b.Columns[i+1]
		if !c.Valid[n] {
			r = appendNull(r, i+1, bad)
			continue
		}
		r = append(r, valueThere)
		switch c.Kind {
		case column.Text, column.Decimal:
			v := c.Bytes(n)
			r = append(binary.AppendUvarint(r, uint64(len(v))), v...)
		case column.GUID:
			r = append(r, c.GUIDs[n][:]...)
		default:
			r = binary.AppendVarint(r, c.Ints[n])
		}
	}
	return r
}

func appendNull(r row, i int, bad []column.Bad) row {
	for _, b := range bad {
		if b.Column == i {
			r = append(r, valueBad)
			return append(binary.AppendUvarint(r, uint64(len(b.Value))), b.Value...)
		}
	}
	return append(r, valueNull)
}

// take appends the next value of the row to a column and returns the rest; a
// value of another type is a null, and told.
func (r row) take(c *column.Column) (rest row, bad string, isBad bool) {
	if len(r) == 0 { // the row is not there
		c.AppendNull()
		return nil, "", false
	}
	kind, r := r[0], r[1:]
	switch {
	case kind == valueNull:
		c.AppendNull()
	case kind == valueBad:
		c.AppendNull()
		n, head := binary.Uvarint(r)
		end := head + int(n)
		return r[end:], string(r[head:end]), true
	case c.Kind == column.Text, c.Kind == column.Decimal:
		n, head := binary.Uvarint(r)
		end := head + int(n)
		c.AppendBytes(r[head:end])
		r = r[end:]
	case c.Kind == column.GUID:
		c.AppendGUID([16]byte(r))
		r = r[16:]
	default:
		v, n := binary.Varint(r)
		c.AppendInt(v)
		r = r[n:]
	}
	return r, "", false
}
