package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// filter compiles the filter of the run: into the text of Plan.Filter, and
// into Plan.keep what the server cannot decide. Every name in the text comes
// from the metadata and every value is checked and quoted, so that no value
// can change the meaning of the query.
func (c *compiler) filter(f crosswalk.Filter) {
	var parts []string
	for i := range f.Conditions {
		condition := condition{Condition: &f.Conditions[i], path: fmt.Sprintf("filter.conditions[%d].", i), problems: &c.problems}
		if text := condition.compile(c.in.Entity); text != "" {
			parts = append(parts, text)
		}
	}
	c.plan.Filter = strings.Join(parts, " and ")
}

type condition struct {
	*crosswalk.Condition
	path      string
	problems  *crosswalk.Problems
	attribute *crosswalk.Attribute
}

// compile returns the text of the condition, or notes a problem and returns
// "".
func (c *condition) compile(e *crosswalk.Entity) string {
	if c.Attribute == "" {
		c.problems.Add(c.path+"attribute", "Choose the attribute to compare.")
		return ""
	}
	c.attribute = e.Attribute(c.Attribute)
	if c.attribute == nil {
		c.problems.AddHint(c.path+"attribute", "Choose another attribute, or refresh the metadata if it was just added.",
			"%s has no attribute %q that can be read.", e.DisplayName, c.Attribute)
		return ""
	}
	a := c.attribute
	if !readable(a) {
		c.problems.AddHint(c.path+"attribute", "Choose another attribute.", "%s (%s) is of a type that cannot be compared.", a.DisplayName, a.LogicalName)
		return ""
	}
	if !allowed(a, c.Operator) {
		c.problems.AddHint(c.path+"operator", "Choose another comparison.", "%s (%s) cannot be compared by %q.", a.DisplayName, a.Type, c.Operator)
		return ""
	}
	if !c.countValues() {
		return ""
	}
	literals := make([]string, len(c.Values))
	for i, v := range c.Values {
		var ok bool
		if literals[i], ok = literal(a, v); !ok {
			c.problems.AddHint(fmt.Sprintf("%svalues[%d]", c.path, i), expected(a), "%q is no value of %s (%s).", v, a.DisplayName, a.Type)
			return ""
		}
	}
	return c.text(literals)
}

// countValues checks the number of values.
func (c *condition) countValues() bool {
	n, null := len(c.Values), c.Operator == crosswalk.IsNull || c.Operator == crosswalk.IsNotNull
	list := c.Operator == crosswalk.In || c.attribute.Type == crosswalk.AttributeMultiChoice
	switch {
	case null && n > 0:
		c.problems.Add(c.path+"values", "This comparison takes no value.")
	case !null && n == 0:
		c.problems.Add(c.path+"values", "Say what to compare %s with.", c.attribute.DisplayName)
	case !null && n > 1 && !list:
		c.problems.AddHint(c.path+"values", `Use "in" to compare with several.`, "This comparison takes one value, not %d.", n)
	default:
		return true
	}
	return false
}

// allowed reports whether attributes of that type can be compared so.
func allowed(a *crosswalk.Attribute, op crosswalk.Comparison) bool {
	if op == crosswalk.IsNull || op == crosswalk.IsNotNull {
		return true
	}
	if a.Type == crosswalk.AttributeMultiChoice {
		return op == crosswalk.Contains
	}
	if op == crosswalk.Equal || op == crosswalk.NotEqual {
		return true
	}
	switch sourceKind(a) {
	case column.Text:
		switch op {
		case crosswalk.In, crosswalk.Contains, crosswalk.StartsWith, crosswalk.EndsWith:
			return true
		}
	case column.GUID:
		return op == crosswalk.In
	case column.Int, column.Decimal:
		return op == crosswalk.In || isOrder(op)
	case column.Time, column.Date:
		return isOrder(op)
	}
	return false
}

func isOrder(op crosswalk.Comparison) bool {
	switch op {
	case crosswalk.Greater, crosswalk.GreaterOrEqual, crosswalk.Less, crosswalk.LessOrEqual:
		return true
	}
	return false
}

