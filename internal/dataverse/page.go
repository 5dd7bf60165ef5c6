package dataverse

import (
	"context"
	"io"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const (
	maxPageSize  = 5000    // what Dataverse gives at most
	maxURL       = 32_000  // Dataverse refuses addresses over 32,768 characters
	maxPageBytes = 2 << 30 // inflated
	linkPath     = "/api/data/"
)

// Query is what to read of one table.
type Query struct {
	EntitySet   string   // name of the table in addresses, for example "accounts"
	Select      []string // members to read; none means all
	Filter      string   // text of $filter, not yet encoded; empty means all records
	PageSize    int      // records a page at most; 0 means 5,000, which is the most there can be
	Annotations []string // annotations to send along, for example "Microsoft.Dynamics.CRM.lookuplogicalname"
}

// PageInfo says what reading a page brought and cost, retries included.
type PageInfo struct {
	Next            string        // verbatim link of the next page; empty on the last
	Records         int           // records appended to the batch
	Bytes           int64         // bytes of bodies received, as sent over the wire
	Requests        int64         // requests sent
	Throttled       time.Duration // time waited because the server asked for it
	MetadataVersion string        // changes when metadata are published; empty when it was not sent
}

// Page reads a page and appends its records to into, which must have been
// made with the specs of cols. An empty link means the first page; any other
// is followed to the letter, but only on the environment's own scheme and
// host and below /api/data/. After an error the batch is as it was before.
//
// Records come in the order of their primary keys, so that a walk over all
// pages neither loses nor repeats a record that existed all along.
func (c *Client) Page(ctx context.Context, q Query, link string, cols *odata.Columns, into *column.Batch) (PageInfo, error) {
	if c.err != nil {
		return PageInfo{}, c.err
	}
	call := &call{what: "read " + q.EntitySet, prefer: q.prefer()}
	var err error
	if link == "" {
		call.url = c.address(url.PathEscape(q.EntitySet), q.query(len(c.base.Host)+len(q.EntitySet)))
	} else if call.url, err = c.ownLink(link); err != nil {
		return PageInfo{}, err
	}
	var page odata.Page
	err = c.get(ctx, call, func(body io.Reader) (err error) {
		page, err = cols.DecodePage(&limitedReader{body, maxPageBytes}, into)
		return err
	})
	info := PageInfo{
		Next: page.NextLink, Records: page.Records, MetadataVersion: page.MetadataVersion,
		Bytes: call.tally.bytes, Requests: call.tally.requests, Throttled: call.tally.throttled,
	}
	if err == nil && page.NextLink != "" {
		if _, err = c.ownLink(page.NextLink); err != nil {
			into.Truncate(into.Rows() - page.Records)
			info.Records = 0
		}
	}
	return info, err
}

// query returns the query of the first page's address.
func (q Query) query(rest int) string {
	var b []byte
	if len(q.Select) > 0 {
		b = append(b, "$select="...)
		b = odata.AppendQuery(b, strings.Join(q.Select, ","))
	}
	mark := len(b)
	if q.Filter != "" {
		if mark > 0 {
			b = append(b, '&')
		}
		b = append(b, "$filter="...)
		b = odata.AppendQuery(b, q.Filter)
	}
	// A table can have more columns than fit: then all are sent, and the
	// decoder takes what it wants.
	if mark > 0 && rest+len(b) > maxURL {
		b = b[min(mark+1, len(b)):]
	}
	return string(b)
}

// prefer returns the Prefer header, which goes with every page.
func (q Query) prefer() string {
	size := q.PageSize
	if size <= 0 || size > maxPageSize {
		size = maxPageSize
	}
	s := "odata.maxpagesize=" + strconv.Itoa(size)
	if len(q.Annotations) > 0 {
		s += `,odata.include-annotations="` + strings.Join(q.Annotations, ",") + `"`
	}
	return s
}

// ownLink checks that a link leads to the Web API of the client's own
// environment: it would get the access token.
func (c *Client) ownLink(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil || u.User != nil || u.Opaque != "" || !strings.EqualFold(u.Scheme, c.base.Scheme) ||
		!strings.EqualFold(hostPort(u), hostPort(c.base)) ||
		!strings.HasPrefix(u.Path, linkPath) || !strings.HasPrefix(path.Clean(u.Path), linkPath) {
		return nil, crosswalk.Errorf(crosswalk.CodeUnavailable, "The link of the next page does not lead to %s.", c.base).
			WithHint("Crosswalk follows links only inside of the environment it is connected to. Check the connection's address; if a proxy stands in between, it must not rewrite addresses.").
			WithCause(err)
	}
	return u, nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case strings.EqualFold(u.Scheme, "https"):
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// limitedReader fails where io.LimitedReader would end quietly.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
