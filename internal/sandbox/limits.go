package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Limits are the service protection limits: what one user may demand of one web
// server within a window (api-limits.md). The zero value has none, and a member
// that is 0 sets no limit.
type Limits struct {
	Servers       int  `json:"servers"`        // virtual web servers, each with windows of its own; 0 turns all limits off
	Requests      int  `json:"requests"`       // within the window
	ExecutionTime Span `json:"execution_time"` // combined, within the window
	Concurrency   int  `json:"concurrency"`    // at once
	Window        Span `json:"window"`         // 0 means 300 seconds
	Cost          Span `json:"cost"`           // execution time that each request counts beside what it takes
	ParallelHint  int  `json:"parallel_hint"`  // x-ms-dop-hint; 0 means 4
}

// RealLimits returns the limits of an environment with a number of web
// servers.
func RealLimits(servers int) Limits {
	return Limits{Servers: servers, Requests: 6000, ExecutionTime: Span(20 * time.Minute), Concurrency: 52, Window: Span(300 * time.Second)}
}

// SetLimits changes the limits at once and resets what was counted.
func (s *Sandbox) SetLimits(l Limits) {
	if l.Window <= 0 {
		l.Window = Span(300 * time.Second)
	}
	if l.ParallelHint <= 0 {
		l.ParallelHint = 4
	}
	f := &front{limits: l, random: rand.New(rand.NewPCG(s.cfg.Seed, 0xf407))}
	for i := range l.Servers {
		f.servers = append(f.servers, &webServer{
			name: fmt.Sprintf("%016x%016x", mix(s.cfg.Seed+uint64(i)), mix(s.cfg.Seed^hashString("server")+uint64(i))), users: map[string]*allowance{},
		})
	}
	s.front.Store(f)
}

// Limits returns the present limits.
func (s *Sandbox) Limits() Limits { return s.front.Load().limits }

// front is the web servers behind the environment's address.
type front struct {
	limits  Limits
	servers []*webServer

	mu     sync.Mutex // of all below, and of the servers' users
	random *rand.Rand
}

type webServer struct {
	name  string // value of the cookie ARRAffinity
	users map[string]*allowance
}

// buckets is how many parts a window is counted in.
const buckets = 300

// allowance is what one user did on one server.
type allowance struct {
	requests   [buckets]int
	time       [buckets]time.Duration
	last       int64 // number of the newest bucket
	concurrent int
	refused    int // in a row
}

// turn forgets what has left the window.
func (a *allowance) turn(now time.Time, window time.Duration) {
	n := now.UnixNano() / int64(window/buckets)
	for a.last < n {
		if n-a.last > buckets {
			a.last = n - buckets
		}
		a.last++
		a.requests[a.last%buckets], a.time[a.last%buckets] = 0, 0
	}
}

func (a *allowance) used() (requests int, spent time.Duration) {
	for i := range buckets {
		requests += a.requests[i]
		spent += a.time[i]
	}
	return requests, spent
}

// ticket is one request that was let in.
type ticket struct {
	front *front
	user  *allowance
	began time.Time
}

const affinity = "ARRAffinity"

// enter lets a request in on one of the servers, or refuses it. It sets the
// headers about limits.
func (s *Sandbox) enter(w http.ResponseWriter, r *http.Request, who caller) (*ticket, *fault) {
	f := s.front.Load()
	h := w.Header()
	h.Set("x-ms-dop-hint", strconv.Itoa(f.limits.ParallelHint))
	if len(f.servers) == 0 {
		h.Set("x-ms-ratelimit-burst-remaining-xrm-requests", "5999")
		h.Set("x-ms-ratelimit-time-remaining-xrm-requests", "1199.95")
		return nil, nil
	}
	now := s.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	server := f.servers[f.random.IntN(len(f.servers))]
	if cookie, err := r.Cookie(affinity); err == nil {
		for _, other := range f.servers {
			if other.name == cookie.Value {
				server = other
			}
		}
	}
	h.Set("Set-Cookie", affinity+"="+server.name+"; path=/; secure; HttpOnly")
	a := server.users[who.UserID]
	if a == nil {
		a = &allowance{}
		server.users[who.UserID] = a
	}
	l := f.limits
	window, longest := time.Duration(l.Window), time.Duration(l.ExecutionTime)
	a.turn(now, window)
	requests, spent := a.used()
	var refused *fault
	wait := 0
	switch {
	case l.Requests > 0 && requests >= l.Requests:
		refused = tooMany("0x80072322", fmt.Sprintf("Number of requests exceeded the limit of %d over time window of %d seconds.", l.Requests, window/time.Second))
		wait = 10
	case longest > 0 && spent >= longest:
		refused = tooMany("0x80072321", fmt.Sprintf("Combined execution time of incoming requests exceeded limit of %s milliseconds over time window of %d seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			appendGrouped(nil, longest.Milliseconds(), 0, 0), window/time.Second))
		wait = 10
	case l.Concurrency > 0 && a.concurrent >= l.Concurrency:
		refused = tooMany("0x80072326", fmt.Sprintf("Number of concurrent requests exceeded the limit of %d.", l.Concurrency))
		wait = 2
	}
	remaining, left := max(l.Requests-requests-1, 0), max(longest-spent, 0)
	if l.Requests > 0 {
		h.Set("x-ms-ratelimit-burst-remaining-xrm-requests", strconv.Itoa(remaining))
	}
	if longest > 0 {
		h.Set("x-ms-ratelimit-time-remaining-xrm-requests", strconv.FormatFloat(left.Seconds(), 'f', 2, 64))
	}
	if refused != nil {
		// Who keeps pushing waits longer.
		a.refused++
		h.Set("Retry-After", strconv.Itoa(min(wait*a.refused, int(window/time.Second))))
		return nil, refused
	}
	a.refused = 0
	a.requests[a.last%buckets]++
	a.concurrent++
	return &ticket{front: f, user: a, began: time.Now()}, nil
}

func tooMany(code, message string) *fault {
	return &fault{http.StatusTooManyRequests, code, message}
}

// leave counts what the request took.
func (t *ticket) leave(now time.Time) {
	if t == nil {
		return
	}
	t.front.mu.Lock()
	defer t.front.mu.Unlock()
	t.user.turn(now, time.Duration(t.front.limits.Window))
	t.user.concurrent--
	t.user.time[t.user.last%buckets] += time.Since(t.began) + time.Duration(t.front.limits.Cost)
}
