package connector_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/connector"
)

// Another site's address after the sign-in is not followed, in whatever way
// it is written.
func TestLocalPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                      "/connections",
		"/jobs?x=1":             "/jobs?x=1",
		"/connections/1#tab":    "/connections/1#tab",
		"//evil.example":        "/connections",
		`/\evil.example`:        "/connections",
		`\\evil.example`:        "/connections",
		"/\t/evil.example":      "/connections",
		"/a//evil.example":      "/connections",
		"https://evil.example":  "/connections",
		"javascript:alert(1)":   "/connections",
		"evil.example/path":     "/connections",
		"/%zz":                  "/connections",
		"@evil.example":         "/connections",
		"/path\r\nSet-Cookie:x": "/connections",
	} {
		if got := connector.LocalPath(path); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
}
