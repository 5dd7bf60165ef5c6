package sandbox

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Request is a request that was answered, as kept in the log of requests.
type Request struct {
	Number     int64       `json:"number"` // counts from 1
	Time       time.Time   `json:"time"`
	Method     string      `json:"method"`
	URL        string      `json:"url"`                // as it was sent, from the path on
	Length     int         `json:"length"`             // of URL, in bytes
	Header     http.Header `json:"header"`             // with Host, and Authorization without the token; nobody may change it
	Affinity   string      `json:"affinity,omitempty"` // cookie ARRAffinity that was sent
	Authorized bool        `json:"authorized"`         // a bearer token was sent
	Concurrent int         `json:"concurrent"`         // requests in flight when it came, this one included
	Status     int         `json:"status"`             // 0 where the connection was cut before any
	Bytes      int64       `json:"bytes"`              // of the body as sent
	Took       Span        `json:"took"`
	RetryAfter string      `json:"retry_after,omitempty"`
	Fault      string      `json:"fault,omitempty"` // kind of the fault that struck
}

// RequestFilter chooses requests from the log. The zero value chooses all.
type RequestFilter struct {
	After  int64  // only those with a larger number
	Path   string // only those whose address contains it
	Method string
	Status int
	Header string // only those with a header of that name, or, after a colon, whose value contains a text: Prefer: maxpagesize
	Length int    // only those whose address has at least so many bytes
	Fault  string // only those that a fault of this kind struck
}

// requestFilter reads a filter from the query of an address, where its members
// have their names in lower case.
func requestFilter(q url.Values) (RequestFilter, error) {
	f := RequestFilter{Path: q.Get("path"), Method: q.Get("method"), Header: q.Get("header"), Fault: q.Get("fault")}
	var after, status, length int
	for name, n := range map[string]*int{"after": &after, "status": &status, "length": &length} {
		if text := q.Get(name); text != "" {
			var err error
			if *n, err = strconv.Atoi(text); err != nil {
				return f, fmt.Errorf("sandbox: %s is a number, not %q", name, text)
			}
		}
	}
	f.After, f.Status, f.Length = int64(after), status, length
	for name := range q {
		if !slices.Contains([]string{"after", "path", "method", "status", "header", "length", "fault"}, name) {
			return f, fmt.Errorf("sandbox: requests have no %q to choose by", name)
		}
	}
	return f, nil
}

// chooses tells whether the filter chooses a request.
func (f RequestFilter) chooses(r *Request) bool {
	return r.Number > f.After && strings.Contains(r.URL, f.Path) && len(r.URL) >= f.Length &&
		(f.Method == "" || strings.EqualFold(f.Method, r.Method)) && (f.Status == 0 || f.Status == r.Status) &&
		(f.Fault == "" || f.Fault == r.Fault) && (f.Header == "" || r.carries(f.Header))
}

// carries tells whether the request has a header, written as in RequestFilter.
func (r *Request) carries(header string) bool {
	name, part, _ := strings.Cut(header, ":")
	values := r.Header.Values(strings.TrimSpace(name))
	part = strings.ToLower(strings.TrimSpace(part))
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(strings.ToLower(v), part) })
}

// headerOf returns the headers of a request as the log keeps them.
func headerOf(r *http.Request) http.Header {
	h := make(http.Header, len(r.Header)+1)
	maps.Copy(h, r.Header)
	h.Set("Host", r.Host)
	if scheme, _, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		h.Set("Authorization", scheme+" …")
	} else {
		h.Del("Authorization")
	}
	return h
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

// Requests returns those of the last 10,000 requests that the filter chooses,
// oldest first.
func (s *Sandbox) Requests(f RequestFilter) []Request {
	j := &s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	list := []Request{}
	for i := range j.kept {
		r := j.kept[i]
		if len(j.kept) == maxRequests {
			r = j.kept[(int(j.total)+i)%maxRequests]
		}
		if f.chooses(&r) {
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
		Time: s.now(), Method: r.Method, URL: r.URL.RequestURI(), Header: headerOf(r),
		Authorized: r.Header.Get("Authorization") != "", Concurrent: s.journal.begin(),
	}
	entry.Length = len(entry.URL)
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
