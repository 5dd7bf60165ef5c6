package crosswalk

import "slices"

// AttributeType is the type of a Dataverse column. It follows AttributeTypeName
// of the metadata rather than AttributeType, which calls multi-select choices
// virtual.
type AttributeType string

// The types of attributes that can be read.
const (
	AttributeString      AttributeType = "String"
	AttributeMemo        AttributeType = "Memo"
	AttributeInteger     AttributeType = "Integer"
	AttributeBigInt      AttributeType = "BigInt"
	AttributeDecimal     AttributeType = "Decimal"
	AttributeDouble      AttributeType = "Double"
	AttributeMoney       AttributeType = "Money"
	AttributeBoolean     AttributeType = "Boolean"
	AttributeDateTime    AttributeType = "DateTime"
	AttributeLookup      AttributeType = "Lookup"
	AttributeCustomer    AttributeType = "Customer"
	AttributeOwner       AttributeType = "Owner"
	AttributeChoice      AttributeType = "Choice"
	AttributeState       AttributeType = "State"
	AttributeStatus      AttributeType = "Status"
	AttributeMultiChoice AttributeType = "MultiChoice"
	AttributeUniqueID    AttributeType = "UniqueID"
	AttributeEntityName  AttributeType = "EntityName"
	AttributeOther       AttributeType = "Other" // images, files, party lists: never offered for mapping
)

// DateBehavior says what a DateTime attribute means.
type DateBehavior string

// The behaviours of DateTime attributes. The Web API prints the first two
// alike, as UTC; only the first is a moment in time.
const (
	DateUserLocal           DateBehavior = "UserLocal"
	DateTimeZoneIndependent DateBehavior = "TimeZoneIndependent" // wall-clock time, whatever the zone
	DateOnly                DateBehavior = "DateOnly"            // a calendar day
)

// Entity is a Dynamics table: what its metadata says that matters to whoever
// reads it.
type Entity struct {
	LogicalName    string      `json:"logical_name" doc:"Name of the table, for example account"`
	EntitySetName  string      `json:"entity_set_name" doc:"Name of the table in addresses, for example accounts"`
	DisplayName    string      `json:"display_name" doc:"Name shown to people"`
	PrimaryID      string      `json:"primary_id" doc:"Logical name of the key attribute"`
	PrimaryName    string      `json:"primary_name" doc:"Logical name of the attribute that names a row"`
	ChangeTracking bool        `json:"change_tracking" doc:"Whether the table tracks changes"`
	Activity       bool        `json:"activity" doc:"Whether the table is an activity, which inherits attributes"`
	Custom         bool        `json:"custom" doc:"Whether the table was made by a customizer"`
	Attributes     []Attribute `json:"attributes,omitempty" doc:"Readable attributes, sorted by logical name"`
	Keys           []EntityKey `json:"keys,omitempty" doc:"Active alternate keys, sorted by name"`
}

// EntityKey is an alternate key of a table: attributes whose values together
// belong to at most one row.
type EntityKey struct {
	Name       string   `json:"name" doc:"Logical name of the key"`
	Attributes []string `json:"attributes" doc:"Logical names of its attributes"`
}

// Attribute returns the attribute with that logical name, or nil.
func (e *Entity) Attribute(name string) *Attribute {
	i := slices.IndexFunc(e.Attributes, func(a Attribute) bool { return a.LogicalName == name })
	if i < 0 {
		return nil
	}
	return &e.Attributes[i]
}

// Attribute is a column of a Dynamics table.
type Attribute struct {
	LogicalName  string        `json:"logical_name"`
	DisplayName  string        `json:"display_name"`
	Type         AttributeType `json:"type"`
	Format       string        `json:"format,omitempty" doc:"Refines a text (Email, Url, Phone, …) or a date (DateOnly, DateAndTime)"`
	MaxLength    int           `json:"max_length,omitempty" doc:"Longest text in UTF-16 units; 0 when unknown"`
	Precision    int           `json:"precision,omitempty" doc:"Digits after the decimal point"`
	DateBehavior DateBehavior  `json:"date_behavior,omitempty" doc:"Only for DateTime"`
	Targets      []string      `json:"targets,omitempty" doc:"Tables a lookup can point to"`
	// Navigation is keyed by the logical names of tables. A lookup that can
	// point to several tables has a navigation property for each; an owner has
	// one for the table owner, which stands for users and teams alike.
	Navigation map[string]string `json:"navigation,omitempty" doc:"For a lookup: its navigation property, by the table to which it leads"`
	Options    []Option          `json:"options,omitempty" doc:"Options of a choice"`
	Secured    bool              `json:"secured,omitempty" doc:"Column security applies: without permission the value reads as null"`
}

// Option is one value of a choice.
type Option struct {
	Value int    `json:"value"`
	Label string `json:"label" doc:"Empty when the option has no label"`
}

// IsLookup reports whether the attribute points to a row of another table.
func (a *Attribute) IsLookup() bool {
	return a.Type == AttributeLookup || a.Type == AttributeCustomer || a.Type == AttributeOwner
}

// HasLabels reports whether the attribute's values have labels.
func (a *Attribute) HasLabels() bool {
	switch a.Type {
	case AttributeChoice, AttributeState, AttributeStatus, AttributeMultiChoice, AttributeBoolean:
		return true
	}
	return false
}

// Member returns the name under which the Web API selects the attribute and
// returns its value: _name_value for lookups, else the logical name.
func (a *Attribute) Member() string {
	if a.IsLookup() {
		return "_" + a.LogicalName + "_value"
	}
	return a.LogicalName
}
