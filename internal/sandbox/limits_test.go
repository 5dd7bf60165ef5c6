package sandbox_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestRequestLimit(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Limits = sandbox.Limits{Servers: 1, Requests: 5, ParallelHint: 7}
	s := start(t, cfg)
	for i := range 5 {
		a, _ := s.must(t, 200, "GET", "WhoAmI()", "")
		if got := a.Header.Get("x-ms-ratelimit-burst-remaining-xrm-requests"); got != strconv.Itoa(4-i) || a.Header.Get("x-ms-dop-hint") != "7" {
			t.Error(a.Header)
		}
	}
	wait := 0
	for range 3 {
		a, _ := s.send(t, "GET", "WhoAmI()", "")
		n, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if a.StatusCode != 429 || err != nil || n <= wait {
			t.Errorf("%s, Retry-After %q after %d", a.Status, a.Header.Get("Retry-After"), wait)
		}
		wait = n
	}
	s.fails(t, 429, "0x80072322", "Number of requests exceeded the limit of 5 over time window of 300 seconds.", "GET", "WhoAmI()", "")
	s.Advance(301 * time.Second)
	s.must(t, 200, "GET", "WhoAmI()", "")
}

func TestExecutionTimeLimit(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Limits = sandbox.RealLimits(1)
	cfg.Limits.Cost = sandbox.Span(5 * time.Minute)
	s := start(t, cfg)
	for range 4 {
		s.must(t, 200, "GET", "WhoAmI()", "")
	}
	s.fails(t, 429, "0x80072321", "exceeded limit of 1,200,000 milliseconds over time window of 300 seconds.", "GET", "WhoAmI()", "")
}

// TestConcurrencyLimit holds requests under way by slow answers.
func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Limits = sandbox.Limits{Servers: 1, Concurrency: 2}
	cfg.Latency = 300 * time.Millisecond
	s := start(t, cfg)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 6 {
		wg.Go(func() {
			a, _ := s.send(t, "GET", "WhoAmI()", "")
			mu.Lock()
			defer mu.Unlock()
			got[a.StatusCode]++
		})
	}
	wg.Wait()
	if got[200] < 2 || got[429] == 0 || got[200]+got[429] != 6 {
		t.Error(got)
	}
	most := 0
	for _, r := range s.Requests(sandbox.RequestFilter{Path: "WhoAmI"}) {
		most = max(most, r.Concurrent)
	}
	if most < 3 {
		t.Errorf("the log saw %d at once", most)
	}
}

// TestAffinity spreads requests over servers unless the cookie keeps them to
// one.
func TestAffinity(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Limits = sandbox.Limits{Servers: 4, Requests: 10}
	s := start(t, cfg)
	cookies := map[string]bool{}
	var last *http.Cookie
	for range 12 {
		a, _ := s.must(t, 200, "GET", "WhoAmI()", "")
		last = a.Cookies()[0]
		cookies[last.Name+last.Value] = true
	}
	if len(cookies) < 3 {
		t.Errorf("%d servers answered", len(cookies))
	}
	refused := 0
	for range 20 {
		if a, _ := s.send(t, "GET", "WhoAmI()", "", "Cookie", fmt.Sprintf("%s=%s", last.Name, last.Value)); a.StatusCode == 429 {
			refused++
		}
	}
	if refused < 10 {
		t.Errorf("%d of 20 refused on one server", refused)
	}
	if r := s.Requests(sandbox.RequestFilter{Path: "WhoAmI"}); r[len(r)-1].Affinity != last.Value || r[0].Affinity != "" {
		t.Error(r[len(r)-1])
	}
}
