package mapping

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of an expression of conditions.
const (
	maxLogicLength = 10_000 // bytes
	maxLogicDepth  = 50     // brackets and NOT in one another
)

// logic compiles the expression that says how the conditions combine, by their
// numbers from 1. NOT binds tightest, then AND, then OR; the words may be written
// in lower case. When something is wrong it notes that and returns nil.
func (c *compiler) logic(at, text string, conditions []*term) *term {
	if len(text) > maxLogicLength {
		c.problems.AddHint(at, "Keep it below 10,000 characters.", "The expression is too long.")
		return nil
	}
	p := logicParser{text: text, conditions: conditions, used: make([]bool, len(conditions))}
	t := p.parse()
	if p.message != "" {
		c.problems.AddHint(at, p.hint, "At character %d: %s", utf8.RuneCountInString(text[:p.failed])+1, p.message)
		return nil
	}
	for i, used := range p.used {
		if !used {
			c.problems.AddHint(at, "Use it in the expression, or remove the condition.", "Condition %d is not used.", i+1)
		}
	}
	return t
}

// logicParser reads an expression. After a failure it stands at the end of the
// text, so that everything still reading comes to its end as well.
type logicParser struct {
	text       string
	pos        int
	depth      int
	conditions []*term
	used       []bool

	message, hint string
	failed        int
}

func (p *logicParser) fail(at int, hint, format string, args ...any) *term {
	if p.message == "" {
		p.message, p.hint, p.failed = fmt.Sprintf(format, args...), hint, at
	}
	p.pos = len(p.text)
	return &term{op: opAnd}
}

func (p *logicParser) parse() *term {
	t := p.or()
	if at, word := p.peek(); word != "" {
		return p.fail(at, "Join conditions by AND or OR.", "%q cannot stand here.", word)
	}
	return t
}

// peek returns the next word, number or bracket and where it begins; "" at
// the end.
func (p *logicParser) peek() (at int, word string) {
	rest := strings.TrimLeft(p.text[p.pos:], " \t\r\n")
	at = len(p.text) - len(rest)
	if rest == "" {
		return at, ""
	}
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	for _, is := range []func(byte) bool{letter, digit} {
		n := 0
		for n < len(rest) && is(rest[n]) {
			n++
		}
		if n > 0 {
			return at, rest[:n]
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return at, rest[:size]
}

// take reads the word if it comes next.
func (p *logicParser) take(word string) bool {
	at, next := p.peek()
	if !strings.EqualFold(next, word) {
		return false
	}
	p.pos = at + len(next)
	return true
}

func (p *logicParser) or() *term {
	terms := []*term{p.and()}
	for p.take("OR") {
		terms = append(terms, p.and())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &term{op: opOr, terms: terms}
}

func (p *logicParser) and() *term {
	terms := []*term{p.not()}
	for p.take("AND") {
		terms = append(terms, p.not())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &term{op: opAnd, terms: terms}
}

func (p *logicParser) not() *term {
	at, _ := p.peek()
	if p.depth++; p.depth > maxLogicDepth {
		return p.fail(at, "Remove brackets.", "The expression is too deeply nested.")
	}
	defer func() { p.depth-- }()
	if p.take("NOT") {
		return not(p.not())
	}
	if p.take("(") {
		t := p.or()
		if !p.take(")") && p.message == "" {
			end, _ := p.peek()
			return p.fail(end, "Close it with ).", "A bracket that was opened at character %d is not closed.", utf8.RuneCountInString(p.text[:at])+1)
		}
		return t
	}
	return p.condition()
}

// condition reads the number of a condition.
func (p *logicParser) condition() *term {
	at, word := p.peek()
	if word == "" {
		return p.fail(at, "Finish it with the number of a condition.", "The expression ends too early.")
	}
	if word[0] < '0' || word[0] > '9' {
		return p.fail(at, "Write numbers of conditions, AND, OR, NOT and brackets: (1 AND 2) OR NOT 3.", "%q cannot stand here.", word)
	}
	n, ok := parseInt([]byte(word))
	if !ok || n < 1 || n > int64(len(p.conditions)) {
		return p.fail(at, fmt.Sprintf("There are %d.", len(p.conditions)), "There is no condition %s.", shorten(word, 20))
	}
	p.pos = at + len(word)
	p.used[n-1] = true
	return p.conditions[n-1]
}
