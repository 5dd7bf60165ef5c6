package crosswalk

import "cmp"

// Deletes says what becomes of a row whose record is gone: deleted in Dynamics,
// hidden from the connection's user, or no longer chosen by the filter.
type Deletes struct {
	Policy DeletePolicy `json:"policy,omitempty" enum:"ignore,flag,deactivate,delete" default:"ignore" doc:"ignore: the row stays as it is; flag: it is marked as deleted; deactivate: one of its Boolean fields becomes false; delete: it is deleted"`
	Field  string       `json:"field,omitempty" doc:"For deactivate: API name of the Boolean field that becomes false"`
	Guard  int          `json:"guard,omitempty" minimum:"0" maximum:"100" doc:"A run that would touch more than this percentage of the job's rows is held until somebody decides; 0 means 20, and with 100 a run is held only when it would touch all rows"`
}

// DeletePolicy says what becomes of a row whose record is gone. The zero value
// means DeleteIgnore.
type DeletePolicy string

// The policies for rows whose records are gone.
const (
	DeleteIgnore     DeletePolicy = "ignore"
	DeleteFlag       DeletePolicy = "flag"
	DeleteDeactivate DeletePolicy = "deactivate"
	DeleteRow        DeletePolicy = "delete"
)

// Step returns what a run calls StepDelete under the policy.
func (p DeletePolicy) Step() Step {
	switch p {
	case DeleteFlag:
		return StepFlag
	case DeleteDeactivate:
		return StepDeactivate
	}
	return StepDelete
}

// defaultGuard is the percentage that a Deletes.Guard of 0 stands for.
const defaultGuard = 20

// On reports whether the job does anything about such rows.
func (d Deletes) On() bool { return d.Policy != "" && d.Policy != DeleteIgnore }

// Percent returns the share of the rows, in percent, that a run may touch
// without asking.
func (d Deletes) Percent() int { return cmp.Or(d.Guard, defaultGuard) }

// Holds reports whether a run must ask before it touches n of the job's rows:
// rights that were taken away look like deletions.
func (d Deletes) Holds(n, rows int64) bool {
	return n > 0 && (n >= rows || n*100 > rows*int64(d.Percent()))
}

// check notes what is wrong with the policy for an object.
func (d Deletes) check(p *Problems, o *Object) {
	f := o.Field(d.Field)
	switch d.Policy {
	case "", DeleteIgnore, DeleteFlag, DeleteDeactivate, DeleteRow:
	default:
		p.AddHint("deletes.policy", "Choose ignore, flag, deactivate or delete.", "%q is not a way to treat rows whose records are gone.", d.Policy)
	}
	switch deactivate := d.Policy == DeleteDeactivate; {
	case !deactivate && d.Field != "":
		p.Add("deletes.field", "Only deactivate has a field.")
	case deactivate && d.Field == "":
		p.Add("deletes.field", "Choose the Boolean field that becomes false.")
	case deactivate && (f == nil || f.Type != FieldBoolean || f.System):
		p.AddHint("deletes.field", "Choose a Boolean field.", "%s has no Boolean field %s.", o.DisplayName, d.Field)
	}
	if d.Guard < 0 || d.Guard > 100 {
		p.Add("deletes.guard", "The guard is a percentage from 0 to 100.")
	}
}
