package crosswalk

import (
	"slices"
	"strings"
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

// The system fields with which every object begins.
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

// APIName derives an API name from a display name: letters A to Z and digits
// stay, and every run of other characters between them becomes one underscore.
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
