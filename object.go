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
	Unique      bool      `json:"unique,omitempty" doc:"No two rows have the same value; any number may have none"`
	Default     string    `json:"default,omitempty" doc:"Value of new rows whose job does not fill the field"`
	Options     []string  `json:"options,omitempty" doc:"Known options of a dropdown"`
	Lookup      string    `json:"lookup,omitempty" doc:"Object a lookup points to, by GSID"`
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
	CreatedByField    = "Created_By"
	ModifiedByField   = "Modified_By"
)

// systemFields returns the fields that Crosswalk fills in every object.
func systemFields() []Field {
	return []Field{
		{Name: GSIDField, DisplayName: "GSID", Type: FieldGSID, System: true},
		{Name: CreatedDateField, DisplayName: "Created Date", Type: FieldDateTime, System: true},
		{Name: ModifiedDateField, DisplayName: "Modified Date", Type: FieldDateTime, System: true},
		{Name: CreatedByField, DisplayName: "Created By", Type: FieldString, System: true},
		{Name: ModifiedByField, DisplayName: "Modified By", Type: FieldString, System: true},
	}
}

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
