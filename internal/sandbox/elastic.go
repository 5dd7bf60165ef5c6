package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// partition returns the partition of a row: that of its own key where it was
// given none.
func (t *table) partition(row int) string {
	var v value
	if t.value(row, t.byName["partitionid"], &v); v.kind == kindText {
		return string(v.text)
	}
	return t.id(row).String()
}

// everRowIn returns the number of the row that has or had that key in a
// partition.
func (t *table) everRowIn(id guid, partition string) (int, bool) {
	if row, ok := t.madeRow(id); ok && t.partition(row) == partition {
		return row, true
	}
	if t.over == nil {
		return 0, false
	}
	k, _ := t.over.find(id)
	for ; k < len(t.over.inserted) && t.over.inserted[k].id == id; k++ {
		if row := t.over.inserted[k].row; t.partition(row) == partition {
			return row, true
		}
	}
	return 0, false
}

// rowIn returns the number of the row with that key in a partition, of other
// tables with that key.
func (t *table) rowIn(id guid, partition string) (int, bool) {
	if !t.elastic() {
		return t.row(id)
	}
	row, ok := t.everRowIn(id, partition)
	return row, ok && t.alive(row)
}

// after returns the position after the row with a key or, in an elastic table,
// after the one with that key in the partition.
func (t *table) after(id guid, partition string) int {
	pos := t.search(id)
	for pos < t.positions() && t.id(t.at(pos)) == id {
		pos++
		if !t.elastic() || t.partition(t.at(pos-1)) == partition {
			break
		}
	}
	return pos
}

// elasticKey finds the row that stands in the parentheses of an address: by
// its id and partition, or by its id and the option partitionId; without a
// partition it is that of the id itself.
func (c *call) elasticKey(t *table, args string) (row int, values []cell, id guid, err error) {
	partition := c.partition
	if given, ok := c.custom("partitionId"); ok && (c.r.Method == http.MethodGet || c.r.Method == http.MethodHead || c.r.Method == http.MethodDelete) {
		partition = strings.Trim(given, `'"`)
	}
	if strings.Contains(args, "=") {
		pairs, err := keyPairs(args)
		if err != nil {
			return -1, nil, id, err
		}
		for _, p := range pairs {
			switch {
			case strings.EqualFold(p[0], t.key.name):
				args = p[1]
			case strings.EqualFold(p[0], "partitionid"):
				partition = p[1]
			default:
				return -1, nil, id, badRequest("The key property '%s' is not a key of the type 'Microsoft.Dynamics.CRM.%s'.", p[0], t.name)
			}
		}
	}
	id, ok := parseGUID(args)
	if !ok {
		return -1, nil, id, badRequest("Bad Request - Error in query syntax.")
	}
	if partition == "" {
		partition = id.String()
	}
	c.partition = partition
	v := value{kind: kindText, text: []byte(partition)}
	values = []cell{v.keep(t.byName["partitionid"])}
	if row, ok := t.rowIn(id, partition); ok {
		return row, values, id, nil
	}
	return -1, values, id, nil
}

// place gives a new row of an elastic table its partition, and refuses one
// that is taken.
func (w *writing) place(id guid) error {
	a := w.t.byName["partitionid"]
	var v value
	if !w.current(a, &v) {
		v.setText(id.String())
		w.put(a, &v)
	}
	w.c.partition = string(v.text)
	if _, ok := w.t.rowIn(id, w.c.partition); ok {
		return &fault{http.StatusPreconditionFailed, codeDuplicateKey, "A record with matching key values already exists."}
	}
	return nil
}

// replace writes a row of an elastic table anew: an upsert holds all there is
// of it.
func (c *call) replace(tx *transaction, t *table, row int, body object, keys []cell) error {
	if err := c.mayChange(t, row, "Write"); err != nil {
		return err
	}
	w := &writing{c: c, tx: tx, t: t, row: -1, create: true}
	w.cells = append(w.cells, keys...)
	if err := w.read(body); err != nil {
		return err
	}
	for _, k := range keys { // the row stays where it is
		var v value
		k.read(tx.data, &v)
		w.put(t.attributeAt(k.index), &v)
	}
	if err := w.complete(t.id(row)); err != nil {
		return err
	}
	tx.put(t, row, &rowState{id: t.id(row), fresh: true, modified: c.s.now().Unix(), by: c.callerRow(), cells: (&rowState{}).with(w.cells)})
	tx.happened(c, "Update", t, t.id(row), w.cells)
	return nil
}

