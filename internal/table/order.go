package table

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// order is the order of a query. It is total: no two rows are equal in it, so
// that pages neither overlap nor leave rows out.
type order struct {
	d    database.Dialect
	by   *crosswalk.Field // nil for GSID alone
	desc bool
}

func newOrder(d database.Dialect, o *crosswalk.Object, q RowQuery) (*order, error) {
	by := &order{d: d, desc: q.Desc}
	if q.Sort == "" || strings.EqualFold(q.Sort, crosswalk.GSIDField) {
		return by, nil
	}
	if by.by = o.Field(q.Sort); by.by == nil {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%s has no field %s to sort by.", o.Name, q.Sort).
			WithHint("Fields go by their API names, which the object's definition has.")
	}
	return by, nil
}

// zeros stand for no value, which another key has put first already.
var zeros = map[column.Kind]string{
	column.Text: "", column.Decimal: "0", column.Int: "0", column.Bool: "false",
	column.Time: "1970-01-01T00:00:00.000Z", column.Date: "1970-01-01", column.GUID: "00000000-0000-0000-0000-000000000000",
}

// keys returns what rows are compared by, made from an expression for the
// field and one for the GSID: first whether there is a value, then the value.
// No key is null.
func (by *order) keys(present, field, gsid string) []string {
	if by.by == nil {
		return []string{gsid}
	}
	keys := append([]string{present}, sortable(by.d, column.KindFor(by.by), field)...)
	return append(keys, gsid)
}

// columns returns the keys of the rows of the table.
func (by *order) columns() []string {
	if by.by == nil {
		return by.keys("", "", "t.gsid")
	}
	// Qualified, since PostgreSQL would take a bare name for the column of the
	// result, which is text.
	c, k := "t."+quote(by.by.Column()), column.KindFor(by.by)
	return by.keys("CAST("+c+" IS NOT NULL AS INTEGER)", "coalesce("+c+", "+literal(by.d, k, zeros[k])+")", "t.gsid")
}

// text returns the clause.
func (by *order) text() string {
	way := ""
	if by.desc {
		way = " DESC"
	}
	return " ORDER BY " + strings.Join(by.columns(), way+", ") + way
}

// place is where a page ended.
type place struct {
	Query string  `json:"q"` // hash of the query it belongs to
	Value *string `json:"v"` // of the field sorted by, nil for none
	GSID  string  `json:"g"`
}

func queryHash(q RowQuery) string {
	h := fnv.New64a()
	q.Limit, q.Cursor, q.Search = 0, "", strings.TrimSpace(q.Search)
	_ = json.NewEncoder(h).Encode(q) // neither can fail
	return strconv.FormatUint(h.Sum64(), 36)
}

// cursor returns the cursor of what follows a row.
func (by *order) cursor(row map[string]any, q RowQuery) string {
	at := place{Query: queryHash(q), GSID: asText(row[crosswalk.GSIDField])}
	if by.by != nil {
		if v := row[by.by.Name]; v != nil {
			text := asText(v)
			at.Value = &text
		}
	}
	b, _ := json.Marshal(at) // cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// after adds the condition that rows follow the query's cursor.
func (by *order) after(s *selection, q RowQuery) error {
	if q.Cursor == "" {
		return nil
	}
	bad := crosswalk.Errorf(crosswalk.CodeInvalid, "The cursor does not belong to this list.")
	var at place
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || json.Unmarshal(b, &at) != nil || at.Query != queryHash(q) {
		return bad
	}
	id := crosswalk.Field{Type: crosswalk.FieldGSID}
	if at.GSID, err = id.Normalize(at.GSID); err != nil {
		return bad
	}
	present, field := "0", ""
	if by.by != nil {
		k := column.KindFor(by.by)
		v := zeros[k]
		if at.Value != nil {
			anyLength := *by.by
			anyLength.MaxLength = 0
			if anyLength.Type.IsText() {
				anyLength.Type = crosswalk.FieldString
			}
			if v, err = anyLength.Normalize(*at.Value); err != nil {
				return bad
			}
			present = "1"
		}
		field = fromText(by.d, k, s.arg(v))
	}
	op := " > "
	if by.desc {
		op = " < "
	}
	keys := by.keys(present, field, fromText(by.d, column.GUID, s.arg(at.GSID)))
	s.where = append(s.where, "("+strings.Join(by.columns(), ", ")+")"+op+"("+strings.Join(keys, ", ")+")")
	return nil
}

// sortable returns expressions that compare as the values of a kind do,
// made from an expression for the value.
func sortable(d database.Dialect, k column.Kind, expr string) []string {
	switch {
	case k == column.Text && d == database.Postgres:
		return []string{"lower((" + expr + `) COLLATE "C")`, "(" + expr + `) COLLATE "C"`}
	case k == column.Text:
		return []string{"lower(" + expr + ")", expr}
	case k == column.Bool && d == database.Postgres:
		return []string{"CAST(" + expr + " AS integer)"}
	case k == column.Decimal && d == database.SQLite:
		return []string{"cw_number_key(" + expr + ")"}
	}
	return []string{expr}
}
