package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// Span is a length of time that reads and prints as text: 250ms, 90s, 8d.
type Span time.Duration

// String returns the text of the length.
func (s Span) String() string { return time.Duration(s).String() }

// MarshalText returns the text of the length.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a length as time.ParseDuration does, and whole days.
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
