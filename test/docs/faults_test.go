package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultRows is how many faults docs/faults.md goes through.
const faultRows = 30

// survived returns what is wrong with the tables of a page about faults: each
// of its n rows has a name of its own, says what happens and what Crosswalk
// does, and names tests that there are.
func survived(page string, tests map[string]bool, n int) (wrong []string) {
	seen := map[string]bool{}
	for _, m := range tableRow.FindAllStringSubmatch(page, -1) {
		cells := strings.Split(m[1], " | ")
		name, last := cells[0], cells[len(cells)-1]
		if last == "Tests" {
			continue
		}
		if len(cells) != 4 {
			wrong = append(wrong, fmt.Sprintf("%s has %d cells, want 4", name, len(cells)))
		}
		if seen[name] {
			wrong = append(wrong, name+" comes twice")
		}
		seen[name] = true
		proofs := testName.FindAllStringSubmatch(last, -1)
		if len(proofs) == 0 {
			wrong = append(wrong, "no test proves "+name)
		}
		for _, proof := range proofs {
			if !tests[proof[1]+"."+proof[2]] {
				wrong = append(wrong, fmt.Sprintf("%s: no test %s", name, proof[0]))
			}
		}
	}
	if len(seen) != n {
		wrong = append(wrong, fmt.Sprintf("%d faults, want %d", len(seen), n))
	}
	return wrong
}

// TestFaultsAreProved holds docs/faults.md against the tests of the module.
func TestFaultsAreProved(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range survived(string(page), tests(t), faultRows) {
		t.Errorf("docs/faults.md: %s", wrong)
	}
}

// TestSurvived checks that what is wrong with a page is found.
func TestSurvived(t *testing.T) {
	t.Parallel()
	const head = "# Page\n\n| Fault | What happens | What Crosswalk does | Tests |\n|---|---|---|---|\n"
	known := map[string]bool{"e2e.TestOne": true, "odata.FuzzTwo": true}
	for _, test := range []struct {
		name, rows string
		want       []string
	}{
		{"good", "| a | x | y | `e2e.TestOne`: all; `odata.FuzzTwo` |\n| b | x | y | `e2e.TestOne` |\n", nil},
		{"no such test", "| a | x | y | `e2e.TestOne`, `e2e.TestTwo` |\n| b | x | y | `TestOne` |\n", []string{"a: no test e2e.TestTwo", "b: no test TestOne"}},
		{"nothing proves it", "| a | x | y | by hand |\n| b | x | y | `e2e.TestOne` |\n", []string{"no test proves a"}},
		{"nothing is done", "| a | x | `e2e.TestOne` |\n| b | x | y | `e2e.TestOne` |\n", []string{"a has 3 cells, want 4"}},
		{"one twice", "| a | x | y | `e2e.TestOne` |\n| a | x | y | `e2e.TestOne` |\n", []string{"a comes twice", "1 faults, want 2"}},
		{"one too many", "| a | x | y | `e2e.TestOne` |\n| b | x | y | `e2e.TestOne` |\n| c | x | y | `e2e.TestOne` |\n", []string{"3 faults, want 2"}},
	} {
		if diff := cmp.Diff(test.want, survived(head+test.rows, known, 2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
