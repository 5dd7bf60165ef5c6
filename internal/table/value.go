package table

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

const (
	microsADay  = 24 * 60 * 60 * 1e6
	maxDigits   = 1000 // of a decimal, before and behind the point together
	maxExponent = 1000
)

// The days and moments that have a year of four digits.
var (
	minDay  = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
	maxDay  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix() / 86400
	minTime = minDay * microsADay
	maxTime = (maxDay+1)*microsADay - 1
)

// appendText appends the text of the value in row i of c, as SQLite stores
// it. Decimals are appended as they stand.
func appendText(b []byte, c *column.Column, i int) []byte {
	switch c.Kind {
	case column.Int:
		return strconv.AppendInt(b, c.Ints[i], 10)
	case column.Bool:
		return strconv.AppendBool(b, c.Ints[i] != 0)
	case column.Time:
		return appendTime(b, c.Ints[i])
	case column.Date:
		return appendDate(b, c.Ints[i])
	case column.GUID:
		return appendGUID(b, c.GUIDs[i])
	default:
		return append(b, c.Bytes(i)...)
	}
}

// textOf returns the text of the value in row i of c.
func textOf(c *column.Column, i int) string {
	if c.Kind == column.Text || c.Kind == column.Decimal {
		return string(c.Bytes(i))
	}
	return string(appendText(nil, c, i))
}

// appendDate appends a day as 2006-01-02. The days are those since
// 1970-01-01; the year must have four digits.
func appendDate(b []byte, day int64) []byte {
	// From a count of days to a date of the Gregorian calendar: years begin
	// in March, so that the leap day is the last of its year, and 400 years
	// have 146097 days. Day 719468 is 1970-01-01 counted from 0000-03-01.
	z := day + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m, y := mp+3, yoe+era*400
	if m > 12 {
		m, y = m-12, y+1
	}
	b = appendPair(appendPair(b, y/100), y%100)
	b = appendPair(append(b, '-'), m)
	return appendPair(append(b, '-'), d)
}

// appendTime appends a moment in database.TimeFormat. Microseconds are cut
// off.
func appendTime(b []byte, micros int64) []byte {
	day := floorDiv(micros, microsADay)
	ms := (micros - day*microsADay) / 1000
	b = append(appendDate(b, day), 'T')
	b = append(appendPair(b, ms/3600000), ':')
	b = append(appendPair(b, ms/60000%60), ':')
	b = append(appendPair(b, ms/1000%60), '.')
	return append(appendPair(append(b, byte('0'+ms/100%10)), ms%100), 'Z')
}

func appendPair(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func appendGUID(b []byte, id [16]byte) []byte {
	b = append(hex.AppendEncode(b, id[0:4]), '-')
	b = append(hex.AppendEncode(b, id[4:6]), '-')
	b = append(hex.AppendEncode(b, id[6:8]), '-')
	b = append(hex.AppendEncode(b, id[8:10]), '-')
	return hex.AppendEncode(b, id[10:16])
}

// appendDecimal appends the number in text with exactly that many digits
// behind the point, so that equal numbers have equal texts. Further digits are
// rounded, half away from zero. It reports false, with b unchanged, when text
// is not a number in JSON's notation or is too long to store.
func appendDecimal(b []byte, text []byte, decimals int) ([]byte, bool) {
	start := len(b)
	i, negative := 0, false
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		negative = text[i] == '-'
		i++
	}
	digits := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	whole := text[digits:i]
	var fraction []byte
	if i < len(text) && text[i] == '.' {
		i++
		digits = i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		fraction = text[digits:i]
	}
	if len(whole)+len(fraction) == 0 || len(whole)+len(fraction) > maxDigits {
		return b, false
	}
	exponent := 0
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		e, err := strconv.Atoi(string(text[i+1:]))
		if err != nil || e > maxExponent || e < -maxExponent {
			return b, false
		}
		exponent, i = e, len(text)
	}
	if i != len(text) {
		return b, false
	}
	// digit k of the number, counted from the first written one; the point
	// stands before digit point.
	at := func(k int) byte {
		switch {
		case k < 0:
			return '0'
		case k < len(whole):
			return whole[k]
		case k-len(whole) < len(fraction):
			return fraction[k-len(whole)]
		}
		return '0'
	}
	point := len(whole) + exponent
	if negative {
		b = append(b, '-')
	}
	first := len(b)
	b = append(b, '0') // room for a carry
	for k := min(0, point); k < point; k++ {
		if c := at(k); c != '0' || len(b) > first+1 {
			b = append(b, c)
		}
	}
	units := len(b)
	for k := point; k < point+decimals; k++ {
		b = append(b, at(k))
	}
	if at(point+decimals) >= '5' {
		for k := len(b) - 1; ; k-- {
			if b[k] != '9' {
				b[k]++
				break
			}
			b[k] = '0'
		}
	}
	if b[first] == '0' && units > first+1 { // no carry: its room goes
		copy(b[first:], b[first+1:])
		b = b[:len(b)-1]
		units--
	}
	if decimals > 0 {
		b = append(b, 0)
		copy(b[units+1:], b[units:])
		b[units] = '.'
	}
	if negative && isZero(b[first:]) {
		copy(b[start:], b[first:])
		b = b[:len(b)-1]
	}
	return b, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isZero(number []byte) bool {
	for _, c := range number {
		if c != '0' && c != '.' {
			return false
		}
	}
	return true
}
