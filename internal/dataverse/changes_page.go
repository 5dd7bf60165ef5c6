package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// Codes of Dataverse about change tracking. The status they come with is not
// documented.
const (
	codeTokenExpired      = "0x80044352" // also after a change of the table's metadata
	codeNotTracked        = "0x80072491"
	codeRelationUntracked = "0x80072492"
)

// changes reads the page at a place and advances the place. again means that the
// page has to be read in another way.
func (c *Client) changes(ctx context.Context, q ChangeQuery, at *cursor, cols *odata.Columns, into *column.Batch, page *ChangePage) (again bool, err error) {
	target, rows := cols, into
	if at.keysAlone() {
		target = c.keyColumns(q.Entity.PrimaryID)
		rows = column.NewBatch(target.Specs())
	}
	first := at.Link == "" || at.Way == wayDelta && at.Begin.IsZero()
	begins := at.Begin.IsZero() && at.Way != wayDelta && at.Way != waySweep
	if begins {
		if err := c.watermark(ctx, q, at, page); err != nil {
			return false, err
		}
	}
	if at.Way == wayRest {
		if page.Next = at.text(); !begins {
			q.end(at, page, at.Full)
		}
		return false, nil
	}
	before := rows.Rows()
	got, call, err := c.changesPage(ctx, q.query(at), at, target, rows)
	page.spend(call.info(got))
	if err != nil {
		page.Records = 0
		if at.walking() {
			return q.endWalk(at, page, begins, err)
		}
		return c.otherWay(q, at, page, first, err)
	}
	if q.Anew && at.walking() && !at.Full {
		page.Records = 0
		q.restart(page, "Dynamics tracks the changes now, which it refused before, so the user may see records that were hidden at the last run.")
		return false, nil
	}
	if at.Way == wayDelta {
		at.Begin = at.Last // what a link brings does not depend on clocks
	}
	page.Missing = call.missing
	page.Deleted = deleted(got, rows, before)
	if at.keysAlone() {
		page.Records = 0
		if len(rows.Bad) > 0 || slices.Contains(rows.Columns[0].Valid, false) {
			// It would look as if the record was deleted.
			return false, explain(&garbled{errors.New("a record without a key")}, call.what)
		}
		keys := rows.Columns[0].GUIDs
		if at.Way == wayDelta {
			if err := c.changedRows(ctx, q, keys, cols, into, page); err != nil {
				return false, err
			}
		} else {
			page.Recount = first && at.Way == waySweep
			page.Present = keys
		}
	}
	if got.NextLink != "" {
		at.Link = got.NextLink
		page.Next = at.text()
		return false, nil
	}
	q.advance(at, page, got.DeltaLink, !first)
	return false, nil
}

// changedRows reads the rows of the keys in a delta. A row that does not come has
// been deleted since: the next delta will say so.
func (c *Client) changedRows(ctx context.Context, q ChangeQuery, keys [][16]byte, cols *odata.Columns, into *column.Batch, page *ChangePage) error {
	done := make(map[[16]byte]bool, len(keys)+len(page.Deleted))
	for _, id := range page.Deleted { // behind their rows
		done[id] = true
	}
	var ids [][16]byte
	for _, id := range keys {
		if !done[id] {
			done[id] = true
			ids = append(ids, id)
		}
	}
	info, err := c.Rows(ctx, q.Query, q.Entity.PrimaryID, ids, cols, into)
	page.spend(info)
	page.Missing = append(page.Missing, info.Missing...)
	return err
}

// keyColumns returns the columns of a sweep.
func (c *Client) keyColumns(key string) *odata.Columns {
	c.mu.Lock()
	defer c.mu.Unlock()
	cols := c.sweeps[key]
	if cols == nil {
		cols = odata.NewColumns([]column.Spec{{Name: key, Kind: column.GUID}})
		c.sweeps[key] = cols
	}
	return cols
}

// advance moves the place to what follows the last page of a way.
func (q ChangeQuery) advance(at *cursor, page *ChangePage, delta string, several bool) {
	switch at.Way {
	case wayTracked, wayDelta:
		if at.Delta = delta; delta == "" {
			page.Fallback = "Dynamics gave no link to the changes that follow."
		}
		if at.Way == wayDelta || !several && !at.Keys {
			q.end(at, page, at.Full)
			return
		}
		// Whether the link covers what changed while the pages were read is
		// not documented. So what was changed meanwhile is read once more, and
		// what was deleted is found by the keys, if anybody wants to know.
		from := at.Last
		if from.IsZero() {
			from = at.Begin
		}
		at.Link, at.Sweep, at.Since, at.Full, at.Again = "", q.Sweep, from.Add(-overlap), false, 0
		switch {
		case q.Dated():
			at.Way = wayModified
		case q.Sweep:
			at.Way = waySweep
		case at.Keys:
			at.Way = wayRest
		default:
			q.end(at, page, false)
			return
		}
		page.Next = at.text()
	case wayModified:
		if !at.Sweep {
			q.end(at, page, false)
			return
		}
		at.Way, at.Link = waySweep, ""
		page.Next = at.text()
	default:
		q.end(at, page, true)
	}
}

// changesPage reads a page and checks its links.
func (c *Client) changesPage(ctx context.Context, q Query, at *cursor, cols *odata.Columns, into *column.Batch) (odata.Page, *call, error) {
	call := &call{what: "read changes of " + q.EntitySet, frozen: at.Way == wayDelta}
	var err error
	if at.Link == "" {
		call.url = c.firstPage(q)
	} else if call.url, err = c.ownLink(at.Link); err != nil {
		return odata.Page{}, call, err
	}
	page, err := c.page(ctx, call, q, cols, into)
	for _, link := range []string{page.NextLink, page.DeltaLink} {
		if err == nil && link != "" {
			if _, err = c.ownLink(link); err != nil {
				into.Truncate(into.Rows() - page.Records)
				page = odata.Page{}
			}
		}
	}
	return page, call, err
}

