package store

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Progress is what a batch adds to its run.
type Progress struct {
	RunID      string
	Fence      int64
	Counts     crosswalk.Counts // of this batch alone
	Checkpoint crosswalk.Checkpoint
	Rejects    []crosswalk.Reject // RunID and At are filled here
	// Accepted are keys of records that the run may have rejected before and
	// that came to something else now. Those among Rejects as well are
	// rejected.
	Accepted []string
	Reads    string // what the run reads now; "" if nothing changed
	// Doing is what the run tells of its step; "" for the checkpoint's.
	Doing crosswalk.Step
	// Recount forgets the keys kept so far: all records come again. What was
	// noted as gone stays so until it is among those that are back.
	Recount bool
	// Keys are those of records that exist, 16 bytes each, to be kept until
	// the end of the read.
	Keys []byte
	// Deleted are keys of records that are gone, Back those of records that
	// are there again, in 36 characters.
	Deleted, Back []string
}

// SaveProgress stores the progress of a batch inside the batch's own
// transaction. When the fence is not the present one or the run is not
// running, it returns CodeConflict, and the transaction must roll back.
//
// A reject is the last word about its record: one that the run has rejected
// before is rejected once, for its newest reason, or no longer when it was
// accepted. That it was read before counts as unchanged.
func (s *Store) SaveProgress(ctx context.Context, tx database.Execer, p Progress) error {
	now := s.now()
	c := p.Counts
	rejects, again, err := newestRejects(ctx, tx, p.RunID, p.Rejects, p.Accepted)
	if err != nil {
		return wrap(err, "forget rejects")
	}
	c.Rejected -= again
	c.Unchanged += again
	n, err := tx.Exec(ctx, `UPDATE cw_runs SET records_read = records_read + $3, inserted = inserted + $4, updated = updated + $5, unchanged = unchanged + $6,
		rejected = rejected + $7, duplicates = duplicates + $8, skipped = skipped + $9, deleted = deleted + $10, pages = pages + $11, bytes = bytes + $12,
		requests = requests + $13, throttled_ns = throttled_ns + $14, checkpoint_json = $15, saved_at = $16, lost = 0, message = '', hint = '',
		reads = CASE WHEN $17 = '' THEN reads ELSE $17 END, step = $18, step_done = $19, step_total = $20
		WHERE id = $1 AND fence = $2 AND status = 'running'`,
		p.RunID, p.Fence, c.Read, c.Inserted, c.Updated, c.Unchanged, c.Rejected, c.Duplicates, c.Skipped, c.Deleted, c.Pages, c.Bytes,
		c.Requests, int64(c.Throttled), encode(p.Checkpoint), now, database.Text(p.Reads), string(cmp.Or(p.Doing, p.Checkpoint.Step)), p.Checkpoint.StepDone, p.Checkpoint.StepTotal)
	if err != nil {
		return wrap(err, "save progress")
	}
	if n == 0 {
		return crosswalk.Errorf(crosswalk.CodeConflict, "The run %s was taken by another worker or has ended.", p.RunID).WithCause(sql.ErrNoRows)
	}
	if err := s.saveChanges(ctx, tx, p); err != nil {
		return wrap(err, "save changes")
	}
	return wrap(insertRejects(ctx, tx, p.RunID, now, rejects), "save rejects")
}

// CorrectRun adds to the counts of a run, which may have ended, by its number,
// in the transaction that found out what became of its records in the end. A
// run that does not exist is not an error.
func (s *Store) CorrectRun(ctx context.Context, tx database.Execer, number int64, c crosswalk.Counts) error {
	_, err := tx.Exec(ctx, `UPDATE cw_runs SET inserted = inserted + $2, updated = updated + $3, unchanged = unchanged + $4, duplicates = duplicates + $5, skipped = skipped + $6
		WHERE number = $1`, number, c.Inserted, c.Updated, c.Unchanged, c.Duplicates, c.Skipped)
	return wrap(err, "correct counts")
}