// sessionToken tells at which moment a write to an elastic table was, for who
// wants to read no earlier one. The sandbox always answers with the latest.
func (c *call) sessionToken(t *table) {
	if t.elastic() {
		c.w.Header().Set("x-ms-session-token", "240:8#"+strconv.FormatInt(c.data.clock-firstVersion, 10)+"#7=-1")
	}
}

// expires returns when a row vanishes, 0 for never.
func (t *table) expires(s *rowState) int64 {
	a := t.byName["ttlinseconds"]
	if a == nil || s.deleted {
		return 0
	}
	if c := s.cell(a.index); c != nil && c.kind == kindInt && c.n > 0 {
		return s.modified + c.n
	}
	return 0
}

// purge takes away the rows whose time is over.
func (s *Sandbox) purge() {
	if next := s.snapshot().expires; next == 0 || s.now().Unix() < next {
		return
	}
	_ = s.update(func(tx *transaction) error { // does not fail
		now := s.now().Unix()
		tx.data.expires = 0
		for _, t := range tx.data.tables {
			if t.over == nil || !t.elastic() {
				continue
			}
			for _, ch := range t.over.log {
				st := t.written(ch.row)
				switch at := t.expires(st); {
				case at == 0:
				case at <= now && s.Unverified().ToldExpiry:
					tx.remove(t, ch.row, 0)
				case at <= now:
					tx.vanish(t, ch.row)
				default:
					tx.expireAt(at)
				}
			}
		}
		return nil
	})
}

// expireAt has rows purged at a moment, or before.
func (tx *transaction) expireAt(at int64) {
	if tx.data.expires == 0 || at < tx.data.expires {
		tx.data.expires = at
	}
}

// vanish deletes a row without a trace in the log of changes.
func (tx *transaction) vanish(t *table, row int) {
	o := tx.own(t)
	tx.data.clock++
	tx.data.deletions = true
	st := t.gone(row)
	st.version = tx.data.clock
	o.states.set(tx.mark, row, st)
	o.deleted++
}

// gone returns the state of a row that is deleted. That of an elastic table
// keeps its partition.
func (t *table) gone(row int) *rowState {
	st := &rowState{id: t.id(row), deleted: true}
	if t.elastic() {
		v := value{kind: kindText, text: []byte(t.partition(row))}
		st.fresh, st.cells = true, []cell{v.keep(t.byName["partitionid"])}
	}
	return st
}

// partialFault is the error of a bulk operation of an elastic table of which
// some rows failed: the others are written.
type partialFault struct {
	fault   *fault // of the first that failed
	results []bulkResult
}

// bulkResult is what became of one row, in the names of the SDK.
type bulkResult struct {
	RequestIndex int
	ID           string `json:"Id"`
	StatusCode   int
}

// add notes what became of a row.
func (f *partialFault) add(index int, id guid, err error) {
	r := bulkResult{RequestIndex: index, StatusCode: http.StatusOK}
	if id != (guid{}) {
		r.ID = id.String()
	}
	if err != nil {
		var failed *fault
		if !errors.As(err, &failed) {
			failed = &fault{http.StatusInternalServerError, "0x80040216", "An unexpected error occurred."}
		}
		r.StatusCode = failed.status
		if f.fault == nil {
			f.fault = failed
		}
	}
	f.results = append(f.results, r)
}

func (f *partialFault) Error() string { return f.fault.Error() }

// body returns the JSON of the error; who asks for the details is told of each
// row.
func (f *partialFault) body(p *preferences) []byte {
	const name = "Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails"
	body := f.fault.body(p)
	if !p.annotates(name) {
		return body
	}
	results, _ := json.Marshal(f.results) // has nothing that JSON has not
	b := append(body[:len(body)-2], ',')
	b = appendString(b, "@"+name)
	b = append(b, ':')
	return append(appendString(b, string(results)), "}}"...)
}
