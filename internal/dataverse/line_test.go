package dataverse_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// line is a network in memory: each connection is a pipe, so that time in a
// bubble passes for both ends.
type line struct {
	accept chan net.Conn
	closed chan struct{}
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *line) Close() error   { close(l.closed); return nil }
func (l *line) Addr() net.Addr { return &net.TCPAddr{} }

func (l *line) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.accept <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// overLine returns a client whose HTTP is real, as is that of the server, and
// what ends both.
func overLine(cfg dataverse.Config, h http.HandlerFunc) (c *dataverse.Client, end func()) {
	l := &line{accept: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) })
	transport := &http.Transport{DialContext: l.dial}
	cfg.BaseURL, cfg.Token, cfg.Transport = "http://contoso.crm.dynamics.com", new(tokens).token, transport
	return dataverse.New(cfg), func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		wg.Wait()
	}
}

// TestSlowLoris has a server send its answer a little at a time, stop, or not
// answer at all, through HTTP as it is: each attempt ends by its deadline, and
// one good answer in between is enough.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		every time.Duration // between two bytes; 0 means that not even the headers come
		stops int           // after so many bytes nothing comes any more; 0 means never
		most  time.Duration // of one attempt
		ok    bool          // the first attempt succeeds
	}{
		{"a byte a second", time.Second, 0, 15 * time.Minute, true},
		{"a byte before each deadline", 59 * time.Second, 0, 15 * time.Minute, false},
		{"a byte behind each deadline", 61 * time.Second, 0, 62 * time.Second, false},
		{"half a page", time.Millisecond, len(onePage) / 2, 61 * time.Second, false},
		{"no answer", 0, 0, 151 * time.Second, false},
	}
	for _, test := range tests {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " ", forever), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					var sent []time.Time
					c, end := overLine(dataverse.Config{}, func(w http.ResponseWriter, r *http.Request) {
						mu.Lock()
						sent = append(sent, time.Now())
						again := len(sent) > 1
						mu.Unlock()
						if !forever && again {
							w.Header().Set("Content-Type", jsonType)
							_, _ = io.WriteString(w, onePage)
							return
						}
						if test.every == 0 {
							<-r.Context().Done()
							return
						}
						w.Header().Set("Content-Type", jsonType)
						for i := range onePage {
							if test.stops > 0 && i == test.stops {
								<-r.Context().Done()
								return
							}
							if _, err := io.WriteString(w, onePage[i:i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
								return
							}
							select {
							case <-time.After(test.every):
							case <-r.Context().Done():
								return
							}
						}
					})
					_, names, err := page(t, c, "")
					end()
					mu.Lock()
					defer mu.Unlock()
					for i := 1; i < len(sent); i++ {
						if took := sent[i].Sub(sent[i-1]); took > test.most+time.Minute { // and a pause
							t.Errorf("attempt %d took %v", i, took)
						}
					}
					switch {
					case forever && !test.ok:
						personal(t, err, crosswalk.CodeUnavailable, "too long", "again")
						if len(names) != 0 || len(sent) < 2 || len(sent) > 6 {
							t.Errorf("%d requests, rows %q", len(sent), names)
						}
					case err != nil || len(names) != 2 || test.ok && len(sent) != 1 || !test.ok && len(sent) != 2:
						t.Errorf("%d requests, rows %q, %v", len(sent), names, err)
					}
				})
			})
		}
	}
}

// TestBackoff checks that callers who failed together do not come back
// together, and that the pauses grow.
func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := map[string][]time.Time{}
		c := bubble(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			sent[r.URL.RawQuery] = append(sent[r.URL.RawQuery], time.Now())
			return answer(r, 503, nil, ""), nil
		})
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, _, err := page(t, c, fmt.Sprintf("https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%d", i))
				personal(t, err, crosswalk.CodeUnavailable, "", "")
			})
		}
		wg.Wait()
		if len(sent) != 8 {
			t.Fatalf("%d callers", len(sent))
		}
		for n := 1; n < 6; n++ {
			var pauses []time.Duration
			for who, at := range sent {
				if len(at) != 6 {
					t.Fatalf("%s came %d times", who, len(at))
				}
				pauses = append(pauses, at[n].Sub(at[n-1]))
			}
			slices.Sort(pauses)
			base := 500 * time.Millisecond << (n - 1)
			if least, most := pauses[0], pauses[len(pauses)-1]; least < base/2 || most > 3*base/2+time.Millisecond || most-least < base/10 {
				t.Errorf("pause %d is %v to %v, about %v", n, least, most, base)
			}
		}
	})
}
