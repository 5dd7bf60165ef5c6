package sandbox

import (
	"strconv"
	"strings"
)

// columnWriter writes one column of a row. It is made once a request and
// belongs to it.
type columnWriter struct {
	table     *table
	attribute *attribute
	generate  generator
	name      []byte // ,"name":
	formatted []byte // ,"name@OData.Community.Display.V1.FormattedValue": or nil
	logical   []byte // the same for the lookup's table
	property  []byte // and for its navigation property
	value     *value
	text      []byte
	expansion *expansion // of what $expand adds, else nil
	noNull    bool       // writes nothing for null
	turned    bool       // writes the values of a multi-select choice from the last to the first
}

func (t *table) writer(a *attribute, p *preferences) columnWriter {
	return t.writerAs(a, a.member, p)
}

// writerAs returns a writer under another name.
func (t *table) writerAs(a *attribute, name string, p *preferences) columnWriter {
	w := columnWriter{table: t, attribute: a, generate: t.column(a), name: memberName(name), value: &value{}}
	w.turned = p.unverified.UnsortedChoices && a.typeName == "MultiSelectPicklistType"
	if p.annotates("OData.Community.Display.V1.FormattedValue") && a.hasFormatted() {
		w.formatted = memberName(name + "@OData.Community.Display.V1.FormattedValue")
	}
	if a.lookup() {
		if p.annotates("Microsoft.Dynamics.CRM.lookuplogicalname") {
			w.logical = memberName(name + "@Microsoft.Dynamics.CRM.lookuplogicalname")
		}
		if p.annotates("Microsoft.Dynamics.CRM.associatednavigationproperty") {
			w.property = memberName(name + "@Microsoft.Dynamics.CRM.associatednavigationproperty")
		}
	}
	return w
}

func memberName(name string) []byte {
	b := appendString([]byte{','}, name)
	return append(b, ':')
}

// appendRow adds a row but for its opening brace.
func (t *table) appendRow(b []byte, row int, cols []columnWriter) []byte {
	b = append(b, `"@odata.etag":"W/\"`...)
	b = strconv.AppendInt(b, t.version(row), 10)
	b = append(b, `\""`...)
	for i := range cols {
		b = cols[i].append(b, row)
	}
	return append(b, '}')
}

func (w *columnWriter) append(b []byte, row int) []byte {
	if w.expansion != nil {
		return w.expansion.append(b, row, w)
	}
	v := w.value
	w.generate(row, v)
	if w.noNull && v.kind == kindNull {
		return b
	}
	if w.turned {
		v.turnRound()
	}
	if v.kind != kindNull {
		if w.formatted != nil {
			w.text = w.text[:0]
			if text, ok := w.table.appendFormatted(w.text, w.attribute, row, v); ok {
				w.text = text
				b = append(b, w.formatted...)
				b = appendString(b, text)
			}
		}
		if w.property != nil {
			b = append(b, w.property...)
			b = appendString(b, w.table.navigationTo(w.attribute, v.target))
		}
		if w.logical != nil {
			b = append(b, w.logical...)
			b = appendString(b, v.target)
		}
	}
	b = append(b, w.name...)
	return v.append(b)
}

// hasFormatted tells whether values of the column have a form for people:
// texts and plain ids have none.
func (a *attribute) hasFormatted() bool {
	switch a.typeName {
	case "StringType", "MemoType", "UniqueidentifierType", "EntityNameType", "ImageType", "FileType":
		return false
	}
	return true
}

// appendFormatted adds a value as the organization shows it to people, in
// American English and UTC.
func (t *table) appendFormatted(b []byte, a *attribute, row int, v *value) ([]byte, bool) {
	switch a.typeName {
	case "LookupType", "CustomerType", "OwnerType":
		return t.data.appendName(b, v.target, v.row)
	case "PicklistType", "StateType", "StatusType", "BooleanType":
		label := a.label(v.n)
		return append(b, label...), label != ""
	case "MultiSelectPicklistType":
		for part := range strings.SplitSeq(string(v.text), ",") {
			if len(b) > 0 {
				b = append(b, "; "...)
			}
			n, _ := strconv.ParseInt(part, 10, 64)
			b = append(b, a.label(n)...)
		}
		return b, true
	case "MoneyType":
		symbol := currencies[0].symbol
		if c, ok := t.currency(row); ok && v.digits == 4 {
			symbol = currencies[c].symbol
		}
		if v.negative {
			b = append(b, '-')
		}
		b = append(b, symbol...)
		return appendGrouped(b, v.n, v.fraction/powers[v.digits-2], 2), true
	case "DecimalType":
		if v.negative {
			b = append(b, '-')
		}
		return appendGrouped(b, v.n, v.fraction, v.digits), true
	case "DoubleType":
		return strconv.AppendFloat(b, v.f, 'f', int(a.raw.int("Precision")), 64), true
	case "IntegerType", "BigIntType":
		if v.n < 0 {
			b = append(b, '-')
		}
		return appendGrouped(b, abs(v.n), 0, 0), true
	case "DateTimeType":
		return appendUSDate(b, v, a.format == "DateOnly"), true
	}
	return b, false
}

// appendName adds the primary name of a row.
func (d *dataset) appendName(b []byte, entity string, row int) ([]byte, bool) {
	if entity == "organization" {
		return append(b, organizationName...), true
	}
	target := d.tables[entity]
	if target == nil || target.primaryName == nil || row < 0 {
		return b, false
	}
	var name value
	target.value(row, target.primaryName, &name)
	return append(b, name.text...), name.kind == kindText
}

// appendGrouped adds 1,234,567.89.
func appendGrouped(b []byte, whole, fraction int64, digits uint8) []byte {
	text := strconv.FormatInt(whole, 10)
	for i := range len(text) {
		if i > 0 && (len(text)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, text[i])
	}
	if digits > 0 {
		v := value{fraction: fraction, digits: digits}
		b = append(b, v.appendDecimal(nil)[1:]...)
	}
	return b
}

// appendUSDate adds 4/7/2023 9:59 PM, without the time for dates.
func appendUSDate(b []byte, v *value, dateOnly bool) []byte {
	day, seconds := v.n, int64(0)
	if v.kind == kindTime {
		day = floorDiv(v.n, 86400)
		seconds = v.n - day*86400
	}
	y, m, d := civil(day)
	b = append(strconv.AppendInt(b, m, 10), '/')
	b = append(strconv.AppendInt(b, d, 10), '/')
	b = strconv.AppendInt(b, y, 10)
	if dateOnly || v.kind == kindDate {
		return b
	}
	hour, half := seconds/3600, " AM"
	if hour >= 12 {
		half = " PM"
	}
	if hour %= 12; hour == 0 {
		hour = 12
	}
	b = strconv.AppendInt(append(b, ' '), hour, 10)
	b = append(b, ':', byte('0'+seconds/600%6), byte('0'+seconds/60%10))
	return append(b, half...)
}
