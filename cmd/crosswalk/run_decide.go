package main

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
)

// decide is what both decisions about a held run have in common.
type decide struct {
	Ref  string `arg:"" name:"run" default:"latest" help:"Number or id of the run, or \"latest\"."`
	Wait bool   `short:"w" help:"Wait until the run has ended; the exit code tells how."`
	remote
}

type runReleaseCmd struct{ decide }

func (*runReleaseCmd) Help() string {
	return `A run is held before it touches many rows at once because their records are gone. Look at "run show" first:
lost rights look like deletions.`
}

func (cmd *runReleaseCmd) Run(ctx context.Context, a *app) error {
	return cmd.decide.run(ctx, a, crosswalk.Release)
}

type runDiscardCmd struct{ decide }

func (*runDiscardCmd) Help() string {
	return `The rows whose records are gone stay as they are. What the run read and wrote before it was held stays, too.`
}

func (cmd *runDiscardCmd) Run(ctx context.Context, a *app) error {
	return cmd.decide.run(ctx, a, crosswalk.Discard)
}

func (cmd *decide) run(ctx context.Context, a *app, d crosswalk.Decision) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	run, err := findRun(ctx, c, cmd.Ref)
	if err != nil {
		return err
	}
	if run, err = c.DecideRun(ctx, run.ID, d); err != nil {
		return err
	}
	return a.tellRun(ctx, c, run, cmd.Wait, cmd.JSON)
}
