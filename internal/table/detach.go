package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Before a row goes away, the lookups that point to it are emptied, and their
// rows wait for another one with the values that it had.

// detachBatch is how many lookups one transaction empties at most.
const detachBatch = 10_000

// errOtherPointers says that lookups came or went since the pointers were
// read.
var errOtherPointers = errors.New("table: other lookups point to the object now")

// pointer is a field through which rows point to rows of an object.
type pointer struct {
	table, column string // quoted
	by            bool   // the table says who modified a row last
	ways          []way
}

// way is a lookup that fills the field of a pointer.
type way struct {
	id     int64             // in cw_lookups
	fields []crosswalk.Field // of the object, that are compared
}

// holdSQL returns the statement that keeps rows of the object from being
// deleted until the end of a transaction, so that it can point to those it
// finds. On SQLite, transactions that write follow one another anyway.
func holdSQL(o *crosswalk.Object) string {
	return "LOCK TABLE " + quote(o.Table()) + " IN ROW SHARE MODE"
}

// takeSQL returns the statement that waits for those that hold rows of the
// object, and keeps others from it. What the transaction sees is what they
// left when it is the first one.
func takeSQL(o *crosswalk.Object) string {
	return "LOCK TABLE " + quote(o.Table()) + " IN EXCLUSIVE MODE"
}

// pointers returns the fields that point to the object and the ids of all
// lookups into it. It makes the indexes by which their rows are found.
func (g *Gone) pointers(ctx context.Context, db *database.DB) ([]pointer, []int64, error) {
	if g.Policy != crosswalk.DeleteRow {
		return nil, nil, nil
	}
	have, err := readColumns(ctx, db.Dialect(), "cw_lookups", db.Query)
	if err != nil || len(have) == 0 {
		return nil, nil, err // no lookup was ever filled
	}
	lookups, err := lookupsInto(ctx, db, g.Object.Name)
	if err != nil {
		return nil, nil, err
	}
	var list []pointer
	for _, l := range lookups {
		p := pointer{table: quote(l.object.Table()), column: quote(l.field.Column())}
		w := way{id: l.id, fields: l.compared(&g.Object)}
		if i := slices.IndexFunc(list, func(x pointer) bool { return x.table == p.table && x.column == p.column }); i >= 0 {
			list[i].ways = append(list[i].ways, w)
			continue
		}
		have, err := readColumns(ctx, db.Dialect(), l.object.Table(), db.Query)
		if err != nil {
			return nil, nil, err
		}
		if !have[l.field.Column()] {
			continue // the object is gone
		}
		if err := ensureIndex(ctx, db, matchIndex(&l.object, []string{l.field.Column()})); err != nil {
			return nil, nil, err
		}
		p.by, p.ways = have["modified_by"], []way{w}
		list = append(list, p)
	}
	return list, lookupIDs(lookups), nil
}

func lookupIDs(lookups []pendingLookup) []int64 {
	var ids []int64
	for _, l := range lookups {
		ids = append(ids, l.id)
	}
	return ids
}

// compared returns the fields of the object that the lookup compares, nil when
// one of them is gone.
func (l *pendingLookup) compared(o *crosswalk.Object) []crosswalk.Field {
	var fields []crosswalk.Field
	for _, name := range l.match {
		f := o.Field(name)
		if f == nil {
			return nil
		}
		fields = append(fields, *f)
	}
	return fields
}

// detacher deletes rows in a transaction.
type detacher struct {
	*Gone
	d        database.Dialect
	tx       *database.Tx
	pointers []pointer
	room     int // how many lookups may still be emptied
}

// begin keeps others from pointing to rows of the object. ids are those of the
// lookups that the pointers were made of.
func (r *detacher) begin(ctx context.Context, ids []int64) error {
	if r.d == database.Postgres {
		// Few rows of a table are touched, and each is found by an index;
		// statistics that would say so may not be there yet.
		for _, text := range []string{takeSQL(&r.Object), "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"} {
			if _, err := r.tx.Exec(ctx, text); err != nil {
				return err
			}
		}
	}
	if ids == nil {
		// There is no such table before the first lookup is registered.
		have, err := readColumns(ctx, r.d, "cw_lookups", r.tx.Query)
		if err != nil || len(have) == 0 {
			return err
		}
	}
	now, err := lookupsInto(ctx, r.tx, r.Object.Name)
	if err == nil && !slices.Equal(lookupIDs(now), ids) {
		err = errOtherPointers
	}
	return err
}

