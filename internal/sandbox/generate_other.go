package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// Elastic tables are kept in another kind of database, and virtual ones by
// others altogether: their keys are in the order of their text, and changes
// are not tracked.

// virtual reports whether the rows are kept elsewhere.
func (t *table) virtual() bool { return t.raw.text("TableType") == "Virtual" }

// orderIDs compares two keys.
func orderIDs(textual bool, a, b guid) int {
	if textual {
		return bytes.Compare(a[:], b[:])
	}
	return a.compare(b)
}

// order compares two keys as the table orders them.
func (t *table) order(a, b guid) int { return orderIDs(t.textual, a, b) }

// textualID returns the key of a generated row, so that keys ascend in the
// order of their text.
func (t *table) textualID(row int) guid {
	h := t.hash(row, 0x1d)
	g := hashGUID(h)
	binary.BigEndian.PutUint32(g[0:], uint32(3*row)+uint32(h%3))
	return g
}

// wrapped returns the inner cookie as links show it: that of a virtual table
// is its provider's own.
func (s *scan) wrapped(cookie string) string {
	if s.t.virtual() {
		return base64.StdEncoding.EncodeToString([]byte(cookie))
	}
	return cookie
}

// unwrapped undoes wrapped.
func (s *scan) unwrapped(cookie string) (string, error) {
	if !s.t.virtual() {
		return cookie, nil
	}
	text, err := base64.StdEncoding.DecodeString(cookie)
	return string(text), err
}

// namedOther makes the columns of the elastic and the virtual table.
func (t *table) namedOther(a *attribute) generator {
	switch a.name {
	case "new_name":
		prefix := map[string]string{"new_telemetry": "sensor-", "new_erporder": "SO-"}[t.name]
		return func(row int, v *value) { v.setText(prefix + strconv.Itoa(1000+row)) }
	case "partitionid":
		return func(row int, v *value) { v.setText("plant-" + strconv.Itoa(row%7)) }
	case "ttlinseconds":
		return nothing
	}
	return nil
}
