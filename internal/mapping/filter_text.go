package mapping

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// filterText writes a filter for $filter. Negations are pushed down to the
// comparisons, and each of those says what it means for null, so that the outcome
// does not depend on what the server makes of null under a not.
type filterText struct {
	refused bool // part of it cannot be left to the server
	terms   int  // comparisons
}

// How tightly the operators of a text bind.
const (
	looseText = iota // a or b
	andText          // a and b
	tightText
)

// text writes a term, or its opposite.
func (w *filterText) text(t *term, no bool) (text string, binding int) {
	switch t.op {
	case opNot:
		return w.text(t.terms[0], !no)
	case opAnd, opOr:
		if (t.op == opAnd) != no {
			return w.join(t.terms, no, " and ", andText)
		}
		return w.join(t.terms, no, " or ", looseText)
	}
	w.terms++
	// Whether the server treats a missing related row as a row of nulls is not
	// documented, so a condition that could hold for one is not left to it.
	if len(t.trail.hops) > 0 && (no != (t.op == opIsNull)) {
		w.refused = true
	}
	name := t.trail.attribute.Member()
	for i := len(t.trail.hops) - 1; i >= 0; i-- {
		name = t.trail.hops[i].navigation + "/" + name
	}
	if t.op == opIsNull {
		if no {
			return name + " ne null", tightText
		}
		return name + " eq null", tightText
	}
	text, binding = w.comparison(t, name, no)
	if no {
		return text + " or " + name + " eq null", looseText
	}
	return text, binding
}

func (w *filterText) join(terms []*term, no bool, word string, binding int) (string, int) {
	if len(terms) == 1 {
		return w.text(terms[0], no)
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		text, inner := w.text(t, no)
		if inner < binding {
			text = "(" + text + ")"
		}
		parts[i] = text
	}
	return strings.Join(parts, word), binding
}

// opposites are the operators that hold where a comparison does not.
var opposites = map[crosswalk.Comparison]crosswalk.Comparison{
	crosswalk.Equal: crosswalk.NotEqual, crosswalk.Less: crosswalk.GreaterOrEqual, crosswalk.LessOrEqual: crosswalk.Greater,
	crosswalk.Greater: crosswalk.LessOrEqual, crosswalk.GreaterOrEqual: crosswalk.Less,
}

// searchNames are the functions of OData.
var searchNames = map[crosswalk.Comparison]string{
	crosswalk.Contains: "contains", crosswalk.StartsWith: "startswith", crosswalk.EndsWith: "endswith",
}

// comparison writes a term that compares, or its opposite for values that are not
// null.
func (w *filterText) comparison(t *term, name string, no bool) (text string, binding int) {
	literals := make([]string, len(t.values))
	for i, v := range t.values {
		literals[i] = w.literal(t.trail.attribute, v)
	}
	switch t.op {
	case opSearch:
		text = searchNames[t.comparison] + "(" + name + "," + literals[0] + ")"
		if no {
			text = "not " + text
		}
		return text, tightText
	case opOptions:
		if len(t.trail.hops) > 0 {
			w.refused = true // how a function names a column of a related row is not documented
		}
		if no {
			return queryFunction("DoesNotContainValues", t.trail.attribute, literals), tightText
		}
		return queryFunction("ContainValues", t.trail.attribute, literals), tightText
	case opAmong:
		if !no && len(literals) > 1 && functional(t) {
			for i, v := range t.values {
				if sourceKind(t.trail.attribute) == column.Text {
					literals[i] = v.text
				}
			}
			return queryFunction("In", t.trail.attribute, literals), tightText
		}
		w.terms += len(literals) - 1
		op, word := " eq ", " or "
		if no {
			op, word = " ne ", " and "
		}
		for i, l := range literals {
			literals[i] = name + op + l
		}
		text = strings.Join(literals, word)
		switch {
		case len(literals) == 1:
			return text, tightText
		case no:
			return text, andText
		}
		return text, looseText
	default:
		op := t.comparison
		if no {
			op = opposites[op]
		}
		return name + " " + string(op) + " " + literals[0], tightText
	}
}

// functional reports whether a query function can take the list of values. None of
// them may hold a character that would have to be escaped there, and the column
// may neither be a lookup, whose name there differs from its member, nor belong to
// a related row: how either is written is not documented, and a chain of
// comparisons means the same.
func functional(t *term) bool {
	if t.trail.attribute.IsLookup() || len(t.trail.hops) > 0 {
		return false
	}
	for _, v := range t.values {
		if strings.ContainsAny(v.text, `'"\`) || strings.ContainsFunc(v.text, func(r rune) bool { return r < ' ' }) {
			return false
		}
	}
	return true
}

// queryFunction writes a query function of Dataverse over values, which are
// strings there whatever the column.
func queryFunction(name string, a *crosswalk.Attribute, values []string) string {
	var list strings.Builder
	enc := json.NewEncoder(&list)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(values); err != nil {
		panic("mapping: texts that cannot be encoded: " + err.Error()) // there are none
	}
	return "Microsoft.Dynamics.CRM." + name + "(PropertyName='" + a.LogicalName + "',PropertyValues=" + strings.TrimSpace(list.String()) + ")"
}

// The years, and the digits before and after the point of numbers, that are left
// to the server: those that its database can store.
const (
	firstYear     = 1753
	lastYear      = 9999
	pushedWhole   = 15
	pushedDecimal = 10
)

// literal writes a value, and refuses one that the server would not compare as is
// done here.
func (w *filterText) literal(a *crosswalk.Attribute, v operand) string {
	switch sourceKind(a) {
	case column.Int:
		return strconv.FormatInt(v.n, 10)
	case column.Decimal:
		n, _ := splitNumber([]byte(v.digits))
		w.refused = w.refused || n.point > pushedWhole || n.len()-n.point > pushedDecimal
		return v.digits
	case column.Bool:
		return strconv.FormatBool(v.n != 0)
	case column.Date:
		return w.time(time.Unix(v.n*86400, 0), dateLayout)
	case column.Time:
		return w.time(time.UnixMicro(v.n), timeLayout)
	case column.GUID:
		return string(crosswalk.GSID(v.id).AppendText36(nil))
	}
	if a.Type == crosswalk.AttributeMultiChoice {
		return strconv.FormatInt(v.n, 10)
	}
	// The server takes these characters for wildcards, in some comparisons or in
	// all; what it makes of an empty text is not documented.
	w.refused = w.refused || v.text == "" || strings.ContainsAny(v.text, "%_[]")
	return quote(v.text)
}

func (w *filterText) time(t time.Time, layout string) string {
	t = t.UTC()
	w.refused = w.refused || t.Year() < firstYear || t.Year() > lastYear
	return t.Format(layout)
}
