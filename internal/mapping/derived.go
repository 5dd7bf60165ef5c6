package mapping

import (
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// need is a derived lookup without which there is no row: a record whose match
// values are all empty is rejected.
type need struct {
	columns []int // of the batch
	step    *step
}

// derived compiles derived mapping i.
func (c *compiler) derived(s *sink, i int, dm *crosswalk.DerivedMapping) {
	at := func(part string) string { return fmt.Sprintf("mapping.derived[%d].%s", i, part) }
	before := len(c.problems)
	f := c.target(s, at("target"), fmt.Sprintf("derived mapping %d", i+1), dm.Target)
	var o *crosswalk.Object
	if f != nil {
		o = c.pointsTo(at("target"), f)
	}
	d := Derived{OnSeveral: dm.OnSeveral, OnNone: dm.OnNone, Identifier: c.identifies(f)}
	c.matchPolicies(at, &d, f)
	if len(dm.Match) == 0 || len(dm.Match) > crosswalk.MaxIdentifiers {
		c.problems.AddHint(at("match"), "Pair a value of the record with a field of the other object, usually its id with External ID.",
			"A derived mapping has 1 to %d pairs, not %d.", crosswalk.MaxIdentifiers, len(dm.Match))
	}
	n := need{}
	paired := map[string]bool{}
	for j := range dm.Match {
		m := &dm.Match[j]
		mat := func(part string) string { return at(fmt.Sprintf("match[%d].%s", j, part)) }
		if m.Field != "" && paired[m.Field] {
			c.problems.Add(mat("field"), "%s is in two pairs.", m.Field)
		}
		paired[m.Field] = true
		if t := c.pair(mat, o, f, m); t != nil {
			n.columns = append(n.columns, c.next)
			c.next++
			d.Match = append(d.Match, *t)
		}
	}
	if f == nil || o == nil || len(c.problems) > before {
		return
	}
	d.Field, d.Object = *f, o.Name
	c.plan.Derived = append(c.plan.Derived, d)
	switch {
	case d.Identifier:
		n.step = &step{field: f, name: f.Name, display: f.DisplayName, source: -1, empty: crosswalk.RejectIdentifierEmpty}
	case f.Required && c.in.Operation != crosswalk.OperationUpdate:
		n.step = &step{field: f, name: f.Name, display: f.DisplayName, source: -1, empty: crosswalk.RejectRequiredEmpty}
	default:
		return
	}
	c.plan.needs = append(c.plan.needs, n)
}

// identifies reports whether the lookup is one of those by which a Company
// Person is found.
func (c *compiler) identifies(f *crosswalk.Field) bool {
	return f != nil && c.in.Mapping.Person != nil && c.in.Object.Name == companyPerson && f.Name == companyField
}

// pointsTo returns the object that a lookup field points to, or notes a
// problem and returns nil.
func (c *compiler) pointsTo(at string, f *crosswalk.Field) *crosswalk.Object {
	if f.Type != crosswalk.FieldLookup {
		c.problems.AddHint(at, "Fill it by a row of the field mapping.", "%s (%s) is not a lookup.", f.DisplayName, f.Type)
		return nil
	}
	if f.Lookup == c.in.Object.Name {
		return c.in.Object
	}
	var o *crosswalk.Object
	if c.in.Objects != nil {
		o = c.in.Objects(f.Lookup)
	}
	if o == nil {
		c.drift(at, DriftField, "The object "+f.Lookup+" no longer exists")
		c.problems.AddHint(at, "Choose another field.", "%s points to %s, and there is no such object.", f.DisplayName, f.Lookup)
	}
	return o
}

// matchPolicies checks what happens when no row matches and when several do, and
// fills in the defaults.
func (c *compiler) matchPolicies(at func(string) string, d *Derived, f *crosswalk.Field) {
	if !slices.Contains([]crosswalk.SeveralPolicy{"", crosswalk.SeveralAny, crosswalk.SeveralReject}, d.OnSeveral) {
		c.problems.AddHint(at("on_several"), `Choose "any" or "reject".`, "%q is not a way to treat several matches.", d.OnSeveral)
	}
	if !slices.Contains([]crosswalk.NonePolicy{"", crosswalk.NoneEmpty, crosswalk.NoneReject}, d.OnNone) {
		c.problems.AddHint(at("on_none"), `Choose "empty" or "reject".`, "%q is not a way to treat values without a match.", d.OnNone)
	}
	if d.OnSeveral == "" {
		d.OnSeveral = crosswalk.SeveralAny
	}
	own := f != nil && f.Lookup == c.in.Object.Name
	switch {
	case d.OnNone == crosswalk.NoneReject && own:
		c.problems.AddHint(at("on_none"), "Leave it empty: the lookup is filled when the row has come.",
			"%s points to the object that the job fills, so the row that it waits for can come later.", f.DisplayName)
	case d.OnNone == crosswalk.NoneEmpty && d.Identifier:
		c.problems.AddHint(at("on_none"), "Choose to reject.", "A Company Person is found by its company, which therefore cannot stay empty.")
	case d.OnNone == crosswalk.NoneEmpty && f != nil && f.Required:
		c.problems.AddHint(at("on_none"), "Choose to reject.", "%s is required and cannot stay empty.", f.DisplayName)
	case d.OnNone == "" && (d.Identifier || f != nil && f.Required && !own):
		d.OnNone = crosswalk.NoneReject
	case d.OnNone == "":
		d.OnNone = crosswalk.NoneEmpty
	}
}

// pair compiles one pair of a derived mapping: a value of the record, typed like
// the field of the other object that it must equal. o is nil when the object is
// unknown, and lookup when the field to fill is.
func (c *compiler) pair(at func(string) string, o *crosswalk.Object, lookup *crosswalk.Field, m *crosswalk.MatchPair) *TargetColumn {
	before := len(c.problems)
	c.reads = nil
	fm := &crosswalk.FieldMapping{Source: m.Source, Fallback: m.Fallback, Constant: m.Constant, Label: m.Label}
	c.kinds(at, fm)
	source, others := c.known(at, fm)
	c.policies(at, fm, source.attribute)
	if m.Field == "" {
		c.problems.Add(at("field"), "Choose the field that must equal the value.")
	}
	if o == nil || lookup == nil || m.Field == "" {
		return nil
	}
	f, usable := o.Field(m.Field), len(c.problems)
	switch {
	case f == nil:
		c.drift(at("field"), DriftField, fmt.Sprintf("%s no longer has the field %s", o.DisplayName, m.Field))
		c.problems.AddHint(at("field"), "Choose another field.", "%s has no field %q.", o.DisplayName, m.Field)
	case f.System:
		c.problems.AddHint(at("field"), "Choose a field that a job fills, usually External ID.", "%s is filled by Crosswalk itself, and no record knows it.", f.DisplayName)
	case f.Type == crosswalk.FieldRichText, f.Type == crosswalk.FieldMultiSelect, f.Type == crosswalk.FieldLookup:
		c.problems.AddHint(at("field"), "Choose a short text, a number or a date.", "%s (%s) cannot be compared with a value of a record.", f.DisplayName, f.Type)
	}
	if len(c.problems) > usable {
		return nil
	}
	compared := *f
	compared.MaxLength = 0 // a longer text equals no value, which does not make the record wrong
	st := step{source: -1, target: c.next, field: &compared, name: lookup.Name, display: lookup.DisplayName + " (" + f.DisplayName + ")", zone: c.zone}
	if f.Type == crosswalk.FieldDropdown {
		st.options = c.plan.dropdown(o.Name, f, crosswalk.OptionReject)
	}
	more := more{match: true}
	if fm.Constant != "" {
		more.constant = c.constant(at("constant"), &st, fm.Constant)
	} else {
		c.sources(&st, &more, at, at("source"), source, others, fm)
	}
	if len(c.problems) > before {
		return nil
	}
	if st.reads = c.reads; st.op == opText || st.options != nil || more.constant != nil || len(more.paths) > 0 {
		st.more = &more // no other conversion gives empty texts
	}
	c.plan.steps = append(c.plan.steps, st)
	return &TargetColumn{Field: *f, Kind: column.KindFor(f)}
}
