package mapping_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// formulaInput reads things, whose lookup leads to other things, on the last
// evening of a year in Berlin.
func formulaInput() mapping.Input {
	e := thing()
	for i := range e.Attributes {
		switch a := &e.Attributes[i]; a.LogicalName {
		case "lookup":
			a.Targets, a.Navigation = []string{"thing"}, map[string]string{"thing": "lookup"}
		case "customer":
			a.Targets, a.Navigation = []string{"account", "thing"}, map[string]string{"account": "customer_account", "thing": "customer_thing"}
		}
	}
	return mapping.Input{
		Entity:  e,
		Catalog: func(string) (*crosswalk.Entity, error) { return e, nil },
		Mapping: crosswalk.Mapping{TimeZone: "Europe/Berlin"},
		Now:     time.Date(2025, 12, 31, 23, 30, 0, 0, time.UTC),
	}
}

// sample is a record by the names of source columns.
func sample() map[string]any {
	return map[string]any{
		"thingid": key, "string": "Zoë Example", "memo": "a,b,,c", "entityname": "account", "integer": 7, "bigint": int64(9007199254740993),
		"decimal": "12.345", "double": "1e-7", "money": "20000.0000", "boolean": true, "bare": false,
		"moment": "2024-12-31T23:30:00Z", "wall": "2024-12-31T23:30:00Z", "day": "2024-02-29",
		"_lookup_value": key, "_customer_value": key, "choice": 1, "state": 10, "status": nil, "multi": "1,9",
		"lookup/string": "Other", "lookup/day": nil, "customer_account/string": "Acme", "lookup/customer_thing/integer": 5,
		"_lookup_value@" + mapping.FormattedValue: "The other", "_customer_value@" + mapping.LookupTable: "account",
	}
}

