package odata

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
)

// AppendGUID appends id to b as a literal: bare, in lower case. Dataverse
// refuses the form of older versions, guid'…'.
func AppendGUID(b []byte, id [16]byte) []byte {
	return crosswalk.GSID(id).AppendText36(b)
}

// AppendTime appends t to b as a literal in UTC, with as many decimals of the
// second as it needs, at most nine.
func AppendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.999999999Z")
}

// AppendQuery appends s to b in the form it needs in the query of an address:
// whatever is not allowed there, or has a meaning of its own, is percent-encoded.
// A slash stays between the names of a path and is encoded inside strings, where
// OData's grammar (pchar-no-SQUOTE) does not allow it. Spaces become %20, never a
// plus sign.
func AppendQuery(b []byte, s string) []byte {
	const plain = "-._~'(),:@$!*="
	const digits = "0123456789ABCDEF"
	quoted := false
	for i := range len(s) {
		c := s[i]
		if c == '\'' {
			quoted = !quoted
		}
		if isDigit(c) || c|0x20-'a' < 26 || strings.IndexByte(plain, c) >= 0 || c == '/' && !quoted {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// shorten cuts s to at most n bytes, at the edge of a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// parseTime reads a DateTimeOffset (OData ABNF, dateTimeOffsetValue) and
// returns microseconds since 1970.
func parseTime(s []byte) (int64, bool) {
	if len(s) < 17 || s[10] != 'T' && s[10] != 't' || s[13] != ':' {
		return 0, false
	}
	days, ok := parseDate(s[:10])
	hour, ok1 := two(s[11:])
	minute, ok2 := two(s[14:])
	if !ok || !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false
	}
	t := days*86400 + hour*3600 + minute*60
	s = s[16:]
	var micros int64
	if s[0] == ':' {
		if len(s) < 4 {
			return 0, false
		}
		second, ok := two(s[1:])
		if !ok || second > 59 {
			return 0, false
		}
		t += second
		s = s[3:]
		if s[0] == '.' {
			n := 1
			scale := int64(100_000)
			for ; n < len(s) && isDigit(s[n]); n++ {
				micros += int64(s[n]-'0') * scale
				scale /= 10
			}
			if n == 1 || n == len(s) {
				return 0, false
			}
			s = s[n:]
		}
	}
	switch {
	case len(s) == 1 && (s[0] == 'Z' || s[0] == 'z'):
	case len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':':
		h, ok1 := two(s[1:])
		m, ok2 := two(s[4:])
		if !ok1 || !ok2 || h > 23 || m > 59 {
			return 0, false
		}
		offset := h*3600 + m*60
		if s[0] == '+' {
			offset = -offset
		}
		t += offset
	default:
		return 0, false
	}
	return t*1_000_000 + micros, true
}

// parseDate reads a date of ten characters and returns days since 1970.
func parseDate(s []byte) (int64, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, ok1 := two(s)
	year, ok2 := two(s[2:])
	month, ok3 := two(s[5:])
	day, ok4 := two(s[8:])
	year += century * 100
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysFrom(year, month, day), true
}

// two reads the two digits with which s, of at least two bytes, begins.
func two(s []byte) (int64, bool) {
	return int64(s[0]-'0')*10 + int64(s[1]-'0'), isDigit(s[0]) && isDigit(s[1])
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFrom returns the number of days from 1970-01-01 to a day of the
// Gregorian calendar in the years from 1 on. Years are counted from March, so
// that the leap day is the last of its year.
func daysFrom(year, month, day int64) int64 {
	month -= 3
	if month < 0 {
		month += 12
		year--
	}
	return year*365 + year/4 - year/100 + year/400 + (month*153+2)/5 + day - 1 - 719_468
}
