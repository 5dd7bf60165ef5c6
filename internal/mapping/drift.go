package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// DriftKind says what changed since a job was saved.
type DriftKind string

// The kinds of drift.
const (
	DriftAttribute DriftKind = "attribute_gone" // an attribute went away, or may no longer be read
	DriftTable     DriftKind = "table_gone"     // a table that a lookup leads to went away, or may no longer be read
	DriftType      DriftKind = "type_changed"   // an attribute no longer fits what it fills or is compared with
	DriftField     DriftKind = "field_gone"     // a field or an object went away
	DriftOption    DriftKind = "option_gone"    // an option that the filter names went away
	DriftOther     DriftKind = "other"          // something else that a saved job may not have
)

// Finding is one difference between what a saved job needs and what exists.
type Finding struct {
	Place   string    `json:"place" doc:"Place in the job, for example mapping.fields[2].source"`
	Kind    DriftKind `json:"kind" enum:"attribute_gone,table_gone,type_changed,field_gone,option_gone,other"`
	Message string    `json:"message" doc:"What changed, and what a run does about it"`
	Fails   bool      `json:"fails" doc:"Whether runs fail until the job is corrected; else they go on with less"`
}

// Drift compares a saved job with today's metadata and objects. It returns nothing
// when the job can run as it was saved. The error is that of Catalog: what cannot
// be read at the moment has not drifted.
func Drift(in Input) ([]Finding, error) {
	_, findings, err := degrade(in)
	if err != nil {
		return nil, err
	}
	return append(findings, lostOptions(in)...), nil
}

// Degrade returns the input without what Dynamics no longer has, and a warning for
// each part that it leaves out. Paths are left out of their rows; rows and derived
// mappings of which nothing remains are left out of the mapping, so that their
// fields keep their values. Parts without which the job would mean something else
// stay, for Compile to refuse: identifiers, required fields, the person's match
// field, the company of a person, and the filter.
func Degrade(in Input) (Input, []string) {
	in, findings, _ := degrade(in) // Compile returns the error of Catalog
	var warnings []string
	for _, f := range findings {
		if !f.Fails {
			warnings = append(warnings, f.Message)
		}
	}
	return in, warnings
}

// drift is a problem that a job did not have when it was saved.
type drift struct {
	at    string
	kind  DriftKind
	cause string // in words, without a full stop
}

func (c *compiler) drift(at string, kind DriftKind, cause string) {
	c.drifts = append(c.drifts, drift{at, kind, cause})
}

// at returns the place of a part of row i.
func at(place string, i int, part string) string { return fmt.Sprintf("%s[%d].%s", place, i, part) }

// degrader leaves out of a mapping what has drifted.
type degrader struct {
	in       Input
	drifts   []drift
	findings []Finding
}

func degrade(in Input) (Input, []Finding, error) {
	c := compiler{in: in, plan: &Plan{}}
	c.compile()
	if c.err != nil || len(c.problems) == 0 {
		return in, nil, c.err
	}
	d := degrader{in: in, drifts: c.drifts}
	for _, p := range c.problems {
		known := slices.ContainsFunc(d.drifts, func(x drift) bool { return x.at == p.Field })
		if !known && strings.HasSuffix(p.Field, ".formula") {
			d.drifts = append(d.drifts, drift{p.Field, DriftType, strings.TrimSuffix(p.Message, ".")})
		}
	}
	m := &d.in.Mapping
	m.Fields = d.rows("mapping.fields", m.Fields, in.Object, "")
	m.Derived = d.derived(m.Derived)
	if m.Person != nil && in.Objects != nil {
		if o := in.Objects(personObject); o != nil {
			person := *m.Person
			match := person.Match
			if match == "" {
				match = emailField
			}
			person.Fields = d.rows("mapping.person.fields", person.Fields, o, match)
			m.Person = &person
		}
	}
	d.rest(c.problems)
	return d.in, d.findings, nil
}

// lost returns what drifted at a place.
func (d *degrader) lost(at string) (drift, bool) {
	i := slices.IndexFunc(d.drifts, func(x drift) bool { return x.at == at })
	if i < 0 {
		return drift{}, false
	}
	return d.drifts[i], true
}

func (d *degrader) add(x drift, fails bool, effect string) {
	d.findings = append(d.findings, Finding{Place: x.at, Kind: x.kind, Message: x.cause + ", so " + effect, Fails: fails})
}

// rows returns the rows without what drifted. match is the field by which a
// person is found.
func (d *degrader) rows(place string, rows []crosswalk.FieldMapping, o *crosswalk.Object, match string) []crosswalk.FieldMapping {
	var kept []crosswalk.FieldMapping
	for i, fm := range rows {
		name, needed := fm.Target, fm.Identifier || fm.Target == match && match != ""
		if f := o.Field(fm.Target); f != nil {
			name = f.DisplayName
			needed = needed || f.Required && d.in.Operation != crosswalk.OperationUpdate
		}
		paths, ok := d.paths(place, i, name, fm.Source, fm.Fallback, needed, "target", "formula")
		if !ok && !needed {
			continue
		}
		if ok && len(paths) > 0 && paths[0] != fm.Source {
			fm = d.promoted(fm, paths[0])
		}
		if ok && len(paths) > 0 {
			fm.Fallback = paths[1:]
		}
		kept = append(kept, fm)
	}
	return kept
}

