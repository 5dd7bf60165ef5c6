package table

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// index is an index that a Writer needs.
type index struct {
	object  *crosswalk.Object
	columns []string // quoted
	names   []string // API names of the identifiers; none for an index that is not unique
}

func (x *index) name() string {
	if x.names == nil {
		return hashName(x.object.Table(), "match", x.columns)
	}
	return indexName(x.object.Table(), x.columns)
}

func (x *index) sql() string {
	unique := ""
	if x.names != nil {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX IF NOT EXISTS %s ON %s (%s)", unique, quote(x.name()), quote(x.object.Table()), strings.Join(x.columns, ", "))
}

// conflict returns CodeConflict when rows that exist have the same
// identifiers.
func (x *index) conflict(err error) error {
	if database.IsUnique(err) || sqliteUnique(err) {
		list := strings.Join(x.names, ", ")
		return crosswalk.Errorf(crosswalk.CodeConflict, "%s has rows with the same %s, so %s cannot tell rows apart.", x.object.Name, list, list).
			WithHint("Choose other identifiers, or remove the duplicate rows.").WithCause(err)
	}
	return fmt.Errorf("table: index %s: %w", x.name(), err)
}

// indexes returns the unique indexes over identifiers and those over what
// lookups compare. The latter end with the GSID, so that the lowest of several
// rows is the first one found.
func (w *Writer) indexes() []index {
	var list []index
	for _, t := range w.targets() {
		switch {
		case t.identifiers == 0: // finds the records that have rows
			list = append(list, index{&t.object, []string{originColumn, sourceIDColumn}, nil})
		case !t.adding:
			columns, names := t.keyed()
			list = append(list, index{&t.object, columns, names})
		}
	}
	for _, l := range w.lookups {
		list = append(list, matchIndex(&l.Object, l.match()))
	}
	return list
}

// matchIndex returns the index for a lookup that compares those columns.
func matchIndex(o *crosswalk.Object, columns []string) index {
	x := index{object: o}
	for _, c := range columns {
		x.columns = append(x.columns, quote(c))
	}
	x.columns = append(x.columns, "gsid")
	return x
}

func (w *Writer) ensureIndexes(ctx context.Context) error {
	for _, x := range w.indexes() {
		if err := ensureIndex(ctx, w.db, x); err != nil {
			return err
		}
	}
	for _, l := range w.lookups {
		x := matchIndex(&l.Object, l.match())
		_, unique, err := hasIndex(ctx, w.db, x)
		if err != nil {
			return err
		}
		l.unique = unique
	}
	if w.who != nil {
		w.who.unique = true // its column is an identifier
	}
	return nil
}

// ensureIndex makes the index unless it is there. Looking first spares the
// writers of the table a lock.
func ensureIndex(ctx context.Context, db *database.DB, x index) error {
	if there, unique, err := hasIndex(ctx, db, x); err != nil || there || unique {
		return err
	}
	err := db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
		if x.names != nil {
			if err := keepLoadsOff(ctx, tx, db.Dialect(), x.object.Table(), "SHARE"); err != nil {
				return err
			}
		}
		tx.Tell(fmt.Sprintf("An index of %s is being made", x.object.DisplayName))
		_, err := tx.Exec(ctx, x.sql())
		return err
	})
	var loading *LoadError
	if err != nil && !errors.As(err, &loading) {
		err = x.conflict(err)
	}
	return err
}

// hasIndex reports whether there is the index, and whether there is a unique
// one that serves as well: over the columns of a match index before the GSID.
func hasIndex(ctx context.Context, db *database.DB, x index) (there, unique bool, err error) {
	text := "SELECT count(*) FILTER (WHERE name = $1), count(*) FILTER (WHERE name = $2) FROM sqlite_master WHERE type = 'index'"
	if db.Dialect() == database.Postgres {
		text = "SELECT count(*) FILTER (WHERE indexname = $1), count(*) FILTER (WHERE indexname = $2) FROM pg_indexes WHERE schemaname = current_schema()"
	}
	other := x.name()
	if x.names == nil {
		other = indexName(x.object.Table(), x.columns[:len(x.columns)-1])
	}
	var n, m int
	if err := db.QueryRow(ctx, text, x.name(), other).Scan(&n, &m); err != nil {
		return false, false, fmt.Errorf("table: indexes of %s: %w", x.object.Table(), err)
	}
	return n > 0, m > 0, nil
}

// inUnique reports whether a unique index of the table is over the column,
// alone or with others.
func inUnique(ctx context.Context, db *database.DB, table, column string) (there bool, err error) {
	text := `SELECT EXISTS (SELECT 1 FROM pragma_index_list($1) l JOIN pragma_index_info(l.name) i WHERE l."unique" = 1 AND i.name = $2)`
	if db.Dialect() == database.Postgres {
		text = `SELECT EXISTS (SELECT 1 FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
			WHERE n.nspname = current_schema() AND c.relname = $1 AND x.indisunique AND a.attname = $2)`
	}
	if err := db.QueryRow(ctx, text, table, column).Scan(&there); err != nil {
		return false, fmt.Errorf("table: indexes of %s: %w", table, err)
	}
	return there, nil
}

// indexName returns the name of the unique index over columns, which are
// quoted.
func indexName(table string, columns []string) string { return hashName(table, "unique", columns) }

func hashName(table, kind string, columns []string) string {
	h := fnv.New64a()
	if len(table) > 30 { // the name shows no more of it
		_, _ = h.Write([]byte(table))
	}
	for _, c := range columns {
		_, _ = h.Write([]byte(c))
	}
	return fmt.Sprintf("%.30s_%s_%016x", table, kind, h.Sum64())
}

func (w *Writer) findOrigin(ctx context.Context) error {
	args := []any{w.cfg.ConnectionID, w.cfg.Entity, w.cfg.JobID}
	err := w.db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO cw_origins (connection_id, entity, job_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", args...); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT id FROM cw_origins WHERE connection_id = $1 AND entity = $2 AND job_id = $3", args...).Scan(&w.origin)
	})
	if err != nil {
		return fmt.Errorf("table: origin: %w", err)
	}
	return w.findNobody(ctx)
}

// findNobody finds the origins of jobs that are gone.
func (w *Writer) findNobody(ctx context.Context) error {
	if w.cfg.Jobs == nil {
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("table: origins: %w", err) }
	rows, err := w.db.Query(ctx, "SELECT id, job_id FROM cw_origins WHERE job_id <> '' ORDER BY id")
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	var gone []string
	for rows.Next() {
		var id, job string
		if err := rows.Scan(&id, &job); err != nil {
			return fail(err)
		}
		if !slices.Contains(w.cfg.Jobs, job) {
			gone = append(gone, id)
		}
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	for _, t := range w.targets() {
		t.nobody = strings.Join(gone, ", ")
	}
	return nil
}
