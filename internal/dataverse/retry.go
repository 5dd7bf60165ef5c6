package dataverse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// The budget for retries of one call.
const (
	maxFaults    = 6                // attempts ended by faults that can pass
	maxGarbled   = 3                // attempts ended by answers that cannot be read
	maxThrottled = 12               // attempts ended because the server asked to wait
	maxRetrying  = 20 * time.Minute // no retry begins later than this
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
)

// Codes of errors that are transient although their status does not say so.
const (
	codeSQLError    = "0x80044150" // among others a deadlock, Sql Number 1205
	sqlDeadlockMark = "1205"
)

// headersExceeded is part of the text of net/http's error about too large headers,
// which has no type.
const headersExceeded = "response headers exceeded"

// Codes of Dataverse's service protection limits; they come with 429.
var limitCodes = map[string]bool{
	"0x80072321": true, "0x80072322": true, "0x80072324": true, "0x80072326": true, "0x8005f103": true,
}

// get runs a call until it succeeds, fails for good or has used up its budget.
// use must leave no trace when it fails.
func (c *Client) get(ctx context.Context, call *call, use func(io.Reader) error) error {
	begin := time.Now()
	var faults, broken, throttled int
	for {
		err := c.once(ctx, call, use)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", call.what, context.Cause(ctx))
		}
		again := false
		var wait time.Duration // the gate makes throttled requests wait
		switch verdict(err) {
		case fault:
			faults++
			again, wait = faults < maxFaults, backoff(faults)
		case unreadable:
			broken++
			again, wait = broken < maxGarbled, backoff(broken)
		case throttle:
			throttled++
			again = throttled < maxThrottled
		}
		if !again || time.Since(begin) > maxRetrying {
			return explain(err, call.what)
		}
		c.log.WarnContext(ctx, "dataverse request is tried again", "call", call.what, "in", wait, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return fmt.Errorf("%s: %w", call.what, err)
		}
	}
}

// attempt is the verdict on a failed attempt.
type attempt int

const (
	final      attempt = iota // trying again cannot help
	fault                     // trying again can help
	unreadable                // trying again can help, but seldom does
	throttle                  // trying again after a pause will help
)

// verdict says whether trying again can help.
func verdict(err error) attempt {
	var (
		token    *tokenError
		answer   *odata.Error
		redirect *redirected
		syntax   *odata.PageError
		bad      *garbled
		cert     *tls.CertificateVerificationError
		corrupt  flate.CorruptInputError
	)
	switch {
	case errors.As(err, &token), errors.As(err, &redirect), errors.As(err, &cert):
		return final
	case errors.As(err, &answer):
		return answered(answer)
	case errors.As(err, &syntax), errors.As(err, &bad):
		return unreadable
	case strings.Contains(err.Error(), headersExceeded):
		return unreadable
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return unreadable
	case errors.Is(err, errTooLarge), errors.Is(err, errFull), errors.Is(err, errLongAddress):
		return final
	default:
		return fault // of the network: refused, reset, timed out, truncated
	}
}

// answered returns the verdict on an error that the server answered.
func answered(e *odata.Error) attempt {
	if expired(e) || restricted(e) != "" {
		return final // the status they come with is not documented
	}
	switch e.Status {
	case http.StatusTooManyRequests:
		return throttle
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault
	case http.StatusOK: // the answer began well and failed while it streamed
		return fault
	}
	if strings.EqualFold(e.Code, codeSQLError) && strings.Contains(e.Message, sqlDeadlockMark) {
		return fault
	}
	return final
}

// backoff returns how long to wait after the n-th fault: twice as long each time,
// give or take a half, so that callers that failed together do not come back
// together.
func backoff(n int) time.Duration {
	d := min(firstBackoff<<(n-1), maxBackoff)
	return d/2 + rand.N(d)
}
