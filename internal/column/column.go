// Package column holds batches of values by column. The page decoder fills one, the
// mapping turns it into another, and the table writer reads that. Batches are reused
// from page to page, so that reading a million records allocates no more memory than
// reading a thousand.
//
// A Batch is not safe for concurrent use; it belongs to one stage at a time.
package column

import (
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// Kind is the form in which a column keeps its values.
type Kind uint8

// The kinds of columns and where each keeps its values.
const (
	Text    Kind = iota // UTF-8 in Data, ended by Ends
	Decimal             // the exact text of a number in Data, ended by Ends; never a float
	Int                 // Ints
	Bool                // Ints: 0 or 1
	Time                // Ints: microseconds since 1970-01-01T00:00:00Z, negative before
	Date                // Ints: days since 1970-01-01, negative before
	GUID                // GUIDs
)

var kindNames = [...]string{"Text", "Decimal", "Int", "Bool", "Time", "Date", "GUID"}

// String returns the name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// Spec names a column and says its kind.
type Spec struct {
	Name string // the member of the record, or the column of the table
	Kind Kind
}

// Column is one column of a Batch. Only the slice that belongs to its kind is
// used; in it and in Valid, index i is row i. The value of a row that is not
// valid is null; its slot holds the zero value (for Text and Decimal, no
// bytes).
type Column struct {
	Spec
	Valid []bool
	Ints  []int64
	GUIDs [][16]byte
	Data  []byte
	Ends  []int // Data[Ends[i-1]:Ends[i]] is row i; row 0 begins at 0
}

// Batch is a number of rows, column by column.
type Batch struct {
	Columns []Column
	// Bad are the values that their columns could not hold, in the order of
	// their rows. Each is null in its column.
	Bad  []Bad
	rows int
}

// Bad is a value of another type than its column.
type Bad struct {
	Row, Column int
	Value       string // as it was sent, shortened to 200 bytes
}

// maxBad is how many bytes of a bad value are kept.
const maxBad = 200

// NewBatch makes an empty batch with those columns.
func NewBatch(specs []Spec) *Batch {
	b := &Batch{Columns: make([]Column, len(specs))}
	for i, s := range specs {
		b.Columns[i].Spec = s
	}
	return b
}

// Rows returns the number of complete rows.
func (b *Batch) Rows() int { return b.rows }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.Truncate(0) }

// EndRow completes a row. Columns that got no value since the last row become null.
// It panics when a column got two values: that is a bug in the stage that fills the
// batch.
func (b *Batch) EndRow() {
	b.rows++
	for i := range b.Columns {
		c := &b.Columns[i]
		switch len(c.Valid) {
		case b.rows:
		case b.rows - 1:
			c.AppendNull()
		default:
			panic(fmt.Sprintf("column: %s has %d values in %d rows", c.Name, len(c.Valid), b.rows))
		}
	}
}

// Truncate drops all rows from row n on, and all values of an incomplete row.
func (b *Batch) Truncate(n int) {
	b.rows = n
	for i := range b.Columns {
		b.Columns[i].Truncate(n)
	}
	for len(b.Bad) > 0 && b.Bad[len(b.Bad)-1].Row >= n {
		b.Bad = b.Bad[:len(b.Bad)-1]
	}
}

// Append adds copies of the rows of another batch with the same specs.
func (b *Batch) Append(from *Batch) {
	for i := range b.Columns {
		c, f := &b.Columns[i], &from.Columns[i]
		begin := len(c.Data)
		for _, end := range f.Ends {
			c.Ends = append(c.Ends, begin+end)
		}
		c.Valid = append(c.Valid, f.Valid...)
		c.Ints = append(c.Ints, f.Ints...)
		c.GUIDs = append(c.GUIDs, f.GUIDs...)
		c.Data = append(c.Data, f.Data...)
	}
	for _, bad := range from.Bad {
		bad.Row += b.rows
		b.Bad = append(b.Bad, bad)
	}
	b.rows += from.rows
}

