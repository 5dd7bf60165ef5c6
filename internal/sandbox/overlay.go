package sandbox

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// overlay is what became of a table since it was generated: rows changed,
// inserted and deleted. Once it is published it does not change; a
// transaction works on a copy that shares all it does not touch, so readers
// need no lock and see one moment. Memory is used for what changed alone.
type overlay struct {
	states   tree       // by row number; inserted rows are numbered on from the generated ones
	inserted []inserted // in the order of keys, with those deleted again
	deleted  int        // rows deleted
	textual  bool       // of a table whose keys are in the order of their text
	log      []change   // all writes, by version
}

// inserted is a row that was not generated.
type inserted struct {
	id   guid
	row  int
	rank int // how many generated rows come before it
}

// change is one write, for change tracking.
type change struct {
	version int64
	row     int
}

// rowState is a row that is not as it was generated. It does not change.
type rowState struct {
	id       guid
	version  int64
	modified int64 // seconds since 1970
	by       int   // row of the systemuser who wrote it last
	deleted  bool
	fresh    bool   // holds all there is of the row: what it lacks is null
	cells    []cell // ascending by index
}

// cell is one value that was written.
type cell struct {
	index    int32 // attribute.index
	kind     kind
	digits   uint8
	negative bool
	n        int64
	fraction int64
	text     string // of a GUID its 16 bytes and the table it points to
}

// keep makes a cell of a value.
func (v *value) keep(a *attribute) cell {
	c := cell{index: int32(a.index), kind: v.kind}
	switch v.kind {
	case kindText:
		c.text = string(v.text)
	case kindGUID:
		c.text = string(v.id[:]) + v.target
	case kindDouble:
		c.n = int64(math.Float64bits(v.f))
	case kindDecimal:
		c.n, c.fraction, c.digits, c.negative = v.n, v.fraction, v.digits, v.negative
	default:
		c.n = v.n
	}
	return c
}

// read sets v to the value of a cell.
func (c *cell) read(d *dataset, v *value) {
	switch c.kind {
	case kindText:
		v.setText(c.text)
	case kindGUID:
		v.setGUID(guid([]byte(c.text[:16])))
		if v.target = c.text[16:]; v.target != "" {
			v.row = -1
			if t := d.table(v.target); t != nil {
				if row, ok := t.row(v.id); ok {
					v.row = row
				}
			}
		}
	case kindDouble:
		v.setDouble(math.Float64frombits(uint64(c.n)))
	case kindDecimal:
		v.setDecimal(c.n, c.fraction, c.digits)
		v.negative = c.negative
	default:
		v.kind, v.n = c.kind, c.n
	}
}

func (s *rowState) cell(index int) *cell {
	i, ok := slices.BinarySearchFunc(s.cells, int32(index), func(c cell, i int32) int { return cmp.Compare(c.index, i) })
	if !ok {
		return nil
	}
	return &s.cells[i]
}

// with returns the cells with some replaced or added.
func (s *rowState) with(cells []cell) []cell {
	merged := make([]cell, 0, len(s.cells)+len(cells))
	merged = append(merged, s.cells...)
	for _, c := range cells {
		i, ok := slices.BinarySearchFunc(merged, c.index, func(c cell, i int32) int { return cmp.Compare(c.index, i) })
		if ok {
			merged[i] = c
		} else {
			merged = slices.Insert(merged, i, c)
		}
	}
	return slices.Clip(merged)
}

// written returns what became of a row, nil when it is as generated.
func (t *table) written(row int) *rowState {
	if t.pointer {
		of, row := t.shown(row)
		return of.written(row)
	}
	if t.over == nil {
		return nil
	}
	return t.over.states.get(row)
}

// alive tells whether a row is there.
func (t *table) alive(row int) bool {
	s := t.written(row)
	if s != nil && s.deleted {
		return false
	}
	if t.link != nil && t.data.deletions { // what brings rows together goes with them
		for end := range t.link.ends {
			if _, ok := t.linkedRow(row, end); !ok {
				return false
			}
		}
	}
	return true
}

