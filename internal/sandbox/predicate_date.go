package sandbox

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func isDateOperator(operator string) bool {
	_, _, is, err := (&compiler{now: time.Unix(0, 0).UTC()}).span(operator, []string{"1"})
	return is || err != nil
}

// maxUnits is the largest number the operators with an X take.
const maxUnits = 100_000

// span returns the seconds since 1970 that a condition on dates chooses: from
// and up to, but without, to. The user's time zone is UTC and weeks begin on
// Sunday. It is false for operators that are not about dates.
func (x *compiler) span(operator string, texts []string) (from, to int64, is bool, err error) {
	today := time.Date(x.now.Year(), x.now.Month(), x.now.Day(), 0, 0, 0, 0, time.UTC)
	day := func(t time.Time, n int) time.Time { return t.AddDate(0, 0, n) }
	between := func(a, b time.Time) (int64, int64, bool, error) { return a.Unix(), b.Unix(), true, nil }
	switch operator {
	case "on", "on-or-after", "on-or-before":
		at, err := parseTime(texts[0])
		if err != nil {
			return 0, 0, false, badRequest("The value '%s' is not of type 'Edm.DateTimeOffset'.", texts[0])
		}
		at = at.UTC()
		first := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		from, to = first.Unix(), day(first, 1).Unix()
		switch operator {
		case "on-or-after":
			to = math.MaxInt64
		case "on-or-before":
			from = math.MinInt64
		}
		return from, to, true, nil
	case "today":
		return between(today, day(today, 1))
	case "yesterday":
		return between(day(today, -1), today)
	case "tomorrow":
		return between(day(today, 1), day(today, 2))
	case "last-seven-days":
		return between(day(today, -7), x.now)
	case "next-seven-days":
		return between(x.now, day(today, 8))
	}
	if from, to, is, err := x.fiscal(operator, texts); is || err != nil {
		return from.Unix(), to.Unix(), is, err
	}
	if unit, ok := strings.CutPrefix(operator, "olderthan-x-"); ok {
		at, err := x.shift(texts[0], unit, -1)
		return math.MinInt64, at.Unix(), true, err
	}
	if unit, ok := strings.CutPrefix(operator, "last-x-"); ok {
		at, err := x.shift(texts[0], unit, -1)
		if unit != "hours" {
			at = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		}
		return at.Unix(), x.now.Unix() + 1, true, err
	}
	if unit, ok := strings.CutPrefix(operator, "next-x-"); ok {
		at, err := x.shift(texts[0], unit, 1)
		if unit != "hours" {
			at = day(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC), 1)
		}
		return x.now.Unix(), at.Unix(), true, err
	}
	which, unit, _ := strings.Cut(operator, "-")
	n, ok := map[string]int{"this": 0, "last": -1, "next": 1}[which]
	if !ok {
		return 0, 0, false, nil
	}
	switch unit {
	case "week":
		first := day(today, -int(today.Weekday())+7*n)
		return between(first, day(first, 7))
	case "month":
		return between(time.Date(today.Year(), today.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC),
			time.Date(today.Year(), today.Month()+time.Month(n+1), 1, 0, 0, 0, 0, time.UTC))
	case "year":
		return between(time.Date(today.Year()+n, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(today.Year()+n+1, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return 0, 0, false, nil
}

// shift returns the moment so many units away.
func (x *compiler) shift(text, unit string, sign int) (time.Time, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || n > maxUnits {
		return x.now, badRequest("The value '%s' is not a positive number of %s.", text, unit)
	}
	n *= sign
	switch unit {
	case "minutes":
		return x.now.Add(time.Duration(n) * time.Minute), nil
	case "hours":
		return x.now.Add(time.Duration(n) * time.Hour), nil
	case "weeks":
		return x.now.AddDate(0, 0, 7*n), nil
	case "months":
		return x.now.AddDate(0, n, 0), nil
	case "years":
		return x.now.AddDate(n, 0, 0), nil
	}
	return x.now.AddDate(0, 0, n), nil
}
