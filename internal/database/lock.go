package database

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrHeld says that somebody else held a lock for longer than the caller could
// wait, see WithPatience, and comes with the error of the caller's context if
// that is what ended. It is an Outage: making an index over many rows may take
// many minutes.
var ErrHeld = errors.New("database: somebody else holds the lock")

// heldError is ErrHeld with what the holder told that it does.
type heldError struct {
	by    string // "" when it told nothing
	cause error  // of the caller's context; nil when its patience was over
}

func (e *heldError) Error() string {
	text := ErrHeld.Error()
	if e.by != "" {
		text += ": " + e.by
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *heldError) Is(target error) bool { return target == ErrHeld }

func (e *heldError) Unwrap() error { return e.cause }

type patienceKey struct{}

// patience is how long a caller waits for a lock.
type patience struct {
	limit time.Duration
	over  atomic.Bool // it has waited in vain
}

// WithPatience returns a context with which every wait for a lock lasts no
// longer than limit, or for as long as ctx if limit is 0. Once one was in vain,
// later ones end at once, so that somebody who goes on all the same does not
// wait again.
func WithPatience(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, &patience{limit: limit})
}

// Lock is a fair mutual exclusion: those who wait get it in the order they
// came. All locks of one SQLite file exclude each other. It is safe for
// concurrent use.
type Lock struct {
	*slot
	check func() error // whether the holder may write; nil means always
	taken atomic.Int64
}

// slot is what locks of one file have in common.
type slot struct {
	turn chan struct{}          // has one element while somebody holds it
	work atomic.Pointer[string] // what the holder told that it does
}

func newSlot() *slot { return &slot{turn: make(chan struct{}, 1)} }

func newLock() *Lock { return &Lock{slot: newSlot()} }

// Acquire waits for the lock until ctx or its patience ends and returns ErrHeld
// then. It returns CodeConflict when the file is no longer the one that was
// opened. After nil, Release must follow.
func (l *Lock) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.wait(ctx); err != nil {
		return err
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

// wait waits for the turn. Senders blocked on a channel are served first come,
// first served, and a receive hands the slot to the first of them at once:
// nobody can barge in.
func (l *Lock) wait(ctx context.Context) error {
	var over <-chan time.Time
	p, _ := ctx.Value(patienceKey{}).(*patience)
	if p != nil && p.limit > 0 {
		select {
		case l.turn <- struct{}{}:
			return nil
		default:
		}
		if p.over.Load() {
			return &heldError{by: l.working()}
		}
		t := time.NewTimer(p.limit)
		defer t.Stop()
		over = t.C
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-over:
		p.over.Store(true)
		return &heldError{by: l.working()}
	case <-ctx.Done():
		return &heldError{by: l.working(), cause: ctx.Err()}
	}
}

// working returns what the holder told that it does.
func (l *Lock) working() string {
	if what := l.work.Load(); what != nil {
		return *what
	}
	return ""
}

// Taken returns how often the lock was acquired so far.
func (l *Lock) Taken() int64 { return l.taken.Load() }

// Release gives the lock up.
func (l *Lock) Release() {
	l.work.Store(nil)
	<-l.turn
}

// slots holds one slot for each SQLite file that was opened.
var slots sync.Map

func lockOf(path string, check func() error) *Lock {
	s, _ := slots.LoadOrStore(path, newSlot())
	return &Lock{slot: s.(*slot), check: check}
}
