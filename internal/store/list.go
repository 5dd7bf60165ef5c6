package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Page asks for a part of a list. Limit 0 means DefaultLimit; more than
// MaxLimit means MaxLimit. Cursor is what the list before returned, "" for the
// beginning. Every list returns its items, the cursor of what follows (""
// at the end) and how many items there are in all.
type Page struct {
	Limit  int
	Cursor string
}

func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	}
	return p.Limit
}

// query builds the SELECT of a list: conditions that all hold, an order by
// one or two unique columns, and the place where the page begins.
type query struct {
	dialect database.Dialect
	where   []string
	args    []any
}

// arg adds an argument and returns its placeholder.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

// equal asks for column = v, unless v is empty.
func (q *query) equal(column, v string) {
	if v != "" {
		q.where = append(q.where, column+" = "+q.arg(v))
	}
}

// search asks for one of the columns to contain the text, unless it is empty.
func (q *query) search(text string, columns ...string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	ph := q.arg(database.Pattern(text))
	var any []string
	for _, c := range columns {
		any = append(any, q.dialect.Contains(c, ph, text))
	}
	q.where = append(q.where, "("+strings.Join(any, " OR ")+")")
}

func (q *query) conditions() string {
	if len(q.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.where, " AND ")
}

// order is how a list is sorted: by columns that together are unique. The
// values of those columns are the cursor.
type order struct {
	columns []string
	desc    bool
}

func (o order) by() string {
	way := ""
	if o.desc {
		way = " DESC"
	}
	return " ORDER BY " + strings.Join(o.columns, way+", ") + way
}

// list reads one page. sel is everything before WHERE, from is its FROM part
// (to count), and scan reads a row and returns it with its cursor's values.
func list[T any](ctx context.Context, s *Store, q query, sel, from string, o order, p Page, scan func(scanner) (T, []any, error)) (items []T, next string, total int, err error) {
	items = []T{} // an empty list is [] in JSON
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM "+from+q.conditions(), q.args...).Scan(&total); err != nil {
		return nil, "", 0, err
	}
	if p.Cursor != "" {
		after, err := parseCursor(p.Cursor, len(o.columns))
		if err != nil {
			return nil, "", 0, err
		}
		var ph []string
		for _, v := range after {
			ph = append(ph, q.arg(v))
		}
		op := " > "
		if o.desc {
			op = " < "
		}
		q.where = append(q.where, "("+strings.Join(o.columns, ", ")+")"+op+"("+strings.Join(ph, ", ")+")")
	}
	limit := p.limit()
	rows, err := s.db.Query(ctx, "SELECT "+sel+" FROM "+from+q.conditions()+o.by()+fmt.Sprintf(" LIMIT %d", limit+1), q.args...)
	if err != nil {
		return nil, "", 0, err
	}
	defer rows.Close()
	var last []any
	for rows.Next() {
		if len(items) == limit {
			next = formatCursor(last)
			break
		}
		item, at, err := scan(rows)
		if err != nil {
			return nil, "", 0, err
		}
		items, last = append(items, item), at
	}
	return items, next, total, rows.Err()
}

func formatCursor(values []any) string {
	return base64.RawURLEncoding.EncodeToString([]byte(encode(values)))
}

func parseCursor(cursor string, n int) ([]any, error) {
	bad := crosswalk.Errorf(crosswalk.CodeInvalid, "The cursor is not one that a list returned.").
		WithHint("Begin with the first page: leave the cursor out.")
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, bad
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var values []any
	if d.Decode(&values) != nil || len(values) != n {
		return nil, bad
	}
	for i, v := range values {
		switch v := v.(type) {
		case string:
			values[i] = database.Text(v)
		case json.Number:
			if values[i], err = v.Int64(); err != nil {
				return nil, bad
			}
		default:
			return nil, bad
		}
	}
	return values, nil
}
