package sandbox

import (
	"fmt"
	"slices"
)

// SetLabel gives a column another display name; an empty one leaves it without
// a label. It fails when there is no such column.
func (s *Sandbox) SetLabel(table, column, label string) error {
	return s.define(table, func(e *entity, _ *tableChange) error {
		a := e.byName[column]
		if a == nil {
			return fmt.Errorf("sandbox: %s has no column %s", table, column)
		}
		b := *a
		b.raw = a.raw.with("DisplayName", label)
		e.replace(a, &b)
		return nil
	})
}

// SetOptionLabel gives an option of a column another label; an empty one leaves
// it without a label. Rows keep its value. It fails when the column has no such
// option.
func (s *Sandbox) SetOptionLabel(table, column string, value int64, label string) error {
	return s.define(table, func(e *entity, _ *tableChange) error {
		a := e.byName[column]
		if a == nil || !slices.ContainsFunc(a.options, func(o option) bool { return o.value == value }) {
			return fmt.Errorf("sandbox: %s has no column %s with an option %d", table, column, value)
		}
		b, set := *a, a.raw.object("OptionSet")
		b.options = slices.Clone(a.options)
		for i := range b.options {
			if b.options[i].value == value {
				b.options[i].label = label
			}
		}
		options := slices.Clone(set.list("Options"))
		for i, v := range options {
			if o := v.(object); o.int("Value") == value {
				options[i] = o.with("Label", label)
			}
		}
		if len(options) > 0 {
			set = set.with("Options", options)
		}
		for i, name := range []string{"FalseOption", "TrueOption"} {
			if o := set.object(name); o != nil && int64(i) == value {
				set = set.with(name, o.with("Label", label))
			}
		}
		b.raw = a.raw.with("OptionSet", set)
		e.replace(a, &b)
		return nil
	})
}

// replace puts another version of an attribute in its place.
func (e *entity) replace(a, b *attribute) {
	e.attributes = slices.Clone(e.attributes)
	e.attributes[slices.Index(e.attributes, a)] = b
}