// remove deletes the rows of records with these keys. It reports false when
// more lookups point to them than may be emptied; the rows are still there
// then.
func (r *detacher) remove(ctx context.Context, keys []string) (n int64, all bool, err error) {
	list, args := r.list(keys)
	rows, err := r.gsids(ctx, fmt.Sprintf("SELECT CAST(gsid AS text) FROM %s WHERE %s%s", quote(r.Object.Table()), r.rows(), list), args...)
	if err != nil || len(rows) == 0 {
		return 0, err == nil, err
	}
	for i := range r.pointers {
		if all, err := r.detach(ctx, &r.pointers[i], rows); err != nil || !all {
			return 0, false, err
		}
	}
	n, err = r.tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", quote(r.Object.Table()), r.in("gsid", "$1")), r.text(rows))
	return n, true, err
}

// detach empties the lookups of a pointer that point to rows of the object.
func (r *detacher) detach(ctx context.Context, p *pointer, rows []string) (all bool, err error) {
	// SQLite would rather go through the whole table.
	from := fmt.Sprintf("json_each($1) j CROSS JOIN %s c ON c.%s = j.value", p.table, p.column)
	if r.d == database.Postgres {
		from = fmt.Sprintf("%s c WHERE %s", p.table, r.in("c."+p.column, "$1"))
	}
	found, err := r.gsids(ctx, fmt.Sprintf("SELECT CAST(c.gsid AS text) FROM %s LIMIT %d", from, r.room), r.text(rows))
	if err != nil || len(found) == 0 {
		return err == nil, err
	}
	r.room -= len(found)
	for _, w := range p.ways {
		if len(w.fields) == 0 {
			continue
		}
		var values, filled []string
		for _, f := range w.fields {
			name := "m." + quote(f.Column())
			values = append(values, toText(r.d, column.KindFor(&f), name))
			filled = append(filled, name+" IS NOT NULL")
		}
		waiting := fmt.Sprintf("SELECT %d, c.gsid, %s FROM %s c JOIN cw_lookup_origins o ON o.origin = c.%s AND o.lookup = %d JOIN %s m ON m.gsid = c.%s WHERE %s AND %s",
			w.id, strings.Join(values, ", "), p.table, originColumn, w.id, quote(r.Object.Table()), p.column, r.in("c.gsid", "$1"), strings.Join(filled, " AND "))
		if _, err := r.tx.Exec(ctx, waitSQL(len(w.fields), waiting), r.text(found)); err != nil {
			return false, err
		}
	}
	set := fmt.Sprintf("%s = NULL, modified_date = $2, %s = $3", p.column, runColumn)
	args := []any{r.text(found), database.Time{Time: time.Now()}, r.Run}
	if p.by && r.By != "" {
		set, args = set+", modified_by = $4", append(args, r.By)
	}
	_, err = r.tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE %s", p.table, set, r.in("gsid", "$1")), args...)
	return r.room > 0, err
}

func (r *detacher) gsids(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := r.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// in returns the condition that a column holds one of the GSIDs in the list
// that text made an argument.
func (r *detacher) in(name, placeholder string) string {
	if r.d == database.Postgres {
		return fmt.Sprintf("%s = ANY (CAST(CAST(%s AS text) AS uuid[]))", name, placeholder)
	}
	return fmt.Sprintf("%s IN (SELECT value FROM json_each(%s))", name, placeholder)
}

func (r *detacher) text(ids []string) string {
	if r.d == database.Postgres {
		return "{" + strings.Join(ids, ",") + "}"
	}
	b, err := json.Marshal(ids)
	if err != nil {
		panic("table: texts that cannot be encoded: " + err.Error())
	}
	return string(b)
}
