package mapping

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Function describes a function to people who write formulas.
type Function struct {
	Name    string `json:"name"`
	Group   string `json:"group" doc:"text, number, date or logic"`
	Usage   string `json:"usage" doc:"How it is written, for example left(text, count)"`
	Does    string `json:"does" doc:"What it gives, in a sentence"`
	Example string `json:"example" doc:"A formula that uses it"`
	Result  string `json:"result" doc:"What the example gives"`
}

// Functions returns the functions of formulas, by group.
func Functions() []Function {
	all := make([]Function, len(functionList))
	for i, f := range functionList {
		all[i] = f.Function
	}
	return all
}

// function is a function of formulas and how it is computed. It gives null when an
// argument is null, unless nulls is set.
type function struct {
	Function
	params   []kind // the last one repeats when the function is variadic
	optional int    // how many of the last ones may be left out
	variadic bool
	nulls    bool
	result   kind
	call     func(c *checker, m *machine, args []value) value
	// special compiles a call in place of all that.
	special func(c *checker, node ast.Node, args []ast.Node) expression
}

func (f *function) least() int { return len(f.params) - f.optional }

func (f *function) param(i int) kind { return f.params[min(i, len(f.params)-1)] }

var (
	functionList []*function
	functions    = map[string]*function{}
)

func functionNames() []string {
	names := make([]string, 0, len(functionList))
	for _, f := range functionList {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

func init() {
	functionList = slices.Concat(textFunctions(), numberFunctions(), dateFunctions(), logicFunctions())
	for _, f := range functionList {
		functions[f.Name] = f
	}
}

func doc(group, name, usage, does, example, result string) Function {
	return Function{Name: name, Group: group, Usage: usage, Does: does, Example: example, Result: result}
}
