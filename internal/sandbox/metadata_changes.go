package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stampDays is how long a stamp of the metadata holds: the organization's
// expiresubscriptionsindays.
const stampDays = 90

const stampLayout = "01/02/2006 15:04:05"

// changesQuery is what the caller wants to know: an EntityQueryExpression.
type changesQuery struct {
	Properties     changesProperties
	Criteria       *changesCriteria
	AttributeQuery *struct {
		Properties changesProperties
		Criteria   *changesCriteria
	}
}

type changesProperties struct {
	AllProperties bool
	PropertyNames []string
}

// wants tells whether a property was asked for. The ids always are.
func (p changesProperties) wants(name string) bool {
	return p.AllProperties || name == "MetadataId" || name == "HasChanged" || slices.Contains(p.PropertyNames, name)
}

type changesCriteria struct {
	FilterOperator string
	Conditions     []changesCondition
	Filters        []changesCriteria
}

type changesCondition struct {
	PropertyName      string
	ConditionOperator string
	Value             struct{ Value any }
}

// keeps evaluates criteria on the properties of one definition.
func (c *changesCriteria) keeps(o object) bool {
	if c == nil {
		return true
	}
	or := c.FilterOperator == "Or"
	for i := range c.Conditions {
		if c.Conditions[i].keeps(o) == or {
			return or
		}
	}
	for i := range c.Filters {
		if c.Filters[i].keeps(o) == or {
			return or
		}
	}
	return !or || len(c.Conditions)+len(c.Filters) == 0
}

func (c *changesCondition) keeps(o object) bool {
	v := o.get(c.PropertyName)
	if m, ok := v.(object); ok && m.has("Value") {
		v = m.get("Value")
	}
	have := strings.Trim(string(appendJSON(nil, v)), `"`)
	given, ok := c.Value.Value.([]any)
	if !ok {
		given = []any{c.Value.Value}
	}
	want := make([]string, len(given))
	for i, g := range given {
		switch g := g.(type) {
		case nil:
			want[i] = "null"
		case float64:
			want[i] = strconv.FormatFloat(g, 'f', -1, 64)
		default:
			want[i] = fmt.Sprint(g)
		}
	}
	in := slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, have) })
	switch c.ConditionOperator {
	case "NotEquals", "NotIn":
		return !in
	case "GreaterThan", "LessThan":
		a, err1 := strconv.ParseFloat(have, 64)
		b, err2 := strconv.ParseFloat(strings.Join(want, ","), 64)
		return err1 == nil && err2 == nil && a != b && (a > b) == (c.ConditionOperator == "GreaterThan")
	}
	return in
}

// arguments reads the arguments of a function: name=value between commas,
// where a value may be an alias.
func (c *call) arguments() map[string]string {
	all := map[string]string{}
	for _, part := range splitQuotedBy(c.path[0].args) {
		name, v, _ := strings.Cut(part, "=")
		if v = strings.TrimSpace(v); strings.HasPrefix(v, "@") {
			v = c.query.Aliases[v]
		}
		all[strings.TrimSpace(name)] = v
	}
	return all
}

