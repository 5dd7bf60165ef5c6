package odata

import (
	"fmt"
	"slices"
	"strings"
)

// Transformation is one step of $apply: FilterBy, Aggregate or GroupBy.
type Transformation interface{ transformation() }

// FilterBy keeps the rows that meet a condition.
type FilterBy struct{ Condition Expr }

// Aggregate combines all rows into one.
type Aggregate struct{ Of []AggregateItem }

// GroupBy combines all rows with the same values of some properties into one. Then
// is nil when only those values are listed.
type GroupBy struct {
	By   []Path
	Then *Aggregate
}

func (*FilterBy) transformation()  {}
func (*Aggregate) transformation() {}
func (*GroupBy) transformation()   {}

// AggregateItem is one value of an Aggregate: "Path with Method as Alias", or the
// number of rows for "$count as Alias", whose Path is nil.
type AggregateItem struct {
	Path   Path
	Method string // sum, average, min, max, countdistinct; "" for $count
	Alias  string
}

// ParseApply parses a $apply that is already percent-decoded: steps separated by
// slashes. Aliases holds the values of parameters and may be nil. An error is a
// *GrammarError.
func ParseApply(text string, aliases map[string]string) (steps []Transformation, err error) {
	p := &parser{text: text, aliases: aliases}
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(*GrammarError)
			if !ok {
				panic(r)
			}
			steps, err = nil, s
		}
	}()
	p.next()
	for {
		steps = append(steps, p.transformation())
		if p.tok.kind == endToken {
			return steps, nil
		}
		p.expect('/')
	}
}

func (p *parser) transformation() Transformation {
	if p.tok.kind != nameToken {
		p.fail("Syntax error")
	}
	name := p.tok.text
	switch name {
	case "filter":
		p.next()
		p.expect('(')
		e := p.or()
		p.expect(')')
		return &FilterBy{Condition: e}
	case "aggregate":
		return p.aggregate()
	case "groupby":
		return p.groupBy()
	}
	p.fail(fmt.Sprintf("'%s' is not a transformation", name))
	return nil
}

func (p *parser) aggregate() *Aggregate {
	p.next()
	p.expect('(')
	a := &Aggregate{}
	seen := map[string]bool{}
	for {
		item := p.aggregateItem()
		if seen[item.Alias] {
			p.fail("The alias " + item.Alias + " is used twice")
		}
		seen[item.Alias] = true
		a.Of = append(a.Of, item)
		if p.tok.kind != ',' {
			break
		}
		p.next()
	}
	p.expect(')')
	return a
}

var methods = []string{"sum", "average", "min", "max", "countdistinct"}

func (p *parser) aggregateItem() AggregateItem {
	var item AggregateItem
	if p.tok.kind == '$' {
		p.next()
		p.keyword("count")
	} else {
		if p.tok.kind != nameToken {
			p.fail("Syntax error")
		}
		item.Path = p.path()
		p.keyword("with")
		item.Method = p.tok.text
		if p.tok.kind != nameToken || !slices.Contains(methods, item.Method) {
			p.fail("'" + item.Method + "' is not a method of aggregation")
		}
		p.next()
	}
	p.keyword("as")
	if p.tok.kind != nameToken || strings.Contains(p.tok.text, ".") {
		p.fail("Syntax error")
	}
	item.Alias = p.tok.text
	p.next()
	return item
}

func (p *parser) groupBy() *GroupBy {
	p.next()
	p.expect('(')
	p.expect('(')
	g := &GroupBy{}
	for {
		if p.tok.kind != nameToken {
			p.fail("Syntax error")
		}
		g.By = append(g.By, p.path())
		if p.tok.kind != ',' {
			break
		}
		p.next()
	}
	p.expect(')')
	if p.tok.kind == ',' {
		p.next()
		if !p.word("aggregate") {
			p.fail("Syntax error")
		}
		g.Then = p.aggregate()
	}
	p.expect(')')
	return g
}

func (p *parser) keyword(word string) {
	if !p.word(word) {
		p.fail("Syntax error")
	}
	p.next()
}
