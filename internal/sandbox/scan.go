package sandbox

import (
	"iter"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// scan is a walk over the rows that a query chooses, in its order.
type scan struct {
	t      *table
	path   string    // of the address, below the version
	keep   predicate // nil keeps all
	order  []int32   // row numbers; nil means the order of keys
	from   int       // position in the order
	to     int       // after the last
	lookup []orderColumn
	ended  <-chan struct{} // closed when the caller has gone; nil for never
}

// row returns the row at a position.
func (s *scan) row(pos int) int {
	if s.order != nil {
		return int(s.order[pos])
	}
	return s.t.at(pos)
}

// next returns the first position from pos on whose row is there and kept,
// s.to when there is none.
func (s *scan) next(pos int) int {
	if s.keep == nil && s.t.whole() {
		return min(pos, s.to)
	}
	for ; pos < s.to; pos++ {
		row := s.row(pos)
		if s.t.alive(row) && (s.keep == nil || s.keep(row)) {
			return pos
		}
		if pos%65536 == 0 {
			select {
			case <-s.ended:
				return s.to
			default:
			}
		}
	}
	return s.to
}

// all returns the rows that are kept.
func (s *scan) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for pos := s.next(s.from); pos < s.to; pos = s.next(pos + 1) {
			if !yield(s.row(pos)) {
				return
			}
		}
	}
}

// count returns how many rows are kept, at most limit.
func (s *scan) count(limit int) int {
	if s.keep == nil && s.t.whole() {
		return min(s.to-s.from, limit)
	}
	n := 0
	for pos := s.next(s.from); pos < s.to && n < limit; pos = s.next(pos + 1) {
		n++
	}
	return n
}

// scanFor begins the walk of a query over those rows that within keeps, nil
// for all.
func (c *call) scanFor(t *table, q *odata.Query, within predicate) (*scan, error) {
	if err := c.mayRead(t); err != nil {
		return nil, err
	}
	s := &scan{t: t, path: t.set, keep: within, to: t.positions(), ended: c.r.Context().Done()}
	if q.Filter != nil {
		keep, err := c.compiler().filter(t, q.Filter)
		if err != nil {
			return nil, err
		}
		s.keep = both(within, keep)
	}
	s.keep = both(c.visible(t), s.keep)
	if q.OrderBy != nil {
		var err error
		if s.lookup, err = t.orderColumns(q.OrderBy); err != nil {
			return nil, err
		}
		if c.prefer.unverified.TextKeyOrder {
			byText(t, s.lookup)
		}
		s.order = c.s.sorted.order(t, s.lookup)
		s.to = len(s.order)
		return s, nil
	}
	// Keys and ranges of them need no walk over what lies outside.
	if q.Filter != nil {
		if rows, ok := t.keyed(q.Filter); ok {
			s.order, s.to = rows, len(rows)
			return s, nil
		}
		s.from, s.to = t.keyRange(q.Filter, 0, s.to)
	}
	return s, nil
}
