package crosswalk

import "time"

// Way is how a run finds the records to read.
type Way string

// The ways.
const (
	WayTracked    Way = "change_tracking" // Dynamics says what was changed and deleted
	WayModified   Way = "modified_on"     // by the time of the last change; deletions by comparing keys
	WayEverything Way = "everything"
)

// Position is the point up to which a job's records are stored.
type Position struct {
	Way Way       `json:"way" enum:"change_tracking,modified_on,everything" doc:"How the next run finds what has changed"`
	Why string    `json:"why,omitempty" doc:"Why changes are not tracked"`
	At  time.Time `json:"at" doc:"When the run began that came this far; the next run reads what has changed since"`
	// ExpiresAt is nil when changes are not tracked.
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When Dynamics forgets what has changed since; after that, a run reads every record"`
	// Tried is when change tracking was last attempted; zero when metadata say
	// that the table does not track changes.
	Tried time.Time `json:"-"`
	// Mark is where the next read continues; "" reads everything.
	Mark string `json:"-"`
	// Of identifies the definition that the mark belongs to.
	Of string `json:"-"`
	// User is the systemuserid of the user who has read up to it.
	User string `json:"-"`
}
