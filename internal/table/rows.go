package table

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// The sizes of a page of rows.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// RowQuery asks for rows of an object.
type RowQuery struct {
	Search string                // text that one of the text fields contains, in whatever case of letters
	Where  []crosswalk.Condition // on fields, by API name; all must hold
	Gone   *bool                 // whether the record of a row is gone; nil for both
	Sort   string                // API name of a field; "" sorts by GSID, which is the order the rows were made in
	Desc   bool
	Limit  int    // 0 means DefaultLimit; more than MaxLimit means MaxLimit
	Cursor string // RowPage.Next of the same query, "" for the beginning
}

// GoneAt is what a row holds beside its fields when it is flagged or
// deactivated because its record is gone: since when.
const GoneAt = "gone_at"

// RowPage is a page of rows. Each row holds every field by its API name: nil,
// string, bool, int64, or json.Number for exact decimals; moments are RFC 3339
// in UTC, dates are 2006-01-02. Rows whose records are gone hold GoneAt too.
type RowPage struct {
	Items []map[string]any
	Next  string // "" at the end
	Total int64  // rows that match, on all pages
}

// selection is the statement for a query, built up piece by piece.
type selection struct {
	d     database.Dialect
	o     *crosswalk.Object
	where []string
	args  []any
}

// arg adds an argument and returns its placeholder.
func (s *selection) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

func (s *selection) from() string {
	text := " FROM " + quote(s.o.Table()) + " t"
	if len(s.where) > 0 {
		text += " WHERE " + strings.Join(s.where, " AND ")
	}
	return text
}

func (s *selection) columns() string {
	var columns []string
	for i := range s.o.Fields {
		f := &s.o.Fields[i]
		columns = append(columns, plainColumn(s.d, f, "t."+quote(f.Column())))
	}
	return strings.Join(columns, ", ")
}

func (s *selection) search(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	ph := s.arg(database.Pattern(text))
	conditions := []string{"1 = 0"} // an object without text fields has nothing to search
	for _, f := range s.o.Fields {
		if column.KindFor(&f) == column.Text {
			conditions = append(conditions, s.d.Contains("t."+quote(f.Column()), ph, text))
		}
	}
	s.where = append(s.where, "("+strings.Join(conditions, " OR ")+")")
}

// newSelection returns the selection of a query and its order.
func newSelection(d database.Dialect, o *crosswalk.Object, q RowQuery) (*selection, *order, error) {
	s := &selection{d: d, o: o}
	s.search(q.Search)
	switch {
	case q.Gone == nil:
	case *q.Gone:
		s.where = append(s.where, "t."+deletedColumn+" IS NOT NULL")
	default:
		s.where = append(s.where, "t."+deletedColumn+" IS NULL")
	}
	if err := s.conditions(q.Where); err != nil {
		return nil, nil, err
	}
	by, err := newOrder(d, o, q)
	return s, by, err
}

