package crosswalk

// MaxIdentifiers is the largest number of identifier fields of a mapping, and
// of pairs of a derived mapping.
const MaxIdentifiers = 6

// MaxLookups is the largest number of lookups in a path.
const MaxLookups = 3

// Mapping says how each field of the target is computed from a record.
//
// A path names what a record holds: the logical name of an attribute of the
// entity, preceded by the lookups to follow, joined by dots:
// primarycontactid.emailaddress1. A lookup that can lead to several tables names
// the one meant: customerid(account).name. A path is empty where one of its
// lookups is empty or leads to another table or to a row that is gone.
type Mapping struct {
	Fields  []FieldMapping   `json:"fields" doc:"One row per target field"`
	Derived []DerivedMapping `json:"derived,omitempty" doc:"One row per lookup field that is filled with the row that matches"`
	Person  *PersonMapping   `json:"person,omitempty" doc:"Only for Company_Person: how the person of each record is found or made"`
	// TimeZone decides the day of a moment, in fields of type Date, formulas and
	// filters.
	TimeZone string `json:"time_zone,omitempty" doc:"IANA time zone in which moments become days, for example Europe/Berlin; absent means UTC"`
}

// FieldMapping fills one field of the target object from exactly one of
// Source, Constant and Formula.
type FieldMapping struct {
	Source     string       `json:"source,omitempty" doc:"Path of the attribute to read, for example name or primarycontactid.emailaddress1 or customerid(account).name"`
	Fallback   []string     `json:"fallback,omitempty" doc:"Further paths, tried in order while the value is empty; for example customerid(contact).fullname"`
	Constant   string       `json:"constant,omitempty" doc:"The same value for every record, in place of source"`
	Formula    string       `json:"formula,omitempty" doc:"Expression over the record's attributes, in place of source"`
	Label      bool         `json:"label,omitempty" doc:"Take the label of the option instead of its value or, for a lookup, the name of the row to which it leads"`
	Table      bool         `json:"table,omitempty" doc:"For a lookup: take the logical name of the table to which it leads"`
	Negate     bool         `json:"negate,omitempty" doc:"Invert a Boolean"`
	Target     string       `json:"target" doc:"API name of the field to fill"`
	Identifier bool         `json:"identifier,omitempty" doc:"Whether the field decides which row a record updates"`
	OnNull     NullPolicy   `json:"on_null,omitempty" enum:"overwrite,keep" default:"overwrite" doc:"What an empty value does to a filled field"`
	Default    string       `json:"default,omitempty" doc:"Value that replaces an empty one, before on_null applies"`
	OnTooLong  LengthPolicy `json:"on_too_long,omitempty" enum:"reject,truncate" default:"reject" doc:"What happens to a text longer than the field"`
	OnUnknown  OptionPolicy `json:"on_unknown,omitempty" enum:"add,reject,null" default:"add" doc:"What happens to a value that is not among the options of a dropdown"`
}

// DerivedMapping fills a lookup field with the GSID of the row whose fields
// equal values of the record. A match whose values are all empty finds nothing.
// The row may come later: a lookup that was left empty is filled once a run has
// brought the row that it waits for.
type DerivedMapping struct {
	Target    string        `json:"target" doc:"API name of the lookup field to fill"`
	Match     []MatchPair   `json:"match" doc:"1 to 6 pairs that must all be equal"`
	OnSeveral SeveralPolicy `json:"on_several,omitempty" enum:"any,reject" default:"any" doc:"What happens when several rows match; any takes the one with the lowest GSID"`
	OnNone    NonePolicy    `json:"on_none,omitempty" enum:"empty,reject" doc:"What happens when no row matches a value that is not empty; a lookup into the job's own object cannot reject. Absent means reject for a required lookup and for the company of a Company Person, which cannot stay empty, and otherwise empty"`
}

// MatchPair is a value of the record and the field it must equal.
type MatchPair struct {
	Source   string   `json:"source,omitempty" doc:"Path of the attribute to read"`
	Fallback []string `json:"fallback,omitempty" doc:"Further paths, tried in order while the value is empty"`
	Constant string   `json:"constant,omitempty" doc:"The same value for every record, in place of source"`
	Label    bool     `json:"label,omitempty" doc:"Take the label instead of the value"`
	Field    string   `json:"field" doc:"API name of the field in the object to which the lookup points"`
}

// PersonMapping finds or makes the Person of each Company Person record. The
// Company Person itself is found by its person and company; Company must be
// filled by a derived mapping.
type PersonMapping struct {
	Match  string         `json:"match,omitempty" enum:"Email,External_ID" default:"Email" doc:"Field of Person by which a person is found; e-mail addresses are compared in lower case"`
	Fields []FieldMapping `json:"fields" doc:"One row per field of Person to fill; the match field must be among them"`
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

// OptionPolicy says what happens to a value that is not among the options of
// a dropdown. The zero value means OptionAdd.
type OptionPolicy string

// The option policies.
const (
	OptionAdd    OptionPolicy = "add" // the option is added to the field
	OptionReject OptionPolicy = "reject"
	OptionNull   OptionPolicy = "null"
)

// SeveralPolicy says what happens when several rows match. The zero value
// means SeveralAny.
type SeveralPolicy string

// The policies for several matches.
const (
	SeveralAny    SeveralPolicy = "any"
	SeveralReject SeveralPolicy = "reject"
)

// NonePolicy says what happens when no row matches. The zero value means
// NoneEmpty, and NoneReject for a lookup that cannot stay empty.
type NonePolicy string

// The policies for no match.
const (
	NoneEmpty  NonePolicy = "empty"
	NoneReject NonePolicy = "reject"
)
