package dataverse_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const limited = `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000 over time window of 300 seconds."}}`

// TestRetryAfter checks how long a client waits when the server asks for it.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		header func() string // of the first answers
		times  int           // how many of them
		want   time.Duration // waited, exactly
	}{
		{"seconds", 429, func() string { return "30" }, 1, 30 * time.Second},
		{"seconds with a fraction", 429, func() string { return "1.5" }, 1, 1500 * time.Millisecond},
		{"a date", 429, func() string { return time.Now().Add(17 * time.Second).UTC().Format(http.TimeFormat) }, 1, 17 * time.Second},
		{"a date in the past", 429, func() string { return "Mon, 03 Jan 1994 00:00:00 GMT" }, 1, 5 * time.Second},
		{"zero", 429, func() string { return "0" }, 1, 5 * time.Second},
		{"zero again and again", 429, func() string { return "0" }, 3, 35 * time.Second},
		{"missing", 429, func() string { return "" }, 1, 5 * time.Second},
		{"missing again and again", 429, func() string { return "" }, 3, 35 * time.Second},
		{"nonsense", 429, func() string { return "soon" }, 1, 5 * time.Second},
		{"negative", 429, func() string { return "-5" }, 1, 5 * time.Second},
		{"not a number", 429, func() string { return "NaN" }, 1, 5 * time.Second},
		{"as long as it may be", 429, func() string { return "300" }, 1, 5 * time.Minute},
		{"far too long", 429, func() string { return "86400" }, 1, 5 * time.Minute},
		{"seconds of a maintenance", 503, func() string { return "42" }, 1, 42 * time.Second},
		{"a date far too late", 429, func() string { return "Mon, 03 Jan 2094 00:00:00 GMT" }, 1, 5 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c := bubble(func(r *http.Request) (*http.Response, error) {
					if n++; n <= test.times {
						return answer(r, test.status, http.Header{"Retry-After": {test.header()}}, limited), nil
					}
					return answer(r, 200, nil, onePage), nil
				})
				begin := time.Now()
				info, names, err := page(t, c, "")
				if err != nil || len(names) != 2 {
					t.Fatalf("%q %v", names, err)
				}
				if took := time.Since(begin); took != test.want || info.Throttled != test.want && test.status == 429 {
					t.Errorf("waited %v, counted %v, want %v", took, info.Throttled, test.want)
				}
				if info.Requests != int64(test.times)+1 {
					t.Errorf("%d requests", info.Requests)
				}
			})
		})
	}
}

// TestRetryAfterByTheServersClock checks that a date is held against the clock
// of the server that wrote it.
func TestRetryAfterByTheServersClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-48 * time.Hour, -time.Minute, time.Minute, 48 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c := bubble(func(r *http.Request) (*http.Response, error) {
					if n++; n > 1 {
						return answer(r, 200, nil, onePage), nil
					}
					now := time.Now().Add(skew).UTC()
					return answer(r, 429, http.Header{"Date": {now.Format(http.TimeFormat)}, "Retry-After": {now.Add(17 * time.Second).Format(http.TimeFormat)}}, limited), nil
				})
				if info, _, err := page(t, c, ""); err != nil || info.Throttled != 17*time.Second {
					t.Errorf("%+v %v", info, err)
				}
			})
		})
	}
}

// TestPaused checks what a client says while the environment has it wait.
func TestPaused(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][2]time.Duration{
		"":      {5 * time.Second},
		"30":    {30 * time.Second, 30 * time.Second},
		"86400": {5 * time.Minute, 24 * time.Hour},
		"1e300": {5 * time.Minute, 365 * 24 * time.Hour},
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := bubble(func(r *http.Request) (*http.Response, error) {
					return answer(r, 429, http.Header{"Retry-After": {header}}, limited), nil
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, func() {
					if left, asked := c.Paused(); left != want[0]-time.Second || asked != want[1] {
						t.Errorf("%v are left of %v", left, asked)
					}
					cancel()
				})
				_, _ = c.WhoAmI(ctx)
				time.Sleep(want[0])
				if left, _ := c.Paused(); left != 0 {
					t.Errorf("%v are left when it is over", left)
				}
			})
		})
	}
}

