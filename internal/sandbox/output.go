package sandbox

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// output is the body of an answer. It is filled by appending to buf and sent
// in pieces, compressed where the caller takes gzip. From the first piece on
// they are compressed and sent beside, so that an answer of many rows uses two
// processors; the ResponseWriter belongs to sending then, until close.
type output struct {
	buf    []byte
	w      io.Writer
	gzip   *gzip.Writer
	pieces chan []byte   // to send, nil until there is one
	spare  chan []byte   // sent
	sent   chan struct{} // closed when all is
	gone   atomic.Bool   // the caller is, and the rest need not be made
}

const (
	outputPiece = 64 << 10
	ahead       = 2 // pieces that wait while one is sent
)

var (
	buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 2*outputPiece)) }}
	zippers = sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is valid
		return z
	}}
)

// begin sets the headers of a good answer and returns its body.
func (c *call) begin() *output {
	h := c.w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; odata.metadata=minimal; odata.streaming=true")
	}
	if len(c.prefer.applied) > 0 {
		h.Set("Preference-Applied", strings.Join(c.prefer.applied, ","))
	}
	o := &output{buf: (*buffers.Get().(*[]byte))[:0], w: c.w}
	if acceptsGzip(c.r) && c.r.Method != http.MethodHead {
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
		o.gzip = zippers.Get().(*gzip.Writer)
		o.gzip.Reset(c.w)
		o.w = o.gzip
	}
	if c.status != 0 {
		c.w.WriteHeader(c.status)
	}
	return o
}

func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(line, ",") {
			name, q, _ := strings.Cut(strings.TrimSpace(item), ";")
			if (name == "gzip" || name == "*") && strings.TrimSpace(q) != "q=0" {
				return true
			}
		}
	}
	return false
}

// flush sends what was appended once it is a piece. It reports whether anybody
// still wants the rest.
func (o *output) flush() bool {
	if len(o.buf) < outputPiece {
		return true
	}
	if o.pieces == nil {
		o.pieces, o.spare, o.sent = make(chan []byte, ahead), make(chan []byte, ahead+1), make(chan struct{})
		for range ahead + 1 {
			o.spare <- *buffers.Get().(*[]byte)
		}
		go o.send()
	}
	o.pieces <- o.buf
	o.buf = (<-o.spare)[:0]
	return !o.gone.Load()
}

// send sends pieces until there are no more.
func (o *output) send() {
	defer close(o.sent)
	for piece := range o.pieces {
		o.write(piece)
		o.spare <- piece
	}
}

func (o *output) write(piece []byte) {
	if o.gone.Load() {
		return
	}
	if _, err := o.w.Write(piece); err != nil {
		o.gone.Store(true)
	}
}

// close sends the rest. An error of writing is the caller's who went away; it
// is not reported.
func (o *output) close() error {
	if o.pieces != nil {
		close(o.pieces)
		<-o.sent
		for range ahead + 1 {
			spare := <-o.spare
			buffers.Put(&spare)
		}
	}
	o.write(o.buf)
	if o.gzip != nil {
		_ = o.gzip.Close()
		zippers.Put(o.gzip)
	}
	buffers.Put(&o.buf)
	return nil
}
