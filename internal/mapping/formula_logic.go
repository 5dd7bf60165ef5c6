package mapping

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

func logicFunctions() []*function {
	logic := func(name, usage, does, example, result string) Function {
		return doc("logic", name, usage, does, example, result)
	}
	return []*function{
		{
			Function: logic("if", "if(condition, then, else)", "One of two values; null counts as false.", `if(2 > 1, "yes", "no")`, "yes"),
			params:   []kind{kindBool, kindAny, kindAny},
			special: func(c *checker, node ast.Node, args []ast.Node) expression {
				return c.conditional(node, args[0], args[1], args[2])
			},
		},
		{
			Function: logic("coalesce", "coalesce(value, …)", "The first value that is not null.", `coalesce(nil, "b", "c")`, "b"),
			params:   []kind{kindAny}, variadic: true,
			special: func(c *checker, node ast.Node, args []ast.Node) expression {
				all := c.all(args)
				return c.fold(node, expression{kind: same(args, all), eval: first(all)}, all...)
			},
		},
		{
			Function: logic("isNull", "isNull(value)", "Whether the value is null.", "isNull(nil)", "true"),
			params:   []kind{kindAny}, nulls: true, result: kindBool,
			call: func(_ *checker, _ *machine, a []value) value { return boolValue(a[0].null()) },
		},
		{
			Function: logic("isEmpty", "isEmpty(value)", "Whether the value is null or a text of only white space.", `isEmpty(" ")`, "true"),
			params:   []kind{kindAny}, nulls: true, result: kindBool,
			call: func(_ *checker, _ *machine, a []value) value {
				return boolValue(a[0].null() || a[0].kind == kindText && strings.TrimSpace(a[0].text) == "")
			},
		},
		{
			Function: logic("label", "label(attribute)", "The label of an option, several joined by semicolons; for a lookup, the name of the row to which it leads.", "label(statecode)", "Active"),
			params:   []kind{kindAny}, special: (*checker).label,
		},
		{
			Function: logic("table", "table(lookup)", "The logical name of the table to which a lookup leads.", "table(customerid)", "account"),
			params:   []kind{kindAny}, special: (*checker).table,
		},
	}
}

// label compiles the label of an attribute.
func (c *checker) label(node ast.Node, args []ast.Node) expression {
	x := c.check(args[0])
	if x.ref == nil {
		problem(args[0], "Write for example label(statecode).", "label takes an attribute.")
	}
	r := *x.ref
	if r.attribute.IsLookup() {
		return c.annotated(r, FormattedValue)
	}
	if !r.attribute.HasLabels() {
		problem(args[0], "Take its value instead.", "%s (%s) has no labels.", r.attribute.DisplayName, r.attribute.Type)
	}
	names := labels(r.attribute)
	of := func(n int64, number string) string {
		if label, ok := names[n]; ok {
			return label
		}
		return number
	}
	eval := x.eval
	return expression{kind: kindText, eval: func(m *machine) value {
		v := eval(m)
		switch v.kind {
		case kindNumber:
			n, err := v.number.Int64()
			if err != nil {
				return textValue(v.written())
			}
			return textValue(of(n, v.written()))
		case kindBool:
			return textValue(of(v.n, v.written()))
		case kindText:
			return textValue(optionNames(v.text, of))
		}
		return v
	}}
}

// optionNames returns the labels of several options, written as "1,9".
func optionNames(values string, of func(int64, string) string) string {
	var b strings.Builder
	for one := range strings.SplitSeq(values, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if n, ok := parseInt([]byte(one)); ok {
			b.WriteString(of(n, one))
		} else {
			b.WriteString(one)
		}
	}
	return b.String()
}

// table compiles the table that a lookup leads to.
func (c *checker) table(_ ast.Node, args []ast.Node) expression {
	x := c.check(args[0])
	if x.ref == nil || !x.ref.attribute.IsLookup() {
		problem(args[0], "Write for example table(customerid).", "table takes a lookup.")
	}
	return c.annotated(*x.ref, LookupTable)
}

// annotated is the text of an annotation of a lookup.
func (c *checker) annotated(r ref, annotation string) expression {
	index := c.annotation(r.related, r.attribute, annotation)
	return expression{kind: kindText, eval: func(m *machine) value { return m.read(index, kindText) }}
}
