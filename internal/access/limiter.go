package access

import (
	"sync"
	"time"
)

// Limiter slows down whoever guesses passwords: each key (an e-mail address or a
// network address) has a number of tries, which it gets back evenly over a window.
// It is safe for concurrent use and keeps nothing across a restart.
type Limiter struct {
	tries  int
	window time.Duration
	max    int

	mu   sync.Mutex
	full map[string]time.Time // when the key will have all its tries again
}

// maxKeys bounds the memory of a Limiter, about 1 MB.
const maxKeys = 10_000

// NewLimiter makes a Limiter that allows a number of tries per window: all of them
// at once, and one more every window/tries. Both must be positive.
func NewLimiter(tries int, window time.Duration) *Limiter {
	return &Limiter{tries: max(tries, 1), window: max(window, time.Duration(max(tries, 1))), max: maxKeys, full: make(map[string]time.Time)}
}

// Take takes one of the tries of key and returns 0. When none is left, it takes
// nothing and returns how long to wait for the next one.
func (l *Limiter) Take(key string) (wait time.Duration) {
	now := time.Now()
	each := l.window / time.Duration(l.tries)
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(each)
	if over := full.Sub(now) - each*time.Duration(l.tries); over > 0 {
		return over
	}
	if !known && len(l.full) >= l.max {
		l.sweep(now)
	}
	l.full[key] = full
	return 0
}

// Reset gives key all its tries back; call it after a successful sign-in.
func (l *Limiter) Reset(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.full, key)
}

// sweep drops the keys that have all their tries and, when that makes no room, the
// one that would be the first to have them: a flood of made-up keys must neither
// use up memory nor lock everybody out.
func (l *Limiter) sweep(now time.Time) {
	var first string
	var at time.Time
	for key, full := range l.full {
		if !full.After(now) {
			delete(l.full, key)
			continue
		}
		if at.IsZero() || full.Before(at) {
			first, at = key, full
		}
	}
	if len(l.full) >= l.max {
		delete(l.full, first)
	}
}
