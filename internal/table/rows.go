package table

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
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
	Search string // text that one of the text fields contains, in whatever case of letters
	Sort   string // API name of a field; "" sorts by GSID, which is the order the rows were made in
	Desc   bool
	Limit  int    // 0 means DefaultLimit; more than MaxLimit means MaxLimit
	Cursor string // RowPage.Next of the same query, "" for the beginning
}

// RowPage is a page of rows. Each row holds every field by its API name: nil,
// string, bool, int64, or json.Number for exact decimals; moments are RFC 3339
// in UTC, dates are 2006-01-02.
type RowPage struct {
	Items []map[string]any
	Next  string // "" at the end
	Total int64  // rows that match, on all pages
}

// Rows reads one page of an object's rows. Empty values come first, also
// backwards last; texts sort without regard to the case of ASCII letters, and
// what is equal sorts by GSID. The object's table must exist. It returns
// CodeInvalid for an unknown field or cursor.
func Rows(ctx context.Context, db *database.DB, o crosswalk.Object, q RowQuery) (RowPage, error) {
	page := RowPage{Items: []map[string]any{}}
	offset, err := parseCursor(q)
	if err != nil {
		return page, err
	}
	by, err := orderBy(db.Dialect(), &o, q)
	if err != nil {
		return page, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	from := " FROM " + quote(o.Table()) + " t"
	var args []any
	if search := strings.TrimSpace(q.Search); search != "" {
		args = append(args, database.Pattern(search))
		conditions := []string{"1 = 0"} // an object without text fields has nothing to search
		for _, f := range o.Fields {
			if column.KindFor(&f) == column.Text {
				conditions = append(conditions, db.Dialect().Contains(quote(f.Column()), "$1", search))
			}
		}
		from += " WHERE (" + strings.Join(conditions, " OR ") + ")"
	}
	if err := db.QueryRow(ctx, "SELECT count(*)"+from, args...).Scan(&page.Total); err != nil {
		return page, fmt.Errorf("table: count %s: %w", o.Table(), err)
	}
	var columns []string
	for _, f := range o.Fields {
		c := "t." + quote(f.Column())
		if db.Dialect() == database.Postgres {
			switch column.KindFor(&f) {
			case column.Decimal, column.GUID, column.Date: // exact, as text
				c += "::text"
			}
		}
		columns = append(columns, c)
	}
	rows, err := db.Query(ctx, fmt.Sprintf("SELECT %s%s%s LIMIT %d OFFSET %d", strings.Join(columns, ", "), from, by, limit+1, offset), args...)
	if err != nil {
		return page, fmt.Errorf("table: rows of %s: %w", o.Table(), err)
	}
	defer rows.Close()
	values := make([]any, len(o.Fields))
	into := make([]any, len(o.Fields))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if len(page.Items) == limit {
			page.Next = formatCursor(q, offset+limit)
			break
		}
		if err := rows.Scan(into...); err != nil {
			return page, fmt.Errorf("table: rows of %s: %w", o.Table(), err)
		}
		item := make(map[string]any, len(values))
		for i, f := range o.Fields {
			v, err := value(column.KindFor(&f), values[i])
			if err != nil {
				return page, fmt.Errorf("table: %s of %s: %w", f.Column(), o.Table(), err)
			}
			item[f.Name] = v
		}
		page.Items = append(page.Items, item)
	}
	return page, rows.Err()
}

// orderBy returns the order of a query. It is total: no two rows are equal in
// it, so that pages neither overlap nor leave rows out.
func orderBy(d database.Dialect, o *crosswalk.Object, q RowQuery) (string, error) {
	way := ""
	if q.Desc {
		way = " DESC"
	}
	gsid := `t."gsid"` + way
	if q.Sort == "" || strings.EqualFold(q.Sort, crosswalk.GSIDField) {
		return " ORDER BY " + gsid, nil
	}
	f := o.Field(q.Sort)
	if f == nil {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "%s has no field %s to sort by.", o.Name, q.Sort)
	}
	// Qualified, since PostgreSQL would take a bare name for the column of the
	// result, which is text.
	c := "t." + quote(f.Column())
	keys := []string{"(" + c + " IS NOT NULL)"}
	switch kind := column.KindFor(f); {
	case kind == column.Text && d == database.Postgres:
		keys = append(keys, `lower(`+c+` COLLATE "C")`, c)
	case kind == column.Text:
		keys = append(keys, "lower("+c+")", c)
	case kind == column.Decimal && d == database.SQLite:
		// REAL tells most numbers apart. Those it takes for equal have the
		// same sign and, having the same number of decimals, sort by length
		// and then by their digits; negative ones the other way.
		keys = append(keys, "CAST("+c+" AS REAL)",
			fmt.Sprintf("CASE WHEN %s < '0' THEN -length(%s) ELSE length(%s) END", c, c, c),
			fmt.Sprintf("CASE WHEN %s >= '0' THEN %s END", c, c))
		back := " DESC"
		if q.Desc {
			back = ""
		}
		return " ORDER BY " + strings.Join(keys, way+", ") + way + ", " + c + back + ", " + gsid, nil
	default:
		keys = append(keys, c)
	}
	return " ORDER BY " + strings.Join(keys, way+", ") + way + ", " + gsid, nil
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

// A cursor is how many rows came before, with the query it belongs to.
func formatCursor(q RowQuery, offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorText(q, strconv.Itoa(offset))))
}

func cursorText(q RowQuery, offset string) string {
	return strings.Join([]string{offset, q.Sort, strconv.FormatBool(q.Desc), strings.TrimSpace(q.Search)}, "\n")
}

func parseCursor(q RowQuery) (int, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	offset, _, _ := strings.Cut(string(b), "\n")
	n, e := strconv.Atoi(offset)
	if err != nil || e != nil || n < 0 || string(b) != cursorText(q, offset) {
		return 0, crosswalk.Errorf(crosswalk.CodeInvalid, "The cursor does not belong to this list.")
	}
	return n, nil
}