// TestGateBehindToken checks that a request that waited for a token while the
// gate was closed waits for the gate too.
func TestGateBehindToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var sent []time.Duration
		c := dataverse.New(dataverse.Config{
			BaseURL: "https://contoso.crm.dynamics.com",
			Token: func(ctx context.Context, _ bool) (string, error) {
				if time.Since(begin) == 0 {
					return "token-1", nil
				}
				time.Sleep(5 * time.Second) // a slow sign-in server
				return "token-2", nil
			},
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				sent = append(sent, time.Since(begin))
				if len(sent) == 1 {
					time.Sleep(2 * time.Second)
					return answer(r, 429, http.Header{"Retry-After": {"30"}}, limited), nil
				}
				return answer(r, 200, nil, onePage), nil
			}),
		})
		var wg sync.WaitGroup
		for _, after := range []time.Duration{0, time.Second} {
			wg.Go(func() {
				time.Sleep(after)
				if _, names, err := page(t, c, ""); err != nil || len(names) != 2 {
					t.Errorf("%q %v", names, err)
				}
			})
		}
		wg.Wait()
		for _, at := range sent[1:] {
			if at < 32*time.Second {
				t.Errorf("sent after %v, inside of the window", at)
			}
		}
	})
}

// TestWaitsCountOnce has two requests wait at one gate, one of them for a part
// of the time: their caller is told the time during which it was held back, and
// not the sum over its requests, and of two callers each is told its own.
func TestWaitsCountOnce(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"job 1", "job 2"} {
		synctest.Test(t, func(t *testing.T) {
			refused := false
			c := dataverse.New(dataverse.Config{
				BaseURL: "https://contoso.crm.dynamics.com",
				Token:   func(context.Context, bool) (string, error) { return "token", nil },
				Transport: answers(func(r *http.Request) (*http.Response, error) {
					if !refused {
						refused = true
						return answer(r, 429, http.Header{"Retry-After": {"30"}}, limited), nil
					}
					return answer(r, 200, nil, onePage), nil
				}),
			})
			callers := map[string]context.Context{}
			for _, id := range []string{"job 1", "job 2"} {
				callers[id] = dataverse.WithCaller(t.Context(), id)
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			got := map[string]time.Duration{}
			read := func(after time.Duration, caller string) {
				wg.Go(func() {
					time.Sleep(after)
					b := column.NewBatch(accountSpecs)
					info, err := c.Page(callers[caller], dataverse.Query{EntitySet: "accounts", Select: []string{"name"}}, "", odata.NewColumns(accountSpecs), b)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					got[caller] += info.Throttled
				})
			}
			read(0, "job 1")
			read(20*time.Second, second)
			wg.Wait()
			want := map[string]time.Duration{"job 1": 30 * time.Second}
			if second == "job 2" {
				want[second] = 10 * time.Second
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("and %s (-want +got):\n%s", second, diff)
			}
		})
	}
}

// TestOneGate checks that all requests of a client wait when one was told to,
// and that answers to requests under way together count once.
func TestOneGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var early int
		begin := time.Now()
		c := bubble(func(r *http.Request) (*http.Response, error) {
			sent := time.Since(begin)
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case sent == 0:
				return answer(r, 429, nil, limited), nil // no Retry-After: 5 s, not doubled for each
			case sent < 5*time.Second:
				early++
			}
			return answer(r, 200, nil, onePage), nil
		})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if i >= 10 {
					time.Sleep(time.Second) // comes while the gate is closed
				}
				if _, names, err := page(t, c, ""); err != nil || len(names) != 2 {
					t.Errorf("%q %v", names, err)
				}
			})
		}
		wg.Wait()
		if early != 0 {
			t.Errorf("%d requests passed the closed gate", early)
		}
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestFaults checks which faults are tried again.
func TestFaults(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html"}}
	status := func(n int, h http.Header, body string) answers {
		return func(r *http.Request) (*http.Response, error) { return answer(r, n, h.Clone(), body), nil }
	}
	tests := []struct {
		name  string
		fault answers
		code  crosswalk.Code // after the last try
		sent  int            // tries until then
	}{
		{"502 with a web page", status(502, html, "<title>502 Bad Gateway</title>"), crosswalk.CodeUnavailable, 6},
		{"503", status(503, nil, `{"error":{"code":"","message":"busy"}}`), crosswalk.CodeUnavailable, 6},
		{"504", status(504, nil, ""), crosswalk.CodeUnavailable, 6},
		{"503 that says how long", status(503, http.Header{"Retry-After": {"7"}}, ""), crosswalk.CodeUnavailable, 6},
		{"429", status(429, http.Header{"Retry-After": {"7"}}, limited), crosswalk.CodeUnavailable, 12},
		{"429 for ever", status(429, http.Header{"Retry-After": {"9999"}}, limited), crosswalk.CodeUnavailable, 6},
		{"reset", func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET }, crosswalk.CodeUnavailable, 6},
		{"truncated", status(200, nil, onePage[:len(onePage)-2]), crosswalk.CodeUnavailable, 6},
		{"empty", status(200, nil, ""), crosswalk.CodeUnavailable, 6},
		{"an error that came with 200", status(200, nil, `{"value":[],"error":{"code":"0x80044151","message":"timeout"}}`), crosswalk.CodeUnavailable, 6},
		{"a deadlock", status(500, nil, `{"error":{"code":"0x80044150","message":"Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205"}}`), crosswalk.CodeUnavailable, 6},
		{"a web page with 200", status(200, html, "<title>Sign in</title>"), crosswalk.CodeUnavailable, 3},
		{"malformed", status(200, nil, `{"value":[}`), crosswalk.CodeUnavailable, 3},
		{"gzip that is none", status(200, http.Header{"Content-Encoding": {"gzip"}}, "plain text, long enough"), crosswalk.CodeUnavailable, 3},
		{"an encoding nobody asked for", status(200, http.Header{"Content-Encoding": {"br"}}, "x"), crosswalk.CodeUnavailable, 3},
		{"400", status(400, nil, `{"error":{"code":"0x80060888","message":"no"}}`), crosswalk.CodeInvalid, 1},
		{"403", status(403, nil, ""), crosswalk.CodeForbidden, 1},
		{"404", status(404, nil, ""), crosswalk.CodeNotFound, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				faulty := true
				c := bubble(func(r *http.Request) (*http.Response, error) {
					sent++
					if faulty || sent == 1 {
						return test.fault(r)
					}
					return answer(r, 200, nil, onePage), nil
				})
				begin := time.Now()
				info, names, err := page(t, c, "")
				personal(t, err, test.code, "Could not read accounts", "")
				if sent != test.sent || info.Requests != int64(test.sent) || len(names) != 0 {
					t.Errorf("%d requests, counted %d, %q", sent, info.Requests, names)
				}
				if took := time.Since(begin); took > 30*time.Minute || test.sent == 6 && took < 5*time.Second {
					t.Errorf("gave up after %v", took)
				}
				time.Sleep(time.Hour) // the gate is open again
				sent, faulty = 0, false
				if _, names, err = page(t, c, ""); test.sent > 1 && (err != nil || len(names) != 2) {
					t.Errorf("after one fault: %q %v", names, err)
				}
			})
		})
	}
}

