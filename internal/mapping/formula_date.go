package mapping

import (
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// local returns the value as clocks and calendars in the zone show it.
func (v value) local(zone *time.Location) time.Time {
	switch v.kind {
	case kindDate:
		return time.Unix(v.n*86400, 0).UTC()
	case kindMoment:
		return time.UnixMicro(v.n).In(zone)
	default:
		return time.UnixMicro(v.n).UTC()
	}
}

// day returns the number of days from 1970 to the value's day in the zone.
func (v value) day(zone *time.Location) int64 {
	if v.kind == kindDate {
		return v.n
	}
	return dayOf(v.local(zone))
}

// dayOf returns the number of days from 1970 to the day of t in its own zone.
func dayOf(t time.Time) int64 {
	y, m, d := t.Date()
	return floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 86400)
}

// at returns the value moved to t, which came from local.
func (v value) at(t time.Time) value {
	if y := t.Year(); y < 1 || y > 9999 {
		fail("it comes to a date outside of the years 1 to 9999")
	}
	if v.kind == kindDate {
		v.n = dayOf(t)
	} else {
		v.n = t.UnixMicro()
	}
	return v
}

// addMonths returns the same day of a later month, or its last day when the
// month is shorter.
func addMonths(t time.Time, n int) time.Time {
	if n > 12*10_000 || n < -12*10_000 {
		fail("it comes to a date outside of the years 1 to 9999")
	}
	y, m, d := t.Date()
	last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	hour, minute, second := t.Clock()
	return time.Date(y, m+time.Month(n), min(d, last), hour, minute, second, t.Nanosecond(), t.Location())
}

// datePatterns are the elements of a pattern of formatDate, longer ones first.
var datePatterns = []struct{ pattern, layout string }{
	{"yyyy", "2006"},
	{"yy", "06"},
	{"MMMM", "January"},
	{"MMM", "Jan"},
	{"MM", "01"},
	{"M", "1"},
	{"dd", "02"},
	{"d", "2"},
	{"HH", "15"},
	{"mm", "04"},
	{"ss", "05"},
	{"EEEE", "Monday"},
	{"EEE", "Mon"},
}

// datePattern is a pattern cut into pieces: texts, and layouts of package
// time.
type datePattern []struct {
	text   string
	layout bool
}

// parseDatePattern reads a pattern such as yyyy-MM-dd HH:mm:ss; what stands between
// apostrophes is text. It returns what it could not read.
func parseDatePattern(s string) (p datePattern, bad string) {
	add := func(text string, layout bool) {
		p = append(p, struct {
			text   string
			layout bool
		}{text, layout})
	}
next:
	for s != "" {
		if s[0] == '\'' {
			text, rest, ok := strings.Cut(s[1:], "'")
			if !ok {
				return nil, s
			}
			add(text, false)
			s = rest
			continue
		}
		for _, d := range datePatterns {
			if rest, ok := strings.CutPrefix(s, d.pattern); ok {
				add(d.layout, true)
				s = rest
				continue next
			}
		}
		if c := s[0] | 0x20; c >= 'a' && c <= 'z' {
			return nil, s
		}
		add(s[:1], false)
		s = s[1:]
	}
	return p, ""
}

func (p datePattern) format(t time.Time) string {
	var b []byte
	for _, part := range p {
		if part.layout {
			b = t.AppendFormat(b, part.text)
		} else {
			b = append(b, part.text...)
		}
	}
	return string(b)
}

