package table

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// fields are columns with their values in the batch at hand. Decimals are
// brought into the form in which the table keeps them. The memory is reused
// from batch to batch.
type fields struct {
	columns []Column
	stored  []column.Kind    // in which form the table keeps each column
	from    []int            // column of the batch, -1: values are found by a lookup
	numbers []*column.Column // decimals with the field's number of digits; nil for other columns
	values  []*column.Column
}

// add adds columns that begin at that column of the batch and returns the
// first one after them.
func (f *fields) add(at int, columns ...Column) int {
	for _, c := range columns {
		var n *column.Column
		if c.Kind == column.Decimal && column.KindFor(&c.Field) == column.Decimal {
			n = &column.Column{Spec: column.Spec{Kind: column.Decimal}}
		}
		f.columns = append(f.columns, c)
		f.stored = append(f.stored, column.KindFor(&c.Field))
		f.from = append(f.from, at)
		f.numbers = append(f.numbers, n)
		f.values = append(f.values, n)
		at++
	}
	return at
}

// addFound adds a lookup field whose values are in c.
func (f *fields) addFound(c Column, values *column.Column) {
	f.columns = append(f.columns, c)
	f.stored = append(f.stored, column.GUID)
	f.from = append(f.from, -1)
	f.numbers = append(f.numbers, nil)
	f.values = append(f.values, values)
}

// check returns an error when the batch does not have these columns: a fault
// of the caller.
func (f *fields) check(b *column.Batch) error {
	for i, c := range f.columns {
		if f.from[i] < 0 {
			continue
		}
		if k := b.Columns[f.from[i]].Kind; k != c.Kind {
			return fmt.Errorf("table: column %s is %v, want %v", c.Field.Name, k, c.Kind)
		}
	}
	return nil
}

// load takes the values of the batch.
func (f *fields) load(b *column.Batch) {
	for i, at := range f.from {
		if at >= 0 && f.numbers[i] == nil {
			f.values[i] = &b.Columns[at]
		}
	}
}

// empty reports whether column i of a row has no value; an empty text is
// none.
func (f *fields) empty(i, row int) bool {
	c := f.values[i]
	return !c.Valid[row] || c.Kind == column.Text && len(c.Bytes(row)) == 0
}

// appendKey appends the values that some columns have in a row so that
// different values are different bytes.
func (f *fields) appendKey(b []byte, row int, chosen func(Column) bool) []byte {
	for i := range f.columns {
		if !chosen(f.columns[i]) {
			continue
		}
		start := len(b)
		b = appendText(append(b, 0, 0, 0, 0), f.values[i], row)
		n := len(b) - start // so that ("a", "bc") is not ("ab", "c")
		b[start], b[start+1], b[start+2], b[start+3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	}
	return b
}

// checkValues rejects the rows of the batch whose value of column i cannot be
// stored; name is the field that is filled.
func (f *fields) checkValues(b *column.Batch, i int, name string, reject func(RowReject)) {
	if f.from[i] < 0 {
		return
	}
	c := &b.Columns[f.from[i]]
	switch c.Kind {
	case column.Text:
		checkText(c, b.Rows(), name, reject)
	case column.Decimal:
		f.checkDecimals(c, i, b.Rows(), name, reject)
	case column.Time:
		checkRange(c, b.Rows(), name, minTime, maxTime, reject)
	case column.Date:
		checkRange(c, b.Rows(), name, minDay, maxDay, reject)
	}
}

// checkText refuses what PostgreSQL cannot store: NUL, and what is not UTF-8.
func checkText(c *column.Column, rows int, name string, reject func(RowReject)) {
	if c.Kind != column.Text || plain(c.Data) {
		return
	}
	for row := range rows {
		v := c.Bytes(row)
		if bytes.IndexByte(v, 0) >= 0 || !utf8.Valid(v) {
			reject(RowReject{Row: row, Field: name, Code: crosswalk.RejectInvalidText, Message: fmt.Sprintf("The text for %s holds a character the database cannot store.", name), Value: string(v)})
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

func (f *fields) checkDecimals(c *column.Column, i, rows int, name string, reject func(RowReject)) {
	n := f.numbers[i]
	if n == nil {
		return // stored as text
	}
	n.Valid, n.Data, n.Ends = n.Valid[:0], n.Data[:0], n.Ends[:0]
	for row := range rows {
		if !c.Valid[row] {
			n.AppendNull()
			continue
		}
		var ok bool
		n.Data, ok = appendDecimal(n.Data, c.Bytes(row), f.columns[i].Field.Decimals)
		if !ok {
			v := string(c.Bytes(row))
			reject(RowReject{Row: row, Field: name, Code: crosswalk.RejectNotANumber, Message: fmt.Sprintf("%.100q cannot be stored as a number in %s.", v, name), Value: v})
			n.AppendNull()
			continue
		}
		n.EndBytes()
	}
}

func checkRange(c *column.Column, rows int, name string, low, high int64, reject func(RowReject)) {
	for row := range rows {
		if v := c.Ints[row]; c.Valid[row] && (v < low || v > high) {
			reject(RowReject{Row: row, Field: name, Code: crosswalk.RejectNotADate, Message: fmt.Sprintf("The date for %s is not between the years 1 and 9999.", name)})
		}
	}
}
