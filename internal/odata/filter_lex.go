package odata

import (
	"regexp"
	"strings"
)

// tokenKind is the character itself for punctuation.
type tokenKind byte

const (
	endToken     tokenKind = 0
	nameToken    tokenKind = 'n' // with dots
	literalToken tokenKind = 'l'
	aliasToken   tokenKind = '@'
)

type token struct {
	kind    tokenKind
	pos     int
	text    string
	literal Literal
}

var (
	guidPattern   = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	datePattern   = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`)
	timePattern   = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)$`)
	numberPattern = regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$`)
)

// next reads the next token.
func (p *parser) next() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
	p.tok = token{pos: p.pos}
	if p.pos == len(p.text) {
		return
	}
	switch c := p.text[p.pos]; {
	case strings.IndexByte("(),/:=[]$", c) >= 0:
		p.tok.kind = tokenKind(c)
		p.pos++
	case c == '\'':
		p.tok.kind = literalToken
		p.tok.literal = Literal{Kind: StringLiteral, Text: p.quoted()}
	case c == '@':
		p.tok.kind = aliasToken
		p.pos++
		p.tok.text = "@" + p.run(isName)
		if len(p.tok.text) == 1 {
			p.fail("Syntax error")
		}
	case isName(c) && (c < '0' || c > '9'):
		p.nameOrLiteral()
	case c == '+' || c == '-' || '0' <= c && c <= '9':
		p.tok.text = p.run(isValue)
		p.bare()
	default:
		p.fail("Syntax error: character '" + string(c) + "' is not valid")
	}
}

// nameOrLiteral reads a name, an enumeration's literal or a GUID that begins
// with a letter.
func (p *parser) nameOrLiteral() {
	start := p.pos
	if s := p.run(isValue); guidPattern.MatchString(s) {
		p.tok.text = s
		p.bare()
		return
	}
	p.pos = start
	p.tok.kind = nameToken
	p.tok.text = p.run(func(c byte) bool { return isName(c) || c == '.' })
	if p.pos < len(p.text) && p.text[p.pos] == '\'' {
		if !strings.Contains(p.tok.text, ".") {
			p.fail("Unrecognized '" + p.tok.text + "' literal") // guid'..', datetime'..' of older versions
		}
		name := p.tok.text
		p.tok.kind = literalToken
		p.tok.literal = Literal{Kind: EnumLiteral, Text: p.quoted(), Type: name}
	}
}

// bare reads the token's text as a literal without quotes.
func (p *parser) bare() {
	s := p.tok.text
	p.tok.kind = literalToken
	kind := NumberLiteral
	switch {
	case guidPattern.MatchString(s):
		kind = GUIDLiteral
	case datePattern.MatchString(s):
		kind = DateLiteral
	case timePattern.MatchString(s):
		kind = TimeLiteral
	case numberPattern.MatchString(s):
	default:
		p.fail("Unrecognized literal '" + s + "'")
	}
	p.tok.literal = Literal{Kind: kind, Text: s}
}

// quoted reads '..' and makes doubled quotes single.
func (p *parser) quoted() string {
	var b strings.Builder
	for i := p.pos + 1; i < len(p.text); i++ {
		if p.text[i] != '\'' {
			b.WriteByte(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		p.pos = i + 1
		return b.String()
	}
	p.fail("There is an unterminated string literal")
	return ""
}

// run reads bytes while ok.
func (p *parser) run(ok func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.text) && ok(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// peek returns the byte after the current token.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func isName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

func isValue(c byte) bool {
	return isName(c) || c == '-' || c == '+' || c == ':' || c == '.'
}
