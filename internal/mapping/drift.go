package mapping

import "fmt"

// at returns the place of a part of row i.
func at(place string, i int, part string) string { return fmt.Sprintf("%s[%d].%s", place, i, part) }

// DriftKind says what changed since a job was saved.
type DriftKind string

// The kinds of drift.
const (
	DriftAttribute DriftKind = "attribute_gone" // an attribute went away, or may no longer be read
	DriftTable     DriftKind = "table_gone"     // a table that a lookup leads to went away, or may no longer be read
	DriftType      DriftKind = "type_changed"   // an attribute no longer fits what it fills
	DriftField     DriftKind = "field_gone"     // a field or an object went away
	DriftOption    DriftKind = "option_gone"    // an option that the filter names went away
)

// drift is a problem that a job has not had when it was saved.
type drift struct {
	at    string
	kind  DriftKind
	cause string // in words, without a full stop
}

func (c *compiler) drift(at string, kind DriftKind, cause string) {
	c.drifts = append(c.drifts, drift{at, kind, cause})
}
