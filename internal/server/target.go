package server

import (
	"context"
	"log/slog"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/extract"
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
	db     *database.DB
	task   crosswalk.Task
	gone   table.Gone
	log    *slog.Logger
	noted  bool // records that are gone may have been noted
	read   int64
	many   int64 // records whose load is not to be settled more slowly than need be
	// rejected are the records that the run has rejected so far.
	rejected rejected
}

func newTarget(ctx context.Context, r *runner, task crosswalk.Task, in mapping.Input, plan *mapping.Plan, log *slog.Logger) (*target, error) {
	cfg := writerConfig(in, plan)
	cfg.ConnectionID, cfg.Entity, cfg.JobID = task.Run.ConnectionID, task.Run.Entity, task.Run.JobID
	cfg.By, cfg.Run, cfg.Load = task.Run.JobName, task.Run.Number, true
	cfg.Versions = incremental(&task)
	var err error
	if cfg.Jobs, err = r.store.JobIDs(ctx); err != nil {
		return nil, err
	}
	if d := task.Job.Deletes; d.Policy == crosswalk.DeleteDeactivate {
		cfg.Restore = d.Field
	}
	w, err := table.NewWriter(ctx, r.db, cfg)
	if err != nil {
		return nil, err
	}
	t := &target{writer: w, store: r.store, db: r.db, task: task, gone: goneOf(&task, in.Object), log: log, noted: task.Checkpoint.Page > 0, read: task.Run.Counts.Read, many: int64(r.parallel)}
	err = t.rejected.recall(func(after string, n int) ([]string, error) { return r.store.RejectedIDs(ctx, task.Run.ID, after, n) })
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// goneOf says which rows are those of a run's job, and what becomes of those
// whose records are gone.
func goneOf(t *crosswalk.Task, o *crosswalk.Object) table.Gone {
	return table.Gone{
		Object: *o, ConnectionID: t.Run.ConnectionID, Entity: t.Run.Entity, JobID: t.Run.JobID,
		Policy: t.Job.Deletes.Policy, Field: t.Job.Deletes.Field, Run: t.Run.Number, By: t.Run.JobName,
	}
}

// wantsGone reports whether a run looks for records that are gone. One that
// reads a part of them only does not.
func wantsGone(t *crosswalk.Task) bool {
	kind := t.Run.Scope.Kind
	return t.Job.Deletes.On() && kind != crosswalk.ScopeRange && kind != crosswalk.ScopeRejects
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
	if t.again(p) {
		return pipeline.Written{}, table.Load{Table: t.gone.Object.Table(), Run: t.task.Run.Number}.Err()
	}
	for _, added := range p.Options {
		if err := t.store.AddOptions(ctx, added.Object, added.Field, added.Labels); err != nil {
			return pipeline.Written{}, err
		}
	}
	if left := newestOf(p); len(left) < len(p.Rejects) {
		again := int64(len(p.Rejects) - len(left))
		p.Rejects, p.Counts.Rejected, p.Counts.Unchanged = left, p.Counts.Rejected-again, p.Counts.Unchanged+again
	}
	progress := store.Progress{RunID: t.task.Run.ID, Fence: t.task.Fence, Checkpoint: p.Checkpoint, Reads: readsNow(&t.task, p.Changes, p.Checkpoint.Link)}
	if extract.OnlyKeys(p.Checkpoint.Link) {
		progress.Doing = crosswalk.StepKeys
	}
	if err := t.note(ctx, &progress, p); err != nil {
		return pipeline.Written{}, err
	}
	progress.Accepted = t.rejected.among(batch, p)
	var written pipeline.Written
	save := func(ctx context.Context, tx database.Execer, r table.Result) error {
		written = writtenOf(r)
		progress.Counts = p.Counts
		progress.Counts.Add(written.Counts())
		progress.Rejects = append(p.Rejects, rejects(batch, r.Rejects)...)
		for _, rj := range progress.Rejects {
			t.rejected.add(rj.SourceID)
		}
		return t.store.SaveProgress(ctx, tx, progress)
	}
	var err error
	if p.Hold {
		_, written.Held, err = t.writer.Hold(ctx, batch, save)
	} else {
		_, err = t.writer.Write(ctx, batch, save)
	}
	t.read += p.Counts.Read
	if why := p.Changes.Restart; err == nil && why != "" {
		t.log.Info("everything is read again", "why", why)
	}
	return written, err
}

// again reports whether the run fills its table for the first time, and the
// records of a page, or most of them, have come before: all come anew, or there
// are more than were counted. When they are many, they are written faster once
// the load is settled.
func (t *target) again(p pipeline.Progress) bool {
	return t.writer.Loading() && t.read > t.many && p.Counts.Read > 0 && (p.Changes.Recount || t.task.Run.Total > 0 && t.read >= t.task.Run.Total)
}

// writtenOf returns what became of a batch.
func writtenOf(r table.Result) pipeline.Written {
	return pipeline.Written{
		Inserted:   r.Inserted,
		Updated:    r.Updated,
		Unchanged:  r.Unchanged,
		Duplicates: r.Duplicates,
		Skipped:    r.Skipped,
		Rejected:   int64(len(r.Rejects)),
	}
}

// Commit implements pipeline.Target.
func (t *target) Commit(ctx context.Context) error { return t.writer.Commit(ctx) }

// note adds to the progress what a page says about records that are gone, when
// the run wants to know. A record that the filter leaves out is gone to the
// job; one that was rejected is not. Of a record that comes several times on
// the page, the last one counts.
func (t *target) note(ctx context.Context, to *store.Progress, p pipeline.Progress) error {
	if !wantsGone(&t.task) {
		return nil
	}
	to.Recount = p.Changes.Recount
	for _, k := range p.Changes.Deleted {
		to.Deleted = append(to.Deleted, crosswalk.GSID(k).String())
	}
	for _, k := range p.Changes.Present {
		to.Keys = append(to.Keys, k[:]...)
	}
	if keys := &p.Page.Columns[0]; keys.Kind == column.GUID {
		if err := t.noteRows(ctx, to, p, keys); err != nil {
			return err
		}
	}
	t.noted = t.noted || len(to.Deleted) > 0
	return nil
}

func (t *target) noteRows(ctx context.Context, to *store.Progress, p pipeline.Progress, keys *column.Column) error {
	skipped := p.Skipped
	stored, left := map[[16]byte]bool{}, map[[16]byte]bool{}
	for row := range p.Page.Rows() {
		out := len(skipped) > 0 && skipped[0] == row
		if out {
			skipped = skipped[1:]
		}
		key := keys.GUIDs[row]
		switch {
		case !keys.Valid[row]:
			if p.Checkpoint.Counting { // it would look as if the record were gone
				return crosswalk.Errorf(crosswalk.CodeUnavailable, "A record of %s came without its key.", t.task.Run.Entity).
					WithHint("Crosswalk tries again by itself.")
			}
			continue
		case out:
			left[key] = true
			continue
		}
		if len(p.Skipped) > 0 {
			stored[key] = true
			delete(left, key)
		}
		if p.Checkpoint.Counting {
			to.Keys = append(to.Keys, key[:]...)
		}
		if t.noted {
			to.Back = append(to.Back, crosswalk.GSID(key).String())
		}
	}
	// Records that never passed the filter are many, and no news.
	var ask []string
	for key := range left {
		if text := crosswalk.GSID(key).String(); stored[key] {
			to.Deleted = append(to.Deleted, text)
		} else {
			ask = append(ask, text)
		}
	}
	known, err := table.KnownKeys(ctx, t.db, t.gone, ask)
	to.Deleted = append(to.Deleted, known...)
	return err
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
