package sandbox

import (
	"time"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// predicate tells whether a row is kept. It is made for one request and not
// safe for concurrent use.
type predicate func(row int) bool

// compiler turns conditions into predicates. What it knows of the request
// decides what Today and EqualUserId mean.
type compiler struct {
	now   time.Time
	user  guid            // who asks
	unit  guid            // and the business unit it belongs to
	ended <-chan struct{} // closed when the caller has gone; nil for never

	noIDRanges bool // refuses gt, ge, lt and le on ids
}

// compiler returns the compiler of a request.
func (c *call) compiler() *compiler {
	x := &compiler{now: c.s.now().UTC(), ended: c.r.Context().Done(), noIDRanges: c.prefer.unverified.RefuseIDRanges}
	x.user, x.unit = c.identity()
	return x
}

// identity returns the user who asks and the business unit it belongs to.
func (c *call) identity() (user, unit guid) {
	users := c.data.table("systemuser")
	user, _ = parseGUID(c.who.UserID)
	var v value
	if row, ok := users.row(user); ok {
		users.value(row, users.byName["businessunitid"], &v)
	}
	return user, v.id
}

// compile turns a condition into a predicate over the table's rows for nobody
// in particular. Errors are faults, in the words of Dataverse where they are
// known.
func (t *table) compile(e odata.Expr) (predicate, error) {
	return (&compiler{now: time.Now().UTC()}).filter(t, e)
}

// filter turns a condition into a predicate over the table's rows.
func (x *compiler) filter(t *table, e odata.Expr) (predicate, error) {
	switch e := e.(type) {
	case *odata.Logical:
		left, err := x.filter(t, e.Left)
		if err != nil {
			return nil, err
		}
		right, err := x.filter(t, e.Right)
		if err != nil {
			return nil, err
		}
		if e.Or {
			return func(row int) bool { return left(row) || right(row) }, nil
		}
		return func(row int) bool { return left(row) && right(row) }, nil
	case *odata.Not:
		p, err := x.filter(t, e.Expr)
		if err != nil {
			return nil, err
		}
		return func(row int) bool { return !p(row) }, nil
	case *odata.Comparison:
		if x.noIDRanges && t.idRange(e) {
			return nil, incompatible("Edm.Guid", "Edm.Guid", e.Op)
		}
		return t.comparison(e)
	case *odata.TextCall:
		return t.textCall(e)
	case *odata.Call:
		return x.queryFunction(t, e)
	case *odata.Lambda:
		return x.lambda(t, e)
	}
	return nil, badRequest("The filter is not supported.")
}

// reader reads the value of a property of a row.
type reader struct {
	attribute *attribute
	read      generator
}

// property finds what a path names: a column, or a column of the row that a
// lookup points to.
func (t *table) property(p odata.Path) (*reader, error) {
	if len(p) == 1 {
		a := t.byMember[p[0]]
		if a == nil {
			return nil, noProperty(p[0], t.name)
		}
		return &reader{a, t.column(a)}, nil
	}
	for _, a := range t.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		for _, name := range a.targets {
			target := t.data.table(name)
			if target == nil || t.navigationTo(a, name) != p[0] {
				continue
			}
			if a.typeName == "OwnerType" && (len(p) > 2 || p[1] != "ownerid") {
				return nil, noProperty(p[1], "principal")
			}
			inner, err := target.property(p[1:])
			if err != nil {
				return nil, err
			}
			var link value
			return &reader{inner.attribute, func(row int, v *value) {
				t.value(row, a, &link)
				if link.kind != kindGUID || link.target != name || link.row < 0 {
					v.null()
					return
				}
				inner.read(link.row, v)
			}}, nil
		}
	}
	return nil, noProperty(p[0], t.name)
}

func (t *table) comparison(e *odata.Comparison) (predicate, error) {
	left, right, op := e.Left, e.Right, e.Op
	if _, ok := left.(odata.Literal); ok {
		if _, ok := right.(odata.Literal); ok {
			return nil, notHere("comparisons of two literals")
		}
		left, right, op = right, left, mirror(op)
	}
	a, err := t.property(left.(odata.Path))
	if err != nil {
		return nil, err
	}
	var v, w value
	if path, ok := right.(odata.Path); ok {
		b, err := t.property(path)
		if err != nil {
			return nil, err
		}
		if family(a.attribute) != family(b.attribute) {
			return nil, incompatible(edmType(a.attribute), edmType(b.attribute), op)
		}
		return func(row int) bool {
			a.read(row, &v)
			b.read(row, &w)
			return holds(op, &v, &w)
		}, nil
	}
	if err := a.literal(right.(odata.Literal), op, &w); err != nil {
		return nil, err
	}
	return func(row int) bool {
		a.read(row, &v)
		return holds(op, &v, &w)
	}, nil
}

func mirror(op odata.Operator) odata.Operator {
	switch op {
	case odata.Gt:
		return odata.Lt
	case odata.Ge:
		return odata.Le
	case odata.Lt:
		return odata.Gt
	case odata.Le:
		return odata.Ge
	}
	return op
}

// holds compares as Dataverse does: null equals only null, is unequal to all
// else, and comes neither before nor after anything.
func holds(op odata.Operator, v, w *value) bool {
	if v.kind == kindNull || w.kind == kindNull {
		switch op {
		case odata.Eq:
			return v.kind == w.kind
		case odata.Ne:
			return v.kind != w.kind
		}
		return false
	}
	if v.kind != w.kind { // an integer against a number with decimals
		v.toDecimal()
		w.toDecimal()
	}
	c := v.compare(w)
	switch op {
	case odata.Eq:
		return c == 0
	case odata.Ne:
		return c != 0
	case odata.Gt:
		return c > 0
	case odata.Ge:
		return c >= 0
	case odata.Lt:
		return c < 0
	}
	return c <= 0
}

func (v *value) toDecimal() {
	if v.kind == kindInt {
		n := v.n
		v.setDecimal(abs(n), 0, 0)
		v.negative = n < 0
	}
}

func (t *table) textCall(e *odata.TextCall) (predicate, error) {
	path, ok := e.Of.(odata.Path)
	l, ok2 := e.Text.(odata.Literal)
	if !ok || !ok2 || l.Kind != odata.StringLiteral {
		return nil, badRequest("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
	}
	p, err := t.property(path)
	if err != nil {
		return nil, err
	}
	if family(p.attribute) != "Edm.String" {
		return nil, badRequest("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
	}
	pattern := l.Text
	switch e.Name {
	case "contains":
		pattern = "%" + pattern + "%"
	case "startswith":
		pattern += "%"
	case "endswith":
		pattern = "%" + pattern
	}
	like := newLike(pattern)
	var v value
	return func(row int) bool {
		p.read(row, &v)
		return v.kind == kindText && like.match(v.text)
	}, nil
}
