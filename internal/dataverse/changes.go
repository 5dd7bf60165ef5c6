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

// overlap is how far a read by modification time reaches back behind
// the newest record that was there when the one before began: rows become
// visible when their transaction ends, which can be minutes after the time
// they are stamped with.
const overlap = 5 * time.Minute

// modifiedOn is the attribute that says when a row was changed last.
const modifiedOn = "modifiedon"

// ChangeQuery is what to read of one table, and since when.
type ChangeQuery struct {
	// Query says what to read. Dataverse does not track changes of a part of
	// a table or of more than one, so a filter and rows to read along mean
	// reading by modification time.
	Query
	// Entity is the table's metadata with its attributes.
	Entity *crosswalk.Entity
	// Since is the End of an earlier read; empty means that everything is
	// read.
	Since string
	// Sweep asks for the keys of all records behind a read by modification
	// time, by which deletions are found. Where changes are tracked it has no
	// meaning: there deletions are told.
	Sweep bool
	// Keys has changes tracked at the price of a walk over the table's keys
	// alone; the link at its end then tells of keys, whose rows are read by
	// them.
	//
	// With an empty Since, others read all rows beside that walk, in any order
	// and in parts. They begin when the first page has come, and those pages
	// for which Walking reports false are asked for when they are through.
	// Where changes are not tracked there is no walk, and the page behind the
	// first is the last one. Complete then also says that of the others: they
	// must have brought every record that exists.
	//
	// With the End of a read by modification time, changes are found by their
	// time once more, and tracked from then on if that is possible now. With
	// any other Since it has no meaning.
	Keys bool
	// Anew, with Keys and the End of a read by modification time, has
	// everything read once more, by a Restart, when changes are tracked now:
	// what was missing before may have been a right, and there may be records
	// that the user did not see then and that have not changed since.
	Anew bool
}

// ChangePage is a page of changes. Whoever has applied its rows, then its
// deletions, and in the end removed what was not shown if the read was
// complete, has what the table holds, however the changes were found.
type ChangePage struct {
	// PageInfo is as for any page, except that Next is for Changes alone.
	PageInfo
	// Deleted are the keys of records that are gone, also of some that the
	// caller never saw. None is among the page's later rows.
	Deleted [][16]byte
	// Present are the keys of records that exist, without their values.
	Present [][16]byte
	// Recount means that all records that exist are shown anew from this page
	// on: what was shown before no longer counts for Complete.
	Recount bool
	// Complete, on the last page, means that every record that exists was
	// shown, as a row or in Present: what else the caller has is gone.
	Complete bool
	// End, on the last page, is where the next read continues. It must be
	// stored with the rows of this page or after them.
	End string
	// Tracked, with End, means that the next read continues by change
	// tracking.
	Tracked bool
	// Restart says why the changes since the last read cannot be told, which
	// is nothing unusual: the token has expired, or other columns are read.
	// The page is then empty and Next begins to read everything, with rows.
	Restart string
	// Fallback says why changes are not tracked but found by their time, on
	// the page on which that became clear.
	Fallback string
}

// way is how a page of changes is read.
type way string

const (
	wayTracked  way = "tracked"  // everything, and a link to what changes meanwhile and after
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
	Begin time.Time `json:"begin,omitzero"`  // changes before are read by this read
	Last  time.Time `json:"last,omitzero"`   // Begin of the read before; zero when everything is read
	Delta string    `json:"delta,omitempty"` // for the end of the read
	Keys  bool      `json:"keys,omitempty"`  // Delta tells of keys alone, and so does the walk to it
	Full  bool      `json:"full,omitempty"`  // everything was read
	Sweep bool      `json:"sweep,omitempty"` // a sweep follows
	Again int       `json:"again,omitempty"` // how often a way was begun again, because its links ended
}

// position is the end of a read.
type position struct {
	Delta string    `json:"delta,omitempty"` // link to the changes since; empty when they are not tracked
	Keys  bool      `json:"keys,omitempty"`  // the link tells of keys alone
	At    time.Time `json:"at,omitzero"`     // changes before are read
	What  string    `json:"what"`            // which columns and records were read
}

// Changes reads a page of what has changed in a table since an earlier read:
// the first page when next is empty, else the one that PageInfo.Next of the
// page before stands for. Rows are appended to into, which must have been made
// with the specs of cols, the first of which is the table's key. The same row
// can come more than once; the last one counts. After an error the batch is as
// it was before.
//
// Where the table tracks changes and the user may read all of it, changes
// come from there, deletions included. Elsewhere they are found by their
// modification time, and deletions by a sweep over all keys if one is asked
// for; a table without modification times is read as a whole each time.
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

// begin returns where to read on.
func (q ChangeQuery) begin(next string) (at cursor, page ChangePage, err error) {
	if next != "" {
		if json.Unmarshal([]byte(next), &at) != nil || !slices.Contains(ways, at.Way) {
			return at, page, crosswalk.Errorf(crosswalk.CodeInvalid, "%.100q is no place to go on reading changes of %s from.", next, q.EntitySet).
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

// Walking reports whether the page that a Next stands for, or the first one
// when it is empty, is one of a walk over keys beside which others read the
// rows. None of them is the last page.
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

// everything returns the begin of a read of everything.
func (q ChangeQuery) everything(page *ChangePage) cursor {
	ok, why := q.trackable()
	if !ok {
		page.Fallback = why
		return cursor{Way: wayPlain, Full: true}
	}
	return cursor{Way: wayTracked, Full: true}
}

// modified returns the begin of a read by modification time, after one that
// read all changes before last.
func (q ChangeQuery) modified(last time.Time) cursor {
	return cursor{Way: wayModified, Since: last.Add(-overlap), Last: last, Sweep: q.Sweep}
}

// restart makes the page say that everything must be read.
func (q ChangeQuery) restart(page *ChangePage, why string) {
	page.Restart, page.Recount = why, true
	page.Next = q.everything(page).text()
}

// trackable reports whether changes of what is read can be tracked, as far as
// metadata tell, or why not.
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

// Dated reports whether the table says when its rows were changed. Changes of
// one that neither does nor is tracked cannot be told: it is read as a whole.
func (q ChangeQuery) Dated() bool {
	a := q.Entity.Attribute(modifiedOn)
	return a != nil && a.Type == crosswalk.AttributeDateTime
}

// what tells what is read: a position holds only for the same.
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
