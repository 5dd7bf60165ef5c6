package main

import (
	"context"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

type jobPreviewCmd struct {
	Job   string `arg:"" optional:"" help:"Name or id of the job; with --file the job it would replace."`
	File  string `placeholder:"FILE" help:"JSON file with the definition to try instead, - for standard input."`
	Limit int    `default:"20" help:"How many records to read, at most 100."`
	remote
}

func (*jobPreviewCmd) Help() string {
	return `Reads the first records and says what a run would do with each. Nothing is written.

Examples:

  crosswalk job preview "Company Sync_Acme"
  crosswalk job preview --file job.json --limit 100 --json`
}

func (cmd *jobPreviewCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	var id string
	var in client.JobInput
	if cmd.Job != "" {
		job, err := findJob(ctx, c, cmd.Job)
		if err != nil {
			return err
		}
		id, in = job.ID, client.InputOf(job)
	}
	switch {
	case cmd.File != "":
		text, err := a.readFile(cmd.File)
		if err != nil {
			return err
		}
		file, err := parseJob(text)
		if err != nil {
			return err
		}
		in = file.JobInput
		if id == "" {
			id = file.ID
		}
	case cmd.Job == "":
		return crosswalk.Errorf(crosswalk.CodeInvalid, "There is nothing to preview.").WithHint("Name a job, or a file with --file.")
	}
	p, err := c.PreviewJob(ctx, id, in, cmd.Limit)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(p)
	}
	for _, w := range p.Warnings {
		a.note("%s", w)
	}
	t := &table{head: []string{"Record", "Outcome", "Field", "From", "To"}, limit: 60}
	for _, r := range p.Records {
		switch outcome := string(r.Outcome); {
		case r.Outcome == crosswalk.PreviewReject:
			t.add(r.SourceID, cell{outcome, amber}, r.Field, strings.ReplaceAll(string(r.Code), "_", " "), r.Message)
		case len(r.Changes) == 0 || r.Outcome == crosswalk.PreviewInsert:
			t.add(r.SourceID, outcome, "", "", "")
		default:
			for i, ch := range r.Changes {
				if i > 0 {
					r.SourceID, outcome = "", ""
				}
				t.add(r.SourceID, outcome, ch.Field, textOf(ch.Old), textOf(ch.New))
			}
		}
	}
	a.printTable(t)
	return nil
}

// textOf returns a value, a dash for none.
func textOf(v *string) string {
	if v == nil {
		return "–"
	}
	return *v
}

type jobDriftCmd struct {
	Job string `arg:"" help:"Name or id of the job."`
	remote
}

func (*jobDriftCmd) Help() string {
	return `Compares what the job needs with what Dynamics and the objects have today, and says what a run does about each
difference. Refresh the connection's metadata first when something was just changed.`
}

func (cmd *jobDriftCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	job, err := findJob(ctx, c, cmd.Job)
	if err != nil {
		return err
	}
	findings, err := c.JobDrift(ctx, job.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(findings, int64(len(findings)))
	}
	if len(findings) == 0 {
		a.note("The job can run as it was saved.")
		return nil
	}
	t := &table{head: []string{"Place", "Kind", "What a run does"}, limit: 100}
	for _, f := range findings {
		t.add(f.Place, strings.ReplaceAll(f.Kind, "_", " "), f.Message)
	}
	a.printTable(t)
	return nil
}

type jobSuggestCmd struct {
	Connection string `required:"" placeholder:"NAME" help:"Name or id of the connection."`
	Entity     string `arg:"" help:"Logical name of the source table, for example account."`
	Object     string `arg:"" help:"API name of the target object, for example Company."`
	remote
}

func (*jobSuggestCmd) Help() string {
	return `Suggests a mapping by known pairs, names and types. With --json it is what "mapping.fields" of a job takes.

Examples:

  crosswalk job suggest account Company --connection Acme`
}

func (cmd *jobSuggestCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	rows, err := c.SuggestMapping(ctx, conn.ID, cmd.Entity, cmd.Object)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(rows)
	}
	a.printTable(mappingTable(rows))
	return nil
}

type jobFormulaCmd struct {
	Connection string `required:"" placeholder:"NAME" help:"Name or id of the connection."`
	Entity     string `required:"" placeholder:"NAME" help:"Logical name of the source table."`
	Object     string `default:"Company" placeholder:"NAME" help:"API name of the target object."`
	TimeZone   string `placeholder:"ZONE" help:"IANA time zone of the formula's days."`
	Limit      int    `default:"10" help:"How many records to read, at most 100."`
	Formula    string `arg:"" help:"The formula, for example upper(name)."`
	remote
}

func (*jobFormulaCmd) Help() string {
	return `Computes a formula for the first records of a table.

Examples:

  crosswalk job formula --connection Acme --entity account 'coalesce(telephone1, telephone2, "none")'`
}

func (cmd *jobFormulaCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	gives, all, err := c.EvaluateFormula(ctx, client.Formula{
		ConnectionID: conn.ID, Entity: cmd.Entity, Object: cmd.Object, Formula: cmd.Formula, TimeZone: cmd.TimeZone, Limit: cmd.Limit,
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(map[string]any{"gives": gives, "items": all})
	}
	a.note("The formula gives %s.", gives)
	t := &table{head: []string{"Record", "Value"}, limit: 100}
	for _, e := range all {
		switch {
		case e.Reason != "":
			t.add(e.SourceID, cell{"rejected: " + e.Reason, amber})
		case e.Null:
			t.add(e.SourceID, cell{"–", faint})
		default:
			t.add(e.SourceID, e.Value)
		}
	}
	a.printTable(t)
	return nil
}
