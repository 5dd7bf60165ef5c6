package crosswalk

// Step is a part of a run. The steps of a checkpoint follow one another in the
// order of the constants.
type Step string

// The steps of a run.
const (
	StepRead    Step = ""
	StepIndex   Step = "index"   // end the first load of an empty table
	StepCompare Step = "compare" // look for rows whose records are gone
	StepDelete  Step = "delete"  // treat them as the job says
	StepLookups Step = "lookups" // fill lookups that wait for a row
	StepPersons Step = "persons" // the same for the persons that the job made
	StepEnd     Step = "end"
)

// More precise names of some steps, for StepState.
const (
	StepKeys       Step = "keys"       // StepRead when all rows have come, but not yet the keys of all records
	StepFlag       Step = "flag"       // StepDelete under DeleteFlag
	StepDeactivate Step = "deactivate" // StepDelete under DeleteDeactivate
)

// StepState is how far a run is in a step.
type StepState struct {
	Name  Step  `json:"name" enum:"keys,index,compare,flag,deactivate,delete,lookups,persons"`
	Done  int64 `json:"done" doc:"How many rows the step has looked at or written"`
	Total int64 `json:"total" doc:"Out of how many; 0 when unknown"`
}

// Words says what is done in the step, for a person: a sentence without its
// full stop. It is empty for StepRead and StepEnd.
func (s Step) Words() string {
	switch s {
	case StepKeys:
		return "Reading the keys of all records, for change tracking"
	case StepIndex:
		return "Building the index and looking for duplicates"
	case StepCompare:
		return "Looking for rows whose records are gone"
	case StepFlag:
		return "Flagging rows whose records are gone"
	case StepDeactivate:
		return "Deactivating rows whose records are gone"
	case StepDelete:
		return "Deleting rows whose records are gone"
	case StepLookups:
		return "Filling lookups that waited for these rows"
	case StepPersons:
		return "Filling lookups that waited for these persons"
	}
	return ""
}
