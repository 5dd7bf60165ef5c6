package dataverse

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// How long requests are held back when the server asks for it.
const (
	firstPause = 5 * time.Second // when it does not say how long; doubled each time
	maxPause   = 5 * time.Minute // at most: the window of Dataverse's limits
	maxAsked   = 365 * 24 * time.Hour
)

// pacer holds requests back while the server asked for it with Retry-After.
// All requests of a client pass the same gate: the limits are those of the
// user, and each request sent too early makes the pause longer. It is the last
// gate: nothing that takes time, like a new token, comes between it and the
// server.
type pacer struct {
	next http.RoundTripper

	mu     sync.Mutex
	until  time.Time     // the gate is closed until then
	asked  time.Duration // how long the server asked to wait then, 0 when it did not say
	pause  time.Duration // next pause when the server does not say
	closed uint64        // how often the gate was closed
}

func (p *pacer) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := p.wait(req.Context()); err != nil {
		return nil, err
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	resp, err := p.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	pause, asked := retryAfter(resp.Header)
	switch {
	case overloaded(resp) && (asked || resp.StatusCode == http.StatusTooManyRequests):
		p.close(pause, closed)
	case resp.StatusCode < 400:
		p.mu.Lock()
		p.pause = 0
		p.mu.Unlock()
	}
	return resp, nil
}

// left returns how long the gate stays closed, 0 when it is open, and how long
// the server asked for.
func (p *pacer) left() (left, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.until), 0), p.asked
}

type checkKey struct{}

// WithCheck returns a context whose requests call check right before they are
// sent, at every attempt. One whose context check ends is not sent.
func WithCheck(ctx context.Context, check func()) context.Context {
	return context.WithValue(ctx, checkKey{}, check)
}

// wait waits until the gate is open and notes how long that took.
func (p *pacer) wait(ctx context.Context) error {
	check, ok := ctx.Value(checkKey{}).(func())
	for {
		if ok {
			if check(); ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		p.mu.Lock()
		now := time.Now()
		left := p.until.Sub(now)
		p.mu.Unlock()
		if left <= 0 {
			tallyOf(ctx).passed = now
			return nil
		}
		waits := &callingOf(ctx).waits
		waits.begin()
		err := sleep(ctx, left)
		tallyOf(ctx).throttled += waits.end()
		if err != nil {
			return err
		}
	}
}

// close closes the gate for d, or for a pause that grows when d is 0. seen is
// how often the gate had been closed when the request was sent: answers to
// requests that were under way together make the pause grow only once.
func (p *pacer) close(d time.Duration, seen uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := d
	if d <= 0 {
		if p.pause == 0 || p.closed == seen {
			p.pause = min(max(2*p.pause, firstPause), maxPause)
		}
		d = p.pause
	}
	p.closed++
	if until := time.Now().Add(min(d, maxPause)); until.After(p.until) {
		p.until, p.asked = until, asked
	}
}

// retryAfter reads the header Retry-After, which holds seconds or a date (RFC
// 9110, section 10.2.3), and whether there was one that can be read. A date is
// held against the server's own clock where the answer tells it; one in the
// past is 0.
func retryAfter(h http.Header) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0) { // also not a number
			return 0, false
		}
		return time.Duration(min(seconds, maxAsked.Seconds()) * float64(time.Second)), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxAsked), true
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
