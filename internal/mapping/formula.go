package mapping

import (
	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// formula is a compiled expression over the attributes of a record.
type formula struct{}

// formula compiles the text of a formula that fills field f. It notes what is
// wrong with it at that place of the input and then returns nil.
func (c *compiler) formula(at, _ string, f *crosswalk.Field) *formula {
	c.problems.AddHint(at, "Choose an attribute.", "%s cannot be filled by a formula.", f.DisplayName)
	return nil
}

// convert appends the value of the formula for a record to dst, or returns
// the code of the reject and the reason in words. The text of a value is
// checked against its field by the caller: its length, its options, and that
// it is an address where the field asks for one.
func (f *formula) convert(_ *column.Batch, _ int, dst *column.Column) (crosswalk.RejectCode, string) {
	dst.AppendNull()
	return "", ""
}
