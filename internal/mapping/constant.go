package mapping

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// fixed is a constant or a default: one value of a field, ready to be
// appended.
type fixed struct {
	data []byte // of a text or a decimal
	n    int64  // of all others
}

// append adds the value to a column of its field's kind.
func (v *fixed) append(d *column.Column) {
	if d.Kind == column.Text || d.Kind == column.Decimal {
		d.AppendBytes(v.data)
	} else {
		d.AppendInt(v.n)
	}
}

// constant checks a constant or a default against the step's field. It notes a
// problem and returns nil when the field cannot hold it.
func (c *compiler) constant(at string, st *step, text string) *fixed {
	f := st.field
	if f.Type == crosswalk.FieldLookup || f.Type == crosswalk.FieldGSID {
		return nil // already reported for the field
	}
	normal, err := f.Normalize(text)
	if err != nil {
		c.problems.AddHint(at, "Give a value that the field can hold.", "%s cannot hold it: %s", f.DisplayName, err.Error())
		return nil
	}
	v := &fixed{}
	switch column.KindFor(f) {
	case column.Int:
		v.n, _ = strconv.ParseInt(normal, 10, 64) // Normalize checked it
	case column.Bool:
		if normal == "true" {
			v.n = 1
		}
	case column.Date:
		t, _ := parseTime([]byte(normal))
		v.n = t.days
	case column.Time:
		t, _ := time.Parse(time.RFC3339Nano, normal)
		v.n = t.UnixMicro()
	default:
		v.data = []byte(normal)
	}
	if st.options == nil {
		return v
	}
	labels := []string{normal}
	if f.Type == crosswalk.FieldMultiSelect {
		labels = strings.Split(normal, ";")
	}
	var settled [][]byte
	for _, label := range labels {
		label = strings.TrimSpace(label)
		known, ok := st.options.settle([]byte(label))
		if !ok {
			c.problems.AddHint(at, "Choose one of its options.", "%s has no option %q%s.", f.DisplayName, label, st.options.whyNot())
			return nil
		}
		settled = append(settled, []byte(known))
	}
	v.data = bytes.Join(settled, []byte("; "))
	return v
}
