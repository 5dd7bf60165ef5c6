package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// Slices beside which no worker is free do not wait for their environment for
// long, and are short when others wait for a worker, so that runs of other
// connections get their turn.
const (
	crowdedBudget = 2 * time.Second
	crowdedPause  = time.Second
)

// errTurn ends a slice because it is the turn of others.
var errTurn = errors.New("the turn of others")

// room is the workers of this server and the slices that they are at.
type room struct {
	workers int // there are; 0 means that there is always one more
	// waiting reports whether slices wait for a worker; nil means that none
	// ever does.
	waiting func(ctx context.Context) bool

	busy atomic.Int32

	mu    sync.Mutex
	seats []*seat // of slices that read, in the order in which they came
}

// enter notes that one more worker is at work, until leave is called.
func (r *room) enter() (leave func()) {
	r.busy.Add(1)
	return func() { r.busy.Add(-1) }
}

// crowded reports whether all workers are at work.
func (r *room) crowded() bool { return r.workers > 0 && int(r.busy.Load()) >= r.workers }

// seat is the place of a slice in the room.
type seat struct {
	connection string
	begun      time.Time
	pages      atomic.Int64 // read so far
}

type seatKey struct{}

// take gives a slice a seat, which is in the context that it returns, until
// leave is called.
func (r *room) take(ctx context.Context, connection string) (with context.Context, leave func()) {
	s := &seat{connection: connection, begun: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats = append(r.seats, s)
	return context.WithValue(ctx, seatKey{}, s), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seats = slices.DeleteFunc(r.seats, func(other *seat) bool { return other == s })
	}
}

// seatOf returns the seat of a context, one of its own when it has none.
func seatOf(ctx context.Context) *seat {
	if s, ok := ctx.Value(seatKey{}).(*seat); ok {
		return s
	}
	return &seat{begun: time.Now()}
}

// patience returns how long an environment may ask to wait before the slice of
// a context gives its worker back. One that has not read a page yet would have
// to do the same again: of those of a connection the first one stays.
func (r *room) patience(ctx context.Context) time.Duration {
	s := seatOf(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	first := slices.IndexFunc(r.seats, func(other *seat) bool { return other.connection == s.connection })
	if r.crowded() && (s.pages.Load() > 0 || first >= 0 && r.seats[first] != s) {
		return crowdedPause
	}
	return longPause
}

// turnOver reports whether it is the turn of others.
func (r *room) turnOver(ctx context.Context) bool {
	s := seatOf(ctx)
	return s.pages.Load() > 0 && time.Since(s.begun) > crowdedBudget && r.crowded() && r.waiting != nil && r.waiting(ctx)
}

// taking is a source whose slice takes turns with others: its error is errTurn
// when a page would be more than its share.
type taking struct {
	pipeline.Source
	room *room
}

// Page implements pipeline.Source.
func (s taking) Page(ctx context.Context, link string, into *column.Batch) (pipeline.PageInfo, error) {
	if s.room.turnOver(ctx) {
		return pipeline.PageInfo{}, errTurn
	}
	page, err := s.Source.Page(ctx, link, into)
	if err == nil {
		seatOf(ctx).pages.Add(1)
	}
	return page, err
}
