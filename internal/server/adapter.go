package server

import (
	"context"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// source reads a run's pages from Dataverse.
type source struct {
	client  *dataverse.Client
	query   dataverse.Query
	columns *odata.Columns
	plan    *mapping.Plan
}

func newSource(client *dataverse.Client, entity *crosswalk.Entity, plan *mapping.Plan, pageSize int) *source {
	return &source{
		client:  client,
		plan:    plan,
		columns: odata.NewColumns(plan.Source),
		query: dataverse.Query{
			EntitySet:   entity.EntitySetName,
			Select:      plan.Select,
			Filter:      plan.Filter,
			Annotations: plan.Annotations,
			PageSize:    pageSize,
		},
	}
}

// goneError is that a table lost columns which the plan reads.
type goneError struct{ members []string }

func (e *goneError) Error() string {
	return "the table no longer has " + strings.Join(e.members, ", ")
}

// gone returns the members of the plan that are among those.
func gone(plan *mapping.Plan, is func(member string) bool) []string {
	var members []string
	for _, m := range plan.Select {
		if is(m) {
			members = append(members, m)
		}
	}
	return members
}

// unselected returns the members of the plan that a link no longer asks for:
// they were found missing on the page that the link came with.
func unselected(plan *mapping.Plan, link string) []string {
	selected := dataverse.Selected(link)
	if selected == nil {
		return nil
	}
	return gone(plan, func(m string) bool { return !slices.Contains(selected, m) })
}

// Page implements pipeline.Source. A page without a column that the plan
// reads is a goneError: to the plan it would look as if all its values were
// empty.
func (s *source) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	p, err := s.client.Page(ctx, s.query, link, s.columns, into)
	if err == nil && len(p.Missing) > 0 {
		lost := gone(s.plan, func(m string) bool {
			return slices.ContainsFunc(p.Missing, func(name string) bool { return strings.EqualFold(name, m) })
		})
		if len(lost) > 0 {
			err = &goneError{lost}
		}
	}
	return pipeline.PageInfo{Next: p.Next, Records: p.Records, Bytes: p.Bytes, Requests: p.Requests, Throttled: p.Throttled}, err
}

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
