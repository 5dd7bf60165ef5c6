// Package mapping turns a saved mapping into a plan, and with that records into
// rows. Whatever depends only on the mapping, the entity's metadata and the object's
// fields is decided when the job is saved; a value that cannot be mapped makes its
// record a reject while the job runs, and never stops the run.
//
// The package is pure: it does no I/O and keeps no state but its plans.
package mapping

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// SourceID is the name of column 0 of a target batch: the key of the record
// in Dynamics, as text.
const SourceID = "source_id"

// ModifiedColumn is the name of the last column of a target batch, when the
// plan has one: the moment at which the record was last modified.
const ModifiedColumn = "modified"

// The annotations that plans ask for.
const (
	// FormattedValue is the value as Dynamics shows it; for a lookup, the name of
	// the row to which it leads.
	FormattedValue = "OData.Community.Display.V1.FormattedValue"
	// LookupTable is the logical name of the table to which a lookup leads.
	LookupTable = "Microsoft.Dynamics.CRM.lookuplogicalname"
)

// Plan is a compiled mapping. It is safe for concurrent use.
type Plan struct {
	// Source are the columns to decode from a page. Column 0 is the entity's
	// primary id; an attribute that is read several times has one column.
	// Attributes of the record are named by their members, those of related rows
	// by their path of navigation properties: primarycontactid/emailaddress1. An
	// annotation follows its member after an @.
	Source []column.Spec
	// Select are the record's own members for $select; annotations and related
	// rows are not among them.
	Select []string
	// Annotations are the names of the annotations to ask for; nil for none.
	Annotations []string
	// Filter is the text for $filter, not yet URL-encoded; "" when the server is
	// asked for every record. Apply then leaves out those that do not pass.
	Filter string
	// Related are the rows to read along with each record, a parent before its
	// children.
	Related []Related
	// Target are the columns of the target after column 0, one for each row of the
	// mapping and in its order.
	Target []TargetColumn
	// Derived are the lookups to fill, in the order of the mapping.
	Derived []Derived
	// Person says how the person of each record is found or made; nil when
	// there is none.
	Person *Person
	// Modified is the column of Source with the time at which a record was last
	// modified, by which the latest of several records for one row wins. It is -1
	// when there cannot be several, because an identifier is filled straight from
	// the record's key, or when the table has no such column.
	Modified int

	steps   []step
	needs   []need
	options []*options
	// keep reports whether the filter lets a record pass; nil when the server
	// decides alone.
	keep func(src *column.Batch, row int) bool
}

// Related is a row to which a lookup leads: at most one for each record.
type Related struct {
	Parent     int    // index in Plan.Related of the row that has the lookup; -1 is the record itself
	ID         int    // column of Source (GUID) with the lookup's value
	Table      int    // column of Source (Text) with the logical name of the table to which the lookup leads; -1 when it leads only to Entity
	Navigation string // navigation property for $expand, for example customerid_account
	Entity     *crosswalk.Entity
	Columns    []RelatedColumn
}

// RelatedColumn is a member of a related row. One with an @ is an annotation of the
// member before the @, which is a column too.
type RelatedColumn struct {
	Member string
	Source int // column of Source
}

// TargetColumn is one field that a plan fills.
type TargetColumn struct {
	Field      crosswalk.Field
	Kind       column.Kind
	Identifier bool // the field decides which row a record updates
	KeepOnNull bool // a null leaves the row's value as it is
}

// Derived is a lookup field that is filled with the row that matches.
type Derived struct {
	Field  crosswalk.Field
	Object string         // API name of the object that the lookup points to
	Match  []TargetColumn // values of the record; Field is the field of the object that must equal it
	// Identifier says that the lookup is one of those that decide which row a
	// record updates: Company of a Company Person.
	Identifier bool
	OnSeveral  crosswalk.SeveralPolicy // never ""
	OnNone     crosswalk.NonePolicy    // never ""
}

// Person is the person of a Company Person.
type Person struct {
	Target []TargetColumn // fields of Person; Identifier marks the one by which a person is found
}

// NewSourceBatch makes an empty batch for the records of pages.
func (p *Plan) NewSourceBatch() *column.Batch { return column.NewBatch(p.Source) }

// NewBatch makes an empty batch for mapped rows. Column 0 is SourceID (Text);
// then come the columns of Target, for each Derived those of its Match, those
// of Person, and ModifiedColumn (Time) when Modified is a column. Columns of
// Target are named by the fields' API names, columns of Match and Person by
// two: Company.External_ID, Person.Email.
func (p *Plan) NewBatch() *column.Batch {
	specs := []column.Spec{{Name: SourceID, Kind: column.Text}}
	add := func(prefix string, columns []TargetColumn) {
		for i := range columns {
			specs = append(specs, column.Spec{Name: prefix + columns[i].Field.Name, Kind: columns[i].Kind})
		}
	}
	add("", p.Target)
	for i := range p.Derived {
		add(p.Derived[i].Field.Name+".", p.Derived[i].Match)
	}
	if p.Person != nil {
		add("Person.", p.Person.Target)
	}
	if p.Modified >= 0 {
		specs = append(specs, column.Spec{Name: ModifiedColumn, Kind: column.Time})
	}
	return column.NewBatch(specs)
}
