package mapping

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// The forms of dates in texts. A time of day keeps the fraction of the source, if
// there is one; those of Dataverse have none.
const (
	dateLayout = "2006-01-02"
	timeLayout = "2006-01-02T15:04:05.999999Z"
	wallLayout = "2006-01-02T15:04:05.999999"
)

const microsecondsPerDay = int64(24 * time.Hour / time.Microsecond)

// convert appends the value of src's row to dst and returns "", or else why it
// cannot; the caller then removes any bytes left in dst.
func (s *step) convert(src *column.Column, row int, dst *column.Column) crosswalk.RejectCode {
	if !src.Valid[row] {
		dst.AppendNull()
		return ""
	}
	switch s.op {
	case opText, opEmail, opURL:
		return s.text(src.Bytes(row), dst)
	case opTextToOption:
		return s.textToOption(src.Bytes(row), dst)
	case opTextToNumber:
		return s.textToNumber(src.Bytes(row), dst)
	case opTextToDate, opTextToTime:
		return s.textToDate(src.Bytes(row), dst)
	case opNumber:
		return s.number(src, row, dst)
	case opNumberToText:
		start := len(dst.Data)
		if src.Kind == column.Int {
			dst.Data = strconv.AppendInt(dst.Data, src.Ints[row], 10)
		} else {
			data, code := appendDecimal(dst.Data, src.Bytes(row), allDecimals)
			if code != "" {
				return malformed(code)
			}
			dst.Data = data
		}
		return s.endText(dst, start)
	case opBool:
		dst.AppendInt(s.truth(src.Ints[row]))
	case opBoolToNumber:
		return s.whole(s.truth(src.Ints[row]), dst)
	case opBoolToText:
		return s.boolToText(s.truth(src.Ints[row]), dst)
	case opTime, opDate:
		dst.AppendInt(src.Ints[row])
	case opTimeToDate:
		dst.AppendInt(s.day(src.Ints[row]))
	case opWallToDate:
		dst.AppendInt(floorDiv(src.Ints[row], microsecondsPerDay))
	case opDateToTime:
		dst.AppendInt(src.Ints[row] * microsecondsPerDay)
	case opTimeToText, opWallToText, opDateToText:
		return s.timeToText(src.Ints[row], dst)
	case opOption:
		return s.option(src.Ints[row], dst)
	case opOptionToText:
		start := len(dst.Data)
		s.appendLabel(dst, src.Ints[row])
		return s.endText(dst, start)
	case opMultiSelect, opOptionsToText, opOptionValues:
		return s.optionsToText(src.Bytes(row), dst)
	case opGUIDToText:
		start := len(dst.Data)
		dst.Data = crosswalk.GSID(src.GUIDs[row]).AppendText36(dst.Data)
		return s.endText(dst, start)
	}
	return ""
}

// text appends a text of the source as it is.
func (s *step) text(b []byte, dst *column.Column) crosswalk.RejectCode {
	if code := s.checkText(b); code != "" {
		return code
	}
	start := len(dst.Data)
	dst.Data = append(dst.Data, b...)
	return s.endText(dst, start)
}

// checkText reports what is wrong with a text other than its length.
func (s *step) checkText(b []byte) crosswalk.RejectCode {
	switch {
	case !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0:
		return crosswalk.RejectInvalidText
	case s.op == opEmail && len(b) > 0 && !crosswalk.IsEmail(b):
		return crosswalk.RejectNotAnEmail
	case s.op == opURL && len(b) > 0 && !crosswalk.IsWebAddress(b):
		return crosswalk.RejectNotAURL
	}
	return ""
}

// endText ends the text that begins at start, cut to the field's length if
// the job says so.
func (s *step) endText(dst *column.Column, start int) crosswalk.RejectCode {
	if limit := s.field.MaxLength; limit > 0 && len(dst.Data)-start > limit {
		if end := start + prefix(dst.Data[start:], limit); end < len(dst.Data) {
			if !s.truncate {
				return crosswalk.RejectTooLong
			}
			dst.Data = dst.Data[:end]
		}
	}
	dst.EndBytes()
	return ""
}

