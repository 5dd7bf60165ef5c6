package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// target is an object that a Writer writes to, with the plan for its rows and
// the text of its statements.
type target struct {
	plan
	object  crosswalk.Object
	by      string
	restore string // quoted column that becomes true when the record is back, "" for none
	d       database.Dialect
	adding  bool // the table is being loaded: rows are only added

	// nobody are the numbers of origins whose jobs are gone, separated by
	// commas.
	nobody string
}

func newTarget(d database.Dialect, cfg *Config, o crosswalk.Object) *target {
	t := &target{object: o, by: cfg.By, d: d}
	t.operation, t.modified = cfg.Operation, -1
	t.versions = cfg.Versions && cfg.Modified
	t.main = &t.plan
	return t
}

// keyed returns the columns of the identifiers, quoted, and their API names.
func (t *target) keyed() (columns, names []string) {
	for _, c := range t.columns {
		if c.Identifier {
			columns = append(columns, quote(c.Field.Column()))
			names = append(names, c.Field.Name)
		}
	}
	return columns, names
}

// same is the condition that a row has the identifiers that value returns for
// column i.
func (t *target) same(value func(i int) string) string {
	var same []string
	for i, c := range t.columns {
		if c.Identifier {
			same = append(same, fmt.Sprintf("t.%s = %s", quote(c.Field.Column()), value(i)))
		}
	}
	return strings.Join(same, " AND ")
}

// fills reports whether the job fills the field.
func (t *target) fills(field string) bool {
	return slices.ContainsFunc(t.columns, func(c Column) bool { return c.Field.Name == field })
}

// constants returns the columns that every new row has the same value in, and
// those values as they stand in a statement: who wrote it, and the defaults of
// the fields that the job does not fill.
func (t *target) constants() (columns, values []string) {
	for _, f := range t.object.Fields {
		v := f.Default
		switch {
		case f.Name == crosswalk.CreatedByField || f.Name == crosswalk.ModifiedByField:
			v = t.by
		case f.System || t.fills(f.Name):
			continue
		}
		if v != "" {
			columns, values = append(columns, quote(f.Column())), append(values, literal(t.d, column.KindFor(&f), database.Text(v)))
		}
	}
	return columns, values
}

// incoming names the values of a record in a statement.
type incoming struct {
	field                                 func(i int) string // value of column i
	now, origin, source, run, by, changed string             // changed: when the record was modified last
}

// excluded are the values that an INSERT could not insert.
func (t *target) excluded() incoming {
	return incoming{
		field: func(i int) string { return "excluded." + quote(t.columns[i].Field.Column()) },
		now:   "excluded.modified_date", origin: "excluded." + originColumn, source: "excluded." + sourceIDColumn,
		run: "excluded." + runColumn, by: "excluded.modified_by", changed: "excluded." + changedColumn,
	}
}

// insertSQL returns the statement that both databases share: values is what
// follows the list of columns, which are the system's, those of constants and
// the job's.
func (t *target) insertSQL(values string) string {
	columns := []string{"gsid", "created_date", "modified_date", originColumn, sourceIDColumn, runColumn}
	if t.modified >= 0 {
		columns = append(columns, changedColumn)
	}
	fixed, _ := t.constants()
	columns = append(columns, fixed...)
	for _, c := range t.columns {
		columns = append(columns, quote(c.Field.Column()))
	}
	text := fmt.Sprintf("INSERT INTO %s AS t (%s) %s", quote(t.object.Table()), strings.Join(columns, ", "), values)
	if t.identifiers == 0 || t.adding {
		return text
	}
	identifiers, _ := t.keyed()
	text += fmt.Sprintf(" ON CONFLICT (%s) DO ", strings.Join(identifiers, ", "))
	if t.operation == crosswalk.OperationInsert {
		return text + "NOTHING"
	}
	set, where := t.update(t.excluded())
	return text + "UPDATE SET " + set + " WHERE " + where
}

// added is the condition that a record which has no identifiers has its row
// already: from this run, which may read it twice, or, as Config.Versions says,
// from any that read the same version of it.
func (t *target) added(in incoming) string {
	same := fmt.Sprintf("o.%s = %s AND o.%s = %s AND ", originColumn, in.origin, sourceIDColumn, in.source)
	if t.versions {
		same += fmt.Sprintf("o.%s IS NOT DISTINCT FROM %s", changedColumn, in.changed)
	} else {
		same += fmt.Sprintf("o.%s = %s", runColumn, in.run)
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s o WHERE %s)", quote(t.object.Table()), same)
}

