package table

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// postgresTarget writes rows to one object from a stage.
type postgresTarget struct {
	*target
	stage   string // temporary table
	copy    string // COPY into the stage
	write   string
	compare string // the same for a stage of rows that are mostly as they were, "" for none
	alike   bool   // those of the batch before were
	walk    *walk  // finds such rows, nil for none
	missing string // removes rows from the stage whose identifiers no row has
	absent  string // counts them
	own     string // notes whose rows are
	left    string // counts rows of the stage that own would note, and those that lost against another record

	fixed    []byte // of a load: the values of constants as COPY takes them
	constant int    // how many they are
}

// incoming are the values of a record in the stage.
func (t *postgresTarget) incoming() incoming {
	return incoming{
		field: func(i int) string { return fmt.Sprintf("s.c%d", i) },
		now:   "$3::timestamptz", origin: "$4::bigint", source: "s." + sourceIDColumn, run: "$5::bigint", changed: "s." + changedColumn,
		by: literal(t.d, column.Text, database.Text(t.by)),
	}
}

func (p *postgresWriter) openTarget(ctx context.Context, def *target, stage string) (*postgresTarget, error) {
	if def.adding {
		return p.openLoad(ctx, def)
	}
	t := &postgresTarget{target: def, stage: "pg_temp." + stage}
	in := t.incoming()
	names := []string{"pos", "gsid", sourceIDColumn}
	types := []string{"integer", "uuid", storageType(t.d, column.Text)}
	chosen := []string{"s.gsid", in.now, in.now, in.origin, in.source, in.run}
	if t.modified >= 0 {
		names, types = append(names, changedColumn), append(types, storageType(t.d, column.Time))
		chosen = append(chosen, in.changed)
	}
	_, fixed := t.constants()
	chosen = append(chosen, fixed...)
	for i := range t.columns {
		name := fmt.Sprintf("c%d", i)
		names, types = append(names, name), append(types, storageType(t.d, t.stored[i]))
		chosen = append(chosen, in.field(i))
	}
	var columns []string
	for i := range names {
		columns = append(columns, names[i]+" "+types[i])
	}
	// A connection that served a writer before still has that one's stage.
	_, err := p.conn.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s; CREATE TEMP TABLE %s (%s) ON COMMIT DELETE ROWS", t.stage, stage, strings.Join(columns, ", ")))
	if err != nil {
		return nil, fmt.Errorf("table: stage: %w", err)
	}
	t.copy = fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", t.stage, strings.Join(names, ", "))
	t.statements(in, strings.Join(chosen, ", "), p.Writer.lookups)
	t.walk = newWalk(def)
	return t, nil
}

// statements makes the texts of the statements over a range of rows of the
// stage, from $1 to before $2.
func (t *postgresTarget) statements(in incoming, chosen string, lookups []*lookup) {
	table := quote(t.object.Table())
	span := "s.pos >= $1 AND s.pos < $2"
	same := t.same(in.field)
	choose := fmt.Sprintf("SELECT %s FROM %s s WHERE %s", chosen, t.stage, span)
	if t.identifiers == 0 {
		choose += " AND NOT " + t.added(in)
	}
	write := t.insertSQL(choose)
	set, where := t.update(in)
	// A row that was updated bears the mark of the transaction that locked
	// it; a fresh one bears none.
	fresh := "(t.xmax = 0)"
	if t.operation == crosswalk.OperationUpdate {
		write = fmt.Sprintf("UPDATE %s AS t SET %s FROM %s s WHERE %s AND %s AND %s", table, set, t.stage, span, same, where)
		fresh = "false"
	}
	forget := ""
	for _, l := range lookups {
		// A row that was updated waits no longer, or is noted again below.
		if t.main == &t.plan && l.id != 0 {
			forget += fmt.Sprintf(", f%d AS (%s)", l.id, forgetSQL(l.relatives, "SELECT w.gsid FROM w WHERE NOT w.fresh"))
		}
	}
	counted := func(write string) string {
		return fmt.Sprintf("WITH w AS (%s RETURNING t.gsid, %s AS fresh)%s SELECT count(*) FILTER (WHERE fresh), count(*) FROM w", write, fresh, forget)
	}
	t.write = counted(write)
	if t.identifiers > 0 && t.operation != crosswalk.OperationInsert && t.operation != crosswalk.OperationUpdate {
		// ON CONFLICT locks also the rows that it then leaves as they are, and
		// a lock is written into the row. Looking first spares that, but costs
		// new rows a second look.
		t.compare = counted(t.insertSQL(fmt.Sprintf("%s AND NOT EXISTS (SELECT 1 FROM %s t WHERE %s AND NOT (%s))", choose, table, same, where)))
	}
	absent := fmt.Sprintf("NOT EXISTS (SELECT 1 FROM %s t WHERE %s)", table, same)
	t.missing = fmt.Sprintf("DELETE FROM %s s WHERE s.pos = ANY($1) AND %s RETURNING s.pos", t.stage, absent)
	t.absent = fmt.Sprintf("SELECT count(*) FROM %s s WHERE %s AND %s", t.stage, span, absent)
	at := incoming{origin: "$3::bigint", source: in.source, changed: in.changed}
	t.own = t.ownSQL(at, fmt.Sprintf("FROM %s s", t.stage), span+" AND "+same)
	t.left = fmt.Sprintf("SELECT count(*) FILTER (WHERE %s), count(*) FILTER (WHERE NOT (%s OR %s)) FROM %s s JOIN %s t ON %s WHERE %s",
		t.news(at), t.foreign(at), t.wins(at), t.stage, table, same, span)
}

