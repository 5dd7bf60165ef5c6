package crosswalk

import "time"

// RunStatus is the state of a run.
//
//	queued ──► running ──► success
//	   │          ├──────► partial_success   some records were rejected
//	   │          ├──────► failed
//	   └──────────┼──────► cancelled
//	              ▼
//	            held ──► running           somebody decided about its deletions
//	   skipped: it could not begin, for example because the connection was revoked
type RunStatus string

// The states of a run.
const (
	RunQueued         RunStatus = "queued"
	RunRunning        RunStatus = "running"
	RunSuccess        RunStatus = "success"
	RunPartialSuccess RunStatus = "partial_success"
	RunFailed         RunStatus = "failed"
	RunCancelled      RunStatus = "cancelled"
	RunSkipped        RunStatus = "skipped"
	RunHeld           RunStatus = "held"
)

// Ended reports whether the state is final.
func (s RunStatus) Ended() bool { return s != RunQueued && s != RunRunning && s != RunHeld }

// Run is one execution of a job.
type Run struct {
	ID             string     `json:"id"`
	Number         int64      `json:"number" doc:"Counts the runs of the installation from 1"`
	JobID          string     `json:"job_id"`
	JobName        string     `json:"job_name" doc:"Name of the job when the run was queued"`
	ConnectionID   string     `json:"connection_id"`
	ConnectionName string     `json:"connection_name"`
	Entity         string     `json:"entity"`
	Object         string     `json:"object"`
	Scope          Scope      `json:"scope" doc:"Which records it was asked to read"`
	Reads          string     `json:"reads,omitempty" doc:"Which records it reads, how it finds them and why"`
	Status         RunStatus  `json:"status" enum:"queued,running,held,success,partial_success,failed,cancelled,skipped"`
	Message        string     `json:"message,omitempty" doc:"Why the run failed, was cancelled or skipped, or what keeps it from going on"`
	Hint           string     `json:"hint,omitempty" doc:"What to do about it"`
	Warnings       []string   `json:"warnings,omitempty" doc:"What the run had to do without, for example attributes that were removed in Dynamics"`
	Step           *StepState `json:"step,omitempty" doc:"What the run does after it has read all records, or was doing when it ended; absent while it reads, and when it was completed"`
	Decision       *Decided   `json:"decision,omitempty" doc:"What somebody decided about the deletions for which the run was held"`
	Counts         Counts     `json:"counts"`
	Total          int64      `json:"total" doc:"Estimated number of records to read; -1 when unknown"`
	WaitsFor       int64      `json:"waits_for,omitempty" doc:"Number of the held run of the job that somebody has to decide about before this queued one begins"`
	Cancelling     bool       `json:"cancelling,omitempty" doc:"Whether somebody has cancelled the run, and that has not taken effect yet"`
	RequestedBy    string     `json:"requested_by" doc:"Who started it"`
	QueuedAt       time.Time  `json:"queued_at"`
	StartedAt      *time.Time `json:"started_at,omitempty"`
	HeldAt         *time.Time `json:"held_at,omitempty" doc:"When it was held; from then until decision.at, or until it ended, it was not worked on"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
}

// Worked returns how long the run has been worked on until now: from its start
// to its end, less the time during which it was held. It is zero for a run that
// has not begun.
func (r Run) Worked(now time.Time) time.Duration {
	if r.StartedAt == nil {
		return 0
	}
	if r.EndedAt != nil {
		now = *r.EndedAt
	}
	d := now.Sub(*r.StartedAt)
	if r.HeldAt != nil {
		until := now
		if r.Decision != nil {
			until = r.Decision.At
		}
		d -= max(until.Sub(*r.HeldAt), 0)
	}
	return max(d, 0)
}

// Counts says what a run has done so far. Read is the sum of Inserted, Updated,
// Unchanged, Rejected, Duplicates and Skipped.
type Counts struct {
	Read       int64         `json:"read" doc:"Records read"`
	Inserted   int64         `json:"inserted" doc:"Rows made"`
	Updated    int64         `json:"updated" doc:"Rows changed"`
	Unchanged  int64         `json:"unchanged" doc:"Rows that were already as read; nothing was written"`
	Rejected   int64         `json:"rejected" doc:"Records that could not be mapped or stored"`
	Duplicates int64         `json:"duplicates" doc:"Records with the same identifiers as another record that was modified later"`
	Skipped    int64         `json:"skipped" doc:"Records left out: by the operation insert because their row exists, by update because it does not, or by a filter that Crosswalk applies itself"`
	Deleted    int64         `json:"deleted" doc:"Rows deleted, flagged or deactivated because their records are gone"`
	Pages      int64         `json:"pages" doc:"Pages read"`
	Bytes      int64         `json:"bytes" doc:"Bytes received, as sent over the wire"`
	Requests   int64         `json:"requests" doc:"Requests sent, retries included"`
	Throttled  time.Duration `json:"throttled_ns" doc:"Time during which the run was held up because Dynamics asked to wait, in nanoseconds; where several requests wait at a time it counts once, so it is no more than the run has taken"`
}

// Add adds d to c.
func (c *Counts) Add(d Counts) {
	c.Read += d.Read
	c.Inserted += d.Inserted
	c.Updated += d.Updated
	c.Unchanged += d.Unchanged
	c.Rejected += d.Rejected
	c.Duplicates += d.Duplicates
	c.Skipped += d.Skipped
	c.Deleted += d.Deleted
	c.Pages += d.Pages
	c.Bytes += d.Bytes
	c.Requests += d.Requests
	c.Throttled += d.Throttled
}

// Decided is a decision about the deletions of a held run, and who made it.
type Decided struct {
	Decision Decision  `json:"decision" enum:"release,discard"`
	By       string    `json:"by" doc:"Who decided"`
	At       time.Time `json:"at"`
	HeldFor  string    `json:"held_for" doc:"Why the run was held"`
}

// Decision says what to do about the deletions that a run was held for.
type Decision string

// The decisions.
const (
	Release Decision = "release" // treat the rows as the job says
	Discard Decision = "discard" // leave them as they are
)

// Task is a run as the engine works on it: the run, what it was asked to do,
// where it stands and the token that lets one worker write.
type Task struct {
	Run        Run
	Job        Job // as it was when the run was queued
	Checkpoint Checkpoint
	Position   Position // up to which the job's records are stored; zero for nothing
	// Fence rises each time a worker takes the run. A write with an older
	// fence is refused, so that a worker given up for dead cannot write.
	Fence int64
}
