package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// args returns arrays of texts for that many columns, empty and ready to be
// filled.
func (p *postgresWriter) args(columns int) [][]string {
	for len(p.texts) < columns {
		p.texts = append(p.texts, nil)
	}
	for i := range columns {
		p.texts[i] = p.texts[i][:0]
	}
	return p.texts[:columns]
}

// unnest returns the names $first::text[], … for that many arrays.
func unnest(first, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("$%d::text[]", first+i))
	}
	return strings.Join(list, ", ")
}

func names(format string, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return strings.Join(list, ", ")
}

// find implements engine.
func (p *postgresWriter) find(ctx context.Context, l *lookup) error {
	if len(l.found) == 0 {
		return nil
	}
	if _, err := p.tx.Exec(ctx, holdSQL(&l.Object)); err != nil {
		return fmt.Errorf("table: look up %s: %w", l.Object.Table(), err)
	}
	texts := p.args(len(l.columns))
	for _, n := range l.order {
		for i := range l.columns {
			texts[i] = append(texts[i], textOf(l.values[i], int(l.keys.row[n])))
		}
	}
	var args []any
	for _, t := range texts {
		args = append(args, t)
	}
	value := func(i int) string { return fromText(p.db.Dialect(), l.stored[i], fmt.Sprintf("s.m%d", i)) }
	// With several rows a combination would find too many; those that count
	// are found one combination by one then.
	join := fmt.Sprintf("JOIN %s t ON %s", quote(l.Object.Table()), sameSQL(l.match(), value))
	if !l.unique {
		limit := findSQL(l.Object.Table(), l.match(), value, 0)
		if l.several() {
			limit = strings.TrimSuffix(limit, "1") + "2"
		}
		join = fmt.Sprintf("CROSS JOIN LATERAL (%s) t", limit)
	}
	rows, err := p.tx.Query(ctx, fmt.Sprintf("SELECT s.n, t.gsid FROM unnest(%s) WITH ORDINALITY AS s(%s, n) %s",
		unnest(1, len(l.columns)), names("m%d", len(l.columns)), join), args...)
	if err != nil {
		return fmt.Errorf("table: look up %s: %w", l.Object.Table(), err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var id [16]byte
		if err := rows.Scan(&n, &id); err != nil {
			return fmt.Errorf("table: look up %s: %w", l.Object.Table(), err)
		}
		h := &l.found[l.order[n-1]]
		if h.rows == 0 || slices.Compare(id[:], h.gsid[:]) < 0 {
			h.gsid = id
		}
		h.rows++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("table: look up %s: %w", l.Object.Table(), err)
	}
	return nil
}

// remember implements engine. Rows that were updated are forgotten already.
func (p *postgresWriter) remember(ctx context.Context, b *column.Batch) error {
	for _, l := range p.Writer.lookups {
		if l.id == 0 {
			continue
		}
		if err := p.forget(ctx, l); err != nil {
			return fmt.Errorf("table: pending lookups: %w", err)
		}
		if err := p.note(ctx, l); err != nil {
			return fmt.Errorf("table: pending lookups: %w", err)
		}
	}
	return nil
}

// joinStage lets the rest of the transaction join rows of the stage, which has
// no index.
func (p *postgresWriter) joinStage(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, "SET LOCAL enable_hashjoin = on")
	return err
}

// stored returns the query for the GSIDs of rows of the stage that were
// stored: joined is the table w of their positions.
func (p *postgresWriter) stored(joined string) string {
	t := p.targets[p.main]
	in := t.incoming()
	in.origin = "$1::bigint"
	row := fmt.Sprintf("SELECT t.gsid FROM %s t WHERE %s", quote(t.object.Table()), t.same(in.field))
	if t.identifiers == 0 {
		row = fmt.Sprintf("SELECT t.gsid FROM %s t WHERE t.gsid = s.gsid", quote(t.object.Table()))
	} else if t.operation == crosswalk.OperationInsert {
		row += " AND t.gsid = s.gsid" // else it was there before
	}
	if t.modified >= 0 && t.identifiers > 0 {
		row += fmt.Sprintf(" AND (%s)", t.foreign(in))
	} else {
		row += " AND $1::bigint IS NOT NULL"
	}
	// What has a limit is found row by row, by the index.
	return fmt.Sprintf("%s JOIN %s s ON s.pos = w.pos CROSS JOIN LATERAL (%s LIMIT 1) t", joined, t.stage, row)
}

// forget removes rows from those that wait whose record has no value to look
// up any more.
func (p *postgresWriter) forget(ctx context.Context, l *lookup) error {
	p.rowsAt = p.rowsAt[:0]
	for row, v := range p.main.verdicts {
		if v.open() && (l.state[row] == matchNothing || l.state[row] == matchPartly) {
			p.rowsAt = append(p.rowsAt, int32(row))
		}
	}
	if len(p.rowsAt) == 0 {
		return nil
	}
	var any bool
	if err := p.tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM cw_pending WHERE "+among("lookup", l.relatives)+")").Scan(&any); err != nil || !any {
		return err
	}
	if err := p.joinStage(ctx); err != nil {
		return err
	}
	_, err := p.tx.Exec(ctx, forgetSQL(l.relatives, "SELECT t.gsid FROM "+p.stored("unnest($2::integer[]) AS w(pos)")), p.origin, p.rowsAt)
	return err
}

// forgetSQL returns the statement that removes the rows whose GSIDs the query
// returns from those that wait for one of the lookups. What has a limit is
// found row by row, by the index: a join may compare each with all rows that
// wait, of which there can be many more than when it was planned.
func forgetSQL(lookups []int64, query string) string {
	return fmt.Sprintf(`DELETE FROM cw_pending WHERE ctid = ANY (ARRAY(
		SELECT p.ctid FROM (%s) g CROSS JOIN LATERAL (SELECT p.ctid FROM cw_pending p WHERE %s AND p.gsid = g.gsid LIMIT %d) p))`,
		query, among("p.lookup", lookups), len(lookups))
}

// note keeps the rows that wait, with what they look for.
func (p *postgresWriter) note(ctx context.Context, l *lookup) error {
	p.rowsAt = p.rowsAt[:0]
	texts := p.args(len(l.columns))
	for row, v := range p.main.verdicts {
		if !v.open() || l.state[row] != matchNone {
			continue
		}
		p.rowsAt = append(p.rowsAt, int32(row))
		for i := range l.columns {
			texts[i] = append(texts[i], textOf(l.values[i], row))
		}
	}
	if len(p.rowsAt) == 0 {
		return nil
	}
	if err := p.joinStage(ctx); err != nil {
		return err
	}
	args := []any{p.origin, p.rowsAt}
	for _, t := range texts {
		args = append(args, t)
	}
	n := len(l.columns)
	from := p.stored(fmt.Sprintf("unnest($2::integer[], %s) AS w(pos, %s)", unnest(3, n), names("v%d", n)))
	if others := l.others(); len(others) > 0 {
		_, err := p.tx.Exec(ctx, forgetSQL(others, "SELECT t.gsid FROM "+p.stored("unnest($2::integer[]) AS w(pos)")), p.origin, p.rowsAt)
		if err != nil {
			return err
		}
	}
	_, err := p.tx.Exec(ctx, waitSQL(n, fmt.Sprintf("SELECT %d, t.gsid, %s FROM %s", l.id, names("w.v%d", n), from)), args...)
	return err
}
