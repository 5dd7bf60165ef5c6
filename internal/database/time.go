package database

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// TimeFormat is the one form in which SQLite keeps moments: UTC with
// milliseconds. As text it sorts by time.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// Time is a moment as an argument of a statement and as a target of Scan, on
// both databases, to the millisecond. The zero Time is NULL.
type Time struct{ time.Time }

// FormatTime returns t in TimeFormat.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }

// TimeOf returns *t, or the zero Time when t is nil.
func TimeOf(t *time.Time) Time {
	if t == nil {
		return Time{}
	}
	return Time{*t}
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return FormatTime(t.Time), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case time.Time:
		t.Time = v.UTC()
	case string:
		parsed, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fmt.Errorf("database: not a moment: %q", v)
		}
		t.Time = parsed.UTC()
	case []byte:
		return t.Scan(string(v))
	default:
		return fmt.Errorf("database: not a moment: %T", src)
	}
	return nil
}

// Ptr returns the moment, or nil for the zero Time.
func (t Time) Ptr() *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}