// Rows reads one page of an object's rows. Empty values come first, also
// backwards last; texts sort without regard to the case of ASCII letters, and
// what is equal sorts by GSID. A page begins where the one before ended, also
// when rows were added or removed meanwhile. The object's table must exist. It
// returns CodeInvalid for an unknown field, a condition that does not fit its
// field, or a cursor of another query.
func Rows(ctx context.Context, db *database.DB, o crosswalk.Object, q RowQuery) (RowPage, error) {
	page := RowPage{Items: []map[string]any{}}
	s, by, err := newSelection(db.Dialect(), &o, q)
	if err != nil {
		return page, err
	}
	if err := db.QueryRow(ctx, "SELECT count(*)"+s.from(), s.args...).Scan(&page.Total); err != nil {
		return page, fmt.Errorf("table: count %s: %w", o.Table(), err)
	}
	if err := by.after(s, q); err != nil {
		return page, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	err = s.each(ctx, db, fmt.Sprintf("%s LIMIT %d", by.text(), limit+1), func(item map[string]any) error {
		if len(page.Items) == limit {
			page.Next = by.cursor(page.Items[limit-1], q)
			return nil
		}
		page.Items = append(page.Items, item)
		return nil
	})
	return page, err
}

// EachRow calls fn for every row that matches, in order, as one moment saw
// them, without holding more than one in memory. Limit and Cursor are not
// used. An error of fn ends it and is returned as it is.
func EachRow(ctx context.Context, db *database.DB, o crosswalk.Object, q RowQuery, fn func(row map[string]any) error) error {
	s, by, err := newSelection(db.Dialect(), &o, q)
	if err != nil {
		return err
	}
	return s.each(ctx, db, by.text(), fn)
}

// CheckQuery returns the error that Rows would return for what the query asks.
func CheckQuery(db *database.DB, o crosswalk.Object, q RowQuery) error {
	_, _, err := newSelection(db.Dialect(), &o, q)
	return err
}

func (s *selection) each(ctx context.Context, db database.Querier, tail string, fn func(map[string]any) error) error {
	rows, err := db.Query(ctx, "SELECT "+s.columns()+", t."+deletedColumn+s.from()+tail, s.args...)
	if err != nil {
		return fmt.Errorf("table: rows of %s: %w", s.o.Table(), err)
	}
	defer rows.Close()
	for rows.Next() {
		var gone database.Time
		item, err := s.scan(rows, &gone)
		if err != nil {
			return err
		}
		if at := gone.Ptr(); at != nil {
			item[GoneAt] = database.FormatTime(*at)
		}
		if err := fn(item); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scan reads the columns of a row and whatever follows them into more.
func (s *selection) scan(rows *sql.Rows, more ...any) (map[string]any, error) {
	values := make([]any, len(s.o.Fields))
	into := make([]any, len(values), len(values)+len(more))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(append(into, more...)...); err != nil {
		return nil, fmt.Errorf("table: rows of %s: %w", s.o.Table(), err)
	}
	item := make(map[string]any, len(values))
	for i := range s.o.Fields {
		f := &s.o.Fields[i]
		v, err := value(column.KindFor(f), values[i])
		if err != nil {
			return nil, fmt.Errorf("table: %s of %s: %w", f.Column(), s.o.Table(), err)
		}
		item[f.Name] = v
	}
	return item, nil
}

// Provenance says where a row came from.
type Provenance struct {
	ConnectionID string // "" when no run wrote the row
	Entity       string
	JobID        string // "" when it is not known
	SourceID     string // key of the record
	Run          int64  // number of the run that wrote the row last
	// GoneAt is when the row was flagged or deactivated because its record is
	// gone; nil when it is not.
	GoneAt *time.Time
}

// Row reads one row and where it came from. It returns CodeNotFound when
// there is none of that GSID.
func Row(ctx context.Context, db *database.DB, o crosswalk.Object, gsid string) (map[string]any, Provenance, error) {
	var p Provenance
	missing := crosswalk.Errorf(crosswalk.CodeNotFound, "%s has no row with the GSID %s.", o.Name, gsid)
	f := crosswalk.Field{Type: crosswalk.FieldGSID}
	gsid, err := f.Normalize(gsid)
	if err != nil {
		return nil, p, missing
	}
	s := &selection{d: db.Dialect(), o: &o}
	rows, err := db.Query(ctx, fmt.Sprintf(`SELECT %s, coalesce(c.connection_id, ''), coalesce(c.entity, ''), coalesce(c.job_id, ''), coalesce(t.%s, ''), coalesce(t.%s, 0), t.%s
		FROM %s t LEFT JOIN cw_origins c ON c.id = t.%s WHERE t.gsid = %s`,
		s.columns(), sourceIDColumn, runColumn, deletedColumn, quote(o.Table()), originColumn, fromText(s.d, column.GUID, "$1")), gsid)
	if err != nil {
		return nil, p, fmt.Errorf("table: row of %s: %w", o.Table(), err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, p, fmt.Errorf("table: row of %s: %w", o.Table(), err)
		}
		return nil, p, missing
	}
	var gone database.Time
	item, err := s.scan(rows, &p.ConnectionID, &p.Entity, &p.JobID, &p.SourceID, &p.Run, &gone)
	p.GoneAt = gone.Ptr()
	return item, p, err
}

// value turns what a driver returned into what RowPage promises.
func value(k column.Kind, v any) (any, error) {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		return v, nil
	case int64:
		if k == column.Bool {
			return v != 0, nil
		}
		return v, nil
	case time.Time:
		return database.FormatTime(v), nil
	case string:
		if k == column.Decimal {
			return json.Number(v), nil
		}
		return v, nil
	}
	return nil, fmt.Errorf("unexpected %T", v)
}