// evaluate returns what a formula gives for a record: the value, "null", or
// "!" and the reason why there is none.
func evaluate(t testing.TB, in mapping.Input, text string, record map[string]any) string {
	t.Helper()
	x, err := mapping.CompileFormula(in, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	src := x.Plan.NewSourceBatch()
	for i := range src.Columns {
		put(t, &src.Columns[i], record[src.Columns[i].Name])
	}
	src.EndRow()
	switch got := x.Evaluate(src)[0]; {
	case got.Reason != "":
		return "!" + got.Reason
	case got.Null:
		return "null"
	default:
		return got.Value
	}
}

func TestFormulaValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		// Numbers are exact.
		"0.1 + 0.2":                       "0.3",
		"1.10 * 3":                        "3.30",
		"10 / 4":                          "2.5",
		"20000.00 / 2":                    "10000",
		"1 / 3":                           "0.33333333333333333333333333333333333333",
		"2 / 3":                           "0.66666666666666666666666666666666666667",
		"-7 % 3":                          "-1",
		"bigint + 1":                      "9007199254740994",
		"123456789012345678901234567 * 2": "246913578024691357802469134",
		"1_000 + .5":                      "1000.5",
		"money / 3 * 3":                   "20000.0000000000000000000000000000000001",
		"round(money / 3, 2)":             "6666.67",
		"round(-0.5)":                     "-1",
		"round(-0.4)":                     "0",
		"round(1250, -2)":                 "1300",
		"round(1.5, 4)":                   "1.5",
		"double * 10":                     "0.0000010",
		"- -2":                            "2",
		"2 + 3 * 4 - 1":                   "13",
		"integer / 0":                     "!it divides by zero",
		"integer % (integer - 7)":         "!it divides by zero",
		"min(integer, 3, 4.5)":            "3",
		"number(string)":                  `!"Zoë Example" is not a number`,
		"number(trim(' '))":               "null",
		// Texts are compared and cut by character.
		`string contains "zoë"`:              "false",
		`lower(string) contains "zoë"`:       "true",
		`string startsWith "Zoë" and true`:   "true",
		`not (string endsWith "x")`:          "true",
		`string not contains "x"`:            "false",
		`left(string, 3) + "!"`:              "Zoë!",
		`right(string, 100)`:                 "Zoë Example",
		`mid(string, 3, 1)`:                  "ë",
		`mid(string, 0, 1)`:                  "!places in a text begin with 1, not 0",
		`left(string, -1)`:                   "!a number of characters cannot be -1",
		`left(string, 1.5)`:                  "!1.5 is not a whole number that can be a number of characters",
		`part(memo, ",", 3)`:                 "",
		`part(memo, ",", 5)`:                 "null",
		`part(memo, ",", -4)`:                "a",
		`split(memo, ",")`:                   "a; b; c",
		`replace(string, "e", "")`:           "Zoë Exampl",
		`concat(string, " ", status, money)`: "Zoë Example 20000.0000",
		`string | upper() | left(2)`:         "ZO",
		// Null.
		"status + 1":                         "null",
		"upper(lookup.string)":               "OTHER",
		"status == nil":                      "true",
		"status == 1":                        "false",
		"status != 1":                        "true",
		"status > 1":                         "null",
		"not (status > 1)":                   "null",
		"status > 1 or true":                 "true",
		"status > 1 and false":               "false",
		"status > 1 or false":                "null",
		"false or status > 1":                "null",
		`if(status > 1, "a", "b")`:           "b",
		`status > 1 ? "a" : "b"`:             "b",
		"coalesce(status, integer)":          "7",
		"status ?? 4":                        "4",
		"isNull(status) and isEmpty(status)": "true",
		"len(text(nil))":                     "null",
		"status in [1, 2]":                   "false",
		"choice in [1, 2]":                   "true",
		"choice not in [1, 2]":               "false",
		"status in [1, nil]":                 "true",
		"nil":                                "null",
		"1 < integer < 9":                    "true",
		// Dates: the day of a moment is that of the zone, days and times on
		// the wall do not move.
		"date(moment)":                         "2025-01-01",
		"date(wall)":                           "2024-12-31",
		"year(moment)":                         "2025",
		"year(wall)":                           "2024",
		"today()":                              "2026-01-01",
		"now()":                                "2025-12-31T23:30:00Z",
		"addDays(day, 1)":                      "2024-03-01",
		"addMonths(day, 12)":                   "2025-02-28",
		"addMonths(day, -1)":                   "2024-01-29",
		"addMonths(moment, 6)":                 "2025-06-30T22:30:00Z",
		"addDays(wall, 1)":                     "2025-01-01T23:30:00",
		"addDays(day, 3000000)":                "!it comes to a date outside of the years 1 to 9999",
		"daysBetween(day, moment)":             "307",
		`formatDate(moment, "dd.MM.yy HH:mm")`: "01.01.25 00:30",
		`formatDate(day, "EEE d MMMM 'in' yyyy")`: "Thu 29 February in 2024",
		`day < date("2024-03-01")`:                "true",
		`moment >= moment("2024-12-31")`:          "true",
		"date(lookup.day)":                        "null",
		// Labels, related rows, ids.
		"label(choice)":                      "Retail",
		"label(state)":                       "10",
		"label(status)":                      "null",
		"label(multi)":                       "Retail; Fähre",
		"label(boolean)":                     "Ja",
		"label(bare)":                        "false",
		"label(lookup)":                      "The other",
		"table(customer)":                    "account",
		`customer(account).string`:           "Acme",
		`customer("account").string`:         "Acme",
		"lookup.customer(thing).integer * 2": "10",
		"thingid":                            key,
		`lookup == "` + key + `" and bare == false`: "true",
	} {
		if got := evaluate(t, formulaInput(), text, sample()); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

func TestFormulaProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "The formula is empty.",
		"1 +":                                  "At character 4: The formula ends too early.",
		"(1":                                   "At character 3: The formula ends too early.",
		"1 2":                                  "At character 3: “2” cannot stand here.",
		`"abc`:                                 "At character 5: A text does not end.",
		"1e5":                                  "1e5 is not a number in a formula.",
		"0x10":                                 "0x10 is not a number in a formula.",
		"gone":                                 `Thing has no attribute "gone" that can be read.`,
		"1 + gone":                             `At character 5: Thing has no attribute "gone" that can be read.`,
		"customer.string":                      "At character 10: Customer can lead to several tables.",
		"string.string":                        "At character 8: String (String) is not a lookup that leads to another table.",
		"image":                                "Image (image) is of a type that cannot be read.",
		"nothere(1)":                           `There is no function "nothere".`,
		"map(string, 1)":                       `There is no function "map".`,
		"upper()":                              "upper does not take 0 values.",
		"upper(string, memo)":                  "upper does not take 2 values.",
		"upper(integer)":                       "At character 7: upper takes a text, not a number.",
		`1 + "a"`:                              "+ takes two texts or two numbers, and this is a number.",
		"day + 1":                              "+ takes numbers, not a date.",
		`integer == "7"`:                       "At character 12: All values must be of one kind: this is a text, the one before a number.",
		"day < moment":                         "At character 7: All values must be of one kind: this is a moment, the one before a date.",
		"not integer":                          "At character 5: not takes true or false, not a number.",
		"boolean < true":                       "< takes a text or a number or a date or a moment or a time without zone, not true or false.",
		`if(integer, 1, 2)`:                    "At character 4: A condition takes true or false, not a number.",
		`if(boolean, 1, "a")`:                  "At character 16: All values must be of one kind: this is a text, the one before a number.",
		`contains(string, "a")`:                "contains stands between two texts.",
		`string matches "a"`:                   `At character 8: There is no operator "matches" in formulas.`,
		"2 ** 3":                               `At character 3: There is no operator "**" in formulas.`,
		"[1, 2]":                               "This is not part of the language of formulas.",
		"let x = 1; x":                         "At character 5: This is not part of the language of formulas.",
		`upper(string) + money`:                "At character 17: + takes two texts or two numbers, and this is a number.",
		`"a" - 1`:                              "- takes numbers, not a text.",
		"status ?? 1 + 2":                      "At character 13: ?? stands beside another operator.",
		"string[0]":                            "At character 7: This is not the path of an attribute.",
		"1 in integer":                         "At character 6: in takes a list in square brackets.",
		"label(1)":                             "At character 7: label takes an attribute.",
		"label(integer)":                       "At character 7: Integer (Integer) has no labels.",
		"table(string)":                        "At character 7: table takes a lookup.",
		`formatDate(day, string)`:              "At character 17: The pattern must be a text in quotes.",
		`formatDate(day, "YYYY")`:              `At character 17: "YYYY" is not part of a pattern.`,
		`integer + 1 / 0`:                      "At character 13: This has no value: it divides by zero.",
		`date("31.01.2026") > day`:             `This has no value: "31.01.2026" is not a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z.`,
		"string ; memo":                        "This is not part of the language of formulas.",
		"\xff":                                 "The formula is not text in UTF-8.",
		strings.Repeat("1+", 300) + "1":        "At character 502: The formula is too long.",
		strings.Repeat(" ", 10_000) + "1":      "The formula is too long.",
		strings.Repeat("(", 5_000):             "At character 5001: The formula ends too early.",
		strings.Repeat("9", 999) + "* 99":      "At character 1000: This has no value: it comes to a number of more than 1000 digits.",
		"addMonths(day, 99999999999999999999)": "",
	} {
		_, err := mapping.CompileFormula(formulaInput(), text)
		var e *crosswalk.Error
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
		case !errors.As(err, &e) || len(e.Fields) != 1:
			t.Errorf("%.50s: error %v, want %s", text, err, want)
		default:
			if diff := cmp.Diff(crosswalk.FieldError{Field: "formula", Message: want, Hint: e.Fields[0].Hint}, e.Fields[0]); diff != "" {
				t.Errorf("%.50s (-want +got):\n%s", text, diff)
			}
		}
	}
}

