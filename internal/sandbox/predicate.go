package sandbox

import (
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// predicate tells whether a row is kept. It is made for one request and not
// safe for concurrent use.
type predicate func(row int) bool

// compile turns a condition into a predicate over the table's rows. Errors
// are faults, in the words of Dataverse where they are known.
func (t *table) compile(e odata.Expr) (predicate, error) {
	switch e := e.(type) {
	case *odata.Logical:
		left, err := t.compile(e.Left)
		if err != nil {
			return nil, err
		}
		right, err := t.compile(e.Right)
		if err != nil {
			return nil, err
		}
		if e.Or {
			return func(row int) bool { return left(row) || right(row) }, nil
		}
		return func(row int) bool { return left(row) && right(row) }, nil
	case *odata.Not:
		p, err := t.compile(e.Expr)
		if err != nil {
			return nil, err
		}
		return func(row int) bool { return !p(row) }, nil
	case *odata.Comparison:
		return t.comparison(e)
	case *odata.TextCall:
		return t.textCall(e)
	case *odata.Call:
		return t.queryFunction(e)
	}
	return nil, notHere("any and all")
}

// reader reads the value of a property of a row.
type reader struct {
	attribute *attribute
	read      generator
}

// property finds what a path names: a column, or a column of the row that a
// lookup points to.
func (t *table) property(p odata.Path) (*reader, error) {
	if len(p) == 1 {
		a := t.byMember[p[0]]
		if a == nil {
			return nil, noProperty(p[0], t.name)
		}
		return &reader{a, t.column(a)}, nil
	}
	if len(p) > 2 {
		return nil, notHere("filters over more than one lookup")
	}
	for _, a := range t.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		for _, name := range a.targets {
			target := t.data.table(name)
			if target == nil || t.navigationTo(a, name) != p[0] {
				continue
			}
			inner, err := target.property(p[1:])
			if err != nil {
				return nil, err
			}
			var link value
			return &reader{inner.attribute, func(row int, v *value) {
				t.value(row, a, &link)
				if link.kind != kindGUID || link.target != name || link.row < 0 {
					v.null()
					return
				}
				inner.read(link.row, v)
			}}, nil
		}
	}
	return nil, noProperty(p[0], t.name)
}

func (t *table) comparison(e *odata.Comparison) (predicate, error) {
	left, right, op := e.Left, e.Right, e.Op
	if _, ok := left.(odata.Literal); ok {
		if _, ok := right.(odata.Literal); ok {
			return nil, notHere("comparisons of two literals")
		}
		left, right, op = right, left, mirror(op)
	}
	a, err := t.property(left.(odata.Path))
	if err != nil {
		return nil, err
	}
	var v, w value
	if path, ok := right.(odata.Path); ok {
		b, err := t.property(path)
		if err != nil {
			return nil, err
		}
		if family(a.attribute) != family(b.attribute) {
			return nil, incompatible(edmType(a.attribute), edmType(b.attribute), op)
		}
		return func(row int) bool {
			a.read(row, &v)
			b.read(row, &w)
			return holds(op, &v, &w)
		}, nil
	}
	if err := a.literal(right.(odata.Literal), op, &w); err != nil {
		return nil, err
	}
	return func(row int) bool {
		a.read(row, &v)
		return holds(op, &v, &w)
	}, nil
}

func mirror(op odata.Operator) odata.Operator {
	switch op {
	case odata.Gt:
		return odata.Lt
	case odata.Ge:
		return odata.Le
	case odata.Lt:
		return odata.Gt
	case odata.Le:
		return odata.Ge
	}
	return op
}

// holds compares as Dataverse does: null equals only null, is unequal to all
// else, and is neither before nor behind anything.
func holds(op odata.Operator, v, w *value) bool {
	if v.kind == kindNull || w.kind == kindNull {
		switch op {
		case odata.Eq:
			return v.kind == w.kind
		case odata.Ne:
			return v.kind != w.kind
		}
		return false
	}
	if v.kind != w.kind { // an integer against a number with decimals
		v.toDecimal()
		w.toDecimal()
	}
	c := v.compare(w)
	switch op {
	case odata.Eq:
		return c == 0
	case odata.Ne:
		return c != 0
	case odata.Gt:
		return c > 0
	case odata.Ge:
		return c >= 0
	case odata.Lt:
		return c < 0
	}
	return c <= 0
}