// paths returns the paths of row i that still exist, and false when none does or
// when something else that the row needs is gone; it notes what that means for the
// field of that name. whole are the places of what the row cannot do without.
func (d *degrader) paths(place string, i int, name, source string, fallback []string, needed bool, whole ...string) ([]string, bool) {
	end := name + " is not filled and keeps the values it has."
	if needed {
		end = "the run fails: it cannot do without " + name + "."
	}
	var gone []drift
	var left []string
	for j, path := range append([]string{source}, fallback...) {
		part := "source"
		if j > 0 {
			part = fmt.Sprintf("fallback[%d]", j-1)
		}
		x, lost := d.lost(at(place, i, part))
		if j == 0 && !lost {
			// That the first attribute no longer fits is reported at the field.
			x, lost = d.lost(at(place, i, "target"))
			lost = lost && x.kind == DriftType
		}
		switch {
		case lost:
			gone = append(gone, x)
		case path != "":
			left = append(left, path)
		}
	}
	for _, part := range whole {
		if x, lost := d.lost(at(place, i, part)); lost && x.kind == DriftField || lost && part == "formula" {
			d.add(x, needed, end)
			return nil, false
		}
	}
	for _, x := range gone {
		if len(left) > 0 {
			d.add(x, false, name+" is filled without it.")
		} else {
			d.add(x, needed, end)
		}
	}
	return left, len(gone) == 0 || len(left) > 0
}

// promoted returns the row with another first path. What was asked of the former
// first path stays as far as it applies to the new one.
func (d *degrader) promoted(fm crosswalk.FieldMapping, path string) crosswalk.FieldMapping {
	fm.Source = path
	c := compiler{in: d.in, plan: &Plan{}}
	if t, ok := c.resolve("", path); ok {
		fm.Label = fm.Label && (t.attribute.HasLabels() || t.attribute.IsLookup())
		fm.Table = fm.Table && t.attribute.IsLookup()
		fm.Negate = fm.Negate && t.attribute.Type == crosswalk.AttributeBoolean
	}
	return fm
}

// derived returns the derived mappings all of whose pairs still exist: with one
// pair less, a different row could match.
func (d *degrader) derived(all []crosswalk.DerivedMapping) []crosswalk.DerivedMapping {
	var kept []crosswalk.DerivedMapping
	for i, dm := range all {
		f := d.in.Object.Field(dm.Target)
		name, needed := dm.Target, false
		if f != nil {
			c := compiler{in: d.in}
			name, needed = f.DisplayName, f.Required && d.in.Operation != crosswalk.OperationUpdate || c.identifies(f)
		}
		if x, lost := d.lost(at("mapping.derived", i, "target")); lost {
			effect := name + " is not filled."
			if needed {
				effect = "the run fails: it cannot do without " + name + "."
				kept = append(kept, dm)
			}
			d.add(x, needed, effect)
			continue
		}
		whole := true
		dm.Match = slices.Clone(dm.Match)
		for j := range dm.Match {
			m := &dm.Match[j]
			place := fmt.Sprintf("mapping.derived[%d].match", i)
			paths, ok := d.paths(place, j, name, m.Source, m.Fallback, needed, "field")
			whole = whole && ok
			if ok && len(paths) > 0 {
				m.Label = m.Label && (paths[0] == m.Source || d.promoted(crosswalk.FieldMapping{Label: true}, paths[0]).Label)
				m.Source, m.Fallback = paths[0], paths[1:]
			}
		}
		switch {
		case whole:
			kept = append(kept, dm)
		case needed:
			kept = append(kept, all[i])
		}
	}
	return kept
}

// rest notes the problems that leaving something out does not solve.
func (d *degrader) rest(problems crosswalk.Problems) {
	for _, p := range problems {
		x, drifted := d.lost(p.Field)
		switch filter := strings.HasPrefix(p.Field, "filter."); {
		case drifted && filter:
			d.add(x, true, "the filter cannot be applied and runs fail.")
		case !drifted && filter:
			d.findings = append(d.findings, Finding{p.Field, DriftType, p.Message + " Runs fail until the filter is corrected.", true})
		case !drifted:
			d.findings = append(d.findings, Finding{p.Field, DriftOther, p.Message + " Runs fail until the job is corrected.", true})
		}
	}
}

// lostOptions reports options that the filter names and that their attributes no
// longer have.
func lostOptions(in Input) []Finding {
	var findings []Finding
	c := compiler{in: in, plan: &Plan{}}
	for i := range in.Filter.Conditions {
		condition := &in.Filter.Conditions[i]
		t, ok := c.resolve("", condition.Attribute)
		if !ok || !t.attribute.HasLabels() || t.attribute.Type == crosswalk.AttributeBoolean || len(t.attribute.Options) == 0 {
			continue
		}
		for j, v := range condition.Values {
			if slices.ContainsFunc(t.attribute.Options, func(o crosswalk.Option) bool { return fmt.Sprint(o.Value) == v }) {
				continue
			}
			findings = append(findings, Finding{
				Place: fmt.Sprintf("filter.conditions[%d].values[%d]", i, j), Kind: DriftOption,
				Message: fmt.Sprintf("%s no longer has the option %s, so condition %d compares with a value that only old records can have.", t.attribute.DisplayName, v, i+1),
			})
		}
	}
	return findings
}
