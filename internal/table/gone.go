package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// goneBatch is how many keys stand in one statement.
const goneBatch = 500

// Gone says which rows are those of a job, and what becomes of those whose
// records are gone.
type Gone struct {
	Object       crosswalk.Object
	ConnectionID string // where the rows came from, with Entity and JobID
	Entity       string
	JobID        string
	Policy       crosswalk.DeletePolicy
	Field        string // of crosswalk.DeleteDeactivate: API name of the Boolean field
	Run          int64  // number of the run
	By           string // for Modified By; may be empty
}

// rows is the condition that a row is one of the job's and not treated yet.
func (g *Gone) rows() string {
	text := fmt.Sprintf("%s = (SELECT id FROM cw_origins WHERE connection_id = $1 AND entity = $2 AND job_id = $3) AND %s IS NULL", originColumn, deletedColumn)
	if f := g.Object.Field(g.Field); g.Policy == crosswalk.DeleteDeactivate && f != nil {
		text += fmt.Sprintf(" AND %s IS NOT FALSE", quote(f.Column()))
	}
	return text
}

func (g *Gone) origin() []any { return []any{g.ConnectionID, g.Entity, g.JobID} }

// ensure makes what is needed to find rows by the key of their record.
func (g *Gone) ensure(ctx context.Context, db *database.DB) error {
	if err := Ensure(ctx, db, g.Object); err != nil {
		return err
	}
	return ensureIndex(ctx, db, index{&g.Object, []string{originColumn, sourceIDColumn}, nil})
}

// GoneKeys returns the keys of the records of up to n rows of the job behind
// after and in their order, each once.
func GoneKeys(ctx context.Context, db *database.DB, g Gone, after string, n int) ([]string, error) {
	if err := g.ensure(ctx, db); err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND %s > $4 ORDER BY %s LIMIT $5",
		sourceIDColumn, quote(g.Object.Table()), g.rows(), sourceIDColumn, sourceIDColumn), append(g.origin(), after, n)...)
	if err != nil {
		return nil, fmt.Errorf("table: keys of %s: %w", g.Object.Table(), err)
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			return nil, fmt.Errorf("table: keys of %s: %w", g.Object.Table(), err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// KnownKeys returns those of the keys whose records have a row of the job that
// is not treated yet, each once.
func KnownKeys(ctx context.Context, db *database.DB, g Gone, keys []string) ([]string, error) {
	var known []string
	err := g.each(ctx, db, "SELECT DISTINCT "+sourceIDColumn, keys, func(rows *sql.Rows) error {
		var k string
		err := rows.Scan(&k)
		known = append(known, k)
		return err
	})
	return known, err
}

// CountKeys returns how many rows of the job that are not treated yet there
// are of records with these keys.
func CountKeys(ctx context.Context, db *database.DB, g Gone, keys []string) (int64, error) {
	var total int64
	err := g.each(ctx, db, "SELECT count(*)", keys, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		total += n
		return err
	})
	return total, err
}

// each runs a query over the rows of records with these keys and calls fn with
// each row of its answers.
func (g *Gone) each(ctx context.Context, db *database.DB, query string, keys []string, fn func(*sql.Rows) error) error {
	if len(keys) == 0 {
		return nil
	}
	if err := g.ensure(ctx, db); err != nil {
		return err
	}
	query += fmt.Sprintf(" FROM %s WHERE %s", quote(g.Object.Table()), g.rows())
	for part := range slices.Chunk(keys, goneBatch) {
		if err := func() error {
			list, args := g.list(part)
			rows, err := db.Query(ctx, query+list, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := fn(rows); err != nil {
					return err
				}
			}
			return rows.Err()
		}(); err != nil {
			return fmt.Errorf("table: find rows of %s: %w", g.Object.Table(), err)
		}
	}
	return nil
}

// CountRows returns how many rows of the job there are that are not treated
// yet, and most when there are more: it takes as long as most is large.
func CountRows(ctx context.Context, db *database.DB, g Gone, most int64) (n int64, err error) {
	if err := g.ensure(ctx, db); err != nil {
		return 0, err
	}
	err = db.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT $4) AS r", quote(g.Object.Table()), g.rows()), append(g.origin(), most)...).Scan(&n)
	if err != nil {
		err = fmt.Errorf("table: count rows of %s: %w", g.Object.Table(), err)
	}
	return n, err
}

