package server

import (
	"sync/atomic"
	"time"
)

// Slices beside which no worker is free are short, and do not wait for their
// environment, so that runs of other connections get their turn.
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

// patience returns how long an environment may ask to wait before the slice
// gives its worker back.
func (r *room) patience() time.Duration {
	if r.crowded() {
		return crowdedPause
	}
	return longPause
}
