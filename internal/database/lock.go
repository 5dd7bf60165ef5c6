package database

import (
	"context"
	"sync"
)

// Lock is a fair mutual exclusion: those who wait get it in the order they
// came. It is safe for concurrent use.
type Lock struct{ slot chan struct{} }

func newLock() *Lock { return &Lock{slot: make(chan struct{}, 1)} }

// Acquire waits for the lock until ctx ends and returns the context's error
// then. After nil, Release must follow.
func (l *Lock) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Senders blocked on a channel are served first come, first served, and a
	// receive hands the slot to the first of them at once: nobody can barge in.
	select {
	case l.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release gives the lock up.
func (l *Lock) Release() { <-l.slot }

// locks holds one lock for each SQLite file that was opened.
var locks sync.Map

func lockOf(path string) *Lock {
	l, _ := locks.LoadOrStore(path, newLock())
	return l.(*Lock)
}
