package dataverse_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// definition is what the metadata server of the tests knows of a table:
// its own properties and its attributes, each with common properties, the
// name of its derived type and that type's properties.
type definition struct {
	properties map[string]any
	attributes []attribute
	lookups    []any // its many-to-one relationships
	keys       []any // its alternate keys
}

type attribute struct {
	cast    string // derived type; empty for the base type
	common  map[string]any
	derived map[string]any
}

// labelled is a label in one language, as the Web API has it.
func labelled(s string) map[string]any {
	one := map[string]any{"Label": s, "LanguageCode": 1033, "IsManaged": true, "MetadataId": someID, "HasChanged": nil}
	return map[string]any{"LocalizedLabels": []any{one}, "UserLocalizedLabel": one}
}

// unlabelled is a label that nobody entered.
func unlabelled() map[string]any {
	return map[string]any{"LocalizedLabels": []any{}, "UserLocalizedLabel": nil}
}

// attr makes an attribute that can be read. kind is its AttributeTypeName
// without "Type".
func attr(name, kind, cast string, derived map[string]any) attribute {
	old := kind // AttributeType, the older of the two names of a type
	switch kind {
	case "MultiSelectPicklist", "Image", "File", "Virtual":
		old = "Virtual"
	}
	return attribute{cast: cast, derived: derived, common: map[string]any{
		"LogicalName": name, "MetadataId": someID, "AttributeType": old, "AttributeTypeName": map[string]any{"Value": kind + "Type"},
		"AttributeOf": nil, "IsValidForRead": true, "IsValidODataAttribute": true, "IsSecured": false, "DisplayName": labelled("The " + name),
	}}
}

// with changes common properties of an attribute.
func (a attribute) with(pairs ...any) attribute {
	for i := 0; i < len(pairs); i += 2 {
		a.common[pairs[i].(string)] = pairs[i+1]
	}
	return a
}

// options is a set of options as it comes expanded.
func options(pairs ...any) map[string]any {
	list := []any{}
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, map[string]any{"Value": pairs[i], "Color": nil, "IsManaged": true, "Label": pairs[i+1], "Description": unlabelled()})
	}
	return map[string]any{"MetadataId": someID, "Options": list}
}

// metadata answers like the metadata part of the Web API. Above all it
// refuses what that refuses: a property of a derived type without a cast, an
// expanded property that was not asked for.
type metadata struct {
	tables map[string]definition
	asked  chan string
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.asked <- r.URL.Path
	w.Header().Set("Content-Type", jsonType)
	body, ok := m.answer(r.URL)
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		body = map[string]any{"error": map[string]any{"code": "0x80060888", "message": "Could not find a property named in " + r.RequestURI}}
	}
	if body == nil {
		w.WriteHeader(http.StatusNotFound)
		body = map[string]any{"error": map[string]any{"code": "0x80041102", "message": "The entity with a name = 'x' was not found in the MetadataCache."}}
	}
	_ = json.NewEncoder(w).Encode(body)
}

// answer returns a body, nil when there is no such table, and whether the
// query is allowed.
func (m *metadata) answer(u *url.URL) (any, bool) {
	path := strings.TrimPrefix(u.Path, "/api/data/v9.2/EntityDefinitions")
	fields := strings.Split(u.Query().Get("$select"), ",")
	if path == "" {
		list := []any{}
		for _, name := range []string{"zeta", "account", "task", "activitypointer", "join", "private", "logical", "system", "setless", "custom", "elastic", "bare"} {
			if d, ok := m.tables[name]; ok {
				row, ok := pick(d.properties, fields)
				if !ok {
					return nil, false
				}
				list = append(list, row)
			}
		}
		return map[string]any{"@odata.context": "x", "value": list}, true
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "(LogicalName='"), "')")
	d, ok := m.tables[name]
	if !ok {
		return nil, true
	}
	if rest == "" {
		return pick(d.properties, fields)
	}
	for part, items := range map[string][]any{"/ManyToOneRelationships": d.lookups, "/Keys": d.keys} {
		if rest != part {
			continue
		}
		list := []any{}
		for _, item := range items {
			row, ok := pick(item.(map[string]any), fields)
			if !ok {
				return nil, false
			}
			list = append(list, row)
		}
		return map[string]any{"@odata.context": "x", "value": list}, true
	}
	cast := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(rest, "/Attributes"), "/Microsoft.Dynamics.CRM."), "AttributeMetadata")
	list := []any{}
	for _, a := range d.attributes {
		if cast != "" && a.cast != cast {
			continue
		}
		properties := map[string]any{}
		for k, v := range a.common {
			properties[k] = v
		}
		expanded := strings.Split(u.Query().Get("$expand"), ",")
		if cast != "" {
			for k, v := range a.derived {
				if k != "OptionSet" && k != "GlobalOptionSet" {
					properties[k] = v
				}
			}
		}
		row, ok := pick(properties, fields)
		if !ok {
			return nil, false
		}
		for _, set := range []string{"OptionSet", "GlobalOptionSet"} {
			if slices.ContainsFunc(expanded, func(s string) bool { return strings.HasPrefix(s, set+"(") }) {
				row[set] = a.derived[set]
			}
		}
		if cast == "" && a.cast != "" {
			row["@odata.type"] = "#Microsoft.Dynamics.CRM." + a.cast + "AttributeMetadata"
		}
		list = append(list, row)
	}
	return map[string]any{"@odata.context": "x", "value": list}, true
}

// pick returns the selected properties, and false when one is unknown.
func pick(properties map[string]any, fields []string) (map[string]any, bool) {
	row := map[string]any{"MetadataId": someID} // always sent
	for _, f := range fields {
		v, ok := properties[f]
		if !ok {
			return nil, false
		}
		row[f] = v
	}
	return row, true
}
