package crosswalk

import (
	"slices"
	"strings"
)

// FieldType is the type of a field of an object.
type FieldType string

// The types of fields.
const (
	FieldString      FieldType = "String"
	FieldRichText    FieldType = "RichText"
	FieldNumber      FieldType = "Number"
	FieldCurrency    FieldType = "Currency"
	FieldPercentage  FieldType = "Percentage"
	FieldBoolean     FieldType = "Boolean"
	FieldDate        FieldType = "Date"
	FieldDateTime    FieldType = "DateTime"
	FieldEmail       FieldType = "Email"
	FieldURL         FieldType = "URL"
	FieldDropdown    FieldType = "Dropdown"
	FieldMultiSelect FieldType = "MultiSelect"
	FieldLookup      FieldType = "Lookup"
	FieldGSID        FieldType = "GSID" // only the system field GSID
)

// Object is a typed table of the customer-success model: standard (made by
// Crosswalk) or custom (its name ends in __gc).
type Object struct {
	Name        string  `json:"name" doc:"API name, for example Company"`
	DisplayName string  `json:"display_name"`
	Standard    bool    `json:"standard" doc:"Whether Crosswalk made it"`
	Fields      []Field `json:"fields"`
	Rows        int64   `json:"rows" doc:"Number of rows; only filled in lists and details"`
}

// Field is a typed column of an object.
type Field struct {
	Name        string    `json:"name" doc:"API name, for example External_ID"`
	DisplayName string    `json:"display_name"`
	Type        FieldType `json:"type"`
	MaxLength   int       `json:"max_length,omitempty" doc:"Longest text in characters; 0 means no limit"`
	Decimals    int       `json:"decimals,omitempty" doc:"Digits behind the decimal point of numbers, 0 to 9"`
	Required    bool      `json:"required,omitempty"`
	System      bool      `json:"system,omitempty" doc:"Filled by Crosswalk; cannot be mapped or edited"`
	Options     []string  `json:"options,omitempty" doc:"Known options of a dropdown"`
	Lookup      string    `json:"lookup,omitempty" doc:"Object a lookup points to"`
}

// Field returns the field with that API name, or nil.
func (o *Object) Field(name string) *Field {
	i := slices.IndexFunc(o.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &o.Fields[i]
}

// Table returns the name of the SQL table that holds the object's rows: the
// API name in lower case.
func (o *Object) Table() string { return strings.ToLower(o.Name) }

// Column returns the name of the SQL column that holds the field: the API
// name in lower case.
func (f *Field) Column() string { return strings.ToLower(f.Name) }

// The system fields every object begins with.
const (
	GSIDField         = "GSID"
	CreatedDateField  = "Created_Date"
	ModifiedDateField = "Modified_Date"
)

// APIName derives the API name from a display name: letters and digits stay,
// every run of other characters becomes one underscore.
func APIName(display string) string {
	var b strings.Builder
	gap := false
	for _, r := range display {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if ok {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
		}
		gap = !ok
	}
	return b.String()
}

// StandardObjects returns the definitions of the objects that Crosswalk makes
// at its first start. The result is the caller's to change.
func StandardObjects() []Object {
	return []Object{
		standard("Company",
			text("Name", 250).required(),
			text("External ID", 100),
			text("Account Number", 100),
			text("Industry", 100).dropdown(),
			number("Employees", 0),
			currency("ARR"), currency("MRR"), currency("Annual Revenue"),
			text("Stage", 100).dropdown(),
			text("Status", 100).dropdown(),
			field("Managed As", FieldDropdown).options("Customer", "Ex-customer", "Partner", "Prospect"),
			text("Phone", 50),
			field("Website", FieldURL).length(500),
			text("City", 100), text("Country", 100),
			field("Description", FieldRichText),
			field("Renewal Date", FieldDate), field("Original Contract Date", FieldDate),
			number("Lifecycle in Months", 0), number("NPS", 0),
			field("Source Created On", FieldDateTime), field("Source Modified On", FieldDateTime),
		),
		standard("User",
			text("First Name", 100), text("Last Name", 100), text("Name", 250),
			field("Email", FieldEmail).length(254),
			text("Username", 254),
			text("External ID", 100),
			text("Title", 250), text("Timezone", 100),
			field("Is Active", FieldBoolean),
			text("Company ID", 100),
			field("License Enabled", FieldBoolean),
		),
	}
}

type fieldBuilder struct{ f Field }

func field(display string, t FieldType) fieldBuilder {
	return fieldBuilder{Field{Name: APIName(display), DisplayName: display, Type: t}}
}
func text(display string, max int) fieldBuilder { return field(display, FieldString).length(max) }
func currency(display string) fieldBuilder      { return field(display, FieldCurrency).decimals(2) }

func number(display string, dec int) fieldBuilder { return field(display, FieldNumber).decimals(dec) }

func (b fieldBuilder) length(n int) fieldBuilder   { b.f.MaxLength = n; return b }
func (b fieldBuilder) decimals(n int) fieldBuilder { b.f.Decimals = n; return b }
func (b fieldBuilder) required() fieldBuilder      { b.f.Required = true; return b }
func (b fieldBuilder) dropdown() fieldBuilder      { b.f.Type = FieldDropdown; return b }
func (b fieldBuilder) options(o ...string) fieldBuilder {
	b.f.Options = o
	return b
}

func standard(display string, fields ...fieldBuilder) Object {
	o := Object{Name: APIName(display), DisplayName: display, Standard: true, Fields: []Field{
		{Name: GSIDField, DisplayName: "GSID", Type: FieldGSID, System: true},
		{Name: CreatedDateField, DisplayName: "Created Date", Type: FieldDateTime, System: true},
		{Name: ModifiedDateField, DisplayName: "Modified Date", Type: FieldDateTime, System: true},
	}}
	for _, b := range fields {
		o.Fields = append(o.Fields, b.f)
	}
	return o
}
