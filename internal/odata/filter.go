package odata

import (
	"fmt"
	"strings"
)

// Expr is a condition of $filter: Logical, Not, Comparison, TextCall, Call or
// Lambda.
type Expr interface{ expr() }

// Logical joins two conditions by and, or by or.
type Logical struct {
	Or          bool
	Left, Right Expr
}

// Not negates a condition.
type Not struct{ Expr Expr }

// Comparison compares two operands. A Boolean property on its own is read as
// compared with true.
type Comparison struct {
	Op          Operator
	Left, Right Operand
}

// TextCall is contains, startswith or endswith.
type TextCall struct {
	Name     string
	Of, Text Operand
}

// Call is a query function of Dataverse with named arguments, for example
// Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=["1","2"]).
type Call struct {
	Name string
	Args []Argument
}

// Argument is a named argument of a Call: one value, or a list of texts.
type Argument struct {
	Name   string
	Value  Operand  // nil when the argument is a list
	Values []string // elements of a list; numbers as written
}

// Lambda is any or all over a collection. Condition is nil for any().
type Lambda struct {
	Path      Path
	All       bool
	Variable  string
	Condition Expr
}

func (*Logical) expr()    {}
func (*Not) expr()        {}
func (*Comparison) expr() {}
func (*TextCall) expr()   {}
func (*Call) expr()       {}
func (*Lambda) expr()     {}

// Argument returns the argument with that name, or nil.
func (c *Call) Argument(name string) *Argument {
	for i := range c.Args {
		if c.Args[i].Name == name {
			return &c.Args[i]
		}
	}
	return nil
}

// Operator is the operator of a Comparison.
type Operator string

// The operators of Comparison.
const (
	Eq Operator = "eq"
	Ne Operator = "ne"
	Gt Operator = "gt"
	Ge Operator = "ge"
	Lt Operator = "lt"
	Le Operator = "le"
)

// Operand is one side of a comparison: a Path or a Literal.
type Operand interface{ operand() }

// Path names a property, with the navigation properties before it.
type Path []string

// String returns the path as it is written.
func (p Path) String() string { return strings.Join(p, "/") }

// Literal is a value. Text is without quotes, and doubled quotes inside are single.
type Literal struct {
	Kind LiteralKind
	Text string
	Type string // only of an enumeration: its qualified type
}

func (Path) operand()    {}
func (Literal) operand() {}

// LiteralKind is what a literal looks like.
type LiteralKind uint8

// The kinds of literals.
const (
	NullLiteral   LiteralKind = iota
	BoolLiteral               // true, false
	NumberLiteral             // 1, -2.50, 1e3
	StringLiteral             // 'text'
	GUIDLiteral               // bare, never guid'..'
	DateLiteral               // 2024-01-31
	TimeLiteral               // 2024-01-31T10:00:00Z
	EnumLiteral               // Namespace.Type'Member'
)

// GrammarError says where a query option cannot be parsed.
type GrammarError struct {
	Text     string // the whole option
	Position int    // bytes from its beginning
	Message  string
}

// Error returns the message with place and text.
func (e *GrammarError) Error() string {
	return fmt.Sprintf("%s at position %d in '%s'.", e.Message, e.Position, e.Text)
}

// ParseFilter parses a $filter that is already percent-decoded. Aliases holds the
// values of parameters such as @p1 and may be nil. An error is a *GrammarError.
//
// It accepts the part of the grammar that Dataverse supports: no arithmetic,
// no functions on values, no operator in.
func ParseFilter(text string, aliases map[string]string) (Expr, error) {
	p := &parser{text: text, aliases: aliases}
	e, err := p.parse()
	if err != nil {
		return nil, err
	}
	return e, nil
}
