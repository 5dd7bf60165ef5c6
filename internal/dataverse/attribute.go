package dataverse

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
)

// metadataRequests is how many requests read a table's metadata at a time.
const metadataRequests = 4

// Properties that every attribute has. Any other property belongs to a
// derived type and must be asked for through a cast: naming it here is an
// error.
const attributeProperties = "LogicalName,AttributeType,AttributeTypeName,AttributeOf,IsValidForRead,IsValidODataAttribute,IsSecured,DisplayName"

// Properties of the derived types, and the options that are expanded of them.
// One request can name one type only.
var casts = []struct{ name, query string }{
	{"String", "$select=LogicalName,MaxLength,FormatName"},
	{"Memo", "$select=LogicalName,MaxLength"},
	{"Decimal", "$select=LogicalName,Precision"},
	{"Double", "$select=LogicalName,Precision"},
	{"Money", "$select=LogicalName,Precision"},
	{"DateTime", "$select=LogicalName,Format,DateTimeBehavior"},
	{"Lookup", "$select=LogicalName,Targets"},
	{"Picklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"},
	{"MultiSelectPicklist", "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"},
	{"State", "$select=LogicalName&$expand=OptionSet($select=Options)"},
	{"Status", "$select=LogicalName&$expand=OptionSet($select=Options)"},
	{"Boolean", "$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)"},
}

// Types by AttributeTypeName. AttributeType calls multi-select choices, files
// and images virtual alike. What is missing here is not a column: companions
// that hold the label of another attribute, party lists, calendar rules,
// managed properties.
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

// attributeDefinition is an attribute as the Web API describes it: the common
// properties, or those of a derived type.
type attributeDefinition struct {
	LogicalName           string
	AttributeTypeName     value
	AttributeOf           string
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
	var common, inherited []attributeDefinition
	derived := make([][]attributeDefinition, len(casts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(metadataRequests)
	read := func(entity, below, query string, into *[]attributeDefinition) {
		g.Go(func() error {
			var answer struct{ Value []attributeDefinition }
			err := c.read(ctx, "read the metadata of "+entity, "EntityDefinitions(LogicalName='"+entity+"')/Attributes"+below, query, &answer)
			*into = answer.Value
			return err
		})
	}
	read(e.LogicalName, "", "$select="+attributeProperties, &common)
	if e.Activity && e.LogicalName != activityPointer {
		read(activityPointer, "", "$select="+attributeProperties, &inherited)
	}
	for i, cast := range casts {
		read(e.LogicalName, "/Microsoft.Dynamics.CRM."+cast.name+"AttributeMetadata", cast.query, &derived[i])
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	details := map[string]*attributeDefinition{}
	for _, list := range derived {
		for i := range list {
			details[list[i].LogicalName] = &list[i]
		}
	}
	valid := map[string]bool{}
	for i := range inherited {
		valid[inherited[i].LogicalName] = inherited[i].IsValidODataAttribute
	}
	attributes := make([]crosswalk.Attribute, 0, len(common))
	for i := range common {
		d := &common[i]
		// IsValidODataAttribute means "declared by this table's own type":
		// it is false for all that an activity inherits, its id included.
		if !d.IsValidForRead || !d.IsValidODataAttribute && !valid[d.LogicalName] {
			continue
		}
		if kind, ok := attributeTypes[d.AttributeTypeName.Value]; ok {
			attributes = append(attributes, d.attribute(kind, details[d.LogicalName]))
		}
	}
	slices.SortFunc(attributes, func(a, b crosswalk.Attribute) int { return strings.Compare(a.LogicalName, b.LogicalName) })
	return attributes, nil
}

// attribute puts the common properties and those of the derived type, which
// may be nil, together.
func (d *attributeDefinition) attribute(kind crosswalk.AttributeType, detail *attributeDefinition) crosswalk.Attribute {
	a := crosswalk.Attribute{
		LogicalName: d.LogicalName,
		DisplayName: d.DisplayName.or(d.LogicalName),
		Type:        kind,
		Secured:     d.IsSecured,
	}
	if detail == nil {
		return a
	}
	a.Format = detail.Format
	if detail.FormatName.Value != "" {
		a.Format = detail.FormatName.Value
	}
	a.MaxLength = detail.MaxLength
	a.Precision = detail.Precision
	if kind == crosswalk.AttributeDateTime {
		a.DateBehavior = crosswalk.DateBehavior(detail.DateTimeBehavior.Value)
	}
	if a.IsLookup() {
		a.Targets = detail.Targets
	}
	if a.HasLabels() {
		a.Options = cmp.Or(detail.OptionSet, detail.GlobalOptionSet, &optionSet{}).options()
	}
	return a
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
