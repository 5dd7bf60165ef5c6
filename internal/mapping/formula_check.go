package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/crosswalk-data/crosswalk"
)

// expression is a part of a formula that has been checked.
type expression struct {
	kind     kind
	eval     func(m *machine) value
	constant bool    // the same for every record
	literal  *string // the text that it is, when it is written as one
	ref      *ref    // the attribute that it is, when it is one
}

// checker turns what the parser read into expressions.
type checker struct {
	*compiler
	at      string         // place of the formula in the input
	numbers map[int]string // the numbers of the text, by their positions
	zone    *time.Location // in which moments become days
	now     time.Time
}

func constant(v value) expression {
	return expression{kind: v.kind, constant: true, eval: func(*machine) value { return v }}
}

// problem ends the checks at a node.
func problem(at ast.Node, hint, format string, args ...any) {
	panic(formulaProblem{position: at.Location().From, message: fmt.Sprintf(format, args...), hint: hint})
}

func (c *checker) check(node ast.Node) expression {
	switch n := node.(type) {
	case *ast.NilNode:
		return constant(value{})
	case *ast.BoolNode:
		return constant(boolValue(n.Value))
	case *ast.StringNode:
		x := constant(textValue(n.Value))
		x.literal = &n.Value
		return x
	case *ast.IntegerNode, *ast.FloatNode:
		return c.number(node)
	case *ast.IdentifierNode, *ast.MemberNode:
		return c.attribute(node)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n, n.Cond, n.Exp1, n.Exp2)
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(n, name.Value, n.Arguments)
		}
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments)
	}
	problem(node, "Use attributes, numbers, texts, operators and functions.", "This is not part of the language of formulas.")
	return expression{}
}

func (c *checker) number(node ast.Node) expression {
	text := c.numbers[node.Location().From]
	if !numberForm.MatchString(text) || len(text) > maxFormulaDigits {
		problem(node, "Write it with digits and a point, for example 12.5.", "%s is not a number in a formula.", shorten(text, shownInMessage))
	}
	return constant(numberValue(parseNumber(text)))
}

// attribute finds the attribute that a path names.
func (c *checker) attribute(node ast.Node) expression {
	path, ok := formulaPath(node)
	if !ok {
		problem(node, "Write for example primarycontactid.emailaddress1.", "This is not the path of an attribute.")
	}
	before := len(c.problems)
	r, ok := c.read(c.at, path)
	if !ok {
		p := crosswalk.FieldError{Message: "The metadata of a table could not be read."}
		if len(c.problems) > before {
			p = c.problems[before]
			c.problems = c.problems[:before]
		}
		if strings.EqualFold(path, "null") {
			p.Hint = "Ask isNull(x) whether x is empty; an empty value is written nil."
		}
		problem(node, p.Hint, "%s", p.Message)
	}
	k := kindOf(r.attribute)
	return expression{kind: k, ref: &r, eval: func(m *machine) value { return m.read(r.column, k) }}
}

// formulaPath returns the path that is written as lookup.attribute or
// lookup(table).attribute.
func formulaPath(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.MemberNode:
		name, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional {
			return "", false
		}
		before, ok := formulaPath(n.Node)
		return before + "." + name.Value, ok
	case *ast.CallNode:
		before, ok := formulaPath(n.Callee)
		if !ok || len(n.Arguments) != 1 {
			return "", false
		}
		table, ok := n.Arguments[0].(*ast.IdentifierNode)
		if !ok {
			text, isText := n.Arguments[0].(*ast.StringNode)
			if !isText {
				return "", false
			}
			return before + "(" + text.Value + ")", true
		}
		return before + "(" + table.Value + ")", true
	}
	return "", false
}

// fold computes what is the same for every record while the formula is being
// checked, so that failures show then.
func (c *checker) fold(node ast.Node, x expression, parts ...expression) (folded expression) {
	if slices.ContainsFunc(parts, func(p expression) bool { return !p.constant }) {
		return x
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			problem(node, "That is so for every record, whatever it holds: write it differently.", "This has no value: %s.", string(r))
		default:
			panic(r)
		}
	}()
	folded = constant(x.eval(&machine{}))
	folded.kind = x.kind
	return folded
}

// want checks that an expression is of the kind k, or nil.
func want(node ast.Node, x expression, k kind, format string, args ...any) {
	if x.kind != kindNull && x.kind&k == 0 {
		problem(node, wantHint(x.kind, k), "%s takes %s, not %s.", fmt.Sprintf(format, args...), k, x.kind)
	}
}

func wantHint(have, want kind) string {
	switch {
	case have&kindText != 0 && want&kindNumber != 0:
		return "number(x) reads a number from a text."
	case want&kindText != 0:
		return "text(x) writes anything as text."
	case have&kindText != 0 && want&kindDay != 0:
		return "date(x) reads a date from a text."
	case want == kindBool:
		return "Compare it with something, for example x > 0."
	}
	return ""
}

// same returns the kind that all expressions have in common, apart from those that
// are nil.
func same(nodes []ast.Node, all []expression) kind {
	k := kindNull
	for i, x := range all {
		if k != kindNull && x.kind != kindNull && k != x.kind {
			problem(nodes[i], sameHint(k, x.kind), "All values must be of one kind: this is %s, the one before %s.", x.kind, k)
		}
		k |= x.kind
	}
	return k
}

func sameHint(a, b kind) string {
	switch {
	case (a|b)&kindText != 0:
		return "text(x) writes anything as text."
	case (a|b)&^kindDay == 0:
		return "date(x) takes the day of a moment."
	}
	return ""
}

func (c *checker) all(nodes []ast.Node) []expression {
	all := make([]expression, len(nodes))
	for i, n := range nodes {
		all[i] = c.check(n)
	}
	return all
}

func (c *checker) conditional(node, condition, yes, no ast.Node) expression {
	parts := c.all([]ast.Node{condition, yes, no})
	want(condition, parts[0], kindBool, "A condition")
	k := same([]ast.Node{yes, no}, parts[1:])
	test, then, other := parts[0].eval, parts[1].eval, parts[2].eval
	return c.fold(node, expression{kind: k, eval: func(m *machine) value {
		m.charge(0)
		if test(m).n != 0 {
			return then(m)
		}
		return other(m)
	}}, parts...)
}

// call compiles a call, which may also be the path of an attribute that goes
// through a lookup to a table.
func (c *checker) call(node ast.Node, name string, args []ast.Node) expression {
	f := functions[name]
	if f == nil {
		problem(node, "The functions are "+strings.Join(functionNames(), ", ")+".", "There is no function %q.", name)
	}
	if n := len(args); n < f.least() || !f.variadic && n > len(f.params) {
		problem(node, "Write "+f.Usage+".", "%s does not take %d values.", name, n)
	}
	if f.special != nil {
		return f.special(c, node, args)
	}
	parts := c.all(args)
	for i, x := range parts {
		want(args[i], x, f.param(i), "%s", name)
	}
	if f.variadic && f.params[0] != kindAny {
		same(args, parts)
	}
	evals := make([]func(*machine) value, len(parts))
	for i, x := range parts {
		evals[i] = x.eval
	}
	call, nulls := f.call, f.nulls
	x := expression{kind: f.result, eval: func(m *machine) value {
		values := make([]value, len(evals))
		for i, eval := range evals {
			if values[i] = eval(m); values[i].null() && !nulls {
				return value{}
			}
			m.charge(len(values[i].text))
		}
		return call(c, m, values)
	}}
	if len(parts) == 0 {
		return x // the time, which is not known when a job is saved
	}
	return c.fold(node, x, parts...)
}
