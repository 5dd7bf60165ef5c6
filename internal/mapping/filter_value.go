package mapping

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// operand is a value with which an attribute is compared. Which fields are set
// depends on the attribute.
type operand struct {
	n      int64    // whole numbers, options, 0 and 1; days; microseconds
	day    bool     // a moment given as a day, which begins at n
	end    int64    // and ends here
	digits string   // numbers with decimals, in plain notation
	id     [16]byte // ids
	text   string   // texts
}

// operand reads a value of the attribute, and reports whether it is one at all.
func (c *compiler) operand(a *crosswalk.Attribute, v string) (o operand, ok bool) {
	switch sourceKind(a) {
	case column.Int:
		bits := 32
		if a.Type == crosswalk.AttributeBigInt {
			bits = 64
		}
		n, err := strconv.ParseInt(v, 10, bits)
		return operand{n: n}, err == nil
	case column.Decimal:
		b, code := appendDecimal(nil, []byte(v), allDecimals)
		return operand{digits: string(b)}, code == ""
	case column.Bool:
		if v == "true" {
			return operand{n: 1}, true
		}
		return operand{}, v == "false"
	case column.Date:
		t, ok := parseTime([]byte(v))
		return operand{n: t.days}, ok && len(v) == len(dateLayout)
	case column.Time:
		t, ok := parseTime([]byte(v))
		if !ok {
			return o, false
		}
		if len(v) == len(dateLayout) {
			return operand{day: true, n: c.begin(a, t.days), end: c.begin(a, t.days+1)}, true
		}
		return operand{n: t.days*microsecondsPerDay + t.micros}, true
	case column.GUID:
		return guidOperand(v)
	}
	if a.Type == crosswalk.AttributeMultiChoice {
		n, err := strconv.ParseInt(v, 10, 32)
		return operand{n: n}, err == nil
	}
	return operand{text: v}, utf8.ValidString(v) && !strings.ContainsRune(v, 0)
}

// guidOperand reads an id, with braces around it or without.
func guidOperand(v string) (o operand, ok bool) {
	id, ok := crosswalk.ParseGSID(strings.TrimSuffix(strings.TrimPrefix(v, "{"), "}"))
	return operand{id: id}, ok
}

// compare orders two values of the attribute.
func (o operand) compare(a *crosswalk.Attribute, p operand) int {
	if sourceKind(a) == column.Decimal {
		return compareNumbers([]byte(o.digits), []byte(p.digits))
	}
	return cmp.Compare(o.n, p.n)
}

// compareNumbers orders two numbers by their digits.
func compareNumbers(a, b []byte) int {
	x, _ := splitNumber(a)
	y, _ := splitNumber(b)
	sign := func(n *number) int {
		switch {
		case n.isZero():
			return 0
		case n.negative:
			return -1
		}
		return 1
	}
	s := sign(&x)
	if c := cmp.Compare(s, sign(&y)); c != 0 || s == 0 {
		return c
	}
	if c := cmp.Compare(x.point, y.point); c != 0 {
		return c * s
	}
	for i := range max(x.len(), y.len()) {
		if c := cmp.Compare(x.digit(i), y.digit(i)); c != 0 {
			return c * s
		}
	}
	return 0
}

// appendFolded appends a text in the form in which Dataverse's databases compare
// texts: without regard to case and accents.
func appendFolded(dst, text []byte) []byte {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return appendFoldedRunes(dst, text[i:])
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func appendFoldedRunes(dst, text []byte) []byte {
	for _, r := range string(norm.NFD.Bytes(text)) {
		if !unicode.Is(unicode.Mn, r) {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// appendEqual appends a text in the form in which texts are compared for equality:
// trailing spaces do not count, as everywhere in SQL.
func appendEqual(dst, text []byte) []byte {
	start := len(dst)
	dst = appendFolded(dst, text)
	return dst[:start+len(bytes.TrimRight(dst[start:], " "))]
}