// literal returns the value as it is written in $filter, and whether it is a
// value of the attribute at all.
func literal(a *crosswalk.Attribute, v string) (string, bool) {
	switch sourceKind(a) {
	case column.Int:
		n, err := strconv.ParseInt(v, 10, intBits(a))
		return strconv.FormatInt(n, 10), err == nil
	case column.Decimal:
		b, code := appendDecimal(nil, []byte(v), allDecimals)
		return string(b), code == ""
	case column.Bool:
		return v, v == "true" || v == "false"
	case column.Date:
		t, ok := parseTime([]byte(v))
		return v, ok && len(v) == len(dateLayout) && t.micros == 0
	case column.Time:
		return timeLiteral(v)
	case column.GUID:
		return guidLiteral(v)
	}
	if a.Type == crosswalk.AttributeMultiChoice {
		n, err := strconv.ParseInt(v, 10, 32)
		return strconv.FormatInt(n, 10), err == nil
	}
	return quote(v), utf8.ValidString(v) && !strings.ContainsRune(v, 0)
}

// intBits returns the size of the attribute's whole numbers.
func intBits(a *crosswalk.Attribute) int {
	if a.Type == crosswalk.AttributeBigInt {
		return 64
	}
	return 32
}

// timeLiteral writes a moment in UTC; a day alone is its midnight.
func timeLiteral(v string) (string, bool) {
	t, ok := parseTime([]byte(v))
	if !ok {
		return "", false
	}
	b := column.Column{Spec: column.Spec{Kind: column.Time}}
	b.AppendInt(t.days*microsecondsPerDay + t.micros)
	return string(appendValue(nil, &b, 0)), true
}

// guidLiteral writes a GUID bare: in quotes Dataverse refuses it.
func guidLiteral(v string) (string, bool) {
	v = strings.TrimSuffix(strings.TrimPrefix(v, "{"), "}")
	if len(v) != 36 {
		return "", false
	}
	for i := range len(v) {
		switch c := v[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'f':
		default:
			return "", false
		}
	}
	return strings.ToLower(v), true
}

// quote writes a text with its quotes doubled.
func quote(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

// expected says what values of the attribute look like.
func expected(a *crosswalk.Attribute) string {
	switch sourceKind(a) {
	case column.Int:
		if a.HasLabels() {
			return "Give the number of the option, for example 1."
		}
		return "Give a whole number, for example 42."
	case column.Decimal:
		return "Give a number with a point before its decimals, for example 12.5."
	case column.Bool:
		return "Give true or false."
	case column.Date:
		return "Give a date as 2006-01-02."
	case column.Time:
		return "Give a date as 2006-01-02 or a time as 2006-01-02T15:04:05Z."
	case column.GUID:
		return "Give an id of 36 characters, for example 78914942-34cb-ed11-b596-0022481d68cd."
	}
	if a.Type == crosswalk.AttributeMultiChoice {
		return "Give the number of the option, for example 1."
	}
	return "Give a text in UTF-8 without NUL characters."
}

// text writes the condition with its literals.
func (c *condition) text(literals []string) string {
	member := c.attribute.Member()
	switch c.Operator {
	case crosswalk.IsNull:
		return member + " eq null"
	case crosswalk.IsNotNull:
		return member + " ne null"
	case crosswalk.Contains:
		if c.attribute.Type == crosswalk.AttributeMultiChoice {
			return c.function("ContainValues")
		}
		return "contains(" + member + "," + literals[0] + ")"
	case crosswalk.StartsWith:
		return "startswith(" + member + "," + literals[0] + ")"
	case crosswalk.EndsWith:
		return "endswith(" + member + "," + literals[0] + ")"
	case crosswalk.In:
		if c.plain() {
			return c.function("In")
		}
		for i, l := range literals {
			literals[i] = member + " eq " + l
		}
		return "(" + strings.Join(literals, " or ") + ")"
	default:
		return member + " " + string(c.Operator) + " " + literals[0]
	}
}

// plain reports whether a query function can take the list of values. None of
// them may hold a character that would have to be escaped there, and the
// column may not be a lookup, whose name there differs from its member: how
// either is done is not documented, and a chain of comparisons says the same.
func (c *condition) plain() bool {
	if c.attribute.IsLookup() {
		return false
	}
	for _, v := range c.Values {
		if strings.ContainsAny(v, `'"\`) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' }) {
			return false
		}
	}
	return true
}

// function writes a query function of Dataverse over the values.
func (c *condition) function(name string) string {
	values := make([]string, len(c.Values))
	for i, v := range c.Values {
		l, _ := literal(c.attribute, v)
		if sourceKind(c.attribute) == column.Text && c.attribute.Type != crosswalk.AttributeMultiChoice {
			l = v
		}
		values[i] = string(appendJSON(nil, l))
	}
	return "Microsoft.Dynamics.CRM." + name + "(PropertyName='" + c.attribute.LogicalName + "',PropertyValues=[" + strings.Join(values, ",") + "])"
}
