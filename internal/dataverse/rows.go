package dataverse

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// maxKeys is the largest number of keys in one request.
const maxKeys = 500

// rowsAtOnce is how many such requests are in flight at a time.
const rowsAtOnce = 4

// keyLength is how many characters of an address a key takes: 36 and two
// quotes, percent-encoded, and a comma.
const keyLength = 36 + 2*3 + 1

// Rows reads the records of a table with those keys and appends them, in no
// particular order, to into, which must have been made with the specs of cols.
// key is the logical name of the table's key. A key brings nothing when there is
// no such record, when the user may not read it, or when the query's filter
// leaves it out. After an error the batch is as it was before.
//
// Keys are spread over as many requests as the length of addresses requires, some
// of them in parallel; the info is their sum, and its Next is empty.
func (c *Client) Rows(ctx context.Context, q Query, key string, ids [][16]byte, cols *odata.Columns, into *column.Batch) (PageInfo, error) {
	if c.err != nil {
		return PageInfo{}, c.err
	}
	parts := slices.Collect(slices.Chunk(ids, c.keysAtOnce(q, key)))
	costs, found := make([]PageInfo, len(parts)), make([]*column.Batch, len(parts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(rowsAtOnce)
	for i, part := range parts {
		group.Go(func() error {
			found[i] = column.NewBatch(cols.Specs())
			return c.rows(groupCtx, q.among(key, part), len(part), cols, found[i], &costs[i])
		})
	}
	err := group.Wait()
	var total PageInfo
	for i, cost := range costs {
		total.spend(cost)
		total.Missing = append(total.Missing, cost.Missing...)
		if err == nil {
			into.Append(found[i])
		}
	}
	if err != nil {
		total.Records = 0
	}
	return total, err
}

// rows reads all pages of a query that has n records at most.
func (c *Client) rows(ctx context.Context, q Query, n int, cols *odata.Columns, into *column.Batch, total *PageInfo) error {
	for link, pages := "", 0; ; pages++ {
		if pages > n {
			return explain(&garbled{errors.New("more pages than records")}, "read "+q.EntitySet)
		}
		info, err := c.Page(ctx, q, link, cols, into)
		total.spend(info)
		if pages == 0 {
			total.Missing = append(total.Missing, info.Missing...)
		}
		if link = info.Next; err != nil || link == "" {
			return err
		}
	}
}

// among returns the query for the records with those keys alone.
func (q Query) among(key string, ids [][16]byte) Query {
	b := make([]byte, 0, len(q.Filter)+100+keyLength*len(ids))
	if q.Filter != "" {
		b = append(b, '(')
		b = append(b, q.Filter...)
		b = append(b, ") and "...)
	}
	b = append(b, "Microsoft.Dynamics.CRM.In(PropertyName='"...)
	b = append(b, key...)
	b = append(b, "',PropertyValues=["...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(odata.AppendGUID(b, id), '"')
	}
	q.Filter = string(append(b, "])"...))
	return q
}

// keysAtOnce returns how many keys a request can name: as many as keep its address
// short enough to be sent directly or, when that would be few, inside a batch.
func (c *Client) keysAtOnce(q Query, key string) int {
	rest := len(c.address(url.PathEscape(q.EntitySet), q.among(key, nil).query(0)).String())
	n := (maxURL - rest) / keyLength
	if n < maxKeys/4 {
		n = (maxBatchURL - rest) / keyLength
	}
	return max(1, min(n, maxKeys))
}
