package sandbox_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestRequestLog searches the log of requests.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	s.must(t, 200, "GET", "accounts?$select=name&$top=1", "", "Prefer", `odata.maxpagesize=10,odata.include-annotations="*"`)
	s.must(t, 204, "POST", "accounts", `{"name":"x"}`, "If-None-Match", "*")
	long := "accounts?$top=1&$filter=" + url.QueryEscape("name ne '"+strings.Repeat("x", 5000)+"'")
	s.must(t, 200, "GET", long, "")
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultStatus, Count: 1})
	s.must(t, 503, "GET", "contacts", "")

	all := s.Requests(sandbox.RequestFilter{})
	if len(all) != 4 {
		t.Fatalf("%d requests", len(all))
	}
	for _, r := range all {
		if got := r.Header.Get("Authorization"); got != "Bearer …" || !r.Authorized {
			t.Errorf("the log keeps %q", got)
		}
		if r.Length != len(r.URL) || r.Header.Get("Host") != strings.TrimPrefix(s.url, "http://") {
			t.Errorf("%d of %s, %s", r.Length, r.URL, r.Header)
		}
	}
	if got := all[0].Header.Get("Prefer"); got != `odata.maxpagesize=10,odata.include-annotations="*"` {
		t.Errorf("%q", got)
	}
	for query, want := range map[string]string{
		"":                                 "1 2 3 4",
		"?after=2":                         "3 4",
		"?path=contacts":                   "4",
		"?method=post":                     "2",
		"?status=503":                      "4",
		"?fault=status":                    "4",
		"?length=5000":                     "3",
		"?header=prefer":                   "1",
		"?header=Prefer:MaxPageSize":       "1",
		"?header=Prefer:+track":            "",
		"?header=If-None-Match":            "2",
		"?header=Authorization:Bearer":     "1 2 3 4",
		"?header=Authorization:" + token:   "",
		"?path=accounts&method=GET&status": "1 3",
	} {
		var got []sandbox.Request
		s.control(t, 200, "GET", "requests"+query, "", &got)
		var numbers []string
		for _, r := range got {
			numbers = append(numbers, string(rune('0'+r.Number)))
		}
		if strings.Join(numbers, " ") != want {
			t.Errorf("requests%s are %s, want %s", query, numbers, want)
		}
	}
	s.control(t, 400, "GET", "requests?status=busy", "", nil)
	s.control(t, 400, "GET", "requests?paht=contacts", "", nil)
	s.ForgetRequests()
	if left := s.Requests(sandbox.RequestFilter{}); len(left) != 0 {
		t.Error(left)
	}
}

// TestSpan reads what it printed.
func TestSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"8d": "8d", "192h": "8d", "0s": "0s", "20m": "20m", "1h": "1h", "10m": "10m", "90s": "1m30s", "250ms": "250ms", "-2d": "-2d", "1h0m5s": "1h0m5s", "100h": "100h",
	} {
		var s, again sandbox.Span
		must(t, s.UnmarshalText([]byte(text)))
		if s.String() != want {
			t.Errorf("%s prints as %s, want %s", text, s, want)
		}
		if must(t, again.UnmarshalText([]byte(s.String()))); again != s {
			t.Errorf("%s reads as %s", s, again)
		}
	}
}
