package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrHeld says that somebody else held a lock for longer than the caller could
// wait. It comes with the error of the caller's context, and is an Outage: making
// an index over many rows may take many minutes.
var ErrHeld = errors.New("database: somebody else holds the lock")

// Lock is a fair mutual exclusion: those who wait get it in the order they
// came. All locks of one SQLite file exclude each other. It is safe for
// concurrent use.
type Lock struct {
	slot  chan struct{}
	check func() error // whether the holder may write; nil means always
	taken atomic.Int64
}

func newLock() *Lock { return &Lock{slot: make(chan struct{}, 1)} }

// Acquire waits for the lock until ctx ends and returns ErrHeld and the
// context's error then. It returns CodeConflict when the file is no longer the one that was
// opened. After nil, Release must follow.
func (l *Lock) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Senders blocked on a channel are served first come, first served, and a
	// receive hands the slot to the first of them at once: nobody can barge in.
	select {
	case l.slot <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrHeld, ctx.Err())
	}
	if l.check != nil {
		if err := l.check(); err != nil {
			l.Release()
			return err
		}
	}
	l.taken.Add(1)
	return nil
}

// Taken returns how often the lock was acquired so far.
func (l *Lock) Taken() int64 { return l.taken.Load() }

// Release gives the lock up.
func (l *Lock) Release() { <-l.slot }

// slots holds one slot for each SQLite file that was opened.
var slots sync.Map

func lockOf(path string, check func() error) *Lock {
	slot, _ := slots.LoadOrStore(path, make(chan struct{}, 1))
	return &Lock{slot: slot.(chan struct{}), check: check}
}
