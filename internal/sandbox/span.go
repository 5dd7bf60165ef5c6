package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// Span is a duration that is read and printed as text: 250ms, 90s, 8d.
type Span time.Duration

// String returns the duration as text, without units that are 0.
func (s Span) String() string {
	const day = Span(24 * time.Hour)
	if s != 0 && s%day == 0 {
		return strconv.FormatInt(int64(s/day), 10) + "d"
	}
	text := time.Duration(s).String()
	if s%Span(time.Minute) == 0 && s != 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if s%Span(time.Hour) == 0 && s != 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText returns the duration as text.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a duration as time.ParseDuration does, and also whole
// days.
func (s *Span) UnmarshalText(text []byte) error {
	if n, ok := strings.CutSuffix(string(text), "d"); ok {
		if days, err := strconv.Atoi(n); err == nil {
			*s = Span(time.Duration(days) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}
