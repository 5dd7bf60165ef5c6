package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// overlap is how far a read by modification time reaches back before the newest
// record that existed when the last read began: rows become visible when their
// transaction ends, which can be minutes after the time they are stamped with.
const overlap = 5 * time.Minute

// modifiedOn is the attribute that says when a row was last changed.
const modifiedOn = "modifiedon"

// ChangeQuery is what to read of one table, and since when.
type ChangeQuery struct {
	// Query says what to read. Dataverse tracks only whole tables, one at a time:
	// with a filter, or with rows to expand, changes are read by modification
	// time.
	Query
	// Entity is the table's metadata with its attributes.
	Entity *crosswalk.Entity
	// Since is the End of an earlier read; empty means to read everything.
	Since string
	// Sweep asks for the keys of all records after a read by modification time,
	// by which deletions are found. Where changes are tracked it has no meaning:
	// there Dataverse reports deletions.
	Sweep bool
	// Keys gets a link to tracked changes from a walk over the table's keys
	// alone. Such a link reports only keys, by which the changed rows are then
	// read.
	//
	// With an empty Since, the caller reads all rows by other means beside that
	// walk, in any order and in parts. It begins when the first page has come,
	// and asks for pages for which Walking reports false only when it has read
	// all rows. Where changes are not tracked there is no walk, and the second
	// page is the last. Complete then covers the caller's own reading too, which
	// must have brought every record that exists.
	//
	// With the End of a read by modification time, changes are found by their
	// time once more, and are tracked from then on if that is possible now. With
	// any other Since, Keys has no meaning.
	Keys bool
	// Anew, with Keys and the End of a read by modification time, has
	// everything read once more, by a Restart, when changes are tracked now:
	// what was missing before may have been a right, and there may be records
	// that the user did not see then and that have not changed since.
	Anew bool
}

// ChangePage is a page of changes. A caller that applies the rows of each page,
// then its deletions, and after a complete read removes what was not shown, ends
// up with what the table holds, however the changes were found.
type ChangePage struct {
	// PageInfo is as for any page, except that Next is for Changes alone.
	PageInfo
	// Deleted are the keys of records that are gone, possibly of some that the
	// caller never saw. None of them comes again later on the page.
	Deleted [][16]byte
	// Present are the keys of records that exist, without their values.
	Present [][16]byte
	// Recount means that all records that exist are shown anew from this page
	// on: what was shown before no longer counts for Complete.
	Recount bool
	// Complete, on the last page, means that every existing record was shown, as
	// a row or in Present: whatever else the caller has is gone.
	Complete bool
	// End, on the last page, is where the next read continues. It must be
	// stored with the rows of this page or after them.
	End string
	// Tracked, with End, means that the next read continues by change
	// tracking.
	Tracked bool
	// Restart says why the changes since the last read cannot be determined,
	// which is nothing unusual: the token has expired, or other columns are read.
	// The page is then empty, and Next begins to read everything, rows included.
	Restart string
	// Fallback says why changes are found by their time instead of being tracked,
	// on the page on which that became clear.
	Fallback string
}

// way is how a page of changes is read.
type way string

const (
	wayTracked  way = "tracked"  // everything, and a link to what changes from then on
	wayPlain    way = "plain"    // everything
	wayDelta    way = "delta"    // what that link leads to
	wayModified way = "modified" // by modification time
	waySweep    way = "sweep"    // all keys
	wayRest     way = "rest"     // nothing more
)

var ways = []way{wayTracked, wayPlain, wayDelta, wayModified, waySweep, wayRest}

// cursor is where a read stands between two pages.
type cursor struct {
	Way   way       `json:"way"`
	Link  string    `json:"link,omitempty"`  // of the next page; empty before the first of this way
	Since time.Time `json:"since,omitzero"`  // for wayModified
	Begin time.Time `json:"begin,omitzero"`  // this read covers all changes before
	Last  time.Time `json:"last,omitzero"`   // Begin of the read before; zero when everything is read
	Delta string    `json:"delta,omitempty"` // for the end of the read
	Keys  bool      `json:"keys,omitempty"`  // Delta, and the walk to it, bring keys alone
	Full  bool      `json:"full,omitempty"`  // everything was read
	Sweep bool      `json:"sweep,omitempty"` // a sweep follows
	Again int       `json:"again,omitempty"` // how many times a way was begun again because its links ended
}

// position is the end of a read.
type position struct {
	Delta string    `json:"delta,omitempty"` // link to the changes since; empty when they are not tracked
	Keys  bool      `json:"keys,omitempty"`  // the link brings keys alone
	At    time.Time `json:"at,omitzero"`     // all changes before have been read
	What  string    `json:"what"`            // which columns and records were read
}

// Changes reads a page of what has changed in a table since an earlier read: the
// first page when next is empty, otherwise the one to which PageInfo.Next of the
// last page leads. Rows are appended to into, which must have been made with the
// specs of cols, the first of which is the table's key. The same row can come
// more than once; the last one counts. After an error the batch is as it was
// before.
//
// Where the table tracks changes and the user may read all of it, Dataverse
// reports changes, deletions included. Elsewhere changes are found by their
// modification time, and deletions by a sweep over all keys if one is asked for;
// a table without modification times is read as a whole each time.
func (c *Client) Changes(ctx context.Context, q ChangeQuery, next string, cols *odata.Columns, into *column.Batch) (ChangePage, error) {
	if c.err != nil {
		return ChangePage{}, c.err
	}
	at, page, err := q.begin(next)
	for turn := 0; err == nil && page.Restart == ""; turn++ {
		again := false
		if again, err = c.changes(ctx, q, &at, cols, into, &page); !again || turn > 2 {
			break
		}
	}
	return page, err
}

