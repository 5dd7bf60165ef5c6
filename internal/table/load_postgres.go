package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// openLoad makes the statement that copies rows straight into the table.
func (p *postgresWriter) openLoad(ctx context.Context, def *target) (*postgresTarget, error) {
	t := &postgresTarget{target: def}
	columns := []string{"gsid", sourceIDColumn}
	if t.modified >= 0 {
		columns = append(columns, changedColumn)
	}
	columns = append(columns, "created_date", "modified_date", originColumn, runColumn)
	fixed, values := t.constants()
	columns = append(columns, fixed...)
	for _, c := range t.columns {
		columns = append(columns, quote(c.Field.Column()))
	}
	t.copy = fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", quote(t.object.Table()), strings.Join(columns, ", "))
	if len(values) == 0 {
		return t, nil
	}
	// The database itself says what the constants look like in binary form.
	answer := p.conn.Conn().PgConn().ExecParams(ctx, "SELECT "+strings.Join(values, ", "), nil, nil, nil, []int16{pgx.BinaryFormatCode}).Read()
	if answer.Err != nil {
		return nil, fmt.Errorf("table: constants of %s: %w", t.object.Table(), answer.Err)
	}
	for _, v := range answer.Rows[0] {
		t.fixed = binary.BigEndian.AppendUint32(t.fixed, uint32(len(v)))
		t.fixed = append(t.fixed, v...)
	}
	t.constant = len(values)
	return t, nil
}

// add adds the rows of a batch to a table that is being loaded.
func (p *postgresWriter) add(ctx context.Context, t *postgresTarget, b *column.Batch, r *Result) error {
	rows := int64(0)
	for _, v := range t.verdicts {
		if v.open() {
			rows++
		}
	}
	if rows == 0 {
		return nil
	}
	p.buffer = t.appendLoad(p.buffer[:0], b, p.origin, p.cfg.Run, time.Now().UnixMicro())
	if _, err := p.tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(p.buffer), t.copy); err != nil {
		return fmt.Errorf("table: copy: %w", err)
	}
	r.Inserted += rows
	return nil
}

// appendLoad appends the rows of a batch that can be stored as the statement
// of openLoad takes them.
func (t *postgresTarget) appendLoad(b []byte, batch *column.Batch, origin, run, now int64) []byte {
	b = append(b, copyHeader...)
	be := binary.BigEndian
	columns := 6 + t.constant + len(t.columns)
	if t.modified >= 0 {
		columns++
	}
	same := appendCopyTime(appendCopyTime(nil, now), now)
	same = be.AppendUint64(be.AppendUint32(same, 8), uint64(origin))
	same = be.AppendUint64(be.AppendUint32(same, 8), uint64(run))
	same = append(same, t.fixed...)
	for row := range batch.Rows() {
		if !t.verdicts[row].open() {
			continue
		}
		b = be.AppendUint16(b, uint16(columns))
		id := crosswalk.NewGSID()
		b = append(be.AppendUint32(b, 16), id[:]...)
		b = appendCopyValue(b, &batch.Columns[0], row, column.Text)
		if t.modified >= 0 {
			b = appendCopyValue(b, &batch.Columns[t.modified], row, column.Time)
		}
		b = append(b, same...)
		for i := range t.columns {
			b = appendCopyValue(b, t.values[i], row, t.stored[i])
		}
	}
	return append(b, copyEnd...)
}

// appendCopyTime appends a moment with its length, in whole milliseconds.
func appendCopyTime(b []byte, micros int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(floorDiv(micros, 1000)*1000-epochMicros))
}

// loads implements engine. The rows stay as they are until the transaction
// ends, and no load of the tables begins. It does not wait for long for Settle,
// which may take longer than whoever calls has time: it returns a LoadError then.
func (p *postgresWriter) loads(ctx context.Context) ([]Load, error) {
	list, err := p.holdLoads(ctx, p.tables())
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != lockNotAvailable {
		return list, err
	}
	if list, err = Loads(ctx, p.db); err != nil {
		return nil, err
	}
	for _, l := range list {
		if slices.Contains(p.tables(), l.Table) {
			return nil, l.Err()
		}
	}
	return nil, errSettled // meanwhile
}

// lockNotAvailable is the code of PostgreSQL for a lock that others had for
// longer than was to be waited for it.
const lockNotAvailable = "55P03"

// holdLoads reads which of the tables are being loaded and keeps that so.
func (p *postgresWriter) holdLoads(ctx context.Context, names []string) (list []Load, err error) {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, quote(n))
	}
	batch := &pgx.Batch{}
	batch.Queue("SET LOCAL lock_timeout = '10s'")
	batch.Queue("LOCK TABLE " + strings.Join(quoted, ", ") + " IN ROW SHARE MODE")
	batch.Queue("SELECT table_name, run FROM cw_loads WHERE table_name = ANY($1) FOR SHARE", names)
	batch.Queue("SET LOCAL lock_timeout TO DEFAULT")
	answers := p.tx.SendBatch(ctx, batch)
	defer func() {
		if e := answers.Close(); err == nil {
			err = e
		}
	}()
	for range 2 {
		if _, err := answers.Exec(); err != nil {
			return nil, err
		}
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Load])
}
