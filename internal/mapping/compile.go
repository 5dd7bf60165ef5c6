package mapping

import (
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
)

// Input is everything from which a plan is made. None of it may change while the
// plan is in use.
type Input struct {
	Entity *crosswalk.Entity // the table that is read
	// Catalog returns the metadata of a table that a lookup leads to, and
	// CodeNotFound when it cannot be read. Nil means that no lookup can be
	// followed.
	Catalog func(logicalName string) (*crosswalk.Entity, error)
	Object  *crosswalk.Object // the object that is filled
	// Objects returns the object of that API name, or nil. It is called for the
	// objects to which lookups point, and for Person. Nil means that there are no
	// other objects.
	Objects   func(name string) *crosswalk.Object
	Mapping   crosswalk.Mapping
	Filter    crosswalk.Filter
	Operation crosswalk.Operation // "" means upsert
	Now       time.Time           // the moment to which relative dates refer
	// Tracked says that the request can neither filter nor expand, as with change
	// tracking: the plan then filters by itself and reads the ids by which related
	// rows are read separately.
	Tracked bool
	// Gone are the names of Source columns that turned out to be missing, despite
	// the metadata.
	Gone []string
}

// Compile makes the plan of a job. The error is a *crosswalk.Error of CodeInvalid
// with all problems, at places that begin with "mapping" or "filter" as in a
// job's JSON, or the error of Catalog.
func Compile(in Input) (*Plan, error) {
	c := compiler{in: in, plan: &Plan{Modified: -1}}
	c.compile()
	if c.err != nil {
		return nil, c.err
	}
	if len(c.problems) > 0 {
		return nil, &crosswalk.Error{
			Code:    crosswalk.CodeInvalid,
			Message: "The job does not fit its table or its object.",
			Hint:    "Look at its drift, which compares it with the metadata of today, and change it.",
			Fields:  c.problems,
		}
	}
	return c.plan, nil
}

// compiler collects a plan and what is wrong with it.
type compiler struct {
	in       Input
	plan     *Plan
	zone     *time.Location // in which moments become days; nil is UTC
	problems crosswalk.Problems
	drifts   []drift
	err      error // that of the catalog
	next     int   // column of the batch for the next field
	reads    []int // columns of Source that the row being compiled reads
}

func (c *compiler) compile() {
	c.column(-1, c.key().Member(), sourceKind(c.key()))
	c.zone = c.timeZone(c.in.Mapping.TimeZone)
	c.next = 1
	record := &sink{object: c.in.Object, place: "mapping.fields", filled: map[string]string{}}
	if c.in.Mapping.Person != nil && c.in.Object.Name == companyPerson {
		record.filled[personField] = "the person's mapping"
	}
	for i := range c.in.Mapping.Fields {
		c.row(record, i, &c.in.Mapping.Fields[i])
	}
	c.plan.Target = record.columns
	for i := range c.in.Mapping.Derived {
		c.derived(record, i, &c.in.Mapping.Derived[i])
	}
	c.person()
	c.whole(record)
	c.filter(c.in.Filter)
	c.modified()
	if n := len(c.plan.Related); n > maxExpand {
		c.problems.AddHint("mapping", "Leave some of them out.", "%d lookups are followed; Dynamics follows at most %d for one request.", n, maxExpand)
	}
}

// maxExpand is how many navigation properties a request of Dataverse can
// expand.
const maxExpand = 15

// key returns the attribute that holds the key of a record.
func (c *compiler) key() *crosswalk.Attribute {
	if a := c.in.Entity.Attribute(c.in.Entity.PrimaryID); a != nil {
		return a
	}
	return &crosswalk.Attribute{LogicalName: c.in.Entity.PrimaryID, Type: crosswalk.AttributeUniqueID}
}

// timeZone returns the zone of that name, nil for UTC.
func (c *compiler) timeZone(name string) *time.Location {
	if name == "" || name == "UTC" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		c.problems.AddHint("mapping.time_zone", "Choose one like Europe/Berlin or America/New_York.", "There is no time zone %q.", name)
		return nil
	}
	return zone
}

// whole checks what concerns the mapping as a whole.
func (c *compiler) whole(s *sink) {
	m := &c.in.Mapping
	if len(m.Fields) == 0 && len(m.Derived) == 0 && m.Person == nil {
		c.problems.AddHint("mapping.fields", "Add a row for each field to fill, one of them as identifier.", "Nothing is mapped yet.")
		return
	}
	if m.Person == nil {
		c.identifiers(m)
	}
	if c.in.Operation == crosswalk.OperationUpdate {
		return // rows that exist have what is required
	}
	for i := range s.object.Fields {
		f := &s.object.Fields[i]
		if _, ok := s.filled[f.Name]; !ok && f.Required && f.Default == "" && !f.System {
			c.problems.AddHint("mapping.fields", "Add a row that fills it.", "%s is required and nothing fills it.", f.DisplayName)
		}
	}
}

// identifiers checks the rows that decide which row a record updates.
func (c *compiler) identifiers(m *crosswalk.Mapping) {
	n, constants := 0, 0
	for i := range m.Fields {
		if m.Fields[i].Identifier {
			n++
			if m.Fields[i].Constant != "" {
				constants++
			}
		}
	}
	switch {
	case n == 0 && c.in.Operation != crosswalk.OperationInsert:
		c.problems.AddHint("mapping.fields", "Mark the field that tells records apart, usually the one with the record's id.",
			"No row is an identifier, so no record could be found again.")
	case n > 0 && n == constants:
		c.problems.AddHint("mapping.fields", "Mark a field that tells records apart, usually the one with the record's id.",
			"Every identifier is a constant, so all records would be one row.")
	case n > crosswalk.MaxIdentifiers:
		c.problems.AddHint("mapping.fields", "Keep those that are needed to tell records apart.",
			"%d rows are identifiers; at most %d can be.", n, crosswalk.MaxIdentifiers)
	}
}

// modified adds the time of modification by which the latest of several records
// for one row wins, unless there cannot be several.
func (c *compiler) modified() {
	identified := c.plan.Person != nil
	if c.in.Operation == crosswalk.OperationInsert && !identified { // it distinguishes versions of a record
		identified = !slices.ContainsFunc(c.plan.Target, func(t TargetColumn) bool { return t.Identifier })
	}
	for i := range c.plan.steps {
		s := &c.plan.steps[i]
		if s.empty != crosswalk.RejectIdentifierEmpty {
			continue
		}
		identified = true
		if s.source == 0 && s.more == nil && s.op == opGUIDToText && s.target <= len(c.plan.Target) {
			return
		}
	}
	const member = "modifiedon"
	a := c.in.Entity.Attribute(member)
	if !identified || a == nil || slices.Contains(c.in.Gone, member) || sourceKind(a) != column.Time {
		return
	}
	c.plan.Modified = c.column(-1, member, column.Time)
}
