package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// key finds the row that stands in the parentheses of an address: by its id,
// or by an alternate key. The row is -1 when there is none; then the id, or
// the values of the key, say which was meant.
func (c *call) key(t *table, args string) (row int, values []cell, id guid, err error) {
	if t.elastic() {
		return c.elasticKey(t, args)
	}
	name, v, named := strings.Cut(args, "=")
	if named && name == t.key.name && !t.principal {
		args, named = v, false
	}
	if !named {
		id, ok := parseGUID(args)
		if !ok {
			return -1, nil, id, badRequest("Bad Request - Error in query syntax.")
		}
		if row, ok := t.row(id); ok {
			return row, nil, id, nil
		}
		return -1, nil, id, nil
	}
	pairs, err := keyPairs(args)
	if err != nil {
		return -1, nil, guid{}, err
	}
	if values, err = c.keyCells(t, pairs); err != nil {
		return -1, nil, guid{}, err
	}
	if row, ok := t.withCells(values, -1); ok {
		return row, values, t.id(row), nil
	}
	return -1, values, guid{}, nil
}

// keyPairs splits a='x',_b_value=<guid>.
func keyPairs(args string) ([][2]string, error) {
	var pairs [][2]string
	for args != "" {
		name, rest, ok := strings.Cut(args, "=")
		if !ok {
			return nil, badRequest("Bad Request - Error in query syntax.")
		}
		value := rest
		if strings.HasPrefix(rest, "'") {
			end := 1
			for end < len(rest) && (rest[end] != '\'' || end+1 < len(rest) && rest[end+1] == '\'') {
				if rest[end] == '\'' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return nil, badRequest("Bad Request - Error in query syntax.")
			}
			value, rest = strings.ReplaceAll(rest[1:end], "''", "'"), rest[end+1:]
		} else {
			value, rest, _ = strings.Cut(rest, ",")
			if rest != "" {
				rest = "," + rest
			}
		}
		pairs = append(pairs, [2]string{strings.TrimSpace(name), value})
		if args = strings.TrimPrefix(rest, ","); args != "" && args == rest {
			return nil, badRequest("Bad Request - Error in query syntax.")
		}
	}
	return pairs, nil
}

// alternateKeys returns the columns of each alternate key.
func (t *table) alternateKeys() [][]*attribute {
	var keys [][]*attribute
	if t.link != nil {
		return append(keys, []*attribute{t.byName[t.link.ends[0].column], t.byName[t.link.ends[1].column]})
	}
	for _, v := range t.raw.list("Keys") {
		var columns []*attribute
		for _, name := range v.(object).list("KeyAttributes") {
			if a := t.byName[name.(string)]; a != nil {
				columns = append(columns, a)
			}
		}
		keys = append(keys, columns)
	}
	return keys
}

// keyCells reads the values of an alternate key, which must be declared.
func (c *call) keyCells(t *table, pairs [][2]string) ([]cell, error) {
	var cells []cell
	var names []string
	for _, p := range pairs {
		a := t.byMember[p[0]]
		if a == nil {
			return nil, badRequest("The key property '%s' is not a key of the type 'Microsoft.Dynamics.CRM.%s'.", p[0], t.name)
		}
		names = append(names, a.name)
		var v value
		if err := (&reader{attribute: a}).text(p[1], &v); err != nil {
			return nil, err
		}
		if a.lookup() {
			v.target = a.targets[0]
		}
		cells = append(cells, v.keep(a))
	}
	slices.Sort(names)
	for _, key := range t.alternateKeys() {
		var declared []string
		for _, a := range key {
			declared = append(declared, a.name)
		}
		slices.Sort(declared)
		if slices.Equal(names, declared) {
			return cells, nil
		}
	}
	return nil, badRequest("The key property '%s' is not a key of the type 'Microsoft.Dynamics.CRM.%s'.", names[0], t.name)
}

// withCells returns a row that has the values, other than one.
func (t *table) withCells(cells []cell, but int) (int, bool) {
	columns := make([]*attribute, len(cells))
	for i := range cells {
		if columns[i] = t.attributeAt(cells[i].index); columns[i] == nil {
			return -1, false
		}
	}
	same := func(row int) bool {
		var v, w value
		for i := range cells {
			t.value(row, columns[i], &v)
			cells[i].read(t.data, &w)
			if !holds(odata.Eq, &v, &w) || v.kind == kindNull {
				return false
			}
		}
		return row != but && t.alive(row)
	}
	text, ok := keyText(nil, columns, func(a *attribute, v *value) {
		cells[slices.IndexFunc(cells, func(c cell) bool { return int(c.index) == a.index })].read(t.data, v)
	})
	if !ok {
		return -1, false
	}
	for _, row := range t.keys.candidates(text) {
		if int(row) < t.numbers() && same(int(row)) {
			return int(row), true
		}
	}
	// The numbers of generated accounts say which row they are of.
	if len(cells) == 1 && t.name == "account" && columns[0].name == "accountnumber" {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.ToUpper(cells[0].text), "ACC-"))
		row := n - firstAccountNumber
		return row, err == nil && row >= 0 && row < t.rows && same(row)
	}
	row, ok := t.keys.first(t, columns, text)
	for ; ok && row < t.rows; row++ {
		if same(row) {
			return row, true
		}
	}
	return -1, false
}

// attributeAt returns the column that a cell is of, nil when it was removed.
func (t *table) attributeAt(index int32) *attribute {
	for _, a := range t.attributes {
		if a.index == int(index) {
			return a
		}
	}
	return nil
}

// unique refuses values of an alternate key that another row has.
func (w *writing) unique(id guid) error {
	but := w.row
	for i, key := range w.t.alternateKeys() {
		var cells []cell
		changed := false
		for _, a := range key {
			var v value
			if !w.current(a, &v) {
				break
			}
			cells = append(cells, v.keep(a))
			changed = changed || w.has(a)
		}
		if len(cells) < len(key) || !changed {
			continue
		}
		if row, ok := w.t.withCells(cells, but); ok && w.t.id(row) != id {
			var labels []string
			for _, a := range key {
				labels = append(labels, a.raw.text("DisplayName"))
			}
			return &fault{http.StatusPreconditionFailed, codeDuplicateEntity, "A record that has the attribute values " + strings.Join(labels, ", ") +
				" already exists. The entity key " + w.t.raw.list("Keys")[i].(object).text("LogicalName") +
				" requires that this set of attributes contains unique values. Select unique values and try again."}
		}
	}
	return nil
}