// TestFunctions shows that every function gives what its example says.
func TestFunctions(t *testing.T) {
	t.Parallel()
	in := formulaInput()
	in.Entity.Attributes = append(in.Entity.Attributes,
		crosswalk.Attribute{LogicalName: "statecode", Type: crosswalk.AttributeState, Options: []crosswalk.Option{{Value: 0, Label: "Active"}}},
		crosswalk.Attribute{LogicalName: "customerid", Type: crosswalk.AttributeCustomer})
	record := map[string]any{"thingid": key, "statecode": 0, "_customerid_value": key, "_customerid_value@" + mapping.LookupTable: "account"}
	for _, f := range mapping.Functions() {
		if f.Usage == "" || f.Does == "" || f.Group == "" || !strings.Contains(f.Example, f.Name+"(") {
			t.Errorf("%s is not described: %+v", f.Name, f)
		}
		if got := evaluate(t, in, f.Example, record); got != f.Result {
			t.Errorf("%s = %s, want %s", f.Example, got, f.Result)
		}
	}
}

// TestFormulaOfNoTime shows that a formula about the time can be saved, when
// no run has begun yet.
func TestFormulaOfNoTime(t *testing.T) {
	t.Parallel()
	in := formulaInput()
	in.Now = time.Time{}
	if _, err := mapping.CompileFormula(in, "addDays(today(), -400) < addMonths(now(), -1) or true"); err == nil {
		t.Error("a date was compared with a moment")
	}
	if _, err := mapping.CompileFormula(in, "addDays(today(), -400) > day"); err != nil {
		t.Error(err)
	}
}

