package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// The derived types of relationships.
const (
	oneToMany  = "OneToManyRelationshipMetadata"
	manyToMany = "ManyToManyRelationshipMetadata"
)

// relationshipItem makes a relationship of what the raw metadata says.
func relationshipItem(r object, kind string) item {
	custom := r.bool("IsCustomRelationship")
	base := object{
		{"IsCustomRelationship", custom},
		{"IsValidForAdvancedFind", true},
		orNull(r, "SchemaName"),
		{"SecurityTypes", "Append"},
		{"IsManaged", !custom},
		{"RelationshipType", strings.TrimSuffix(kind, "Metadata")},
		{"IntroducedVersion", "5.0.0.0"},
		orNull(r, "MetadataId"),
		{"HasChanged", nil},
		{"IsCustomizable", managed(true, "iscustomizable")},
	}
	if kind == manyToMany {
		return item{cast: kind, base: base, more: object{
			orNull(r, "Entity1LogicalName"),
			orNull(r, "Entity2LogicalName"),
			orNull(r, "IntersectEntityName"),
			orNull(r, "Entity1IntersectAttribute"),
			orNull(r, "Entity2IntersectAttribute"),
			orNull(r, "Entity1NavigationPropertyName"),
			orNull(r, "Entity2NavigationPropertyName"),
			{"Entity1AssociatedMenuConfiguration", menu()},
			{"Entity2AssociatedMenuConfiguration", menu()},
		}}
	}
	return item{cast: kind, base: base, more: object{
		orNull(r, "ReferencedAttribute"),
		orNull(r, "ReferencedEntity"),
		orNull(r, "ReferencingAttribute"),
		orNull(r, "ReferencingEntity"),
		{"IsHierarchical", r.bool("IsHierarchical")},
		{"EntityKey", nil},
		{"IsRelationshipAttributeDenormalized", false},
		orNull(r, "ReferencedEntityNavigationPropertyName"),
		orNull(r, "ReferencingEntityNavigationPropertyName"),
		{"RelationshipBehavior", 1},
		{"IsDenormalizedLookup", false},
		{"DenormalizedAttributeName", nil},
		{"AssociatedMenuConfiguration", menu()},
		{"CascadeConfiguration", object{
			{"Assign", "NoCascade"},
			{"Delete", "RemoveLink"},
			{"Archive", "RemoveLink"},
			{"Merge", "NoCascade"},
			{"Reparent", "NoCascade"},
			{"Share", "NoCascade"},
			{"Unshare", "NoCascade"},
			{"RollupView", "NoCascade"},
		}},
		{"RelationshipAttributes", []any{}},
	}}
}

func menu() object {
	return object{
		{"Behavior", "UseCollectionName"},
		{"Group", "Details"},
		{"Order", nil},
		{"IsCustomizable", true},
		{"Icon", nil},
		{"ViewId", "00000000-0000-0000-0000-000000000000"},
		{"AvailableOffline", true},
		{"MenuId", nil},
		{"QueryApi", nil},
		{"Label", object{{"LocalizedLabels", []any{}}, {"UserLocalizedLabel", nil}}},
	}
}

// keyItem makes an alternate key.
func keyItem(e *entity, r object) item {
	id, _ := parseGUID(r.text("MetadataId"))
	name := r.text("DisplayName")
	if name == "" {
		name = r.text("SchemaName")
	}
	return item{base: object{
		{"IsSynchronous", false},
		{"IsExportKey", false},
		{"IsSecondaryKey", false},
		orNull(r, "KeyAttributes"),
		orNull(r, "LogicalName"),
		orNull(r, "SchemaName"),
		{"EntityLogicalName", e.name},
		{"IntroducedVersion", "1.0"},
		{"EntityKeyIndexStatus", "Active"},
		{"AsyncJob", nil},
		{"IsManaged", false},
		{"MetadataId", id},
		{"HasChanged", nil},
		{"DisplayName", label(name, id)},
		{"IsCustomizable", managed(true, "iscustomizable")},
	}}
}

// relationships answers for RelationshipDefinitions: all of one kind or of
// both, or one by its id or name.
func (c *call) relationships() error {
	if err := c.plainDefinitions(); err != nil {
		return err
	}
	v := &view{typeName: "RelationshipMetadataBase", query: c.query}
	context, rest := "RelationshipDefinitions", c.path[1:]
	if len(rest) > 0 {
		v.cast = strings.TrimPrefix(rest[0].name, "Microsoft.Dynamics.CRM.")
		if v.cast != oneToMany && v.cast != manyToMany || len(rest) > 1 {
			return noSegment(rest[len(rest)-1].name)
		}
		v.typeName = v.cast
		context += "/" + rest[0].name
	}
	items := c.allRelationships(v.cast)
	key := c.path[0]
	if len(rest) > 0 && rest[0].called {
		key = rest[0]
	}
	if !key.called {
		return c.collection(v, context, items)
	}
	it, err := c.pick(items, key.args, "SchemaName")
	if err != nil {
		return err
	}
	return c.single(v, context, it)
}

// allRelationships returns each relationship once, in the order of names.
func (c *call) allRelationships(kind string) []item {
	seen := map[string]bool{}
	var items []item
	for _, e := range c.data.catalog.entities {
		for _, part := range definitionParts[1:4] {
			of := oneToMany
			if part == "ManyToManyRelationships" {
				of = manyToMany
			}
			if kind != "" && kind != of {
				continue
			}
			for _, v := range e.raw.list(part) {
				if r := v.(object); !seen[r.text("SchemaName")] {
					seen[r.text("SchemaName")] = true
					items = append(items, relationshipItem(r, of))
				}
			}
		}
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.base.text("SchemaName"), b.base.text("SchemaName")) })
	return items
}

// pick returns the item with an id, or with a name when that is a key.
func (c *call) pick(items []item, key, name string) (item, error) {
	wanted, named := strings.CutPrefix(key, name+"=")
	if named {
		wanted = c.unquote(wanted)
	} else {
		wanted = strings.TrimPrefix(wanted, "MetadataId=")
		if _, ok := parseGUID(wanted); !ok {
			return item{}, badRequest("Bad Request - Error in query syntax.")
		}
	}
	for _, it := range items {
		text := ""
		switch id := it.base.get("MetadataId").(type) {
		case guid:
			text = id.String()
		case string:
			text = id
		}
		if named {
			text = it.base.text(name)
		}
		if strings.EqualFold(text, wanted) {
			return it, nil
		}
	}
	return item{}, &fault{http.StatusNotFound, codeNotFound, "Could not find a metadata item with the key " + key + "."}
}
