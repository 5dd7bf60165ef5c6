package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstMetadataVersion is the metadata version of a new organization.
const firstMetadataVersion = 6012567

// deletedDefinition is what was removed from the metadata.
type deletedDefinition struct {
	version int64
	kind    string // Entity or Attribute
	id      guid
}

// Column describes a column that is added to a table.
type Column struct {
	Name        string // logical name, for example new_segment
	DisplayName string // label; empty means the name
	Type        string // AttributeTypeName: StringType, MemoType, IntegerType, BigIntType, DecimalType, DoubleType, MoneyType, BooleanType, DateTimeType, LookupType, PicklistType, MultiSelectPicklistType
	MaxLength   int    // of texts; 0 means 100
	Precision   int    // of numbers with decimals; 0 means 2
	Behavior    string // of dates: UserLocal, DateOnly or TimeZoneIndependent; empty means UserLocal
	Targets     []string
	Options     []string // labels of a choice; their values count from 100000000
	Secured     bool     // read only by who is allowed to (IsSecured)
}

// firstOption is the value of the first option of a choice that somebody
// made.
const firstOption = 100_000_000

var columnName = regexp.MustCompile(`^[a-z][a-z0-9]*_[a-z0-9_]+$`)

// casts names the derived type of attribute for each type that can be added.
var casts = map[string]string{
	"StringType": "String", "MemoType": "Memo", "IntegerType": "Integer", "BigIntType": "BigInt", "DecimalType": "Decimal", "DoubleType": "Double",
	"MoneyType": "Money", "BooleanType": "Boolean", "DateTimeType": "DateTime", "LookupType": "Lookup", "PicklistType": "Picklist",
	"MultiSelectPicklistType": "MultiSelectPicklist",
}

// MetadataVersion returns the version that answers show as
// globalmetadataversion.
func (s *Sandbox) MetadataVersion() int64 { return s.snapshot().catalog.version }

// AddColumn adds a column to a table, as a customizer does while the
// organization is in use: null in all rows, and the metadata version rises.
// It fails when there is no such table, when the name has no prefix or is
// taken, or when the type is unknown.
func (s *Sandbox) AddColumn(table string, col Column) error {
	return s.define(table, func(e *entity, t *tableChange) error {
		switch {
		case e.byName[col.Name] != nil:
			return fmt.Errorf("sandbox: %s has a column %s already", table, col.Name)
		case !columnName.MatchString(col.Name):
			return fmt.Errorf("sandbox: the name %q of a column needs a publisher's prefix, such as new_segment", col.Name)
		case casts[col.Type] == "":
			return fmt.Errorf("sandbox: columns of type %q cannot be added", col.Type)
		case col.Type == "LookupType" && len(col.Targets) == 0:
			return fmt.Errorf("sandbox: the lookup %s needs a target", col.Name)
		}
		a, err := newAttribute(col.raw(e))
		if err != nil {
			return err
		}
		e.attributes = append(slices.Clip(e.attributes), a)
		t.add(e, a)
		if col.Type == "LookupType" {
			list := slices.Clone(e.raw.list("ManyToOneRelationships"))
			for _, target := range col.Targets {
				list = append(list, lookupRelationship(e, col, target))
			}
			e.raw = e.raw.with("ManyToOneRelationships", list)
		}
		return nil
	})
}

// RemoveColumn removes a column from a table, with its values. It fails when
// there is no such column, or when the table needs it.
func (s *Sandbox) RemoveColumn(table, column string) error {
	return s.define(table, func(e *entity, t *tableChange) error {
		if err := e.canLose(column); err != nil {
			return err
		}
		a := e.byName[column]
		e.attributes = slices.DeleteFunc(slices.Clone(e.attributes), func(b *attribute) bool { return b == a || b.of == column })
		t.deleted("Attribute", a.id)
		return nil
	})
}

// fixed lists the tables that webhooks need as they are.
var fixed = []string{"serviceendpoint", "sdkmessage", "sdkmessagefilter", "sdkmessageprocessingstep", "asyncoperation"}

// canLose says why a column cannot be removed.
func (e *entity) canLose(column string) error {
	a := e.byName[column]
	switch {
	case a == nil:
		return fmt.Errorf("sandbox: %s has no column %s", e.name, column)
	case a == e.key || a == e.primaryName || e.raw.bool("IsIntersect") || slices.Contains(fixed, e.name) || slices.Contains([]string{"ownerid", "statecode", "statuscode", "owningbusinessunit", "businessunitid", "partitionid"}, column):
		return fmt.Errorf("sandbox: %s cannot be without its column %s", e.name, column)
	}
	return nil
}

