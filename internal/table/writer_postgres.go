package table

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

// postgresWriter copies a batch into a temporary table of its own connection
// and upserts from there with one statement.
type postgresWriter struct {
	*Writer
	conn    *pgxpool.Conn
	tx      pgx.Tx // nil outside of a transaction
	targets map[*target]*postgresTarget
	buffer  []byte
	texts   [][]string // arguments: values by column
	rowsAt  []int32    // argument: positions of rows
}

func openPostgres(ctx context.Context, w *Writer) (*postgresWriter, error) {
	p, err := connectPostgres(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := p.prepare(ctx); err != nil {
		_ = p.close()
		return nil, err
	}
	return p, nil
}

func connectPostgres(ctx context.Context, w *Writer) (*postgresWriter, error) {
	conn, err := w.db.Pool().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("table: connection: %w", err)
	}
	return &postgresWriter{Writer: w, conn: conn}, nil
}

// prepare implements engine: it makes the stages and the texts of the statements.
func (p *postgresWriter) prepare(ctx context.Context) error {
	// The rows of a batch are few beside those of a table, and each is found
	// by an index. Nothing says so to PostgreSQL: the stage has no statistics,
	// and a table may have grown since a plan was made. Such costs would have it
	// compile each statement, which takes longer than to run it.
	if _, err := p.conn.Exec(ctx, "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off"); err != nil {
		return fmt.Errorf("table: settings: %w", err)
	}
	p.targets = map[*target]*postgresTarget{}
	for i, t := range p.Writer.targets() {
		var err error
		if p.targets[t], err = p.openTarget(ctx, t, fmt.Sprintf("cw_stage_%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// holds is false: a longer transaction is no faster, and others may wait for
// its rows.
func (p *postgresWriter) holds() bool { return false }

func (p *postgresWriter) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The next user of the connection should find it as it was, without
	// statements prepared for a stage of other columns.
	_, _ = p.conn.Exec(ctx, "RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_seqscan; RESET jit")
	_ = p.conn.Conn().DeallocateAll(ctx)
	p.conn.Release()
	return nil
}

func (p *postgresWriter) begin(ctx context.Context) error {
	tx, err := p.conn.BeginTx(ctx, pgx.TxOptions{})
	if err != nil {
		return fmt.Errorf("table: begin: %w", err)
	}
	p.tx = tx
	return nil
}

func (p *postgresWriter) commit(ctx context.Context) error {
	if err := p.tx.Commit(ctx); err != nil {
		return fmt.Errorf("table: commit: %w", err)
	}
	p.tx = nil
	return nil
}

func (p *postgresWriter) rollback(ctx context.Context) error {
	if p.tx == nil {
		return nil
	}
	// After the end of ctx it must still run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = p.tx.Rollback(ctx) // a connection that cannot is closed by the pool
	p.tx = nil
	return nil
}

// Exec implements database.Execer inside the batch's transaction.
func (p *postgresWriter) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = database.Text(s)
		}
	}
	tag, err := p.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
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
