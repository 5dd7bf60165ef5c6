package mapping

import (
	"bytes"
	"strconv"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// predicate reports whether a record passes a filter. It is safe for concurrent
// use.
type predicate func(src *column.Batch, row int) bool

// predicate compiles a filter to be applied here, and makes the plan read
// what it looks at.
func (c *compiler) predicate(t *term) predicate {
	switch t.op {
	case opNot:
		p := c.predicate(t.terms[0])
		return func(src *column.Batch, row int) bool { return !p(src, row) }
	case opAnd, opOr:
		all, or := make([]predicate, len(t.terms)), t.op == opOr
		for i, one := range t.terms {
			all[i] = c.predicate(one)
		}
		return func(src *column.Batch, row int) bool {
			for _, p := range all {
				if p(src, row) == or {
					return or
				}
			}
			return !or
		}
	}
	index := c.take(t.trail).column
	if t.op == opIsNull {
		return func(src *column.Batch, row int) bool { return !src.Columns[index].Valid[row] }
	}
	holds := t.holds()
	return func(src *column.Batch, row int) bool {
		col := &src.Columns[index]
		return col.Valid[row] && holds(col, row)
	}
}

// holds returns the comparison with a value that is there.
func (t *term) holds() func(c *column.Column, row int) bool {
	a := t.trail.attribute
	switch t.op {
	case opSearch:
		return searching(t.comparison, t.values[0].text)
	case opOptions:
		return optioned(t.values)
	case opAmong:
		return among(a, t.values)
	}
	if t.comparison == crosswalk.Equal {
		return among(a, t.values)
	}
	v, op := t.values[0], t.comparison
	switch sourceKind(a) {
	case column.Decimal:
		if a.Type == crosswalk.AttributeDouble {
			f := double([]byte(v.digits))
			return func(c *column.Column, row int) bool {
				g := double(c.Bytes(row))
				return ordered(op, g < f, g > f)
			}
		}
		digits := []byte(v.digits)
		return func(c *column.Column, row int) bool {
			n := compareNumbers(c.Bytes(row), digits)
			return ordered(op, n < 0, n > 0)
		}
	default:
		return func(c *column.Column, row int) bool { return ordered(op, c.Ints[row] < v.n, c.Ints[row] > v.n) }
	}
}

func ordered(op crosswalk.Comparison, less, greater bool) bool {
	switch op {
	case crosswalk.Less:
		return less
	case crosswalk.LessOrEqual:
		return !greater
	case crosswalk.Greater:
		return greater
	default:
		return !less
	}
}

// double reads a number of an attribute that Dataverse stores, and compares, as a
// binary float.
func double(b []byte) float64 {
	f, _ := strconv.ParseFloat(string(b), 64) // too large is infinite
	return f
}

// among reports whether a value is one of several.
func among(a *crosswalk.Attribute, values []operand) func(c *column.Column, row int) bool {
	switch sourceKind(a) {
	case column.Text:
		set := make(map[string]bool, len(values))
		for _, v := range values {
			set[string(appendEqual(nil, []byte(v.text)))] = true
		}
		return func(c *column.Column, row int) bool {
			var buf [128]byte
			return set[string(appendEqual(buf[:0], c.Bytes(row)))]
		}
	case column.GUID:
		set := make(map[[16]byte]bool, len(values))
		for _, v := range values {
			set[v.id] = true
		}
		return func(c *column.Column, row int) bool { return set[c.GUIDs[row]] }
	case column.Decimal:
		if a.Type == crosswalk.AttributeDouble {
			set := make(map[float64]bool, len(values))
			for _, v := range values {
				set[double([]byte(v.digits))] = true
			}
			return func(c *column.Column, row int) bool { return set[double(c.Bytes(row))] }
		}
		return func(c *column.Column, row int) bool {
			for _, v := range values {
				if compareNumbers(c.Bytes(row), []byte(v.digits)) == 0 {
					return true
				}
			}
			return false
		}
	default:
		set := make(map[int64]bool, len(values))
		for _, v := range values {
			set[v.n] = true
		}
		return func(c *column.Column, row int) bool { return set[c.Ints[row]] }
	}
}

// searching reports whether a text contains another, or begins or ends with it.
// Trailing spaces count here.
func searching(op crosswalk.Comparison, part string) func(c *column.Column, row int) bool {
	want := appendFolded(nil, []byte(part))
	holds := map[crosswalk.Comparison]func(s, part []byte) bool{
		crosswalk.Contains: bytes.Contains, crosswalk.StartsWith: bytes.HasPrefix, crosswalk.EndsWith: bytes.HasSuffix,
	}[op]
	return func(c *column.Column, row int) bool {
		var buf [256]byte
		return holds(appendFolded(buf[:0], c.Bytes(row)), want)
	}
}

// optioned reports whether a multi-select choice, written as "1,9", has one
// of the options.
func optioned(options []operand) func(c *column.Column, row int) bool {
	set := make(map[int64]bool, len(options))
	for _, v := range options {
		set[v.n] = true
	}
	return func(c *column.Column, row int) bool {
		for one := range bytes.SplitSeq(c.Bytes(row), []byte{','}) {
			if n, ok := parseInt(bytes.TrimSpace(one)); ok && set[n] {
				return true
			}
		}
		return false
	}
}
