package mapping

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/crosswalk-data/crosswalk"
)

// exact computes without rounding; an operation that would have to round fails.
var exact = apd.Context{
	Precision: maxFormulaDigits, MaxExponent: 2 * maxFormulaDigits, MinExponent: -2 * maxFormulaDigits,
	Traps: apd.DefaultTraps | apd.Inexact,
}

// quotient rounds to divisionDigits, half away from zero.
var quotient = apd.Context{
	Precision: divisionDigits, MaxExponent: 2 * maxFormulaDigits, MinExponent: -2 * maxFormulaDigits,
	Traps: apd.DefaultTraps, Rounding: apd.RoundHalfUp,
}

// rounding returns a context like exact that can be asked to round.
func rounding(r apd.Rounder) *apd.Context {
	c := exact
	c.Traps, c.Rounding = apd.DefaultTraps, r
	return &c
}

var (
	halfUp = rounding(apd.RoundHalfUp)
	cut    = rounding(apd.RoundDown)
)

// whole returns the nearest whole number that is not below a, or not above it. The
// library's own rounding up and down treats small numbers as zero.
func whole(a *apd.Decimal, up bool) *apd.Decimal {
	d := rounded(cut, a, 0)
	switch {
	case up && d.Cmp(a) < 0:
		return computed(exact.Add, d, one)
	case !up && d.Cmp(a) > 0:
		return computed(exact.Sub, d, one)
	}
	return d
}

// arithmetic is the arithmetic operators.
var arithmetic = map[string]func(a, b *apd.Decimal) *apd.Decimal{
	"+": func(a, b *apd.Decimal) *apd.Decimal { return computed(exact.Add, a, b) },
	"-": func(a, b *apd.Decimal) *apd.Decimal { return computed(exact.Sub, a, b) },
	"*": func(a, b *apd.Decimal) *apd.Decimal { return computed(exact.Mul, a, b) },
	"/": func(a, b *apd.Decimal) *apd.Decimal {
		if b.IsZero() {
			fail("it divides by zero")
		}
		return plain(computed(quotient.Quo, a, b))
	},
	"%": func(a, b *apd.Decimal) *apd.Decimal {
		if b.IsZero() {
			fail("it divides by zero")
		}
		return computed(exact.Rem, a, b)
	},
}

func computed(op func(d, a, b *apd.Decimal) (apd.Condition, error), a, b *apd.Decimal) *apd.Decimal {
	d := new(apd.Decimal)
	if _, err := op(d, a, b); err != nil {
		fail("it comes to a number of more than %d digits", maxFormulaDigits)
	}
	if d.IsZero() {
		d.Negative = false
	}
	return d
}

// plain removes trailing zeros from the decimals.
func plain(d *apd.Decimal) *apd.Decimal {
	if d.Reduce(d); d.Exponent > 0 {
		return computed(exact.Add, d, zero)
	}
	return d
}

// rounded returns a with at most that many decimals; a negative number of them
// rounds to tens and hundreds.
func rounded(c *apd.Context, a *apd.Decimal, decimals int) *apd.Decimal {
	if decimals > crosswalk.MaxDigits || decimals < -crosswalk.MaxDigits {
		fail("a number cannot be rounded to %d decimals", decimals)
	}
	if a.Exponent >= int32(-decimals) {
		return a
	}
	d := new(apd.Decimal)
	if _, err := c.Quantize(d, a, int32(-decimals)); err != nil {
		fail("it comes to a number of more than %d digits", maxFormulaDigits)
	}
	if d.IsZero() {
		d.Negative = false
	}
	return d
}

var zero, one = apd.New(0, 0), apd.New(1, 0)

func numberFunctions() []*function {
	number := func(name, usage, does, example, result string) Function {
		return doc("number", name, usage, does, example, result)
	}
	to := func(up bool) func(*checker, *machine, []value) value {
		return func(_ *checker, _ *machine, a []value) value { return numberValue(whole(a[0].number, up)) }
	}
	extreme := func(sign int) func(*checker, *machine, []value) value {
		return func(_ *checker, _ *machine, a []value) value {
			best := a[0]
			for _, v := range a[1:] {
				if v.compare(best)*sign > 0 {
					best = v
				}
			}
			return best
		}
	}
	return []*function{
		{
			Function: number("abs", "abs(number)", "The number without its sign.", "abs(-2.5)", "2.5"),
			params:   []kind{kindNumber}, result: kindNumber,
			call: func(_ *checker, _ *machine, a []value) value {
				return numberValue(new(apd.Decimal).Abs(a[0].number))
			},
		},
		{
			Function: number("round", "round(number, decimals)", "The number with at most that many decimals, none when they are left out; halves are rounded away from zero.", "round(2.345, 2)", "2.35"),
			params:   []kind{kindNumber, kindNumber}, optional: 1, result: kindNumber,
			call: func(_ *checker, _ *machine, a []value) value {
				decimals := 0
				if len(a) > 1 {
					decimals = a[1].whole("a number of decimals")
				}
				return numberValue(rounded(halfUp, a[0].number, decimals))
			},
		},
		{
			Function: number("floor", "floor(number)", "The largest whole number that is not greater.", "floor(-2.5)", "-3"),
			params:   []kind{kindNumber}, result: kindNumber, call: to(false),
		},
		{
			Function: number("ceil", "ceil(number)", "The smallest whole number that is not less.", "ceil(2.1)", "3"),
			params:   []kind{kindNumber}, result: kindNumber, call: to(true),
		},
		{
			Function: number("min", "min(number, …)", "The smallest of the numbers.", "min(3, 1.5, 2)", "1.5"),
			params:   []kind{kindNumber}, variadic: true, result: kindNumber, call: extreme(-1),
		},
		{
			Function: number("max", "max(number, …)", "The largest of the numbers.", "max(3, 1.5, 2)", "3"),
			params:   []kind{kindNumber}, variadic: true, result: kindNumber, call: extreme(1),
		},
		{
			Function: number("number", "number(text)", "The text read as a number; null when it is empty.", `number(" 12.50 ")`, "12.50"),
			params:   []kind{kindText}, result: kindNumber,
			call: func(_ *checker, _ *machine, a []value) value {
				s := strings.TrimSpace(a[0].text)
				if s == "" {
					return value{}
				}
				return numberValue(parseNumber(s))
			},
		},
	}
}
