package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// postgresWriter copies a batch into a temporary table of its own connection
// and upserts from there with one statement.
type postgresWriter struct {
	*Writer
	conn    *pgxpool.Conn
	stage   string
	copy    string // COPY into the stage
	upsert  string
	missing string // rows of the stage whose identifiers no row has
	buffer  []byte
}

func openPostgres(ctx context.Context, w *Writer) (*postgresWriter, error) {
	conn, err := w.db.Pool().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("table: connection: %w", err)
	}
	p := &postgresWriter{Writer: w, conn: conn, stage: "cw_stage"}
	d := w.db.Dialect()
	names := []string{"pos", "gsid", sourceIDColumn}
	types := []string{"integer", "uuid", storageType(d, column.Text)}
	chosen := []string{"s.gsid", "$3::timestamptz", "$3::timestamptz", "$4::bigint", "s." + sourceIDColumn, "$5::bigint"}
	_, fixed := w.constants()
	chosen = append(chosen, fixed...)
	var same []string
	for i, c := range w.cfg.Columns {
		name := fmt.Sprintf("c%d", i)
		names, types = append(names, name), append(types, storageType(d, w.plan.stored[i]))
		chosen = append(chosen, "s."+name)
		if c.Identifier {
			same = append(same, fmt.Sprintf("t.%s = s.%s", quote(c.Field.Column()), name))
		}
	}
	var columns []string
	for i := range names {
		columns = append(columns, names[i]+" "+types[i])
	}
	// A connection that served a writer before still has that one's stage.
	_, err = conn.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS pg_temp.%s; CREATE TEMP TABLE %s (%s) ON COMMIT DELETE ROWS", p.stage, p.stage, strings.Join(columns, ", ")))
	if err != nil {
		conn.Release()
		return nil, fmt.Errorf("table: stage: %w", err)
	}
	p.copy = fmt.Sprintf("COPY pg_temp.%s (%s) FROM STDIN (FORMAT binary)", p.stage, strings.Join(names, ", "))
	p.upsert = "WITH w AS (" + w.upsertSQL(fmt.Sprintf("SELECT %s FROM pg_temp.%s s WHERE s.pos >= $1 AND s.pos < $2", strings.Join(chosen, ", "), p.stage)) +
		// A row that was updated bears the mark of the transaction that
		// locked it; a fresh one bears none.
		" RETURNING (t.xmax = 0) AS fresh) SELECT count(*) FILTER (WHERE fresh), count(*) FROM w"
	p.missing = fmt.Sprintf("DELETE FROM pg_temp.%s s WHERE s.pos = ANY($1) AND NOT EXISTS (SELECT 1 FROM %s t WHERE %s) RETURNING s.pos",
		p.stage, quote(w.cfg.Object.Table()), strings.Join(same, " AND "))
	return p, nil
}

func (p *postgresWriter) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The next user of the connection should not find statements prepared
	// for a stage of other columns.
	_ = p.conn.Conn().DeallocateAll(ctx)
	p.conn.Release()
}

func (p *postgresWriter) write(ctx context.Context, b *column.Batch, r *Result, save SaveFunc) error {
	tx, err := p.conn.BeginTx(ctx, pgx.TxOptions{})
	if err != nil {
		return fmt.Errorf("table: begin: %w", err)
	}
	defer func() {
		// After a commit this does nothing; after the end of ctx it must
		// still run.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	if err := p.rows(ctx, tx, b, r); err != nil {
		return err
	}
	if err := save(ctx, pgTx{tx}, *r); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("table: commit: %w", err)
	}
	return nil
}

func (p *postgresWriter) rows(ctx context.Context, tx pgx.Tx, b *column.Batch, r *Result) error {
	var candidates []int32 // may only update
	rows := int64(0)
	for row, v := range p.plan.verdicts {
		if v != drop {
			rows++
		}
		if v == writeOnly {
			candidates = append(candidates, int32(row))
		}
	}
	if rows == 0 {
		return nil
	}
	p.buffer = p.plan.appendCopy(p.buffer[:0], b)
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(p.buffer), p.copy); err != nil {
		return fmt.Errorf("table: copy: %w", err)
	}
	if len(candidates) > 0 {
		found, err := tx.Query(ctx, p.missing, candidates)
		if err != nil {
			return fmt.Errorf("table: find rows: %w", err)
		}
		missing, err := pgx.CollectRows(found, pgx.RowTo[int32])
		if err != nil {
			return fmt.Errorf("table: find rows: %w", err)
		}
		for _, row := range missing {
			p.plan.reject(r, requiredEmpty(int(row), p.emptyRequired(b, int(row))))
			rows--
		}
	}
	rejects := len(r.Rejects)
	now := time.Now().UTC().Truncate(time.Millisecond)
	if err := p.upsertRange(ctx, tx, 0, b.Rows(), now, r); err != nil {
		return err
	}
	r.Unchanged = rows - r.Inserted - r.Updated - int64(len(r.Rejects)-rejects)
	return nil
}

// upsertRange upserts the rows of the stage from low to before high. When one
// of them would break a unique index, it tries each half by itself, until
// that one is found.
func (p *postgresWriter) upsertRange(ctx context.Context, tx pgx.Tx, low, high int, now time.Time, r *Result) error {
	sp, err := tx.Begin(ctx) // a savepoint
	if err != nil {
		return fmt.Errorf("table: savepoint: %w", err)
	}
	var inserted, written int64
	err = sp.QueryRow(ctx, p.upsert, low, high, now, p.origin, p.cfg.Run).Scan(&inserted, &written)
	if err == nil {
		if err := sp.Commit(ctx); err != nil {
			return fmt.Errorf("table: savepoint: %w", err)
		}
		r.Inserted += inserted
		r.Updated += written - inserted
		return nil
	}
	if !database.IsUnique(err) {
		return fmt.Errorf("table: write %s: %w", p.cfg.Object.Table(), err)
	}
	if e := sp.Rollback(ctx); e != nil {
		return fmt.Errorf("table: savepoint: %w", e)
	}
	if high-low == 1 {
		p.plan.reject(r, p.violation(low, violatedColumns(err)))
		return nil
	}
	middle := low + (high-low)/2
	if err := p.upsertRange(ctx, tx, low, middle, now, r); err != nil {
		return err
	}
	return p.upsertRange(ctx, tx, middle, high, now, r)
}

// violatedColumns reads the columns of the index from PostgreSQL's detail,
// `Key (a, "b c")=(1, 2) already exists.`
func violatedColumns(err error) []string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return nil
	}
	_, list, _ := strings.Cut(e.Detail, "(")
	list, _, _ = strings.Cut(list, ")=(")
	var columns []string
	for _, c := range strings.Split(list, ", ") {
		columns = append(columns, strings.Trim(c, `"`))
	}
	return columns
}

// pgTx is a transaction of pgx as a database.Execer.
type pgTx struct{ tx pgx.Tx }

// Exec implements database.Execer.
func (t pgTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = database.Text(s)
		}
	}
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}
