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

func newTarget(ctx context.Context, r *runner, task crosswalk.Task, object crosswalk.Object, plan *mapping.Plan) (*target, error) {
	cfg := table.Config{
		Object:       object,
		ConnectionID: task.Run.ConnectionID,
		Entity:       task.Run.Entity,
		JobID:        task.Run.JobID,
		By:           task.Run.JobName,
		Run:          task.Run.Number,
	}
	for _, t := range plan.Target {
		cfg.Columns = append(cfg.Columns, table.Column{Field: t.Field, Kind: t.Kind, Identifier: t.Identifier, KeepOnNull: t.KeepOnNull})
	}
	w, err := table.NewWriter(ctx, r.db, cfg)
	if err != nil {
		return nil, err
	}
	return &target{writer: w, store: r.store, task: task}, nil
}

func (t *target) close() { _ = t.writer.Close() } // nothing is left to write

// Write implements pipeline.Target.
func (t *target) Write(ctx context.Context, batch *column.Batch, p pipeline.Progress) (pipeline.Written, error) {
	var written pipeline.Written
	_, err := t.writer.Write(ctx, batch, func(ctx context.Context, tx database.Execer, r table.Result) error {
		counts, rejects := p.Counts, p.Rejects
		for _, rej := range r.Rejects {
			rejects = append(rejects, crosswalk.Reject{
				SourceID: string(batch.Columns[0].Bytes(rej.Row)),
				Field:    rej.Field,
				Code:     rej.Code,
				Message:  rej.Message,
				Value:    rej.Value,
				Record:   mapping.Record(batch, rej.Row),
			})
		}
		written = pipeline.Written{
			Inserted:   r.Inserted,
			Updated:    r.Updated,
			Unchanged:  r.Unchanged,
			Duplicates: r.Duplicates,
			Skipped:    r.Skipped,
			Rejected:   int64(len(r.Rejects)),
		}
		counts.Inserted += written.Inserted
		counts.Updated += written.Updated
		counts.Unchanged += written.Unchanged
		counts.Duplicates += written.Duplicates
		counts.Skipped += written.Skipped
		counts.Rejected += written.Rejected
		return t.store.SaveProgress(ctx, tx, store.Progress{
			RunID:      t.task.Run.ID,
			Fence:      t.task.Fence,
			Counts:     counts,
			Checkpoint: p.Checkpoint,
			Rejects:    rejects,
		})
	})
	return written, err
}
