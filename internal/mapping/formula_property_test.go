package mapping_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// sum is an expression as text and what it comes to, by somebody else's
// arithmetic.
type sum struct {
	text  string
	value *big.Rat
}

func number(r *rapid.T) sum {
	text := rapid.StringMatching(`[0-9]{1,20}(\.[0-9]{1,12})?`).Draw(r, "number")
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		r.Fatalf("%s is no number", text)
	}
	return sum{text, v}
}

// total draws an expression of sums, differences, products and remainders.
func total(depth int) func(r *rapid.T) sum {
	return func(r *rapid.T) sum {
		op := rapid.SampledFrom([]string{"", "+", "-", "*", "neg", "abs", "max"}).Draw(r, "operator")
		if depth == 0 || op == "" {
			return number(r)
		}
		a := total(depth - 1)(r)
		v := new(big.Rat)
		switch op {
		case "neg":
			return sum{"-(" + a.text + ")", v.Neg(a.value)}
		case "abs":
			return sum{"abs(" + a.text + ")", v.Abs(a.value)}
		}
		b := total(depth - 1)(r)
		switch op {
		case "+":
			v.Add(a.value, b.value)
		case "-":
			v.Sub(a.value, b.value)
		case "*":
			v.Mul(a.value, b.value)
		case "max":
			if v = a.value; b.value.Cmp(v) > 0 {
				v = b.value
			}
			return sum{"max(" + a.text + "," + b.text + ")", v}
		}
		return sum{"(" + a.text + ")" + op + "(" + b.text + ")", v}
	}
}

// TestFormulaArithmeticIsExact compares with rational numbers, once with
// numbers in the text and once with numbers of the record.
func TestFormulaArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		x, y := total(4)(r), number(r)
		record := sample()
		record["decimal"] = y.text
		got := evaluate(t, formulaInput(), "("+x.text+") * decimal", record)
		v, ok := new(big.Rat).SetString(got)
		if !ok || v.Cmp(new(big.Rat).Mul(x.value, y.value)) != 0 {
			r.Fatalf("%s * %s = %s", x.text, y.text, got)
		}
		if strings.HasPrefix(got, "-0") && v.Sign() == 0 {
			r.Fatalf("a zero has a sign: %s", got)
		}
	})
}

// TestFormulaDivision shows that a quotient has 38 significant digits and is
// rounded half away from zero.
func TestFormulaDivision(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a, b := number(r), number(r)
		got := evaluate(t, formulaInput(), "decimal / money", map[string]any{"thingid": key, "decimal": "-" + a.text, "money": b.text})
		if b.value.Sign() == 0 {
			if got != "!it divides by zero" {
				r.Fatalf("%s / 0 = %s", a.text, got)
			}
			return
		}
		v, ok := new(big.Rat).SetString(got)
		if !ok {
			r.Fatalf("%s / %s = %s", a.text, b.text, got)
		}
		want := new(big.Rat).Quo(a.value, b.value)
		want.Neg(want)
		// The last of 38 digits counts units of that size.
		unit, ten := big.NewRat(1, 1), big.NewRat(10, 1)
		for size := new(big.Rat).Abs(want); size.Sign() > 0 && unit.Cmp(size) <= 0; {
			unit.Mul(unit, ten)
		}
		for size := new(big.Rat).Abs(want); size.Sign() > 0 && unit.Cmp(size) > 0; {
			unit.Quo(unit, ten)
		}
		unit.Quo(unit, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(37), nil)))
		if !new(big.Rat).Quo(v, unit).IsInt() {
			r.Fatalf("%s / %s = %s has more than 38 digits", a.text, b.text, got)
		}
		off := new(big.Rat).Sub(v, want)
		if c := new(big.Rat).Abs(off).Cmp(new(big.Rat).Quo(unit, big.NewRat(2, 1))); c > 0 || c == 0 && off.Sign() > 0 {
			r.Fatalf("%s / %s = %s is rounded wrong", a.text, b.text, got)
		}
	})
}

// TestFormulaRounding compares with rational numbers.
func TestFormulaRounding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a := number(r)
		text := rapid.SampledFrom([]string{"", "-"}).Draw(r, "sign") + a.text
		v, _ := new(big.Rat).SetString(text)
		get := func(formula string) *big.Rat {
			got, ok := new(big.Rat).SetString(evaluate(t, formulaInput(), formula, map[string]any{"thingid": key, "decimal": text}))
			if !ok {
				r.Fatalf("%s of %s is no number", formula, text)
			}
			return got
		}
		floor := new(big.Rat).SetInt(new(big.Int).Div(v.Num(), v.Denom())) // Euclidean, which is the floor for divisors above zero
		if got := get("floor(decimal)"); got.Cmp(floor) != 0 {
			r.Fatalf("floor(%s) = %s", text, got)
		}
		ceil := floor
		if !v.IsInt() {
			ceil = new(big.Rat).Add(floor, big.NewRat(1, 1))
		}
		if got := get("ceil(decimal)"); got.Cmp(ceil) != 0 {
			r.Fatalf("ceil(%s) = %s", text, got)
		}
		want, _ := new(big.Rat).SetString(v.FloatString(2)) // half away from zero
		if got := get("round(decimal, 2)"); got.Cmp(want) != 0 {
			r.Fatalf("round(%s, 2) = %s, want %s", text, got, want)
		}
	})
}

func FuzzFormula(f *testing.F) {
	for _, fn := range mapping.Functions() {
		f.Add(fn.Example)
	}
	for _, text := range []string{
		"1 +", `if(status > 1, "a", lookup.string ?? memo)`, "customer(account).string + nil", "1 < integer < 3 and not (choice in [1, 2, nil])",
		"string | replace('e', \"\") | split(`,`)", "0x1F + 1_0.5e3 // end", "a?.b[1:2]", "{a: 1}", "filter([1], # > 0)", "let x = 1; x", "not not boolean ? -day : +1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := mapping.CompileFormula(formulaInput(), text)
		if err != nil {
			var e *crosswalk.Error
			if !errors.As(err, &e) || e.Code != crosswalk.CodeInvalid || len(e.Fields) != 1 || e.Fields[0].Field != "formula" || e.Fields[0].Message == "" {
				t.Errorf("%q: error %#v", text, err)
			}
			return
		}
		for _, record := range []map[string]any{sample(), {"thingid": key}} {
			src := x.Plan.NewSourceBatch()
			for i := range src.Columns {
				put(t, &src.Columns[i], record[src.Columns[i].Name])
			}
			src.EndRow()
			if got := x.Evaluate(src)[0]; strings.HasPrefix(got.Reason, "it broke") {
				t.Errorf("%q: %s", text, got.Reason)
			}
		}
	})
}
