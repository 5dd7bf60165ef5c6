package mapping

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// How much of a filter is left to the server. A longer one would come close to the
// limits of an address (32,768 characters with everything else in it) and of a
// query's conditions (500).
const (
	maxPushedLength = 16_000
	maxPushedTerms  = 300
)

// filter compiles the filter of the run: into the text of Plan.Filter, or into
// Plan.keep when it cannot be left to the server. It is never both, so that only
// one of the two decides about a record. Every name in the text comes from the
// metadata, and every value is checked and quoted, so that no value can change the
// meaning of the query.
func (c *compiler) filter(f crosswalk.Filter) {
	before := len(c.problems)
	terms := make([]*term, len(f.Conditions))
	for i := range f.Conditions {
		terms[i] = c.condition(fmt.Sprintf("filter.conditions[%d].", i), &f.Conditions[i])
	}
	tree := &term{op: opAnd, terms: terms}
	if f.Expression != "" {
		tree = c.logic("filter.expression", f.Expression, terms)
	}
	if len(c.problems) > before || c.err != nil || len(f.Conditions) == 0 {
		return
	}
	if !c.in.Tracked {
		w := filterText{}
		text, _ := w.text(tree, false)
		if !w.refused && w.terms <= maxPushedTerms && len(url.QueryEscape(text)) <= maxPushedLength {
			c.plan.Filter = text
			return
		}
	}
	c.plan.keep = c.predicate(tree)
}

// termOp is what a term of a filter does.
type termOp uint8

// The terms. Those that compare are false for null, whatever they compare with;
// what holds for null is the negation of one, so that a condition and its opposite
// together cover all records, without overlap.
const (
	opAnd     termOp = iota
	opOr             // of no terms: false
	opNot            // of one term
	opIsNull         // the attribute has no value
	opCompare        // by an order: eq, gt, ge, lt or le
	opAmong          // is one of the values
	opSearch         // a text contains, begins or ends with the value
	opOptions        // a multi-select choice has one of the options
)

// term is a part of a filter.
type term struct {
	op         termOp
	terms      []*term
	trail      trail
	comparison crosswalk.Comparison
	values     []operand
}

func not(t *term) *term { return &term{op: opNot, terms: []*term{t}} }

func (t *term) compare(op crosswalk.Comparison, v operand) *term {
	return &term{op: opCompare, trail: t.trail, comparison: op, values: []operand{v}}
}

// span is from one value up to, but not including, another.
func (t *term) span(from, to operand) *term {
	return &term{op: opAnd, terms: []*term{t.compare(crosswalk.GreaterOrEqual, from), t.compare(crosswalk.Less, to)}}
}

// condition compiles a condition, or notes problems and returns nil.
func (c *compiler) condition(at string, f *crosswalk.Condition) *term {
	if f.Attribute == "" {
		c.problems.Add(at+"attribute", "Choose the attribute to compare.")
		return nil
	}
	tr, ok := c.resolve(at+"attribute", f.Attribute)
	if !ok {
		return nil
	}
	a := tr.attribute
	if !allowed(a, f.Operator) {
		c.problems.AddHint(at+"operator", "Choose another comparison.", "%s (%s) cannot be compared by %q.", a.DisplayName, a.Type, f.Operator)
		return nil
	}
	if !c.count(at+"values", a, f) {
		return nil
	}
	t := &term{trail: tr}
	if isRelative(f.Operator) {
		return c.relative(at, t, f)
	}
	values := make([]operand, len(f.Values))
	for i, v := range f.Values {
		if values[i], ok = c.operand(a, v); !ok {
			c.problems.AddHint(fmt.Sprintf("%svalues[%d]", at, i), expected(a), "%q is not a value of %s (%s).", v, a.DisplayName, a.Type)
			return nil
		}
	}
	if f.Operator == crosswalk.Between && values[0].compare(a, values[1]) > 0 {
		c.problems.AddHint(at+"values", "Give the smaller value first.", "%s is larger than %s, so nothing lies between them.", f.Values[0], f.Values[1])
		return nil
	}
	return t.condition(f.Operator, values)
}

