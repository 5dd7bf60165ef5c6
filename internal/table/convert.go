package table

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// convertible reports whether values of one field can become values of the
// other at all, and why not.
func convertible(from, to *crosswalk.Field) (reason string) {
	t := to.Type
	free := t == crosswalk.FieldString || t == crosswalk.FieldRichText || t == crosswalk.FieldDropdown
	ok := false
	switch {
	case from.Type == crosswalk.FieldLookup && t == crosswalk.FieldLookup:
		return fmt.Sprintf("The GSIDs of %s are not those of %s. Make a new field instead.", from.Lookup, to.Lookup)
	case from.Type == t:
		ok = true
	case t == crosswalk.FieldLookup:
		return "A lookup is filled by a job. Make a new field instead."
	case from.Type.IsText():
		ok = true
	case from.Type.IsNumber():
		ok = free || t.IsNumber() || t == crosswalk.FieldBoolean
	case from.Type == crosswalk.FieldBoolean:
		ok = free || t.IsNumber()
	case from.Type == crosswalk.FieldDate:
		ok = free || t == crosswalk.FieldDateTime
	case from.Type == crosswalk.FieldDateTime:
		ok = free || t == crosswalk.FieldDate
	case from.Type == crosswalk.FieldLookup:
		ok = free
	}
	if !ok {
		return fmt.Sprintf("A %s cannot become a %s. Make a new field instead.", from.Type, t)
	}
	return ""
}

// rewrites reports whether the table keeps values of the two fields in
// different forms.
func rewrites(from, to *crosswalk.Field) bool {
	a, b := column.KindFor(from), column.KindFor(to)
	return a != b || a == column.Decimal && from.Decimals != to.Decimals
}

// mayRefuse reports whether some value of one field might not fit the other.
func mayRefuse(from, to *crosswalk.Field) bool {
	if !to.Type.IsText() {
		return rewrites(from, to)
	}
	shorter := to.MaxLength > 0 && (from.MaxLength == 0 || to.MaxLength < from.MaxLength)
	checked := (to.Type == crosswalk.FieldEmail || to.Type == crosswalk.FieldURL) && from.Type != to.Type
	return shorter || checked
}

// convert returns the value of one field as the other keeps it: "" and true
// for none, when an empty text becomes anything but a text. lost tells that a
// part of the value went away: decimals by rounding, half away from zero, or
// the time of day in UTC.
func convert(from, to *crosswalk.Field, v string) (out string, null, lost bool, err error) {
	switch {
	case from.Type.IsText() && !to.Type.IsText() && v == "":
		return "", true, false, nil
	case from.Type == crosswalk.FieldDateTime && to.Type == crosswalk.FieldDate:
		return v[:10], false, v[10:] != "T00:00:00.000Z", nil
	case from.Type.IsNumber() && to.Type == crosswalk.FieldBoolean:
		whole := crosswalk.Field{Type: crosswalk.FieldNumber}
		if n, e := whole.Normalize(v); e == nil {
			v = n
		}
	case from.Type == crosswalk.FieldBoolean && to.Type.IsNumber():
		v = strconv.Itoa(map[string]int{"true": 1}[v])
	case from.Type.IsNumber() && to.Type.IsNumber() && to.Decimals < from.Decimals:
		if rounded, ok := appendDecimal(nil, []byte(v), to.Decimals); ok {
			exact, e := to.Normalize(v)
			lost = e != nil || exact != string(rounded)
			v = string(rounded)
		}
	}
	out, err = to.Normalize(v)
	return out, false, lost && err == nil, err
}

// asText returns a value of a RowPage in the form Field.Normalize has.
func asText(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return ""
}

// literal returns a value in the form of Field.Normalize as it stands in a
// statement.
func literal(d database.Dialect, k column.Kind, v string) string {
	quoted := "'" + strings.ReplaceAll(v, "'", "''") + "'"
	return fromText(d, k, quoted)
}

// fromText returns the expression that makes a value of the kind from an
// expression for its text.
func fromText(d database.Dialect, k column.Kind, expr string) string {
	if d == database.Postgres {
		t, _, _ := strings.Cut(storageType(d, k), " ") // a cast takes no collation
		return "CAST(" + expr + " AS " + t + ")"
	}
	switch k {
	case column.Int:
		return "CAST(" + expr + " AS INTEGER)"
	case column.Bool:
		return "(" + expr + " = 'true')"
	}
	return expr
}

// toText returns the expression for the text of a value of the kind, in the
// form of Field.Normalize, from an expression for the value.
func toText(d database.Dialect, k column.Kind, expr string) string {
	switch {
	case d == database.SQLite && k == column.Bool:
		return "CASE WHEN " + expr + " THEN 'true' ELSE 'false' END"
	case d == database.Postgres && k == column.Time:
		return "to_char(" + expr + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
	}
	return "CAST(" + expr + " AS text)"
}

// plainColumn returns the expression under which a column is read: exact
// values as text. On PostgreSQL it says the kind: a statement that was
// prepared before a column changed its type is refused there, and another text
// is another statement.
func plainColumn(d database.Dialect, f *crosswalk.Field, name string) string {
	if d == database.SQLite {
		return name
	}
	switch k := column.KindFor(f); k {
	case column.Decimal, column.GUID, column.Date: // exact, as text
		return name + "::text"
	default:
		return fmt.Sprintf("%s /* %v */", name, k)
	}
}
