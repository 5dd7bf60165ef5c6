package extract

import (
	"context"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// Changes is the source of what has changed since an earlier read: records
// that were made or changed, the keys of those that are gone, and the place
// where the next read goes on. Whether Dynamics tracks the changes, or they are
// found by their time, or everything is read again, the pages say the same.
// It is used by one goroutine at a time.
//
// A record counts as changed when a column of its own table did; what it reads
// of related rows is read with it, and not by itself.
type Changes struct {
	client   *dataverse.Client
	plan     *mapping.Plan
	query    dataverse.ChangeQuery
	columns  *odata.Columns
	resolver *resolver
}

// NewChanges makes the source of a plan that was compiled as Tracked. since is
// the Watermark of an earlier read, "" for everything. sweep asks for the keys
// of all records where Dynamics does not tell what was deleted.
func NewChanges(cfg Config, since string, sweep bool) *Changes {
	return &Changes{
		client: cfg.Client, plan: cfg.Plan, columns: cfg.columns(), resolver: newResolver(cfg),
		query: dataverse.ChangeQuery{Query: cfg.query(), Entity: cfg.Entity, Since: since, Sweep: sweep},
	}
}

// NewKeys makes the source of changes that are tracked by a walk over keys, as
// dataverse.ChangeQuery.Keys has it.
//
// With since "", another source brings all records, beside the pages of that
// walk, which bring none: it begins when the first page has come, and the pages
// for which Walking reports false are asked for when it is through. With the
// Watermark of a read by the time of the last change, one more such read is
// done, and changes are tracked from then on if that is possible now: the last
// page says so by its Way. With NewKeysAnew a page says Restart instead.
//
// After a Restart this source brings all records itself; whoever wants others
// to bring them begins anew with since "".
func NewKeys(cfg Config, since string, sweep bool) *Changes {
	s := NewChanges(cfg, since, sweep)
	s.query.Keys = true
	return s
}

// NewKeysAnew is NewKeys for a user who was refused to have changes tracked when
// the read of since was done: when that is possible now, everything is read, as
// dataverse.ChangeQuery.Anew has it.
func NewKeysAnew(cfg Config, since string, sweep bool) *Changes {
	s := NewKeys(cfg, since, sweep)
	s.query.Anew = true
	return s
}

// Walking reports whether the page of a link belongs to a walk over keys
// beside which another source brings the records. No such page is the last one,
// has records or says Restart.
func (s *Changes) Walking(link string) bool { return s.query.Walking(link) }

// Page implements pipeline.Source. The error is a *GoneError when tables lost
// columns that the plan reads, else that of dataverse.Client.Changes.
func (s *Changes) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	own := func(name string) bool { return !strings.Contains(name, "/") }
	if err := unselected(s.plan, link, own); err != nil {
		return pipeline.PageInfo{}, err
	}
	from := into.Rows()
	p, err := s.client.Changes(ctx, s.query, link, s.columns, into)
	if err == nil {
		err = missing(s.plan, p.Missing)
	}
	page := info(p.PageInfo)
	if err == nil {
		var cost dataverse.PageInfo
		cost, err = s.resolver.fill(ctx, into, from)
		page.Bytes += cost.Bytes
		page.Requests += cost.Requests
		page.Throttled += cost.Throttled
	}
	page.Changes = pipeline.Changes{
		Deleted: p.Deleted, Present: p.Present, Recount: p.Recount, Complete: p.Complete, Watermark: p.End, Restart: p.Restart, Fallback: p.Fallback,
	}
	switch {
	case p.Fallback == "" && p.Tracked:
		page.Changes.Way = crosswalk.WayTracked
	case p.Fallback == "":
	case s.query.Dated():
		page.Changes.Way = crosswalk.WayModified
	default:
		page.Changes.Way = crosswalk.WayEverything
	}
	return page, err
}
