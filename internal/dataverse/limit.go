package dataverse

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How many requests of a client are in flight at a time. Dataverse refuses more
// than 52 of one user, and asks clients to begin low and increase slowly.
const (
	firstParallel   = 4
	ceilingParallel = 8  // while the server gives no hint
	maxParallel     = 48 // whatever the server hints
)

// probeEvery is how long after a refusal the client stays below the limit at
// which it came: finding out whether the server accepts more by now costs another
// refusal, and a pause, when it does not.
const probeEvery = time.Minute

// hintHeader is where Dataverse says how many parallel requests it takes.
const hintHeader = "X-Ms-Dop-Hint"

// limiter holds requests back while too many are in flight. The limit rises by
// one for each round of successful answers during which it was reached, up to the
// server's hint, and is halved when the server refuses a request for overload;
// for a while it then stays below the limit at which the server refused. Callers
// take turns, so that one with many requests does not starve one with few.
type limiter struct {
	next http.RoundTripper

	mu      sync.Mutex
	limit   float64
	ceiling float64
	busy    int
	cuts    uint64             // how many times the limit was halved
	refused int                // the limit before it was last halved
	probe   time.Time          // until when it stays below that
	waiting int                // requests of all callers
	turns   uint64             // how many requests were let through
	callers map[string]*caller // by WithCaller; forgotten when nothing is in flight
}

// caller is the requests of one caller.
type caller struct {
	busy    int
	turn    uint64        // number of its last turn
	waiting []chan uint64 // first come, first served; gets cuts when let through
}

type callerKey struct{}

// calling is the caller that a context belongs to.
type calling struct {
	id    string
	waits waits
}

// waits is the time during which requests of a caller are held back at the
// gate. Several at a time count once: each is told what no other one was.
type waits struct {
	mu    sync.Mutex
	held  int
	since time.Time // of which nobody has been told
}

func (w *waits) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == 0 {
		w.since = time.Now()
	}
	w.held++
}

func (w *waits) end() (untold time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	untold = now.Sub(w.since)
	w.held--
	w.since = now
	return untold
}

// WithCaller returns a context whose requests belong to a caller, for example
// a job. When requests of several callers wait for a client, the next one is
// of the caller who has the fewest under way, and of those of the one whose
// last turn is longest ago. Requests of a context without a caller are those
// of one more. While several requests of a caller wait because the server asked
// for it, that time is told once, as Throttled of one of them.
func WithCaller(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, callerKey{}, &calling{id: id})
}

// callingOf returns the caller of a context, one of its own when it has none.
func callingOf(ctx context.Context) *calling {
	if c, ok := ctx.Value(callerKey{}).(*calling); ok {
		return c
	}
	return &calling{}
}

func newLimiter(next http.RoundTripper) *limiter {
	return &limiter{next: next, limit: firstParallel, ceiling: ceilingParallel, callers: map[string]*caller{}}
}

// parallel returns the present limit.
func (l *limiter) parallel() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// RoundTrip counts a request as in flight until its body is closed.
func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	who, cuts, err := l.acquire(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		l.release(who)
		return nil, err
	}
	l.learn(resp, cuts)
	resp.Body = &slotBody{ReadCloser: resp.Body, release: sync.OnceFunc(func() { l.release(who) })}
	return resp, nil
}

// acquire waits for a slot and returns whose it is, and how many times the limit
// had been halved when the slot was given. That counts and not when the caller
// woke up, for a request let through before the limit was halved says nothing
// about the new one.
func (l *limiter) acquire(ctx context.Context) (who *caller, cuts uint64, err error) {
	id := callingOf(ctx).id
	l.mu.Lock()
	who = l.callers[id]
	if who == nil {
		who = &caller{}
		l.callers[id] = who
	}
	if l.busy < int(l.limit) && l.waiting == 0 {
		l.enter(who)
		cuts = l.cuts
		l.mu.Unlock()
		return who, cuts, nil
	}
	turn := make(chan uint64, 1)
	who.waiting = append(who.waiting, turn)
	l.waiting++
	l.mu.Unlock()
	select {
	case cuts = <-turn:
		return who, cuts, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(who.waiting, turn)
	if i >= 0 {
		who.waiting = slices.Delete(who.waiting, i, i+1)
		l.waiting--
	}
	l.mu.Unlock()
	if i < 0 { // let through meanwhile
		l.release(who)
	}
	return nil, 0, context.Cause(ctx)
}

// enter gives a caller a slot.
func (l *limiter) enter(who *caller) {
	l.busy++
	who.busy++
	l.turns++
	who.turn = l.turns
}

func (l *limiter) release(who *caller) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	who.busy--
	l.admit()
	if l.busy == 0 {
		clear(l.callers)
	}
}

// admit lets waiting requests through as long as the limit allows.
func (l *limiter) admit() {
	for l.busy < int(l.limit) && l.waiting > 0 {
		var next *caller
		for _, c := range l.callers {
			if len(c.waiting) > 0 && (next == nil || c.busy < next.busy || c.busy == next.busy && c.turn < next.turn) {
				next = c
			}
		}
		next.waiting[0] <- l.cuts
		next.waiting = next.waiting[1:]
		l.waiting--
		l.enter(next)
	}
}

// learn adjusts the limit to an answer. Refusals of requests that were in flight
// together count once.
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
			l.refused, l.probe = int(l.limit), time.Now().Add(probeEvery)
			l.limit = max(l.limit/2, 1)
		}
	case resp.StatusCode < 400 && l.busy >= int(l.limit):
		more := min(l.limit+1/l.limit, l.ceiling)
		if int(more) < max(l.refused, 2) || !time.Now().Before(l.probe) {
			l.limit = more
			l.admit()
		}
	}
}

// overloaded reports whether the server refuses a request because it gets too
// many of them.
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
