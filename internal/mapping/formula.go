package mapping

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// formula is a compiled expression over the attributes of a record. It is
// safe for concurrent use.
type formula struct {
	expression expression
	field      *crosswalk.Field
	zone       *time.Location
}

// formula compiles the text of a formula that fills field f. When something is
// wrong with it, it notes that at the place in the input and returns nil.
func (c *compiler) formula(at, text string, f *crosswalk.Field) *formula {
	x, p := c.expression(at, text)
	options := x.kind == kindText && f.Type == crosswalk.FieldMultiSelect // by their labels
	if p == nil && x.kind != kindNull && !options {
		if a := x.kind.attribute(); operation(a, false, f) == opNone {
			p = &formulaProblem{message: fmt.Sprintf("A formula that gives %s cannot fill %s (%s).", x.kind, f.DisplayName, f.Type), hint: hintFor(a, f)}
		}
	}
	if p != nil {
		c.problems.AddHint(at, p.hint, "%s", p.text())
		return nil
	}
	return &formula{expression: x, field: f, zone: c.location()}
}

// expression compiles the text of a formula and returns what is wrong with
// it, if anything is.
func (c *compiler) expression(at, text string) (x expression, p *formulaProblem) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case formulaProblem:
			p = &r
		case failure:
			p = &formulaProblem{message: "The formula has no value: " + string(r) + "."}
		default:
			panic(r)
		}
	}()
	node, numbers := parseFormula(text)
	check := checker{compiler: c, at: at, numbers: numbers, zone: c.location(), now: c.in.Now}
	return check.check(node), nil
}

// evaluate computes the formula for a record, or returns why it has no value.
func (x *expression) evaluate(src *column.Batch, row int) (v value, reason string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			v, reason = value{}, string(r)
		default: // a bug in a function must not end a run
			v, reason = value{}, fmt.Sprintf("it broke: %v", r)
		}
	}()
	return x.eval(&machine{src: src, row: row}), ""
}

// convert appends the value of the formula for a record to dst, or returns the code
// of the reject and the reason in words. The caller checks a text against its
// field: its length, its options, and whether it is an address where the field
// asks for one.
func (f *formula) convert(src *column.Batch, row int, dst *column.Column) (crosswalk.RejectCode, string) {
	v, reason := f.expression.evaluate(src, row)
	if reason != "" {
		return crosswalk.RejectFormula, fmt.Sprintf("%s: the formula has no value for this record: %s.", f.field.DisplayName, reason)
	}
	code := f.append(v, dst)
	if code == "" {
		return "", ""
	}
	shown := fmt.Sprintf("%q", shorten(v.written(), shownInMessage))
	switch code {
	case crosswalk.RejectInvalidText:
		return code, fmt.Sprintf("%s: the text that the formula gives holds a character that cannot be stored: %s.", f.field.DisplayName, shown)
	case crosswalk.RejectNotANumber:
		return code, fmt.Sprintf("%s: the formula gives %s, which cannot be read as a number.", f.field.DisplayName, shown)
	case crosswalk.RejectNotADate:
		return code, fmt.Sprintf("%s: the formula gives %s, which cannot be read as a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z.", f.field.DisplayName, shown)
	default:
		return code, fmt.Sprintf("%s: the formula gives %s, which is too large a number.", f.field.DisplayName, shown)
	}
}

// shown returns the value of the formula for a record as text, "" when there
// is none.
func (f *formula) shown(src *column.Batch, row int) string {
	v, _ := f.expression.evaluate(src, row)
	return v.written()
}

// append appends a value to a column of the field's kind.
func (f *formula) append(v value, dst *column.Column) crosswalk.RejectCode {
	if v.null() {
		dst.AppendNull()
		return ""
	}
	switch dst.Kind {
	case column.Int, column.Decimal:
		return f.appendNumber(v, dst)
	case column.Bool:
		dst.AppendInt(v.n)
	case column.Date, column.Time:
		return f.appendDate(v, dst)
	default:
		s := v.written()
		if !utf8.ValidString(s) || bytes.IndexByte([]byte(s), 0) >= 0 {
			return crosswalk.RejectInvalidText
		}
		dst.AppendBytes([]byte(s))
	}
	return ""
}

func (f *formula) appendNumber(v value, dst *column.Column) crosswalk.RejectCode {
	if v.kind == kindBool {
		v = wholeValue(v.n)
	}
	b := bytes.TrimSpace([]byte(v.written()))
	if len(b) == 0 {
		dst.AppendNull()
		return ""
	}
	start := len(dst.Data)
	data, code := appendDecimal(dst.Data, b, f.field.Decimals)
	if code != "" {
		return code
	}
	if dst.Kind == column.Decimal {
		dst.Data = data
		dst.EndBytes()
		return ""
	}
	n, ok := parseInt(data[start:])
	if !ok {
		return crosswalk.RejectNumberRange
	}
	dst.AppendInt(n)
	return ""
}

func (f *formula) appendDate(v value, dst *column.Column) crosswalk.RejectCode {
	if v.kind == kindText {
		b := bytes.TrimSpace([]byte(v.text))
		if len(b) == 0 {
			dst.AppendNull()
			return ""
		}
		t, ok := parseTime(b)
		if !ok {
			return crosswalk.RejectNotADate
		}
		v = value{kind: kindMoment, n: t.days*microsecondsPerDay + t.micros}
		if dst.Kind == column.Date {
			v = value{kind: kindDate, n: t.days} // as written, whatever the offset
		}
	}
	switch {
	case dst.Kind == column.Date:
		dst.AppendInt(v.day(f.zone))
	case v.kind == kindDate:
		dst.AppendInt(v.n * microsecondsPerDay)
	default:
		dst.AppendInt(v.n)
	}
	return ""
}

// location returns the zone in which moments become days.
func (c *compiler) location() *time.Location {
	if c.zone == nil {
		return time.UTC
	}
	return c.zone
}
