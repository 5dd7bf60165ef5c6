package odata

import (
	"math"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// object reads the object whose opening brace is at i, node n, into the batch and
// returns the index after it. It does not end the row.
//
// The objects of a page have the same members in the same order, except that
// nulls lack annotations. So the key at the cursor is compared with the one that
// came at this place in earlier objects, then with the next few; only when none
// fits is it read byte by byte, and remembered.
func (d *decoder) object(i, n int) int {
	i = d.space(i + 1)
	if d.buf[i] == '}' {
		return i + 1
	}
	plan := d.plans[n]
	for at := 0; ; {
		col, sign := unknown, noSign
		for j := at; j < min(at+5, len(plan)); j++ {
			p := &plan[j]
			if end := i + len(p.key); end <= d.n && string(d.buf[i:end]) == p.key {
				col, sign, i, at = p.column, p.sign, end, j+1
				break
			}
		}
		if col == unknown {
			start := i
			key, end := d.key(i)
			if end < 0 {
				return end
			}
			var ok bool
			if col, ok = d.columns.nodes[n].members[string(key)]; !ok {
				col = skipped
			}
			if n == 0 {
				sign = signs[string(key)]
			}
			at = d.predict(n, at, prediction{string(d.buf[start:end]), col, sign})
			plan = d.plans[n]
			i = end
		}
		if d.buf[i] <= ' ' {
			i = d.space(i)
		}
		if sign != noSign {
			d.note(sign, i)
		}
		switch {
		case col >= 0:
			i = d.values(i, col)
		case col == skipped:
			i = d.skip(i, d.depth)
		default:
			i = d.related(i, nested-col)
		}
		if i < 0 {
			return i
		}
		if d.buf[i] <= ' ' {
			i = d.space(i)
		}
		switch d.buf[i] {
		case ',':
			if i++; d.buf[i] <= ' ' {
				i = d.space(i)
			}
		case '}':
			return i + 1
		default:
			return d.bad(i, "no comma or brace follows a member")
		}
	}
}

// predict remembers, at place at of a node, what a key stands for, and returns the
// place of the key that should come next. A key with white space before its colon
// is not remembered.
func (d *decoder) predict(n, at int, p prediction) int {
	plan := d.plans[n]
	at = min(at, len(plan))
	if len(plan) >= maxPlan || p.key[len(p.key)-2] != '"' {
		return at
	}
	plan = append(plan, prediction{})
	copy(plan[at+1:], plan[at:])
	plan[at] = p
	d.plans[n] = plan
	return at + 1
}

// related reads the value at i of a navigation property, which is an object,
// node n, or null.
func (d *decoder) related(i, n int) int {
	rows := d.batch.Rows()
	columns := d.columns.nodes[n].columns
	for _, col := range columns {
		if len(d.batch.Columns[col].Valid) > rows {
			d.batch.Retract(col) // the member came before: the last one counts
		}
	}
	switch d.buf[i] {
	case '{':
		d.depth++
		end := d.object(i, n)
		d.depth--
		return end
	case 'n':
		return d.literal(i, "null")
	}
	end := d.skip(i, d.depth)
	if end >= 0 {
		for _, col := range columns {
			d.batch.AppendBad(col, d.buf[i:end])
		}
	}
	return end
}

// values reads the value at i into col and the other columns of the same
// member.
func (d *decoder) values(i, col int) int {
	end, rows := i, d.batch.Rows()
	for ; col >= 0; col = d.columns.next[col] {
		c := &d.batch.Columns[col]
		if len(c.Valid) > rows {
			d.batch.Retract(col) // the member came before: the last one counts
		}
		if end = d.value1(i, c); end == wrong {
			if end = d.skip(i, d.depth); end >= 0 {
				d.batch.AppendBad(col, d.buf[i:end])
			}
		}
		if end < 0 {
			break
		}
	}
	return end
}

// wrong is what value1 returns for a value that the column cannot hold.
const wrong = -3

// value1 reads the value at i into c and returns the index after it.
func (d *decoder) value1(i int, c *column.Column) int {
	switch b := d.buf[i]; b {
	case '"':
		end, plain := d.text(i)
		if end < 0 {
			return end
		}
		return d.valueText(i+1, end, plain, c)
	case 'n':
		if i = d.literal(i, "null"); i >= 0 {
			c.AppendNull()
		}
		return i
	case 't', 'f':
		word := "true"
		if b == 'f' {
			word = "false"
		}
		if i = d.literal(i, word); i < 0 {
			return i
		}
		switch c.Kind {
		case column.Bool:
			c.AppendBool(b == 't')
		case column.Text:
			c.AppendBytes(d.buf[i-len(word) : i])
		default:
			return wrong
		}
		return i
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		end, whole := d.number(i)
		if end < 0 {
			return end
		}
		switch c.Kind {
		case column.Text, column.Decimal:
			c.AppendBytes(d.buf[i:end])
		case column.Int:
			v, ok := parseInt(d.buf[i:end])
			if !whole || !ok {
				return wrong
			}
			c.AppendInt(v)
		default:
			return wrong
		}
		return end
	case '{', '[':
		if end := d.skip(i, d.depth); end < 0 {
			return end
		}
		return wrong
	}
	return d.bad(i, "no value where one is expected")
}

// valueText puts the string with content d.buf[start:end] into c and returns the
// index after its closing quote.
func (d *decoder) valueText(start, end int, plain bool, c *column.Column) int {
	content := d.buf[start:end]
	if c.Kind == column.Text {
		if plain {
			c.AppendBytes(content)
		} else {
			c.Data = appendUnescaped(c.Data, content)
			c.EndBytes()
		}
		return end + 1
	}
	if !plain {
		d.scratch = appendUnescaped(d.scratch[:0], content)
		content = d.scratch
	}
	switch c.Kind {
	case column.GUID:
		id, ok := crosswalk.ParseGSID(content)
		if !ok {
			return wrong
		}
		c.AppendGUID(id)
	case column.Time:
		t, ok := parseTime(content)
		if !ok {
			return wrong
		}
		c.AppendInt(t)
	case column.Date:
		t, ok := parseDate(content)
		if !ok {
			return wrong
		}
		c.AppendInt(t)
	default:
		return wrong
	}
	return end + 1
}

// parseInt returns the value of a checked number without fraction and
// exponent, and whether it fits.
func parseInt(s []byte) (int64, bool) {
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range s {
		n = n*10 + uint64(c-'0')
	}
	switch {
	case !negative && n <= math.MaxInt64:
		return int64(n), true
	case negative && n <= -math.MinInt64:
		return -int64(n), true
	}
	return 0, false
}