// splitQuotedBy cuts at commas outside of single quotes.
func splitQuotedBy(s string) []string {
	var parts []string
	start, quoted := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// metadataChanges answers with the definitions that changed since a stamp,
// or with all, and what was deleted since.
func (c *call) metadataChanges() error {
	args := c.arguments()
	var q changesQuery
	if text := args["Query"]; text != "" && text != "null" {
		if err := json.Unmarshal([]byte(text), &q); err != nil {
			return badRequest("The value of the parameter 'Query' is not an EntityQueryExpression.")
		}
	}
	since := int64(-1)
	if stamp := c.unquote(args["ClientVersionStamp"]); stamp != "" && stamp != "null" {
		var err error
		if since, err = c.stamp(stamp); err != nil {
			return err
		}
	}
	catalog := c.data.catalog
	list := []any{}
	for _, e := range catalog.entities {
		it := entityItem(e)
		if since >= 0 && e.version <= since || !q.Criteria.keeps(it.base) {
			continue
		}
		list = append(list, c.changed(e, it, &q, since))
	}
	o := object{
		{"ServerVersionStamp", strconv.FormatInt(catalog.version, 10) + "!" + c.s.now().UTC().Format(stampLayout)},
		{"EntityMetadata", list},
	}
	o = append(o, member{"DeletedMetadata", c.gone(args["DeletedMetadataFilters"], since)})
	return c.answer("Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse", o)
}

// stamp reads a stamp, which holds for so many days.
func (c *call) stamp(text string) (int64, error) {
	version, date, _ := strings.Cut(text, "!")
	n, err := strconv.ParseInt(version, 10, 64)
	at, err2 := time.Parse(stampLayout, date)
	if err != nil || err2 != nil {
		return 0, &fault{400, codeInvalidArgument, "The client version stamp '" + text + "' is not valid."}
	}
	if c.s.now().Sub(at) > stampDays*24*time.Hour || n > c.data.catalog.version {
		return 0, &fault{400, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync."}
	}
	return n, nil
}

// changed shows a table's definition: what was not asked for is null.
func (c *call) changed(e *entity, it item, q *changesQuery, since int64) object {
	o := object{{"@odata.type", "#Microsoft.Dynamics.CRM.ComplexEntityMetadata"}}
	for _, m := range it.base {
		if !q.Properties.wants(m.name) {
			m.value = nil
		}
		if m.name == "HasChanged" && since >= 0 {
			m.value = true
		}
		o = append(o, m)
	}
	for _, part := range definitionParts {
		if !q.Properties.wants(part) {
			o = append(o, member{part, []any{}})
			continue
		}
		list := []any{}
		for _, p := range definitionItems(e, part) {
			properties := changesProperties{AllProperties: true}
			if part == "Attributes" && q.AttributeQuery != nil {
				if properties = q.AttributeQuery.Properties; !q.AttributeQuery.Criteria.keeps(p.base) {
					continue
				}
			}
			list = append(list, complexItem(p, part, properties))
		}
		o = append(o, member{part, list})
	}
	return o
}

// complexItem shows what hangs on a table as a complex type.
func complexItem(it item, part string, properties changesProperties) object {
	kind := it.cast
	if kind == "" {
		kind = partType(part)
	}
	o := object{{"@odata.type", "#Microsoft.Dynamics.CRM.Complex" + kind}}
	for _, m := range append(slices.Clone(it.base), it.more...) {
		if !properties.wants(m.name) {
			m.value = nil
		}
		o = append(o, m)
	}
	if hasOptions(it.cast) {
		m := member{"OptionSet", nil}
		if properties.wants("OptionSet") {
			m.value = it.expand("OptionSet")
		}
		o = append(o, m)
	}
	return o
}

// gone lists the ids of what was deleted since a stamp, by kind, in the two
// lists side by side that .NET makes of a map.
func (c *call) gone(filters string, since int64) any {
	if since < 0 || filters == "" || filters == "null" {
		return nil
	}
	keys, values := []any{}, []any{}
	for _, kind := range []string{"Entity", "Attribute"} {
		if !strings.Contains(filters, kind) && !strings.Contains(filters, "Default") && !strings.Contains(filters, "All") {
			continue
		}
		ids := []any{}
		for _, d := range c.data.catalog.deleted {
			if d.kind == kind && d.version > since {
				ids = append(ids, d.id)
			}
		}
		if len(ids) > 0 {
			keys = append(keys, kind)
			values = append(values, object{{"Count", len(ids)}, {"IsReadOnly", false}, {"Items", ids}})
		}
	}
	return object{{"Count", len(keys)}, {"IsReadOnly", false}, {"Keys", keys}, {"Values", values}}
}
