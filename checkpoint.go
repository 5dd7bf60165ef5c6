package crosswalk

import "time"

// Checkpoint is a position inside a run: everything before it is stored or
// rejected. It is stored in the same transaction as the rows it covers.
type Checkpoint struct {
	Step Step   `json:"step,omitempty"`
	Page int64  `json:"page"`           // pages stored
	Link string `json:"link,omitempty"` // verbatim link of the next page; empty before the first page
	Done bool   `json:"done,omitempty"` // the last page is stored
	// Way is how the records are found, Why what keeps changes from being
	// tracked.
	Way Way    `json:"way,omitempty"`
	Why string `json:"why,omitempty"`
	// Tried is when change tracking was last attempted, in this run or an
	// earlier one.
	Tried time.Time `json:"tried,omitzero"`
	// Counting means that the keys of all records that come are kept: at the
	// end, whatever has not come is gone.
	Counting bool `json:"counting,omitempty"`
	// Complete, with Done, means that every record has come.
	Complete bool `json:"complete,omitempty"`
	// Mark, with Done, is where the next run continues.
	Mark string `json:"mark,omitempty"`
	// Of identifies the definition that Mark belongs to.
	Of string `json:"of,omitempty"`
	// User is the systemuserid of the user who reads.
	User string `json:"user,omitempty"`
	// Trail detects pages that lead in circles.
	Trail Trail `json:"trail,omitzero"`
	// Days is for how many days Dynamics remembers changes; 0 when unknown.
	Days int `json:"days,omitempty"`
	// After is the key up to which the step has come. StepDone and StepTotal are
	// the Done and Total of its StepState.
	After     string `json:"after,omitempty"`
	StepDone  int64  `json:"step_done,omitempty"`
	StepTotal int64  `json:"step_total,omitempty"`
	// Decided is the decision about deletions that the run was held for.
	Decided Decision `json:"decided,omitempty"`
}

// Trail is what is known after a page about the way that led to it. It lies in
// the checkpoint, so that a loop is found however often the run is interrupted.
type Trail struct {
	Link  string `json:"link,omitempty"`  // hash of the link behind page Page
	Page  int64  `json:"page,omitempty"`  // the last one whose number was twice that of the one before
	Empty int64  `json:"empty,omitempty"` // pages since the last one that showed a record
}
