package crosswalk

import "time"

// Event is one line of the activity log: who did what, and to what.
type Event struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"Who did it"`
	Action  string    `json:"action" doc:"What was done, for example connection.authorized"`
	Subject string    `json:"subject" doc:"Name of what it was done to"`
	Detail  string    `json:"detail,omitempty" doc:"More about it, in a sentence"`
	RunID   string    `json:"run_id,omitempty" doc:"Id of the run that it was about, which may have been deleted since"`
	Run     int64     `json:"run_number,omitempty" doc:"Number of that run"`
}