// drip is a body that brings a piece from time to time.
type drip struct {
	ctx   context.Context
	text  string
	every time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(d.every):
	}
	if d.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:1], d.text)
	d.text = d.text[n:]
	return n, nil
}

func (d *drip) Close() error { return nil }

// TestSlowAnswers checks that an answer that stops flowing, or hardly flows,
// ends.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		every time.Duration
		ok    bool
		took  time.Duration // of each try, at most
	}{
		{"slow", time.Second, true, 10 * time.Minute},
		{"stopped", time.Hour, false, time.Minute},
		{"dripping", 55 * time.Second, false, 15 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := bubble(func(r *http.Request) (*http.Response, error) {
					resp := answer(r, 200, nil, "")
					resp.Body = &drip{ctx: r.Context(), text: onePage, every: test.every}
					return resp, nil
				})
				begin := time.Now()
				info, names, err := page(t, c, "")
				if test.ok {
					if err != nil || len(names) != 2 {
						t.Errorf("%q %v", names, err)
					}
				} else {
					personal(t, err, crosswalk.CodeUnavailable, "too long", "again")
				}
				if took := time.Since(begin) / time.Duration(info.Requests); took > test.took+time.Minute {
					t.Errorf("%d requests of %v", info.Requests, took)
				}
			})
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := bubble(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			_, _, err := page(t, c, "")
			personal(t, err, crosswalk.CodeUnavailable, "too long", "again")
		})
	})
}

// TestCancel checks that waiting ends with the context.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"closed gate": 429, "backoff": 503, "request": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := bubble(func(r *http.Request) (*http.Response, error) {
					if status == 0 {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					return answer(r, status, nil, ""), nil
				})
				stop := errors.New("the run was cancelled")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
				begin := time.Now()
				_, err := c.Page(ctx, dataverse.Query{EntitySet: "accounts"}, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
				if !errors.Is(err, stop) || time.Since(begin) != 100*time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
			})
		})
	}
}

// TestParallelRefusals checks that requests that met the same refusal share
// one new token.
func TestParallelRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tok := new(tokens)
		var sent atomic.Int32
		c := dataverse.New(dataverse.Config{
			BaseURL: "https://contoso.crm.dynamics.com", Token: tok.token,
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Duration(sent.Add(1)) * time.Second)
				if r.Header.Get("Authorization") == "Bearer token-1" {
					return answer(r, 401, nil, ""), nil
				}
				return answer(r, 200, nil, onePage), nil
			}),
		})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, _, err := page(t, c, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if tok.forced != 1 {
			t.Errorf("forced %d times", tok.forced)
		}
	})
}
