package queue

import (
	"context"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Waiting reports whether slices wait for a worker, here or elsewhere. When
// that cannot be found out, none does.
func (q *Queue) Waiting(ctx context.Context) bool {
	list, err := q.client.JobList(ctx, river.NewJobListParams().States(rivertype.JobStateAvailable).First(100))
	return err == nil && slices.ContainsFunc(list.Jobs, func(j *rivertype.JobRow) bool { return !j.ScheduledAt.After(time.Now()) })
}
