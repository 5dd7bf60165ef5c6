package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

type jobRunCmd struct {
	Job        string `arg:"" help:"Name or id of the job."`
	Everything bool   `xor:"scope" help:"Read every record, whatever the last run read."`
	From       string `placeholder:"TIME" help:"Read records changed at this time or later, for example 2026-01-31 or 2026-01-31T08:00:00Z."`
	To         string `placeholder:"TIME" help:"Read records changed before this time."`
	By         string `enum:",modifiedon,createdon" default:"" placeholder:"ATTRIBUTE" help:"Which time --from and --to mean: modifiedon (the default) or createdon."`
	Wait       bool   `short:"w" help:"Wait until the run has ended; the exit code tells how."`
	remote
}

func (*jobRunCmd) Help() string {
	return `With --wait the exit code is 0 for success, 10 for partial success, 11 for a failed or skipped run,
12 for a cancelled one and 13 for one that is held until somebody decides about its deletions. Ctrl-C stops waiting; the run goes on.
While the server is restarted it goes on waiting, for up to two minutes without an answer.

Examples:

  crosswalk job run "User Sync_Acme" --wait
  crosswalk job run "Company Sync_Acme" --everything
  crosswalk job run "Company Sync_Acme" --from 2026-01-01 --to 2026-02-01 --by createdon
  crosswalk job run "Company Sync_Acme" --wait --json`
}

func (cmd *jobRunCmd) Run(ctx context.Context, a *app) error {
	scope, err := cmd.scope()
	if err != nil {
		return err
	}
	c, err := cmd.client()
	if err != nil {
		return err
	}
	job, err := findJob(ctx, c, cmd.Job)
	if err != nil {
		return err
	}
	run, err := c.StartRun(ctx, job.ID, scope)
	if err != nil {
		return err
	}
	return a.tellRun(ctx, c, run, cmd.Wait, cmd.JSON)
}

func (cmd *jobRunCmd) scope() (crosswalk.Scope, error) {
	var s crosswalk.Scope
	switch ranged := cmd.From != "" || cmd.To != ""; {
	case !ranged && cmd.By != "":
		return s, usageError{fmt.Errorf("--by needs --from or --to")}
	case ranged && cmd.Everything:
		return s, usageError{fmt.Errorf("--everything has neither --from nor --to")}
	case cmd.Everything:
		s.Kind = crosswalk.ScopeEverything
	case ranged:
		s.Kind, s.Attribute = crosswalk.ScopeRange, cmp.Or(cmd.By, "modifiedon")
		var err error
		if s.From, err = parseMoment("from", cmd.From); err != nil {
			return s, err
		}
		if s.To, err = parseMoment("to", cmd.To); err != nil {
			return s, err
		}
		if s.From != nil && s.To != nil && !s.From.Before(*s.To) {
			return s, usageError{fmt.Errorf("--to must be later than --from")}
		}
	}
	return s, nil
}

// parseMoment reads a day, which means its begin in UTC, or a moment; nil for
// an empty text.
func parseMoment(flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, nil
		}
	}
	return nil, usageError{fmt.Errorf("--%s takes a time like 2026-01-31 or 2026-01-31T08:00:00Z, not %q", flag, text)}
}

type runRetryCmd struct {
	Ref  string `arg:"" name:"run" default:"latest" help:"Number or id of the run, or \"latest\"."`
	Wait bool   `short:"w" help:"Wait until the new run has ended; the exit code tells how."`
	remote
}

func (*runRetryCmd) Help() string {
	return `Reads only the records that the run rejected, with the job as it is now: change the mapping, then retry.

Examples:

  crosswalk run retry 42 --wait`
}

func (cmd *runRetryCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	rejected, err := findRun(ctx, c, cmd.Ref)
	if err != nil {
		return err
	}
	run, err := c.StartRun(ctx, rejected.JobID, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: rejected.ID})
	if err != nil {
		return err
	}
	return a.tellRun(ctx, c, run, cmd.Wait, cmd.JSON)
}
