package dataverse

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const (
	maxPageSize  = 5000     // what Dataverse gives at most
	maxPageBytes = 64 << 20 // inflated; larger pages are asked for again with fewer records
	linkPath     = "/api/data/"
)

// Query is what to read of one table.
type Query struct {
	EntitySet   string   // name of the table in addresses, for example "accounts"
	Table       string   // its logical name; only needed with Expand
	Select      []string // members to read; none means all
	Expand      []Expand // rows to read along; Dataverse takes 15 at most, those inside of others included
	Filter      string   // text of $filter, not yet encoded; empty means all records
	PageSize    int      // records a page at most; 0 means 5,000, which is the most there can be
	Annotations []string // annotations to send along, for example "Microsoft.Dynamics.CRM.lookuplogicalname"

	order string // text of $orderby, not yet encoded; empty means by key
	track bool   // ask for a link to the changes after this walk
}

// PageInfo says what reading a page brought and cost, retries included.
type PageInfo struct {
	Next            string        // verbatim link to the next page; empty on the last
	Records         int           // records appended to the batch
	Bytes           int64         // bytes of bodies received, as sent over the wire
	Requests        int64         // requests sent
	Throttled       time.Duration // time waited because the server asked for it, see WithCaller
	MetadataVersion string        // changes when metadata are published; empty when it was not sent
	// Missing are selected members that the table does not have (any more), as
	// the server names them, those of expanded rows by their path. They were left
	// out, and their columns are null.
	Missing []string
}

// Page reads a page and appends its records to into, which must have been made
// with the specs of cols. An empty link means the first page; any other is
// followed verbatim, but only within the environment's own scheme and host and
// below /api/data/. After an error the batch is as it was before.
//
// A selected column that the table does not have is left out and listed in
// Missing; the links to later pages do not ask for it again.
//
// Records come in the order of their primary keys, so that a walk over all
// pages neither loses nor repeats a record that existed all along.
func (c *Client) Page(ctx context.Context, q Query, link string, cols *odata.Columns, into *column.Batch) (PageInfo, error) {
	return c.PageInto(ctx, q, link, cols, func(context.Context) (*column.Batch, error) { return into, nil })
}

// Target returns the batch for a page. It is called when an answer has come, which
// may be several times for a page, and must return the same batch each time.
type Target func(ctx context.Context) (*column.Batch, error)

// PageInto is Page for a batch that is not needed before the answer has come, so
// that many requests can be in flight with few batches.
func (c *Client) PageInto(ctx context.Context, q Query, link string, cols *odata.Columns, target Target) (PageInfo, error) {
	if c.err != nil {
		return PageInfo{}, c.err
	}
	call := &call{what: "read " + q.EntitySet}
	var err error
	if link == "" {
		call.url = c.firstPage(q)
	} else if call.url, err = c.ownLink(link); err != nil {
		return PageInfo{}, err
	}
	var into *column.Batch
	page, err := c.pageInto(ctx, call, q, cols, func(ctx context.Context) (_ *column.Batch, err error) {
		into, err = target(ctx)
		return into, err
	})
	info := call.info(page)
	if err == nil && page.NextLink != "" {
		if _, err = c.ownLink(page.NextLink); err != nil {
			into.Truncate(into.Rows() - page.Records)
			info.Records = 0
		}
	}
	return info, err
}

// page is pageInto for a given batch.
func (c *Client) page(ctx context.Context, call *call, q Query, cols *odata.Columns, into *column.Batch) (page odata.Page, err error) {
	return c.pageInto(ctx, call, q, cols, func(context.Context) (*column.Batch, error) { return into, nil })
}

// pageInto runs the call for a page. Missing columns are left out. A page that is
// too large is requested again with fewer records, and so are later pages of the
// same table.
func (c *Client) pageInto(ctx context.Context, call *call, q Query, cols *odata.Columns, target Target) (page odata.Page, err error) {
	size, full := c.pageSize(q), 0
	for {
		call.prefer = q.prefer(size)
		err = c.get(ctx, call, func(body io.Reader) error {
			into, err := target(ctx)
			if err == nil {
				page, err = decodePage(cols, &limitedReader{body, maxPageBytes}, into, size)
			}
			return err
		})
		if name, table := missingFrom(err); name != "" && !call.frozen {
			less, lost := q.without(call.url, name, table)
			if len(lost) == 0 {
				break
			}
			c.log.WarnContext(ctx, "a column is missing and left out", "table", q.EntitySet, "columns", lost)
			call.url, call.missing = less, append(call.missing, lost...)
			continue
		}
		if errors.Is(err, errFull) && full < maxFull && size > 1 {
			full++
			size--
			continue
		}
		if !errors.Is(err, errTooLarge) || size == 1 {
			break
		}
		size = max(size/8, 1)
		c.log.InfoContext(ctx, "pages are too large", "table", q.EntitySet, "records", size)
		c.mu.Lock()
		c.pageSizes[q.EntitySet] = size
		c.mu.Unlock()
	}
	if err == nil {
		c.sawVersion(page.MetadataVersion)
	}
	return page, err
}

