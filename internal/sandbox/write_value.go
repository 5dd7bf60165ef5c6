package sandbox

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// writing is one row on its way into a table.
type writing struct {
	c      *call
	tx     *transaction
	t      *table
	row    int // -1 for a new one
	create bool
	cells  []cell // what is written, each column once

	children []child // rows to make when the row is there
}

// put sets a column; a later value replaces an earlier one.
func (w *writing) put(a *attribute, v *value) {
	kept := v.keep(a)
	for i := range w.cells {
		if w.cells[i].index == kept.index {
			w.cells[i] = kept
			return
		}
	}
	w.cells = append(w.cells, kept)
}

// has tells whether a column is written.
func (w *writing) has(a *attribute) bool {
	return a != nil && slices.ContainsFunc(w.cells, func(c cell) bool { return int(c.index) == a.index })
}

// current reads a column as it will be, and false for null.
func (w *writing) current(a *attribute, v *value) bool {
	v.null()
	if a == nil {
		return false
	}
	for i := range w.cells {
		if int(w.cells[i].index) == a.index {
			w.cells[i].read(w.tx.data, v)
			return v.kind != kindNull
		}
	}
	if w.row >= 0 {
		w.t.value(w.row, a, v)
	}
	return v.kind != kindNull
}

// read takes the members of a body.
func (w *writing) read(body object) error {
	for _, m := range body {
		name, annotation, annotated := strings.Cut(m.name, "@")
		switch {
		case annotated && annotation == "odata.bind":
			if err := w.bind(name, m.value); err != nil {
				return err
			}
			continue
		case annotated && !strings.Contains(annotation, "."):
			return payloadFault(w.t, "System.ArgumentException: '"+annotation+"' is an invalid instance annotation name. An instance annotation name must contain a period that is not at the start or end of the name.")
		case annotated:
			continue
		}
		if err := w.member(m); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) member(m member) error {
	a := w.t.byMember[m.name]
	if b := w.t.byName[m.name]; a == nil && b != nil && !b.raw.bool("IsValidForRead") && b.raw.bool("IsValidODataAttribute") && b.raw.bool("IsValidForCreate") {
		a = b // can be written alone
	}
	if a == nil {
		if a, targets := w.t.navigates(m.name); a != nil {
			if m.value != nil {
				return w.within(a, targets, m)
			}
			return w.bind(m.name, nil)
		}
		if of, ok := w.t.collection(m.name); ok {
			return w.later(of, m)
		}
		return payloadFault(w.t, "Microsoft.Crm.CrmException: Invalid property '"+m.name+"' was found in entity 'Microsoft.Dynamics.CRM."+w.t.name+"'.")
	}
	if a.lookup() {
		return payloadFault(w.t, "Microsoft.Crm.CrmException: CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.")
	}
	var v value
	if err := w.convert(a, m.value, &v); err != nil {
		return err
	}
	// What may not be written is left as it is, without a word.
	valid := "IsValidForUpdate"
	if w.create {
		valid = "IsValidForCreate"
	}
	if a == w.t.key || !a.raw.bool(valid) {
		return nil
	}
	if w.c.hides(w.t, a) {
		return &fault{http.StatusForbidden, "0x8004f508", "Caller user with Id " + w.c.who.UserID + " does not have update permissions to the " +
			a.name + " secured attribute on entity " + w.t.name + "."}
	}
	w.put(a, &v)
	return nil
}

// convert reads a JSON value as one of the column.
func (w *writing) convert(a *attribute, from any, v *value) error {
	literal := func(text string) error {
		return payloadFault(w.t, "Microsoft.OData.ODataException: Cannot convert the literal '"+text+"' to the expected type '"+edmType(a)+"'.")
	}
	text, isText := from.(string)
	number, isNumber := from.(json.Number)
	switch column := edmType(a); {
	case from == nil:
		v.null()
		return nil
	case column == "Edm.Int32":
		n, err := strconv.ParseInt(string(number), 10, 32)
		if !isNumber || err != nil {
			return literal(fmt.Sprint(from))
		}
		v.setInt(n)
		return w.integer(a, n)
	case column == "Edm.Int64" || column == "Edm.Decimal":
		if isText {
			return payloadFault(w.t, "Microsoft.OData.ODataException: Cannot convert a value to target type '"+column+
				"' because of conflict between input format string/number and parameter 'IEEE754Compatible' false/true.")
		}
		if !isNumber || !v.parseDecimal(string(number)) {
			return literal(fmt.Sprint(from))
		}
		if column == "Edm.Int64" {
			n, err := strconv.ParseInt(string(number), 10, 64)
			if err != nil {
				return literal(string(number))
			}
			v.setInt(n)
			return nil
		}
		return w.decimal(a, v)
	case column == "Edm.Double":
		f, err := number.Float64()
		if !isNumber || err != nil {
			return literal(fmt.Sprint(from))
		}
		v.setDouble(f)
		if f < float64(a.low) || f > float64(a.high) {
			return w.outOfRange(a)
		}
		return nil
	case column == "Edm.Boolean":
		b, ok := from.(bool)
		if !ok {
			return literal(fmt.Sprint(from))
		}
		v.setBool(b)
		return nil
	case !isText:
		return literal(fmt.Sprint(from))
	case column == "Edm.String":
		return w.text(a, text, v)
	case column == "Edm.Date" || column == "Edm.DateTimeOffset":
		if (&reader{attribute: a}).text(text, v) != nil || column == "Edm.DateTimeOffset" && len(text) == len(time.DateOnly) && a.format != "DateOnly" {
			return literal(text)
		}
		if v.kind == kindDate && v.n < days(1753, 1, 1) || v.kind == kindTime && v.n < days(1753, 1, 1)*86400 {
			return &fault{http.StatusBadRequest, codeTooEarly, "DateTime is less than minumum value supported by CrmDateTime. Actual value: " +
				text + ", Minimum value supported: 01/01/1753 00:00:00"}
		}
		return nil
	case column == "Edm.Guid":
		id, ok := parseGUID(text)
		if !ok {
			return literal(text)
		}
		v.setGUID(id)
		return nil
	case column == "Edm.Binary":
		return w.image(a, text, v)
	}
	return literal(text)
}

func (w *writing) integer(a *attribute, n int64) error {
	if a.typeName == "IntegerType" {
		if n < a.low || n > a.high {
			return w.outOfRange(a)
		}
		return nil
	}
	if a.label(n) != "" || slices.ContainsFunc(a.options, func(o option) bool { return o.value == n }) {
		return nil
	}
	return w.noOption(a, strconv.FormatInt(n, 10))
}

func (w *writing) noOption(a *attribute, given string) error {
	var accepted []string
	for _, o := range a.options {
		accepted = append(accepted, strconv.FormatInt(o.value, 10))
	}
	return &fault{http.StatusBadRequest, codeNoOption, "A validation error occurred. The value " + given + " of '" + a.name + "' on record of type '" +
		w.t.name + "' is outside the valid range. Accepted Values: " + strings.Join(accepted, ",")}
}

func (w *writing) outOfRange(a *attribute) error {
	return &fault{http.StatusBadRequest, codeOutOfRange, "A validation error occurred. The value of '" + a.name + "' on record of type '" + w.t.name + "' is outside the valid range."}
}

// decimal rounds to the column's digits, half away from zero, and holds the
// value against its range.
func (w *writing) decimal(a *attribute, v *value) error {
	digits := uint8(4)
	switch {
	case a.typeName == "MoneyType" && strings.HasSuffix(a.name, "_base"):
		digits = 10
	case a.name == "exchangerate":
		digits = 12
	case a.typeName == "DecimalType":
		digits = uint8(a.raw.int("Precision"))
	}
	if v.digits > digits {
		step := powers[v.digits-digits]
		v.fraction = (v.fraction + step/2) / step
		if v.fraction == powers[digits] {
			v.n, v.fraction = v.n+1, 0
		}
	} else {
		v.fraction *= powers[digits-v.digits]
	}
	v.digits = digits
	whole := v.n
	if v.negative {
		whole = -whole
	}
	if whole < a.low || whole > a.high || whole == a.high && v.fraction > 0 && a.typeName != "MoneyType" {
		return w.outOfRange(a)
	}
	if v.n > math.MaxInt64/10000 {
		return w.outOfRange(a)
	}
	return nil
}

// text holds a text against what the column takes: characters that XML has,
// and a length in UTF-16 units.
func (w *writing) text(a *attribute, s string, v *value) error {
	if a.typeName == "MultiSelectPicklistType" {
		chosen := strings.Split(s, ",")
		for _, o := range chosen {
			n, err := strconv.ParseInt(o, 10, 64)
			if err != nil || a.label(n) == "" {
				return w.noOption(a, o)
			}
		}
		slices.SortFunc(chosen, func(x, y string) int {
			n, _ := strconv.Atoi(x) // looked at above
			m, _ := strconv.Atoi(y)
			return n - m
		})
		v.setText(strings.Join(slices.Compact(chosen), ","))
		return nil
	}
	units := 0
	for _, r := range s {
		switch {
		case r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff:
			return &fault{http.StatusBadRequest, codeBadCharacters, "Invalid character in field '" + a.name + "': '" + s + "' contains invalid characters."}
		case r > 0xffff:
			units++
		}
		units++
	}
	if !utf8.ValidString(s) {
		return &fault{http.StatusBadRequest, codeBadCharacters, "Invalid character in field '" + a.name + "'."}
	}
	if a.maximum > 0 && units > a.maximum {
		return &fault{http.StatusBadRequest, codeTooLong, "A validation error occurred. The length of the '" + a.name + "' attribute of the '" +
			w.t.name + "' entity exceeded the maximum allowed length of '" + strconv.Itoa(a.maximum) + "'."}
	}
	if s == "" {
		v.null() // an empty text is stored as none
		return nil
	}
	v.setText(s)
	return nil
}