// AppendBad adds a null to column i of the incomplete row and keeps the bad value
// that was there instead.
func (b *Batch) AppendBad(i int, value []byte) {
	b.Columns[i].AppendNull()
	shown := string(value[:min(len(value), maxBad)])
	if len(value) > maxBad {
		shown = strings.ToValidUTF8(shown[:maxBad-len("…")], "") + "…"
	}
	b.Bad = append(b.Bad, Bad{Row: b.rows, Column: i, Value: shown})
}

// IsBad reports whether column i of the incomplete row holds a bad value.
func (b *Batch) IsBad(i int) bool {
	for n := len(b.Bad) - 1; n >= 0 && b.Bad[n].Row == b.rows; n-- {
		if b.Bad[n].Column == i {
			return true
		}
	}
	return false
}

// Retract removes the value of column i of the incomplete row, if it has one.
func (b *Batch) Retract(i int) {
	b.Columns[i].Truncate(b.rows)
	for n := len(b.Bad) - 1; n >= 0 && b.Bad[n].Row == b.rows; n-- {
		if b.Bad[n].Column == i {
			b.Bad = append(b.Bad[:n], b.Bad[n+1:]...)
		}
	}
}

// Truncate drops the values of the column from row n on, if there are any.
func (c *Column) Truncate(n int) {
	if len(c.Valid) <= n {
		return
	}
	c.Valid = c.Valid[:n]
	switch c.Kind {
	case Text, Decimal:
		c.Ends = c.Ends[:n]
		end := 0
		if n > 0 {
			end = c.Ends[n-1]
		}
		c.Data = c.Data[:end]
	case GUID:
		c.GUIDs = c.GUIDs[:n]
	default:
		c.Ints = c.Ints[:n]
	}
}

// AppendNull adds a null.
func (c *Column) AppendNull() {
	c.Valid = append(c.Valid, false)
	switch c.Kind {
	case Text, Decimal:
		c.Ends = append(c.Ends, len(c.Data))
	case GUID:
		c.GUIDs = append(c.GUIDs, [16]byte{})
	default:
		c.Ints = append(c.Ints, 0)
	}
}

// AppendInt adds a value to a column of kind Int, Bool, Time or Date.
func (c *Column) AppendInt(v int64) {
	c.Valid = append(c.Valid, true)
	c.Ints = append(c.Ints, v)
}

// AppendBool adds a value to a column of kind Bool.
func (c *Column) AppendBool(v bool) {
	var n int64
	if v {
		n = 1
	}
	c.AppendInt(n)
}

// AppendGUID adds a value to a column of kind GUID.
func (c *Column) AppendGUID(v [16]byte) {
	c.Valid = append(c.Valid, true)
	c.GUIDs = append(c.GUIDs, v)
}

// AppendBytes adds a value to a column of kind Text or Decimal; it copies v.
func (c *Column) AppendBytes(v []byte) {
	c.Data = append(c.Data, v...)
	c.EndBytes()
}

// EndBytes ends a value whose bytes were appended to Data directly.
func (c *Column) EndBytes() {
	c.Valid = append(c.Valid, true)
	c.Ends = append(c.Ends, len(c.Data))
}

// Bytes returns the value of row i of a column of kind Text or Decimal. It
// stays valid until the batch is reset.
func (c *Column) Bytes(i int) []byte {
	start := 0
	if i > 0 {
		start = c.Ends[i-1]
	}
	return c.Data[start:c.Ends[i]]
}

// Column returns the column with that name, or nil.
func (b *Batch) Column(name string) *Column {
	for i := range b.Columns {
		if b.Columns[i].Name == name {
			return &b.Columns[i]
		}
	}
	return nil
}

// KindFor returns the kind in which values of a field are kept. Numbers with
// decimals stay exact text; whole numbers are int64.
func KindFor(f *crosswalk.Field) Kind {
	switch f.Type {
	case crosswalk.FieldNumber, crosswalk.FieldCurrency, crosswalk.FieldPercentage:
		if f.Decimals == 0 {
			return Int
		}
		return Decimal
	case crosswalk.FieldBoolean:
		return Bool
	case crosswalk.FieldDate:
		return Date
	case crosswalk.FieldDateTime:
		return Time
	case crosswalk.FieldLookup, crosswalk.FieldGSID:
		return GUID
	default:
		return Text
	}
}
