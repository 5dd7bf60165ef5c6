package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRejectCodes holds the page about mappings against the reasons there
// are: each is explained, and none that does not exist.
func TestRejectCodes(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	codes := map[string]bool{}
	for _, m := range regexp.MustCompile(`RejectCode = "([a-z_]+)"`).FindAllStringSubmatch(read("reject.go"), -1) {
		codes[m[1]] = true
	}
	if len(codes) == 0 {
		t.Fatal("reject.go names no codes")
	}
	_, section, ok := strings.Cut(read("docs/mapping.md"), "\n## Rejects\n")
	if !ok {
		t.Fatal("docs/mapping.md has no section about rejects")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	explained := map[string]bool{}
	for line := range strings.Lines(section) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(first, -1) {
			explained[m[1]] = true
			if strings.HasPrefix(line, "|") && !codes[m[1]] {
				t.Errorf("docs/mapping.md explains %s, which is no code", m[1])
			}
		}
	}
	for code := range codes {
		if !explained[code] {
			t.Errorf("docs/mapping.md does not explain %s", code)
		}
	}
}
