package server

import (
	"context"
	"errors"
	"log/slog"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// findings are what a slice has found out about its table, in spite of what is
// known of it otherwise.
type findings struct {
	lost      []string // columns that it no longer has
	oneStream string   // why it is to be read in one stream
}

// pages reads pages into the object from the task's checkpoint on, which it
// moves, with a plan made of the attributes that the entity has. An
// extract.GoneError or extract.OneStreamError tells of more findings.
func (r *runner) pages(ctx context.Context, client *dataverse.Client, task *crosswalk.Task, entity *crosswalk.Entity, found findings, log *slog.Logger) (done bool, err error) {
	in, err := r.connector.Input(ctx, task.Job, entity, task.Run.QueuedAt)
	if err != nil {
		return false, err
	}
	in.Filter, in.Gone, in.Tracked = within(in.Filter, task.Run.Scope), found.lost, incremental(task)
	in, warnings := mapping.Degrade(in)
	plan, err := mapping.Compile(in)
	if err != nil {
		return false, err
	}
	if len(warnings) > 0 {
		log.Warn("the run goes on with less", "warnings", warnings)
		if err := r.store.AddRunWarnings(ctx, task.Run.ID, task.Fence, warnings); err != nil {
			return false, err
		}
	}
	source := r.newReader(task, in.Object, extract.Config{Client: client, Entity: entity, Plan: plan, PageSize: r.pageSize}, found, log)
	defer source.Close()
	if err := source.begin(ctx); err != nil {
		return false, err
	}
	target, err := newTarget(ctx, r, *task, in, plan, log)
	if err != nil {
		return false, err
	}
	defer target.close()
	s := pipeline.Slice{
		Source:     taking{source, &r.room},
		Target:     target,
		Plan:       plan,
		Checkpoint: task.Checkpoint,
		Budget:     r.budget,
	}
	s.Enough = func(stored crosswalk.Counts, at crosswalk.Checkpoint) error {
		return r.rejectedTooMany(ctx, *task, stored, at.Done)
	}
	done, err = s.Run(ctx)
	task.Checkpoint = s.Checkpoint
	task.Run.Counts.Add(s.Counts)
	if errors.Is(err, errTurn) {
		err = nil
	}
	return done, err
}

// rejectedTooMany returns an error when a run that has stored so much in this
// slice rejects more records than its job allows. ended means that all are read.
func (r *runner) rejectedTooMany(ctx context.Context, task crosswalk.Task, stored crosswalk.Counts, ended bool) error {
	limit, sum := task.Job.RejectLimit, task.Run.Counts
	sum.Add(stored)
	if task.Run.Scope.Kind == crosswalk.ScopeRejects || !limit.Exceeded(sum.Rejected, sum.Read, ended) {
		return nil
	}
	run, err := r.store.FindRun(ctx, task.Run.ID) // a record that came twice is in the sum twice
	if err != nil || !limit.Exceeded(run.Counts.Rejected, run.Counts.Read, ended) {
		return err
	}
	return crosswalk.Errorf(crosswalk.CodeInvalid, "%s of %s records were rejected, which is more than the job allows.",
		english.Sprint(run.Counts.Rejected), english.Sprint(run.Counts.Read)).
		WithHint("Look at the rejects of the run and correct the mapping, or raise the job's limit of rejects. What was stored stays, and the next run reads the same records again.")
}
