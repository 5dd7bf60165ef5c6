package sandbox

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// kind says which members of a value count.
type kind uint8

const (
	kindNull    kind = iota
	kindText         // text
	kindInt          // n
	kindBool         // n: 0 or 1
	kindDecimal      // n and fraction with digits digits, negative
	kindDouble       // f
	kindTime         // n: seconds since 1970
	kindDate         // n: days since 1970
	kindGUID         // id; of a lookup also target and row
)

// value is the value of one column of one row. It is reused from row to row,
// and with it the memory of its text.
type value struct {
	kind     kind
	digits   uint8
	negative bool
	n        int64
	fraction int64
	f        float64
	id       guid
	text     []byte
	target   string // table a lookup points to
	row      int    // and its row, -1 when the table has none here
}

func (v *value) null()                 { v.kind = kindNull }
func (v *value) setInt(n int64)        { v.kind, v.n = kindInt, n }
func (v *value) setDouble(f float64)   { v.kind, v.f = kindDouble, f }
func (v *value) setTime(seconds int64) { v.kind, v.n = kindTime, seconds }
func (v *value) setDate(days int64)    { v.kind, v.n = kindDate, days }
func (v *value) setGUID(g guid)        { v.kind, v.id, v.target = kindGUID, g, "" }
func (v *value) setText(s string)      { v.kind, v.text = kindText, append(v.text[:0], s...) }

func (v *value) setBool(b bool) {
	v.kind, v.n = kindBool, 0
	if b {
		v.n = 1
	}
}

func (v *value) setDecimal(whole, fraction int64, digits uint8) {
	v.kind, v.n, v.fraction, v.digits, v.negative = kindDecimal, whole, fraction, digits, false
}

var powers = [...]int64{1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// append adds the value as JSON.
func (v *value) append(b []byte) []byte {
	switch v.kind {
	case kindText:
		return appendString(b, v.text)
	case kindInt:
		return strconv.AppendInt(b, v.n, 10)
	case kindBool:
		return strconv.AppendBool(b, v.n != 0)
	case kindDecimal:
		return v.appendDecimal(b)
	case kindDouble:
		return strconv.AppendFloat(b, v.f, 'f', -1, 64)
	case kindTime:
		b = append(b, '"')
		b = appendTime(b, v.n)
		return append(b, '"')
	case kindDate:
		b = append(b, '"')
		b = appendDate(b, v.n)
		return append(b, '"')
	case kindGUID:
		b = append(b, '"')
		return append(v.id.append(b), '"')
	}
	return append(b, "null"...)
}

// appendDecimal adds the number with all its digits, as Dataverse does.
func (v *value) appendDecimal(b []byte) []byte {
	if v.negative && (v.n != 0 || v.fraction != 0) {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, v.n, 10)
	if v.digits == 0 {
		return b
	}
	b = append(b, '.')
	n := len(b)
	for range v.digits {
		b = append(b, '0')
	}
	for i, f := n+int(v.digits)-1, v.fraction; f > 0; i, f = i-1, f/10 {
		b[i] = byte('0' + f%10)
	}
	return b
}

// appendTime adds the form 2023-04-07T21:59:01Z.
func appendTime(b []byte, seconds int64) []byte {
	days := floorDiv(seconds, 86400)
	s := seconds - days*86400
	b = appendDate(b, days)
	return append(b, 'T', byte('0'+s/36000), byte('0'+s/3600%10), ':', byte('0'+s/600%6), byte('0'+s/60%10),
		':', byte('0'+s%60/10), byte('0'+s%10), 'Z')
}

// appendDate adds the form 2023-04-07 (H. Hinnant, "chrono-Compatible
// Low-Level Date Algorithms", civil_from_days).
func appendDate(b []byte, days int64) []byte {
	y, m, d := civil(days)
	return append(b, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

func civil(days int64) (y, m, d int64) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// days returns the number of days from 1970 to a date.
func days(year int, month time.Month, day int) int64 {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// compare orders two values that are not null and of one kind: texts without
// regard to case, GUIDs as SQL Server does.
func (v *value) compare(w *value) int {
	switch v.kind {
	case kindText:
		return compareFold(v.text, w.text)
	case kindDecimal:
		return v.compareDecimal(w)
	case kindDouble:
		return cmp.Compare(v.f, w.f)
	case kindGUID:
		return v.id.compare(w.id)
	}
	return cmp.Compare(v.n, w.n)
}

func (v *value) compareDecimal(w *value) int {
	if v.negative != w.negative {
		if v.negative {
			return -1
		}
		return 1
	}
	c := cmp.Compare(v.n, w.n)
	if c == 0 {
		c = cmp.Compare(v.fraction*powers[12-v.digits], w.fraction*powers[12-w.digits])
	}
	if v.negative {
		return -c
	}
	return c
}

// compareFold compares texts without regard to case, accents and spaces at
// the end.
func compareFold(a, b []byte) int {
	if !isASCII(a) || !isASCII(b) {
		return bytes.Compare(bytes.TrimRight(fold(nil, a), " "), bytes.TrimRight(fold(nil, b), " "))
	}
	a, b = bytes.TrimRight(a, " "), bytes.TrimRight(b, " ")
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold appends a text in small letters without accents, as the databases of
// Dataverse compare them.
func fold(b, text []byte) []byte {
	if isASCII(text) {
		for _, c := range text {
			b = append(b, lower(c))
		}
		return b
	}
	for _, r := range norm.NFD.String(string(text)) {
		if !unicode.In(r, unicode.Mn) {
			b = utf8.AppendRune(b, unicode.ToLower(r))
		}
	}
	return b
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// parseDecimal reads the text of a number exactly, to 12 digits after the
// point.
func (v *value) parseDecimal(s string) bool {
	negative := strings.HasPrefix(s, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	if len(fraction) > 12 {
		fraction = fraction[:12]
	}
	if whole == "" {
		whole = "0"
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return false
	}
	var f int64
	if fraction != "" {
		if f, err = strconv.ParseInt(fraction, 10, 64); err != nil {
			return false
		}
	}
	v.setDecimal(n, f, uint8(len(fraction)))
	v.negative = negative && (n != 0 || f != 0)
	return true
}
