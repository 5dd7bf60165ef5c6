package crosswalk

// Mapping says how each field of the target is computed from a record.
type Mapping struct {
	Fields []FieldMapping `json:"fields" doc:"One row per target field"`
}

// FieldMapping fills one field of the target object.
type FieldMapping struct {
	Source     string       `json:"source" doc:"Logical name of the attribute to read"`
	Label      bool         `json:"label,omitempty" doc:"Take the label of the option instead of its value"`
	Negate     bool         `json:"negate,omitempty" doc:"Invert a Boolean"`
	Target     string       `json:"target" doc:"API name of the field to fill"`
	Identifier bool         `json:"identifier,omitempty" doc:"Whether the field decides which row a record updates"`
	OnNull     NullPolicy   `json:"on_null,omitempty" enum:"overwrite,keep" default:"overwrite" doc:"What an empty value does to a filled field"`
	OnTooLong  LengthPolicy `json:"on_too_long,omitempty" enum:"reject,truncate" default:"reject" doc:"What happens to a text longer than the field"`
}

// NullPolicy says what an empty source value does to a filled field. The zero
// value means NullOverwrite.
type NullPolicy string

// The null policies.
const (
	NullOverwrite NullPolicy = "overwrite"
	NullKeep      NullPolicy = "keep"
)

// LengthPolicy says what happens to a text longer than its field. The zero
// value means LengthReject.
type LengthPolicy string

// The length policies.
const (
	LengthReject   LengthPolicy = "reject"
	LengthTruncate LengthPolicy = "truncate"
)

// Identifiers returns the API names of the identifier fields, in order.
func (m *Mapping) Identifiers() []string {
	var ids []string
	for _, f := range m.Fields {
		if f.Identifier {
			ids = append(ids, f.Target)
		}
	}
	return ids
}

// Filter chooses the records of a run: those for which every condition holds.
// The zero value chooses all.
type Filter struct {
	Conditions []Condition `json:"conditions,omitempty" doc:"All must hold; absent means every record"`
}

// Condition compares one attribute. Texts compare without regard to case, as
// Dataverse does.
type Condition struct {
	Attribute string     `json:"attribute" doc:"Logical name of the attribute"`
	Operator  Comparison `json:"operator" enum:"eq,ne,gt,ge,lt,le,in,contains,starts_with,ends_with,is_null,is_not_null"`
	Values    []string   `json:"values,omitempty" doc:"One value; several for in; none for is_null and is_not_null"`
}

// Comparison is the operator of a Condition.
type Comparison string

// The comparisons.
const (
	Equal          Comparison = "eq"
	NotEqual       Comparison = "ne"
	Greater        Comparison = "gt"
	GreaterOrEqual Comparison = "ge"
	Less           Comparison = "lt"
	LessOrEqual    Comparison = "le"
	In             Comparison = "in"
	Contains       Comparison = "contains"
	StartsWith     Comparison = "starts_with"
	EndsWith       Comparison = "ends_with"
	IsNull         Comparison = "is_null"
	IsNotNull      Comparison = "is_not_null"
)
