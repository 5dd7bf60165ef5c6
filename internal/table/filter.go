package table

import (
	"encoding/csv"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// operators by the words for them.
var operators = map[string]crosswalk.Comparison{
	"eq": crosswalk.Equal, "ne": crosswalk.NotEqual, "gt": crosswalk.Greater, "ge": crosswalk.GreaterOrEqual,
	"lt": crosswalk.Less, "le": crosswalk.LessOrEqual, "in": crosswalk.In, "contains": crosswalk.Contains,
	"starts_with": crosswalk.StartsWith, "ends_with": crosswalk.EndsWith, "is_null": crosswalk.IsNull, "is_not_null": crosswalk.IsNotNull,
}

// ParseCondition reads a condition as people write it: the API name of a
// field, an operator and the value, for example "ARR ge 1000.50",
// "Stage in Won,Lost" (values with a comma in double quotes) or
// "Parent_Company is_null". It returns CodeInvalid when it is not one; whether
// the object has the field, Rows tells.
func ParseCondition(text string) (crosswalk.Condition, error) {
	field, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	word, value, valued := strings.Cut(strings.TrimLeft(rest, " "), " ")
	c := crosswalk.Condition{Attribute: field, Operator: operators[strings.ToLower(word)]}
	fail := func(format string, args ...any) (crosswalk.Condition, error) {
		return crosswalk.Condition{}, crosswalk.Errorf(crosswalk.CodeInvalid, "The condition %q cannot be read: %s", text, fmt.Sprintf(format, args...)).
			WithHint("Write the field, the operator and the value, for example \"ARR ge 1000\". The operators are eq, ne, gt, ge, lt, le, in, contains, starts_with, ends_with, is_null and is_not_null.")
	}
	switch {
	case c.Operator == "":
		return fail("there is no operator %q.", word)
	case c.Operator == crosswalk.IsNull || c.Operator == crosswalk.IsNotNull:
		if strings.TrimSpace(value) != "" {
			return fail("%s takes no value.", word)
		}
		return c, nil
	case !valued:
		return fail("the value is missing.")
	case c.Operator == crosswalk.In:
		r := csv.NewReader(strings.NewReader(value))
		r.TrimLeadingSpace = true
		list, err := r.Read()
		if err != nil || len(list) == 0 {
			return fail("%q is not a list with commas.", value)
		}
		c.Values = list
	default:
		c.Values = []string{value}
	}
	return c, nil
}

// conditions adds the conditions. Every one that does not fit its field is
// told.
func (s *selection) conditions(list []crosswalk.Condition) error {
	var p crosswalk.Problems
	for i, c := range list {
		text, err := s.condition(c)
		if err != nil {
			p.AddError(fmt.Sprintf("filter[%d]", i), err)
			continue
		}
		s.where = append(s.where, "("+text+")")
	}
	return p.Err("The rows cannot be filtered like that.")
}

func (s *selection) condition(c crosswalk.Condition) (string, error) {
	f := s.o.Field(c.Attribute)
	if f == nil {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "%s has no field %s.", s.o.Name, c.Attribute).
			WithHint("Fields go by their API names, which the object's definition has.")
	}
	name, kind := "t."+quote(f.Column()), column.KindFor(f)
	if n := len(c.Values); c.Operator != crosswalk.IsNull && c.Operator != crosswalk.IsNotNull && (n == 0 || n > 1 && c.Operator != crosswalk.In) {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "%s takes one value, not %d.", c.Operator, n)
	}
	switch c.Operator {
	case crosswalk.IsNull:
		return emptyOf(name, kind), nil
	case crosswalk.IsNotNull:
		return "NOT " + emptyOf(name, kind), nil
	case crosswalk.NotEqual:
		text, err := s.compare(f, name, crosswalk.Equal, c.Values[0])
		return "(" + text + ") IS NOT TRUE", err
	case crosswalk.In:
		var any []string
		for _, v := range c.Values {
			text, err := s.compare(f, name, crosswalk.Equal, v)
			if err != nil {
				return "", err
			}
			any = append(any, text)
		}
		return strings.Join(any, " OR "), nil
	}
	return s.compare(f, name, c.Operator, c.Values[0])
}

func emptyOf(name string, k column.Kind) string {
	if k == column.Text {
		return "(coalesce(" + name + ", '') = '')"
	}
	return "(" + name + " IS NULL)"
}

// compare returns the comparison of a field with one value. Texts compare
// without regard to case.
func (s *selection) compare(f *crosswalk.Field, name string, op crosswalk.Comparison, v string) (string, error) {
	sign, ordered := map[crosswalk.Comparison]string{
		crosswalk.Equal: "=", crosswalk.Greater: ">", crosswalk.GreaterOrEqual: ">=", crosswalk.Less: "<", crosswalk.LessOrEqual: "<=",
	}[op]
	kind := column.KindFor(f)
	if kind == column.Text {
		return s.compareText(name, op, sign, v)
	}
	if !ordered || op != crosswalk.Equal && (kind == column.Bool || kind == column.GUID) {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "%s cannot be used with a %s.", op, f.Type)
	}
	as := *f
	if f.Type.IsNumber() {
		// Any number can be compared with, whatever decimals the field has.
		as.Decimals = 18
		if kind == column.Int && !strings.Contains(v, ".") {
			as.Decimals = 0
		}
	}
	text, err := as.Normalize(v)
	if err != nil {
		return "", err
	}
	switch {
	case f.Type.IsNumber() && s.d == database.Postgres:
		return fmt.Sprintf("%s %s CAST(%s AS numeric)", name, sign, s.arg(text)), nil
	case f.Type.IsNumber():
		if kind == column.Int {
			name = "CAST(" + name + " AS TEXT)"
		}
		return fmt.Sprintf("cw_number_key(%s) %s cw_number_key(%s)", name, sign, s.arg(text)), nil
	}
	return fmt.Sprintf("%s %s %s", name, sign, fromText(s.d, kind, s.arg(text))), nil
}

func (s *selection) compareText(name string, op crosswalk.Comparison, sign, v string) (string, error) {
	pattern := strings.TrimSuffix(strings.TrimPrefix(database.Pattern(v), "%"), "%")
	switch op {
	case crosswalk.Equal:
	case crosswalk.Contains:
		pattern = "%" + pattern + "%"
	case crosswalk.StartsWith:
		pattern += "%"
	case crosswalk.EndsWith:
		pattern = "%" + pattern
	default:
		if s.d == database.Postgres {
			return fmt.Sprintf(`lower(%s COLLATE "C") %s lower(CAST(%s AS text) COLLATE "C")`, name, sign, s.arg(v)), nil
		}
		return fmt.Sprintf("lower(%s) %s lower(%s)", name, sign, s.arg(v)), nil
	}
	return s.d.Contains(name, s.arg(pattern), v), nil
}
