package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// The content security policy of every page. Scripts come from files of our
// own only. Styles may be inline, since the component library writes some
// into the page; they cannot reach another host either.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const unbuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Crosswalk</title></head>
<body>
<h1>UI not built: make ui</h1>
<p>This program was built without its web console. Run <code>make ui</code>, which needs Node.js, and build it again.
The API and the command line work without it.</p>
</body>
</html>
`

type handler struct {
	files fs.FS
	mu    sync.Mutex
	cache map[string]*file
}

// file is one file as it is sent. Its fields are not changed once it is made.
type file struct {
	contentType   string
	etag          string
	plain, packed []byte // packed is the gzip form, nil when packing does not pay
}

// New serves the console built into files. Names under assets carry a hash of
// their content, so browsers may keep them for good; everything else is
// asked for again each time. It is safe for concurrent use.
func New(files fs.FS) http.Handler {
	return &handler{files: files, cache: map[string]*file{}}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cache-Control", "no-cache")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	f := h.load(name)
	switch {
	case f == nil && page(name, r):
		if f = h.load(index); f == nil {
			head.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(unbuilt)) // a client that went away needs no answer
			return
		}
	case f == nil:
		http.Error(w, "no such file", http.StatusNotFound)
		return
	case strings.HasPrefix(name, "assets/"):
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.send(w, r, f)
}

// page reports whether a path that names no file is a page of the console. A
// missing file must not become one: a browser would read it as the script or
// the picture it asked for.
func page(name string, r *http.Request) bool {
	first, _, _ := strings.Cut(name, "/")
	if first == "assets" || first == "api" || strings.HasPrefix(path.Base(name), ".") && name != "" {
		return false
	}
	return path.Ext(name) == "" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (h *handler) send(w http.ResponseWriter, r *http.Request, f *file) {
	head := w.Header()
	head.Set("Content-Type", f.contentType)
	body := f.plain
	etag := f.etag
	if f.packed != nil {
		head.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			head.Set("Content-Encoding", "gzip")
			body = f.packed
			etag += "-gzip"
		}
	}
	etag = `"` + etag + `"`
	head.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a client that went away needs no answer
}

// load returns the file with that name, or nil when there is none. Files are
// packed once, at their first use.
func (h *handler) load(name string) *file {
	if name == "" || strings.HasPrefix(path.Base(name), ".") {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.cache[name]; ok {
		return f
	}
	plain, err := fs.ReadFile(h.files, name)
	if err != nil {
		return nil // not cached: anybody can ask for any number of names
	}
	sum := sha256.Sum256(plain)
	f := &file{contentType: contentType(name), etag: hex.EncodeToString(sum[:12]), plain: plain}
	if p := pack(plain); len(p) < len(plain)*9/10 {
		f.packed = p
	}
	h.cache[name] = f
	return f
}

func pack(plain []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(plain) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// The types of what a build makes. The system's own table may lack or change
// them, and with nosniff a script of another type does not run.
var types = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".json":  "application/json",
	".woff2": "font/woff2",
	".txt":   "text/plain; charset=utf-8",
}

func contentType(name string) string {
	ext := path.Ext(name)
	if t, ok := types[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !ok || err == nil && weight > 0
		}
	}
	return false
}

// matches compares an If-None-Match header weakly (RFC 9110, section 13.1.2).
func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || part == etag {
			return true
		}
	}
	return false
}
