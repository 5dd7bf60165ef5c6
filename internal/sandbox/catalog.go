package sandbox

import (
	"embed"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed metadata/*.json
var metadataFiles embed.FS

// catalog is the metadata of all tables. The one that is loaded does not
// change; each sandbox has a copy of its own (see metadata_edit.go).
type catalog struct {
	entities []*entity // sorted by logical name
	byName   map[string]*entity
	bySet    map[string]*entity
	version  int64               // rises with every change of metadata
	deleted  []deletedDefinition // oldest first

	at     time.Time // of the change that made it
	before *catalog  // as it was until then; nil for the first and where that is long ago
}

// entity is one table: the facts the sandbox itself needs, and raw, from
// which EntityDefinitions answers.
type entity struct {
	name        string // logical name
	schemaName  string
	set         string
	version     int64 // metadata version of its last change, 0 for none
	id          guid
	typeCode    int64
	key         *attribute
	primaryName *attribute // nil for tables whose rows have no name
	principal   bool       // systemuser and team inherit the key ownerid
	base        string     // the type it inherits from: crmbaseentity, principal or activitypointer
	attributes  []*attribute
	byName      map[string]*attribute // by logical name
	byMember    map[string]*attribute // readable ones by the member of a row: _ownerid_value
	navigation  map[string]string     // attribute/target to the name of the navigation property
	raw         object
}

// attribute is one column.
type attribute struct {
	name      string // logical name
	member    string // name in rows
	id        guid
	typeName  string // AttributeTypeName: StringType, MoneyType, ...
	cast      string // derived type without its prefix, "" for the base type
	of        string // AttributeOf
	index     int    // in entity.attributes
	readable  bool
	inherited bool // declared by activitypointer
	untold    bool // inherited by the OData type; the table's metadata do not have it
	maximum   int  // MaxLength
	format    string
	behavior  string
	targets   []string
	options   []option
	low       int64
	high      int64
	raw       object
}

type option struct {
	value int64
	label string
	state int64 // of a status
}

func (a *attribute) lookup() bool {
	return a.typeName == "LookupType" || a.typeName == "CustomerType" || a.typeName == "OwnerType"
}

// label returns the label of a choice.
func (a *attribute) label(value int64) string {
	for i := range a.options {
		if a.options[i].value == value {
			return a.options[i].label
		}
	}
	return ""
}

// notColumns are the types whose attributes are not columns of rows.
var notColumns = []string{"PartyListType", "CalendarRulesType", "ManagedPropertyType", "VirtualType"}

// loadCatalog parses the embedded metadata, once a process.
var loadCatalog = sync.OnceValues(func() (*catalog, error) {
	files, err := metadataFiles.ReadDir("metadata")
	if err != nil {
		return nil, err
	}
	raws := make([]object, len(files))
	var inherited object // activitypointer
	for i, f := range files {
		text, err := metadataFiles.ReadFile(path.Join("metadata", f.Name()))
		if err != nil {
			return nil, err
		}
		if raws[i], err = parseObject(text); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if f.Name() == "activitypointer.json" {
			inherited = raws[i]
		}
	}
	pointer, err := newEntity(inherited, nil)
	if err != nil {
		return nil, fmt.Errorf("activitypointer: %w", err)
	}
	c := &catalog{byName: map[string]*entity{}, bySet: map[string]*entity{}, version: firstMetadataVersion}
	for i, f := range files {
		e, err := newEntity(raws[i], pointer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		c.entities = append(c.entities, e)
		c.byName[e.name] = e
		c.bySet[e.set] = e
	}
	if err := c.addIntersects(); err != nil {
		return nil, err
	}
	slices.SortFunc(c.entities, func(a, b *entity) int { return strings.Compare(a.name, b.name) })
	return c, nil
})

// newEntity reads the metadata of one table. An activity's columns that
// pointer declares are readable though its own type does not declare them.
func newEntity(raw object, pointer *entity) (*entity, error) {
	e := &entity{
		name:       raw.text("LogicalName"),
		schemaName: raw.text("SchemaName"),
		set:        raw.text("EntitySetName"),
		typeCode:   raw.int("ObjectTypeCode"),
		byName:     map[string]*attribute{},
		byMember:   map[string]*attribute{},
		navigation: map[string]string{},
		raw:        raw,
	}
	e.base = "crmbaseentity"
	switch {
	case e.name == "systemuser" || e.name == "team":
		e.principal, e.base = true, "principal"
	case raw.bool("IsActivity") && pointer != nil:
		e.base = pointer.name
	}
	var ok bool
	if e.id, ok = parseGUID(raw.text("MetadataId")); !ok {
		return nil, fmt.Errorf("MetadataId of %q is not a GUID", e.name)
	}
	for _, v := range raw.list("Attributes") {
		a, err := newAttribute(v.(object))
		if err != nil {
			return nil, err
		}
		if e.base == "activitypointer" {
			if of := pointer.byName[a.name]; of != nil && of.readable && raw.bool("IsActivity") {
				a.readable, a.inherited = true, true
			}
		}
		a.index = len(e.attributes)
		e.attributes = append(e.attributes, a)
		e.byName[a.name] = a
		if a.readable {
			e.byMember[a.member] = a
		}
	}
	e.inherit(pointer)
	for _, v := range raw.list("ManyToOneRelationships") {
		r := v.(object)
		e.navigation[r.text("ReferencingAttribute")+"/"+r.text("ReferencedEntity")] = r.text("ReferencingEntityNavigationPropertyName")
	}
	e.key = e.byName[raw.text("PrimaryIdAttribute")]
	e.primaryName = e.byName[raw.text("PrimaryNameAttribute")]
	if e.key == nil {
		return nil, fmt.Errorf("%s lacks its key", e.name)
	}
	return e, nil
}

// inherit adds what the OData type has from the one above it though the
// metadata of the table do not tell: the key of a team as an owner, and some
// columns of activities.
func (e *entity) inherit(pointer *entity) {
	add := func(a attribute) {
		if e.byName[a.name] != nil {
			return
		}
		a.id, a.index = nameGUID("attribute", e.name, a.name), len(e.attributes)
		a.readable, a.inherited, a.untold = true, true, true
		e.attributes = append(e.attributes, &a)
		e.byName[a.name], e.byMember[a.member] = &a, &a
	}
	switch e.base {
	case "principal":
		add(attribute{name: "ownerid", member: "ownerid", typeName: "UniqueidentifierType"})
	case "activitypointer":
		for _, a := range pointer.attributes {
			if a.readable {
				add(*a)
			}
		}
	}
}

// described returns the attributes that the table's metadata tell of.
func (e *entity) described() iter.Seq[*attribute] {
	return func(yield func(*attribute) bool) {
		for _, a := range e.attributes {
			if !a.untold && !yield(a) {
				return
			}
		}
	}
}

func newAttribute(raw object) (*attribute, error) {
	a := &attribute{
		name:     raw.text("LogicalName"),
		typeName: raw.text("AttributeTypeName"),
		cast:     raw.text("@type"),
		of:       raw.text("AttributeOf"),
		maximum:  int(raw.int("MaxLength")),
		format:   raw.text("Format"),
		behavior: raw.text("DateTimeBehavior"),
		low:      raw.int("MinValue"),
		high:     raw.int("MaxValue"),
		raw:      raw,
	}
	var ok bool
	if a.id, ok = parseGUID(raw.text("MetadataId")); !ok {
		return nil, fmt.Errorf("MetadataId of %q is not a GUID", a.name)
	}
	// The rule of plain tables; newEntity adds what activities inherit.
	a.readable = raw.bool("IsValidForRead") && raw.bool("IsValidODataAttribute") && !slices.Contains(notColumns, a.typeName)
	a.member = a.name
	if a.lookup() {
		a.member = "_" + a.name + "_value"
	}
	for _, t := range raw.list("Targets") {
		a.targets = append(a.targets, t.(string))
	}
	set := raw.object("OptionSet")
	for _, v := range set.list("Options") {
		o := v.(object)
		a.options = append(a.options, option{o.int("Value"), o.text("Label"), o.int("State")})
	}
	for i, name := range []string{"FalseOption", "TrueOption"} {
		if o := set.object(name); o != nil {
			a.options = append(a.options, option{value: int64(i), label: o.text("Label")})
		}
	}
	return a, nil
}

// navigationTo returns the name of the navigation property through which a
// lookup points to a table. The owner's is always the attribute's own.
func (e *entity) navigationTo(a *attribute, target string) string {
	if a.typeName == "OwnerType" {
		return a.name
	}
	if nav := e.navigation[a.name+"/"+target]; nav != "" {
		return nav
	}
	return a.name
}
