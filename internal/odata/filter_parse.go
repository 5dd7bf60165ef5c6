package odata

import (
	"encoding/json"
	"strings"
)

// maxNesting bounds nesting, so that no text exhausts the stack.
const maxNesting = 200

type parser struct {
	text    string
	pos     int
	depth   int
	tok     token
	aliases map[string]string
	within  map[string]bool // aliases being read
}

func (p *parser) parse() (e Expr, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(*GrammarError)
			if !ok {
				panic(r)
			}
			e, err = nil, s
		}
	}()
	p.next()
	e = p.or()
	if p.tok.kind != endToken {
		p.fail("Syntax error")
	}
	return e, nil
}

// fail ends parsing at the current token.
func (p *parser) fail(message string) {
	panic(&GrammarError{Text: p.text, Position: p.tok.pos, Message: message})
}

func (p *parser) enter() {
	p.depth++
	if p.depth > maxNesting {
		p.fail("Too deeply nested")
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) word(w string) bool { return p.tok.kind == nameToken && p.tok.text == w }

func (p *parser) or() Expr {
	p.enter()
	defer p.leave()
	e := p.and()
	for p.word("or") {
		p.next()
		e = &Logical{Or: true, Left: e, Right: p.and()}
	}
	return e
}

func (p *parser) and() Expr {
	e := p.not()
	for p.word("and") {
		p.next()
		e = &Logical{Left: e, Right: p.not()}
	}
	return e
}

func (p *parser) not() Expr {
	if !p.word("not") {
		return p.primary()
	}
	p.enter()
	defer p.leave()
	p.next()
	return &Not{Expr: p.not()}
}

var operators = map[string]Operator{"eq": Eq, "ne": Ne, "gt": Gt, "ge": Ge, "lt": Lt, "le": Le}

func (p *parser) primary() Expr {
	if p.tok.kind == '(' {
		p.next()
		e := p.or()
		p.expect(')')
		return e
	}
	if p.tok.kind == nameToken && p.peek() == '(' {
		return p.call()
	}
	start := p.tok
	left := p.operand()
	if l, ok := left.(Path); ok && p.tok.kind == '(' {
		return p.lambda(l)
	}
	op, ok := operators[p.tok.text]
	if p.tok.kind != nameToken || !ok {
		switch l := left.(type) {
		case Path:
			return &Comparison{Op: Eq, Left: l, Right: Literal{Kind: BoolLiteral, Text: "true"}}
		case Literal:
			if l.Kind == BoolLiteral {
				return &Comparison{Op: Eq, Left: l, Right: Literal{Kind: BoolLiteral, Text: "true"}}
			}
		}
		if p.tok.kind == endToken {
			p.tok = start
		}
		p.fail("Syntax error")
	}
	p.next()
	return &Comparison{Op: op, Left: left, Right: p.operand()}
}

// operand reads a path or a literal.
func (p *parser) operand() Operand {
	t := p.tok
	switch t.kind {
	case literalToken:
		p.next()
		return t.literal
	case aliasToken:
		return p.alias()
	case nameToken:
		switch t.text {
		case "null":
			p.next()
			return Literal{Kind: NullLiteral, Text: "null"}
		case "true", "false":
			p.next()
			return Literal{Kind: BoolLiteral, Text: t.text}
		case "eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not":
			p.fail("Syntax error")
		}
		return p.path()
	}
	p.fail("Syntax error")
	return nil
}

func (p *parser) path() Path {
	path := Path{p.tok.text}
	p.next()
	for p.tok.kind == '/' {
		p.next()
		if p.tok.kind != nameToken {
			p.fail("Syntax error")
		}
		path = append(path, p.tok.text)
		p.next()
	}
	return path
}

// alias reads a parameter such as @p1 as the value given for it.
func (p *parser) alias() Operand {
	name := p.tok.text
	text, ok := p.aliases[name]
	if !ok || p.within[name] {
		p.fail("The parameter alias " + name + " has no value")
	}
	within := map[string]bool{name: true}
	for k := range p.within {
		within[k] = true
	}
	inner := &parser{text: text, aliases: p.aliases, within: within}
	inner.next()
	v := inner.operand()
	if inner.tok.kind != endToken {
		inner.fail("Syntax error")
	}
	p.next()
	return v
}

func (p *parser) call() Expr {
	name := p.tok.text
	switch name {
	case "contains", "startswith", "endswith":
		p.next()
		p.next()
		c := &TextCall{Name: name, Of: p.operand()}
		p.expect(',')
		c.Text = p.operand()
		p.expect(')')
		return c
	}
	if !strings.Contains(name, ".") {
		p.fail("An unknown function with name '" + name + "' was found")
	}
	p.next()
	p.next()
	c := &Call{Name: name}
	for p.tok.kind != ')' {
		if p.tok.kind != nameToken {
			p.fail("Syntax error")
		}
		a := Argument{Name: p.tok.text}
		p.next()
		p.expect('=')
		p.value(&a)
		c.Args = append(c.Args, a)
		if p.tok.kind != ',' {
			break
		}
		p.next()
		if p.tok.kind == ')' {
			p.fail("Syntax error")
		}
	}
	p.expect(')')
	return c
}

// value reads what follows = in a call: an operand or a JSON list.
func (p *parser) value(a *Argument) {
	if p.tok.kind == aliasToken {
		if text := strings.TrimSpace(p.aliases[p.tok.text]); strings.HasPrefix(text, "[") {
			values, n, ok := jsonList(text)
			if !ok || n != len(text) {
				p.fail("Syntax error in a list")
			}
			a.Values = values
			p.next()
			return
		}
	}
	if p.tok.kind == '[' {
		values, n, ok := jsonList(p.text[p.tok.pos:])
		if !ok {
			p.fail("Syntax error in a list")
		}
		a.Values = values
		p.pos = p.tok.pos + n
		p.next()
		return
	}
	a.Value = p.operand()
}

// jsonList reads the JSON array of strings and numbers with which s begins, and
// returns its length.
func jsonList(s string) (values []string, n int, ok bool) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var list []any
	if err := d.Decode(&list); err != nil {
		return nil, 0, false
	}
	values = []string{}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			values = append(values, v)
		case json.Number:
			values = append(values, v.String())
		default:
			return nil, 0, false
		}
	}
	return values, int(d.InputOffset()), true
}

// lambda reads (o:o/x eq ..) after Coll/any; the last segment of the path is any
// or all.
func (p *parser) lambda(path Path) Expr {
	kind := path[len(path)-1]
	if len(path) < 2 || kind != "any" && kind != "all" {
		p.fail("Syntax error")
	}
	l := &Lambda{Path: path[:len(path)-1], All: kind == "all"}
	p.next()
	if p.tok.kind == ')' && !l.All {
		p.next()
		return l
	}
	if p.tok.kind != nameToken {
		p.fail("Syntax error")
	}
	l.Variable = p.tok.text
	p.next()
	p.expect(':')
	l.Condition = p.or()
	p.expect(')')
	return l
}

func (p *parser) expect(kind tokenKind) {
	if p.tok.kind != kind {
		p.fail("Syntax error")
	}
	p.next()
}
