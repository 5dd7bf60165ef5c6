package sandbox

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of faults.
const (
	FaultReset         = "reset"          // the connection is reset after Bytes of the body, by default half of it
	FaultTruncate      = "truncate"       // the body, mostly gzip, ends after Bytes, by default half of it, as if that were all
	FaultDrip          = "drip"           // the body comes in pieces of Bytes (64), Delay (100ms) apart
	FaultDelay         = "delay"          // the answer is held back for Delay
	FaultHTML          = "html"           // a web page of the front door with Status (502)
	FaultStatus        = "status"         // an error with Status (503), Code, Message and RetryAfter
	FaultLinkHost      = "link-host"      // the link to the next page or delta leads to Host (attacker.example)
	FaultLinkLoop      = "link-loop"      // the link to the next page or delta leads back to this one
	FaultDuplicatePage = "duplicate-page" // the same, by default once: rows come twice
	FaultEmptyPage     = "empty-page"     // a page after the first holds no rows and leads to the one that does; by default once
	FaultDate          = "date"           // the Date header is wrong by Delay
	FaultRemoveColumn  = "remove-column"  // Column of Table is removed just before, by default once
	FaultTimeout       = "timeout"        // the query took too long: the code says why, by the query
	FaultThrottleQuery = "throttle-query" // the query costs too much, with Status (503) and RetryAfter; the code says why
	FaultRemoveTable   = "remove-table"   // Table is removed just before, by default once
)

var faultKinds = []string{
	FaultReset, FaultTruncate, FaultDrip, FaultDelay, FaultHTML, FaultStatus, FaultLinkHost, FaultLinkLoop, FaultDuplicatePage, FaultEmptyPage, FaultDate, FaultRemoveColumn, FaultRemoveTable,
	FaultTimeout, FaultThrottleQuery,
}

// FaultKinds returns all kinds of faults.
func FaultKinds() []string { return slices.Clone(faultKinds) }

// Fault is something that goes wrong with answers. When several faults could
// strike a request, the one added first does.
type Fault struct {
	ID   int    `json:"id"`   // given by Sandbox.Fault
	Kind string `json:"kind"` // FaultReset and so on

	// Which requests: those whose path and query contain Path ("" means all to
	// the Web API), with that Method ("" means any).
	Path   string `json:"path,omitempty"`
	Method string `json:"method,omitempty"`

	After       int     `json:"after,omitempty"`       // how many of them are let pass first
	Count       int     `json:"count,omitempty"`       // how many are struck; 0 means all
	Probability float64 `json:"probability,omitempty"` // of those, how many of 1; 0 means all
	Seed        uint64  `json:"seed,omitempty"`        // decides which, with Probability

	Status     int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds; 0 leaves the header out
	Bytes      int    `json:"bytes,omitempty"`
	Delay      Span   `json:"delay,omitempty"`
	Host       string `json:"host,omitempty"`
	Table      string `json:"table,omitempty"`
	Column     string `json:"column,omitempty"`

	Seen   int `json:"seen"`   // requests it was held against
	Struck int `json:"struck"` // and struck
}

// Fault makes something go wrong from now on, until Count requests were struck
// or RemoveFault is called with the id that it returns. It fails for an unknown
// kind, when f lacks what its kind needs, and when a member is out of range.
func (s *Sandbox) Fault(f Fault) (id int, err error) {
	if err := f.check(s.active().snapshot()); err != nil {
		return 0, err
	}
	once := []string{FaultDuplicatePage, FaultEmptyPage, FaultRemoveColumn, FaultRemoveTable}
	if f.Count == 0 && slices.Contains(once, f.Kind) {
		f.Count = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastFault++
	f.ID, f.Seen, f.Struck = s.lastFault, 0, 0
	s.troubles = append(s.troubles, &f)
	return f.ID, nil
}

// check says what is wrong with a fault. The rows are those of which it takes
// something away.
func (f *Fault) check(d *dataset) error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("sandbox: there is no fault of the kind %q; there are %s", f.Kind, strings.Join(faultKinds, ", "))
	}
	removes := f.Kind == FaultRemoveColumn || f.Kind == FaultRemoveTable
	switch {
	case f.Kind == FaultDelay && f.Delay <= 0:
		return errors.New("sandbox: the fault delay needs a delay, how long answers are held back")
	case f.Kind == FaultDate && f.Delay == 0:
		return errors.New("sandbox: the fault date needs a delay, how far off the Date header is")
	case removes && f.Table == "":
		return fmt.Errorf("sandbox: the fault %s needs a table", f.Kind)
	case f.Kind == FaultRemoveColumn && f.Column == "":
		return fmt.Errorf("sandbox: the fault %s needs a column", f.Kind)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("sandbox: %d is no status of an answer; they are 200 to 599", f.Status)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("sandbox: a probability is 0 to 1, not %v", f.Probability)
	case f.After < 0 || f.Count < 0 || f.Bytes < 0 || f.RetryAfter < 0 || f.Delay < 0 && f.Kind != FaultDate:
		return errors.New("sandbox: a fault has a number below 0")
	}
	switch e := d.catalog.byName[f.Table]; {
	case f.Kind == FaultRemoveTable:
		return d.canLose(f.Table)
	case removes && e == nil:
		return fmt.Errorf("sandbox: there is no table %s", f.Table)
	case removes:
		return e.canLose(f.Column)
	}
	return nil
}

// RemoveFault removes a fault, or all with 0.
func (s *Sandbox) RemoveFault(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles = slices.DeleteFunc(s.troubles, func(f *Fault) bool { return id == 0 || f.ID == id })
}

