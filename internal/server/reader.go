package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// reader is the source of a run. It reads everything in several streams where
// that is worth it and possible, and all else in one.
type reader struct {
	*runner
	task      *crosswalk.Task
	cfg       extract.Config
	oneStream string // why it reads everything in one stream, as far as is known
	log       *slog.Logger

	source pipeline.Source // in one stream
	all    bool            // it brings every record
	ranges *extract.Ranges // in several
}

func (r *runner) newReader(task *crosswalk.Task, object *crosswalk.Object, cfg extract.Config, found findings, log *slog.Logger) *reader {
	s := &reader{runner: r, task: task, cfg: cfg, oneStream: found.oneStream, log: log}
	s.source, s.all = r.newSource(task, object, cfg)
	ranges := extract.RangesConfig{Config: cfg, Size: r.parallel}
	if incremental(task) {
		ranges.Beside = extract.NewKeys(cfg, "", task.Job.Deletes.On())
	}
	s.ranges = extract.NewRanges(ranges)
	return s
}

// Page implements pipeline.Source.
func (s *reader) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if extract.InRanges(link) {
		return s.ranges.Page(ctx, link, into)
	}
	page, err := s.source.Page(ctx, link, into)
	if err != nil || page.Changes.Restart == "" {
		return page, err
	}
	found, err := s.survey(ctx)
	if found.several {
		page.Next = extract.RangesBegin
	}
	return page, err
}

// Close ends what the reader has under way.
func (s *reader) Close() { s.ranges.Close() }

// begin finds out how the run reads what it reads when it is at its begin, or
// begins again, and notes it in the run and in the task's checkpoint.
func (s *reader) begin(ctx context.Context) (err error) {
	at := &s.task.Checkpoint
	if extract.InRanges(at.Link) {
		if err := s.recall(ctx); err != nil {
			return err
		}
		if s.oneStream != "" {
			at.Link = "" // another slice found out, and has stored nothing since
		}
	}
	if at.Link != "" {
		return nil
	}
	var found survey
	if s.all {
		if found, err = s.survey(ctx); err != nil {
			return err
		}
	}
	if found.several {
		at.Link = extract.RangesBegin
	}
	if at.Page > 0 {
		return nil
	}
	text := reads(s.task, at.Link)
	if found.many && s.oneStream != "" {
		text += " " + inOneStream + s.oneStream
	}
	s.log.Info("run begins", "reads", text)
	return s.store.SetRunReads(ctx, s.task.Run.ID, s.task.Fence, text)
}

// recall finds out whether the table is to be read in one stream.
func (s *reader) recall(ctx context.Context) (err error) {
	if s.oneStream == "" {
		s.oneStream, err = s.store.OneStream(ctx, s.task.Run.ConnectionID, s.task.Job.Entity)
	}
	return err
}

// survey is what is known of everything that a run reads before it begins.
type survey struct {
	many    bool // records, so that several streams are worth it
	several bool // and possible
}

// survey counts what the run reads, notes it in the run and decides how it is
// read.
func (s *reader) survey(ctx context.Context) (found survey, err error) {
	if err = s.recall(ctx); err != nil {
		return found, err
	}
	n, many, err := s.count(ctx)
	if err == nil && n >= 0 {
		s.task.Run.Total = n
		err = s.store.SetRunTotal(ctx, s.task.Run.ID, n)
	}
	return survey{many: many, several: many && s.divisible()}, err
}

// countTime is how long a run waits to know how many records it reads.
const countTime = 30 * time.Second

// count returns how many records the run reads, -1 when that is not known, and
// whether they are so many that they should be read in several streams.
func (s *reader) count(ctx context.Context) (n int64, many bool, err error) {
	short, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	n, many, err = extract.Count(short, s.cfg)
	switch {
	case ctx.Err() != nil:
		return -1, false, context.Cause(ctx)
	case err == nil && !many:
		return n, n > int64(s.parallel), nil
	case err != nil:
		s.log.Info("the records to read could not be counted", "error", err)
	}
	if s.cfg.Plan.Filter != "" {
		return -1, many, nil
	}
	if n, err = s.cfg.Client.Count(ctx, s.task.Job.Entity); err != nil {
		s.log.Info("no estimate of the records to read", "error", err)
		n = -1
	}
	return n, many && (n < 0 || n > int64(s.parallel)), nil
}

// divisible reports whether the run may read several ranges at a time, and
// gains from it: with one request at a time, those for bounds and counts would
// only come between the pages.
func (s *reader) divisible() bool {
	return s.oneStream == "" && s.task.Run.Scope.Kind != crosswalk.ScopeRange && s.cfg.Client.Parallelism() > 1
}

// leaveRanges has a run begin again in one stream.
func (r *runner) leaveRanges(ctx context.Context, task *crosswalk.Task, unfit *extract.OneStreamError, log *slog.Logger) error {
	log.Warn("everything is read again, in one stream", "why", unfit.Why, "lasting", unfit.Lasting)
	if unfit.Lasting {
		if err := r.store.SaveOneStream(ctx, task.Run.ConnectionID, task.Job.Entity, unfit.Why); err != nil {
			return err
		}
	}
	task.Checkpoint.Link = ""
	return r.store.SetRunReads(ctx, task.Run.ID, task.Fence, reads(task, "")+" "+inOneStream+unfit.Why)
}
