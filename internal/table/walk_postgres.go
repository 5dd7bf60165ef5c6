package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// A batch of records that have not changed is compared here and not in the
// database. Records mostly come in the order in which they came first, which is
// that of the GSIDs of their rows: from the row of one record on, the following
// rows are those of the following records. To read them is less than half of
// the work of copying the batch into the stage and finding each row by its
// identifiers. Rows that are met elsewhere, or not at all, go that way.

// How a walk goes on.
const (
	walkStride = 256 // rows at first and after each miss; four times as many after each hit
	walkMisses = 4   // of a batch
)

// walk finds rows one after the other in the order in which they were made.
type walk struct {
	text   string // reads $2 rows, from the one of the identifiers in $3 and so on
	keys   keySet // identifiers of the rows that are looked for, in the form COPY takes
	met    []bool // by key
	stride int    // how many rows the next step reads at most
}

// newWalk returns nil for rows that are not compared.
func newWalk(t *target) *walk {
	if t.identifiers == 0 || t.operation == crosswalk.OperationInsert {
		return nil
	}
	keys, _ := t.keyed()
	may := deletedColumn + " IS NULL AND "
	if t.nobody != "" {
		may += fmt.Sprintf("coalesce(%s NOT IN (%s), TRUE) AND ", originColumn, t.nobody)
	}
	columns := append(keys, may+"$1::bigint IS NOT NULL")
	if t.modified >= 0 {
		columns = append(keys, may+originColumn+" = $1", sourceIDColumn, changedColumn)
	}
	for _, c := range t.columns {
		if !c.Identifier {
			columns = append(columns, quote(c.Field.Column()))
		}
	}
	next := 2
	first := t.same(func(i int) string {
		next++
		return fromText(t.d, t.stored[i], fmt.Sprintf("$%d", next))
	})
	table := quote(t.object.Table())
	return &walk{stride: walkStride, text: fmt.Sprintf("SELECT %s FROM %s WHERE gsid >= (SELECT t.gsid FROM %s t WHERE %s) ORDER BY gsid LIMIT $2",
		strings.Join(columns, ", "), table, table, first)}
}

// leaveAlike decides about rows of the batch that the table holds as they are.
func (p *postgresWriter) leaveAlike(ctx context.Context, t *postgresTarget, b *column.Batch, r *Result) error {
	w := t.walk
	w.keys.reset(b.Rows())
	for row, v := range t.verdicts {
		if !v.open() || t.main == &t.plan && p.waits(row) {
			continue
		}
		p.buffer = p.buffer[:0]
		for i := range t.columns {
			if t.columns[i].Identifier {
				p.buffer = appendCopyValue(p.buffer, t.values[i], row, t.stored[i])
			}
		}
		w.keys.put(p.buffer, row)
	}
	left := len(w.keys.row)
	w.met = append(w.met[:0], make([]bool, left)...)
	for next, misses := 0, 0; next < len(w.met) && misses < walkMisses; next++ {
		if w.met[next] {
			continue
		}
		limit := min(w.stride, left)
		met, err := p.step(ctx, t, b, int(w.keys.row[next]), limit, r)
		if err != nil {
			return err
		}
		left -= met
		if w.stride = limit * 4; met < (limit+1)/2 {
			w.stride = walkStride
			misses++
		}
	}
	return nil
}

// waits reports whether a lookup of the row may have to be noted, for which the
// row must be in the stage.
func (p *postgresWriter) waits(row int) bool {
	for _, l := range p.Writer.lookups {
		if l.state[row] != matchFound {
			return true
		}
	}
	return false
}

// step compares rows, limit at most, from the one of a record on. It returns
// how many of them are looked for.
func (p *postgresWriter) step(ctx context.Context, t *postgresTarget, b *column.Batch, first, limit int, r *Result) (met int, err error) {
	w := t.walk
	args := []any{pgx.QueryResultFormats{pgx.BinaryFormatCode}, p.origin, limit}
	for i, c := range t.columns {
		if c.Identifier {
			args = append(args, textOf(t.values[i], first))
		}
	}
	rows, err := p.tx.Query(ctx, w.text, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		p.buffer = p.buffer[:0]
		for _, v := range values[:t.identifiers] {
			p.buffer = append(binary.BigEndian.AppendUint32(p.buffer, uint32(len(v))), v...)
		}
		n, _, _ := w.keys.find(p.buffer)
		if n < 0 || w.met[n] {
			continue
		}
		w.met[n] = true
		met++
		if row := int(w.keys.row[n]); p.alike(t, b, row, values[t.identifiers:]) {
			t.verdicts[row] = unchanged
			r.Unchanged++
		}
	}
	return met, rows.Err()
}

// alike reports whether there is nothing to write of a row: values are those of
// its columns in the table, in binary form, behind whether it may be so at all.
func (p *postgresWriter) alike(t *postgresTarget, b *column.Batch, row int, values [][]byte) bool {
	may, values := values[0], values[1:]
	if len(may) == 0 || may[0] == 0 {
		return false
	}
	if t.modified >= 0 {
		if !p.equal(&b.Columns[0], row, column.Text, values[0]) || !p.equal(&b.Columns[t.modified], row, column.Time, values[1]) {
			return false
		}
		values = values[2:]
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.Identifier {
			continue
		}
		if v := t.values[i]; (v.Valid[row] || !c.KeepOnNull) && !p.equal(v, row, t.stored[i], values[0]) {
			return false
		}
		values = values[1:]
	}
	return true
}

// equal reports whether the value of a row, as it would be stored, is that
// binary one, which is nil for NULL.
func (p *postgresWriter) equal(c *column.Column, row int, stored column.Kind, value []byte) bool {
	if !c.Valid[row] || value == nil {
		return !c.Valid[row] && value == nil
	}
	if c.Kind == column.Text {
		return bytes.Equal(c.Bytes(row), value)
	}
	p.buffer = appendCopyValue(p.buffer[:0], c, row, stored)
	return bytes.Equal(p.buffer[4:], value)
}
