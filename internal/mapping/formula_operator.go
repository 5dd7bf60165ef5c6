package mapping

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *checker) unary(n *ast.UnaryNode) expression {
	x := c.check(n.Node)
	eval := x.eval
	switch n.Operator {
	case "not", "!":
		want(n.Node, x, kindBool, "not")
		return c.fold(n, expression{kind: kindBool, eval: func(m *machine) value {
			v := eval(m)
			if v.null() {
				return v
			}
			return boolValue(v.n == 0)
		}}, x)
	case "-", "+":
		want(n.Node, x, kindNumber, "%s", n.Operator)
		negative := n.Operator == "-"
		return c.fold(n, expression{kind: kindNumber, eval: func(m *machine) value {
			v := eval(m)
			if v.null() || !negative {
				return v
			}
			return numberValue(arithmetic["-"](zero, v.number))
		}}, x)
	}
	problem(n, operatorHint, "There is no operator %q in formulas.", n.Operator)
	return expression{}
}

func (c *checker) binary(n *ast.BinaryNode) expression {
	if n.Operator == "in" {
		return c.in(n)
	}
	a, b := c.check(n.Left), c.check(n.Right)
	nodes, parts := []ast.Node{n.Left, n.Right}, []expression{a, b}
	both := func(k kind) {
		for i, x := range parts {
			want(nodes[i], x, k, "%s", n.Operator)
		}
	}
	var x expression
	switch n.Operator {
	case "and", "&&", "or", "||":
		both(kindBool)
		x = logical(n.Operator == "or" || n.Operator == "||", a.eval, b.eval)
	case "==", "!=":
		same(nodes, parts)
		no := n.Operator == "!="
		x = expression{kind: kindBool, eval: func(m *machine) value {
			return boolValue(equal(m, a.eval(m), b.eval(m)) != no)
		}}
	case "??":
		x = expression{kind: same(nodes, parts), eval: first([]expression{a, b})}
	case "<", "<=", ">", ">=":
		both(kindAny &^ kindBool)
		same(nodes, parts)
		holds := orders[n.Operator]
		x = strict(kindBool, a, b, func(_ *machine, v, w value) value { return boolValue(holds(v.compare(w))) })
	case "contains", "startsWith", "endsWith":
		both(kindText)
		holds := searches[n.Operator]
		x = strict(kindBool, a, b, func(_ *machine, v, w value) value { return boolValue(holds(v.text, w.text)) })
	case "+", "-", "*", "/", "%":
		x = c.arithmetic(n, a, b)
	default:
		problem(n, operatorHint, "There is no operator %q in formulas.", n.Operator)
	}
	return c.fold(n, x, a, b)
}

const operatorHint = "There are + - * / %, == != < <= > >=, and, or, not, in, contains, startsWith, endsWith, ?: and ??."

var orders = map[string]func(int) bool{
	"<":  func(c int) bool { return c < 0 },
	"<=": func(c int) bool { return c <= 0 },
	">":  func(c int) bool { return c > 0 },
	">=": func(c int) bool { return c >= 0 },
}

var searches = map[string]func(s, part string) bool{
	"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
}

// strict is an operator that gives null for null.
func strict(k kind, a, b expression, op func(m *machine, v, w value) value) expression {
	return expression{kind: k, eval: func(m *machine) value {
		v := a.eval(m)
		w := b.eval(m)
		if v.null() || w.null() {
			return value{}
		}
		m.charge(len(v.text) + len(w.text))
		return op(m, v, w)
	}}
}

func (c *checker) arithmetic(n *ast.BinaryNode, a, b expression) expression {
	if n.Operator == "+" && (a.kind|b.kind) == kindText {
		return strict(kindText, a, b, func(m *machine, v, w value) value {
			m.made(len(v.text) + len(w.text))
			return textValue(v.text + w.text)
		})
	}
	hint := ""
	if (a.kind|b.kind)&kindDay != 0 {
		hint = "Dates are moved by addDays and addMonths and compared by daysBetween."
	}
	for i, x := range []expression{a, b} {
		node := []ast.Node{n.Left, n.Right}[i]
		switch {
		case x.kind == kindNull || x.kind == kindNumber && (n.Operator != "+" || (a.kind|b.kind)&kindText == 0):
		case x.kind == kindText && n.Operator == "+": // the other one is to blame
		case n.Operator == "+" && (a.kind|b.kind)&kindText != 0:
			problem(node, "concat(a, b) joins values of any kind.", "+ takes two texts or two numbers, and this is %s.", x.kind)
		default:
			if hint == "" {
				hint = wantHint(x.kind, kindNumber)
			}
			problem(node, hint, "%s takes numbers, not %s.", n.Operator, x.kind)
		}
	}
	op := arithmetic[n.Operator]
	return strict(kindNumber, a, b, func(_ *machine, v, w value) value { return numberValue(op(v.number, w.number)) })
}

// logical is "and" or "or" in three-valued logic: null is neither true nor false,
// and matters only where the other side does not decide.
func logical(or bool, a, b func(*machine) value) expression {
	return expression{kind: kindBool, eval: func(m *machine) value {
		m.charge(0)
		v := a(m)
		if !v.null() && (v.n != 0) == or {
			return v
		}
		w := b(m)
		if !w.null() && (w.n != 0) == or {
			return w
		}
		if v.null() {
			return v
		}
		return w
	}}
}

// equal compares two values, each of which may be null.
func equal(m *machine, v, w value) bool {
	m.charge(len(v.text) + len(w.text))
	if v.null() || w.null() {
		return v.null() == w.null()
	}
	return v.compare(w) == 0
}

// first returns the first value that is not null.
func first(all []expression) func(*machine) value {
	return func(m *machine) value {
		for _, x := range all {
			m.charge(0)
			if v := x.eval(m); !v.null() {
				return v
			}
		}
		return value{}
	}
}

// in compiles the search for a value in a list: x in ["a", "b"].
func (c *checker) in(n *ast.BinaryNode) expression {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		problem(n.Right, `Write for example: statuscode in [1, 2]`, "in takes a list in square brackets.")
	}
	nodes := append([]ast.Node{n.Left}, list.Nodes...)
	parts := c.all(nodes)
	same(nodes, parts)
	return c.fold(n, expression{kind: kindBool, eval: func(m *machine) value {
		v := parts[0].eval(m)
		for _, x := range parts[1:] {
			if equal(m, v, x.eval(m)) {
				return boolValue(true)
			}
		}
		return boolValue(false)
	}}, parts...)
}
