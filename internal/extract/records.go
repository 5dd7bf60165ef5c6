package extract

import (
	"context"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// recordsAtOnce is how many records a page of Records has at most.
const recordsAtOnce = 1000

// NextIDs returns up to n keys of records, as 36 characters, that come behind
// after in an order of its choice; after is "" at first. Fewer than n mean that
// no more follow.
type NextIDs func(ctx context.Context, after string, n int) ([]string, error)

// Records is the source of the records with given keys. Records that are gone,
// that may not be read or that the plan's filter leaves out do not come; a
// text that is no key is passed over. It is used by one goroutine at a time.
type Records struct {
	client  *dataverse.Client
	plan    *mapping.Plan
	query   dataverse.Query
	columns *odata.Columns
	key     string
	next    NextIDs
	size    int
}

// NewRecords makes the source of a plan that was not compiled as Tracked.
func NewRecords(cfg Config, next NextIDs) *Records {
	s := &Records{
		client: cfg.Client, plan: cfg.Plan, query: cfg.expanding(), columns: cfg.columns(), key: cfg.Entity.PrimaryID,
		next: next, size: recordsAtOnce,
	}
	if cfg.PageSize > 0 {
		s.size = min(s.size, cfg.PageSize)
	}
	return s
}

// Page implements pipeline.Source. The link of a page is the last key of the
// one before. The error is that of the keys, a *GoneError when tables lost
// columns that the plan reads, or that of dataverse.Client.Rows.
func (s *Records) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	texts, err := s.next(ctx, link, s.size)
	if err != nil {
		return pipeline.PageInfo{}, err
	}
	ids := make([][16]byte, 0, len(texts))
	seen := make(map[[16]byte]bool, len(texts))
	for _, text := range texts {
		if id, ok := crosswalk.ParseGSID(text); ok && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	p, err := s.client.Rows(ctx, s.query, s.key, ids, s.columns, into)
	if err == nil {
		err = missing(s.plan, p.Missing)
	}
	if len(texts) == s.size {
		p.Next = texts[len(texts)-1]
	}
	return info(p), err
}
