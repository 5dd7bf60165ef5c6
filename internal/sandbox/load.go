package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// errNoTable is what changes of a table that is not there fail with.
var errNoTable = errors.New("sandbox: no such table")

// ChangeRows changes n rows of a table. The seed decides which and how: the
// same seed on the same rows does the same. Each changed row gets a new
// version, a new modifiedon and another text in one column. It returns how many
// rows it changed, fewer than n when the table has fewer.
func (s *Sandbox) ChangeRows(entity string, n int, seed uint64) (int, error) {
	return s.changeRows(entity, n, seed, time.Time{})
}

// BackdateRows is ChangeRows with a modifiedon other than the clock's time, as
// imports and plug-ins write it: whoever looks for changes by their time does
// not find these.
func (s *Sandbox) BackdateRows(entity string, n int, seed uint64, modified time.Time) (int, error) {
	return s.changeRows(entity, n, seed, modified)
}

// changeRows changes rows; the zero time means the clock's.
func (s *Sandbox) changeRows(entity string, n int, seed uint64, modified time.Time) (int, error) {
	return s.each(entity, n, seed, func(tx *transaction, t *table, row int) {
		if !modified.IsZero() {
			defer func() { t.written(row).modified = modified.Unix() }() // nobody sees the row yet
		}
		a := t.changeable()
		if a == nil {
			tx.modify(t, row, 0, nil)
			return
		}
		var v value
		text := fmt.Sprintf("%s %x", a.name, mix(seed^uint64(row))>>40)
		if a.maximum > 0 && len(text) > a.maximum {
			text = text[len(text)-a.maximum:]
		}
		v.setText(text)
		tx.modify(t, row, 0, []cell{v.keep(a)})
	})
}

// DeleteRows deletes n rows of a table, chosen by the seed, and returns how
// many it deleted.
func (s *Sandbox) DeleteRows(entity string, n int, seed uint64) (int, error) {
	return s.each(entity, n, seed, func(tx *transaction, t *table, row int) { tx.remove(t, row, 0) })
}

// InsertRows adds n rows to a table, with keys that the seed spreads among the
// others. It returns how many it added.
func (s *Sandbox) InsertRows(entity string, n int, seed uint64) (int, error) {
	made := 0
	err := s.update(func(tx *transaction) error {
		t := tx.data.table(entity)
		if t == nil || t.pointer {
			return errNoTable
		}
		var states []*rowState
		now := s.now().Unix()
		seen := map[guid]bool{}
		for i := range n {
			h := mix(seed ^ t.salt + uint64(i))
			id := stampGUID(firstTime+h%(uint64(t.rows+1)*timeStep), uint16(0xa811+below(mix(h), 16)*0x101), t.data.nodes[below(mix(h), 16)])
			if _, ok := t.everRow(id); ok || seen[id] {
				continue
			}
			seen[id] = true
			st := &rowState{id: id, fresh: true, modified: now}
			var cells []cell
			for _, a := range t.attributes {
				var v value
				switch {
				case a == t.primaryName:
					v.setText(fmt.Sprintf("New %s %d", t.name, i+1))
				case a.name == "activitytypecode" && a.readable:
					v.setText(t.name)
				case a.name == "createdon":
					v.setTime(now)
				case a.name == "statecode":
					v.setInt(0)
				case a.name == "statuscode" && len(a.options) > 0:
					v.setInt(a.options[0].value)
				case a.name == "ownerid" && !t.principal && a.readable:
					users := t.data.table("systemuser")
					v.setGUID(users.id(0))
					v.target = users.name
				default:
					continue
				}
				cells = append(cells, v.keep(a))
			}
			st.cells = st.with(cells)
			states = append(states, st)
		}
		tx.insertAll(t, states)
		made = len(states)
		return nil
	})
	return made, err
}

// changeable returns the column that bulk changes write.
func (t *table) changeable() *attribute {
	for _, name := range []string{"telephone1", "description", "title", "name"} {
		if a := t.byName[name]; a != nil && a.readable && (a.typeName == "StringType" || a.typeName == "MemoType") {
			return a
		}
	}
	return nil
}

// each runs fn on n rows that the seed chooses: a stretch of a permutation,
// so that none comes twice.
func (s *Sandbox) each(entity string, n int, seed uint64, fn func(tx *transaction, t *table, row int)) (int, error) {
	done := 0
	err := s.update(func(tx *transaction) error {
		t := tx.data.table(entity)
		if t == nil || t.pointer {
			return errNoTable
		}
		total := t.numbers()
		if total == 0 {
			return nil
		}
		step := int(mix(seed)%uint64(total)) | 1
		for gcd(step, total) != 1 {
			step += 2
		}
		at := int(mix(seed+1) % uint64(total))
		var rows []int
		for range total {
			if len(rows) == n {
				break
			}
			if t.alive(at) {
				rows = append(rows, at)
			}
			at = (at + step) % total
		}
		slices.Sort(rows)
		for _, row := range rows {
			fn(tx, t, row)
		}
		done = len(rows)
		return nil
	})
	return done, err
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
