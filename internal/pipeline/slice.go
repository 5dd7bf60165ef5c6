// Package pipeline works a slice of a run: pages in, rows out. While one page
// is mapped and written, the next is on the wire. A page's rows, rejects,
// counts and checkpoint reach the target together, so that a slice that is
// cut off anywhere repeats at most the pages in flight.
package pipeline

import (
	"context"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

// DefaultBudget is how long a slice goes on beginning pages.
const DefaultBudget = 30 * time.Second

// Source gives the pages of an entity.
type Source interface {
	// Page appends the records of one page to into: the first page if link
	// is "", else the one that link leads to.
	Page(ctx context.Context, link string, into *column.Batch) (PageInfo, error)
}

// PageInfo says what reading a page took and where the next one is.
type PageInfo struct {
	Next      string // verbatim link of the next page; "" after the last
	Records   int    // that were met, also those of which no row came
	Bytes     int64  // received, as sent over the wire
	Requests  int64  // sent, retries included
	Throttled time.Duration
	Changes   Changes
}

// Changes is what a page says beside its rows. Whoever applies the rows, then
// the deletions, and in the end removes what was not shown if the read was
// complete, has what the source holds. The zero value says nothing.
type Changes struct {
	// Deleted are the keys of records that are gone, also of some that were
	// never read. None is among the page's later rows.
	Deleted [][16]byte
	// Present are the keys of records that exist, without their values.
	Present [][16]byte
	// Recount means that all records that exist are shown anew from this page
	// on: what was shown before no longer counts for Complete.
	Recount bool
	// Complete, on the last page, means that every record that the query
	// chooses was shown, as a row or in Present: what else there is, is gone.
	Complete bool
	// Watermark, on the last page, is where the next read continues; "" when
	// there is no such place. It is stored with the rows of the page.
	Watermark string
	// Restart says why everything is read again from the next page on, "" when
	// it is not.
	Restart string
	// Way is how changes are found from here on, on a page on which that became
	// clear or is said once more; "" says nothing. Fallback says why they are not
	// tracked.
	Way      crosswalk.Way
	Fallback string
}

// Target stores what was mapped.
type Target interface {
	// Write stores the rows of batch and the progress, all or nothing. It
	// adds to the progress's counts what became of the rows, as Written. The
	// batch and the rejects are the caller's again when it returns. After an
	// error nothing is held, and what was held is not stored.
	Write(ctx context.Context, batch *column.Batch, p Progress) (Written, error)
	// Commit stores what Write holds.
	Commit(ctx context.Context) error
}

// Progress is what is stored with the rows of a page.
type Progress struct {
	// Counts are those of this page alone: Read, Rejected (by the mapping),
	// Pages, Bytes, Requests and Throttled.
	Counts crosswalk.Counts
	// Checkpoint is where the run stands once the page is stored.
	Checkpoint crosswalk.Checkpoint
	// Options are labels that dropdowns which the batch fills do not have yet.
	Options []mapping.Added
	// Rejects are the records that could not be mapped.
	Rejects []crosswalk.Reject
	// Changes is what the page says beside its rows; a target that only adds
	// and updates need not look at it.
	Changes Changes
	// Page is the page as it was read, and Skipped the rows of it that the
	// plan's filter left out.
	Page    *column.Batch
	Skipped []int
	// Hold allows the target to keep the page's transaction open for the next
	// page, until Commit.
	Hold bool
}

// Written says what became of a batch: its rows are the sum of all.
type Written struct {
	Inserted, Updated, Unchanged, Duplicates, Skipped, Rejected int64
	// Held means that the page and those before are stored by Commit only.
	Held bool
}

// Counts returns what was written as counts of a run.
func (w Written) Counts() crosswalk.Counts {
	return crosswalk.Counts{
		Inserted: w.Inserted, Updated: w.Updated, Unchanged: w.Unchanged,
		Duplicates: w.Duplicates, Skipped: w.Skipped, Rejected: w.Rejected,
	}
}

// Slice is a bounded piece of a run.
type Slice struct {
	Plan   *mapping.Plan
	Source Source
	Target Target
	// Checkpoint is where the slice begins; Run moves it on with every page
	// stored.
	Checkpoint crosswalk.Checkpoint
	// Counts is the sum of what Run did, the target's part included.
	Counts crosswalk.Counts
	// Enough is called with Counts when pages have been stored, and the slice
	// ends with the error that it returns; nil goes on whatever was stored.
	Enough func(crosswalk.Counts, crosswalk.Checkpoint) error
	// Budget is how long pages are begun; pages begun are finished. 0 means
	// DefaultBudget. At least one page is read.
	Budget time.Duration
}
