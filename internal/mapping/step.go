package mapping

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// step fills one column of a batch.
type step struct {
	op             op
	source, target int // columns; no source is -1
	field          *crosswalk.Field
	name, display  string // of the field in rejects, and to people
	reads          []int  // columns of Source
	labels         map[int64]string
	choices        map[int64]*choice
	options        *options // of a dropdown
	zone           *time.Location
	negate         bool
	truncate       bool
	empty          crosswalk.RejectCode // why an empty value is refused; "" when it is not
	more           *more                // nil for a plain attribute
}

// more is what a step does beyond taking the value of one attribute.
type more struct {
	constant  *fixed   // in place of an attribute
	formula   *formula // in place of an attribute
	paths     []step   // attributes to read while the value is empty
	otherwise *fixed   // in place of an empty value
	lower     bool     // texts become lower-case
	match     bool     // an empty text is null
}

// used reports whether there is any more to do.
func (m *more) used() bool {
	return m.constant != nil || m.formula != nil || len(m.paths) > 0 || m.otherwise != nil || m.lower || m.match
}

// refusal is why a row of a batch cannot be mapped. A nil step means that the key is
// missing. A message replaces the usual one of the code.
type refusal struct {
	step    *step
	code    crosswalk.RejectCode
	message string
}

// fill appends the value of src's row to d, for a step that does more than take the
// value of one attribute.
func (s *step) fill(src *column.Batch, row int, d *column.Column) (f refusal) {
	n, start, m := len(d.Valid), len(d.Data), s.more
	switch {
	case m.constant != nil:
		m.constant.append(d)
	case m.formula != nil:
		if f.code, f.message = m.formula.convert(src, row, d); f.code == "" {
			f.code = s.check(d, n, start)
		}
	default:
		f.code = s.convert(&src.Columns[s.source], row, d)
	}
	if f.step = s; f.code != "" {
		return f
	}
	for i := 0; i < len(m.paths) && isEmpty(d, n, start); i++ {
		d.Truncate(n)
		f.step = &m.paths[i]
		if f.code = f.step.convert(&src.Columns[f.step.source], row, d); f.code != "" {
			return f
		}
	}
	switch {
	case !isEmpty(d, n, start):
		if m.lower {
			replaceText(d, start, bytes.ToLower(d.Data[start:]))
		}
		if m.match && s.options != nil {
			if option, ok := s.options.settle(bytes.TrimSpace(d.Data[start:])); ok {
				replaceText(d, start, []byte(option))
			}
		}
	case m.otherwise != nil:
		d.Truncate(n)
		m.otherwise.append(d)
	case m.match && d.Valid[n]:
		d.Truncate(n)
		d.AppendNull()
	}
	return f
}

// isEmpty reports whether the value of row n, whose bytes begin at start, is
// null or an empty text.
func isEmpty(d *column.Column, n, start int) bool {
	return !d.Valid[n] || d.Kind == column.Text && len(d.Data) == start
}

// replaceText replaces the last text, which begins at start.
func replaceText(d *column.Column, start int, text []byte) {
	d.Data = append(d.Data[:start], text...)
	d.Ends[len(d.Ends)-1] = len(d.Data)
}

// check checks a computed text in row n against the field.
func (s *step) check(d *column.Column, n, start int) crosswalk.RejectCode {
	if d.Kind != column.Text || !d.Valid[n] {
		return ""
	}
	text := bytes.Clone(d.Data[start:])
	if code := s.checkText(text); code != "" {
		return code
	}
	switch s.field.Type {
	case crosswalk.FieldEmail:
		if len(text) > 0 && !crosswalk.IsEmail(text) {
			return crosswalk.RejectNotAnEmail
		}
	case crosswalk.FieldURL:
		if len(text) > 0 && !crosswalk.IsWebAddress(text) {
			return crosswalk.RejectNotAURL
		}
	case crosswalk.FieldDropdown:
		d.Truncate(n)
		d.Data = append(d.Data, text...)
		return s.endOption(d, start)
	case crosswalk.FieldMultiSelect:
		d.Truncate(n)
		return s.namedOptions(text, d)
	}
	if limit := s.field.MaxLength; limit > 0 && utf8.RuneCount(text) > limit {
		if !s.truncate {
			return crosswalk.RejectTooLong
		}
		d.Data = d.Data[:start+prefix(text, limit)]
		d.Ends[n] = len(d.Data)
	}
	return ""
}
