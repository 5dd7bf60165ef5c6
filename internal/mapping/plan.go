// Package mapping compiles a job's mapping and filter into a Plan: what to
// ask Dataverse for, and how a record becomes a row. All decisions that need
// only types are taken when the job is saved; what depends on a value becomes
// a reject while the job runs and never stops it.
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

// Plan is a compiled mapping. It is immutable and safe for concurrent use.
type Plan struct {
	// Source are the columns to decode from a page. Column 0 is the entity's
	// primary id; an attribute mapped several times has one column.
	Source []column.Spec
	// Select are the members for $select, in the order of Source.
	Select []string
	// Annotations are the names of the annotations to ask for; nil for none.
	Annotations []string
	// Filter is the text for $filter, not yet URL-encoded; "" for all records.
	Filter string
	// Target are the columns of the target behind column 0, one for each row
	// of the mapping and in its order.
	Target []TargetColumn

	steps []step
}

// TargetColumn is one field that a plan fills.
type TargetColumn struct {
	Field      crosswalk.Field
	Kind       column.Kind
	Identifier bool // the field decides which row a record updates
	KeepOnNull bool // a null leaves the row's value as it is
}

// NewSourceBatch makes an empty batch for pages as read.
func (p *Plan) NewSourceBatch() *column.Batch { return column.NewBatch(p.Source) }

// NewBatch makes an empty batch for mapped rows: column 0 is SourceID (Text),
// then the columns of Target in order, named by the fields' API names.
func (p *Plan) NewBatch() *column.Batch {
	specs := make([]column.Spec, 1, len(p.Target)+1)
	specs[0] = column.Spec{Name: SourceID, Kind: column.Text}
	for i := range p.Target {
		specs = append(specs, column.Spec{Name: p.Target[i].Field.Name, Kind: p.Target[i].Kind})
	}
	return column.NewBatch(specs)
}