// prefix returns the number of bytes of the first n characters of b.
func prefix(b []byte, n int) int {
	i := 0
	for ; n > 0 && i < len(b); n-- {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return i
}

func (s *step) textToNumber(b []byte, dst *column.Column) crosswalk.RejectCode {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		dst.AppendNull()
		return ""
	}
	return s.decimal(b, dst)
}

func (s *step) textToDate(b []byte, dst *column.Column) crosswalk.RejectCode {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		dst.AppendNull()
		return ""
	}
	t, ok := parseTime(b)
	if !ok {
		return crosswalk.RejectNotADate
	}
	if s.op == opTextToDate {
		dst.AppendInt(t.days) // as written, whatever the offset
	} else {
		dst.AppendInt(t.days*microsecondsPerDay + t.micros)
	}
	return ""
}

func (s *step) number(src *column.Column, row int, dst *column.Column) crosswalk.RejectCode {
	if src.Kind == column.Int {
		return s.whole(src.Ints[row], dst)
	}
	return malformed(s.decimal(src.Bytes(row), dst))
}

// malformed adapts the code for values that came as JSON numbers: one that cannot
// be read is not the wrong text but of the wrong type.
func malformed(code crosswalk.RejectCode) crosswalk.RejectCode {
	if code == crosswalk.RejectNotANumber {
		return crosswalk.RejectMalformed
	}
	return code
}

// whole appends a whole number, padded with the field's decimals.
func (s *step) whole(n int64, dst *column.Column) crosswalk.RejectCode {
	if dst.Kind == column.Int {
		dst.AppendInt(n)
		return ""
	}
	dst.Data = strconv.AppendInt(dst.Data, n, 10)
	dst.Data = append(dst.Data, '.')
	for range s.field.Decimals {
		dst.Data = append(dst.Data, '0')
	}
	dst.EndBytes()
	return ""
}

// decimal appends a number in decimal notation, rounded to the field's
// decimals.
func (s *step) decimal(b []byte, dst *column.Column) crosswalk.RejectCode {
	if dst.Kind == column.Decimal {
		data, code := appendDecimal(dst.Data, b, s.field.Decimals)
		if code != "" {
			return code
		}
		dst.Data = data
		dst.EndBytes()
		return ""
	}
	var buf [crosswalk.MaxDigits + 2]byte
	text, code := appendDecimal(buf[:0], b, 0)
	if code != "" {
		return code
	}
	n, ok := parseInt(text)
	if !ok {
		return crosswalk.RejectNumberRange
	}
	dst.AppendInt(n)
	return ""
}

// day returns the day of a moment in the mapping's time zone.
func (s *step) day(micros int64) int64 {
	if s.zone != nil {
		_, offset := time.UnixMicro(micros).In(s.zone).Zone()
		micros += int64(offset) * 1e6
	}
	return floorDiv(micros, microsecondsPerDay)
}

func (s *step) truth(v int64) int64 {
	if s.negate {
		return 1 - v
	}
	return v
}

func (s *step) boolToText(v int64, dst *column.Column) crosswalk.RejectCode {
	start := len(dst.Data)
	label, ok := s.labels[v]
	if !ok {
		label = strconv.FormatBool(v != 0)
	}
	dst.Data = append(dst.Data, label...)
	return s.endText(dst, start)
}

func (s *step) timeToText(v int64, dst *column.Column) crosswalk.RejectCode {
	start := len(dst.Data)
	switch s.op {
	case opTimeToText:
		dst.Data = time.UnixMicro(v).UTC().AppendFormat(dst.Data, timeLayout)
	case opWallToText:
		dst.Data = time.UnixMicro(v).UTC().AppendFormat(dst.Data, wallLayout)
	default:
		dst.Data = time.Unix(v*86400, 0).UTC().AppendFormat(dst.Data, dateLayout)
	}
	return s.endText(dst, start)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