// condition makes the term of a comparison with values.
func (t *term) condition(op crosswalk.Comparison, values []operand) *term {
	t.values = values
	multi := t.trail.attribute.Type == crosswalk.AttributeMultiChoice
	switch op {
	case crosswalk.IsNull:
		t.op = opIsNull
	case crosswalk.IsNotNull:
		t.op = opIsNull
		return not(t)
	case crosswalk.NotEqual:
		return not(t.condition(crosswalk.Equal, values))
	case crosswalk.In:
		t.op = opAmong
	case crosswalk.NotIn:
		return not(t.condition(crosswalk.In, values))
	case crosswalk.NotContains:
		return not(t.condition(crosswalk.Contains, values))
	case crosswalk.Contains, crosswalk.StartsWith, crosswalk.EndsWith:
		t.op, t.comparison = opSearch, op
		if multi {
			t.op = opOptions
		}
	case crosswalk.Between:
		return &term{op: opAnd, terms: []*term{
			t.condition(crosswalk.GreaterOrEqual, values[:1]), (&term{trail: t.trail}).condition(crosswalk.LessOrEqual, values[1:]),
		}}
	default:
		return t.ordered(op, values[0])
	}
	return t
}

// ordered compares by an order. A day with which a moment is compared is that whole
// day: after it means after its end.
func (t *term) ordered(op crosswalk.Comparison, v operand) *term {
	if !v.day {
		return t.compare(op, v)
	}
	begin, end := operand{n: v.n}, operand{n: v.end}
	switch op {
	case crosswalk.Equal:
		return t.span(begin, end)
	case crosswalk.Greater:
		return t.compare(crosswalk.GreaterOrEqual, end)
	case crosswalk.LessOrEqual:
		return t.compare(crosswalk.Less, end)
	default:
		return t.compare(op, begin)
	}
}

// count checks the number of values.
func (c *compiler) count(at string, a *crosswalk.Attribute, f *crosswalk.Condition) bool {
	n := len(f.Values)
	switch takes := values(a, f.Operator); {
	case takes == 0 && n > 0:
		c.problems.Add(at, "This comparison takes no value.")
	case takes > 0 && n == 0, takes < 0 && n == 0:
		c.problems.Add(at, "Say what to compare %s with.", a.DisplayName)
	case takes == 1 && n > 1:
		c.problems.AddHint(at, `Use "in" to compare with several.`, "This comparison takes one value, not %d.", n)
	case takes == 2 && n != 2:
		c.problems.AddHint(at, "Give the smallest and the largest value.", "This comparison takes two values, not %d.", n)
	default:
		return true
	}
	return false
}

// values returns how many values a comparison takes, -1 for one or more.
func values(a *crosswalk.Attribute, op crosswalk.Comparison) int {
	switch op {
	case crosswalk.IsNull, crosswalk.IsNotNull:
		return 0
	case crosswalk.Between:
		return 2
	case crosswalk.In, crosswalk.NotIn:
		return -1
	case crosswalk.LastDays, crosswalk.NextDays, crosswalk.OlderThanDays:
		return 1
	}
	switch {
	case isRelative(op):
		return 0
	case a.Type == crosswalk.AttributeMultiChoice:
		return -1
	}
	return 1
}

// allowed reports whether the attribute can be compared that way.
func allowed(a *crosswalk.Attribute, op crosswalk.Comparison) bool {
	if op == crosswalk.IsNull || op == crosswalk.IsNotNull {
		return true
	}
	equal := op == crosswalk.Equal || op == crosswalk.NotEqual
	among := op == crosswalk.In || op == crosswalk.NotIn
	contains := op == crosswalk.Contains || op == crosswalk.NotContains
	if a.Type == crosswalk.AttributeMultiChoice {
		return contains
	}
	switch sourceKind(a) {
	case column.Text:
		return equal || among || contains || op == crosswalk.StartsWith || op == crosswalk.EndsWith
	case column.GUID:
		return equal || among
	case column.Int, column.Decimal:
		return equal || among || isOrder(op)
	case column.Time, column.Date:
		return equal || isOrder(op) || isRelative(op)
	default:
		return equal
	}
}

func isOrder(op crosswalk.Comparison) bool {
	switch op {
	case crosswalk.Greater, crosswalk.GreaterOrEqual, crosswalk.Less, crosswalk.LessOrEqual, crosswalk.Between:
		return true
	}
	return false
}

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

// quote writes a text in quotes, with those inside doubled.
func quote(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }
