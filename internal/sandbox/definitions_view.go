package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// item is one thing of the metadata: its own properties, those of its derived
// type, and how to make what $expand asks for.
type item struct {
	cast   string // derived type, "" when it is of the base type
	base   object
	more   object
	expand func(part string) any // an object, a list of items, or nil
}

// view shows items as a query asks for.
type view struct {
	typeName string   // declared type, for messages
	cast     string   // the type the address casts to, "" for none
	parts    []string // navigation properties that may be expanded
	query    *odata.Query
	nested   bool
}

// show returns the item with the properties the query selects. Those of a
// derived type come without being asked for, but can be asked for only when
// the address casts to the type.
func (v *view) show(it item) (object, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	var o object
	if it.cast != "" && v.cast == "" {
		o = append(o, member{"@odata.type", "#Microsoft.Dynamics.CRM." + it.cast})
	}
	if v.query.Select == nil {
		o = append(o, it.base...)
		o = append(o, it.more...)
	} else {
		for _, m := range it.base {
			if m.name == "MetadataId" || slices.Contains(v.query.Select, m.name) {
				o = append(o, m)
			}
		}
		for _, m := range it.more {
			if v.cast != "" && slices.Contains(v.query.Select, m.name) {
				o = append(o, m)
			}
		}
		for _, name := range v.query.Select {
			if !it.base.has(name) && (v.cast == "" || !it.more.has(name)) {
				return nil, noProperty(name, v.typeName)
			}
		}
	}
	for _, e := range v.query.Expand {
		part, err := v.expanded(it, e)
		if err != nil {
			return nil, err
		}
		o = append(o, member{e.Path[0], part})
	}
	return o, nil
}

// check refuses what is wrong with the query whatever the item.
func (v *view) check() error {
	for _, e := range v.query.Expand {
		if len(e.Path) != 1 || !slices.Contains(v.parts, e.Path[0]) {
			return noProperty(e.Path.String(), v.typeName)
		}
		if v.nested {
			return badRequest("Nested $expand of '%s' is not supported.", e.Path)
		}
	}
	return nil
}

func (v *view) expanded(it item, e odata.Expand) (any, error) {
	query := e.Query
	inner := &view{typeName: partType(e.Path[0]), query: &query, nested: true}
	if e.Path[0] == "Attributes" {
		inner.parts = []string{}
	}
	switch part := it.expand(e.Path[0]).(type) {
	case object:
		if part == nil {
			return nil, nil
		}
		return inner.show(item{base: part})
	case []item:
		list := []any{}
		for _, p := range part {
			ok, err := inner.keeps(p)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			o, err := inner.show(p)
			if err != nil {
				return nil, err
			}
			list = append(list, o)
		}
		return list, nil
	}
	return nil, nil
}

func partType(part string) string {
	switch part {
	case "Attributes":
		return "AttributeMetadata"
	case "ManyToOneRelationships", "OneToManyRelationships":
		return "OneToManyRelationshipMetadata"
	case "ManyToManyRelationships":
		return "ManyToManyRelationshipMetadata"
	case "Keys":
		return "EntityKeyMetadata"
	}
	return "OptionSetMetadata"
}

// projection returns what the context says of $select and $expand.
func (v *view) projection() string {
	list := slices.Clone(v.query.Select)
	for _, e := range v.query.Expand {
		list = append(list, e.Path.String()+"("+strings.Join(e.Query.Select, ",")+")")
	}
	if list == nil {
		return ""
	}
	return "(" + strings.Join(list, ",") + ")"
}

// keeps evaluates $filter on an item.
func (v *view) keeps(it item) (bool, error) {
	if v.query.Filter == nil {
		return true, nil
	}
	return v.holds(v.query.Filter, it)
}

