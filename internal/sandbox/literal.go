package sandbox

import (
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// edmType returns the type of a column in the service's model.
func edmType(a *attribute) string {
	switch a.typeName {
	case "IntegerType", "PicklistType", "StateType", "StatusType":
		return "Edm.Int32"
	case "BigIntType":
		return "Edm.Int64"
	case "MoneyType", "DecimalType":
		return "Edm.Decimal"
	case "DoubleType":
		return "Edm.Double"
	case "BooleanType":
		return "Edm.Boolean"
	case "DateTimeType":
		if a.behavior == "DateOnly" {
			return "Edm.Date"
		}
		return "Edm.DateTimeOffset"
	case "UniqueidentifierType", "LookupType", "CustomerType", "OwnerType", "FileType":
		return "Edm.Guid"
	case "ImageType":
		return "Edm.Binary"
	}
	return "Edm.String"
}

// family returns the type to which a column is promoted when it is compared.
func family(a *attribute) string {
	switch t := edmType(a); t {
	case "Edm.Int32", "Edm.Int64", "Edm.Decimal":
		return "Edm.Decimal"
	default:
		return t
	}
}

var operatorNames = map[odata.Operator]string{
	odata.Eq: "Equal", odata.Ne: "NotEqual", odata.Gt: "GreaterThan", odata.Ge: "GreaterThanOrEqual",
	odata.Lt: "LessThan", odata.Le: "LessThanOrEqual",
}

func incompatible(left, right string, op odata.Operator) *fault {
	return badRequest("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.",
		left, right, operatorNames[op])
}

// literalType returns the type a literal has by itself.
func literalType(l odata.Literal) string {
	switch l.Kind {
	case odata.BoolLiteral:
		return "Edm.Boolean"
	case odata.NumberLiteral:
		if strings.ContainsAny(l.Text, ".eE") {
			return "Edm.Decimal"
		}
		return "Edm.Int32"
	case odata.StringLiteral:
		return "Edm.String"
	case odata.GUIDLiteral:
		return "Edm.Guid"
	case odata.DateLiteral:
		return "Edm.Date"
	case odata.TimeLiteral:
		return "Edm.DateTimeOffset"
	}
	return l.Type
}

// literal reads a literal as a value of the column.
func (r *reader) literal(l odata.Literal, op odata.Operator, v *value) error {
	if l.Kind == odata.NullLiteral {
		v.null()
		return nil
	}
	column := edmType(r.attribute)
	given := literalType(l)
	fits := column == given
	switch column {
	case "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double":
		fits = l.Kind == odata.NumberLiteral
	case "Edm.DateTimeOffset":
		fits = fits || l.Kind == odata.DateLiteral
	case "Edm.Boolean":
		if op != odata.Eq && op != odata.Ne {
			fits = false
		}
	}
	if !fits {
		return incompatible(column, given, op)
	}
	return r.text(l.Text, v)
}

// text reads a text as a value of the column.
func (r *reader) text(s string, v *value) error {
	ok := true
	switch column := edmType(r.attribute); column {
	case "Edm.Int32", "Edm.Int64":
		n, err := strconv.ParseInt(s, 10, 64)
		if err == nil {
			v.setInt(n)
			return nil
		}
		ok = v.parseDecimal(s)
	case "Edm.Decimal":
		ok = v.parseDecimal(s)
	case "Edm.Double":
		f, err := strconv.ParseFloat(s, 64)
		ok = err == nil
		v.setDouble(f)
	case "Edm.Boolean":
		v.setBool(s == "true" || s == "1")
	case "Edm.Date":
		t, err := time.Parse(time.DateOnly, s)
		ok = err == nil
		v.setDate(floorDiv(t.Unix(), 86400))
	case "Edm.DateTimeOffset":
		t, err := parseTime(s)
		ok = err == nil
		v.setTime(t.Unix())
	case "Edm.Guid":
		g, is := parseGUID(s)
		ok = is
		v.setGUID(g)
	default:
		v.setText(s)
	}
	if !ok {
		return badRequest("The value '%s' is not of type '%s'.", s, edmType(r.attribute))
	}
	return nil
}

// parseTime reads a date or a time, with or without seconds.
func parseTime(s string) (time.Time, error) {
	layout := time.RFC3339Nano
	switch {
	case len(s) == len(time.DateOnly):
		layout = time.DateOnly
	case len(s) > 16 && s[16] != ':':
		layout = "2006-01-02T15:04Z07:00"
	}
	return time.Parse(layout, s)
}
