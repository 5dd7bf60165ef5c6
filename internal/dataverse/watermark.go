package dataverse

import (
	"context"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// newestColumns are the columns that are read of the newest record.
var newestColumns = odata.NewColumns([]column.Spec{{Name: modifiedOn, Kind: column.Time}})

// watermark sets the time up to which a read that is about to begin covers all
// changes: that of the newest record in the table. A walk by key meets records
// that change while it is under way, so the times met say nothing about what
// changed where it has already passed; only what exists before its first page
// does.
//
// Neither the server's Date header, which a proxy may have written, nor this
// machine's clock can move the time ahead of the data. Either can move it back,
// for a record may carry a time in the future; then more is read again.
func (c *Client) watermark(ctx context.Context, q ChangeQuery, at *cursor, page *ChangePage) error {
	newest, clock := time.Time{}, time.Now().UTC()
	if q.Dated() {
		one := Query{EntitySet: q.EntitySet, Select: []string{modifiedOn}, Filter: q.query(at).Filter, PageSize: 1, order: modifiedOn + " desc"}
		call := &call{what: "read changes of " + q.EntitySet, url: c.firstPage(one), frozen: true}
		b := column.NewBatch(newestColumns.Specs())
		got, err := c.page(ctx, call, one, newestColumns, b)
		spent := call.info(got)
		spent.Records = 0
		page.spend(spent)
		switch {
		case crosswalk.ErrorCode(err) == crosswalk.CodeInvalid:
			// The table cannot be sorted so. If the read fails as well, it says why.
			c.log.WarnContext(ctx, "the newest record is not known", "table", q.EntitySet, "error", err)
		case err != nil:
			return err
		case b.Rows() > 0 && b.Columns[0].Valid[0]:
			newest = time.UnixMicro(b.Columns[0].Ints[0]).UTC()
		}
		clock = earlier(clock, call.served)
	}
	switch {
	case !newest.IsZero():
		at.Begin = earlier(newest, clock)
		if at.Begin.Before(at.Last) {
			at.Begin = at.Last
		}
	case !at.Last.IsZero():
		at.Begin = at.Last
	default:
		at.Begin = clock
	}
	return nil
}

// earlier returns the earlier of two times; b may be zero, which means unknown.
func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