// AddOption adds an option to a choice and returns its value.
func (s *Sandbox) AddOption(table, column, label string) (value int64, err error) {
	err = s.define(table, func(e *entity, t *tableChange) error {
		a := e.byName[column]
		if a == nil || a.typeName != "PicklistType" && a.typeName != "MultiSelectPicklistType" {
			return fmt.Errorf("sandbox: %s has no choice %s", table, column)
		}
		value = firstOption
		for _, o := range a.options {
			value = max(value, o.value+1)
		}
		b := *a
		b.options = append(slices.Clip(a.options), option{value: value, label: label})
		set := a.raw.object("OptionSet")
		options := append(slices.Clone(set.list("Options")), object{{"Value", json.Number(strconv.FormatInt(value, 10))}, {"Label", label}})
		b.raw = a.raw.with("OptionSet", set.with("Options", options))
		e.replace(a, &b)
		return nil
	})
	return value, err
}

// needed lists the tables that no organization is without.
var needed = []string{"systemuser", "team", "businessunit", "transactioncurrency", "activitypointer", "appointment", "email", "phonecall", "task"}

// RemoveTable removes a table with all its rows: its entity set is then an
// unknown segment. It fails when there is no such table, or when every
// organization has it.
func (s *Sandbox) RemoveTable(name string) error {
	return s.update(func(tx *transaction) error {
		if err := tx.data.canLose(name); err != nil {
			return err
		}
		e := tx.data.catalog.byName[name]
		c := tx.data.catalog.clone(tx.s.now())
		c.entities = slices.DeleteFunc(c.entities, func(f *entity) bool { return f == e })
		delete(c.byName, name)
		delete(c.bySet, e.set)
		delete(tx.data.tables, name)
		c.deleted = append(c.deleted, deletedDefinition{c.version, "Entity", e.id})
		tx.data.catalog = c
		tx.data.clock++
		return nil
	})
}

// canLose says why a table cannot be removed.
func (d *dataset) canLose(table string) error {
	switch {
	case slices.Contains(needed, table):
		return fmt.Errorf("sandbox: no organization is without the table %s", table)
	case d.catalog.byName[table] == nil:
		return fmt.Errorf("sandbox: there is no table %s", table)
	}
	return nil
}

// Publish raises the metadata version without a change, as publishing does.
func (s *Sandbox) Publish() {
	_ = s.update(func(tx *transaction) error { // does not fail
		tx.data.catalog = tx.data.catalog.clone(tx.s.now())
		return nil
	})
}

// clone returns a copy of the next version, made at a moment.
func (c *catalog) clone(at time.Time) *catalog {
	d, old := *c, *c
	if at.Sub(old.at) > longestMetadataCache {
		old.before = nil
	}
	d.at, d.before = at, &old
	d.entities = slices.Clone(c.entities)
	d.byName, d.bySet = maps.Clone(c.byName), maps.Clone(c.bySet)
	d.deleted = slices.Clip(c.deleted)
	d.version++
	return &d
}

// tableChange collects what a change of one table's metadata does beside it.
type tableChange struct {
	t *table
	c *catalog
}

// add makes room for the values of a column, which no row has.
func (t *tableChange) add(_ *entity, a *attribute) {
	a.index = len(t.t.columns)
	t.t.columns = append(slices.Clip(t.t.columns), nothing)
}

func (t *tableChange) deleted(kind string, id guid) {
	t.c.deleted = append(t.c.deleted, deletedDefinition{t.c.version, kind, id})
}

// define changes the metadata of one table: change gets a copy.
func (s *Sandbox) define(name string, change func(e *entity, t *tableChange) error) error {
	return s.update(func(tx *transaction) error {
		old := tx.data.catalog.byName[name]
		if old == nil {
			return fmt.Errorf("sandbox: there is no table %s", name)
		}
		c := tx.data.catalog.clone(tx.s.now())
		e := *old
		t := tx.data.tables[name]
		if err := change(&e, &tableChange{t, c}); err != nil {
			return err
		}
		e.version = c.version
		e.resolve()
		t.entity = &e
		c.entities[slices.Index(c.entities, old)] = &e
		c.byName[name], c.bySet[e.set] = &e, &e
		tx.data.catalog = c
		tx.data.clock++
		t.tracks = tx.data.clock // delta tokens end with the metadata they are of
		return nil
	})
}

// resolve rebuilds what is looked up by name.
func (e *entity) resolve() {
	e.byName, e.byMember, e.navigation = map[string]*attribute{}, map[string]*attribute{}, map[string]string{}
	for _, a := range e.attributes {
		e.byName[a.name] = a
		if a.readable {
			e.byMember[a.member] = a
		}
	}
	for _, v := range e.raw.list("ManyToOneRelationships") {
		r := v.(object)
		e.navigation[r.text("ReferencingAttribute")+"/"+r.text("ReferencedEntity")] = r.text("ReferencingEntityNavigationPropertyName")
	}
}

// with returns the object with another value of a member.
func (o object) with(name string, v any) object {
	p := slices.Clone(o)
	for i := range p {
		if p[i].name == name {
			p[i].value = v
			return p
		}
	}
	return append(p, member{name, v})
}

func decimalNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// raw returns the metadata of the column as the files hold it.
func (c Column) raw(e *entity) object {
	kind := casts[c.Type]
	attributeType := kind
	if c.Type == "MultiSelectPicklistType" {
		attributeType = "Virtual"
	}
	label := c.DisplayName
	if label == "" {
		label = c.Name
	}
	o := object{
		{"LogicalName", c.Name},
		{"SchemaName", c.Name},
		{"@type", kind + "AttributeMetadata"},
		{"AttributeType", attributeType},
		{"AttributeTypeName", c.Type},
		{"MetadataId", nameGUID("attribute", e.name, c.Name, strconv.Itoa(len(e.attributes))).String()},
		{"ColumnNumber", decimalNumber(10_000 + len(e.attributes))},
		{"DisplayName", label},
		{"IsValidForRead", true},
		{"IsValidForCreate", true},
		{"IsValidForUpdate", true},
		{"IsValidODataAttribute", true},
		{"IsCustomAttribute", true},
		{"IsRetrievable", true},
		{"IsSecured", c.Secured},
		{"CanBeSecuredForRead", true},
		{"SourceType", decimalNumber(0)},
		{"RequiredLevel", "None"},
	}
	length, precision := c.MaxLength, c.Precision
	if length == 0 {
		length = 100
	}
	if precision == 0 {
		precision = 2
	}
	switch c.Type {
	case "StringType":
		o = append(o, member{"MaxLength", decimalNumber(length)}, member{"DatabaseLength", decimalNumber(2 * length)}, member{"Format", "Text"}, member{"FormatName", "Text"})
	case "MemoType":
		o = append(o, member{"MaxLength", decimalNumber(max(length, 2000))}, member{"Format", "TextArea"})
	case "IntegerType":
		o = append(o, member{"MinValue", decimalNumber(-2147483648)}, member{"MaxValue", decimalNumber(2147483647)}, member{"Format", "None"})
	case "BigIntType":
		o = append(o, member{"MinValue", json.Number("-9223372036854775808")}, member{"MaxValue", json.Number("9223372036854775807")})
	case "DecimalType", "DoubleType", "MoneyType":
		o = append(o, member{"MinValue", decimalNumber(-100_000_000_000)}, member{"MaxValue", decimalNumber(100_000_000_000)}, member{"Precision", decimalNumber(precision)})
		if c.Type == "MoneyType" {
			o = append(o, member{"PrecisionSource", decimalNumber(0)})
		}
	case "DateTimeType":
		behavior, format := c.Behavior, "DateAndTime"
		if behavior == "" {
			behavior = "UserLocal"
		}
		if behavior == "DateOnly" {
			format = "DateOnly"
		}
		o = append(o, member{"DateTimeBehavior", behavior}, member{"Format", format})
	case "LookupType":
		var targets []any
		for _, t := range c.Targets {
			targets = append(targets, t)
		}
		o = append(o, member{"Targets", targets}, member{"Format", "None"})
	case "BooleanType":
		o = append(o, member{"OptionSet", c.optionSet(e, "Boolean",
			member{"TrueOption", object{{"Value", decimalNumber(1)}, {"Label", "Yes"}}}, member{"FalseOption", object{{"Value", decimalNumber(0)}, {"Label", "No"}}})})
	case "PicklistType", "MultiSelectPicklistType":
		options := []any{}
		for i, text := range c.Options {
			options = append(options, object{{"Value", decimalNumber(firstOption + i)}, {"Label", text}})
		}
		o = append(o, member{"DefaultFormValue", decimalNumber(-1)}, member{"OptionSet", c.optionSet(e, "Picklist", member{"Options", options})})
	}
	return o
}

func (c Column) optionSet(e *entity, kind string, options ...member) object {
	return append(object{
		{"Name", e.name + "_" + c.Name},
		{"IsGlobal", false},
		{"OptionSetType", kind},
		{"MetadataId", nameGUID("optionset", e.name, c.Name).String()},
	}, options...)
}

// lookupRelationship is the relationship behind an added lookup.
func lookupRelationship(e *entity, c Column, target string) object {
	name := strings.Join([]string{c.Name, e.name, target}, "_")
	navigation := c.Name
	if len(c.Targets) > 1 {
		navigation += "_" + target
	}
	return object{
		{"SchemaName", name},
		{"MetadataId", nameGUID("relationship", name).String()},
		{"ReferencedEntity", target},
		{"ReferencedAttribute", target + "id"},
		{"ReferencedEntityNavigationPropertyName", name},
		{"ReferencingEntity", e.name},
		{"ReferencingAttribute", c.Name},
		{"ReferencingEntityNavigationPropertyName", navigation},
		{"IsCustomRelationship", true},
	}
}
