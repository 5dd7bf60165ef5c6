package sandbox

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
)

// keyIndex finds rows by the values of an alternate key. All moments of a
// table share it: it knows which rows ever had the values, and who asks looks
// whether one still has.
type keyIndex struct {
	mu      sync.Mutex
	written map[string][]int32          // rows that were written with the values
	made    map[string]map[string]int32 // by key: the first generated row with the values
}

// keyText returns the columns and values as text that is the same for values
// that are equal, and false where one is null.
func keyText(b []byte, columns []*attribute, read func(a *attribute, v *value)) ([]byte, bool) {
	var v value
	for _, a := range columns {
		v.null()
		read(a, &v)
		b = strconv.AppendInt(append(b, 0), int64(a.index), 10)
		b = append(b, 1)
		switch v.kind {
		case kindNull:
			return nil, false
		case kindText:
			b = bytes.TrimRight(fold(b, v.text), " ") // as compareFold has it
		case kindDecimal:
			v.fraction, v.digits = v.fraction*powers[12-v.digits], 12
			b = v.appendDecimal(b)
		default:
			b = v.append(b)
		}
	}
	return b, true
}

// note remembers the values of the alternate keys of a row that was written.
func (x *keyIndex) note(t *table, row int) {
	for _, columns := range t.alternateKeys() {
		text, ok := keyText(nil, columns, func(a *attribute, v *value) { t.value(row, a, v) })
		if !ok {
			continue
		}
		x.mu.Lock()
		if x.written == nil {
			x.written = map[string][]int32{}
		}
		if rows := x.written[string(text)]; !slices.Contains(rows, int32(row)) {
			x.written[string(text)] = append(slices.Clip(rows), int32(row))
		}
		x.mu.Unlock()
	}
}

// candidates returns the rows that were ever written with the values.
func (x *keyIndex) candidates(text []byte) []int32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.written[string(text)]
}

// first returns the first row that was generated with the values. The first
// that asks for a key goes through all rows.
func (x *keyIndex) first(t *table, columns []*attribute, text []byte) (int, bool) {
	var name []byte
	for _, a := range columns {
		name = strconv.AppendInt(append(name, ','), int64(a.index), 10)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	rows, ok := x.made[string(name)]
	if !ok {
		rows = map[string]int32{}
		var b []byte
		for row := range t.rows {
			values, ok := keyText(b[:0], columns, func(a *attribute, v *value) { t.columns[a.index](row, v) })
			if !ok {
				continue
			}
			if _, known := rows[string(values)]; !known {
				rows[string(values)] = int32(row)
			}
			b = values
		}
		if x.made == nil {
			x.made = map[string]map[string]int32{}
		}
		x.made[string(name)] = rows
	}
	row, ok := rows[string(text)]
	return int(row), ok
}