// otherWay looks for another way to go on after reading changes failed.
func (c *Client) otherWay(q ChangeQuery, at *cursor, page *ChangePage, first bool, err error) (again bool, _ error) {
	tracked := at.Way == wayTracked || at.Way == wayDelta
	missing := missingProperty(err)
	why := restricted(err)
	switch {
	case !first && !expired(err) && why == "" && LinkEnded(err):
		return q.beginAgain(at, page, err)
	case !tracked:
		return false, err
	case expired(err):
		q.restart(page, "Dynamics no longer knows what has changed since the last read: the token has expired, or the table was changed.")
		return false, nil
	case at.Way == wayDelta && first && missing == "" && why == "" && LinkEnded(err):
		q.restart(page, "Dynamics does not take the link to what has changed since the last read: "+sentence(answerIn(err).Message))
		return false, nil
	case missing != "" && at.Way == wayDelta:
		q.restart(page, fmt.Sprintf("The column %s, which was read last time, is no longer there.", missing))
		return false, nil
	case why == "":
		return false, err
	}
	page.Fallback = why
	switch {
	case at.Way == wayDelta && first && q.Dated() && !at.Last.IsZero():
		*at = q.modified(at.Last)
	case at.Way == wayTracked && first:
		*at = cursor{Way: wayPlain, Full: true, Begin: at.Begin}
	default: // in the middle of a read, or without another way to find changes
		page.Restart, page.Recount = why, true
		page.Next = cursor{Way: wayPlain, Full: true}.text()
		return false, nil
	}
	return true, nil
}

// endWalk finds out how to go on when the walk over the keys failed; begins means
// that it did so on its first page. What the caller reads beside it is not
// affected: all that is lost is the link to the changes that follow.
func (q ChangeQuery) endWalk(at *cursor, page *ChangePage, begins bool, err error) (again bool, _ error) {
	why := restricted(err)
	switch {
	case why != "":
	case begins || !expired(err) && !LinkEnded(err):
		return false, err
	case at.Again < maxAgain:
		at.Link, at.Again = "", at.Again+1
		return true, nil
	default:
		why = "Dynamics broke off the walk over the keys from which on changes would be tracked: " + sentence(answerIn(err).Message)
	}
	page.Fallback = why
	next := cursor{Way: wayRest, Begin: at.Begin}
	switch {
	case !at.Full:
		next = q.modified(at.Last)
	case begins:
		next.Full, page.Recount = true, true
	case q.Sweep:
		next.Way = waySweep
	}
	*at = next
	page.Next = at.text()
	return false, nil
}

// maxAgain is how many times a read may begin again because its links end.
const maxAgain = 3

// beginAgain goes back to the first page of the way that a read is on.
func (q ChangeQuery) beginAgain(at *cursor, page *ChangePage, err error) (again bool, _ error) {
	tries := at.Again + 1
	if tries > maxAgain {
		return false, err
	}
	at.Link = ""
	if at.Way == wayDelta { // only the position has its first link
		var begun ChangePage
		if *at, begun, err = q.begin(""); err != nil {
			return false, err
		}
		if begun.Restart != "" {
			page.Restart, page.Next = begun.Restart, begun.Next
		}
	}
	at.Again, page.Recount = tries, true
	return page.Restart == "", nil
}

// answerIn returns the server's error behind an error, or an empty one.
func answerIn(err error) *odata.Error {
	var e *odata.Error
	if !errors.As(err, &e) {
		return &odata.Error{}
	}
	return e
}

// expired reports whether a link to changes has expired.
func expired(err error) bool {
	e := answerIn(err)
	return strings.EqualFold(e.Code, codeTokenExpired) ||
		strings.Contains(e.Message, "Version stamp associated with the client has expired")
}

// restricted returns why changes cannot be tracked, "" when that is not what the
// error means.
func restricted(err error) string {
	e := answerIn(err)
	code, message := strings.ToLower(e.Code), strings.ToLower(e.Message)
	switch {
	case code == codeNotTracked, code == codeRelationUntracked, strings.Contains(message, "change tracking"):
		return "Dynamics does not track changes here: " + sentence(e.Message)
	case e.Status == http.StatusForbidden && (code == CodeNoPrivilege || strings.Contains(message, "checkprivilege")),
		strings.Contains(message, "required depth: global"):
		what := "read access"
		if name := privilegeName.FindString(e.Message); name != "" {
			what = "the privilege " + name
		}
		// The rest of what Dynamics says are ids.
		return "The user may not read the whole table, which change tracking needs: give the user a role with " + what + " at organization level."
	}
	return ""
}

// privilegeName finds a privilege in what Dynamics says.
var privilegeName = regexp.MustCompile(`\bprv[A-Z]\w*`)

// deleted returns the keys of a page's deletions, without those that come
// again in a later row of the page.
func deleted(page odata.Page, into *column.Batch, before int) [][16]byte {
	var ids [][16]byte
	key := &into.Columns[0]
	for _, d := range page.Deleted {
		if key.Kind == column.GUID && slices.Contains(key.GUIDs[before+d.Records:], d.ID) {
			continue
		}
		if !slices.Contains(ids[max(len(ids)-1, 0):], d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// spend adds what another page brought and cost.
func (p *PageInfo) spend(i PageInfo) {
	p.Records += i.Records
	p.Bytes += i.Bytes
	p.Requests += i.Requests
	p.Throttled += i.Throttled
	if i.MetadataVersion != "" {
		p.MetadataVersion = i.MetadataVersion
	}
}
