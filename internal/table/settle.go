package table

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// SettleFunc stores what belongs to the end of a load in its transaction: by
// how much the counts of the run differ from what its batches were told.
// Inserted is below zero by the sum of the others. An error rolls the end back
// and is returned by Settle as it is. It may be called again when the database
// gave the transaction up.
type SettleFunc = func(ctx context.Context, tx database.Execer, run int64, differ Result) error

// Settle ends the load of a table, if there is one, so that its rows, and the
// counts of the run, are those that there would be without it, and makes the
// unique index over the identifiers. It works in one transaction, which takes
// as long as making an index does; rows can be read meanwhile. Anybody may call
// it at any time: the run goes on as usual. save may be nil.
func Settle(ctx context.Context, db *database.DB, table string, save SettleFunc) error {
	err := db.Build(ctx, func(ctx context.Context, tx *database.Tx) error {
		s := settling{tx: tx, d: db.Dialect(), table: quote(table)}
		run, err := s.begin(ctx, table)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		tx.Tell(fmt.Sprintf("The index of %s is being made", s.t.object.DisplayName))
		var differ Result
		if made, err := s.makeIndex(ctx); err != nil {
			return err
		} else if !made {
			if err := s.merge(ctx, &differ); err != nil {
				return err
			}
			if made, err = s.makeIndex(ctx); err != nil || !made {
				return fmt.Errorf("rows with the same identifiers are left: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM cw_loads WHERE table_name = $1", table); err != nil || save == nil {
			return err
		}
		return save(ctx, tx, run, differ)
	})
	var e *crosswalk.Error
	if err != nil && !errors.As(err, &e) {
		err = fmt.Errorf("table: settle %s: %w", table, err)
	}
	return err
}

// settling ends a load.
type settling struct {
	tx    *database.Tx
	d     database.Dialect
	table string // quoted
	t     *target
	keys  string // the columns of the identifiers, quoted
	index index
}

// begin keeps the writer of the load from going on and reads how it wrote. It
// returns the number of the run, or sql.ErrNoRows when there is no load.
func (s *settling) begin(ctx context.Context, table string) (run int64, err error) {
	text := "SELECT run, plan FROM cw_loads WHERE table_name = $1"
	if s.d == database.Postgres {
		text += " FOR UPDATE"
	}
	var plan string
	if err := s.tx.QueryRow(ctx, text, table).Scan(&run, &plan); err != nil {
		return 0, err
	}
	var p loadPlan
	if err := json.Unmarshal([]byte(plan), &p); err != nil {
		return 0, err
	}
	s.t = p.target(s.d)
	columns, names := s.t.keyed()
	s.keys, s.index = strings.Join(columns, ", "), index{&s.t.object, columns, names}
	return run, nil
}

// makeIndex makes the unique index. It returns false when rows have the same
// identifiers.
func (s *settling) makeIndex(ctx context.Context) (bool, error) {
	if _, err := s.tx.Exec(ctx, "SAVEPOINT cw_settle"); err != nil {
		return false, err
	}
	_, err := s.tx.Exec(ctx, s.index.sql())
	if database.IsUnique(err) {
		_, err = s.tx.Exec(ctx, "ROLLBACK TO SAVEPOINT cw_settle")
		return false, err
	}
	return err == nil, err
}

// merge leaves one of the rows with the same identifiers: the first, on which
// the others are written in the order in which they came, by the statements
// that write records. The order is that of their GSIDs.
func (s *settling) merge(ctx context.Context, differ *Result) error {
	temp := "temp.cw_again"
	if s.d == database.Postgres {
		temp = "pg_temp.cw_again"
	}
	steps := []string{
		fmt.Sprintf(`CREATE TEMP TABLE cw_again AS SELECT t.*, first_value(t.gsid) OVER w AS cw_first, row_number() OVER w - 1 AS cw_turn
			FROM %s t WHERE (%s) IN (SELECT %s FROM %s GROUP BY %s HAVING count(*) > 1) WINDOW w AS (PARTITION BY %s ORDER BY t.gsid)`,
			s.table, s.keys, s.keys, s.table, s.keys, s.keys),
		fmt.Sprintf("DELETE FROM %s WHERE gsid IN (SELECT gsid FROM %s WHERE cw_turn > 0)", s.table, temp),
	}
	if s.d == database.Postgres {
		steps = append(steps, "CREATE INDEX ON pg_temp.cw_again (cw_turn)", "ANALYZE pg_temp.cw_again")
	} else {
		steps = append(steps, "CREATE INDEX temp.cw_again_turn ON cw_again (cw_turn)")
	}
	for _, text := range steps {
		if _, err := s.tx.Exec(ctx, text); err != nil {
			return err
		}
	}
	for turn := int64(1); ; turn++ {
		var rows int64
		if err := s.tx.QueryRow(ctx, "SELECT count(*) FROM "+temp+" WHERE cw_turn = $1", turn).Scan(&rows); err != nil {
			return err
		}
		if rows == 0 {
			break
		}
		if err := s.turn(ctx, temp, turn, rows, differ); err != nil {
			return err
		}
	}
	_, err := s.tx.Exec(ctx, "DROP TABLE "+temp)
	return err
}

// turn writes those rows that came in that turn, of each identifier at most
// one.
func (s *settling) turn(ctx context.Context, temp string, turn, rows int64, differ *Result) error {
	t := s.t
	differ.Inserted -= rows
	if t.operation == crosswalk.OperationInsert {
		differ.Skipped += rows
		return nil
	}
	in := incoming{
		field: func(i int) string { return "s." + quote(t.columns[i].Field.Column()) },
		now:   "s.modified_date", origin: "s." + originColumn, source: "s." + sourceIDColumn, run: "s." + runColumn, changed: "s." + changedColumn,
		by: literal(s.d, column.Text, ""),
	}
	const found = "s.cw_turn = $1 AND t.gsid = s.cw_first"
	set, where := t.update(in)
	updated, err := s.tx.Exec(ctx, fmt.Sprintf("UPDATE %s AS t SET %s FROM %s s WHERE %s AND %s", s.table, set, temp, found, where), turn)
	if err != nil {
		return err
	}
	differ.Updated += updated
	var news, lost int64
	if t.modified >= 0 {
		err := s.tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE %s), count(*) FILTER (WHERE NOT (%s OR %s)) FROM %s s JOIN %s t ON %s",
			t.news(in), t.foreign(in), t.wins(in), temp, s.table, found), turn).Scan(&news, &lost)
		if err != nil {
			return err
		}
	}
	if news > 0 {
		if _, err := s.tx.Exec(ctx, t.ownSQL(in, fmt.Sprintf("FROM %s s", temp), found), turn); err != nil {
			return err
		}
	}
	differ.Duplicates += lost
	differ.Unchanged += rows - updated - lost
	return nil
}
