package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// How many characters are shown: of a value in a message and in a reject, and of
// each text in the record of a reject.
const (
	shownInMessage = 80
	shownInValue   = 1000
	shownInRecord  = 10_000
)

// reject makes the reject of a row of src that could not be mapped.
func (p *Plan) reject(src *column.Batch, row int, f refusal) crosswalk.Reject {
	r := crosswalk.Reject{Code: f.code, Record: Record(src, row)}
	key := &src.Columns[0]
	if key.Valid[row] {
		r.SourceID = string(appendValue(nil, key, row))
	}
	s := f.step
	if s == nil {
		r.Message = "The record has no key (" + key.Name + ")."
		return r
	}
	var value string
	if s.source >= 0 {
		if c := &src.Columns[s.source]; c.Valid[row] {
			value = string(appendValue(nil, c, row))
		}
		if s.op == opOption || s.op == opMultiSelect {
			value = s.shownOptions(value)
		}
	} else if s.more != nil && s.more.formula != nil {
		value = s.more.formula.shown(src, row)
	}
	r.Field = s.name
	r.Value = shorten(value, shownInValue)
	if r.Message = f.message; r.Message == "" {
		r.Message = message(s, f.code, value)
	}
	return r
}

// malformed makes the reject of a row with a value that its source column could not
// hold.
func (p *Plan) malformed(src *column.Batch, bad column.Bad) crosswalk.Reject {
	r := crosswalk.Reject{Code: crosswalk.RejectMalformed, Value: shorten(bad.Value, shownInValue), Record: Record(src, bad.Row)}
	key, c := &src.Columns[0], &src.Columns[bad.Column]
	if key.Valid[bad.Row] {
		r.SourceID = string(appendValue(nil, key, bad.Row))
	}
	name := "The record"
	if s := p.reader(bad.Column); s != nil {
		r.Field, name = s.name, s.display
	} else if bad.Column == 0 {
		name = "The record's key"
	}
	r.Message = fmt.Sprintf("%s: Dynamics sent %s for %s, which is not a value of its type.", name, shorten(bad.Value, shownInMessage), c.Name)
	return r
}

// reader returns the first step that reads that column of Source, or nil.
func (p *Plan) reader(source int) *step {
	i := slices.IndexFunc(p.steps, func(s step) bool { return slices.Contains(s.reads, source) })
	if i < 0 {
		return nil
	}
	return &p.steps[i]
}

// message says why the step could not fill its field.
func message(s *step, code crosswalk.RejectCode, value string) string {
	name := s.display
	shown := strconv.Quote(shorten(value, shownInMessage))
	switch code {
	case crosswalk.RejectTooLong:
		return fmt.Sprintf("%s takes %d characters at most and the value is longer: %s.", name, s.field.MaxLength, shown)
	case crosswalk.RejectNotAnEmail:
		return fmt.Sprintf("%s: %s is not an e-mail address.", name, shown)
	case crosswalk.RejectNotAURL:
		return fmt.Sprintf("%s: %s is not a web address.", name, shown)
	case crosswalk.RejectNotANumber:
		return fmt.Sprintf("%s: %s cannot be read as a number.", name, shown)
	case crosswalk.RejectNotADate:
		return fmt.Sprintf("%s: %s cannot be read as a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z.", name, shown)
	case crosswalk.RejectNumberRange:
		return fmt.Sprintf("%s: %s is too large a number.", name, shown)
	case crosswalk.RejectRequiredEmpty:
		return fmt.Sprintf("%s is required and the record has no value for it.", name)
	case crosswalk.RejectIdentifierEmpty:
		return fmt.Sprintf("%s is an identifier and the record has no value for it, so its row cannot be found.", name)
	case crosswalk.RejectUnknownOption:
		return fmt.Sprintf("%s has no option %s%s.", name, shown, s.options.whyNot())
	case crosswalk.RejectInvalidText:
		return fmt.Sprintf("%s: the text holds a character that cannot be stored: %s.", name, shown)
	default:
		return fmt.Sprintf("%s: %s is not a value of its attribute's type.", name, shown)
	}
}

// shorten returns the first n characters of s as text that every database can
// store.
func shorten(s string, n int) string {
	b := []byte(s[:min(len(s), n*utf8.UTFMax)])
	s = strings.ToValidUTF8(string(b[:prefix(b, n)]), "\ufffd")
	return strings.ReplaceAll(s, "\x00", "\u2400")
}

// Record returns a row of a batch as a JSON object; for a source batch, that is the
// record as it was read. Texts are cut to their first 10,000 characters.
func Record(batch *column.Batch, row int) string {
	b := []byte{'{'}
	for i := range batch.Columns {
		c := &batch.Columns[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, c.Name)
		b = append(b, ':')
		if j := slices.IndexFunc(batch.Bad, func(x column.Bad) bool { return x.Row == row && x.Column == i }); j >= 0 {
			b = appendJSON(b, batch.Bad[j].Value) // as text: it may be shortened
			continue
		}
		b = appendMember(b, c, row)
	}
	return string(append(b, '}'))
}

func appendMember(b []byte, c *column.Column, row int) []byte {
	if !c.Valid[row] {
		return append(b, "null"...)
	}
	switch c.Kind {
	case column.Text:
		v := c.Bytes(row)
		return appendJSON(b, string(v[:prefix(v, shownInRecord)]))
	case column.Int, column.Decimal, column.Bool:
		if v := appendValue(nil, c, row); json.Valid(v) {
			return append(b, v...)
		}
	}
	return appendJSON(b, string(appendValue(nil, c, row)))
}

// appendJSON appends s as a JSON string; bytes that are not UTF-8 become
// U+FFFD.
func appendJSON(b []byte, s string) []byte {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("mapping: a string that cannot be encoded: " + err.Error()) // there is none
	}
	return append(b, strings.TrimSuffix(out.String(), "\n")...)
}

// appendValue appends a value that is not null, as the source writes it.
func appendValue(b []byte, c *column.Column, row int) []byte {
	switch c.Kind {
	case column.Text, column.Decimal:
		return append(b, c.Bytes(row)...)
	case column.Bool:
		return strconv.AppendBool(b, c.Ints[row] != 0)
	case column.Time:
		return time.UnixMicro(c.Ints[row]).UTC().AppendFormat(b, timeLayout)
	case column.Date:
		return time.Unix(c.Ints[row]*86400, 0).UTC().AppendFormat(b, dateLayout)
	case column.GUID:
		return crosswalk.GSID(c.GUIDs[row]).AppendText36(b)
	default:
		return strconv.AppendInt(b, c.Ints[row], 10)
	}
}
