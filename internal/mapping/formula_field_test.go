package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// formulaPlan compiles a mapping with one row that has a formula.
func formulaPlan(f crosswalk.Field, fm crosswalk.FieldMapping) (*mapping.Plan, error) {
	in := formulaInput()
	zone := in.Mapping.TimeZone
	fm.Target = f.Name
	in.Object, in.Mapping = object(f), keyed(fm)
	in.Mapping.TimeZone = zone
	return mapping.Compile(in)
}

// TestFormulaFillsField shows what formulas give to fields of every type.
func TestFormulaFillsField(t *testing.T) {
	t.Parallel()
	field := func(kind crosswalk.FieldType) crosswalk.Field { return crosswalk.Field{Name: "Field", Type: kind} }
	money := crosswalk.Field{Name: "Field", Type: crosswalk.FieldCurrency, Decimals: 2}
	short := crosswalk.Field{Name: "Field", Type: crosswalk.FieldString, MaxLength: 3}
	needed := crosswalk.Field{Name: "Field", Type: crosswalk.FieldString, Required: true}
	for _, tt := range []struct {
		field   crosswalk.Field
		formula string
		want    string // or the code of the reject and its message
	}{
		{field(crosswalk.FieldString), `upper(string)`, `"ZOË EXAMPLE"`},
		{field(crosswalk.FieldString), `money`, `"20000.0000"`},
		{field(crosswalk.FieldString), `status`, "null"},
		{field(crosswalk.FieldString), `boolean`, `"true"`},
		{field(crosswalk.FieldString), `moment`, `"2024-12-31T23:30:00Z"`},
		{field(crosswalk.FieldString), `replace(string, "x", "\x00")`, `invalid_text Field: the text that the formula gives holds a character that cannot be stored: "Zoë E␀ample".`},
		{short, `left(string, 3)`, `"Zoë"`},
		{short, `left(string, 4)`, `too_long Field takes 3 characters at most and the value is longer: "Zoë ".`},
		{field(crosswalk.FieldRichText), `concat("<p>", string)`, `"<p>Zoë Example"`},
		{field(crosswalk.FieldEmail), `concat(lower(left(string, 1)), "@example.com")`, `"z@example.com"`},
		{field(crosswalk.FieldEmail), `string`, `not_an_email Field: "Zoë Example" is not an e-mail address.`},
		{field(crosswalk.FieldURL), `"https://example.com/" + thingid`, `"https://example.com/` + key + `"`},
		{field(crosswalk.FieldDropdown), `if(money > 1000, "Large", "Small")`, `"Large"`},
		{field(crosswalk.FieldMultiSelect), `split(memo, ",")`, `"a; b; c"`},
		{field(crosswalk.FieldMultiSelect), `"Red;; red ;Blue"`, `"Red; Blue"`},
		{field(crosswalk.FieldMultiSelect), `label(multi)`, `"Retail; Fähre"`},
		{field(crosswalk.FieldMultiSelect), `" ; "`, `""`},
		{field(crosswalk.FieldMultiSelect), `lookup.memo ?? nil`, "null"},
		{field(crosswalk.FieldNumber), `money / 3`, "6667"},
		{field(crosswalk.FieldNumber), `boolean`, "1"},
		{field(crosswalk.FieldNumber), `bigint * 1000000`, `number_range Field: the formula gives "9007199254740993000000", which is too large a number.`},
		{field(crosswalk.FieldNumber), `part(memo, ",", 1)`, `not_a_number Field: the formula gives "a", which cannot be read as a number.`},
		{field(crosswalk.FieldNumber), `part(memo, ",", 3)`, "null"},
		{money, `money / 3`, "6666.67"},
		{money, `"12.345"`, "12.35"},
		{money, `integer / (integer - 7)`, "formula_failed Field: the formula has no value for this record: it divides by zero."},
		{field(crosswalk.FieldBoolean), `money > 1000 and not bare`, "true"},
		{field(crosswalk.FieldBoolean), `status > 1`, "null"},
		{field(crosswalk.FieldDate), `day`, "2024-02-29"},
		{field(crosswalk.FieldDate), `moment`, "2025-01-01"},
		{field(crosswalk.FieldDate), `wall`, "2024-12-31"},
		{field(crosswalk.FieldDate), `"2024-12-31T23:30:00-05:00"`, "2024-12-31"},
		{field(crosswalk.FieldDate), `string`, `not_a_date Field: the formula gives "Zoë Example", which cannot be read as a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z.`},
		{field(crosswalk.FieldDateTime), `addDays(moment, -1)`, "2024-12-30T23:30:00Z"},
		{field(crosswalk.FieldDateTime), `day`, "2024-02-29T00:00:00Z"},
		{field(crosswalk.FieldDateTime), `"2024-12-31T23:30:00-05:00"`, "2025-01-01T04:30:00Z"},
		{needed, `lookup.memo`, "required_empty Field is required and the record has no value for it."},
	} {
		plan, err := formulaPlan(tt.field, crosswalk.FieldMapping{Formula: tt.formula})
		if err != nil {
			t.Errorf("%s into %s: %v", tt.formula, tt.field.Type, err)
			continue
		}
		src, dst := plan.NewSourceBatch(), plan.NewBatch()
		for i := range src.Columns {
			put(t, &src.Columns[i], sample()[src.Columns[i].Name])
		}
		src.EndRow()
		rejects, _ := plan.Apply(src, dst, nil)
		var got string
		if len(rejects) > 0 {
			got = string(rejects[0].Code) + " " + rejects[0].Message
		} else {
			got = read(&dst.Columns[2], 0)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s into %s (-want +got):\n%s", tt.formula, tt.field.Type, diff)
		}
	}
}

// TestFormulaDoesNotFit shows what is refused when a job is saved.
func TestFormulaDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind    crosswalk.FieldType
		formula string
		want    string
	}{
		{crosswalk.FieldBoolean, "integer", "A formula that gives a number cannot fill Field (Boolean)."},
		{crosswalk.FieldEmail, "integer", "A formula that gives a number cannot fill Field (Email)."},
		{crosswalk.FieldDate, "integer", "A formula that gives a number cannot fill Field (Date)."},
		{crosswalk.FieldNumber, "day", "A formula that gives a date cannot fill Field (Number)."},
		{crosswalk.FieldBoolean, "string", "A formula that gives a text cannot fill Field (Boolean)."},
		{crosswalk.FieldDate, "boolean", "A formula that gives true or false cannot fill Field (Date)."},
		{crosswalk.FieldString, "upper(gone)", `At character 7: Thing has no attribute "gone" that can be read.`},
	} {
		_, err := formulaPlan(crosswalk.Field{Name: "Field", Type: tt.kind}, crosswalk.FieldMapping{Formula: tt.formula})
		if diff := cmp.Diff([]string{"mapping.fields[1].formula: " + tt.want}, problems(t, err)); diff != "" {
			t.Errorf("%s into %s (-want +got):\n%s", tt.formula, tt.kind, diff)
		}
	}
}
