// Package docs checks what is written beside the code: what a page links to
// must be there, and so must the tests that it names.
package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// root is the folder of the module.
const root = "../.."

var (
	fence     = regexp.MustCompile("(?ms)^```.*?^```")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	linked    = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?[^)]*\)`)
	reference = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)`)
	attribute = regexp.MustCompile(`(?i)\b(?:src|href|srcset)\s*=\s*"([^"]*)"`)
	heading   = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.+?)[ \t]*$`)
)

// targets returns what a page in Markdown links to, in links, images and
// HTML, but not in examples of code.
func targets(page string) []string {
	page = fence.ReplaceAllString(page, "")
	page = codeSpan.ReplaceAllString(page, "")
	var all []string
	for _, pattern := range []*regexp.Regexp{linked, reference, attribute} {
		for _, m := range pattern.FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(strings.ToLower(m[0]), "srcset") {
				all = append(all, m[1])
				continue
			}
			for candidate := range strings.SplitSeq(m[1], ",") {
				if words := strings.Fields(candidate); len(words) > 0 {
					all = append(all, words[0])
				}
			}
		}
	}
	return all
}

// anchors returns the names by which the headings of a page can be linked.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		names[strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])] = true
	}
	return names
}

// broken says what is wrong with a link on the page at path, "" when nothing
// is or when it leads elsewhere.
func broken(t *testing.T, path, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "" || u.Host != "":
		return ""
	case strings.HasPrefix(u.Path, "/"):
		return "begins at the root of nothing"
	}
	file := path
	if u.Path != "" {
		file = filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path))
	}
	if at, err := filepath.Rel(root, file); err != nil || strings.HasPrefix(at, "..") {
		return "leaves the repository"
	}
	info, err := os.Stat(file)
	if err != nil {
		return "there is no such file"
	}
	if u.Fragment == "" || info.IsDir() || filepath.Ext(file) != ".md" {
		return ""
	}
	if !anchors(read(t, file))[u.Fragment] {
		return "there is no such heading"
	}
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinks(t *testing.T) {
	t.Parallel()
	pages := []string{filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		for _, target := range targets(read(t, path)) {
			if problem := broken(t, path, target); problem != "" {
				t.Errorf("%s links to %s: %s", strings.TrimPrefix(path, root+"/"), target, problem)
			}
		}
	}
	if n := len(targets(read(t, pages[0]))); n < 4 {
		t.Errorf("the README links to %d things, which are too few to be all", n)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	page := "See [a](a.md \"A\"), ![b](<b.png>) and [c][c].\n\n[c]: c.md#part\n" +
		"<picture><source srcset=\"d.png, e.png 2x\"><img alt=\"\" src=\"f.png\"></picture>\n" +
		"`[no](no.md)`\n\n```\n[no](no.md)\n```\n"
	want := []string{"a.md", "b.png", "c.md#part", "d.png", "e.png", "f.png"}
	if diff := cmp.Diff(want, targets(page)); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	page := filepath.Join(root, "README.md")
	for target, want := range map[string]string{
		"CONTRIBUTING.md":          "",
		"docs/adr":                 "",
		"https://example.com/none": "",
		"#licence":                 "",
		"CONTRIBUTING.md#changes":  "",
		"#nothing-of-the-kind":     "there is no such heading",
		"none.md":                  "there is no such file",
		"/README.md":               "begins at the root of nothing",
		"../secret.md":             "leaves the repository",
	} {
		if got := broken(t, page, target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