// update returns what an UPDATE of a row t by a record sets, and the
// condition that there is something to change and the record may.
func (t *target) update(in incoming) (set, where string) {
	var sets []string
	differs := []string{"t." + deletedColumn + " IS NOT NULL"} // the record is back
	if t.nobody != "" {
		differs = append(differs, "t."+originColumn+" IN ("+t.nobody+")")
	}
	for i, c := range t.columns {
		if c.Identifier {
			continue
		}
		name, v := quote(c.Field.Column()), in.field(i)
		change := fmt.Sprintf("t.%s IS DISTINCT FROM %s", name, v)
		if c.KeepOnNull {
			sets = append(sets, fmt.Sprintf("%s = coalesce(%s, t.%s)", name, v, name))
			differs = append(differs, fmt.Sprintf("(%s IS NOT NULL AND %s)", v, change))
		} else {
			sets = append(sets, fmt.Sprintf("%s = %s", name, v))
			differs = append(differs, change)
		}
	}
	put := func(name, v string) { sets = append(sets, name+" = "+v) }
	put("modified_date", in.now)
	put(originColumn, in.origin)
	put(sourceIDColumn, in.source)
	put(runColumn, in.run)
	if r := t.restore; r != "" {
		put(r, fmt.Sprintf("CASE WHEN t.%s IS NULL THEN t.%s ELSE TRUE END", deletedColumn, r))
	}
	put(deletedColumn, "NULL")
	if t.by != "" && t.object.Field(crosswalk.ModifiedByField) != nil {
		put("modified_by", in.by)
	}
	where = "(" + strings.Join(differs, " OR ") + ")"
	if t.modified >= 0 {
		put(changedColumn, in.changed)
		where = "(" + t.foreign(in) + " OR " + t.wins(in) + ") AND " + where
	}
	return strings.Join(sets, ", "), where
}

// foreign is the condition that the row is not one that another record of the
// same origin wrote.
func (t *target) foreign(in incoming) string {
	return fmt.Sprintf("t.%s IS DISTINCT FROM %s OR t.%s IS NOT DISTINCT FROM %s OR t.%s IS NOT NULL",
		originColumn, in.origin, sourceIDColumn, in.source, deletedColumn)
}

// wins is the condition that the record was modified after the one that wrote
// the row, or at the same time and has the greater key.
func (t *target) wins(in incoming) string {
	never := "''"
	if t.d == database.Postgres {
		never = "'-infinity'::timestamptz"
	}
	return fmt.Sprintf("(coalesce(%s, %s), %s) > (coalesce(t.%s, %s), t.%s)", in.changed, never, in.source, changedColumn, never, sourceIDColumn)
}

// news is the condition that the row is to be noted as the record's although
// nothing else changes: the record was modified since, or wins over another one
// with the same values.
func (t *target) news(in incoming) string {
	return fmt.Sprintf("(t.%s = %s AND t.%s IS NULL AND (t.%s = %s AND t.%s IS DISTINCT FROM %s OR t.%s <> %s AND %s))",
		originColumn, in.origin, deletedColumn, sourceIDColumn, in.source, changedColumn, in.changed, sourceIDColumn, in.source, t.wins(in))
}

// ownSQL returns the statement that notes it. from joins the record, found is
// the condition that it is the row's.
func (t *target) ownSQL(in incoming, from, found string) string {
	return fmt.Sprintf("UPDATE %s AS t SET %s = %s, %s = %s %s WHERE %s AND %s", quote(t.object.Table()),
		sourceIDColumn, in.source, changedColumn, in.changed, from, found, t.news(in))
}

// violation makes the reject of a row that would break the unique index over
// columns, which is not the index over the job's own identifiers: on that one
// the row would have been updated.
func (t *target) violation(row int, columns []string) RowReject {
	var names []string
	for _, f := range t.object.Fields {
		if slices.Contains(columns, f.Column()) {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		names = []string{"the same identifiers"}
	}
	return RowReject{
		Row: row, Field: names[0], Code: crosswalk.RejectAmbiguous,
		Message: fmt.Sprintf("Another row of %s has this %s already, and other identifiers.", t.object.Name, strings.Join(names, ", ")),
	}
}
