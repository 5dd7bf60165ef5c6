package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// Slices beside which no worker is free are short, and once they have read
// something do not wait for their environment for long, so that runs of other
// connections get their turn.
const (
	crowdedBudget = 5 * time.Second
	crowdedPause  = time.Second
)

// room counts the workers of this server that are at work.
type room struct {
	workers int // there are; 0 means that there is always one more
	busy    atomic.Int32
}

// enter counts one more until the returned function is called.
func (r *room) enter() (leave func()) {
	r.busy.Add(1)
	return func() { r.busy.Add(-1) }
}

// crowded reports whether all workers are at work.
func (r *room) crowded() bool { return r.workers > 0 && int(r.busy.Load()) >= r.workers }

// budget returns how long a slice may be that may take d.
func (r *room) budget(d time.Duration) time.Duration {
	if r.crowded() {
		return min(d, crowdedBudget)
	}
	return d
}

// patience returns how long an environment may ask to wait before the slice of
// a context gives its worker back.
func (r *room) patience(ctx context.Context) time.Duration {
	if r.crowded() && advanceOf(ctx).Load() {
		return crowdedPause
	}
	return longPause
}

type advanceKey struct{}

// withAdvance returns the context of a slice, which notes whether it has read
// a page.
func withAdvance(ctx context.Context) context.Context {
	return context.WithValue(ctx, advanceKey{}, new(atomic.Bool))
}

func advanceOf(ctx context.Context) *atomic.Bool {
	if advance, ok := ctx.Value(advanceKey{}).(*atomic.Bool); ok {
		return advance
	}
	return new(atomic.Bool)
}

// advancing is a source that notes in its slice's context that it has read a
// page.
type advancing struct{ pipeline.Source }

// Page implements pipeline.Source.
func (s advancing) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	page, err := s.Source.Page(ctx, link, into)
	if err == nil {
		advanceOf(ctx).Store(true)
	}
	return page, err
}
