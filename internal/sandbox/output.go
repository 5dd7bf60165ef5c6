package sandbox

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// output is the body of an answer. It is filled by appending to buf and sent
// in pieces, compressed where the caller takes gzip.
type output struct {
	buf  []byte
	w    io.Writer
	gzip *gzip.Writer
	err  error
}

const outputPiece = 64 << 10

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

// flush sends what was appended once it is a piece.
func (o *output) flush() {
	if len(o.buf) >= outputPiece {
		o.write()
	}
}

func (o *output) write() {
	if o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// close sends the rest. An error of writing is the caller's who went away; it
// is not reported.
func (o *output) close() error {
	o.write()
	if o.gzip != nil {
		_ = o.gzip.Close()
		zippers.Put(o.gzip)
	}
	buffers.Put(&o.buf)
	return nil
}
