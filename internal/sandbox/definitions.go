package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// The collections that hang on an entity's definition.
var definitionParts = []string{"Attributes", "ManyToOneRelationships", "OneToManyRelationships", "ManyToManyRelationships", "Keys"}

// definitions answers for EntityDefinitions and all below it. Metadata is
// never paged, ordered or counted.
func (c *call) definitions() error {
	if err := c.plainDefinitions(); err != nil {
		return err
	}
	first := c.path[0]
	if !first.called {
		if len(c.path) > 1 {
			return noSegment(c.path[1].name)
		}
		return c.entityList()
	}
	e, err := c.findEntity(first.args)
	if err != nil {
		return err
	}
	if len(c.path) == 1 {
		return c.oneDefinition(e)
	}
	context := "EntityDefinitions('" + e.name + "')/"
	switch part := c.path[1].name; part {
	case "Attributes":
		return c.attributes(e, context)
	case "ManyToOneRelationships", "OneToManyRelationships", "ManyToManyRelationships", "Keys":
		if len(c.path) > 2 {
			return noSegment(c.path[2].name)
		}
		v := &view{typeName: partType(part), query: c.query}
		if !c.path[1].called {
			return c.collection(v, context+part, definitionItems(e, part))
		}
		name := "SchemaName"
		if part == "Keys" {
			name = "LogicalName"
		}
		it, err := c.pick(definitionItems(e, part), c.path[1].args, name)
		if err != nil {
			return err
		}
		return c.single(v, context+part, it)
	default:
		return c.definitionProperty(entityItem(e).base, context, c.path[1:])
	}
}

// plainDefinitions refuses the options that metadata does not know.
func (c *call) plainDefinitions() error {
	for _, o := range c.query.Raw {
		switch o.Name {
		case "$top", "$orderby", "$count", "$apply", "$skiptoken", "$deltatoken":
			return badRequest("The query parameter '%s' is not supported.", o.Name)
		}
	}
	return nil
}

// definitionProperty answers with one property of a definition.
func (c *call) definitionProperty(of object, context string, rest []segment) error {
	name := rest[0].name
	if len(rest) > 1 || rest[0].called || !of.has(name) {
		return noSegment(rest[len(rest)-1].name)
	}
	switch v := of.get(name).(type) {
	case nil:
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	case object:
		return c.answer(context+name, v)
	default:
		return c.answer(context+name, object{{"value", v}})
	}
}

// findEntity reads LogicalName='account' or a MetadataId.
func (c *call) findEntity(key string) (*entity, error) {
	if name, ok := strings.CutPrefix(key, "LogicalName="); ok {
		name = c.unquote(name)
		if e := c.data.catalog.byName[name]; e != nil {
			return e, nil
		}
		return nil, noEntity(name, http.StatusNotFound)
	}
	id, ok := parseGUID(strings.TrimPrefix(key, "MetadataId="))
	if !ok {
		return nil, badRequest("Bad Request - Error in query syntax.")
	}
	for _, e := range c.data.catalog.entities {
		if e.id == id {
			return e, nil
		}
	}
	return nil, noEntity(id.String(), http.StatusNotFound)
}

// unquote reads 'text' or an alias of one.
func (c *call) unquote(s string) string {
	if strings.HasPrefix(s, "@") {
		s = c.query.Aliases[s]
	}
	return strings.ReplaceAll(strings.Trim(s, "'"), "''", "'")
}

func (c *call) entityList() error {
	v := &view{typeName: "EntityMetadata", parts: definitionParts, query: c.query}
	items := make([]item, len(c.data.catalog.entities))
	for i, e := range c.data.catalog.entities {
		items[i] = entityItem(e)
	}
	return c.collection(v, "EntityDefinitions", items)
}

func (c *call) oneDefinition(e *entity) error {
	v := &view{typeName: "EntityMetadata", parts: definitionParts, query: c.query}
	return c.single(v, "EntityDefinitions", entityItem(e))
}

