package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// preview returns what a run of the job would do with the first n records. It
// takes the way of a run up to the database, where everything is rolled back.
func (r *runner) preview(ctx context.Context, job crosswalk.Job, n int) (crosswalk.Preview, error) {
	in, err := r.input(ctx, job)
	if err != nil {
		return crosswalk.Preview{}, err
	}
	var p crosswalk.Preview
	in, p.Warnings = mapping.Degrade(in)
	plan, err := mapping.Compile(in)
	if err != nil {
		return p, err
	}
	src, err := r.sample(ctx, job, in.Entity, plan, n)
	if err != nil {
		return p, err
	}
	dst := plan.NewBatch()
	rejects, skipped := plan.Apply(src, dst, nil)
	cfg := writerConfig(in, plan)
	if cfg.Jobs, err = r.store.JobIDs(ctx); err != nil {
		return p, err
	}
	cfg.ConnectionID, cfg.Entity, cfg.JobID, cfg.By = job.ConnectionID, job.Entity, job.ID, job.Name
	outcomes, err := table.Preview(ctx, r.db, cfg, dst)
	if err != nil {
		return p, err
	}
	p.Records = make([]crosswalk.PreviewRecord, 0, src.Rows())
	written := 0
	for row := range src.Rows() {
		id := ""
		if key := &src.Columns[0]; key.Valid[row] && key.Kind == column.GUID {
			id = crosswalk.GSID(key.GUIDs[row]).String()
		}
		switch {
		case len(skipped) > 0 && skipped[0] == row:
			skipped = skipped[1:]
			p.Records = append(p.Records, crosswalk.PreviewRecord{SourceID: id, Outcome: crosswalk.PreviewSkip})
		case len(rejects) > 0 && rejects[0].SourceID == id:
			x := rejects[0]
			rejects = rejects[1:]
			p.Records = append(p.Records, crosswalk.PreviewRecord{
				SourceID: id, Outcome: crosswalk.PreviewReject, Field: x.Field, Code: x.Code, Message: x.Message,
			})
		default:
			p.Records = append(p.Records, previewed(id, outcomes[written]))
			written++
		}
	}
	return p, nil
}

func previewed(id string, o table.Outcome) crosswalk.PreviewRecord {
	rec := crosswalk.PreviewRecord{SourceID: id, Outcome: o.Action}
	for _, c := range o.Changes {
		rec.Changes = append(rec.Changes, crosswalk.PreviewChange{Field: c.Field, Old: shown(c.Old), New: shown(c.New)})
	}
	if x := o.Reject; x != nil {
		rec.Field, rec.Code, rec.Message = x.Field, x.Code, x.Message
	}
	return rec
}

// shown returns a value as text.
func shown(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		s = strconv.FormatBool(v)
	case json.Number:
		s = v.String()
	case string:
		s = v
	default:
		s = fmt.Sprint(v)
	}
	return &s
}

// evaluate computes a formula for the first n records of an entity, and says
// what kind of value it gives.
func (r *runner) evaluate(ctx context.Context, job crosswalk.Job, formula string, n int) (gives string, all []mapping.Evaluation, err error) {
	in, err := r.input(ctx, job)
	if err != nil {
		return "", nil, err
	}
	x, err := mapping.CompileFormula(in, formula)
	if err != nil {
		return "", nil, err
	}
	src, err := r.sample(ctx, job, in.Entity, x.Plan, n)
	if err != nil {
		return "", nil, err
	}
	return x.Gives, x.Evaluate(src), nil
}

// input returns what a job's mapping is compiled from, with the metadata that
// are in the cache.
func (r *runner) input(ctx context.Context, job crosswalk.Job) (mapping.Input, error) {
	conn, err := r.store.FindConnection(ctx, job.ConnectionID)
	if err != nil {
		return mapping.Input{}, err
	}
	if err := connector.Ready(conn); err != nil {
		return mapping.Input{}, err
	}
	entity, err := r.connector.Entity(ctx, job.ConnectionID, job.Entity)
	if err != nil {
		return mapping.Input{}, err
	}
	return r.connector.Input(ctx, job, entity, time.Now())
}

// sample reads the first n records that a plan chooses.
func (r *runner) sample(ctx context.Context, job crosswalk.Job, entity *crosswalk.Entity, plan *mapping.Plan, n int) (*column.Batch, error) {
	client, err := r.connector.Client(ctx, job.ConnectionID)
	if err != nil {
		return nil, err
	}
	batch := plan.NewSourceBatch()
	source := extract.NewPages(extract.Config{Client: client, Entity: entity, Plan: plan, PageSize: n})
	_, err = source.Page(ctx, "", batch)
	return batch, err
}