// LinkEnded reports whether an error means that the server no longer accepts the
// link to a page, so that the walk has to begin again. How long links live, what
// ends them and with which error is not documented. For a first page, which has
// no link, such an error means something else.
func LinkEnded(err error) bool {
	switch answerIn(err).Status {
	case http.StatusBadRequest, http.StatusGone, http.StatusPreconditionFailed:
		return missingProperty(err) == ""
	}
	return false
}

// pageSize returns how many records to ask for at a time.
func (c *Client) pageSize(q Query) int {
	size := q.PageSize
	if size <= 0 || size > maxPageSize {
		size = maxPageSize
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if learned := c.pageSizes[q.EntitySet]; learned > 0 {
		size = min(size, learned)
	}
	return size
}

// info returns what a page brought and what its call cost.
func (c *call) info(page odata.Page) PageInfo {
	return PageInfo{
		Next: page.NextLink, Records: page.Records, MetadataVersion: page.MetadataVersion,
		Bytes: c.tally.bytes, Requests: c.tally.requests, Throttled: c.tally.throttled, Missing: c.missing,
	}
}

// firstPage returns the address of the first page of a query.
func (c *Client) firstPage(q Query) *url.URL {
	return c.address(url.PathEscape(q.EntitySet), q.query(len(c.base.Host)+len(q.EntitySet)))
}

// query returns the query string of the first page's address. rest is the length
// of its host and path.
func (q Query) query(rest int) string {
	var b []byte
	if len(q.Select) > 0 {
		b = append(b, "$select="...)
		b = odata.AppendQuery(b, strings.Join(q.Select, ","))
	}
	mark := len(b)
	if len(q.Expand) > 0 {
		if mark > 0 {
			b = append(b, '&')
		}
		b = appendExpand(append(b, "$expand="...), q.Expand)
	}
	if q.Filter != "" {
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = append(b, "$filter="...)
		b = odata.AppendQuery(b, q.Filter)
	}
	if q.order != "" {
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = append(b, "$orderby="...)
		b = odata.AppendQuery(b, q.order)
	}
	// A table can have more columns than fit even into a batch: then all are
	// sent, and the decoder takes what it wants.
	if mark > 0 && rest+len(apiPath)+len("https:///?")+len(b) > maxBatchURL {
		b = b[min(mark+1, len(b)):]
	}
	return string(b)
}

// versionAnnotation comes once per page and says with which version of the
// metadata it was made. Next to other annotations it costs nothing extra.
const versionAnnotation = "Microsoft.Dynamics.CRM.globalmetadataversion"

// prefer returns the Prefer header, which goes with every page.
func (q Query) prefer(size int) string {
	names := q.Annotations
	if !slices.Contains(names, versionAnnotation) && !slices.Contains(names, "*") {
		names = append(slices.Clip(names), versionAnnotation)
	}
	s := "odata.maxpagesize=" + strconv.Itoa(size) + `,odata.include-annotations="` + strings.Join(names, ",") + `"`
	if q.track {
		s = "odata.track-changes," + s
	}
	return s
}

// ownLink checks that a link leads to the Web API of the client's own environment,
// since it would be sent the access token.
func (c *Client) ownLink(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		u = &url.URL{}
	}
	if err != nil || u.User != nil || u.Opaque != "" || u.Fragment != "" || !strings.EqualFold(u.Scheme, c.base.Scheme) ||
		!strings.EqualFold(hostPort(u), hostPort(c.base)) || !belowAPI(u.Path) {
		c.ledAway(place(u))
		return nil, crosswalk.Errorf(crosswalk.CodeUnavailable, "The link of the next page does not lead to %s.", c.base).
			WithHint("Crosswalk follows links only inside of the environment it is connected to. Check the connection's address; if a proxy stands in between, it must not rewrite addresses.").
			WithCause(err)
	}
	u.Scheme, u.Host = c.base.Scheme, c.base.Host
	return u, nil
}

// place returns where an address leads, without its query and without user info,
// which can be made to look like a host.
func place(u *url.URL) string {
	at := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}
	text := at.String()
	if text == "" {
		return "an address that cannot be read"
	}
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

// belowAPI reports whether a decoded path leads to the Web API, also for a
// server that decodes it twice.
func belowAPI(p string) bool {
	for range 2 {
		if !strings.HasPrefix(p, linkPath) || !strings.HasPrefix(path.Clean(strings.ReplaceAll(p, `\`, "/")), linkPath) {
			return false
		}
		again, err := url.PathUnescape(p)
		if err != nil {
			return true
		}
		p = again
	}
	return true
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