// Faults returns the faults, with how many requests each has struck.
func (s *Sandbox) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Fault{}
	for _, f := range s.troubles {
		list = append(list, *f)
	}
	return list
}

// strike returns the fault that strikes a request.
func (s *Sandbox) strike(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address := r.URL.RequestURI()
	for _, f := range s.troubles {
		if f.Path == "" && !webAPI(r) || !strings.Contains(address, f.Path) || f.Method != "" && f.Method != r.Method {
			continue
		}
		f.Seen++
		if f.Seen <= f.After || f.Count > 0 && f.Struck >= f.Count ||
			f.Kind == FaultEmptyPage && !pageNumber.MatchString(address) ||
			f.Probability > 0 && float64(mix(f.Seed+uint64(f.Seen))>>11)/(1<<53) >= f.Probability {
			continue
		}
		f.Struck++
		return *f, true
	}
	return Fault{}, false
}

// suffer answers a request with the fault; next would answer it well.
func (s *Sandbox) suffer(f Fault, w *watched, r *http.Request, next http.HandlerFunc) {
	w.fault = f.Kind
	switch f.Kind {
	case FaultDelay:
		if sleep(r.Context(), time.Duration(f.Delay)) {
			next(w, r)
		}
		return
	case FaultRemoveColumn, FaultRemoveTable:
		remove := func() error { return s.active().RemoveTable(f.Table) }
		if f.Kind == FaultRemoveColumn {
			remove = func() error { return s.active().RemoveColumn(f.Table, f.Column) }
		}
		err := remove()
		if err != nil {
			s.log.Warn("the sandbox could not remove what a fault names", "table", f.Table, "column", f.Column, "error", err)
		}
		next(w, r)
		return
	case FaultEmptyPage:
		s.emptyPage(w, r, next)
		return
	case FaultDate:
		w.Header().Set("Date", time.Now().Add(time.Duration(f.Delay)).UTC().Format(http.TimeFormat))
		next(w, r)
		return
	case FaultHTML:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		f.retryAfter(w)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><center><h1>%[1]d %[2]s</h1></center><hr><center>Microsoft-Azure-Application-Gateway/v2</center></body></html>\r\n",
			status, http.StatusText(status))
		return
	case FaultTimeout, FaultThrottleQuery:
		f.retryAfter(w)
		e := f.slow(s.active().snapshot(), r)
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		w.WriteHeader(e.status)
		_, _ = w.Write(e.body(nil))
		return
	case FaultStatus:
		f.retryAfter(w)
		e := &fault{f.Status, f.Code, f.Message}
		if e.status == 0 {
			e.status = http.StatusServiceUnavailable
		}
		if e.code == "" {
			e.code = "0x80040216"
		}
		if e.message == "" {
			e.message = http.StatusText(e.status)
		}
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		w.WriteHeader(e.status)
		_, _ = w.Write(e.body(nil))
		return
	}
	links := f.Kind == FaultLinkHost || f.Kind == FaultLinkLoop || f.Kind == FaultDuplicatePage
	if links {
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding")
	}
	answer := &recorder{header: w.Header()}
	next(answer, r)
	body := answer.body.Bytes()
	if links {
		body = f.relink(s, r, body)
	}
	f.send(w, r, answer.status(), body)
}

func (f *Fault) retryAfter(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
}

var linkMember = regexp.MustCompile(`"@odata\.(nextLink|deltaLink)":"((?:[^"\\]|\\.)*)"`)

// relink changes the link to the next page. Those to the next delta are
// changed too, but for a page that comes twice.
func (f *Fault) relink(s *Sandbox, r *http.Request, body []byte) []byte {
	return linkMember.ReplaceAllFunc(body, func(m []byte) []byte {
		parts := linkMember.FindSubmatch(m)
		name, old := string(parts[1]), string(parts[2])
		switch f.Kind {
		case FaultDuplicatePage:
			if name != "nextLink" {
				return m
			}
		case FaultLinkHost:
			host := f.Host
			if host == "" {
				host = "attacker.example"
			}
			_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(old, "https://"), "http://"), "/")
			return append(append([]byte(`"@odata.`+name+`":"https://`+host+"/"), path...), '"')
		}
		return appendString([]byte(`"@odata.`+name+`":`), s.baseURL(r)+r.URL.RequestURI())
	})
}

// send sends a body as the fault says.
func (f *Fault) send(w *watched, r *http.Request, status int, body []byte) {
	cut := f.Bytes
	if cut <= 0 || cut > len(body) {
		cut = len(body) / 2
	}
	switch f.Kind {
	case FaultTruncate:
		body = body[:cut]
	case FaultReset:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body[:cut])
		_ = http.NewResponseController(w).Flush()
		reset(w)
		return
	case FaultDrip:
		w.WriteHeader(status)
		piece, pause := f.Bytes, time.Duration(f.Delay)
		if piece <= 0 {
			piece = 64
		}
		if pause <= 0 {
			pause = 100 * time.Millisecond
		}
		for p := range slices.Chunk(body, piece) {
			if _, err := w.Write(p); err != nil || http.NewResponseController(w).Flush() != nil || !sleep(r.Context(), pause) {
				return
			}
		}
		return
	}
	w.WriteHeader(status)
	_, _ = bytes.NewReader(body).WriteTo(w)
}

// reset ends the connection with a TCP reset rather than in good order.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, or no connection at all
		panic(http.ErrAbortHandler)
	}
	below := conn
	if t, ok := conn.(*tls.Conn); ok {
		below = t.NetConn()
	}
	if tcp, ok := below.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = below.Close()
}

// webAPI tells whether a request is to the Web API.
func webAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/data/") || r.URL.Path == "/api/data"
}