func (v *value) toDecimal() {
	if v.kind == kindInt {
		n := v.n
		v.setDecimal(abs(n), 0, 0)
		v.negative = n < 0
	}
}

func (t *table) textCall(e *odata.TextCall) (predicate, error) {
	path, ok := e.Of.(odata.Path)
	l, ok2 := e.Text.(odata.Literal)
	if !ok || !ok2 || l.Kind != odata.StringLiteral {
		return nil, badRequest("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
	}
	p, err := t.property(path)
	if err != nil {
		return nil, err
	}
	if family(p.attribute) != "Edm.String" {
		return nil, badRequest("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
	}
	pattern := l.Text
	switch e.Name {
	case "contains":
		pattern = "%" + pattern + "%"
	case "startswith":
		pattern += "%"
	case "endswith":
		pattern = "%" + pattern
	}
	like := newLike(pattern)
	var v value
	return func(row int) bool {
		p.read(row, &v)
		return v.kind == kindText && like.match(v.text)
	}, nil
}

// queryFunctions are the functions of Dataverse that are here. Values come as
// texts, whatever the column.
var queryFunctions = []string{"In", "NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"}

// queryFunction compiles a function of Dataverse.
func (t *table) queryFunction(e *odata.Call) (predicate, error) {
	name, ok := strings.CutPrefix(e.Name, "Microsoft.Dynamics.CRM.")
	if !ok {
		return nil, badRequest("An unknown function with name '%s' was found.", e.Name)
	}
	if !slices.Contains(queryFunctions, name) {
		return nil, notHere("the query function " + e.Name)
	}
	property, list := e.Argument("PropertyName"), e.Argument("PropertyValues")
	if len(e.Args) != 2 || property == nil || list == nil || list.Values == nil {
		return nil, badRequest("The function '%s' needs the parameters PropertyName and PropertyValues.", e.Name)
	}
	l, ok := property.Value.(odata.Literal)
	if !ok || l.Kind != odata.StringLiteral {
		return nil, badRequest("The parameter PropertyName of '%s' is not a string.", e.Name)
	}
	column := l.Text
	if a := t.byName[column]; a != nil {
		column = a.member // lookups by either name
	}
	p, err := t.property(odata.Path{column})
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, "ContainValues") {
		return containValues(p, list.Values, name != "ContainValues")
	}
	values := make([]value, len(list.Values))
	for i, text := range list.Values {
		if err := p.text(text, &values[i]); err != nil {
			return nil, err
		}
	}
	var v value
	no := strings.HasPrefix(name, "Not")
	if strings.HasSuffix(name, "Between") {
		if len(values) != 2 {
			return nil, badRequest("The function '%s' needs two values.", e.Name)
		}
		return func(row int) bool {
			p.read(row, &v)
			return v.kind != kindNull && (holds(odata.Ge, &v, &values[0]) && holds(odata.Le, &v, &values[1])) != no
		}, nil
	}
	return func(row int) bool {
		p.read(row, &v)
		return slices.ContainsFunc(values, func(w value) bool { return holds(odata.Eq, &v, &w) }) != no
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

// keyRange narrows the positions a walk must look at by what the condition demands
// of the key.
func (t *table) keyRange(e odata.Expr, from, to int) (int, int) {
	switch e := e.(type) {
	case *odata.Logical:
		if !e.Or {
			from, to = t.keyRange(e.Left, from, to)
			return t.keyRange(e.Right, from, to)
		}
	case *odata.Comparison:
		p, ok := e.Left.(odata.Path)
		l, ok2 := e.Right.(odata.Literal)
		if !ok || !ok2 || len(p) != 1 || p[0] != t.key.name || l.Kind != odata.GUIDLiteral {
			break
		}
		id, _ := parseGUID(l.Text)
		at := t.search(id)
		after := at
		if at < t.positions() && t.id(t.at(at)) == id {
			after++
		}
		switch e.Op {
		case odata.Eq:
			from, to = max(from, at), min(to, after)
		case odata.Ge:
			from = max(from, at)
		case odata.Gt:
			from = max(from, after)
		case odata.Lt:
			to = min(to, at)
		case odata.Le:
			to = min(to, after)
		}
	}
	return from, max(from, to)
}
