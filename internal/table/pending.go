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

// Rows whose lookup found nothing, or lost the row that it had found, wait in
// cw_pending for the row they look for. cw_lookups says how each lookup finds
// rows, and cw_lookup_origins whose rows it fills; their entries are made by
// the first run that needs them.

// pendingSQL makes the tables. Values are texts in the form of
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
	CREATE TABLE IF NOT EXISTS cw_lookup_origins (origin {int} NOT NULL, lookup {int} NOT NULL, PRIMARY KEY (origin, lookup));
	CREATE TABLE IF NOT EXISTS cw_pending (
		lookup {int} NOT NULL, gsid ` + id + ` NOT NULL, ` + values.String() + `PRIMARY KEY (lookup, gsid))` + tail)
}

// register gives the lookups their ids and notes which of them fill the rows
// of this origin.
func (w *Writer) register(ctx context.Context) error {
	d := w.db.Dialect()
	all := slices.Clone(w.lookups)
	if w.who != nil {
		all = append(all, w.who)
	}
	have, err := readColumns(ctx, d, "cw_lookup_origins", w.db.Query)
	if err != nil {
		return err
	}
	if len(have) == 0 {
		if len(all) == 0 {
			return nil
		}
		err := w.db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.Exec(ctx, pendingSQL(d))
			return err
		})
		if err != nil {
			return fmt.Errorf("table: make pending lookups: %w", err)
		}
	}
	err = w.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		ids := []int64{0}
		for _, l := range all {
			if err := w.registerOne(ctx, tx, l); err != nil {
				return err
			}
			ids = append(ids, l.id)
		}
		return w.registerOrigin(ctx, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("table: register lookup: %w", err)
	}
	return nil
}

// registerOrigin notes that the lookups with these ids are those that fill the
// object's rows of this origin.
func (w *Writer) registerOrigin(ctx context.Context, tx *database.Tx, ids []int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM cw_lookup_origins WHERE origin = $1 AND lookup IN (SELECT id FROM cw_lookups WHERE object = $2) AND NOT "+among("lookup", ids),
		w.origin, w.cfg.Object.Name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("INSERT INTO cw_lookup_origins (origin, lookup) SELECT %d, id FROM cw_lookups WHERE %s ON CONFLICT DO NOTHING", w.origin, among("id", ids)))
	return err
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
// their GSIDs and the n values that the lookup compares.
func waitSQL(n int, from string) string {
	var values, set, differs []string
	for i := range n {
		v := fmt.Sprintf("v%d", i)
		values = append(values, v)
		set = append(set, v+" = excluded."+v)
		differs = append(differs, "p."+v+" IS DISTINCT FROM excluded."+v)
	}
	return fmt.Sprintf("INSERT INTO cw_pending AS p (lookup, gsid, %s) %s ON CONFLICT (lookup, gsid) DO UPDATE SET %s WHERE %s",
		strings.Join(values, ", "), from, strings.Join(set, ", "), strings.Join(differs, " OR "))
}