// attributes answers for Attributes, Attributes(key), both maybe with one
// cast after it.
func (c *call) attributes(e *entity, context string) error {
	context += "Attributes"
	v := &view{typeName: "AttributeMetadata", query: c.query}
	rest := c.path[2:]
	if len(rest) > 0 && strings.HasPrefix(rest[0].name, "Microsoft.Dynamics.CRM.") {
		cast := strings.TrimPrefix(rest[0].name, "Microsoft.Dynamics.CRM.")
		if derived[cast] == nil {
			return noSegment(rest[0].name)
		}
		v.typeName, v.cast = cast, cast
		if hasOptions(cast) {
			v.parts = []string{"OptionSet", "GlobalOptionSet"}
		}
		context += "/" + rest[0].name
		rest = rest[1:]
	}
	if c.path[1].called {
		a, err := c.findAttribute(e, c.path[1].args)
		if err != nil {
			return err
		}
		if v.cast != "" && a.cast != v.cast {
			return noSegment("Microsoft.Dynamics.CRM." + v.cast)
		}
		if len(rest) == 1 && v.parts != nil && (rest[0].name == "OptionSet" || rest[0].name == "GlobalOptionSet") {
			return c.optionSet(a, context+"/"+rest[0].name, rest[0].name)
		}
		if it := attributeItem(e, a); len(rest) > 0 {
			all := it.base
			if v.cast != "" {
				all = append(slices.Clone(all), it.more...)
			}
			return c.definitionProperty(all, "EntityDefinitions('"+e.name+"')/Attributes('"+a.name+"')/", rest)
		}
		return c.single(v, context, attributeItem(e, a))
	}
	if len(rest) > 0 {
		return noSegment(rest[0].name)
	}
	var items []item
	for a := range e.described() {
		if v.cast == "" || a.cast == v.cast {
			items = append(items, attributeItem(e, a))
		}
	}
	return c.collection(v, context, items)
}

func hasOptions(cast string) bool {
	switch cast {
	case "PicklistAttributeMetadata", "MultiSelectPicklistAttributeMetadata", "StateAttributeMetadata", "StatusAttributeMetadata",
		"BooleanAttributeMetadata":
		return true
	}
	return false
}

func (c *call) findAttribute(e *entity, key string) (*attribute, error) {
	if name, ok := strings.CutPrefix(key, "LogicalName="); ok {
		name = c.unquote(name)
		if a := e.byName[name]; a != nil && !a.untold {
			return a, nil
		}
		return nil, &fault{http.StatusNotFound, codeAttributeNotFound, "'" + e.name + "' entity doesn't contain attribute with Name = '" + name + "' and NameMapping = 'Logical'."}
	}
	id, ok := parseGUID(strings.TrimPrefix(key, "MetadataId="))
	if !ok {
		return nil, badRequest("Bad Request - Error in query syntax.")
	}
	for a := range e.described() {
		if a.id == id {
			return a, nil
		}
	}
	return nil, &fault{http.StatusNotFound, codeAttributeNotFound, "'" + e.name + "' entity doesn't contain attribute with MetadataId = '" + id.String() + "'."}
}

// optionSet answers with the options of one attribute alone.
func (c *call) optionSet(a *attribute, context, part string) error {
	set := optionSetObject(a)
	global := a.raw.object("OptionSet").bool("IsGlobal")
	if set == nil || part == "GlobalOptionSet" && !global {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	v := &view{typeName: optionSetType(a), query: c.query}
	return c.single(v, context, item{base: set})
}

// globalOptionSets answers with the option sets that attributes share.
func (c *call) globalOptionSets() error {
	var items []item
	seen := map[string]bool{}
	for _, e := range c.data.catalog.entities {
		for a := range e.described() {
			raw := a.raw.object("OptionSet")
			if name := raw.text("Name"); raw.bool("IsGlobal") && !seen[name] {
				seen[name] = true
				items = append(items, item{base: optionSetObject(a)})
			}
		}
	}
	if c.query.Filter != nil {
		return badRequest("The query parameter '$filter' is not supported.")
	}
	v := &view{typeName: "OptionSetMetadata", query: c.query}
	first := c.path[0]
	if !first.called {
		return c.collection(v, "GlobalOptionSetDefinitions", items)
	}
	name, named := strings.CutPrefix(first.args, "Name=")
	if len(c.path) > 1 {
		cast, ok := strings.CutPrefix(c.path[1].name, "Microsoft.Dynamics.CRM.")
		if !ok || cast != "OptionSetMetadata" && cast != "BooleanOptionSetMetadata" || len(c.path) > 2 {
			return noSegment(c.path[len(c.path)-1].name)
		}
	}
	for _, it := range items {
		if named && it.base.text("Name") == c.unquote(name) || !named && it.base.get("MetadataId").(guid).String() == strings.ToLower(first.args) {
			return c.single(v, "GlobalOptionSetDefinitions", it)
		}
	}
	return &fault{http.StatusNotFound, codeNotFound, "Could not find optionset with optionsetid " + first.args + "."}
}

// collection answers with the items that the query chooses.
func (c *call) collection(v *view, context string, items []item) error {
	list := []any{}
	for _, it := range items {
		ok, err := v.keeps(it)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		o, err := v.show(it)
		if err != nil {
			return err
		}
		list = append(list, o)
	}
	if len(list) == 0 { // the query is wrong whether or not there is anything
		if err := v.check(); err != nil {
			return err
		}
	}
	return c.answer(context+v.projection(), object{{"value", list}})
}

func (c *call) single(v *view, context string, it item) error {
	if c.query.Filter != nil {
		return badRequest("The query parameter '$filter' is not supported for a single item.")
	}
	o, err := v.show(it)
	if err != nil {
		return err
	}
	return c.answer(context+v.projection()+"/$entity", o)
}
