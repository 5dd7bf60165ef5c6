package dataverse

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
)

// metadataRequests is how many requests read a table's metadata at a time.
const metadataRequests = 4

// attributeProperties are those that every attribute has. Any other property
// belongs to a derived type and must be requested through a cast: naming it here
// is an error.
const attributeProperties = "LogicalName,AttributeTypeName,IsValidForRead,IsValidODataAttribute,IsSecured,DisplayName"

// casts are the properties of the derived types, with the options to expand. A
// request can name only one type; it is sent when the table has an attribute of
// one of its kinds.
var casts = []struct {
	name, query string
	kinds       []crosswalk.AttributeType
}{
	{"String", "$select=LogicalName,MaxLength,FormatName", []crosswalk.AttributeType{crosswalk.AttributeString}},
	{"Memo", "$select=LogicalName,MaxLength", []crosswalk.AttributeType{crosswalk.AttributeMemo}},
	{"Decimal", "$select=LogicalName,Precision", []crosswalk.AttributeType{crosswalk.AttributeDecimal}},
	{"Double", "$select=LogicalName,Precision", []crosswalk.AttributeType{crosswalk.AttributeDouble}},
	{"Money", "$select=LogicalName,Precision", []crosswalk.AttributeType{crosswalk.AttributeMoney}},
	{"DateTime", "$select=LogicalName,Format,DateTimeBehavior", []crosswalk.AttributeType{crosswalk.AttributeDateTime}},
	{"Lookup", "$select=LogicalName,Targets", []crosswalk.AttributeType{crosswalk.AttributeLookup, crosswalk.AttributeCustomer, crosswalk.AttributeOwner}},
	{"Picklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)", []crosswalk.AttributeType{crosswalk.AttributeChoice}},
	{"MultiSelectPicklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)", []crosswalk.AttributeType{crosswalk.AttributeMultiChoice}},
	{"State", "$select=LogicalName&$expand=OptionSet($select=Options)", []crosswalk.AttributeType{crosswalk.AttributeState}},
	{"Status", "$select=LogicalName&$expand=OptionSet($select=Options)", []crosswalk.AttributeType{crosswalk.AttributeStatus}},
	{"Boolean", "$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)", []crosswalk.AttributeType{crosswalk.AttributeBoolean}},
}

// attributeTypes are the types by AttributeTypeName; AttributeType calls
// multi-select choices, files and images all virtual. What is missing here is not
// a column: companions that hold the label of another attribute, party lists,
// calendar rules, managed properties.
var attributeTypes = map[string]crosswalk.AttributeType{
	"StringType":              crosswalk.AttributeString,
	"MemoType":                crosswalk.AttributeMemo,
	"IntegerType":             crosswalk.AttributeInteger,
	"BigIntType":              crosswalk.AttributeBigInt,
	"DecimalType":             crosswalk.AttributeDecimal,
	"DoubleType":              crosswalk.AttributeDouble,
	"MoneyType":               crosswalk.AttributeMoney,
	"BooleanType":             crosswalk.AttributeBoolean,
	"DateTimeType":            crosswalk.AttributeDateTime,
	"LookupType":              crosswalk.AttributeLookup,
	"CustomerType":            crosswalk.AttributeCustomer,
	"OwnerType":               crosswalk.AttributeOwner,
	"PicklistType":            crosswalk.AttributeChoice,
	"StateType":               crosswalk.AttributeState,
	"StatusType":              crosswalk.AttributeStatus,
	"MultiSelectPicklistType": crosswalk.AttributeMultiChoice,
	"UniqueidentifierType":    crosswalk.AttributeUniqueID,
	"EntityNameType":          crosswalk.AttributeEntityName,
	"ImageType":               crosswalk.AttributeOther,
	"FileType":                crosswalk.AttributeOther,
}

// activityPointer is the table whose attributes all activities inherit.
const activityPointer = "activitypointer"

// inheritedOwner is the attribute that users and teams inherit from their
// common base type, principal, which has no metadata of its own.
const inheritedOwner = "ownerid"

// attributeDefinition is an attribute as the Web API describes it: the common
// properties, or those of a derived type.
type attributeDefinition struct {
	LogicalName           string
	AttributeTypeName     value
	IsValidForRead        bool
	IsValidODataAttribute bool
	IsSecured             bool
	DisplayName           label

	MaxLength        int
	FormatName       value
	Format           string
	Precision        int
	DateTimeBehavior value
	Targets          []string
	OptionSet        *optionSet
	GlobalOptionSet  *optionSet // in place of OptionSet when the options are shared among attributes
}

// value is a text that the Web API wraps in an object.
type value struct{ Value string }

type optionSet struct {
	Options                 []option
	TrueOption, FalseOption *option
}

