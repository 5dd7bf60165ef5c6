package mapping

import (
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Input is everything that a plan is made from. None of it may change while
// the plan is in use.
type Input struct {
	Entity *crosswalk.Entity // the table that is read
	// Catalog returns the metadata of a table that a lookup leads to, and
	// CodeNotFound when it cannot be read. Nil means that no lookup can be
	// followed.
	Catalog func(logicalName string) (*crosswalk.Entity, error)
	Object  *crosswalk.Object // the object that is filled
	// Objects returns the object of that API name, nil when there is none. It
	// is asked for the objects that lookups point to, and for Person. Nil means
	// that there are no others.
	Objects   func(name string) *crosswalk.Object
	Mapping   crosswalk.Mapping
	Filter    crosswalk.Filter
	Operation crosswalk.Operation // "" means upsert
	Now       time.Time           // what dates of the filter are relative to
	// Tracked says that the request can neither filter nor expand, as with
	// change tracking: the plan then filters by itself and asks for the ids by
	// which related rows are read.
	Tracked bool
	// Gone are names of Source columns that turned out to be missing, in spite
	// of the metadata.
	Gone []string
}

// Compile makes the plan of a job. The error is a *crosswalk.Error of
// CodeInvalid with every problem at once, at places that begin with "mapping"
// or "filter" as in a job's JSON; or the error of Catalog.
func Compile(in Input) (*Plan, error) {
	c := compiler{in: in, object: in.Object, plan: &Plan{Modified: -1}, filled: map[string]string{}}
	c.compile()
	if c.err != nil {
		return nil, c.err
	}
	if err := c.problems.Err("The job cannot be saved as it is."); err != nil {
		return nil, err
	}
	return c.plan, nil
}

// compiler collects a plan and what is wrong with it.
type compiler struct {
	in       Input
	object   *crosswalk.Object
	plan     *Plan
	problems crosswalk.Problems
	err      error             // that of the catalog
	filled   map[string]string // what fills a field, by its API name
}

func (c *compiler) compile() {
	c.column(-1, c.key().Member(), sourceKind(c.key()))
	for i := range c.in.Mapping.Fields {
		c.field(i, &c.in.Mapping.Fields[i])
	}
	c.whole(c.in.Mapping)
	c.filter(c.in.Filter)
}

// key returns the attribute that holds the key of a record.
func (c *compiler) key() *crosswalk.Attribute {
	if a := c.in.Entity.Attribute(c.in.Entity.PrimaryID); a != nil {
		return a
	}
	return &crosswalk.Attribute{LogicalName: c.in.Entity.PrimaryID, Type: crosswalk.AttributeUniqueID}
}

// field compiles row i of the mapping.
func (c *compiler) field(i int, fm *crosswalk.FieldMapping) {
	at := func(part string) string { return fmt.Sprintf("mapping.fields[%d].%s", i, part) }
	before := len(c.problems)
	r, _ := c.read(at("source"), fm.Source)
	a := r.attribute
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
	s.source, s.target = r.column, len(c.plan.Target)+1
	s.field = f
	s.labels = labels(a)
	c.plan.steps = append(c.plan.steps, s)
	c.plan.Target = append(c.plan.Target, TargetColumn{
		Field: *f, Kind: column.KindFor(f), Identifier: fm.Identifier, KeepOnNull: fm.OnNull == crosswalk.NullKeep,
	})
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
		c.problems.AddHint(path, "Remove one of the two rows.", "%s is already filled by %s.", f.DisplayName, first)
		return nil
	}
	c.filled[f.Name] = fmt.Sprintf("row %d", i+1)
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
