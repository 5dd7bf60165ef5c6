package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// The limits of a formula: what it may cost to read, and what it may cost for one
// record. Formulas have no loops, so these limits hold whatever the record.
const (
	maxFormulaLength = 10_000  // characters of its text
	maxFormulaNodes  = 500     // values, operators and calls
	maxFormulaDigits = 1_000   // digits of an intermediate number
	maxFormulaText   = 1 << 24 // bytes of a text that it makes
	maxFormulaWork   = 1 << 27 // bytes of text that it looks at, plus 8 for each step
	divisionDigits   = 38      // significant digits of a quotient
)

// kind is the type of a value in a formula; several can be combined by or.
type kind uint8

// The kinds of values.
const (
	kindText kind = 1 << iota
	kindNumber
	kindBool
	kindDate
	kindMoment
	kindWall          // a wall clock's time, whatever the zone
	kindNull kind = 0 // the kind of nil, which goes with every other
	kindTime      = kindMoment | kindWall
	kindDay       = kindTime | kindDate
	kindAny       = kindText | kindNumber | kindBool | kindDay
)

// String returns the kind in words for a person.
func (k kind) String() string {
	if k == kindNull {
		return "nothing"
	}
	var names []string
	for i, name := range []string{"a text", "a number", "true or false", "a date", "a moment", "a time without zone"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// attribute returns an attribute whose values are of that kind: a formula can fill
// whatever such an attribute can.
func (k kind) attribute() *crosswalk.Attribute {
	a := &crosswalk.Attribute{DisplayName: "The formula", Type: crosswalk.AttributeString}
	switch k {
	case kindNumber:
		a.Type = crosswalk.AttributeDecimal
	case kindBool:
		a.Type = crosswalk.AttributeBoolean
	case kindDate:
		a.Type, a.DateBehavior = crosswalk.AttributeDateTime, crosswalk.DateOnly
	case kindMoment:
		a.Type, a.DateBehavior = crosswalk.AttributeDateTime, crosswalk.DateUserLocal
	case kindWall:
		a.Type, a.DateBehavior = crosswalk.AttributeDateTime, crosswalk.DateTimeZoneIndependent
	}
	return a
}

// kindOf returns the kind of an attribute's values in a formula.
func kindOf(a *crosswalk.Attribute) kind {
	switch sourceKind(a) {
	case column.Int, column.Decimal:
		return kindNumber
	case column.Bool:
		return kindBool
	case column.Date:
		return kindDate
	case column.Time:
		if a.DateBehavior == crosswalk.DateTimeZoneIndependent {
			return kindWall
		}
		return kindMoment
	default:
		return kindText
	}
}

// value is a value in the computation of a formula. The zero value is null.
type value struct {
	kind   kind
	text   string
	number *apd.Decimal // never changed once it is in a value
	n      int64        // 0 or 1, days or microseconds
}

func textValue(s string) value         { return value{kind: kindText, text: s} }
func numberValue(d *apd.Decimal) value { return value{kind: kindNumber, number: d} }
func wholeValue(n int64) value         { return numberValue(apd.New(n, 0)) }

func boolValue(b bool) value {
	v := value{kind: kindBool}
	if b {
		v.n = 1
	}
	return v
}

func (v value) null() bool { return v.kind == kindNull }

// failure is why a formula has no value for a record. It travels as a panic inside
// the computation, and never beyond that.
type failure string

func fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// machine computes formulas over one row.
type machine struct {
	src  *column.Batch
	row  int
	work int
}

// charge accounts for n bytes of work, and bounds what a formula costs for one
// record.
func (m *machine) charge(n int) {
	if m.work += n + 8; m.work > maxFormulaWork {
		fail("it is too much work for one record")
	}
}

// made checks the size of a text before it is made.
func (m *machine) made(bytes int) {
	if bytes > maxFormulaText {
		fail("it makes a text of more than %d bytes", maxFormulaText)
	}
	m.charge(bytes)
}

// read returns the value of a source column.
func (m *machine) read(index int, k kind) value {
	c := &m.src.Columns[index]
	if !c.Valid[m.row] {
		return value{}
	}
	switch c.Kind {
	case column.Text:
		b := c.Bytes(m.row)
		m.charge(len(b))
		return textValue(string(b))
	case column.Decimal:
		return numberValue(parseNumber(string(c.Bytes(m.row))))
	case column.Int:
		return wholeValue(c.Ints[m.row])
	case column.GUID:
		return textValue(string(crosswalk.GSID(c.GUIDs[m.row]).AppendText36(nil)))
	default:
		return value{kind: k, n: c.Ints[m.row]}
	}
}

// parseNumber reads a number exactly.
func parseNumber(s string) *apd.Decimal {
	n, ok := splitNumber([]byte(s))
	if !ok {
		fail("%s is not a number", strconv.Quote(shorten(s, shownInMessage)))
	}
	if n.isZero() {
		return apd.New(0, int32(-min(len(n.frac), divisionDigits)))
	}
	if n.len() > maxFormulaDigits || max(n.point, -n.point) > maxFormulaDigits {
		fail("%s is too large a number", shorten(s, shownInMessage))
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		fail("%s is too large a number", shorten(s, shownInMessage))
	}
	return d
}

// written returns the value as text, empty for null.
func (v value) written() string {
	switch v.kind {
	case kindNumber:
		return v.number.Text('f')
	case kindBool:
		return strconv.FormatBool(v.n != 0)
	case kindDate:
		return time.Unix(v.n*86400, 0).UTC().Format(dateLayout)
	case kindMoment:
		return time.UnixMicro(v.n).UTC().Format(timeLayout)
	case kindWall:
		return time.UnixMicro(v.n).UTC().Format(wallLayout)
	}
	return v.text
}

// compare orders two values of one kind.
func (v value) compare(w value) int {
	switch v.kind {
	case kindText:
		return strings.Compare(v.text, w.text)
	case kindNumber:
		return v.number.Cmp(w.number)
	}
	switch {
	case v.n < w.n:
		return -1
	case v.n > w.n:
		return 1
	}
	return 0
}

// whole returns a number that must be whole; what says of what, for the failure.
func (v value) whole(what string) int {
	n, err := v.number.Int64()
	if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		fail("%s is not a whole number that can be %s", v.number.Text('f'), what)
	}
	return int(n)
}