// list returns the condition that a row has one of the keys, and all
// arguments.
func (g *Gone) list(keys []string) (string, []any) {
	args := g.origin()
	var b strings.Builder
	fmt.Fprintf(&b, " AND %s IN (", sourceIDColumn)
	for i, k := range keys {
		if i > 0 {
			b.WriteString(", ")
		}
		args = append(args, database.Text(k))
		fmt.Fprintf(&b, "$%d", len(args))
	}
	b.WriteString(")")
	return b.String(), args
}

// RemoveFunc stores what belongs to a transaction of Remove in it: how many
// rows it treated, and whether all there were are treated now. An error rolls
// the transaction back and is returned by Remove as it is. It may be called
// again when the database gave the transaction up.
type RemoveFunc = func(ctx context.Context, tx database.Execer, n int64, done bool) error

// Remove treats the rows of records with these keys as the policy says and
// returns how many there were. Rows treated before are left alone.
//
// Before a row is deleted, the lookups that point to it are emptied, and their
// rows wait for a row with the values by which it was found; they have another
// Modified Date, Modified By and run. All that happens in one transaction with
// save, and in several when very many lookups are to be emptied: then rows are
// deleted with the last of their lookups, and Remove can be ended in between
// and called again with the same keys. save may be nil.
func Remove(ctx context.Context, db *database.DB, g Gone, keys []string, save RemoveFunc) (int64, error) {
	if save == nil {
		save = func(context.Context, database.Execer, int64, bool) error { return nil }
	}
	if err := g.ensure(ctx, db); err != nil {
		return 0, err
	}
	var total int64
	for done := false; !done; {
		pointers, ids, err := g.pointers(ctx, db)
		if err != nil {
			return total, err
		}
		var n int64
		err = db.Tx(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			r := detacher{Gone: &g, d: db.Dialect(), tx: tx, pointers: pointers, room: detachBatch}
			if n, done, err = r.treat(ctx, keys, ids); err != nil {
				return fmt.Errorf("table: %s rows of %s: %w", g.Policy, g.Object.Table(), err)
			}
			return save(ctx, tx, n, done)
		})
		switch {
		case errors.Is(err, errOtherPointers):
			done = false
		case err != nil:
			return total, err
		default:
			total += n
		}
	}
	return total, nil
}

// treat treats the rows of records with these keys as far as one transaction
// may.
func (r *detacher) treat(ctx context.Context, keys []string, ids []int64) (total int64, done bool, err error) {
	if r.Policy == crosswalk.DeleteRow {
		if err := r.begin(ctx, ids); err != nil {
			return 0, false, err
		}
	}
	for part := range slices.Chunk(keys, goneBatch) {
		n, all := int64(0), true
		if r.Policy == crosswalk.DeleteRow {
			n, all, err = r.remove(ctx, part)
		} else {
			n, err = r.mark(ctx, r.tx, part)
		}
		if total += n; err != nil || !all {
			return total, false, err
		}
	}
	return total, true, nil
}

// mark flags or deactivates rows.
func (g *Gone) mark(ctx context.Context, tx *database.Tx, keys []string) (int64, error) {
	list, args := g.list(keys)
	n := len(args)
	set := fmt.Sprintf("modified_date = $%d, %s = $%d, %s = $%d", n+1, runColumn, n+2, deletedColumn, n+1)
	args = append(args, database.Time{Time: time.Now()}, g.Run)
	if g.By != "" && g.Object.Field(crosswalk.ModifiedByField) != nil {
		args = append(args, g.By)
		set += fmt.Sprintf(", modified_by = $%d", len(args))
	}
	if g.Policy == crosswalk.DeleteDeactivate {
		f := g.Object.Field(g.Field)
		if f == nil || f.Type != crosswalk.FieldBoolean {
			return 0, crosswalk.Errorf(crosswalk.CodeInvalid, "%s has no Boolean field %s any more.", g.Object.DisplayName, g.Field).
				WithHint("Choose another field for rows whose records are gone.")
		}
		set += fmt.Sprintf(", %s = FALSE", quote(f.Column()))
	}
	return tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE %s%s", quote(g.Object.Table()), set, g.rows(), list), args...)
}
