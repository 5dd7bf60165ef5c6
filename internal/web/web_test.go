package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/crosswalk-data/crosswalk/internal/web"
	"github.com/google/go-cmp/cmp"
)

var site = fstest.MapFS{
	"index.html":        {Data: []byte("<!doctype html><title>Console</title>")},
	"favicon.svg":       {Data: []byte("<svg/>")},
	"color-scheme.js":   {Data: []byte("// scheme")},
	"assets/app-1a.js":  {Data: []byte(strings.Repeat("console.log('crosswalk');\n", 200))},
	"assets/font.woff2": {Data: []byte("font")},
	".gitkeep":          {Data: []byte("")},
}

const kept = "public, max-age=31536000, immutable"

func get(t *testing.T, h http.Handler, method, path string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	t.Parallel()
	h := web.New(site)
	html := "text/html; charset=utf-8"
	tests := []struct {
		path, accept string
		status       int
		contentType  string
		cache        string
	}{
		{path: "/", status: 200, contentType: html, cache: "no-cache"},
		{path: "/index.html", status: 200, contentType: html, cache: "no-cache"},
		{path: "/connections?authorized=1", status: 200, contentType: html, cache: "no-cache"},
		{path: "/runs/0197-abc", status: 200, contentType: html, cache: "no-cache"},
		{path: "/objects/My.Object", accept: "text/html,*/*", status: 200, contentType: html, cache: "no-cache"},
		{path: "/favicon.svg", status: 200, contentType: "image/svg+xml", cache: "no-cache"},
		{path: "/color-scheme.js", status: 200, contentType: "text/javascript; charset=utf-8", cache: "no-cache"},
		{path: "/assets/app-1a.js", status: 200, contentType: "text/javascript; charset=utf-8", cache: kept},
		{path: "/assets/font.woff2", status: 200, contentType: "font/woff2", cache: kept},
		{path: "/assets/../index.html", status: 200, contentType: html, cache: "no-cache"},
		{path: "/assets/app-of-last-week.js", accept: "text/html", status: 404, contentType: "text/plain; charset=utf-8", cache: "no-cache"},
		{path: "/assets", status: 404, contentType: "text/plain; charset=utf-8", cache: "no-cache"},
		{path: "/missing.png", status: 404, contentType: "text/plain; charset=utf-8", cache: "no-cache"},
		{path: "/.gitkeep", accept: "text/html", status: 404, contentType: "text/plain; charset=utf-8", cache: "no-cache"},
		{path: "/api/nothing", status: 404, contentType: "text/plain; charset=utf-8", cache: "no-cache"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			res := get(t, h, http.MethodGet, tt.path, map[string]string{"Accept": tt.accept})
			got := []any{res.StatusCode, res.Header.Get("Content-Type"), res.Header.Get("Cache-Control")}
			if diff := cmp.Diff([]any{tt.status, tt.contentType, tt.cache}, got); diff != "" {
				t.Errorf("answer differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, files := range []fstest.MapFS{site, {}} {
		res := get(t, web.New(files), http.MethodGet, "/", nil)
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("the content security policy %q lacks %q", csp, want)
			}
		}
		if strings.Contains(strings.SplitN(csp, "style-src", 2)[0], "unsafe") {
			t.Errorf("the content security policy %q allows unsafe scripts", csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

func TestPackedAndRepeated(t *testing.T) {
	t.Parallel()
	h := web.New(site)
	plain := get(t, h, http.MethodGet, "/assets/app-1a.js", nil)
	packed := get(t, h, http.MethodGet, "/assets/app-1a.js", map[string]string{"Accept-Encoding": "br, GZIP;q=0.8"})
	if got := packed.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding is %q, want gzip", got)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(body(t, plain), string(unpacked)); diff != "" {
		t.Errorf("packed content differs (-plain +packed):\n%s", diff)
	}
	if a, b := plain.Header.Get("ETag"), packed.Header.Get("ETag"); a == b || a == "" {
		t.Errorf("ETags of both forms must differ: %q and %q", a, b)
	}
	for _, refused := range []string{"", "identity", "gzip;q=0", "br"} {
		res := get(t, h, http.MethodGet, "/assets/app-1a.js", map[string]string{"Accept-Encoding": refused})
		if got := res.Header.Get("Content-Encoding"); got != "" {
			t.Errorf("Accept-Encoding %q got Content-Encoding %q", refused, got)
		}
	}

	again := get(t, h, http.MethodGet, "/", map[string]string{"If-None-Match": `"other", W/` + get(t, h, http.MethodGet, "/", nil).Header.Get("ETag")})
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("an unchanged page was sent again with status %d", again.StatusCode)
	}
	changed := get(t, h, http.MethodGet, "/", map[string]string{"If-None-Match": `"other"`})
	if changed.StatusCode != http.StatusOK {
		t.Errorf("a changed page got status %d", changed.StatusCode)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h := web.New(site)
	head := get(t, h, http.MethodHead, "/", nil)
	if head.StatusCode != http.StatusOK || body(t, head) != "" || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD got status %d, a body or no length", head.StatusCode)
	}
	post := get(t, h, http.MethodPost, "/", nil)
	if post.StatusCode != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST got status %d and Allow %q", post.StatusCode, post.Header.Get("Allow"))
	}
}

func TestUnbuilt(t *testing.T) {
	t.Parallel()
	res := get(t, web.New(fstest.MapFS{".gitkeep": {}}), http.MethodGet, "/connections", nil)
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status is %d, want 503", res.StatusCode)
	}
	if got := body(t, res); !strings.Contains(got, "UI not built: make ui") {
		t.Errorf("the page does not say how to build the console:\n%s", got)
	}
}

// TestEmbedded looks at the console in this very binary. Continuous
// integration must have a real one.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	res := get(t, web.Handler(), http.MethodGet, "/", nil)
	page := body(t, res)
	if !web.Built() {
		if os.Getenv("CI") == "true" {
			t.Fatal("the console is not built; run: make ui")
		}
		if !strings.Contains(page, "UI not built") {
			t.Errorf("without a build the page must say so, got:\n%s", page)
		}
		return
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(page, `<div id="root">`) {
		t.Fatalf("status %d, page:\n%s", res.StatusCode, page)
	}
	// The policy forbids inline scripts, so the page must not hold any.
	for _, tag := range strings.Split(page, "<script")[1:] {
		attrs, content, _ := strings.Cut(tag, ">")
		if !strings.Contains(attrs, "src=") || !strings.HasPrefix(content, "</script>") {
			t.Errorf("the page has an inline script: <script%s", tag)
		}
		_, src, _ := strings.Cut(attrs, `src="`)
		src, _, _ = strings.Cut(src, `"`)
		if got := get(t, web.Handler(), http.MethodGet, src, nil); got.StatusCode != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/javascript") {
			t.Errorf("script %s got status %d and type %s", src, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
}
