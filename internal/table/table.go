package table

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Columns that every table has beside its object's fields: where a row came
// from and which run wrote it last.
const (
	originColumn   = "cw_origin"
	sourceIDColumn = "cw_source_id"
	runColumn      = "cw_run"
	changedColumn  = "cw_modified"   // when the record was modified last in its source
	deletedColumn  = "cw_deleted_at" // when the record was found deleted there
)

// maxName is the longest name PostgreSQL keeps whole.
const maxName = 63

// reservedColumns cannot be made on PostgreSQL: every table has them.
var reservedColumns = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// Ensure makes the object's table, or adds the columns that are missing and
// the indexes of unique fields with them. Columns and rows that exist stay as
// they are. It returns CodeInvalid when
// the object or a field has a name that cannot be a table's or column's.
func Ensure(ctx context.Context, db *database.DB, o crosswalk.Object) error {
	if err := check(&o); err != nil {
		return err
	}
	have, err := readColumns(ctx, db.Dialect(), o.Table(), db.Query)
	if err != nil || len(makeSQL(db.Dialect(), &o, have)) == 0 {
		return err
	}
	return db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := makeOrigins(ctx, db.Dialect(), tx); err != nil {
			return err
		}
		// What the table lacks is read again now that nobody else alters it.
		have, err := readColumns(ctx, db.Dialect(), o.Table(), tx.Query)
		if err != nil {
			return err
		}
		for _, text := range makeSQL(db.Dialect(), &o, have) {
			if _, err := tx.Exec(ctx, text); err != nil {
				return fmt.Errorf("table: make %s: %w", o.Table(), err)
			}
		}
		a := alterer{tx: tx, d: db.Dialect(), table: o.Table()}
		return a.ensureUnique(ctx, &o)
	})
}

// makeSQL returns the statements that make the table, or give the one that
// has these columns those it lacks.
func makeSQL(d database.Dialect, o *crosswalk.Object, have map[string]bool) []string {
	var missing []string
	add := func(name, kind string) {
		if !have[name] {
			missing = append(missing, quote(name)+" "+kind)
		}
	}
	for _, f := range o.Fields {
		kind := storageType(d, column.KindFor(&f))
		switch f.Name {
		case crosswalk.GSIDField:
			kind += " NOT NULL UNIQUE"
		case crosswalk.CreatedDateField, crosswalk.ModifiedDateField:
			kind += " NOT NULL"
		}
		add(f.Column(), kind)
	}
	add(originColumn, d.Expand("{int}"))
	add(sourceIDColumn, d.Expand("{text}"))
	add(runColumn, d.Expand("{int}"))
	add(changedColumn, d.Expand("{time}"))
	add(deletedColumn, d.Expand("{time}"))
	if len(have) == 0 {
		return []string{fmt.Sprintf("CREATE TABLE %s (%s)", quote(o.Table()), strings.Join(missing, ", "))}
	}
	for i, m := range missing {
		missing[i] = fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", quote(o.Table()), m)
	}
	return missing
}

func makeOrigins(ctx context.Context, d database.Dialect, tx *database.Tx) error {
	_, err := tx.Exec(ctx, d.Expand(`CREATE TABLE IF NOT EXISTS cw_origins (
		id {id}, connection_id {text} NOT NULL, entity {text} NOT NULL, job_id {text} NOT NULL, UNIQUE (connection_id, entity, job_id))`))
	if err == nil {
		_, err = tx.Exec(ctx, loadsSQL(d))
	}
	if err != nil {
		return fmt.Errorf("table: make origins: %w", err)
	}
	return nil
}

// check notes what is wrong with the names of an object.
func check(o *crosswalk.Object) error {
	var p crosswalk.Problems
	name := o.Table()
	switch {
	case name == "" || len(name) > maxName:
		p.Add("name", "The name must have 1 to %d letters.", maxName)
	case strings.HasPrefix(name, "cw_"), strings.HasPrefix(name, "river_"), strings.HasPrefix(name, "sqlite_"), strings.HasPrefix(name, "pg_"):
		p.Add("name", "Names that begin like %s are kept for Crosswalk and the database.", name)
	case strings.ContainsRune(name, 0):
		p.Add("name", "The name must not hold control characters.")
	}
	seen := map[string]bool{}
	for i := range o.Fields {
		at := fmt.Sprintf("fields[%d].name", i)
		c := o.Fields[i].Column()
		switch {
		case c == "" || len(c) > maxName:
			p.Add(at, "The name must have 1 to %d letters.", maxName)
		case strings.HasPrefix(c, "cw_"), slices.Contains(reservedColumns, c), strings.ContainsRune(c, 0):
			p.Add(at, "The name %s is kept for Crosswalk and the database.", o.Fields[i].Name)
		case seen[c]:
			p.Add(at, "Another field is named %s already.", o.Fields[i].Name)
		}
		seen[c] = true
	}
	for _, f := range []string{crosswalk.GSIDField, crosswalk.CreatedDateField, crosswalk.ModifiedDateField} {
		if o.Field(f) == nil {
			p.Add("fields", "The system field %s is missing.", f)
		}
	}
	return p.Err(fmt.Sprintf("The object %s cannot be stored", o.Name))
}

// readColumns returns the names of a table's columns; none when there is no
// such table.
func readColumns(ctx context.Context, d database.Dialect, table string, query func(context.Context, string, ...any) (*sql.Rows, error)) (map[string]bool, error) {
	text := "SELECT name FROM pragma_table_info($1)"
	if d == database.Postgres {
		text = "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
	}
	have := map[string]bool{}
	rows, err := query(ctx, text, table)
	if err != nil {
		return nil, fmt.Errorf("table: columns of %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("table: columns of %s: %w", table, err)
		}
		have[name] = true
	}
	return have, rows.Err()
}

// storageType returns the type of the column that holds values of a kind.
// SQLite keeps everything but whole numbers as text: it has no exact decimal
// and no moment of its own.
func storageType(d database.Dialect, k column.Kind) string {
	if d == database.SQLite {
		switch k {
		case column.Int, column.Bool:
			return "INTEGER"
		default:
			return "TEXT"
		}
	}
	switch k {
	case column.Decimal:
		return "numeric"
	case column.Int:
		return "bigint"
	case column.Bool:
		return "boolean"
	case column.Time:
		return "timestamptz"
	case column.Date:
		return "date"
	case column.GUID:
		return "uuid"
	default:
		return `text COLLATE "C"`
	}
}

// quote makes a name safe to stand in a statement.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Count returns the number of the object's rows.
func Count(ctx context.Context, db *database.DB, o crosswalk.Object) (int64, error) {
	return CountIn(ctx, db, o)
}

// CountIn is Count as q sees the rows.
func CountIn(ctx context.Context, q database.Querier, o crosswalk.Object) (int64, error) {
	var n int64
	if err := q.QueryRow(ctx, "SELECT count(*) FROM "+quote(o.Table())).Scan(&n); err != nil {
		return 0, fmt.Errorf("table: count %s: %w", o.Table(), err)
	}
	return n, nil
}
