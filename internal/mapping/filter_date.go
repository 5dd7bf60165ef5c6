package mapping

import (
	"strconv"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// maxDays is the largest number of days that a condition takes: 100 years.
const maxDays = 36_525

// isRelative reports whether a comparison is relative to the start of the run.
func isRelative(op crosswalk.Comparison) bool {
	switch op {
	case crosswalk.LastDays, crosswalk.NextDays, crosswalk.OlderThanDays,
		crosswalk.Today, crosswalk.Yesterday, crosswalk.Tomorrow, crosswalk.ThisWeek, crosswalk.LastWeek,
		crosswalk.ThisMonth, crosswalk.LastMonth, crosswalk.ThisYear, crosswalk.LastYear:
		return true
	}
	return false
}

// relative makes the term of a comparison that is relative to the start of the
// run. Dataverse has functions for most of these, but they use the time zone of
// the user who reads, and their weeks begin on Sunday.
func (c *compiler) relative(at string, t *term, f *crosswalk.Condition) *term {
	a := t.trail.attribute
	n := 0
	if len(f.Values) > 0 {
		var err error
		if n, err = strconv.Atoi(f.Values[0]); err != nil || n < 1 || n > maxDays {
			c.problems.AddHint(at+"values[0]", "Give a number from 1 to 36525.", "%q is not a number of days.", f.Values[0])
			return nil
		}
	}
	now := c.in.Now.In(c.location()).Truncate(time.Second)
	today := dayOf(now)
	begin := func(day int64) operand { return operand{n: c.begin(a, day)} }
	moment := operand{n: now.UnixMicro()}
	if a.DateBehavior == crosswalk.DateTimeZoneIndependent {
		moment.n = wallOf(now)
	}
	switch f.Operator {
	case crosswalk.OlderThanDays:
		return t.compare(crosswalk.Less, begin(today-int64(n)))
	case crosswalk.LastDays:
		if sourceKind(a) == column.Date {
			return t.span(begin(today-int64(n)), begin(today+1))
		}
		return &term{op: opAnd, terms: []*term{
			t.compare(crosswalk.GreaterOrEqual, begin(today-int64(n))), t.compare(crosswalk.LessOrEqual, moment),
		}}
	case crosswalk.NextDays:
		if sourceKind(a) == column.Date {
			moment = begin(today)
		}
		return t.span(moment, begin(today+int64(n)+1))
	}
	from, to := days(f.Operator, now)
	return t.span(begin(from), begin(to))
}

// days returns the days from one to, but not including, another that a name stands
// for.
func days(op crosswalk.Comparison, now time.Time) (from, to int64) {
	today := dayOf(now)
	y, m, _ := now.Date()
	first := func(y int, m time.Month) int64 { return dayOf(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)) }
	monday := today - int64(now.Weekday()+6)%7
	switch op {
	case crosswalk.Yesterday:
		return today - 1, today
	case crosswalk.Tomorrow:
		return today + 1, today + 2
	case crosswalk.ThisWeek:
		return monday, monday + 7
	case crosswalk.LastWeek:
		return monday - 7, monday
	case crosswalk.ThisMonth:
		return first(y, m), first(y, m+1)
	case crosswalk.LastMonth:
		return first(y, m-1), first(y, m)
	case crosswalk.ThisYear:
		return first(y, 1), first(y+1, 1)
	case crosswalk.LastYear:
		return first(y-1, 1), first(y, 1)
	default:
		return today, today + 1
	}
}

// begin returns the value of the attribute with which a day begins: the day itself
// for dates, midnight as shown for times without a zone, and for moments midnight
// in the mapping's zone.
func (c *compiler) begin(a *crosswalk.Attribute, day int64) int64 {
	switch {
	case sourceKind(a) == column.Date:
		return day
	case a.DateBehavior == crosswalk.DateTimeZoneIndependent:
		return day * microsecondsPerDay
	default:
		return midnight(day, c.location()).UnixMicro()
	}
}

// midnight returns the first moment of a day in a zone.
func midnight(day int64, zone *time.Location) time.Time {
	y, m, d := time.Unix(day*86400, 0).UTC().Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	since, _ := time.Date(y, m, d, 12, 0, 0, 0, zone).ZoneBounds()
	if since.IsZero() {
		return t
	}
	_, offset := since.Add(-time.Second).In(zone).Zone()
	before := time.Unix(day*86400-int64(offset), 0).In(zone)
	switch {
	case before.Before(since) && before.Before(t):
		return before // the clocks are put back to midnight, which comes twice
	case t.Day() != d:
		return since.In(zone) // they are put forward at midnight, which never comes
	}
	return t
}

// wallOf returns the value that Dataverse gives for a wall clock's time.
func wallOf(t time.Time) int64 {
	y, m, d := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(y, m, d, hour, minute, second, 0, time.UTC).UnixMicro()
}
