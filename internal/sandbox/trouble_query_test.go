package sandbox_test

import (
	"net/url"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestSlowQueries tells of each query why it is slow.
func TestSlowQueries(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 3, Contacts: 3})
	fetch := func(condition string) string {
		return "accounts?fetchXml=" + url.QueryEscape(`<fetch><entity name="account"><filter>`+condition+`</filter></entity></fetch>`)
	}
	type answer struct {
		status int
		code   string
		text   string
	}
	const timedOut, throttled = "The database operation timed out; this may be due to a ", "This query cannot be executed because it conflicts with Query Throttling; the query uses a "
	for path, want := range map[string][2]answer{
		"accounts?$filter=contains(name,'x')": {
			{400, "0x80048573", timedOut + "leading wildcard value being used"}, {503, "0x80048644", throttled + "leading wildcard value in a filter condition"},
		},
		"accounts?$filter=name ne null and not endswith(name,'x')":            {{400, "0x80048573", "leading wildcard"}, {503, "0x80048644", "leading wildcard"}},
		"accounts?$filter=startswith(name,'%25x')":                            {{400, "0x80048573", "leading wildcard"}, {503, "0x80048644", "leading wildcard"}},
		fetch(`<condition attribute="name" operator="like" value="%x"/>`):     {{400, "0x80048573", "leading wildcard"}, {503, "0x80048644", "leading wildcard"}},
		fetch(`<condition attribute="name" operator="ends-with" value="x"/>`): {{400, "0x80048573", "leading wildcard"}, {503, "0x80048644", "leading wildcard"}},
		"contacts?$filter=cra05_calculated1 ne null": {
			{400, "0x80048574", timedOut + "computed column being used"}, {503, "0x80048744", throttled + "computed column in a filter condition"},
		},
		"accounts?$filter=startswith(name,'x')":                           {{500, "0x80044151", "SQL timeout expired."}, {503, "0x80048544", "This query cannot be executed because it conflicts with query throttling."}},
		"accounts?$select=name":                                           {{500, "0x80044151", "SQL timeout"}, {503, "0x80048544", "query throttling"}},
		fetch(`<condition attribute="name" operator="like" value="x%"/>`): {{500, "0x80044151", "SQL timeout"}, {503, "0x80048544", "query throttling"}},
	} {
		for i, kind := range []string{sandbox.FaultTimeout, sandbox.FaultThrottleQuery} {
			s.fault(t, sandbox.Fault{Kind: kind, Count: 1, RetryAfter: 7})
			s.fails(t, want[i].status, want[i].code, want[i].text, "GET", path, "")
			s.must(t, 200, "GET", path, "")
		}
	}
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultThrottleQuery, Status: 429, RetryAfter: 7})
	if a, _ := s.send(t, "GET", "accounts", ""); a.StatusCode != 429 || a.Header.Get("Retry-After") != "7" {
		t.Error(a.Status, a.Header)
	}
}
