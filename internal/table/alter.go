package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// rewriteBatch is how many rows one statement brings into a new form.
const rewriteBatch = 1000

// alterer carries a change out in one transaction.
type alterer struct {
	tx    *database.Tx
	d     database.Dialect
	table string
}

// Lock keeps everybody else from writing to the object's table until the
// transaction ends, so that what a plan finds in it stays true.
func Lock(ctx context.Context, db *database.DB, tx *database.Tx, o crosswalk.Object) error {
	if db.Dialect() == database.SQLite {
		return nil // has one writer
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+quote(o.Table())+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return fmt.Errorf("table: lock %s: %w", o.Table(), err)
	}
	return nil
}

// ApplyChange carries a change out, whose steps must not be refused. tx must
// be one of database.DB.Alter; both databases undo everything when it does
// not commit. It returns CodeConflict when a value does not fit after all, or
// when a view of somebody else needs a column, and a LoadError when Settle must
// be called first.
func ApplyChange(ctx context.Context, db *database.DB, tx *database.Tx, c Change) error {
	if err := check(&c.Next); err != nil {
		return err
	}
	a := alterer{tx: tx, d: db.Dialect(), table: c.Old.Table()}
	if err := keepLoadsOff(ctx, tx, db.Dialect(), a.table, "ACCESS EXCLUSIVE"); err != nil {
		return err
	}
	stay, come, gone := c.fields()
	for _, f := range gone {
		if err := a.drop(ctx, f.Column()); err != nil {
			return err
		}
	}
	// Names may be swapped, so each first gets one that no field has.
	for i, f := range stay {
		if f.old.Column() != f.next.Column() {
			if err := a.dropIndexes(ctx, f.old.Column()); err != nil {
				return err
			}
			if err := a.rename(ctx, f.old.Column(), fmt.Sprintf("cw_name_%d", i)); err != nil {
				return err
			}
		}
	}
	for i, f := range stay {
		if f.old.Column() != f.next.Column() {
			if err := a.rename(ctx, fmt.Sprintf("cw_name_%d", i), f.next.Column()); err != nil {
				return err
			}
		}
	}
	for _, f := range come {
		if err := a.add(ctx, f.Column(), f); err != nil {
			return err
		}
		if f.Default != "" {
			if err := a.fill(ctx, f); err != nil {
				return err
			}
		}
	}
	for _, f := range stay {
		if err := a.alter(ctx, f); err != nil {
			return err
		}
	}
	if err := a.changeLookups(ctx, &c, gone); err != nil {
		return err
	}
	return a.ensureUnique(ctx, &c.Next)
}

func (a *alterer) alter(ctx context.Context, f pair) error {
	if rewrites(f.old, f.next) {
		if err := a.rewrite(ctx, f); err != nil {
			return err
		}
	}
	if f.old.Unique && !f.next.Unique {
		// A job that uses the field as its identifier makes the index anew.
		if err := a.dropIndexes(ctx, f.next.Column()); err != nil {
			return err
		}
	}
	if f.next.Required && !f.old.Required && f.next.Default != "" {
		return a.fill(ctx, f.next)
	}
	return nil
}

// exec runs a statement that alters the table.
func (a *alterer) exec(ctx context.Context, format string, args ...any) error {
	_, err := a.tx.Exec(ctx, fmt.Sprintf(format, args...))
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "2BP01" || strings.Contains(err.Error(), "error in view") || strings.Contains(err.Error(), "error in trigger") {
		return crosswalk.Errorf(crosswalk.CodeConflict, "The table %s cannot be changed, since something else in the database, such as a view, uses it.", a.table).
			WithHint("Remove the view, change the object and make the view again. The database says: %s", err.Error()).WithCause(err)
	}
	if errors.As(err, &pg) && pg.Code == "54011" {
		return crosswalk.Errorf(crosswalk.CodeConflict, "The table %s has had too many columns: PostgreSQL counts those that were removed.", a.table).
			WithHint("Copy the rows into a new object.").WithCause(err)
	}
	return fmt.Errorf("table: alter %s: %w", a.table, err)
}

func (a *alterer) add(ctx context.Context, name string, f *crosswalk.Field) error {
	return a.exec(ctx, "ALTER TABLE %s ADD COLUMN %s %s", quote(a.table), quote(name), storageType(a.d, column.KindFor(f)))
}

func (a *alterer) rename(ctx context.Context, from, to string) error {
	return a.exec(ctx, "ALTER TABLE %s RENAME COLUMN %s TO %s", quote(a.table), quote(from), quote(to))
}

func (a *alterer) drop(ctx context.Context, name string) error {
	if err := a.dropIndexes(ctx, name); err != nil {
		return err
	}
	return a.exec(ctx, "ALTER TABLE %s DROP COLUMN %s", quote(a.table), quote(name))
}

// fill gives the rows without a value the field's default.
func (a *alterer) fill(ctx context.Context, f *crosswalk.Field) error {
	return a.exec(ctx, "UPDATE %s SET %s = %s WHERE %s", quote(a.table), quote(f.Column()), literal(a.d, column.KindFor(f), f.Default), emptyValue(f))
}

