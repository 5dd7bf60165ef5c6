package server

import (
	"context"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/queue"
)

// outageWait is how long a run waits until it tries whether the database works
// again.
const outageWait = 2 * time.Second

// outlast works on a run and, when the database is what keeps it from going on,
// has it wait for as long as that takes. That is no failed attempt: no other
// run would fare better.
func (r *runner) outlast(ctx context.Context, s queue.Slice) (queue.Next, error) {
	next, err := r.work(ctx, s)
	outage := database.Outage(err)
	if outage == nil || ctx.Err() != nil {
		return next, err
	}
	r.log.Warn("the run waits for the database", "run", s.RunID, "error", outage)
	return queue.Snooze(outageWait), nil
}