func (v *view) holds(e odata.Expr, it item) (bool, error) {
	switch e := e.(type) {
	case *odata.Logical:
		left, err := v.holds(e.Left, it)
		if err != nil {
			return false, err
		}
		right, err := v.holds(e.Right, it)
		if e.Or {
			return left || right, err
		}
		return left && right, err
	case *odata.Not:
		is, err := v.holds(e.Expr, it)
		return !is, err
	case *odata.Comparison:
		return v.compares(e, it)
	case *odata.TextCall:
		p, ok := e.Of.(odata.Path)
		l, ok2 := e.Text.(odata.Literal)
		if !ok || !ok2 {
			return false, badRequest("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
		}
		found, err := v.lookUp(p, it)
		s, _ := found.(string)
		switch e.Name {
		case "contains":
			return strings.Contains(s, l.Text), err
		case "startswith":
			return strings.HasPrefix(s, l.Text), err
		}
		return strings.HasSuffix(s, l.Text), err
	}
	return false, badRequest("The filter is not supported on metadata.")
}

// lookUp returns the property that a path names.
func (v *view) lookUp(p odata.Path, it item) (any, error) {
	all := it.base
	if v.cast != "" {
		all = append(slices.Clone(it.base), it.more...)
	}
	if !all.has(p[0]) {
		return nil, noProperty(p[0], v.typeName)
	}
	found := all.get(p[0])
	if o, ok := found.(object); ok && o.has("LocalizedLabels") {
		return nil, badRequest("Labels cannot be filtered.")
	}
	for _, name := range p[1:] {
		o, ok := found.(object)
		if !ok {
			return nil, nil
		}
		if !o.has(name) {
			return nil, noProperty(name, v.typeName)
		}
		found = o.get(name)
	}
	return found, nil
}

// enumerations are the properties whose values are members of a type; a
// filter must say of which.
var enumerations = map[string]string{
	"AttributeType": "AttributeTypeCode", "OwnershipType": "OwnershipTypes", "RequiredLevel": "AttributeRequiredLevel",
	"OptionSetType": "OptionSetType", "RelationshipType": "RelationshipType", "EntityKeyIndexStatus": "EntityKeyIndexStatus",
	"SecurityTypes": "SecurityTypes",
}

// propertyType returns the type of a property by its value, "" where that is
// null and may be of any.
func propertyType(v any) string {
	switch v := v.(type) {
	case string:
		if _, ok := parseGUID(v); ok {
			return "Edm.Guid"
		}
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return "Edm.DateTimeOffset"
		}
		return "Edm.String"
	case guid:
		return "Edm.Guid"
	case bool:
		return "Edm.Boolean"
	case json.Number, int, int64:
		return "Edm.Int32"
	}
	return ""
}

func (v *view) compares(e *odata.Comparison, it item) (bool, error) {
	p, ok := e.Left.(odata.Path)
	l, ok2 := e.Right.(odata.Literal)
	if !ok || !ok2 {
		return false, badRequest("The filter is not supported on metadata.")
	}
	found, err := v.lookUp(p, it)
	if err != nil {
		return false, err
	}
	if enum := enumerations[p[0]]; enum != "" && l.Kind != odata.NullLiteral {
		if l.Kind != odata.EnumLiteral || l.Type != "Microsoft.Dynamics.CRM."+enum {
			return false, incompatible("Microsoft.Dynamics.CRM."+enum, literalType(l), e.Op)
		}
	} else if kind := propertyType(found); kind != "" && l.Kind != odata.NullLiteral && kind != literalType(l) {
		return false, incompatible(kind, literalType(l), e.Op)
	}
	text := ""
	switch f := found.(type) {
	case string:
		text = f
	case guid:
		text = f.String()
	case bool:
		text = "false"
		if f {
			text = "true"
		}
	case json.Number:
		text = f.String()
	}
	switch e.Op {
	case odata.Eq, odata.Ne:
		same := found != nil && l.Kind != odata.NullLiteral && strings.EqualFold(text, l.Text) || found == nil && l.Kind == odata.NullLiteral
		return same == (e.Op == odata.Eq), nil
	}
	n, err1 := json.Number(text).Float64()
	m, err2 := json.Number(l.Text).Float64()
	if err1 != nil || err2 != nil {
		return false, nil
	}
	switch e.Op {
	case odata.Gt:
		return n > m, nil
	case odata.Ge:
		return n >= m, nil
	case odata.Lt:
		return n < m, nil
	}
	return n <= m, nil
}
