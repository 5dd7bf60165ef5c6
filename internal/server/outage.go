package server

import (
	"context"
	"errors"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/queue"
)

// outageWait is how long a run waits until it tries whether the database works
// again.
const outageWait = 2 * time.Second

const (
	// takeLimit is how long a slice waits to take its run while something else
	// holds the database, so that it has time left to work.
	takeLimit = 20 * time.Second
	// noteLimit is how long a slice that ends tries to tell its run why.
	noteLimit = 4 * time.Second
)

// outlast works on a run and, when the database is what keeps it from going on,
// has it wait for as long as that takes. That is no failed attempt: no other
// run would fare better.
func (r *runner) outlast(ctx context.Context, s queue.Slice) (queue.Next, error) {
	next, err := r.work(ctx, s)
	outage := database.Outage(err)
	if outage == nil || ctx.Err() != nil && !outwaited(ctx, err) {
		return next, err
	}
	r.log.Warn("the run waits for the database", "run", s.RunID, "error", outage)
	return queue.Snooze(outageWait), nil
}

// outwaited reports whether a slice spent its time waiting for something else
// that holds the database.
func outwaited(ctx context.Context, err error) bool {
	return errors.Is(err, database.ErrHeld) && errors.Is(context.Cause(ctx), context.DeadlineExceeded)
}
