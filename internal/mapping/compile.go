package mapping

import (
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Compile makes the plan of a job that reads entity e into object o. The
// error is a *crosswalk.Error of CodeInvalid with every problem at once; the
// paths of its fields begin with "mapping" or "filter", as in a job's JSON.
// Neither e nor o may change while the plan is in use.
func Compile(e *crosswalk.Entity, o *crosswalk.Object, m crosswalk.Mapping, f crosswalk.Filter) (*Plan, error) {
	c := compiler{entity: e, object: o, plan: &Plan{}, filled: map[string]int{}}
	c.source(c.key())
	for i := range m.Fields {
		c.field(i, &m.Fields[i])
	}
	c.whole(m)
	c.plan.Filter = compileFilter(e, f, &c.problems)
	if err := c.problems.Err("The job cannot be saved as it is."); err != nil {
		return nil, err
	}
	return c.plan, nil
}

// compiler collects a plan and what is wrong with it.
type compiler struct {
	entity   *crosswalk.Entity
	object   *crosswalk.Object
	plan     *Plan
	problems crosswalk.Problems
	filled   map[string]int // row of the mapping by target
}

// key returns the attribute that holds the key of a record.
func (c *compiler) key() *crosswalk.Attribute {
	if a := c.entity.Attribute(c.entity.PrimaryID); a != nil {
		return a
	}
	return &crosswalk.Attribute{LogicalName: c.entity.PrimaryID, Type: crosswalk.AttributeUniqueID}
}

// source returns the source column of the attribute, which it adds when it is
// new.
func (c *compiler) source(a *crosswalk.Attribute) int {
	member := a.Member()
	i := slices.IndexFunc(c.plan.Source, func(s column.Spec) bool { return s.Name == member })
	if i >= 0 {
		return i
	}
	c.plan.Source = append(c.plan.Source, column.Spec{Name: member, Kind: sourceKind(a)})
	c.plan.Select = append(c.plan.Select, member)
	return len(c.plan.Source) - 1
}

// field compiles row i of the mapping.
func (c *compiler) field(i int, fm *crosswalk.FieldMapping) {
	at := func(part string) string { return fmt.Sprintf("mapping.fields[%d].%s", i, part) }
	before := len(c.problems)
	a := c.attribute(at("source"), fm.Source)
	f := c.target(at("target"), i, fm.Target)
	if a != nil {
		if fm.Label && !a.HasLabels() {
			c.problems.AddHint(at("label"), "Take its value instead.",
				"%s (%s) has no labels.", a.DisplayName, a.Type)
		}
		if fm.Negate && a.Type != crosswalk.AttributeBoolean {
			c.problems.AddHint(at("negate"), "Switch the inversion off.",
				"Only a Boolean can be inverted; %s is of type %s.", a.DisplayName, a.Type)
		}
	}
	switch fm.OnNull {
	case "", crosswalk.NullOverwrite, crosswalk.NullKeep:
	default:
		c.problems.AddHint(at("on_null"), `Choose "overwrite" or "keep".`, "%q is no way to treat empty values.", fm.OnNull)
	}
	switch fm.OnTooLong {
	case "", crosswalk.LengthReject, crosswalk.LengthTruncate:
	default:
		c.problems.AddHint(at("on_too_long"), `Choose "reject" or "truncate".`, "%q is no way to treat long texts.", fm.OnTooLong)
	}
	if f != nil {
		c.fits(at, f, fm)
	}
	if a == nil || f == nil || len(c.problems) > before {
		return
	}
	s := step{op: operation(a, fm.Label, f), negate: fm.Negate, identifier: fm.Identifier}
	if s.op == opNone {
		c.problems.AddHint(at("target"), hintFor(a, f), "%s (%s) cannot fill %s (%s).", sourceName(a, fm.Label), a.Type, f.DisplayName, f.Type)
		return
	}
	s.truncate = fm.OnTooLong == crosswalk.LengthTruncate
	s.source, s.target = c.source(a), len(c.plan.Target)+1
	s.field = f
	s.labels = labels(a)
	c.plan.steps = append(c.plan.steps, s)
	c.plan.Target = append(c.plan.Target, TargetColumn{
		Field: *f, Kind: column.KindFor(f), Identifier: fm.Identifier, KeepOnNull: fm.OnNull == crosswalk.NullKeep,
	})
}

// attribute returns the attribute that a row of the mapping names, or notes a
// problem and returns nil.
func (c *compiler) attribute(path, name string) *crosswalk.Attribute {
	if name == "" {
		c.problems.Add(path, "Choose the attribute to read.")
		return nil
	}
	a := c.entity.Attribute(name)
	switch {
	case a == nil:
		c.problems.AddHint(path, "Choose another attribute, or refresh the metadata if it was just added.",
			"%s has no attribute %q that can be read.", c.entity.DisplayName, name)
	case !readable(a):
		c.problems.AddHint(path, "Choose another attribute.", "%s (%s) is of a type that cannot be read.", a.DisplayName, name)
	default:
		return a
	}
	return nil
}

// target returns the field that row i of the mapping fills, or notes a
// problem and returns nil.
func (c *compiler) target(path string, i int, name string) *crosswalk.Field {
	if name == "" {
		c.problems.Add(path, "Choose the field to fill.")
		return nil
	}
	f := c.object.Field(name)
	if f == nil {
		c.problems.AddHint(path, "Choose another field.", "%s has no field %q.", c.object.DisplayName, name)
		return nil
	}
	if f.System {
		c.problems.AddHint(path, "Choose another field.", "%s is filled by Crosswalk itself.", f.DisplayName)
		return nil
	}
	if first, ok := c.filled[f.Name]; ok {
		c.problems.AddHint(path, "Remove one of the two rows.", "%s is already filled by row %d.", f.DisplayName, first+1)
		return nil
	}
	c.filled[f.Name] = i
	return f
}

// fits checks what the row asks of its field.
func (c *compiler) fits(at func(string) string, f *crosswalk.Field, fm *crosswalk.FieldMapping) {
	if fm.Identifier && (f.Type == crosswalk.FieldRichText || f.Type == crosswalk.FieldMultiSelect) {
		c.problems.AddHint(at("identifier"), "Choose a short text, a number or a date as identifier.",
			"%s (%s) cannot identify a row.", f.DisplayName, f.Type)
	}
	if fm.OnTooLong != crosswalk.LengthTruncate {
		return
	}
	switch {
	case fm.Identifier:
		c.problems.AddHint(at("on_too_long"), "Reject records whose identifier is too long.",
			"%s is an identifier and cannot be cut: different records could become one.", f.DisplayName)
	case f.Type == crosswalk.FieldEmail || f.Type == crosswalk.FieldURL:
		c.problems.AddHint(at("on_too_long"), "Reject records whose address is too long.",
			"%s holds addresses, which lead nowhere when they are cut.", f.DisplayName)
	}
}

// whole checks what concerns the mapping as a whole.
func (c *compiler) whole(m crosswalk.Mapping) {
	if len(m.Fields) == 0 {
		c.problems.AddHint("mapping.fields", "Add a row for each field to fill, one of them as identifier.", "Nothing is mapped yet.")
		return
	}
	switch n := len(m.Identifiers()); {
	case n == 0:
		c.problems.AddHint("mapping.fields", "Mark the field that tells records apart, usually the one with the record's id.",
			"No row is an identifier, so no record could be found again.")
	case n > crosswalk.MaxIdentifiers:
		c.problems.AddHint("mapping.fields", "Keep those that are needed to tell records apart.",
			"%d rows are identifiers; at most %d can be.", n, crosswalk.MaxIdentifiers)
	}
	for i := range c.object.Fields {
		f := &c.object.Fields[i]
		if _, ok := c.filled[f.Name]; !ok && f.Required && f.Default == "" && !f.System {
			c.problems.AddHint("mapping.fields", "Add a row that fills it.", "%s is required and nothing fills it.", f.DisplayName)
		}
	}
}

// labels returns the attribute's labels by value; options without a label are
// left out.
func labels(a *crosswalk.Attribute) map[int64]string {
	m := make(map[int64]string, len(a.Options))
	for _, o := range a.Options {
		if o.Label != "" {
			m[int64(o.Value)] = o.Label
		}
	}
	return m
}

func sourceName(a *crosswalk.Attribute, label bool) string {
	if label {
		return "The label of " + a.DisplayName
	}
	return a.DisplayName
}
