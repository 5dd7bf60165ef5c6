package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// matched is what a lookup found for a row.
type matched uint8

const (
	matchNothing matched = iota // every value is empty
	matchPartly                 // some value is empty, which equals nothing
	matchNone                   // no row has these values
	matchFound
	matchSeveral
)

// lookup finds the rows that records of a batch refer to: once for each
// distinct combination of values. Its memory is reused.
type lookup struct {
	Lookup
	fields                  // what is compared
	out       column.Column // what was found, row by row
	state     []matched
	tuple     []int32 // the row's combination, -1 for none
	keys      keySet
	found     []hit   // by combination
	order     []int32 // numbers of the combinations, in the order of their values
	unique    bool    // no two rows have the same combination, as far as is known
	scratch   []byte
	id        int64   // in cw_lookups, 0 when rows do not wait for it
	relatives []int64 // ids of every lookup that fills the field, this one included
}

func newLookup(l Lookup) *lookup {
	return &lookup{Lookup: l, out: column.Column{Spec: column.Spec{Kind: column.GUID}}}
}

// hit is what was found for a combination of values: the lowest GSID.
type hit struct {
	gsid crosswalk.GSID
	rows int // 0, 1 or, of several, 2
}

// several reports whether more than one row is a reason to reject.
func (l *lookup) several() bool { return l.OnSeveral == crosswalk.SeveralReject }

// prepare takes the values of the batch that are compared and rejects rows in
// which one cannot be stored.
func (l *lookup) prepare(b *column.Batch, p *plan, r *Result) {
	l.load(b)
	for i := range l.columns {
		l.checkValues(b, i, l.Field.Name, func(rj RowReject) { p.reject(r, rj) })
	}
	l.gather(b, p)
}

// gather numbers the distinct combinations in the rows that are still to be
// written.
func (l *lookup) gather(b *column.Batch, p *plan) {
	rows := b.Rows()
	l.keys.reset(rows)
	l.state, l.tuple, l.found = l.state[:0], l.tuple[:0], l.found[:0]
	for row := range rows {
		empty := 0
		for i := range l.columns {
			if l.empty(i, row) {
				empty++
			}
		}
		state, tuple := matchNone, -1
		switch {
		case empty == len(l.columns):
			state = matchNothing
		case empty > 0:
			state = matchPartly
		case p.verdicts[row].open():
			l.scratch = l.appendKey(l.scratch[:0], row, func(Column) bool { return true })
			tuple, _ = l.keys.put(l.scratch, row)
		}
		l.state, l.tuple = append(l.state, state), append(l.tuple, int32(tuple))
	}
	l.found = append(l.found, make([]hit, len(l.keys.row))...)
	l.sort()
}

// sort puts the combinations in the order of their values: neighbours in an
// index are found several times as fast as those that lie far apart.
func (l *lookup) sort() {
	l.order = l.order[:0]
	for n := range l.found {
		l.order = append(l.order, int32(n))
	}
	key := func(n int32) []byte { return l.keys.key(int(n))[4:] } // behind the length of the first value
	slices.SortFunc(l.order, func(a, b int32) int { return bytes.Compare(key(a), key(b)) })
}

// apply fills the lookup field of each row with what was found and rejects
// rows for which that is not enough.
func (l *lookup) apply(p *plan, r *Result) {
	l.out.Valid, l.out.GUIDs = l.out.Valid[:0], l.out.GUIDs[:0]
	for row, n := range l.tuple {
		if n >= 0 {
			switch m := &l.found[n]; {
			case m.rows == 1, m.rows > 1 && !l.several():
				l.state[row] = matchFound
				l.out.AppendGUID(m.gsid)
				continue
			case m.rows > 1:
				l.state[row] = matchSeveral
			}
		}
		l.out.AppendNull()
		if p.verdicts[row].open() {
			l.refuse(p, r, row)
		}
	}
}

// refuse rejects a row whose lookup found nothing, where that is a reason.
func (l *lookup) refuse(p *plan, r *Result, row int) {
	identifier := l.identifier(p)
	none := l.OnNone == crosswalk.NoneReject || identifier || l.Field.Required
	name := l.Field.Name
	switch state := l.state[row]; {
	case state == matchNothing && identifier:
		p.reject(r, identifierEmpty(row, name))
	case state == matchNothing && l.Field.Required:
		p.reject(r, requiredEmpty(row, name))
	case state == matchSeveral:
		p.reject(r, RowReject{
			Row: row, Field: name, Code: crosswalk.RejectSeveralMatch, Value: l.shown(row, false),
			Message: fmt.Sprintf("Several rows of %s have %s.", l.Object.Name, l.shown(row, true)),
		})
	case state != matchNothing && none:
		p.reject(r, RowReject{
			Row: row, Field: name, Code: crosswalk.RejectNoMatch, Value: l.shown(row, false),
			Message: fmt.Sprintf("No row of %s has %s.", l.Object.Name, l.shown(row, true)),
		})
	}
}

// identifier reports whether the lookup field identifies rows of the plan.
func (l *lookup) identifier(p *plan) bool {
	for i := range p.columns {
		if p.columns[i].Field.Name == l.Field.Name {
			return p.columns[i].Identifier
		}
	}
	return false
}

// shown returns the values of a row that are compared, for people: alone, or
// with the names of the fields.
func (l *lookup) shown(row int, names bool) string {
	var parts []string
	for i, c := range l.columns {
		v := ""
		if l.values[i].Valid[row] {
			v = textOf(l.values[i], row)
		}
		if names {
			v = fmt.Sprintf("%s %.100q", c.Field.Name, v)
		}
		parts = append(parts, v)
	}
	if names {
		return strings.Join(parts, " and ")
	}
	return strings.Join(parts, ", ")
}

// match returns the columns of the looked-up object that are compared.
func (l *lookup) match() []string {
	var names []string
	for _, c := range l.columns {
		names = append(names, c.Field.Column())
	}
	return names
}

// sameSQL is the condition that the columns of a row t equal what value
// returns for each.
func sameSQL(columns []string, value func(i int) string) string {
	var same []string
	for i, c := range columns {
		same = append(same, fmt.Sprintf("t.%s = %s", quote(c), value(i)))
	}
	return strings.Join(same, " AND ")
}

// findSQL returns the query for the lowest GSID that matches, or the one
// after it, where value returns what match column i is compared with.
func findSQL(table string, columns []string, value func(i int) string, skip int) string {
	text := fmt.Sprintf("SELECT t.gsid FROM %s t WHERE %s ORDER BY t.gsid LIMIT 1", quote(table), sameSQL(columns, value))
	if skip > 0 {
		text += fmt.Sprintf(" OFFSET %d", skip)
	}
	return text
}