// dropIndexes drops every index with the column but those of constraints.
// Indexes over identifiers come back with the next run that needs them.
func (a *alterer) dropIndexes(ctx context.Context, name string) error {
	text := "SELECT DISTINCT l.name FROM pragma_index_list($1) l, pragma_index_info(l.name) i WHERE l.origin = 'c' AND i.name = $2"
	if a.d == database.Postgres {
		text = `SELECT DISTINCT n.relname::text FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class n ON n.oid = i.indexrelid
			JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = ANY(i.indkey)
			WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = $1 AND c.attname = $2
			AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`
	}
	rows, err := a.tx.Query(ctx, text, a.table, name)
	if err != nil {
		return fmt.Errorf("table: indexes of %s: %w", a.table, err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return fmt.Errorf("table: indexes of %s: %w", a.table, err)
		}
		names = append(names, n)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("table: indexes of %s: %w", a.table, err)
	}
	if err := rows.Close(); err != nil {
		return fmt.Errorf("table: indexes of %s: %w", a.table, err)
	}
	for _, n := range names {
		if err := a.exec(ctx, "DROP INDEX %s", quote(n)); err != nil {
			return err
		}
	}
	return nil
}

// ensureUnique makes the indexes of the unique fields.
func (a *alterer) ensureUnique(ctx context.Context, o *crosswalk.Object) error {
	for _, f := range o.Fields {
		if !f.Unique || f.Type == crosswalk.FieldGSID {
			continue
		}
		columns := []string{quote(f.Column())}
		_, err := a.tx.Exec(ctx, fmt.Sprintf("CREATE UNIQUE INDEX IF NOT EXISTS %s ON %s (%s)", quote(indexName(a.table, columns)), quote(a.table), columns[0]))
		if database.IsUnique(err) {
			return crosswalk.Errorf(crosswalk.CodeConflict, "Rows of %s have the same %s.", o.Name, f.Name).WithHint("Correct them first.").WithCause(err)
		}
		if err != nil {
			return fmt.Errorf("table: unique index of %s: %w", a.table, err)
		}
	}
	return nil
}

// rewrite moves the values of a field into a column of another type.
func (a *alterer) rewrite(ctx context.Context, f pair) error {
	const fresh = "cw_fresh"
	name := f.next.Column()
	if err := a.add(ctx, fresh, f.next); err != nil {
		return err
	}
	v := fromText(a.d, column.KindFor(f.next), "j.v")
	set := fmt.Sprintf(`UPDATE %s SET %s = %s FROM (SELECT json_extract(value, '$.g') AS g, json_extract(value, '$.v') AS v FROM json_each($1)) j WHERE %s.gsid = j.g`,
		quote(a.table), fresh, v, quote(a.table))
	if a.d == database.Postgres {
		set = fmt.Sprintf(`UPDATE %s SET %s = %s FROM json_to_recordset($1::json) AS j(g uuid, v text) WHERE %s.gsid = j.g`, quote(a.table), fresh, v, quote(a.table))
	}
	after := "00000000-0000-0000-0000-000000000000"
	for {
		values, err := a.page(ctx, f.old, name, after)
		if err != nil {
			return err
		}
		if len(values) == 0 {
			break
		}
		after = values[len(values)-1].GSID
		out := values[:0]
		for _, v := range values {
			text, null, _, err := convert(f.old, f.next, v.Value)
			if err != nil {
				return crosswalk.Errorf(crosswalk.CodeConflict, "The type of %s cannot be changed: %s", f.old.Name, err.Error())
			}
			if !null {
				out = append(out, rowValue{v.GSID, text})
			}
		}
		b, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("table: rewrite %s: %w", name, err)
		}
		if _, err := a.tx.Exec(ctx, set, string(b)); err != nil {
			return fmt.Errorf("table: rewrite %s of %s: %w", name, a.table, err)
		}
	}
	if err := a.drop(ctx, name); err != nil {
		return err
	}
	return a.rename(ctx, fresh, name)
}

// rowValue is the value of one row.
type rowValue struct {
	GSID  string `json:"g"`
	Value string `json:"v"`
}

// page reads the values of the rows that follow one, in the order of GSIDs.
func (a *alterer) page(ctx context.Context, f *crosswalk.Field, name, after string) ([]rowValue, error) {
	gsid := crosswalk.Field{Name: crosswalk.GSIDField, Type: crosswalk.FieldGSID}
	rows, err := a.tx.Query(ctx, fmt.Sprintf("SELECT %s, %s FROM %s t WHERE %s IS NOT NULL AND t.gsid > %s ORDER BY t.gsid LIMIT %d",
		plainColumn(a.d, &gsid, "t.gsid"), plainColumn(a.d, f, "t."+quote(name)), quote(a.table), "t."+quote(name),
		fromText(a.d, column.GUID, "$1"), rewriteBatch), after)
	if err != nil {
		return nil, fmt.Errorf("table: values of %s: %w", name, err)
	}
	defer rows.Close()
	var out []rowValue
	for rows.Next() {
		var r rowValue
		var v any
		if err := rows.Scan(&r.GSID, &v); err != nil {
			return nil, fmt.Errorf("table: values of %s: %w", name, err)
		}
		if v, err = value(column.KindFor(f), v); err != nil {
			return nil, fmt.Errorf("table: values of %s: %w", name, err)
		}
		r.Value = asText(v)
		out = append(out, r)
	}
	return out, rows.Err()
}

// Drop removes the object's table with its rows.
func Drop(ctx context.Context, db *database.DB, tx *database.Tx, o crosswalk.Object) error {
	a := alterer{tx: tx, d: db.Dialect(), table: o.Table()}
	if _, err := tx.Exec(ctx, "DELETE FROM cw_loads WHERE table_name = $1", a.table); err != nil {
		return fmt.Errorf("table: forget the load of %s: %w", a.table, err)
	}
	return a.exec(ctx, "DROP TABLE IF EXISTS %s", quote(a.table))
}
