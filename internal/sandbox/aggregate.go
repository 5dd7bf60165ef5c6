package sandbox

import (
	"cmp"
	"iter"
	"math/big"
	"slices"
	"strconv"
)

// aggregateLimit is how many rows Dataverse aggregates at most.
const aggregateLimit = 50_000

func tooManyToAggregate() *fault {
	return &fault{400, codeAggregateLimit, "The maximum record limit is exceeded. Reduce the number of records."}
}

// aggregation makes one row of all rows that are alike in some columns.
type aggregation struct {
	by []groupColumn
	of []aggregateColumn
}

// groupColumn is a column whose values make the groups.
type groupColumn struct {
	name      string
	attribute *attribute
	read      generator
}

// aggregateColumn is a value made of all rows of a group.
type aggregateColumn struct {
	name      string
	method    string // count, countcolumn, sum, avg, min, max
	distinct  bool
	attribute *attribute // nil for count
	read      generator
}

// group is the rows that are alike, and what is known of them so far.
type group struct {
	by  []value
	row int // the first
	of  []accumulator
}

type accumulator struct {
	n      int64
	sum    *big.Int // with the digits of the column
	digits uint8
	f      float64
	best   value
	seen   map[string]struct{}
}

// run aggregates rows.
func (a *aggregation) run(rows iter.Seq[int]) ([]*group, error) {
	groups := map[string]*group{}
	var list []*group
	var key []byte
	var v value
	by := make([]value, len(a.by))
	n := 0
	for row := range rows {
		if n++; n > aggregateLimit {
			return nil, tooManyToAggregate()
		}
		key = key[:0]
		for i, g := range a.by {
			g.read(row, &by[i])
			key = append(by[i].append(key), 0)
		}
		g := groups[string(key)]
		if g == nil {
			g = &group{row: row, by: make([]value, len(by)), of: make([]accumulator, len(a.of))}
			for i := range by {
				g.by[i] = by[i]
				g.by[i].text = slices.Clone(by[i].text)
			}
			groups[string(key)] = g
			list = append(list, g)
		}
		for i := range a.of {
			a.of[i].add(&g.of[i], row, &v)
		}
	}
	if len(list) == 0 && len(a.by) == 0 {
		list = append(list, &group{row: -1, of: make([]accumulator, len(a.of))})
	}
	slices.SortStableFunc(list, func(g, h *group) int {
		for i := range g.by {
			if c := compareNulls(&g.by[i], &h.by[i]); c != 0 {
				return c
			}
		}
		return 0
	})
	return list, nil
}

// compareNulls compares values of one column, nulls first.
func compareNulls(v, w *value) int {
	if v.kind == kindNull || w.kind == kindNull {
		return cmp.Compare(min(v.kind, 1), min(w.kind, 1))
	}
	return v.compare(w)
}

func (c *aggregateColumn) add(acc *accumulator, row int, v *value) {
	if c.method == "count" {
		acc.n++
		return
	}
	c.read(row, v)
	if v.kind == kindNull {
		return
	}
	if c.distinct {
		if acc.seen == nil {
			acc.seen = map[string]struct{}{}
		}
		key := string(v.append(nil))
		if _, ok := acc.seen[key]; ok {
			return
		}
		acc.seen[key] = struct{}{}
	}
	acc.n++
	switch c.method {
	case "sum", "avg":
		acc.plus(v)
	case "min", "max":
		if acc.best.kind == kindNull || (v.compare(&acc.best) < 0) == (c.method == "min") && v.compare(&acc.best) != 0 {
			text := append(acc.best.text[:0], v.text...)
			acc.best = *v
			acc.best.text = text
		}
	}
}

func (acc *accumulator) plus(v *value) {
	if acc.sum == nil {
		acc.sum = new(big.Int)
	}
	switch v.kind {
	case kindDouble:
		acc.f += v.f
	case kindDecimal:
		acc.digits = v.digits
		n := new(big.Int).Mul(big.NewInt(v.n), big.NewInt(powers[v.digits]))
		n.Add(n, big.NewInt(v.fraction))
		if v.negative {
			n.Neg(n)
		}
		acc.sum.Add(acc.sum, n)
	default:
		acc.sum.Add(acc.sum, big.NewInt(v.n))
	}
}

// result sets v to what a column became in a group.
func (c *aggregateColumn) result(acc *accumulator, v *value) {
	switch c.method {
	case "count", "countcolumn":
		v.setInt(acc.n)
		return
	case "min", "max":
		text := append(v.text[:0], acc.best.text...)
		*v = acc.best
		v.text = text
		return
	}
	if acc.n == 0 {
		v.null()
		return
	}
	sum, f := acc.sum, acc.f
	if c.method == "avg" {
		sum, f = new(big.Int).Quo(sum, big.NewInt(acc.n)), f/float64(acc.n)
	}
	if c.attribute.typeName == "DoubleType" {
		v.setDouble(f)
		return
	}
	if acc.digits == 0 && c.attribute.typeName != "MoneyType" && c.attribute.typeName != "DecimalType" {
		v.setInt(sum.Int64())
		return
	}
	whole, fraction := new(big.Int).QuoRem(new(big.Int).Abs(sum), big.NewInt(powers[acc.digits]), new(big.Int))
	v.setDecimal(whole.Int64(), fraction.Int64(), acc.digits)
	v.negative = sum.Sign() < 0
}

// check refuses methods that do not go with the column.
func (c *aggregateColumn) check() error {
	if c.attribute == nil || c.method == "countcolumn" || c.method == "count" {
		return nil
	}
	switch family(c.attribute) {
	case "Edm.Decimal", "Edm.Double":
		if !slices.Contains([]string{"PicklistType", "StateType", "StatusType"}, c.attribute.typeName) {
			return nil
		}
	case "Edm.DateTimeOffset", "Edm.Date":
		if c.method == "min" || c.method == "max" {
			return nil
		}
	}
	return &fault{400, codeInvalidArgument, "Attribute " + c.attribute.name + " of type " + c.attribute.typeName + " cannot be aggregated by " + strconv.Quote(c.method) + "."}
}