// TestFormulaCost shows that what a formula may do for a record is bounded.
func TestFormulaCost(t *testing.T) {
	t.Parallel()
	record := sample()
	record["memo"] = strings.Repeat("a", 8<<20)
	for text, want := range map[string]string{
		`len(memo)`:                                     "8388608",
		`len(memo + memo)`:                              "16777216",
		`memo + memo + "a"`:                             "!it makes a text of more than 16777216 bytes",
		`concat(memo, memo, "a")`:                       "!it makes a text of more than 16777216 bytes",
		`replace(memo, "a", "aaa")`:                     "!it makes a text of more than 16777216 bytes",
		strings.Repeat("len(upper(memo)) + ", 20) + "1": "!it is too much work for one record",
	} {
		start := time.Now()
		if got := evaluate(t, formulaInput(), text, record); got != want {
			t.Errorf("%.40s = %.100s, want %s", text, got, want)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%.40s takes %v", text, d)
		}
	}
}

// TestFormulaOfBadRecord shows that a record with a value of another type has
// no value, and the others have theirs.
func TestFormulaOfBadRecord(t *testing.T) {
	t.Parallel()
	x, err := mapping.CompileFormula(formulaInput(), "integer + 1")
	if err != nil {
		t.Fatal(err)
	}
	src := x.Plan.NewSourceBatch()
	put(t, &src.Columns[0], key)
	src.AppendBad(1, []byte(`"seven"`))
	src.EndRow()
	put(t, &src.Columns[0], key)
	put(t, &src.Columns[1], 41)
	src.EndRow()
	want := []mapping.Evaluation{
		{SourceID: key, Reason: `Dynamics sent "seven" for integer, which is not a value of its type`},
		{SourceID: key, Value: "42"},
	}
	if diff := cmp.Diff(want, x.Evaluate(src)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]column.Spec{{Name: "thingid", Kind: column.GUID}, {Name: "integer", Kind: column.Int}}, x.Plan.Source); diff != "" {
		t.Errorf("columns read (-want +got):\n%s", diff)
	}
	if x.Gives != "a number" {
		t.Errorf("it gives %s", x.Gives)
	}
}
