package dataverse

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// How many requests of a client are under way at a time. Dataverse refuses 52
// of one user, and asks to begin low and rise.
const (
	firstParallel   = 4
	ceilingParallel = 8  // while the server gives no hint
	maxParallel     = 48 // whatever the server hints
)

// hintHeader is where Dataverse says how many parallel requests it takes.
const hintHeader = "X-Ms-Dop-Hint"

// limiter holds requests back while too many are under way. The limit rises
// by one for each round of answers that went well while it was reached, up to
// the server's hint, and is halved when the server refuses for overload.
type limiter struct {
	next http.RoundTripper

	mu      sync.Mutex
	limit   float64
	ceiling float64
	busy    int
	cuts    uint64          // how often the limit was halved
	waiting []chan struct{} // first come, first served; closed when let through
}

func newLimiter(next http.RoundTripper) *limiter {
	return &limiter{next: next, limit: firstParallel, ceiling: ceilingParallel}
}

// parallel returns the present limit.
func (l *limiter) parallel() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// RoundTrip counts a request as under way until its body is closed.
func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	cuts, err := l.acquire(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		l.release()
		return nil, err
	}
	l.learn(resp, cuts)
	resp.Body = &slotBody{ReadCloser: resp.Body, release: sync.OnceFunc(l.release)}
	return resp, nil
}

// acquire waits for a slot and returns how often the limit had been halved by
// then.
func (l *limiter) acquire(ctx context.Context) (cuts uint64, err error) {
	l.mu.Lock()
	if l.busy < int(l.limit) && len(l.waiting) == 0 {
		l.busy++
		cuts = l.cuts
		l.mu.Unlock()
		return cuts, nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.cuts, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 { // let through meanwhile
		l.release()
	}
	return 0, context.Cause(ctx)
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.admit()
}

// admit lets through those who wait and fit.
func (l *limiter) admit() {
	for l.busy < int(l.limit) && len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.busy++
	}
}

// learn moves the limit by what an answer says. Refusals of requests that
// were under way together count once.
func (l *limiter) learn(resp *http.Response, cuts uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hint, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get(hintHeader))); err == nil && hint > 0 {
		l.ceiling = float64(min(hint, maxParallel))
		l.limit = min(l.limit, l.ceiling)
	}
	switch {
	case overloaded(resp):
		if l.cuts == cuts {
			l.cuts++
			l.limit = max(l.limit/2, 1)
		}
	case resp.StatusCode < 400 && l.busy >= int(l.limit):
		l.limit = min(l.limit+1/l.limit, l.ceiling)
		l.admit()
	}
}

// overloaded reports whether the server refuses a request because it gets too
// many.
func overloaded(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests ||
		resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
}

type slotBody struct {
	io.ReadCloser
	release func()
}

func (b *slotBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
