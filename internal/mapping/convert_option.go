package mapping

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// appendLabel appends the label of the option, or the number when it has
// none: rows keep the values of options deleted long ago.
func (s *step) appendLabel(dst *column.Column, value int64) {
	if label, ok := s.labels[value]; ok {
		dst.Data = append(dst.Data, label...)
		return
	}
	dst.Data = strconv.AppendInt(dst.Data, value, 10)
}

// textToOption appends the option that a text stands for.
func (s *step) textToOption(b []byte, dst *column.Column) crosswalk.RejectCode {
	if code := s.checkText(b); code != "" {
		return code
	}
	start := len(dst.Data)
	dst.Data = append(dst.Data, bytes.TrimSpace(b)...)
	return s.endOption(dst, start)
}

// option appends the label of a choice as an option of the field.
func (s *step) option(value int64, dst *column.Column) crosswalk.RejectCode {
	c := s.choices[value]
	if c != nil {
		if text := c.text.Load(); text != nil {
			dst.Data = append(dst.Data, *text...)
			dst.EndBytes()
			return ""
		}
	}
	start := len(dst.Data)
	s.appendLabel(dst, value)
	code := s.endOption(dst, start)
	if c != nil && code == "" && len(dst.Data) > start {
		text := string(dst.Data[start:])
		c.text.Store(&text)
	}
	return code
}

// endOption ends the label that begins at start, as the option that it stands
// for.
func (s *step) endOption(dst *column.Column, start int) crosswalk.RejectCode {
	label := bytes.TrimSpace(dst.Data[start:])
	if end := prefix(label, s.limit(len(label))); end < len(label) {
		if !s.truncate {
			return crosswalk.RejectTooLong
		}
		label = label[:end]
	}
	if len(label) == 0 {
		dst.Data = dst.Data[:start]
		dst.AppendNull()
		return ""
	}
	option, ok := s.options.settle(label)
	dst.Data = dst.Data[:start]
	switch {
	case ok:
		dst.Data = append(dst.Data, option...)
		dst.EndBytes()
	case s.options.policy == crosswalk.OptionNull:
		dst.AppendNull()
	default:
		return crosswalk.RejectUnknownOption
	}
	return ""
}

// limit returns the greatest length of the field's texts, n when it has none.
func (s *step) limit(n int) int {
	if s.field.MaxLength > 0 {
		return s.field.MaxLength
	}
	return n
}

// optionsToText appends the labels of "1,9" as "Swimming; Camping", or the values
// themselves, in ascending order: the order in which Dataverse sends them is not
// documented, and a different one must not look like a change.
func (s *step) optionsToText(b []byte, dst *column.Column) crosswalk.RejectCode {
	start := len(dst.Data)
	var room [16]int64
	values := room[:0]
	for rest, more := b, true; more; {
		var one []byte
		if i := bytes.IndexByte(rest, ','); i >= 0 {
			one, rest = rest[:i], rest[i+1:]
		} else {
			one, more = rest, false
		}
		one = bytes.TrimSpace(one)
		if len(one) == 0 {
			continue
		}
		value, ok := parseInt(one)
		if !ok {
			return crosswalk.RejectMalformed
		}
		values = append(values, value)
	}
	slices.Sort(values)
	if s.op == opMultiSelect {
		return s.severalOptions(values, dst)
	}
	for i, value := range values {
		switch {
		case s.op == opOptionValues && i > 0:
			dst.Data = append(dst.Data, ',')
		case i > 0:
			dst.Data = append(dst.Data, "; "...)
		}
		if s.op == opOptionValues {
			dst.Data = strconv.AppendInt(dst.Data, value, 10)
		} else {
			s.appendLabel(dst, value)
		}
	}
	return s.endText(dst, start)
}

// severalOptions appends the labels of choices as options of the field, leaving
// out those that are to be null.
func (s *step) severalOptions(values []int64, dst *column.Column) crosswalk.RejectCode {
	start := len(dst.Data)
	for _, value := range values {
		from := beginOption(dst, start)
		s.appendLabel(dst, value)
		if !s.settleOption(dst, start, from) {
			return crosswalk.RejectUnknownOption
		}
	}
	return s.endOptions(dst, start, len(values))
}

// namedOptions appends the labels of a text such as "Swimming; Camping" as
// severalOptions does those of choices.
func (s *step) namedOptions(text []byte, dst *column.Column) crosswalk.RejectCode {
	start, n := len(dst.Data), 0
	for label := range bytes.SplitSeq(text, []byte{';'}) {
		if label = bytes.TrimSpace(label); len(label) == 0 {
			continue
		}
		n++
		from := beginOption(dst, start)
		dst.Data = append(dst.Data, label...)
		if !s.settleOption(dst, start, from) {
			return crosswalk.RejectUnknownOption
		}
	}
	return s.endOptions(dst, start, n)
}

// beginOption sets off another option from those before it, and returns where
// it begins.
func beginOption(dst *column.Column, start int) int {
	if len(dst.Data) > start {
		dst.Data = append(dst.Data, "; "...)
	}
	return len(dst.Data)
}

// settleOption turns the label that begins at from into an option of the field, or
// removes it when it is there already or is to be null. It reports false when the
// label is not an option.
func (s *step) settleOption(dst *column.Column, start, from int) bool {
	end := max(from-len("; "), start)
	option, ok := s.options.settle(bytes.TrimSpace(dst.Data[from:]))
	switch {
	case ok && end > start && has(dst.Data[start:end], option):
		dst.Data = dst.Data[:end] // labels that differ only in case are one option
	case ok:
		dst.Data = append(dst.Data[:from], option...)
	case s.options.policy == crosswalk.OptionNull:
		dst.Data = dst.Data[:end]
	default:
		return false
	}
	return true
}

// endOptions ends the options, of which n were given.
func (s *step) endOptions(dst *column.Column, start, n int) crosswalk.RejectCode {
	if n > 0 && len(dst.Data) == start {
		dst.AppendNull()
		return ""
	}
	return s.endText(dst, start)
}

// has reports whether the option is among those of a multi-select.
func has(options []byte, option string) bool {
	for one := range bytes.SplitSeq(options, []byte("; ")) {
		if string(one) == option {
			return true
		}
	}
	return false
}

// shownOptions returns the labels of choices, given as read, for a message.
func (s *step) shownOptions(values string) string {
	var labels []byte
	for _, text := range strings.Split(values, ",") {
		value, ok := parseInt([]byte(strings.TrimSpace(text)))
		if !ok {
			return values
		}
		if len(labels) > 0 {
			labels = append(labels, "; "...)
		}
		if label, ok := s.labels[value]; ok {
			labels = append(labels, label...)
		} else {
			labels = strconv.AppendInt(labels, value, 10)
		}
	}
	return string(labels)
}
