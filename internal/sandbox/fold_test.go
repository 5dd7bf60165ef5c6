package sandbox_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTextsAreFolded shows that texts are the same without regard to case,
// accents and, where they are compared as a whole, spaces at the end.
func TestTextsAreFolded(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for _, name := range []string{"zq Café", "zq cafe  ", "zq cafe\u0301", "zq cafes", "zq İ", "zq i"} {
		s.must(t, 204, "POST", "accounts", `{"name":"`+name+`"}`)
	}
	for filter, want := range map[string][]any{
		"name eq 'ZQ CAFE'":                    {"zq Café", "zq cafe  ", "zq cafe\u0301"},
		"name eq 'zq café '":                   {"zq Café", "zq cafe  ", "zq cafe\u0301"},
		"name eq 'zq i'":                       {"zq i", "zq İ"},
		"contains(name,'q CAFÉ')":              {"zq Café", "zq cafe  ", "zq cafes", "zq cafe\u0301"},
		"startswith(name,'zq c')":              {"zq Café", "zq cafe  ", "zq cafes", "zq cafe\u0301"},
		"endswith(name,'q cafe')":              {"zq Café", "zq cafe\u0301"},
		"endswith(name,'cafe  ')":              {"zq cafe  "},
		"contains(name,'zq c_f')":              {"zq Café", "zq cafe  ", "zq cafes", "zq cafe\u0301"},
		"name gt 'zq cafe' and name lt 'zq d'": {"zq cafes"},
	} {
		got := column(s.values(t, "accounts?$select=name&$filter="+url.PathEscape(filter)), "name")
		slices.SortFunc(got, func(a, b any) int {
			if a.(string) < b.(string) {
				return -1
			}
			return 1
		})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", filter, d)
		}
	}
}
