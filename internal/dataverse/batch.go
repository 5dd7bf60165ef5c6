package dataverse

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Dataverse refuses addresses over 32,768 characters, but takes up to 65,536
// inside a batch. Both limits leave a margin for proxies in between.
const (
	maxURL      = 32_000
	maxBatchURL = 65_000
)

// maxBatchHead is how long the head of an answer inside of a batch may be.
const maxBatchHead = 64 << 10

// errLongAddress reports an address that even a batch cannot hold.
var errLongAddress = errors.New("the address is too long")

// batcher sends a request whose address is too long as the only operation of
// a batch, and makes the answer look as if it had come directly.
type batcher struct{ next http.RoundTripper }

func (b *batcher) RoundTrip(req *http.Request) (*http.Response, error) {
	switch n := len(req.URL.String()); {
	case req.Method != http.MethodGet || n <= maxURL:
		return b.next.RoundTrip(req)
	case n > maxBatchURL:
		return nil, errLongAddress
	}
	resp, err := b.next.RoundTrip(batched(req))
	if err != nil {
		return nil, err
	}
	return unbatched(resp)
}

// batched wraps a request into a batch.
func batched(req *http.Request) *http.Request {
	boundary := "batch_" + rand.Text()
	var body bytes.Buffer
	line := func(parts ...string) {
		for _, p := range parts {
			body.WriteString(p)
		}
		body.WriteString("\r\n")
	}
	line("--", boundary)
	line("Content-Type: application/http")
	line("Content-Transfer-Encoding: binary")
	line()
	line("GET ", req.URL.RequestURI(), " HTTP/1.1")
	for _, name := range []string{"Accept", "If-None-Match", "Odata-Maxversion", "Odata-Version", "Prefer"} {
		if v := req.Header.Get(name); v != "" {
			line(name, ": ", v)
		}
	}
	line()
	line()
	line("--", boundary, "--")

	u := *req.URL
	u.Path, u.RawPath, u.RawQuery, u.Fragment = apiRoot(u.Path)+"$batch", "", "", ""
	outer := req.Clone(req.Context())
	outer.Method, outer.URL = http.MethodPost, &u
	outer.Header.Set("Content-Type", `multipart/mixed; boundary="`+boundary+`"`)
	outer.Header.Set("Prefer", "odata.continue-on-error")
	outer.Header.Del("If-None-Match")
	outer.Body, outer.ContentLength = io.NopCloser(&body), int64(body.Len())
	return outer
}

// apiRoot returns the first three elements of a path, up to the API's version.
func apiRoot(path string) string {
	if parts := strings.SplitAfterN(path, "/", 5); len(parts) == 5 {
		return strings.Join(parts[:4], "")
	}
	return apiPath
}

// unbatched unwraps the answer to the only request of a batch. An answer that is
// not a batch is returned as it is.
func unbatched(resp *http.Response) (*http.Response, error) {
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		return resp, nil
	}
	body, done, err := inflate(resp)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	one, err := onlyAnswer(resp, body, params["boundary"])
	if err != nil {
		done()
		resp.Body.Close()
		return nil, err
	}
	one.Body = &batchBody{Reader: one.Body, done: done, rest: body, outer: resp.Body}
	return one, nil
}

// onlyAnswer reads the head of the first answer of a batch.
func onlyAnswer(resp *http.Response, body io.Reader, boundary string) (*http.Response, error) {
	part, err := multipart.NewReader(body, boundary).NextRawPart()
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	head := &io.LimitedReader{R: part, N: maxBatchHead}
	buffered := bufio.NewReader(head)
	lines := textproto.NewReader(buffered)
	first, err := lines.ReadLine()
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	protocol, status, _ := strings.Cut(first, " ")
	status, _, _ = strings.Cut(status, " ")
	code, err := strconv.Atoi(status)
	if err != nil || !strings.HasPrefix(protocol, "HTTP/") || code < 100 || code > 999 {
		return nil, &garbled{fmt.Errorf("an answer inside of a batch that begins %.40q", first)}
	}
	inner, err := lines.ReadMIMEHeader()
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	head.N = math.MaxInt64
	one := *resp
	one.StatusCode, one.Status, one.ContentLength = code, status, -1
	one.Header = resp.Header.Clone()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length", "Preference-Applied"} {
		one.Header.Del(name)
	}
	for name, values := range inner {
		one.Header[name] = values
	}
	one.Header.Del("Content-Encoding") // an answer inside of a batch has none of its own
	one.Body = io.NopCloser(buffered)
	return &one, nil
}

// batchBody is the body of an answer inside of a batch.
type batchBody struct {
	io.Reader
	done  func()
	rest  io.Reader // behind the answer
	outer io.Closer
}

func (b *batchBody) Close() error {
	_, _ = io.CopyN(io.Discard, b.rest, 4<<10) // so that the connection can be used again
	b.done()
	return b.outer.Close()
}
