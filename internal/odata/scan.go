package odata

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Masks for looking at eight bytes at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func isDigit(c byte) bool { return c-'0' <= 9 }

// space returns the index of the first byte from i on that is not white
// space.
func (d *decoder) space(i int) int {
	for buf := d.buf; buf[i] <= ' '; i++ {
		switch buf[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return i // also at the end of the window
		}
	}
	return i
}

// text checks the string whose opening quote is at i and returns the index of
// its closing quote and whether it holds no escapes.
func (d *decoder) text(i int) (end int, plain bool) {
	buf := d.buf[:d.n]
	i++
	start := i
	var wide uint64
	plain = true
	for {
		for i+8 <= len(buf) {
			w := binary.LittleEndian.Uint64(buf[i:])
			wide |= w & highs
			// The high bit of a byte of m is set where w holds a quote, a
			// backslash or a control character. A borrow can set a wrong bit,
			// but only after a right one.
			q, b := w^(ones*'"'), w^(ones*'\\')
			m := ((q-ones)&^q | (b-ones)&^b | (w-ones*' ')&^w) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(buf) && buf[i] != '"' && buf[i] != '\\' && buf[i] >= ' ' {
			wide |= uint64(buf[i]) & 0x80
			i++
		}
		if i >= len(buf) {
			return short, false
		}
		switch buf[i] {
		case '"':
			if wide != 0 && !utf8.Valid(buf[start:i]) {
				return d.bad(start, "a text is not UTF-8"), false
			}
			return i, plain
		case '\\':
			plain = false
			if i = d.escape(i); i < 0 {
				return i, false
			}
		default:
			return d.bad(i, "a text holds a control character"), false
		}
	}
}

// escape checks the escape whose backslash is at i and returns the index after it.
func (d *decoder) escape(i int) int {
	switch d.buf[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j >= d.n || unhex[d.buf[j]] < 0 {
				return d.bad(j, "an escape is not four hexadecimal digits")
			}
		}
		return i + 6
	}
	return d.bad(i+1, "an unknown escape")
}

// unhex is the value of a hexadecimal digit, and -1 for any other byte.
var unhex = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int8(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = int8(10 + i)
	}
	return t
}()

// appendUnescaped appends the text whose checked content is src to b.
// Surrogates without their other half become U+FFFD.
func appendUnescaped(b, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] != '\\' {
			j := i + 1
			for j < len(src) && src[j] != '\\' {
				j++
			}
			b = append(b, src[i:j]...)
			i = j
			continue
		}
		switch c := src[i+1]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := unit16(src[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(src) >= i+8 && src[i+2] == '\\' && src[i+3] == 'u' {
					low = unit16(src[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
		i += 2
	}
	return b
}

// unit16 returns the value of the escape with which src begins: \u and four
// hexadecimal digits, which have been checked.
func unit16(src []byte) rune {
	return rune(unhex[src[2]])<<12 | rune(unhex[src[3]])<<8 | rune(unhex[src[4]])<<4 | rune(unhex[src[5]])
}

// number checks the number that begins at i and returns the index after it, and
// whether it has neither fraction nor exponent.
func (d *decoder) number(i int) (end int, whole bool) {
	buf := d.buf
	if buf[i] == '-' {
		i++
	}
	switch c := buf[i]; {
	case c == '0':
		i++
	case isDigit(c):
		for i++; isDigit(buf[i]); i++ {
		}
	default:
		return d.bad(i, "no digit where a number needs one"), false
	}
	whole = true
	if buf[i] == '.' {
		whole = false
		if i++; !isDigit(buf[i]) {
			return d.bad(i, "no digit follows a decimal point"), false
		}
		for i++; isDigit(buf[i]); i++ {
		}
	}
	if c := buf[i]; c == 'e' || c == 'E' {
		whole = false
		i++
		if c := buf[i]; c == '+' || c == '-' {
			i++
		}
		if !isDigit(buf[i]) {
			return d.bad(i, "no digit in an exponent"), false
		}
		for i++; isDigit(buf[i]); i++ {
		}
	}
	if i >= d.n {
		return short, false // it may go on beyond the window
	}
	return i, whole
}

// literal checks that lit stands at i and returns the index after it.
func (d *decoder) literal(i int, lit string) int {
	have := d.buf[i:min(i+len(lit), d.n)]
	switch {
	case string(have) == lit:
		return i + len(lit)
	case strings.HasPrefix(lit, string(have)):
		return short
	}
	return d.bad(i, "an unknown word")
}

// skip checks the value that begins at i and returns the index after it. depth is
// how many values it lies in.
func (d *decoder) skip(i, depth int) int {
	switch d.buf[i] {
	case '"':
		end, _ := d.text(i)
		if end < 0 {
			return end
		}
		return end + 1
	case 'n':
		return d.literal(i, "null")
	case 't':
		return d.literal(i, "true")
	case 'f':
		return d.literal(i, "false")
	case '{', '[':
		if depth >= deepest {
			return d.bad(i, "values are nested too deeply")
		}
		return d.skipNested(i, depth+1)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		end, _ := d.number(i)
		return end
	}
	return d.bad(i, "no value where one is expected")
}

func (d *decoder) skipNested(i, depth int) int {
	object := d.buf[i] == '{'
	end := byte(']')
	if object {
		end = '}'
	}
	i = d.space(i + 1)
	if d.buf[i] == end {
		return i + 1
	}
	for {
		if object {
			if _, i = d.key(i); i < 0 {
				return i
			}
			i = d.space(i)
		}
		if i = d.skip(i, depth); i < 0 {
			return i
		}
		i = d.space(i)
		switch d.buf[i] {
		case end:
			return i + 1
		case ',':
			i = d.space(i + 1)
		default:
			return d.bad(i, "no comma where one is expected")
		}
	}
}

// key reads the key that begins at i and its colon. The key stays valid until
// the next one is read.
func (d *decoder) key(i int) (key []byte, end int) {
	if d.buf[i] != '"' {
		return nil, d.bad(i, "no name where a member is expected")
	}
	end, plain := d.text(i)
	if end < 0 {
		return nil, end
	}
	key = d.buf[i+1 : end]
	if !plain {
		d.scratch = appendUnescaped(d.scratch[:0], key)
		key = d.scratch
	}
	end = d.space(end + 1)
	if d.buf[end] != ':' {
		return nil, d.bad(end, "no colon follows a name")
	}
	return key, end + 1
}
