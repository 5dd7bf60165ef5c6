package server

import (
	"context"
	"log/slog"

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
	log    *slog.Logger
	gone   bool // records that are gone were noted since the last recount
}

func newTarget(ctx context.Context, r *runner, task crosswalk.Task, in mapping.Input, plan *mapping.Plan, log *slog.Logger) (*target, error) {
	cfg := writerConfig(in, plan)
	cfg.ConnectionID, cfg.Entity, cfg.JobID = task.Run.ConnectionID, task.Run.Entity, task.Run.JobID
	cfg.By, cfg.Run = task.Run.JobName, task.Run.Number
	w, err := table.NewWriter(ctx, r.db, cfg)
	if err != nil {
		return nil, err
	}
	return &target{writer: w, store: r.store, task: task, log: log, gone: task.Checkpoint.Page > 0}, nil
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
	progress := store.Progress{RunID: t.task.Run.ID, Fence: t.task.Fence, Checkpoint: p.Checkpoint}
	t.note(&progress, p)
	switch changes := p.Changes; {
	case changes.Restart != "":
		progress.Reads = "Every record. " + changes.Restart
		t.log.Info("everything is read again", "why", changes.Restart)
	case changes.Fallback != "" && t.task.Position.Mark == "":
		progress.Reads = "Every record. " + changes.Fallback
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
		progress.Counts = p.Counts
		progress.Counts.Add(written.Counts())
		progress.Rejects = append(p.Rejects, rejects(batch, r.Rejects)...)
		return t.store.SaveProgress(ctx, tx, progress)
	})
	return written, err
}

// note adds to the progress what a page says about records that are gone, when
// the job wants to know. A record that the filter leaves out is gone to the
// job; one that was rejected is not.
func (t *target) note(to *store.Progress, p pipeline.Progress) {
	if !t.task.Job.Deletes.On() {
		return
	}
	changes := p.Changes
	to.Recount = changes.Recount
	t.gone = t.gone && !changes.Recount
	for _, k := range changes.Deleted {
		to.Deleted = append(to.Deleted, crosswalk.GSID(k).String())
	}
	keys, left := &p.Page.Columns[0], p.Skipped
	for row := range p.Page.Rows() {
		if !keys.Valid[row] || keys.Kind != column.GUID {
			continue
		}
		if len(left) > 0 && left[0] == row {
			left = left[1:]
			if !p.Checkpoint.Counting {
				to.Deleted = append(to.Deleted, crosswalk.GSID(keys.GUIDs[row]).String())
			}
			continue
		}
		if p.Checkpoint.Counting {
			to.Keys = append(to.Keys, keys.GUIDs[row][:]...)
		}
		if t.gone {
			to.Back = append(to.Back, crosswalk.GSID(keys.GUIDs[row]).String())
		}
	}
	for _, k := range changes.Present {
		to.Keys = append(to.Keys, k[:]...)
	}
	t.gone = t.gone || len(to.Deleted) > 0
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
