package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/crosswalk-data/crosswalk/client"
)

type jobChangeCmd struct {
	Job  string `arg:"" help:"Name or id of the job."`
	File string `placeholder:"FILE" help:"JSON file with the job as it shall be, - for standard input."`
	Name string `placeholder:"NAME" help:"New name, instead of the one in the file."`
	remote
}

func (*jobChangeCmd) Help() string {
	return `The file replaces the whole definition. A file that "crosswalk job show --json" wrote knows the version
of the job it shows; when somebody changed the job since, the change is refused.

Examples:

  crosswalk job show "Company Sync_Acme" --json > job.json
  crosswalk job change "Company Sync_Acme" --file job.json
  crosswalk job change "Company Sync_Acme" --name "Companies of Acme"`
}

func (cmd *jobChangeCmd) Run(ctx context.Context, a *app) error {
	if cmd.File == "" && cmd.Name == "" {
		return usageError{errors.New("nothing to change: give --file or --name")}
	}
	c, err := cmd.client()
	if err != nil {
		return err
	}
	job, err := findJob(ctx, c, cmd.Job)
	if err != nil {
		return err
	}
	in, version := client.InputOf(job), job.Version
	if cmd.File != "" {
		text, err := a.readFile(cmd.File)
		if err != nil {
			return err
		}
		file, err := parseJob(text)
		if err != nil {
			return err
		}
		in = file.JobInput
		if file.ID == job.ID && file.Version != 0 {
			version = file.Version
		}
		if in.ConnectionID == "" {
			in.ConnectionID = job.ConnectionID
		}
	}
	if cmd.Name != "" {
		in.Name = cmd.Name
	}
	if job, err = c.UpdateJob(ctx, job.ID, version, in); err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(job)
	}
	a.showJob(job)
	return nil
}

type jobDeleteCmd struct {
	Job string `arg:"" help:"Name or id of the job."`
	confirmation
	remote
}

func (*jobDeleteCmd) Help() string {
	return `Deletes the job with its runs and rejects, unless a run has not ended yet. The rows it wrote stay.`
}

func (cmd *jobDeleteCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	job, err := findJob(ctx, c, cmd.Job)
	if err != nil {
		return err
	}
	if err := cmd.confirm(a, fmt.Sprintf("the job %s with all its runs", job.Name)); err != nil {
		return err
	}
	if err := c.DeleteJob(ctx, job.ID); err != nil {
		return err
	}
	return a.tellDeleted(job.ID, job.Name, cmd.JSON)
}
