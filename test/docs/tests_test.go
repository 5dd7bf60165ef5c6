package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// traps is how many of them the page about the sandbox goes through.
const traps = 39

var (
	packageClause = regexp.MustCompile(`(?m)^package (\w+)`)
	testFunction  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	testName      = regexp.MustCompile(`(?:\b(\w+)\.)?\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)`)
	tableRow      = regexp.MustCompile(`(?m)^\| (.+) \|$`)
	uncovered     = regexp.MustCompile(`(?i)\bnot (?:covered|there)\b`)
)

// tests returns the tests of the module as package.Name.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		clause := packageClause.FindSubmatch(text)
		if clause == nil {
			return fmt.Errorf("%s has no package clause", path)
		}
		name := strings.TrimSuffix(string(clause[1]), "_test")
		for _, m := range testFunction.FindAllSubmatch(text, -1) {
			found[name+"."+string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// coverage returns what is wrong with the tables of a page that say which
// tests cover what: traps go from 1 to n, and each row of the part under
// "What covers what" names tests that there are, or says that none does.
func coverage(page string, tests map[string]bool, n int) (faults []string) {
	for _, m := range testName.FindAllStringSubmatch(page, -1) {
		if !tests[m[1]+"."+m[2]] {
			faults = append(faults, "no test "+m[0])
		}
	}
	next := 1
	_, tables, _ := strings.Cut(page, "\n## What covers what\n")
	for _, m := range tableRow.FindAllStringSubmatch(tables, -1) {
		cells := strings.Split(m[1], " | ")
		last := cells[len(cells)-1]
		if last == "Tests" {
			continue
		}
		if !testName.MatchString(last) && !uncovered.MatchString(last) {
			faults = append(faults, "nothing covers "+cells[len(cells)-2])
		}
		if len(cells) == 3 {
			if number, err := strconv.Atoi(cells[0]); err != nil || number != next {
				faults = append(faults, fmt.Sprintf("trap %s where %d should be", cells[0], next))
			}
			next++
		}
	}
	if next != n+1 {
		faults = append(faults, fmt.Sprintf("%d traps, want %d", next-1, n))
	}
	return faults
}

// TestCoverage holds the tests that docs/sandbox.md names against those of the
// module, and its traps against their number.
func TestCoverage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "sandbox.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range coverage(string(page), tests(t), traps) {
		t.Errorf("docs/sandbox.md: %s", fault)
	}
}

// TestCoverageFaults checks that the faults of a page are found.
func TestCoverageFaults(t *testing.T) {
	t.Parallel()
	const head = "# Page\n\n| a | b |\n|---|---|\n| x | y |\n\n## What covers what\n\n| No. | Trap | Tests |\n|---|---|---|\n"
	known := map[string]bool{"sandbox.TestOne": true, "oauth.FuzzTwo": true}
	for _, test := range []struct {
		name, rows string
		want       []string
	}{
		{"good", "| 1 | a | `sandbox.TestOne`, `oauth.FuzzTwo` |\n| 2 | b | Not there |\n\n| Behaviour | Tests |\n|---|---|\n| c | `sandbox.TestOne`; the rest: not covered |\n", nil},
		{"no such test", "| 1 | a | `sandbox.TestTwo` |\n| 2 | b | `oauth.TestOne` |\n", []string{"no test sandbox.TestTwo", "no test oauth.TestOne"}},
		{"no package", "| 1 | a | `TestOne` |\n| 2 | b | not covered |\n", []string{"no test TestOne"}},
		{"nothing said", "| 1 | a | yes |\n| 2 | b | not covered |\n", []string{"nothing covers a"}},
		{"one left out", "| 2 | b | not covered |\n", []string{"trap 2 where 1 should be", "1 traps, want 2"}},
		{"one too many", "| 1 | a | not there |\n| 2 | b | not covered |\n| 3 | c | not there |\n", []string{"3 traps, want 2"}},
	} {
		if diff := cmp.Diff(test.want, coverage(head+test.rows, known, 2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
