package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// The fiscal year begins with January and has four periods, as in an
// organization where nobody set it otherwise.
const fiscalPeriod = 3 // months

// fiscalOperators are the operators about fiscal years and periods that take
// no value.
var fiscalOperators = []string{
	"this-fiscal-year", "last-fiscal-year", "next-fiscal-year", "this-fiscal-period", "last-fiscal-period", "next-fiscal-period",
}

// fiscalNumbers are those that take a number.
var fiscalNumbers = []string{
	"in-fiscal-year", "last-x-fiscal-years", "next-x-fiscal-years", "last-x-fiscal-periods", "next-x-fiscal-periods",
}

// fiscal returns the moments that a condition on fiscal years and periods
// chooses, and false for other operators.
func (x *compiler) fiscal(operator string, texts []string) (from, to time.Time, is bool, err error) {
	which, rest, _ := strings.Cut(operator, "-")
	counted, unit, numbered := strings.Cut(rest, "-fiscal-")
	if !numbered {
		unit, numbered = strings.CutPrefix(rest, "fiscal-")
		counted = ""
	}
	if !numbered {
		return from, to, false, nil
	}
	months := 12
	if strings.HasPrefix(unit, "period") {
		months = fiscalPeriod
	}
	begin := time.Date(x.now.Year(), 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, (int(x.now.Month())-1)/months*months, 0)
	n := 1
	if counted == "x" || which == "in" {
		if n, err = strconv.Atoi(texts[0]); err != nil || n < 1 || n > 9999 {
			return from, to, true, badRequest("The value '%s' is not a number of fiscal years or periods.", texts[0])
		}
	}
	switch {
	case which == "this":
		return begin, begin.AddDate(0, months, 0), true, nil
	case which == "in" && unit == "year":
		from = time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(1, 0, 0), true, nil
	case which == "last":
		return begin.AddDate(0, -n*months, 0), begin, true, nil
	case which == "next":
		begin = begin.AddDate(0, months, 0)
		return begin, begin.AddDate(0, n*months, 0), true, nil
	}
	return from, to, false, nil
}
