// Package extract brings the records of a run: everything that a plan reads,
// as pages of column batches. Its sources differ in which records they bring:
// Pages all, Ranges all in several streams, Records those with given keys,
// Changes what has changed.
//
// A plan also reads rows that the records' lookups lead to. Where the request
// allows it, the server sends them along ($expand); where it does not, as with
// change tracking, they are read by their keys once the page is there. The
// batch is the same either way.
package extract

import (
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// Config is what every source needs.
type Config struct {
	Client *dataverse.Client
	Entity *crosswalk.Entity // the table that is read
	Plan   *mapping.Plan
	// PageSize is how many records a page has at most; 0 means as many as the
	// server gives.
	PageSize int
}

// columns returns the columns of the plan's source batch.
func (c *Config) columns() *odata.Columns { return odata.NewColumns(c.Plan.Source) }

// query returns the query for the records' own columns.
func (c *Config) query() dataverse.Query {
	return dataverse.Query{
		EntitySet:   c.Entity.EntitySetName,
		Table:       c.Entity.LogicalName,
		Select:      c.Plan.Select,
		Filter:      c.Plan.Filter,
		Annotations: c.Plan.Annotations,
		PageSize:    c.PageSize,
	}
}

// expanding returns the query with the rows that lookups lead to.
func (c *Config) expanding() dataverse.Query {
	q := c.query()
	q.Expand = expands(c.Plan.Related, -1)
	return q
}

// expands returns what to expand of the row parent.
func expands(related []mapping.Related, parent int) []dataverse.Expand {
	var list []dataverse.Expand
	for i := range related {
		if r := &related[i]; r.Parent == parent {
			list = append(list, dataverse.Expand{
				Navigation: r.Navigation, Table: r.Entity.LogicalName, Select: members(r), Expand: expands(related, i),
			})
		}
	}
	return list
}

// members returns what to select of a related row: its key, so that there is
// always something to select, and its columns without their annotations.
func members(r *mapping.Related) []string {
	list := []string{r.Entity.PrimaryID}
	for _, c := range r.Columns {
		if m, _, _ := strings.Cut(c.Member, "@"); !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// GoneError is that tables lost columns which the plan reads: to the plan it
// would look as if all their values were empty.
type GoneError struct {
	// Columns are names of source columns, as mapping.Input.Gone takes them.
	Columns []string
}

// Error names the columns.
func (e *GoneError) Error() string {
	return "Dynamics no longer has " + strings.Join(e.Columns, ", ")
}

// gone returns a GoneError about the source columns for which lost returns
// true, nil when there are none. Annotations are not asked about.
func gone(plan *mapping.Plan, lost func(name string) bool) error {
	var names []string
	for _, s := range plan.Source {
		if !strings.Contains(s.Name, "@") && lost(s.Name) {
			names = append(names, s.Name)
		}
	}
	if names == nil {
		return nil
	}
	return &GoneError{names}
}

// missing returns a GoneError when a page came without columns of the plan.
func missing(plan *mapping.Plan, names []string) error {
	return gone(plan, func(column string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, column) })
	})
}

// unselected returns a GoneError when a link asks for less than the plan
// reads: the rest was found missing on the page that the link came with. Only
// columns for which asks returns true are expected there.
func unselected(plan *mapping.Plan, link string, asks func(name string) bool) error {
	selected := dataverse.Selected(link)
	if selected == nil {
		return nil
	}
	return gone(plan, func(name string) bool { return asks(name) && !slices.Contains(selected, name) })
}

// info returns what a page brought and cost.
func info(p dataverse.PageInfo) pipeline.PageInfo {
	return pipeline.PageInfo{Next: p.Next, Records: p.Records, Bytes: p.Bytes, Requests: p.Requests, Throttled: p.Throttled}
}
