package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

var switchRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// TestSwitches holds the switches that docs/sandbox.md lists against those of
// the sandbox.
func TestSwitches(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "sandbox.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n### Behaviours that are not known\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var listed, there []string
	for _, m := range switchRow.FindAllStringSubmatch(section, -1) {
		listed = append(listed, m[1])
	}
	for _, s := range sandbox.Switches() {
		there = append(there, s.Name)
	}
	if diff := cmp.Diff(there, listed); diff != "" {
		t.Errorf("docs/sandbox.md: switches (-there +listed):\n%s", diff)
	}
}
