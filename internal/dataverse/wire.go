package dataverse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// How long an answer may take. Dataverse itself ends requests after two minutes.
const (
	headerTimeout = 150 * time.Second // until the answer begins
	readTimeout   = 60 * time.Second  // until more of it comes
	bodyTimeout   = 15 * time.Minute  // until all of it is there
)

// errSlow ends an attempt whose answer has stopped flowing.
var errSlow = errors.New("the answer stopped flowing")

// tally counts what a call cost. It belongs to the goroutine of the call.
type tally struct {
	requests  int64
	bytes     int64
	throttled time.Duration
	passed    time.Time // when the gate let the last attempt through
}

type tallyKey struct{}

// tallyOf returns the tally of the call that a request belongs to.
func tallyOf(ctx context.Context) *tally {
	t, _ := ctx.Value(tallyKey{}).(*tally)
	if t == nil {
		t = new(tally)
	}
	return t
}

// wire counts requests and received bytes, and ends answers that take too long.
type wire struct{ next http.RoundTripper }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	tally := tallyOf(req.Context())
	tally.requests++
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(headerTimeout, func() { cancel(errSlow) })
	resp, err := w.next.RoundTrip(req.WithContext(ctx))
	timer.Stop()
	if err != nil {
		err = slow(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &wireBody{
		body: resp.Body, ctx: ctx, cancel: cancel, timer: timer, tally: tally,
		deadline: time.Now().Add(bodyTimeout),
	}
	return resp, nil
}

type wireBody struct {
	body     io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer // of errSlow; stopped between reads
	deadline time.Time
	tally    *tally
}

func (b *wireBody) Read(p []byte) (int, error) {
	b.timer.Reset(min(readTimeout, time.Until(b.deadline)))
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.tally.bytes += int64(n)
	if err != nil && err != io.EOF {
		err = &brokenBody{slow(b.ctx, err)}
	}
	return n, err
}

func (b *wireBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}

// brokenBody reports an answer that broke off after it had begun.
type brokenBody struct{ err error }

func (e *brokenBody) Error() string { return "the answer broke off: " + e.err.Error() }
func (e *brokenBody) Unwrap() error { return e.err }

// slow returns errSlow in place of the error it caused.
func slow(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
		return fmt.Errorf("%w", cause)
	}
	return err
}

// logger writes a line for each answer. The query of an address is left out:
// filters hold data.
type logger struct {
	next http.RoundTripper
	log  *slog.Logger
}

func (l *logger) RoundTrip(req *http.Request) (*http.Response, error) {
	begin := time.Now()
	resp, err := l.next.RoundTrip(req)
	if !l.log.Enabled(req.Context(), slog.LevelDebug) {
		return resp, err
	}
	attrs := []slog.Attr{slog.String("path", req.URL.Path), slog.Duration("took", time.Since(begin))}
	if at := tallyOf(req.Context()).passed; !at.Before(begin) {
		attrs = append(attrs, slog.Time("sent", at))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode),
			slog.String("service_request_id", resp.Header.Get("X-Ms-Service-Request-Id")))
		if text := resp.Header.Get("Retry-After"); text != "" {
			attrs = append(attrs, slog.String("retry_after", text))
		}
	}
	l.log.LogAttrs(req.Context(), slog.LevelDebug, "dataverse request", attrs...)
	return resp, err
}
