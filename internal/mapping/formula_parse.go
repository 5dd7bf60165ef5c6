package mapping

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// formulaProblem is what is wrong with the text of a formula. It travels as a panic
// while the text is compiled, and never beyond that.
type formulaProblem struct {
	position int // characters before it
	message  string
	hint     string
}

// parseFormula reads the text of a formula. The parser keeps numbers as floats,
// which would lose digits, so it sees zeros of the same length in their place, and
// the numbers are returned by their positions.
func parseFormula(text string) (ast.Node, map[int]string) {
	switch {
	case strings.TrimSpace(text) == "":
		panic(formulaProblem{message: "The formula is empty.", hint: "Write an expression over the record's attributes, for example upper(name)."})
	case !utf8.ValidString(text):
		panic(formulaProblem{message: "The formula is not text in UTF-8."})
	case utf8.RuneCountInString(text) > maxFormulaLength:
		panic(formulaProblem{message: "The formula is too long.", hint: "Keep it below 10,000 characters."})
	}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		panic(syntaxProblem(text, err))
	}
	masked, numbers := []rune(text), map[int]string{}
	for _, t := range tokens {
		if t.Kind != lexer.Number {
			continue
		}
		numbers[t.From] = strings.ReplaceAll(t.Value, "_", "")
		for i := t.From; i < t.To; i++ {
			masked[i] = '0'
		}
	}
	config := conf.CreateNew()
	config.MaxNodes = maxFormulaNodes
	config.DisableIfOperator = true
	tree, err := parser.ParseWithConfig(string(masked), config)
	if err != nil {
		panic(syntaxProblem(text, err))
	}
	return tree.Node, numbers
}

// numberForm is how numbers are written in formulas.
var numberForm = regexp.MustCompile(`^[0-9]*\.?[0-9]*$`)

var unexpected = regexp.MustCompile(`^unexpected token (\w+)(?:\("(.*)"\))?$`)

// syntaxProblem says in our words what the parser says in its own.
func syntaxProblem(text string, err error) formulaProblem {
	p := formulaProblem{message: "The formula cannot be read", hint: "Check brackets, commas and quotes."}
	var e *file.Error
	if !errors.As(err, &e) {
		return p
	}
	p.position = e.From
	m := unexpected.FindStringSubmatch(e.Message)
	switch {
	case strings.Contains(e.Message, "maximum allowed nodes"):
		p.message, p.hint = "The formula is too long", "Keep it below 500 values, operators and calls."
	case strings.Contains(e.Message, "cannot be mixed"):
		p.message, p.hint = "?? stands beside another operator", "Put brackets around it: (a ?? b) + c."
	case strings.Contains(e.Message, "not terminated"):
		p.message, p.hint = "A text does not end", "Close it with the quote that it begins with."
	case m != nil && m[1] == "EOF":
		p.message, p.position = "The formula ends too early", utf8.RuneCountInString(text)
	case m != nil && (m[2] == "contains" || m[2] == "startsWith" || m[2] == "endsWith"):
		p.message = m[2] + " stands between two texts"
		p.hint = `Write for example: name ` + m[2] + ` "x"`
	case m != nil && m[2] != "":
		p.message = "“" + string([]rune(text)[e.From:e.To]) + "” cannot stand here"
	case strings.HasPrefix(e.Message, "unrecognized character"):
		p.message = "A character cannot stand here"
	}
	p.message += "."
	return p
}
