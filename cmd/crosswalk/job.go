package main

import (
	"context"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// jobCmd is the group of the commands about jobs.
type jobCmd struct {
	List    jobListCmd    `cmd:"" help:"List jobs with their last runs."`
	Create  jobCreateCmd  `cmd:"" help:"Make a job from a template or a file."`
	Show    jobShowCmd    `cmd:"" help:"Show a job with its mapping."`
	Change  jobChangeCmd  `cmd:"" help:"Rename a job or replace its definition by a file."`
	Run     jobRunCmd     `cmd:"" help:"Run a job now."`
	Preview jobPreviewCmd `cmd:"" help:"Say what a run would do with the first records."`
	Drift   jobDriftCmd   `cmd:"" help:"Compare a job with the metadata of today."`
	Suggest jobSuggestCmd `cmd:"" help:"Suggest a mapping of a table to an object."`
	Formula jobFormulaCmd `cmd:"" help:"Compute a formula for the first records of a table."`
	Delete  jobDeleteCmd  `cmd:"" help:"Delete a job with its runs."`
}

type jobListCmd struct {
	Search     string `short:"q" placeholder:"TEXT" help:"Only those whose name holds this."`
	Connection string `placeholder:"NAME" help:"Only those of this connection."`
	Limit      atMost `default:"200" help:"At most this many."`
	remote
}

func (cmd *jobListCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	f := client.JobFilter{Search: cmd.Search}
	if cmd.Connection != "" {
		conn, err := findConnection(ctx, c, cmd.Connection)
		if err != nil {
			return err
		}
		f.ConnectionID = conn.ID
	}
	page, err := take(cmd.Limit, func(p client.Paging) (client.Page[crosswalk.Job], error) {
		f.Paging = p
		return c.ListJobs(ctx, f)
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(page.Items, page.Total)
	}
	t := &table{head: []string{"Name", "Connection", "Source", "Destination", "Last run", "At"}}
	for _, j := range page.Items {
		status, at := cell{"never", faint}, ""
		if j.LastRun != nil {
			status, at = statusWord(j.LastRun.Status), moment(&j.LastRun.At)
		}
		t.add(j.Name, j.ConnectionName, j.Entity, j.Object, status, at)
	}
	a.printTable(t)
	a.noteMore(len(page.Items), page.Total)
	return nil
}

type jobCreateCmd struct {
	Connection string `placeholder:"NAME" help:"Name or id of the connection; with --file it may stand in the file."`
	Template   string `xor:"from" required:"" placeholder:"NAME" help:"Template to take: company_sync, company_person_sync, opportunity_sync or case_sync."`
	File       string `xor:"from" required:"" placeholder:"FILE" help:"JSON file with the job, - for standard input."`
	Name       string `placeholder:"NAME" help:"Name of the job, instead of the one in the template or file."`
	Check      bool   `help:"Only report problems; make nothing."`
	remote
}

func (*jobCreateCmd) Help() string {
	return `Examples:

  crosswalk job create --connection Acme --template company_sync
  crosswalk job create --connection Acme --template opportunity_sync     with its custom object
  crosswalk job show "Company Sync_Acme" --json > job.json
  crosswalk job create --file job.json --name "Company Sync, only active"`
}

func (cmd *jobCreateCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	in, err := cmd.input(ctx, a, c)
	if err != nil {
		return err
	}
	if cmd.Name != "" {
		in.Name = cmd.Name
	}
	if cmd.Check {
		problems, err := c.CheckJob(ctx, "", in)
		if err != nil {
			return err
		}
		if err := crosswalk.Problems(problems).Err("The job has problems."); err != nil {
			return err
		}
		if cmd.JSON {
			return a.printJSON(map[string]any{"problems": []crosswalk.FieldError{}})
		}
		a.note("The job is good.")
		return nil
	}
	job, err := c.InsertJob(ctx, in)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(job)
	}
	a.showJob(job)
	return nil
}

func (cmd *jobCreateCmd) input(ctx context.Context, a *app, c *client.Client) (client.JobInput, error) {
	var in client.JobInput
	if cmd.File != "" {
		text, err := a.readFile(cmd.File)
		if err != nil {
			return in, err
		}
		file, err := parseJob(text)
		if err != nil {
			return in, err
		}
		in = file.JobInput
	}
	if cmd.Connection != "" {
		conn, err := findConnection(ctx, c, cmd.Connection)
		if err != nil {
			return in, err
		}
		in.ConnectionID = conn.ID
	}
	if cmd.Template == "" {
		return in, nil
	}
	if in.ConnectionID == "" {
		return in, crosswalk.Errorf(crosswalk.CodeInvalid, "A template needs a connection.").WithHint("Name it with --connection.")
	}
	templates, err := c.Templates(ctx, in.ConnectionID)
	if err != nil {
		return in, err
	}
	var names []string
	for _, t := range templates {
		if t.Name == cmd.Template {
			return t.Job, cmd.makeObjects(ctx, a, c, t.Objects)
		}
		names = append(names, t.Name)
	}
	return in, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no template named %q.", cmd.Template).
		WithHint("There are: %s.", strings.Join(names, ", "))
}

// makeObjects makes the objects that a template needs.
func (cmd *jobCreateCmd) makeObjects(ctx context.Context, a *app, c *client.Client, objects []crosswalk.ObjectDefinition) error {
	for _, d := range objects {
		if cmd.Check {
			return crosswalk.Errorf(crosswalk.CodeInvalid, "The template needs the object %s, which is not there yet.", d.DisplayName).
				WithHint("Leave --check out to make it with the job.")
		}
		o, err := c.InsertObject(ctx, d)
		if err != nil {
			return err
		}
		if !cmd.JSON {
			a.note("The object %s was made.", o.Name)
		}
	}
	return nil
}

// jobFile is a job as it stands in a file. ID and Version are there when the
// file is one that "job show" wrote.
type jobFile struct {
	client.JobInput
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// parseJob reads a job from JSON. Members that a shown job has and an input
// has not, such as the id, are left out; any other is refused, since a
// mistyped one would be lost silently.
func parseJob(text []byte) (jobFile, error) {
	var in struct {
		jobFile
		ConnectionName any `json:"connection_name"`
		OutOfTheBox    any `json:"out_of_the_box"`
		Position       any `json:"position"`
		LastRun        any `json:"last_run"`
		CreatedAt      any `json:"created_at"`
		UpdatedAt      any `json:"updated_at"`
	}
	if err := decode(text, &in); err != nil {
		return jobFile{}, crosswalk.Errorf(crosswalk.CodeInvalid, "The file does not hold a job: %s.", err).
			WithHint("\"crosswalk job show NAME --json\" shows how a job is written.")
	}
	if in.Operation == "" {
		in.Operation = crosswalk.OperationUpsert
	}
	if in.LoadMode == "" {
		in.LoadMode = crosswalk.LoadIncremental
	}
	if in.Filter.Conditions == nil {
		in.Filter.Conditions = []crosswalk.Condition{}
	}
	if in.Mapping.Fields == nil {
		in.Mapping.Fields = []crosswalk.FieldMapping{}
	}
	return in.jobFile, nil
}
