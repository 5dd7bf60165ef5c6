package mapping

import (
	"fmt"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// sink is an object whose fields the rows of a mapping fill: that of the job, or
// Person.
type sink struct {
	object  *crosswalk.Object
	place   string            // of the rows in the job: mapping.fields
	prefix  string            // of fields in rejects: "" or Person.
	filled  map[string]string // what fills a field, by its API name
	key     string            // field that is the identifier whatever the rows say, or ""
	columns []TargetColumn
}

// reading says what is read of an attribute, and what for.
type reading struct {
	label, table, negate bool
	match                bool // to compare with a field, not to fill it
}

// row compiles row i of a mapping.
func (c *compiler) row(s *sink, i int, fm *crosswalk.FieldMapping) {
	at := func(part string) string { return fmt.Sprintf("%s[%d].%s", s.place, i, part) }
	before := len(c.problems)
	c.reads = nil
	c.kinds(at, fm)
	source, others := c.known(at, fm)
	f := c.target(s, at("target"), fmt.Sprintf("row %d", i+1), fm.Target)
	c.policies(at, fm, source.attribute)
	if f == nil {
		return
	}
	identifier := fm.Identifier || f.Name == s.key
	c.fits(at, f, fm, identifier)
	st := step{
		source: -1, target: c.next, field: f, name: s.prefix + f.Name, display: f.DisplayName,
		truncate: fm.OnTooLong == crosswalk.LengthTruncate, zone: c.zone,
	}
	if f.Type == crosswalk.FieldDropdown || f.Type == crosswalk.FieldMultiSelect {
		st.options = c.plan.dropdown(s.object.Name, f, fm.OnUnknown)
	}
	more := more{lower: identifier && s.key == emailField}
	switch {
	case fm.Constant != "":
		more.constant = c.constant(at("constant"), &st, fm.Constant)
	case fm.Formula != "":
		more.formula = c.formula(at("formula"), fm.Formula, f)
	default:
		c.sources(&st, &more, at, at("target"), source, others, fm)
	}
	if fm.Default != "" {
		more.otherwise = c.constant(at("default"), &st, fm.Default)
	}
	keep := fm.OnNull == crosswalk.NullKeep
	switch {
	case identifier:
		st.empty = crosswalk.RejectIdentifierEmpty
	case f.Required && !(keep && c.in.Operation == crosswalk.OperationUpdate):
		st.empty = crosswalk.RejectRequiredEmpty
	}
	if len(c.problems) > before {
		return
	}
	if more.used() {
		st.more = &more
	}
	st.reads = c.reads
	c.plan.steps = append(c.plan.steps, st)
	c.next++
	s.columns = append(s.columns, TargetColumn{Field: *f, Kind: column.KindFor(f), Identifier: identifier, KeepOnNull: keep})
}

// kinds checks that a row takes its value from one kind of source only.
func (c *compiler) kinds(at func(string) string, fm *crosswalk.FieldMapping) {
	given := 0
	for _, part := range []struct{ name, value string }{{"source", fm.Source}, {"constant", fm.Constant}, {"formula", fm.Formula}} {
		if part.value == "" {
			continue
		}
		if given++; given > 1 {
			c.problems.AddHint(at(part.name), "Keep only one of them.", "A row takes its value from an attribute, a constant or a formula, not from two of them.")
		}
	}
	if fm.Source != "" {
		return
	}
	for _, part := range []struct {
		name string
		set  bool
	}{{"fallback", len(fm.Fallback) > 0}, {"label", fm.Label}, {"table", fm.Table}, {"negate", fm.Negate}} {
		if part.set && given > 0 {
			c.problems.AddHint(at(part.name), "Leave it out.", "Only a row that reads an attribute can have that.")
		}
	}
}

// known finds the attributes that a row reads, the first and the fallbacks, so that
// problems of each are reported whatever else is wrong with the row. Where there is
// none, the trail has no attribute.
func (c *compiler) known(at func(string) string, fm *crosswalk.FieldMapping) (trail, []trail) {
	if fm.Source == "" && (fm.Constant != "" || fm.Formula != "") {
		return trail{}, nil
	}
	find := func(at, path string) trail {
		t, ok := c.resolve(at, path)
		if !ok {
			t.attribute = nil
		}
		return t
	}
	source := find(at("source"), fm.Source)
	others := make([]trail, len(fm.Fallback))
	for j, path := range fm.Fallback {
		others[j] = find(at(fmt.Sprintf("fallback[%d]", j)), path)
	}
	return source, others
}

// sources compiles how the attributes that a row reads fill the step's field. That
// the first of them does not fit is reported at place.
func (c *compiler) sources(st *step, m *more, at func(string) string, place string, source trail, others []trail, fm *crosswalk.FieldMapping) {
	want := reading{label: fm.Label, table: fm.Table, negate: fm.Negate, match: m.match}
	if source.attribute != nil {
		c.source(st, place, source, want)
	}
	for j, t := range others {
		if t.attribute == nil {
			continue
		}
		// What is asked of the first attribute is asked of the others too, as far
		// as it applies to them.
		other, has := *st, want
		has.label = want.label && (t.attribute.HasLabels() || t.attribute.IsLookup())
		has.table = want.table && t.attribute.IsLookup()
		has.negate = want.negate && t.attribute.Type == crosswalk.AttributeBoolean
		other.labels, other.choices = nil, nil
		c.source(&other, at(fmt.Sprintf("fallback[%d]", j)), t, has)
		m.paths = append(m.paths, other)
	}
}

// source compiles how one attribute fills the step's field.
func (c *compiler) source(st *step, at string, t trail, want reading) {
	a := t.attribute
	named := want.label && !want.table && a.IsLookup()
	switch {
	case named, want.table:
		st.op = opNone
		switch st.field.Type {
		case crosswalk.FieldString, crosswalk.FieldRichText:
			st.op = opText
		case crosswalk.FieldDropdown:
			st.op = opTextToOption
		}
	default:
		st.op = operation(a, want.label, st.field)
	}
	if want.match {
		st.op = st.op.compared()
	}
	if st.op == opNone {
		c.drift(at, DriftType, fmt.Sprintf("%s (%s) no longer fits %s (%s)", a.DisplayName, a.Type, st.field.DisplayName, st.field.Type))
		verb := "fill"
		if want.match {
			verb = "be compared with"
		}
		c.problems.AddHint(at, hintFor(a, st.field), "%s (%s) cannot %s %s (%s).", sourceName(a, want), a.Type, verb, st.field.DisplayName, st.field.Type)
		return
	}
	st.negate = want.negate
	if a.HasLabels() {
		st.labels = labels(a)
	}
	if st.op == opOption {
		st.choices = choices(st.labels)
	}
	r := c.take(t)
	st.source = r.column
	switch {
	case want.table:
		st.source = c.annotation(r.related, a, LookupTable)
	case named:
		st.source = c.annotation(r.related, a, FormattedValue)
	}
}

// target returns the field that a row of the mapping fills, or notes a
// problem and returns nil.
func (c *compiler) target(s *sink, at, by, name string) *crosswalk.Field {
	if name == "" {
		c.problems.Add(at, "Choose the field to fill.")
		return nil
	}
	f := s.object.Field(name)
	if f == nil {
		c.drift(at, DriftField, fmt.Sprintf("%s no longer has the field %s", s.object.DisplayName, name))
		c.problems.AddHint(at, "Choose another field.", "%s has no field %q.", s.object.DisplayName, name)
		return nil
	}
	if f.System {
		c.problems.AddHint(at, "Choose another field.", "%s is filled by Crosswalk itself.", f.DisplayName)
		return nil
	}
	if first, ok := s.filled[f.Name]; ok {
		c.problems.AddHint(at, "Remove one of the two.", "%s is already filled by %s.", f.DisplayName, first)
		return nil
	}
	s.filled[f.Name] = by
	return f
}

// policies checks a row's policies, and what it asks of its attribute, which is nil
// when it has none.
func (c *compiler) policies(at func(string) string, fm *crosswalk.FieldMapping, a *crosswalk.Attribute) {
	if a != nil {
		switch {
		case fm.Label && !a.HasLabels() && !a.IsLookup():
			c.problems.AddHint(at("label"), "Take its value instead.", "%s (%s) has no labels.", a.DisplayName, a.Type)
		case fm.Label && fm.Table:
			c.problems.AddHint(at("table"), "Choose one of them.", "A row takes either the name of the row that a lookup leads to, or its table.")
		case fm.Table && !a.IsLookup():
			c.problems.AddHint(at("table"), "Take its value instead.", "%s (%s) is not a lookup, so it leads to no table.", a.DisplayName, a.Type)
		}
		if fm.Negate && a.Type != crosswalk.AttributeBoolean {
			c.problems.AddHint(at("negate"), "Turn the inversion off.", "Only a Boolean can be inverted; %s is of type %s.", a.DisplayName, a.Type)
		}
	}
	if !slices.Contains([]crosswalk.NullPolicy{"", crosswalk.NullOverwrite, crosswalk.NullKeep}, fm.OnNull) {
		c.problems.AddHint(at("on_null"), `Choose "overwrite" or "keep".`, "%q is not a way to treat empty values.", fm.OnNull)
	}
	if !slices.Contains([]crosswalk.LengthPolicy{"", crosswalk.LengthReject, crosswalk.LengthTruncate}, fm.OnTooLong) {
		c.problems.AddHint(at("on_too_long"), `Choose "reject" or "truncate".`, "%q is not a way to treat long texts.", fm.OnTooLong)
	}
	if !slices.Contains([]crosswalk.OptionPolicy{"", crosswalk.OptionAdd, crosswalk.OptionReject, crosswalk.OptionNull}, fm.OnUnknown) {
		c.problems.AddHint(at("on_unknown"), `Choose "add", "reject" or "null".`, "%q is not a way to treat unknown options.", fm.OnUnknown)
	}
}

// fits checks what the row asks of its field.
func (c *compiler) fits(at func(string) string, f *crosswalk.Field, fm *crosswalk.FieldMapping, identifier bool) {
	switch f.Type {
	case crosswalk.FieldRichText, crosswalk.FieldMultiSelect:
		if identifier {
			c.problems.AddHint(at("identifier"), "Choose a short text, a number or a date as identifier.",
				"%s (%s) cannot identify a row.", f.DisplayName, f.Type)
		}
	case crosswalk.FieldLookup:
		if fm.Source == "" && (fm.Constant != "" || fm.Formula != "") {
			c.problems.AddHint(at("target"), "Add a derived mapping, which can match a constant too.", "%s is a lookup and cannot be filled directly.", f.DisplayName)
		}
	}
	if identifier && fm.Default != "" {
		c.problems.AddHint(at("default"), "Leave it out: records without an identifier are rejected.",
			"%s is an identifier: records without one would all become one row.", f.DisplayName)
	}
	if fm.OnTooLong != crosswalk.LengthTruncate {
		return
	}
	switch {
	case identifier:
		c.problems.AddHint(at("on_too_long"), "Reject records whose identifier is too long.",
			"%s is an identifier and cannot be cut: different records could become one.", f.DisplayName)
	case f.Type == crosswalk.FieldMultiSelect:
		c.problems.AddHint(at("on_too_long"), "Reject records with too many options.",
			"%s holds options, and a cut text could hold another one.", f.DisplayName)
	case f.Type == crosswalk.FieldEmail || f.Type == crosswalk.FieldURL:
		c.problems.AddHint(at("on_too_long"), "Reject records whose address is too long.",
			"%s holds addresses, which lead nowhere when they are cut.", f.DisplayName)
	}
}

// labels returns the attribute's labels by value, without options that have none.
func labels(a *crosswalk.Attribute) map[int64]string {
	m := make(map[int64]string, len(a.Options))
	for _, o := range a.Options {
		if o.Label != "" {
			m[int64(o.Value)] = o.Label
		}
	}
	return m
}

func sourceName(a *crosswalk.Attribute, want reading) string {
	switch {
	case want.table:
		return "The table of " + a.DisplayName
	case want.label && a.IsLookup():
		return "The name of " + a.DisplayName
	case want.label:
		return "The label of " + a.DisplayName
	}
	return a.DisplayName
}
