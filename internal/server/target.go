package server

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// target writes a run's batches: rows, rejects, counts and checkpoint in one
// transaction, refused when another worker has taken the run.
type target struct {
	writer *table.Writer
	store  *store.Store
	task   crosswalk.Task
}

func newTarget(ctx context.Context, r *runner, task crosswalk.Task, in mapping.Input, plan *mapping.Plan) (*target, error) {
	cfg := writerConfig(in, plan)
	cfg.ConnectionID, cfg.Entity, cfg.JobID = task.Run.ConnectionID, task.Run.Entity, task.Run.JobID
	cfg.By, cfg.Run = task.Run.JobName, task.Run.Number
	w, err := table.NewWriter(ctx, r.db, cfg)
	if err != nil {
		return nil, err
	}
	return &target{writer: w, store: r.store, task: task}, nil
}

// writerConfig returns how the batches of a plan are written.
func writerConfig(in mapping.Input, plan *mapping.Plan) table.Config {
	cfg := table.Config{
		Object:    *in.Object,
		Columns:   columns(plan.Target),
		Operation: in.Operation,
		Modified:  plan.Modified >= 0,
	}
	for _, d := range plan.Derived {
		cfg.Lookups = append(cfg.Lookups, table.Lookup{
			Field: d.Field, Object: *in.Objects(d.Object), Match: columns(d.Match), OnSeveral: d.OnSeveral, OnNone: d.OnNone,
		})
	}
	if plan.Person != nil {
		cfg.Person = &table.Person{Object: *in.Objects("Person"), Columns: columns(plan.Person.Target)}
	}
	return cfg
}

func columns(targets []mapping.TargetColumn) []table.Column {
	list := make([]table.Column, len(targets))
	for i, t := range targets {
		list[i] = table.Column{Field: t.Field, Kind: t.Kind, Identifier: t.Identifier, KeepOnNull: t.KeepOnNull}
	}
	return list
}

func (t *target) close() { _ = t.writer.Close() } // nothing is left to write

// Write implements pipeline.Target.
func (t *target) Write(ctx context.Context, batch *column.Batch, p pipeline.Progress) (pipeline.Written, error) {
	for _, added := range p.Options {
		if err := t.store.AddOptions(ctx, added.Object, added.Field, added.Labels); err != nil {
			return pipeline.Written{}, err
		}
	}
	var written pipeline.Written
	_, err := t.writer.Write(ctx, batch, func(ctx context.Context, tx database.Execer, r table.Result) error {
		written = pipeline.Written{
			Inserted:   r.Inserted,
			Updated:    r.Updated,
			Unchanged:  r.Unchanged,
			Duplicates: r.Duplicates,
			Skipped:    r.Skipped,
			Rejected:   int64(len(r.Rejects)),
		}
		counts := p.Counts
		counts.Add(written.Counts())
		return t.store.SaveProgress(ctx, tx, store.Progress{
			RunID:      t.task.Run.ID,
			Fence:      t.task.Fence,
			Counts:     counts,
			Checkpoint: p.Checkpoint,
			Rejects:    append(p.Rejects, rejects(batch, r.Rejects)...),
		})
	})
	return written, err
}

// rejects returns the rows of a batch that could not be stored.
func rejects(batch *column.Batch, rows []table.RowReject) []crosswalk.Reject {
	list := make([]crosswalk.Reject, len(rows))
	for i, r := range rows {
		list[i] = crosswalk.Reject{
			SourceID: string(batch.Columns[0].Bytes(r.Row)),
			Field:    r.Field,
			Code:     r.Code,
			Message:  r.Message,
			Value:    r.Value,
			Record:   mapping.Record(batch, r.Row),
		}
	}
	return list
}
