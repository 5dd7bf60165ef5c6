package sandbox

import "slices"

// firstVersion is where the version clock of the organization begins: above
// the versions of all generated rows, and above what a float64 holds exactly.
const firstVersion = 1<<53 + 1<<33

// transaction is a change of rows in the making. All of it is seen at once,
// or none.
type transaction struct {
	s    *Sandbox
	data *dataset // what is to be published; its tables are the transaction's own
	mine map[string]bool
	mark *byte // tells the nodes of trees that are its own

	listening bool    // somebody registered for what happens
	events    []event // what happened
}

// update runs fn, and publishes what it did unless it fails. Transactions run
// one after another.
func (s *Sandbox) update(fn func(tx *transaction) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	tx := &transaction{s: s, data: s.snapshot().clone(), mine: map[string]bool{}, mark: new(byte)}
	tx.listening = tx.data.listening()
	if err := fn(tx); err != nil {
		return err
	}
	s.current.Store(tx.data)
	s.tell(tx.data, tx.events)
	return nil
}

// clone returns a copy whose tables can be changed one by one.
func (d *dataset) clone() *dataset {
	c := *d
	c.tables = make(map[string]*table, len(d.tables))
	for name, t := range d.tables {
		u := *t
		u.data = &c
		c.tables[name] = &u
	}
	return &c
}

// table returns the transaction's own of a table, which may be gone by now.
func (tx *transaction) table(t *table) (*table, error) {
	if u := tx.data.table(t.name); u != nil {
		return u, nil
	}
	return nil, noSegment(t.set)
}

// own returns the overlay of a table, to change.
func (tx *transaction) own(t *table) *overlay {
	if !tx.mine[t.name] {
		tx.mine[t.name] = true
		o := &overlay{textual: t.textual}
		if t.over != nil {
			*o = *t.over
			o.inserted = slices.Clone(o.inserted)
		}
		t.over = o
	}
	return t.over
}

// put replaces the state of a row and gives it the next version. Who may
// write, and what, was decided before.
func (tx *transaction) put(t *table, row int, st *rowState) {
	o := tx.own(t)
	was := !t.alive(row)
	tx.data.clock++
	st.version = tx.data.clock
	o.states.set(tx.mark, row, st)
	// The log is shared: only the last transaction appends to it, after what
	// earlier ones see.
	o.log = append(o.log, change{st.version, row})
	switch {
	case st.deleted && !was:
		o.deleted++
		tx.data.deletions = true
	case !st.deleted && was:
		o.deleted--
	}
	if !st.deleted {
		t.keys.note(t, row)
		if at := t.expires(st); at > 0 && t.elastic() {
			tx.expireAt(at)
		}
	}
	tx.show(t, row, st, was)
}

// show notes in activitypointer, which has no rows of its own, that the row of
// an activity was written.
func (tx *transaction) show(t *table, row int, st *rowState, was bool) {
	i := slices.Index(activities, t.name)
	if i < 0 {
		return
	}
	o := tx.own(tx.data.table("activitypointer"))
	o.log = append(o.log, change{st.version, row*len(activities) + i})
	switch {
	case st.deleted && !was:
		o.deleted++
	case !st.deleted && was:
		o.deleted--
	}
}

// showNew gives new rows of an activity their places in activitypointer.
func (tx *transaction) showNew(t *table, rows ...inserted) {
	i := slices.Index(activities, t.name)
	if i < 0 {
		return
	}
	pointers := tx.data.table("activitypointer")
	o := tx.own(pointers)
	for _, r := range rows {
		o.inserted = append(o.inserted, inserted{r.id, r.row*len(activities) + i, pointers.searchMade(r.id)})
	}
	slices.SortFunc(o.inserted, func(a, b inserted) int { return pointers.order(a.id, b.id) })
}

// newID makes the key of the next row, in the manner of those generated: in
// the order of keys it comes after all of them.
func (tx *transaction) newID() guid {
	return stampGUID(firstTime+maxRows*timeStep+uint64(tx.data.clock-firstVersion)*1000, 0xbf11, tx.data.nodes[maxNodes-1])
}

// insert adds a row with a new key and returns its number.
func (tx *transaction) insert(t *table, st *rowState) int {
	row, ok := t.everRow(st.id)
	if t.elastic() {
		row, ok = 0, false
		if c := st.cell(t.byName["partitionid"].index); c != nil {
			row, ok = t.everRowIn(st.id, c.text)
		}
	}
	if ok {
		tx.put(t, row, st)
		return row
	}
	o := tx.own(t)
	row = t.numbers()
	k, _ := o.find(st.id)
	added := inserted{st.id, row, t.searchMade(st.id)}
	o.inserted = slices.Insert(o.inserted, k, added)
	tx.put(t, row, st)
	tx.showNew(t, added)
	return row
}

// insertAll adds many rows with new keys at once.
func (tx *transaction) insertAll(t *table, states []*rowState) {
	o := tx.own(t)
	added := make([]inserted, 0, len(states))
	for _, st := range states {
		row := t.numbers()
		added = append(added, inserted{st.id, row, t.searchMade(st.id)})
		o.inserted = append(o.inserted, added[len(added)-1])
		tx.put(t, row, st)
	}
	tx.showNew(t, added...)
	slices.SortFunc(o.inserted, func(a, b inserted) int { return t.order(a.id, b.id) })
}

// remove deletes a row.
func (tx *transaction) remove(t *table, row, by int) {
	st := t.gone(row)
	st.modified, st.by = tx.s.now().Unix(), by
	tx.put(t, row, st)
}

// modify changes some values of a row.
func (tx *transaction) modify(t *table, row, by int, cells []cell) {
	st := &rowState{id: t.id(row), modified: tx.s.now().Unix(), by: by}
	if old := t.written(row); old != nil {
		st.fresh, st.cells = old.fresh, old.with(cells)
	} else {
		st.cells = (&rowState{}).with(cells)
	}
	tx.put(t, row, st)
}
