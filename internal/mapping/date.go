package mapping

import (
	"bytes"
	"time"
)

// moment is a date or a moment as written: the day that it names, and the distance
// of the moment, in UTC, from midnight of that day; an offset can move it into
// another day.
type moment struct{ days, micros int64 }

// parseTime reads 2006-01-02, alone or followed by T or a space and a time of day,
// with or without seconds, their fraction and an offset. A time without an offset
// is UTC. Forms in which day and month can be confused are refused.
func parseTime(b []byte) (moment, bool) {
	var m moment
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return m, false
	}
	year, ok1 := pair(b, 0, 99)
	years, ok2 := pair(b, 2, 99)
	month, ok3 := pair(b, 5, 12)
	day, ok4 := pair(b, 8, 31)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return m, false
	}
	t := time.Date(year*100+years, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() < 1 || int(t.Month()) != month || t.Day() != day {
		return m, false
	}
	m.days = floorDiv(t.Unix(), 86400)
	if b = b[10:]; len(b) == 0 {
		return m, true
	}
	if b[0] != 'T' && b[0] != 't' && b[0] != ' ' {
		return m, false
	}
	rest, ok := m.clock(b[1:])
	return m, ok && m.offset(rest)
}

// clock reads the time of day and returns what follows it.
func (m *moment) clock(b []byte) ([]byte, bool) {
	if len(b) < 5 || b[2] != ':' {
		return b, false
	}
	hour, ok1 := pair(b, 0, 23)
	minute, ok2 := pair(b, 3, 59)
	if !ok1 || !ok2 {
		return b, false
	}
	m.micros = int64(hour*60+minute) * 60e6
	if b = b[5:]; len(b) == 0 || b[0] != ':' {
		return b, true
	}
	second, ok := pair(b, 1, 60) // a leap second counts as the next second
	if !ok {
		return b, false
	}
	m.micros += int64(second) * 1e6
	if b = b[3:]; len(b) == 0 || b[0] != '.' {
		return b, true
	}
	n := digits(b[1:])
	if n == 0 {
		return b, false
	}
	unit := int64(1e5)
	for _, c := range b[1 : 1+n] {
		m.micros += int64(c-'0') * unit
		unit /= 10
	}
	return b[1+n:], true
}

// offset reads Z, ±hh:mm, ±hhmm or nothing.
func (m *moment) offset(b []byte) bool {
	if b = bytes.TrimSpace(b); len(b) == 0 || len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return true
	}
	if len(b) == 6 && b[3] == ':' {
		hour, ok1 := pair(b, 1, 23)
		minute, ok2 := pair(b, 4, 59)
		return ok1 && ok2 && m.shift(b[0], hour, minute)
	}
	if len(b) == 5 {
		hour, ok1 := pair(b, 1, 23)
		minute, ok2 := pair(b, 3, 59)
		return ok1 && ok2 && m.shift(b[0], hour, minute)
	}
	return false
}

func (m *moment) shift(sign byte, hour, minute int) bool {
	by := int64(hour*60+minute) * 60e6
	switch sign {
	case '+':
		m.micros -= by
	case '-':
		m.micros += by
	default:
		return false
	}
	return true
}

// pair reads the two digits at b[i:]. It reports false when they are not digits or
// exceed limit.
func pair(b []byte, i, limit int) (int, bool) {
	if i+1 >= len(b) || digits(b[i:i+2]) != 2 {
		return 0, false
	}
	n := int(b[i]-'0')*10 + int(b[i+1]-'0')
	return n, n <= limit
}
