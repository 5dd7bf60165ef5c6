package sandbox

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Request is one request that was answered, as the log of requests keeps it.
type Request struct {
	Number     int64     `json:"number"` // counts from 1
	Time       time.Time `json:"time"`
	Method     string    `json:"method"`
	URL        string    `json:"url"` // as it was sent
	Prefer     string    `json:"prefer,omitempty"`
	Affinity   string    `json:"affinity,omitempty"` // cookie ARRAffinity that was sent
	UserAgent  string    `json:"user_agent,omitempty"`
	Authorized bool      `json:"authorized"` // a bearer token was sent
	Concurrent int       `json:"concurrent"` // requests under way, with this one, when it came
	Status     int       `json:"status"`     // 0 where the connection was cut before any
	Bytes      int64     `json:"bytes"`      // of the body as sent
	Took       Span      `json:"took"`
	RetryAfter string    `json:"retry_after,omitempty"`
	Fault      string    `json:"fault,omitempty"` // kind of the fault that struck
}

// maxRequests is how many requests the log keeps.
const maxRequests = 10_000

// journal is the log of requests.
type journal struct {
	mu       sync.Mutex
	total    int64
	underWay int
	kept     []Request // a ring, once full
}

// Requests returns the last requests, oldest first, of those with a number
// above after and an address that contains part.
func (s *Sandbox) Requests(after int64, part string) []Request {
	j := &s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	list := []Request{}
	for i := range j.kept {
		r := j.kept[i]
		if len(j.kept) == maxRequests {
			r = j.kept[(int(j.total)+i)%maxRequests]
		}
		if r.Number > after && strings.Contains(r.URL, part) {
			list = append(list, r)
		}
	}
	return list
}

// ForgetRequests empties the log of requests.
func (s *Sandbox) ForgetRequests() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.kept, s.journal.total = nil, 0
}

func (j *journal) begin() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.underWay++
	return j.underWay
}

func (j *journal) end(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.underWay--
	j.total++
	r.Number = j.total
	if len(j.kept) < maxRequests {
		j.kept = append(j.kept, r)
		return
	}
	j.kept[int(j.total-1)%maxRequests] = r
}

// watched counts what a response sends.
type watched struct {
	http.ResponseWriter
	status int
	bytes  int64
	fault  string
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack takes the connection over, for faults that need it.
func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// watch answers a request through next and keeps it in the log.
func (s *Sandbox) watch(w http.ResponseWriter, r *http.Request, next func(*watched, *http.Request)) {
	in := &watched{ResponseWriter: w}
	entry := Request{
		Time: s.now(), Method: r.Method, URL: r.URL.RequestURI(), Prefer: strings.Join(r.Header.Values("Prefer"), ","),
		UserAgent: r.UserAgent(), Authorized: r.Header.Get("Authorization") != "", Concurrent: s.journal.begin(),
	}
	if cookie, err := r.Cookie(affinity); err == nil {
		entry.Affinity = cookie.Value
	}
	began := time.Now()
	defer func() {
		entry.Status, entry.Bytes, entry.Took, entry.Fault = in.status, in.bytes, Span(time.Since(began)), in.fault
		entry.RetryAfter = w.Header().Get("Retry-After")
		s.journal.end(entry)
	}()
	next(in, r)
}
