package mapping

import (
	"fmt"

	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Expression is a formula on its own, compiled to show its values while somebody
// writes it. It is safe for concurrent use.
type Expression struct {
	// Plan says what to read of the sample records; it fills nothing.
	Plan *Plan
	// Gives is the kind of the values in words, for example "a number".
	Gives string

	expression expression
}

// Evaluation is what an Expression gives for one record.
type Evaluation struct {
	SourceID string `json:"source_id" doc:"Key of the record in Dynamics"`
	Value    string `json:"value" doc:"The value as text"`
	Null     bool   `json:"null,omitempty" doc:"Whether there is no value"`
	Reason   string `json:"reason,omitempty" doc:"Why the formula has no value for the record, which would be rejected"`
}

// CompileFormula compiles the text of a formula over the records of in.Entity. Of
// the mapping only TimeZone is used. The error is a *crosswalk.Error of CodeInvalid
// with problems at "formula" and "mapping.time_zone", or the error of in.Catalog.
func CompileFormula(in Input, text string) (*Expression, error) {
	c := compiler{in: in, plan: &Plan{Modified: -1}}
	c.column(-1, c.key().Member(), sourceKind(c.key()))
	c.zone = c.timeZone(in.Mapping.TimeZone)
	x, p := c.expression("formula", text)
	if c.err != nil {
		return nil, c.err
	}
	if p != nil {
		c.problems.AddHint("formula", p.hint, "%s", p.text())
	}
	if err := c.problems.Err("The formula cannot be used as it is."); err != nil {
		return nil, err
	}
	return &Expression{Plan: c.plan, Gives: x.kind.String(), expression: x}, nil
}

// Evaluate computes the formula for every row of a batch made by
// Plan.NewSourceBatch.
func (x *Expression) Evaluate(src *column.Batch) []Evaluation {
	all := make([]Evaluation, src.Rows())
	for row := range all {
		e := &all[row]
		if key := &src.Columns[0]; key.Valid[row] {
			e.SourceID = string(appendValue(nil, key, row))
		}
		for _, bad := range src.Bad {
			if bad.Row == row {
				e.Reason = fmt.Sprintf("Dynamics sent %s for %s, which is not a value of its type", shorten(bad.Value, shownInMessage), src.Columns[bad.Column].Name)
			}
		}
		if e.Reason != "" {
			continue
		}
		var v value
		if v, e.Reason = x.expression.evaluate(src, row); e.Reason == "" {
			e.Null, e.Value = v.null(), shorten(v.written(), shownInValue)
		}
	}
	return all
}

// text returns the message with its place in the formula.
func (p *formulaProblem) text() string {
	if p.position == 0 {
		return p.message
	}
	return fmt.Sprintf("At character %d: %s", p.position+1, p.message)
}
