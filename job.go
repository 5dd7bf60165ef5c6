package crosswalk

import "time"

// Operation says what a job does with a record.
type Operation string

// The operations.
const (
	// OperationUpsert updates the row with the record's identifiers or inserts
	// one.
	OperationUpsert Operation = "upsert"
	// OperationInsert inserts rows and leaves existing ones as they are. Without
	// identifiers every record of every run becomes a row.
	OperationInsert Operation = "insert"
	// OperationUpdate updates existing rows and inserts none.
	OperationUpdate Operation = "update"
)

// LoadMode says which records a run reads.
type LoadMode string

// The load modes.
const (
	// LoadIncremental reads what has changed since the last run.
	LoadIncremental LoadMode = "incremental"
	// LoadFull reads every record, in every run.
	LoadFull LoadMode = "full"
)

// Job is the saved definition of a sync: source, target and mapping.
type Job struct {
	ID             string      `json:"id"`
	Name           string      `json:"name" doc:"Unique name, 1 to 100 characters"`
	ConnectionID   string      `json:"connection_id"`
	ConnectionName string      `json:"connection_name"`
	Entity         string      `json:"entity" doc:"Logical name of the source table"`
	Object         string      `json:"object" doc:"API name of the target object"`
	Operation      Operation   `json:"operation" enum:"upsert,insert,update"`
	LoadMode       LoadMode    `json:"load_mode" enum:"incremental,full"`
	Deletes        Deletes     `json:"deletes"`
	RejectLimit    RejectLimit `json:"reject_limit"`
	Mapping        Mapping     `json:"mapping"`
	Filter         Filter      `json:"filter"`
	OutOfTheBox    bool        `json:"out_of_the_box" doc:"Whether the first authorization made the job; its source and target are then fixed"`
	Version        int64       `json:"version" doc:"Rises with every change; send it back when you change the job"`
	Position       *Position   `json:"position,omitempty" doc:"Up to which point the records are stored; absent before the first run and for full loads"`
	LastRun        *LastRun    `json:"last_run,omitempty" doc:"The newest run, or the one that is held; absent before the first"`
	CreatedAt      time.Time   `json:"created_at"`
	UpdatedAt      time.Time   `json:"updated_at"`
}

// Check notes what is wrong with a job apart from its names and its mapping. o
// is the job's object.
func (j *Job) Check(p *Problems, o *Object) {
	switch j.LoadMode {
	case "", LoadIncremental, LoadFull:
	default:
		p.AddHint("load_mode", "Choose incremental or full.", "%q is not a load mode.", j.LoadMode)
	}
	j.Deletes.check(p, o)
	j.RejectLimit.check(p)
	if j.Deletes.On() && j.Operation == OperationInsert {
		p.AddHint("deletes.policy", "Choose ignore, or another operation.", "A job that only inserts does not touch rows that exist.")
	}
}

// LastRun is what a list of jobs shows of the newest run, or of an earlier one
// that is held: the newest waits until somebody has decided about that one.
type LastRun struct {
	ID     string    `json:"id"`
	Status RunStatus `json:"status"`
	At     time.Time `json:"at" doc:"When it ended, or was queued if it has not ended"`
}

// NewUserSync returns the out-of-the-box job of a connection. Users are
// identified by their ids: by user name, a renamed user would become a second
// row.
func NewUserSync(connectionID, connectionName string) Job {
	return Job{
		Name:         UserSyncName(connectionName),
		ConnectionID: connectionID,
		Entity:       "systemuser",
		Object:       "User",
		Operation:    OperationUpsert,
		LoadMode:     LoadIncremental,
		OutOfTheBox:  true,
		Mapping: Mapping{
			Fields: []FieldMapping{
				{Source: "systemuserid", Target: "External_ID", Identifier: true},
				{Source: "firstname", Target: "First_Name"},
				{Source: "lastname", Target: "Last_Name"},
				{Source: "fullname", Target: "Name"},
				{Source: "internalemailaddress", Target: "Email"},
				{Source: "domainname", Target: "Username"},
				{Source: "title", Target: "Title"},
				{Source: "isdisabled", Negate: true, Target: "Is_Active"},
			},
			Derived: []DerivedMapping{{Target: "Manager", Match: []MatchPair{{Source: "parentsystemuserid", Field: "External_ID"}}}},
		},
		// Application users have an application id; access mode 3 means
		// Microsoft's support user.
		Filter: Filter{Conditions: []Condition{
			{Attribute: "applicationid", Operator: IsNull},
			{Attribute: "accessmode", Operator: NotEqual, Values: []string{"3"}},
		}},
	}
}

// UserSyncName returns the name of the out-of-the-box job of a connection. The
// job is renamed along with its connection as long as it has that name.
func UserSyncName(connectionName string) string { return "User Sync_" + connectionName }