// rows implements engine.
func (p *postgresWriter) rows(ctx context.Context, def *target, b *column.Batch, r *Result) error {
	t := p.targets[def]
	if t.adding {
		return p.add(ctx, t, b, r)
	}
	unchanged := r.Unchanged
	if t.alike && t.walk != nil {
		if err := p.leaveAlike(ctx, t, b, r); err != nil {
			return fmt.Errorf("table: compare %s: %w", t.object.Table(), err)
		}
	}
	if any, err := p.fillStage(ctx, t, b, r); err != nil || !any {
		return err
	}
	if err := p.span(ctx, t, 0, b.Rows(), r); err != nil {
		return err
	}
	t.alike = r.Unchanged-unchanged > int64(b.Rows()/2)
	return nil
}

// fillStage copies the rows that are still to be written into the stage and
// rejects those among them that would leave a new row without a required
// value.
func (p *postgresWriter) fillStage(ctx context.Context, t *postgresTarget, b *column.Batch, r *Result) (any bool, err error) {
	var candidates []int32 // may only update
	for row, v := range t.verdicts {
		any = any || v.open()
		if v == writeOnly {
			candidates = append(candidates, int32(row))
		}
	}
	if !any {
		return false, nil
	}
	p.buffer = t.appendCopy(p.buffer[:0], b)
	if _, err := p.tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(p.buffer), t.copy); err != nil {
		return false, fmt.Errorf("table: copy: %w", err)
	}
	if len(candidates) == 0 {
		return true, nil
	}
	found, err := p.tx.Query(ctx, t.missing, candidates)
	if err != nil {
		return false, fmt.Errorf("table: find rows: %w", err)
	}
	missing, err := pgx.CollectRows(found, pgx.RowTo[int32])
	if err != nil {
		return false, fmt.Errorf("table: find rows: %w", err)
	}
	for _, row := range missing {
		t.reject(r, requiredEmpty(int(row), t.emptyRequired(int(row))))
	}
	return true, nil
}

// span writes the rows of the stage from low to before high and counts what
// became of them.
func (p *postgresWriter) span(ctx context.Context, t *postgresTarget, low, high int, r *Result) error {
	before := r.Inserted + r.Updated
	now := time.Now().UTC().Truncate(time.Millisecond)
	if err := p.writeRange(ctx, t, low, high, now, r); err != nil {
		return err
	}
	left := int64(0)
	for _, v := range t.verdicts[low:high] {
		if v.open() {
			left++
		}
	}
	left -= r.Inserted + r.Updated - before
	if left == 0 {
		return nil
	}
	if t.operation == crosswalk.OperationInsert {
		r.Skipped += left
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("table: write %s: %w", t.object.Table(), err) }
	if t.modified >= 0 {
		var news, lost int64
		if err := p.tx.QueryRow(ctx, t.left, low, high, p.origin).Scan(&news, &lost); err != nil {
			return fail(err)
		}
		if news > 0 {
			if _, err := p.tx.Exec(ctx, t.own, low, high, p.origin); err != nil {
				return fail(err)
			}
		}
		r.Duplicates += lost
		left -= lost
	}
	if t.operation == crosswalk.OperationUpdate {
		var absent int64
		if err := p.tx.QueryRow(ctx, t.absent, low, high).Scan(&absent); err != nil {
			return fail(err)
		}
		r.Skipped += absent
		left -= absent
	}
	r.Unchanged += left
	return nil
}

// writeRange writes rows of the stage. When one of them would break a unique
// index, it tries each half by itself, until that one is found.
func (p *postgresWriter) writeRange(ctx context.Context, t *postgresTarget, low, high int, now time.Time, r *Result) error {
	sp, err := p.tx.Begin(ctx) // a savepoint
	if err != nil {
		return fmt.Errorf("table: savepoint: %w", err)
	}
	var inserted, written int64
	write := t.write
	if t.alike && t.compare != "" {
		write = t.compare
	}
	err = sp.QueryRow(ctx, write, low, high, now, p.origin, p.cfg.Run).Scan(&inserted, &written)
	if err == nil {
		if err := sp.Commit(ctx); err != nil {
			return fmt.Errorf("table: savepoint: %w", err)
		}
		r.Inserted += inserted
		r.Updated += written - inserted
		return nil
	}
	if !database.IsUnique(err) {
		return fmt.Errorf("table: write %s: %w", t.object.Table(), err)
	}
	if e := sp.Rollback(ctx); e != nil {
		return fmt.Errorf("table: savepoint: %w", e)
	}
	if high-low == 1 {
		t.reject(r, t.violation(low, violatedColumns(err)))
		// What follows is about rows that are stored.
		if _, err := p.tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE pos = $1", t.stage), low); err != nil {
			return fmt.Errorf("table: write %s: %w", t.object.Table(), err)
		}
		return nil
	}
	middle := low + (high-low)/2
	if err := p.writeRange(ctx, t, low, middle, now, r); err != nil {
		return err
	}
	return p.writeRange(ctx, t, middle, high, now, r)
}