type option struct {
	Value int
	Label label
}

// attributes reads the readable attributes of a table, sorted by logical
// name.
func (c *Client) attributes(ctx context.Context, e *crosswalk.Entity) ([]crosswalk.Attribute, error) {
	attributes, err := c.commonAttributes(ctx, e)
	if err != nil {
		return nil, err
	}
	kinds := map[crosswalk.AttributeType]bool{}
	for i := range attributes {
		kinds[attributes[i].Type] = true
	}
	var mu sync.Mutex
	g, parallel := errgroup.WithContext(ctx)
	g.SetLimit(metadataRequests)
	for _, cast := range casts {
		if !slices.ContainsFunc(cast.kinds, func(k crosswalk.AttributeType) bool { return kinds[k] }) {
			continue
		}
		g.Go(func() error {
			details, err := attributesOf(parallel, c, e.LogicalName, "/Microsoft.Dynamics.CRM."+cast.name+"AttributeMetadata", cast.query,
				func(d *attributeDefinition) (attributeDefinition, bool) { return *d, true })
			mu.Lock()
			defer mu.Unlock()
			for i := range details {
				if at, ok := slices.BinarySearchFunc(attributes, details[i].LogicalName, byName); ok {
					details[i].detail(&attributes[at])
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return attributes, c.navigation(ctx, e.LogicalName, attributes)
}

func byName(a crosswalk.Attribute, name string) int { return strings.Compare(a.LogicalName, name) }

// attributesOf reads a table's attributes and returns what keep makes of them.
func attributesOf[R any](ctx context.Context, c *Client, entity, below, query string, keep func(*attributeDefinition) (R, bool)) ([]R, error) {
	return collect(ctx, c, "read the metadata of "+entity, "EntityDefinitions(LogicalName='"+entity+"')/Attributes"+below, query, keep)
}

// commonAttributes reads which attributes can be selected, with what all
// types have in common, sorted by logical name.
//
// IsValidODataAttribute means "declared by this table's own type": it is
// false for all that an activity inherits, its id included, and for what
// users and teams inherit. It is false also for the companions that hold the
// label of another attribute, which really cannot be selected.
func (c *Client) commonAttributes(ctx context.Context, e *crosswalk.Entity) ([]crosswalk.Attribute, error) {
	inherited := map[string]bool{}
	switch {
	case e.Activity && e.LogicalName != activityPointer:
		names, err := attributesOf(ctx, c, activityPointer, "", "$select=LogicalName,IsValidODataAttribute",
			func(d *attributeDefinition) (string, bool) { return d.LogicalName, d.IsValidODataAttribute })
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			inherited[name] = true
		}
	case e.LogicalName == "systemuser" || e.LogicalName == "team":
		inherited[inheritedOwner] = true
	}
	attributes, err := attributesOf(ctx, c, e.LogicalName, "", "$select="+attributeProperties, func(d *attributeDefinition) (crosswalk.Attribute, bool) {
		kind, known := attributeTypes[d.AttributeTypeName.Value]
		return crosswalk.Attribute{
			LogicalName: d.LogicalName,
			DisplayName: d.DisplayName.or(d.LogicalName),
			Type:        kind,
			Secured:     d.IsSecured,
		}, known && d.IsValidForRead && (d.IsValidODataAttribute || inherited[d.LogicalName])
	})
	slices.SortFunc(attributes, func(a, b crosswalk.Attribute) int { return strings.Compare(a.LogicalName, b.LogicalName) })
	return attributes, err
}

// detail adds the properties of the derived type.
func (d *attributeDefinition) detail(a *crosswalk.Attribute) {
	a.Format = cmp.Or(d.FormatName.Value, d.Format)
	a.MaxLength = d.MaxLength
	a.Precision = d.Precision
	if a.Type == crosswalk.AttributeDateTime {
		a.DateBehavior = crosswalk.DateBehavior(d.DateTimeBehavior.Value)
	}
	if a.IsLookup() {
		a.Targets = d.Targets
	}
	if a.HasLabels() {
		a.Options = cmp.Or(d.OptionSet, d.GlobalOptionSet, &optionSet{}).options()
	}
}

// options returns the options by value. A label may be missing.
func (s *optionSet) options() []crosswalk.Option {
	all := slices.Clone(s.Options)
	for _, o := range []*option{s.FalseOption, s.TrueOption} {
		if o != nil {
			all = append(all, *o)
		}
	}
	options := make([]crosswalk.Option, len(all))
	for i, o := range all {
		options[i] = crosswalk.Option{Value: o.Value, Label: o.Label.or("")}
	}
	slices.SortFunc(options, func(a, b crosswalk.Option) int { return a.Value - b.Value })
	return options
}
