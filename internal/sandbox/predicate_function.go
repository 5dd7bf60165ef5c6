package sandbox

import (
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// queryFunction compiles a function of Dataverse. Values come as texts,
// whatever the column.
func (x *compiler) queryFunction(t *table, e *odata.Call) (predicate, error) {
	name, ok := strings.CutPrefix(e.Name, "Microsoft.Dynamics.CRM.")
	if !ok || functionOperators[name] == "" {
		return nil, badRequest("An unknown function with name '%s' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.", e.Name)
	}
	property := e.Argument("PropertyName")
	if property == nil {
		return nil, badRequest("The function '%s' needs the parameter PropertyName.", e.Name)
	}
	l, ok := property.Value.(odata.Literal)
	if !ok || l.Kind != odata.StringLiteral {
		return nil, badRequest("The parameter PropertyName of '%s' is not a string.", e.Name)
	}
	operator := functionOperators[name]
	var values []string
	switch takes(operator) {
	case noValue:
		if len(e.Args) != 1 {
			return nil, badRequest("The function '%s' takes the parameter PropertyName alone.", e.Name)
		}
	case oneValue:
		given := e.Argument("PropertyValue")
		if len(e.Args) != 2 || given == nil || given.Values != nil {
			return nil, badRequest("The function '%s' needs the parameters PropertyName and PropertyValue.", e.Name)
		}
		l, ok := given.Value.(odata.Literal)
		if !ok {
			return nil, badRequest("The parameter PropertyValue of '%s' is not a value.", e.Name)
		}
		values = []string{l.Text}
	default:
		given := e.Argument("PropertyValues")
		if len(e.Args) != 2 || given == nil || given.Values == nil {
			return nil, badRequest("The function '%s' needs the parameters PropertyName and PropertyValues.", e.Name)
		}
		values = given.Values
	}
	path := odata.Path(strings.Split(l.Text, "/"))
	if a := t.byName[path[0]]; a != nil && len(path) == 1 {
		path = odata.Path{a.member} // lookups by either name
	}
	p, err := t.property(path)
	if err != nil {
		return nil, err
	}
	return x.condition(p, operator, values)
}

// functionOperators names the operator of FetchXML that each query function
// stands for.
var functionOperators = func() map[string]string {
	all := map[string]string{
		"Contains": "contains", "ContainValues": "contain-values", "DoesNotContainValues": "not-contain-values",
		"EqualUserId": "eq-userid", "NotEqualUserId": "ne-userid", "EqualBusinessId": "eq-businessid", "NotEqualBusinessId": "ne-businessid",
		"Last7Days": "last-seven-days", "Next7Days": "next-seven-days",
	}
	for _, operator := range slices.Concat(fiscalOperators, fiscalNumbers, []string{
		"in", "not-in", "between", "not-between", "on", "on-or-after", "on-or-before", "today", "tomorrow", "yesterday",
		"this-week", "this-month", "this-year", "last-week", "last-month", "last-year", "next-week", "next-month", "next-year",
		"last-x-hours", "last-x-days", "last-x-weeks", "last-x-months", "last-x-years",
		"next-x-hours", "next-x-days", "next-x-weeks", "next-x-months", "next-x-years",
		"olderthan-x-minutes", "olderthan-x-hours", "olderthan-x-days", "olderthan-x-weeks", "olderthan-x-months", "olderthan-x-years",
	}) {
		name := ""
		for word := range strings.SplitSeq(strings.Replace(operator, "olderthan", "older-than", 1), "-") {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		all[name] = operator
	}
	return all
}()

// arity is how many values a condition takes.
type arity uint8

const (
	noValue arity = iota
	oneValue
	twoValues
	manyValues
)

func takes(operator string) arity {
	switch operator {
	case "between", "not-between":
		return twoValues
	case "in", "not-in", "contain-values", "not-contain-values":
		return manyValues
	case "null", "not-null", "eq-userid", "ne-userid", "eq-businessid", "ne-businessid", "eq-userteams", "eq-useroruserteams",
		"today", "tomorrow", "yesterday", "last-seven-days", "next-seven-days", "this-week", "this-month", "this-year",
		"last-week", "last-month", "last-year", "next-week", "next-month", "next-year":
		return noValue
	}
	if slices.Contains(fiscalOperators, operator) {
		return noValue
	}
	return oneValue
}

// condition compiles an operator of FetchXML on one column. Its values are
// texts, as many as the operator takes.
func (x *compiler) condition(p *reader, operator string, texts []string) (predicate, error) {
	var v value
	column := family(p.attribute)
	if column == "Edm.DateTimeOffset" || column == "Edm.Date" {
		from, to, is, err := x.span(operator, texts)
		if err != nil {
			return nil, err
		}
		if is {
			return func(row int) bool {
				p.read(row, &v)
				if v.kind == kindNull {
					return false
				}
				at := v.n
				if v.kind == kindDate {
					at *= 86400
				}
				return from <= at && at < to
			}, nil
		}
	} else if isDateOperator(operator) {
		return nil, badRequest("The condition operator '%s' is not supported for the attribute '%s'.", operator, p.attribute.name)
	}
	switch operator {
	case "null", "not-null":
		return func(row int) bool {
			p.read(row, &v)
			return (v.kind == kindNull) == (operator == "null")
		}, nil
	case "eq-userid", "ne-userid", "eq-businessid", "ne-businessid":
		if column != "Edm.Guid" {
			return nil, badRequest("The condition operator '%s' is not supported for the attribute '%s'.", operator, p.attribute.name)
		}
		want := x.user
		if strings.HasSuffix(operator, "businessid") {
			want = x.unit
		}
		return func(row int) bool {
			p.read(row, &v)
			return (v.kind == kindGUID && v.id == want) == strings.HasPrefix(operator, "eq")
		}, nil
	case "contain-values", "not-contain-values":
		return containValues(p, texts, operator != "contain-values")
	case "like", "not-like", "begins-with", "not-begin-with", "ends-with", "not-end-with", "contains":
		return textCondition(p, operator, texts[0])
	}
	values := make([]value, len(texts))
	for i, text := range texts {
		if err := p.text(text, &values[i]); err != nil {
			return nil, err
		}
	}
	no := strings.HasPrefix(operator, "not-")
	switch operator {
	case "between", "not-between":
		if len(values) != 2 {
			return nil, badRequest("The condition operator '%s' requires 2 values. Values.Length: %d", operator, len(values))
		}
		return func(row int) bool {
			p.read(row, &v)
			return v.kind != kindNull && (holds(odata.Ge, &v, &values[0]) && holds(odata.Le, &v, &values[1])) != no
		}, nil
	case "in", "not-in":
		return func(row int) bool {
			p.read(row, &v)
			return slices.ContainsFunc(values, func(w value) bool { return holds(odata.Eq, &v, &w) }) != no
		}, nil
	}
	op, ok := comparisons[operator]
	if !ok {
		return nil, &fault{400, codeInvalidArgument, "The condition operator '" + operator + "' is not valid."}
	}
	if column == "Edm.String" && (op == odata.Eq || op == odata.Ne) && strings.ContainsAny(texts[0], "%_[") {
		return textCondition(p, map[odata.Operator]string{odata.Eq: "like", odata.Ne: "not-like"}[op], texts[0])
	}
	return func(row int) bool {
		p.read(row, &v)
		return holds(op, &v, &values[0])
	}, nil
}

var comparisons = map[string]odata.Operator{
	"eq": odata.Eq, "ne": odata.Ne, "neq": odata.Ne, "gt": odata.Gt, "ge": odata.Ge, "lt": odata.Lt, "le": odata.Le,
}

// textCondition compares with a pattern of SQL.
func textCondition(p *reader, operator, pattern string) (predicate, error) {
	if family(p.attribute) != "Edm.String" {
		return nil, badRequest("The condition operator '%s' is not supported for the attribute '%s'.", operator, p.attribute.name)
	}
	switch operator {
	case "begins-with", "not-begin-with":
		pattern += "%"
	case "ends-with", "not-end-with":
		pattern = "%" + pattern
	case "contains":
		pattern = "%" + pattern + "%"
	}
	l := newLike(pattern)
	no := strings.HasPrefix(operator, "not-")
	var v value
	return func(row int) bool {
		p.read(row, &v)
		return (v.kind == kindText && l.match(v.text)) != no
	}, nil
}

// containValues keeps rows whose multi-select choice has one of the values.
func containValues(p *reader, options []string, no bool) (predicate, error) {
	if p.attribute.typeName != "MultiSelectPicklistType" {
		return nil, badRequest("The attribute '%s' is not a multi-select choice.", p.attribute.name)
	}
	for _, o := range options {
		if _, err := strconv.Atoi(o); err != nil {
			return nil, badRequest("The value '%s' is not of type 'Edm.Int32'.", o)
		}
	}
	var v value
	return func(row int) bool {
		p.read(row, &v)
		if v.kind == kindNull {
			return no
		}
		for chosen := range strings.SplitSeq(string(v.text), ",") {
			if slices.Contains(options, chosen) {
				return !no
			}
		}
		return no
	}, nil
}