// begin returns where to go on reading.
func (q ChangeQuery) begin(next string) (at cursor, page ChangePage, err error) {
	if next != "" {
		if json.Unmarshal([]byte(next), &at) != nil || !slices.Contains(ways, at.Way) {
			return at, page, crosswalk.Errorf(crosswalk.CodeInvalid, "Reading changes of %s cannot go on from %.100q.", q.EntitySet, next).
				WithHint("Run the job again from the start.")
		}
		return at, page, nil
	}
	if q.Since == "" {
		at = q.everything(&page)
		switch {
		case !q.Keys:
		case at.Way == wayTracked:
			at.Keys = true
		default:
			at.Way = wayRest
		}
		page.Recount = !at.Keys // what others read is counted by a sweep
		return at, page, nil
	}
	var since position
	switch {
	case json.Unmarshal([]byte(q.Since), &since) != nil:
		q.restart(&page, "It is not known where the last read ended.")
	case since.What != q.what():
		q.restart(&page, "Other columns or records are read than last time.")
	case since.Delta != "":
		at = cursor{Way: wayDelta, Link: since.Delta, Keys: since.Keys, Last: since.At}
	case since.At.IsZero() || !q.Dated():
		page.Recount = true
		at = q.everything(&page)
	default:
		var ok bool
		if ok, page.Fallback = q.trackable(); ok && q.Keys {
			at = cursor{Way: wayTracked, Keys: true, Last: since.At}
			break
		}
		at = q.modified(since.At)
	}
	return at, page, nil
}

// Walking reports whether the page to which next leads, or the first one when
// next is empty, belongs to a walk over keys beside which the caller reads the
// rows. None of those is the last page.
func (q ChangeQuery) Walking(next string) bool {
	if next == "" {
		return q.Keys && q.Since == ""
	}
	var at cursor
	return json.Unmarshal([]byte(next), &at) == nil && at.walking() && at.Full
}

// walking reports whether the place is in a walk over keys.
func (at *cursor) walking() bool { return at.Way == wayTracked && at.Keys }

// keysAlone reports whether the place's pages have no more than keys.
func (at *cursor) keysAlone() bool {
	return at.Way == waySweep || at.Keys && (at.Way == wayTracked || at.Way == wayDelta)
}

// everything returns the start of a read of everything.
func (q ChangeQuery) everything(page *ChangePage) cursor {
	ok, why := q.trackable()
	if !ok {
		page.Fallback = why
		return cursor{Way: wayPlain, Full: true}
	}
	return cursor{Way: wayTracked, Full: true}
}

// modified returns the start of a read by modification time that follows one
// which covered all changes before last.
func (q ChangeQuery) modified(last time.Time) cursor {
	return cursor{Way: wayModified, Since: last.Add(-overlap), Last: last, Sweep: q.Sweep}
}

// restart makes the page say that everything must be read.
func (q ChangeQuery) restart(page *ChangePage, why string) {
	page.Restart, page.Recount = why, true
	page.Next = q.everything(page).text()
}

// trackable reports whether changes of what is read can be tracked, as far as
// the metadata show, and otherwise why not.
func (q ChangeQuery) trackable() (bool, string) {
	switch {
	case !q.Entity.ChangeTracking:
		return false, fmt.Sprintf("Dynamics does not track all changes of %s: change tracking is not switched on, or rows expire by themselves.", q.Entity.DisplayName)
	case q.Filter != "":
		return false, "Dynamics does not track changes of a filtered table."
	case len(q.Expand) > 0:
		return false, "Dynamics does not track changes of several tables together."
	}
	return true, ""
}

// Dated reports whether the table says when its rows were changed. A table that
// neither does nor is tracked has to be read as a whole.
func (q ChangeQuery) Dated() bool {
	a := q.Entity.Attribute(modifiedOn)
	return a != nil && a.Type == crosswalk.AttributeDateTime
}

// what identifies what is read: a position holds only for the same.
func (q ChangeQuery) what() string {
	what := q.EntitySet + "?" + strings.Join(q.Select, ",") + "&" + q.Filter
	if len(q.Expand) > 0 {
		what += "&" + string(appendExpand(nil, q.Expand))
	}
	return what
}

// query returns the query of the pages at a place.
func (q ChangeQuery) query(at *cursor) Query {
	one := q.Query
	switch at.Way {
	case wayTracked, wayDelta:
		one.track = true
	case wayModified:
		one.Filter = string(odata.AppendTime([]byte(modifiedOn+" ge "), at.Since.Truncate(time.Second)))
		if q.Filter != "" {
			one.Filter = "(" + q.Filter + ") and " + one.Filter
		}
		one.order = modifiedOn + "," + q.Entity.PrimaryID
	}
	if at.keysAlone() {
		one.Select, one.Expand, one.Annotations = []string{q.Entity.PrimaryID}, nil, nil
	}
	return one
}

// text returns the cursor as Next.
func (at cursor) text() string {
	b, err := json.Marshal(at)
	if err != nil {
		panic("dataverse: a cursor that cannot be encoded: " + err.Error()) // only for years past 9999
	}
	return string(b)
}

// end makes the page the last one.
func (q ChangeQuery) end(at *cursor, page *ChangePage, complete bool) {
	b, err := json.Marshal(position{Delta: at.Delta, Keys: at.Keys && at.Delta != "", At: at.Begin, What: q.what()})
	if err != nil {
		panic("dataverse: a position that cannot be encoded: " + err.Error())
	}
	page.Next, page.End, page.Complete, page.Tracked = "", string(b), complete, at.Delta != ""
}
