package extract

import (
	"context"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// Pages is the source of all records that the plan's filter chooses, in the
// order of their keys. It is used by one goroutine at a time.
type Pages struct {
	client  *dataverse.Client
	plan    *mapping.Plan
	query   dataverse.Query
	columns *odata.Columns
}

// NewPages makes the source of a plan that was not compiled as Tracked.
func NewPages(cfg Config) *Pages {
	return &Pages{client: cfg.Client, plan: cfg.Plan, query: cfg.expanding(), columns: cfg.columns()}
}

// Page implements pipeline.Source. The error is a *GoneError when tables lost
// columns that the plan reads, else that of dataverse.Client.Page.
func (s *Pages) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if err := unselected(s.plan, link, func(string) bool { return true }); err != nil {
		return pipeline.PageInfo{}, err
	}
	p, err := s.client.Page(ctx, s.query, link, s.columns, into)
	if err == nil {
		err = missing(s.plan, p.Missing)
	}
	page := info(p)
	page.Changes = pipeline.Changes{Recount: link == "", Complete: page.Next == ""}
	return page, err
}
