package table

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Rows whose lookup found nothing wait in cw_pending for the row they look
// for. cw_lookups says how each lookup finds rows; its entries are made by the
// first run that needs them.

// pendingSQL makes both tables. Values are texts in the form of
// Field.Normalize.
func pendingSQL(d database.Dialect) string {
	var values strings.Builder
	for i := range crosswalk.MaxIdentifiers {
		fmt.Fprintf(&values, "v%d {text}, ", i)
	}
	id := "TEXT"
	tail := " WITHOUT ROWID"
	if d == database.Postgres {
		id, tail = "uuid", ""
	}
	return d.Expand(`CREATE TABLE IF NOT EXISTS cw_lookups (
		id {id}, object {text} NOT NULL, field {text} NOT NULL, target {text} NOT NULL, match {text} NOT NULL, several {text} NOT NULL,
		UNIQUE (object, field, target, match, several));
	CREATE TABLE IF NOT EXISTS cw_pending (
		lookup {int} NOT NULL, gsid ` + id + ` NOT NULL, ` + values.String() + `PRIMARY KEY (lookup, gsid))` + tail)
}

// mayWait reports whether rows for which the lookup finds nothing are stored
// all the same.
func (l *lookup) mayWait(p *plan) bool {
	return l.OnNone != crosswalk.NoneReject && !l.Field.Required && !l.identifier(p)
}

// register gives the lookups for which rows may wait their ids.
func (w *Writer) register(ctx context.Context) error {
	if !slices.ContainsFunc(w.lookups, func(l *lookup) bool { return l.mayWait(&w.main.plan) }) {
		return nil
	}
	d := w.db.Dialect()
	if have, err := readColumns(ctx, d, "cw_pending", w.db.Query); err != nil || len(have) == 0 {
		if err == nil {
			err = w.db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
				_, err := tx.Exec(ctx, pendingSQL(d))
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("table: make pending lookups: %w", err)
		}
	}
	err := w.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		for _, l := range w.lookups {
			if !l.mayWait(&w.main.plan) {
				continue
			}
			if err := w.registerOne(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("table: register lookup: %w", err)
	}
	return nil
}

func (w *Writer) registerOne(ctx context.Context, tx *database.Tx, l *lookup) error {
	var names []string
	for _, c := range l.columns {
		names = append(names, c.Field.Name)
	}
	match, err := json.Marshal(names)
	if err != nil {
		return err
	}
	several := string(l.OnSeveral)
	if several == "" {
		several = string(crosswalk.SeveralAny)
	}
	args := []any{w.cfg.Object.Name, l.Field.Name, l.Object.Name, string(match), several}
	_, err = tx.Exec(ctx, "INSERT INTO cw_lookups (object, field, target, match, several) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", args...)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT id, target = $3 AND match = $4 AND several = $5 FROM cw_lookups WHERE object = $1 AND field = $2 ORDER BY id`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	l.relatives = nil
	for rows.Next() {
		var id int64
		var this bool
		if err := rows.Scan(&id, &this); err != nil {
			return err
		}
		l.relatives = append(l.relatives, id)
		if this {
			l.id = id
		}
	}
	return rows.Err()
}

// among returns the condition that a column is one of ids.
func among(name string, ids []int64) string {
	var list []string
	for _, id := range ids {
		list = append(list, fmt.Sprint(id))
	}
	return name + " IN (" + strings.Join(list, ", ") + ")"
}

// others returns the ids of the lookups into the same field that find rows in
// another way.
func (l *lookup) others() []int64 {
	return slices.DeleteFunc(slices.Clone(l.relatives), func(id int64) bool { return id == l.id })
}

// waitSQL returns the statement that notes waiting rows: from is a query for
// their GSIDs and as many values as the lookup compares.
func (l *lookup) waitSQL(from string) string {
	var values, set, differs []string
	for i := range l.columns {
		v := fmt.Sprintf("v%d", i)
		values = append(values, v)
		set = append(set, v+" = excluded."+v)
		differs = append(differs, "p."+v+" IS DISTINCT FROM excluded."+v)
	}
	return fmt.Sprintf("INSERT INTO cw_pending AS p (lookup, gsid, %s) %s ON CONFLICT (lookup, gsid) DO UPDATE SET %s WHERE %s",
		strings.Join(values, ", "), from, strings.Join(set, ", "), strings.Join(differs, " OR "))
}