// count returns how many rows there are.
func (t *table) count() int {
	if t.over == nil {
		return t.rows
	}
	return t.positions() - t.over.deleted
}

// numbers returns one more than the largest row number.
func (t *table) numbers() int {
	if t.pointer {
		n := 0
		for _, name := range activities {
			n = max(n, t.data.tables[name].numbers())
		}
		return n * len(activities)
	}
	return t.positions()
}

// positions returns how many places the order of keys has: one for each row
// that was ever there. Those of deleted rows stay.
func (t *table) positions() int {
	if t.over == nil {
		return t.rows
	}
	return t.rows + len(t.over.inserted)
}

// at returns the number of the row at a position in the order of keys. It may
// be deleted.
func (t *table) at(pos int) int {
	if t.over == nil || len(t.over.inserted) == 0 {
		return pos
	}
	ins := t.over.inserted
	k := sort.Search(len(ins), func(k int) bool { return ins[k].rank+k >= pos })
	if k < len(ins) && ins[k].rank+k == pos {
		return ins[k].row
	}
	return pos - k
}

// search returns the position of the first row whose key is not before id.
func (t *table) search(id guid) int {
	pos := t.searchMade(id)
	if t.over != nil {
		k, _ := t.over.find(id)
		pos += k
	}
	return pos
}

// find returns the place of an inserted row.
func (o *overlay) find(id guid) (int, bool) {
	return slices.BinarySearchFunc(o.inserted, id, func(r inserted, id guid) int { return orderIDs(o.textual, r.id, id) })
}

// row returns the number of the row with that key, and false when there is
// none.
func (t *table) row(id guid) (int, bool) {
	row, ok := t.everRow(id)
	return row, ok && t.alive(row)
}

// everRow returns the number of the row that has or had that key.
func (t *table) everRow(id guid) (int, bool) {
	if row, ok := t.madeRow(id); ok {
		return row, true
	}
	if t.over != nil {
		if k, ok := t.over.find(id); ok {
			return t.over.inserted[k].row, true
		}
	}
	return 0, false
}

// id returns the key of a row.
func (t *table) id(row int) guid {
	if row >= t.rows && t.over != nil && !t.pointer {
		return t.over.states.get(row).id
	}
	return t.madeID(row)
}

// version returns the row version, which the etag shows.
func (t *table) version(row int) int64 {
	if s := t.written(row); s != nil {
		return s.version
	}
	return t.madeVersion(row)
}

// value reads one value. A lookup whose target was deleted keeps the id, and
// has the row -1.
func (t *table) value(row int, a *attribute, v *value) {
	if t.hidden != nil && slices.Contains(t.hidden, a) {
		v.null()
		return
	}
	if t.pointer {
		t.showValue(row, a, v)
		return
	}
	if s := t.written(row); s != nil {
		switch c := s.cell(a.index); {
		case a == t.key || t.principal && a.name == "ownerid":
			v.setGUID(t.id(row))
			return
		case a == t.versionColumn:
			v.setInt(s.version)
			return
		case a == t.modifiedColumn:
			v.setTime(s.modified)
			return
		case a == t.modifierColumn:
			users := t.data.table("systemuser")
			v.setGUID(users.id(s.by))
			v.target, v.row = users.name, s.by
			return
		case c != nil:
			c.read(t.data, v)
			return
		case s.fresh:
			v.null()
			return
		}
	}
	t.columns[a.index](row, v)
	if t.data.deletions && v.kind == kindGUID && v.target != "" && v.row >= 0 {
		if target := t.data.table(v.target); target != nil && !target.alive(v.row) {
			v.row = -1
		}
	}
}

// column returns what reads a column: its generator where nothing was
// written.
func (t *table) column(a *attribute) generator {
	if t.over == nil && t.hidden == nil && !(t.data.deletions && a.lookup()) && !t.pointer {
		return t.columns[a.index]
	}
	return func(row int, v *value) { t.value(row, a, v) }
}
