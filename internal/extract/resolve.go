package extract

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const (
	idsAtOnce   = 500 // keys of one read
	readsAtOnce = 4   // of one page and relation
)

// resolver fills the columns of related rows by reading those rows by their
// keys. It remembers rows, those that are not there included, as long as it
// lives: what one source fills is at most as old as the source.
type resolver struct {
	client    *dataverse.Client
	relations []relation
	cache     cache
}

// relation is how the rows that one lookup leads to are read.
type relation struct {
	mapping.Related
	query   dataverse.Query
	columns *odata.Columns // the key, then those of Related
	names   []string       // of the plan's source columns that those of Related fill
}

func newResolver(cfg Config) *resolver {
	r := &resolver{client: cfg.Client, cache: cache{limit: cacheBytes}}
	for i := range cfg.Plan.Related {
		related := cfg.Plan.Related[i]
		specs := []column.Spec{{Name: related.Entity.PrimaryID, Kind: column.GUID}}
		var names []string
		for _, c := range related.Columns {
			source := cfg.Plan.Source[c.Source]
			specs = append(specs, column.Spec{Name: c.Member, Kind: source.Kind})
			names = append(names, source.Name)
		}
		r.relations = append(r.relations, relation{
			Related: related,
			columns: odata.NewColumns(specs),
			names:   names,
			query: dataverse.Query{
				EntitySet: related.Entity.EntitySetName, Select: members(&related), Annotations: cfg.Plan.Annotations,
			},
		})
	}
	return r
}

// fill fills the columns of related rows in the rows of the batch from row
// from on, and returns what that cost. Rows that do not come, because they are
// gone, may not be read or belong to another table, are null in all columns.
func (r *resolver) fill(ctx context.Context, b *column.Batch, from int) (cost dataverse.PageInfo, err error) {
	bad := len(b.Bad)
	for i := range r.relations {
		if err := r.relate(ctx, i, b, from, &cost); err != nil {
			return cost, err
		}
	}
	if len(b.Bad) > bad {
		slices.SortStableFunc(b.Bad, func(x, y column.Bad) int { return cmp.Compare(x.Row, y.Row) })
	}
	return cost, nil
}

// relate fills the columns of one relation.
func (r *resolver) relate(ctx context.Context, i int, b *column.Batch, from int, cost *dataverse.PageInfo) error {
	rel := &r.relations[i]
	rows := map[[16]byte]row{}
	var unknown [][16]byte
	for n := from; n < b.Rows(); n++ {
		id, ok := rel.id(b, n)
		if !ok {
			continue
		}
		if _, ok := rows[id]; ok {
			continue
		}
		known, ok := r.cache.find(rowKey{i, id})
		if !ok {
			unknown = append(unknown, id)
		}
		rows[id] = known
	}
	if err := r.read(ctx, i, unknown, rows, cost); err != nil {
		return err
	}
	for _, c := range rel.Columns {
		b.Columns[c.Source].Truncate(from)
	}
	for n := from; n < b.Rows(); n++ {
		var rest row
		if id, ok := rel.id(b, n); ok {
			rest = rows[id]
		}
		for _, c := range rel.Columns {
			var value string
			var isBad bool
			if rest, value, isBad = rest.take(&b.Columns[c.Source]); isBad {
				b.Bad = append(b.Bad, column.Bad{Row: n, Column: c.Source, Value: value})
			}
		}
	}
	return nil
}

// id returns the key of the row that row n of a batch leads to.
func (rel *relation) id(b *column.Batch, n int) ([16]byte, bool) {
	ids := &b.Columns[rel.ID]
	if !ids.Valid[n] {
		return [16]byte{}, false
	}
	if rel.Table >= 0 {
		if t := &b.Columns[rel.Table]; t.Valid[n] && string(t.Bytes(n)) != rel.Entity.LogicalName {
			return [16]byte{}, false
		}
	}
	return ids.GUIDs[n], true
}

// read reads the rows with those keys into rows and remembers them.
func (r *resolver) read(ctx context.Context, i int, ids [][16]byte, rows map[[16]byte]row, cost *dataverse.PageInfo) error {
	rel := &r.relations[i]
	chunks := slices.Collect(slices.Chunk(ids, idsAtOnce))
	found := make([]*column.Batch, len(chunks))
	costs := make([]dataverse.PageInfo, len(chunks))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(readsAtOnce)
	for n, chunk := range chunks {
		group.Go(func() (err error) {
			found[n] = column.NewBatch(rel.columns.Specs())
			costs[n], err = r.client.Rows(groupCtx, rel.query, rel.Entity.PrimaryID, chunk, rel.columns, found[n])
			return err
		})
	}
	err := group.Wait()
	for _, c := range costs {
		cost.Bytes += c.Bytes
		cost.Requests += c.Requests
		cost.Throttled += c.Throttled
	}
	if err != nil {
		return err
	}
	for _, c := range costs {
		if err := rel.missing(c.Missing); err != nil {
			return err
		}
	}
	for _, b := range found {
		bad := b.Bad
		for n := range b.Rows() {
			var own []column.Bad
			for len(bad) > 0 && bad[0].Row == n {
				own, bad = append(own, bad[0]), bad[1:]
			}
			if key := &b.Columns[0]; key.Valid[n] {
				rows[key.GUIDs[n]] = makeRow(b, n, own)
			}
		}
	}
	for _, id := range ids {
		r.cache.add(rowKey{i, id}, rows[id])
	}
	return nil
}

// missing returns a GoneError when rows came without columns of the plan.
func (rel *relation) missing(names []string) error {
	var lost []string
	for _, name := range names {
		for i, c := range rel.Columns {
			if strings.EqualFold(c.Member, name) {
				lost = append(lost, rel.names[i])
			}
		}
	}
	if lost == nil {
		return nil
	}
	return &GoneError{lost}
}