func dateFunctions() []*function {
	date := func(name, usage, does, example, result string) Function {
		return doc("date", name, usage, does, example, result)
	}
	piece := func(f func(time.Time) int) func(*checker, *machine, []value) value {
		return func(c *checker, _ *machine, a []value) value {
			return wholeValue(int64(f(a[0].local(c.zone))))
		}
	}
	return []*function{
		{
			Function: date("now", "now()", "The moment at which the run began.", "year(now()) > 2000", "true"),
			result:   kindMoment,
			call: func(c *checker, _ *machine, _ []value) value {
				return value{kind: kindMoment, n: c.now.UnixMicro()}
			},
		},
		{
			Function: date("today", "today()", "The day on which the run began.", "today() > date(\"2000-01-01\")", "true"),
			result:   kindDate,
			call: func(c *checker, _ *machine, _ []value) value {
				return value{kind: kindDate, n: dayOf(c.now.In(c.zone))}
			},
		},
		{
			Function: date("date", "date(value)", "The day of a moment, or a text such as 2026-01-31 read as a date.", `date("2026-01-31T10:00:00Z")`, "2026-01-31"),
			params:   []kind{kindText | kindDay}, result: kindDate,
			call: func(c *checker, _ *machine, a []value) value {
				if a[0].kind != kindText {
					return value{kind: kindDate, n: a[0].day(c.zone)}
				}
				t, ok := textMoment(a[0].text)
				if !ok {
					return value{}
				}
				return value{kind: kindDate, n: t.days}
			},
		},
		{
			Function: date("moment", "moment(text)", "A text such as 2026-01-31T10:00:00Z read as a moment.", `year(moment("2026-01-31T10:00:00+01:00"))`, "2026"),
			params:   []kind{kindText}, result: kindMoment,
			call: func(_ *checker, _ *machine, a []value) value {
				t, ok := textMoment(a[0].text)
				if !ok {
					return value{}
				}
				return value{kind: kindMoment, n: t.days*microsecondsPerDay + t.micros}
			},
		},
		{
			Function: date("addDays", "addDays(date, count)", "That many days later, or earlier when negative; the time of day stays.", `addDays(date("2026-02-27"), 2)`, "2026-03-01"),
			params:   []kind{kindDay, kindNumber}, special: moved("a number of days", addDays),
		},
		{
			Function: date("addMonths", "addMonths(date, count)", "The same day that many months later, or the last day of a shorter month.", `addMonths(date("2026-01-31"), 1)`, "2026-02-28"),
			params:   []kind{kindDay, kindNumber}, special: moved("a number of months", addMonths),
		},
		{
			Function: date("year", "year(date)", "The year.", `year(date("2026-01-31"))`, "2026"),
			params:   []kind{kindDay}, result: kindNumber, call: piece(time.Time.Year),
		},
		{
			Function: date("month", "month(date)", "The month, 1 to 12.", `month(date("2026-01-31"))`, "1"),
			params:   []kind{kindDay}, result: kindNumber, call: piece(func(t time.Time) int { return int(t.Month()) }),
		},
		{
			Function: date("day", "day(date)", "The day of the month, 1 to 31.", `day(date("2026-01-31"))`, "31"),
			params:   []kind{kindDay}, result: kindNumber, call: piece(time.Time.Day),
		},
		{
			Function: date("daysBetween", "daysBetween(from, to)", "The number of days from one date to another, negative when the second is earlier.", `daysBetween(date("2026-01-31"), date("2026-03-01"))`, "29"),
			params:   []kind{kindDay, kindDay}, result: kindNumber,
			call: func(c *checker, _ *machine, a []value) value { return wholeValue(a[1].day(c.zone) - a[0].day(c.zone)) },
		},
		{
			Function: date("formatDate", "formatDate(date, pattern)", "The date as text; the pattern consists of yyyy yy MMMM MMM MM M dd d HH mm ss EEEE EEE, other signs, and 'text between apostrophes'.", `formatDate(date("2026-01-31"), "d MMM yyyy")`, "31 Jan 2026"),
			params:   []kind{kindDay, kindText}, special: formatDate,
		},
	}
}

// textMoment reads a text as a moment. It reports false for an empty one.
func textMoment(s string) (moment, bool) {
	if s = strings.TrimSpace(s); s == "" {
		return moment{}, false
	}
	t, ok := parseTime([]byte(s))
	if !ok {
		fail("%s is not a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z", strconv.Quote(shorten(s, shownInMessage)))
	}
	return t, true
}

func addDays(t time.Time, n int) time.Time {
	if n > 366*10_000 || n < -366*10_000 {
		fail("it comes to a date outside of the years 1 to 9999")
	}
	return t.AddDate(0, 0, n)
}

// moved compiles a function that moves a date and gives one of the same kind.
func moved(what string, move func(time.Time, int) time.Time) func(*checker, ast.Node, []ast.Node) expression {
	return func(c *checker, node ast.Node, args []ast.Node) expression {
		d, n := c.check(args[0]), c.check(args[1])
		want(args[0], d, kindDay, "It")
		want(args[1], n, kindNumber, "It")
		return c.fold(node, strict(d.kind, d, n, func(_ *machine, v, w value) value {
			return v.at(move(v.local(c.zone), w.whole(what)))
		}), d, n)
	}
}

func formatDate(c *checker, node ast.Node, args []ast.Node) expression {
	d, pattern := c.check(args[0]), c.check(args[1])
	want(args[0], d, kindDay, "formatDate")
	if pattern.literal == nil {
		problem(args[1], `Write for example "yyyy-MM-dd".`, "The pattern must be a text in quotes.")
	}
	p, bad := parseDatePattern(*pattern.literal)
	if bad != "" {
		problem(args[1], "It consists of yyyy yy MMMM MMM MM M dd d HH mm ss EEEE EEE, other signs, and 'text between apostrophes'.",
			"%q is not part of a pattern.", shorten(bad, shownInMessage))
	}
	eval := d.eval
	return c.fold(node, expression{kind: kindText, eval: func(m *machine) value {
		v := eval(m)
		if v.null() {
			return v
		}
		m.charge(16 * len(p))
		return textValue(p.format(v.local(c.zone)))
	}}, d)
}
