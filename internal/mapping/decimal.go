package mapping

import (
	"bytes"
	"math"

	"github.com/crosswalk-data/crosswalk"
)

// allDecimals asks appendDecimal for every digit after the point.
const allDecimals = -1

// appendDecimal appends the number b in plain notation with exactly that many
// decimals, rounded half away from zero. It works on the digits, so that nothing
// passes through binary floating point. The result has no superfluous leading
// zeros and no minus before a zero; with allDecimals, trailing zeros stay.
func appendDecimal(dst, b []byte, decimals int) ([]byte, crosswalk.RejectCode) {
	n, ok := splitNumber(b)
	if !ok {
		return dst, crosswalk.RejectNotANumber
	}
	if decimals == allDecimals {
		decimals = max(n.len()-n.point, 0)
	}
	if n.isZero() {
		n.point = 0
		decimals = min(decimals, crosswalk.MaxDigits-1)
	}
	if n.point > crosswalk.MaxDigits-decimals || decimals >= crosswalk.MaxDigits {
		return dst, crosswalk.RejectNumberRange
	}
	start := len(dst)
	if n.negative {
		dst = append(dst, '-')
	}
	first := len(dst)
	if n.point <= 0 {
		dst = append(dst, '0')
	}
	for i := range n.point {
		dst = append(dst, n.digit(i))
	}
	if decimals > 0 {
		dst = append(dst, '.')
		for i := range decimals {
			dst = append(dst, n.digit(n.point+i))
		}
	}
	if n.digit(n.point+decimals) >= '5' {
		dst = increment(dst, first)
	}
	if n.negative && !bytes.ContainsAny(dst[first:], "123456789") {
		dst = append(dst[:start], dst[first:]...)
	}
	return dst, ""
}

// increment adds one to the last digit of the number that begins at first.
func increment(dst []byte, first int) []byte {
	for i := len(dst) - 1; i >= first; i-- {
		switch dst[i] {
		case '.':
		case '9':
			dst[i] = '0'
		default:
			dst[i]++
			return dst
		}
	}
	dst = append(dst, 0)
	copy(dst[first+1:], dst[first:])
	dst[first] = '1'
	return dst
}

// number is the digits of a number and the position of its point: 12.5e1 has the
// digits 12 and 5, and its point is 3. Leading zeros are not part of it.
type number struct {
	negative    bool
	whole, frac []byte
	point       int
}

func (n *number) len() int { return len(n.whole) + len(n.frac) }

// digit returns digit i; all others are zeros.
func (n *number) digit(i int) byte {
	switch {
	case i < 0 || i >= n.len():
		return '0'
	case i < len(n.whole):
		return n.whole[i]
	default:
		return n.frac[i-len(n.whole)]
	}
}

func (n *number) isZero() bool { return n.len() == 0 || n.digit(0) == '0' }

// splitNumber reads a number in decimal notation, with an exponent or
// without: a sign, digits with at most one point among or around them, and e
// with a whole number.
func splitNumber(b []byte) (number, bool) {
	var n number
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		n.negative = b[0] == '-'
		b = b[1:]
	}
	i := digits(b)
	n.whole, b = b[:i], b[i:]
	if len(b) > 0 && b[0] == '.' {
		i = digits(b[1:])
		n.frac, b = b[1:1+i], b[1+i:]
	}
	if n.len() == 0 {
		return n, false
	}
	exponent := int64(0)
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		i = 1
		if len(b) > 1 && (b[1] == '-' || b[1] == '+') {
			i = 2
		}
		d := digits(b[i:])
		if d == 0 {
			return n, false
		}
		for _, c := range b[i : i+d] {
			exponent = min(exponent*10+int64(c-'0'), math.MaxInt32)
		}
		if b[1] == '-' {
			exponent = -exponent
		}
		b = b[i+d:]
	}
	if len(b) > 0 {
		return n, false
	}
	n.point = len(n.whole)
	for len(n.whole) > 0 && n.whole[0] == '0' {
		n.whole = n.whole[1:]
		n.point--
	}
	n.trimFraction()
	n.point += int(exponent)
	return n, true
}

// trimFraction removes leading zeros from the fraction of a number below one, as
// long as another digit follows.
func (n *number) trimFraction() {
	if len(n.whole) > 0 {
		return
	}
	for i, c := range n.frac {
		if c != '0' {
			n.frac = n.frac[i:]
			n.point -= i
			return
		}
	}
}

// digits returns the number of digits with which b begins.
func digits(b []byte) int {
	i := 0
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// parseInt reads a whole number that fits an int64.
func parseInt(b []byte) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	n := int64(0) // counts down, since there is one more below zero
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n < math.MinInt64/10 || n*10 < math.MinInt64+d {
			return 0, false
		}
		n = n*10 - d
	}
	if negative {
		return n, true
	}
	if n == math.MinInt64 {
		return 0, false
	}
	return -n, true
}
