package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// orderColumn is one item of $orderby.
type orderColumn struct {
	attribute *attribute
	desc      bool
	path      odata.Path
	related   generator // reads a column of a related row, nil for one of the row itself
	textual   bool      // ids in the order of their text
}

func (t *table) orderColumns(items []odata.Order) ([]orderColumn, error) {
	var cols []orderColumn
	for _, o := range items {
		p, err := t.property(o.Path)
		if err != nil {
			return nil, err
		}
		col := orderColumn{attribute: p.attribute, desc: o.Desc, path: o.Path}
		if len(o.Path) > 1 {
			col.related = p.read
		}
		cols = append(cols, col)
	}
	return cols, nil
}

// read reads what a row is ordered by: lookups by the name of the row they
// point to.
func (o orderColumn) read(t *table, row int, v *value) {
	if o.related != nil {
		o.related(row, v)
	} else {
		t.value(row, o.attribute, v)
	}
	if v.kind == kindGUID && o.attribute.lookup() {
		name, ok := t.data.appendName(v.text[:0], v.target, v.row)
		v.kind, v.text = kindText, name
		if !ok {
			v.null()
		}
	}
}

// text returns what a row is ordered by as a cookie shows it, and false for
// null.
func (o orderColumn) text(t *table, row int) (string, bool) {
	var v value
	o.read(t, row, &v)
	switch v.kind {
	case kindNull:
		return "", false
	case kindText:
		return string(v.text), true
	}
	b := v.append(nil)
	if b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	return string(b), true
}

// sortCache keeps the last few orders that were asked for. They hold until
// a row is written.
type sortCache struct {
	mu     sync.Mutex
	names  []string // oldest first
	orders map[string][]int32
}

const sortCacheSize = 8

func (s *sortCache) order(t *table, cols []orderColumn) []int32 {
	name := t.name + " " + strconv.FormatInt(t.data.clock, 10)
	for _, o := range cols {
		name += "," + o.path.String() + " " + strconv.FormatBool(o.desc) + strconv.FormatBool(o.textual)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if order, ok := s.orders[name]; ok {
		return order
	}
	order := sortRows(t, cols)
	if s.orders == nil {
		s.orders = map[string][]int32{}
	}
	if len(s.names) == sortCacheSize {
		delete(s.orders, s.names[0])
		s.names = s.names[1:]
	}
	s.names = append(s.names, name)
	s.orders[name] = order
	return order
}

// sortRows returns the rows in order: nulls first, rows that are alike in the
// order of their keys.
func sortRows(t *table, cols []orderColumn) []int32 {
	order := make([]int32, 0, t.count())
	places := make([]int32, t.numbers()) // by row number
	for pos := range t.positions() {
		if row := t.at(pos); t.alive(row) {
			order = append(order, int32(row))
			places[row] = int32(pos)
		}
	}
	values := make([][]value, len(cols))
	for i, o := range cols {
		values[i] = make([]value, t.numbers())
		for _, row := range order {
			o.read(t, int(row), &values[i][row])
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		for i, o := range cols {
			if c := o.compare(&values[i][a], &values[i][b]); c != 0 {
				return c
			}
		}
		return cmp.Compare(places[a], places[b])
	})
	return order
}

// compare orders two values as the item says: nulls first, or last when it
// descends.
func (o orderColumn) compare(v, w *value) int {
	var c int
	if v.kind == kindNull || w.kind == kindNull {
		c = cmp.Compare(min(v.kind, 1), min(w.kind, 1))
	} else if o.textual {
		c = orderIDs(true, v.id, w.id)
	} else {
		c = v.compare(w)
	}
	if o.desc {
		return -c
	}
	return c
}

// parse reads what text wrote.
func (o orderColumn) parse(text string, v *value) bool {
	if o.attribute.lookup() {
		v.setText(text)
		return true
	}
	return (&reader{attribute: o.attribute}).text(text, v) == nil
}
