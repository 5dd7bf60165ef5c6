package sandbox_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestTop cuts $top at 5,000 rows, and does not let it and a page size add up.
func TestTop(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 5200})
	for _, c := range []struct {
		query, prefer string
		rows          int
		more          bool
		applied       string
	}{
		{"$top=3", "", 3, false, ""},
		{"$top=5000", "", 5000, false, ""},
		{"$top=9000", "", 5000, false, ""},
		{"$top=0", "", 0, false, ""},
		{"$top=3", "odata.maxpagesize=10", 3, false, "odata.maxpagesize=10"},
		{"$top=30", "odata.maxpagesize=10", 10, true, "odata.maxpagesize=10"},
		{"", "odata.maxpagesize=9000", 5000, true, "odata.maxpagesize=5000"},
		{"", "odata.maxpagesize=0", 5000, true, ""},
	} {
		a := s.do(t, "accounts?$select=accountid&"+c.query, "Prefer", c.prefer)
		applied := a.Header.Get("Preference-Applied")
		page := s.decode(t, "accounts?$select=accountid&"+c.query, "Prefer", c.prefer)
		_, more := page["@odata.nextLink"]
		if n := len(page["value"].([]any)); n != c.rows || more != c.more || applied != c.applied {
			t.Errorf("%q, %q: %d rows, more %v, applied %q", c.query, c.prefer, n, more, applied)
		}
	}
}
