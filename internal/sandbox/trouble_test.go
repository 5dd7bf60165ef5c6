package sandbox_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// fault adds a fault to a sandbox.
func (s *server) fault(t testing.TB, f sandbox.Fault) int {
	t.Helper()
	id, err := s.Fault(f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestFaultStatus(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultHTML, Count: 1})
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultStatus, Count: 2, RetryAfter: 7, Path: "/accounts"})
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultStatus, Status: 429, Code: "0x80072322", Message: "slow down", After: 1, Count: 1, Method: "GET"})
	a, body := s.send(t, "GET", "accounts", "")
	if a.StatusCode != 502 || !strings.Contains(body, "<h1>502 Bad Gateway</h1>") || a.Header.Get("Content-Type") != "text/html" {
		t.Error(a.Status, body)
	}
	for range 2 {
		if a, _ := s.send(t, "GET", "accounts", ""); a.StatusCode != 503 || a.Header.Get("Retry-After") != "7" {
			t.Error(a.Status, a.Header)
		}
	}
	s.must(t, 200, "GET", "accounts?$top=1", "")
	s.fails(t, 429, "0x80072322", "slow down", "GET", "WhoAmI()", "")
	s.must(t, 200, "GET", "WhoAmI()", "")
	for _, f := range s.Faults() {
		if f.Count != f.Struck {
			t.Errorf("%+v", f)
		}
	}
	if _, err := s.Fault(sandbox.Fault{Kind: "rain"}); err == nil {
		t.Error("no such fault, and no error")
	}
	r := s.Requests(sandbox.RequestFilter{Path: "/accounts"})
	if len(r) != 4 || r[0].Status != 502 || r[0].Fault != sandbox.FaultHTML || r[1].RetryAfter != "7" || r[3].Fault != "" || r[3].Bytes == 0 {
		t.Errorf("%+v", r)
	}
}

// TestFaultRefused adds faults that could not strike.
func TestFaultRefused(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for _, test := range []struct{ fault, want string }{
		{`{"kind":"rain"}`, `there is no fault of the kind`},
		{`{"kind":"remove-column"}`, "the fault remove-column needs a table"},
		{`{"kind":"remove-column","table":"account"}`, "the fault remove-column needs a column"},
		{`{"kind":"remove-column","table":"acount","column":"fax"}`, "there is no table acount"},
		{`{"kind":"remove-column","table":"account","column":"tax"}`, "account has no column tax"},
		{`{"kind":"remove-table"}`, "the fault remove-table needs a table"},
		{`{"kind":"remove-table","table":"acount"}`, "there is no table acount"},
		{`{"kind":"remove-table","table":"systemuser"}`, "no organization is without"},
		{`{"kind":"remove-column","table":"account","column":"accountid"}`, "account cannot be without its column accountid"},
		{`{"kind":"delay"}`, "the fault delay needs a delay"},
		{`{"kind":"delay","delay":"-1s"}`, "the fault delay needs a delay"},
		{`{"kind":"date"}`, "the fault date needs a delay"},
		{`{"kind":"drip","delay":"-1s"}`, "a number below 0"},
		{`{"kind":"status","status":99}`, "99 is no status"},
		{`{"kind":"html","status":1000}`, "1000 is no status"},
		{`{"kind":"status","probability":1.5}`, "a probability is 0 to 1"},
		{`{"kind":"status","count":-1}`, "a number below 0"},
		{`{"kind":"truncate","bytes":-1}`, "a number below 0"},
	} {
		a, body := s.send(t, "POST", s.url+"/sandbox/faults", test.fault)
		if a.StatusCode != 400 || !strings.Contains(body, test.want) {
			t.Errorf("%s: %s %s, want %s", test.fault, a.Status, body, test.want)
		}
	}
	if got := s.Faults(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestFaultProbability(t *testing.T) {
	t.Parallel()
	statuses := func() string {
		s := start(t, small)
		s.fault(t, sandbox.Fault{Kind: sandbox.FaultStatus, Probability: 0.5, Seed: 3})
		var b strings.Builder
		for range 40 {
			a, _ := s.send(t, "GET", "WhoAmI()", "")
			b.WriteByte("x.."[a.StatusCode/200-1])
		}
		return b.String()
	}
	a := statuses()
	if n := strings.Count(a, "."); n < 10 || n > 30 || a != statuses() {
		t.Errorf("%d of 40 struck: %s", n, a)
	}
}

func TestFaultBodies(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	raw := func() (*http.Response, []byte, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/data/v9.2/accounts?$select=name", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept-Encoding", "gzip")
		a, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, nil, err
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		return a, b, err
	}
	_, whole, err := raw()
	if err != nil {
		t.Fatal(err)
	}
	id := s.fault(t, sandbox.Fault{Kind: sandbox.FaultTruncate})
	a, body, err := raw()
	if err != nil || a.Header.Get("Content-Encoding") != "gzip" || len(body) == 0 || len(body) > len(whole)*2/3 {
		t.Errorf("%d of %d bytes, %v", len(body), len(whole), err)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		_, err = io.Copy(io.Discard, z)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("inflated: %v", err)
	}
	s.RemoveFault(id)
	id = s.fault(t, sandbox.Fault{Kind: sandbox.FaultReset, Bytes: 100})
	if _, body, err = raw(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	s.RemoveFault(id)
	id = s.fault(t, sandbox.Fault{Kind: sandbox.FaultDrip, Bytes: 4000, Delay: sandbox.Span(20 * time.Millisecond)})
	began := time.Now()
	if _, body, err = raw(); err != nil || !bytes.Equal(body, whole) || time.Since(began) < 40*time.Millisecond {
		t.Errorf("%d of %d bytes in %s, %v", len(body), len(whole), time.Since(began), err)
	}
	s.RemoveFault(id)
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultDate, Delay: sandbox.Span(-48 * time.Hour)})
	a, _, err = raw()
	if err != nil {
		t.Fatal(err)
	}
	if at, err := http.ParseTime(a.Header.Get("Date")); err != nil || time.Since(at) < 47*time.Hour {
		t.Error(at, err)
	}
}

func TestFaultLinks(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	const path = "accounts?$select=name"
	const prefer = "odata.maxpagesize=100"
	link := func(path string) (first, next string) {
		page := s.decode(t, path, "Prefer", prefer)
		next, _ = page["@odata.nextLink"].(string)
		return page["value"].([]any)[0].(map[string]any)["accountid"].(string), strings.Replace(next, "https://org.crm.dynamics.com", s.url, 1)
	}
	first, good := link(path)
	id := s.fault(t, sandbox.Fault{Kind: sandbox.FaultLinkHost, Host: "evil.example"})
	if _, next := link(path); !strings.HasPrefix(next, "https://evil.example/api/data/v9.2/accounts?$select=name&$skiptoken=") {
		t.Error(next)
	}
	s.RemoveFault(id)
	id = s.fault(t, sandbox.Fault{Kind: sandbox.FaultLinkLoop})
	if _, next := link(path); next != s.url+"/api/data/v9.2/"+path {
		t.Error(next)
	}
	s.RemoveFault(id)
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultDuplicatePage})
	_, next := link(path)
	again, next := link(next)
	if again != first || next != good {
		t.Errorf("%s, want %s again; then %s", again, first, next)
	}
}

// TestFaultDeltaLinks changes the links to the next delta as well, but for a
// page that comes twice.
func TestFaultDeltaLinks(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	const path = "accounts?$select=name"
	for _, swapped := range []bool{false, true} {
		s.SetUnverified(sandbox.Unverified{SwapDeltaLink: swapped})
		for _, test := range []struct {
			fault sandbox.Fault
			want  string
		}{
			{sandbox.Fault{Kind: sandbox.FaultLinkHost}, "https://attacker.example/api/data/v9.2/" + path + "&$deltatoken="},
			{sandbox.Fault{Kind: sandbox.FaultLinkLoop}, s.url + "/api/data/v9.2/" + path},
			{sandbox.Fault{Kind: sandbox.FaultDuplicatePage}, s.url + "/api/data/v9.2/" + path + "&$deltatoken="},
		} {
			id := s.fault(t, test.fault)
			link, _ := s.decode(t, path, "Prefer", "odata.track-changes")["@odata.deltaLink"].(string)
			link = strings.Replace(link, "https://org.crm.dynamics.com", s.url, 1)
			if !strings.HasPrefix(link, test.want) || strings.Contains(test.want, "$deltatoken") != strings.Contains(link, "$deltatoken") {
				t.Errorf("%s: %s, want %s…", test.fault.Kind, link, test.want)
			}
			s.RemoveFault(id)
		}
	}
}

// TestControlSwapped controls the organization that is behind the address;
// what does not belong to an organization stays with the address.
func TestControlSwapped(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Limits = sandbox.RealLimits(2)
	s := start(t, cfg)
	now := func() (state sandbox.State) {
		t.Helper()
		s.control(t, 200, "GET", "state", "", &state)
		return state
	}
	first := s.values(t, "accounts?$select=name,telephone1&$orderby=accountid")
	s.control(t, 200, "PUT", "limits", `{"servers":1,"requests":1000}`, nil)
	s.control(t, 200, "PUT", "unverified", `{"expired_status":410}`, nil)
	s.control(t, 200, "PUT", "tracking", `{"days":30}`, nil)
	s.control(t, 200, "PUT", "roles", `{"role":{"tables":{"contact":"none"},"hidden_columns":["account.fax"]}}`, nil)
	s.control(t, 200, "PUT", "organization", `{"swapped":true}`, nil)
	other := s.decode(t, "WhoAmI()")["OrganizationId"]

	// What was set before holds behind the swap, and can be changed there.
	a, _ := s.must(t, 200, "GET", "accounts?$top=1", "")
	if left := a.Header.Get("x-ms-ratelimit-burst-remaining-xrm-requests"); left != "998" {
		t.Errorf("%s requests left of 1000", left)
	}
	s.fails(t, 403, "0x80040220", "prvReadContact", "GET", "contacts", "")
	_, _, delta := s.tracked(t, "accounts?$select=name")
	delta = strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1)
	s.control(t, 200, "POST", "clock", `{"advance":"8d"}`, nil)
	s.must(t, 200, "GET", delta, "")
	s.control(t, 200, "PUT", "tracking", `{"days":7}`, nil)
	s.fails(t, 410, "0x80044352", "expired", "GET", delta, "")
	s.control(t, 200, "PUT", "roles", `{"role":{}}`, nil)
	s.must(t, 200, "GET", "contacts?$top=1", "")
	s.control(t, 200, "PUT", "admin-mode", `{"on":true}`, nil)
	s.fails(t, 403, "0x8004A104", "administration mode", "GET", "accounts", "")
	s.control(t, 200, "PUT", "admin-mode", `{"on":false}`, nil)
	s.control(t, 200, "PUT", "limits", `{"servers":1,"requests":1}`, nil)
	s.must(t, 200, "GET", "WhoAmI()", "")
	s.fails(t, 429, "0x80072322", "exceeded the limit of 1 ", "GET", "WhoAmI()", "")
	s.control(t, 200, "PUT", "limits", `{}`, nil)

	// Rows and metadata are those of the other organization.
	var done sandbox.RowChange
	s.control(t, 200, "POST", "rows", `{"table":"account","insert":4,"change":10,"seed":2}`, &done)
	state := now()
	if done.Insert != 4 || state.Rows["account"] != small.Accounts+4 || !state.Swapped || any(state.OrganizationID) != other || s.Count("account") != small.Accounts {
		t.Errorf("%+v, %+v, %d hidden", done, state, s.Count("account"))
	}
	if n := s.get(t, "accounts/$count"); !strings.HasSuffix(n, strconv.Itoa(small.Accounts+4)) {
		t.Errorf("%q accounts, want 4 more than %d", n, small.Accounts)
	}
	s.control(t, 200, "POST", "metadata", `{"action":"add-column","table":"account","column":"new_segment","type":"StringType"}`, nil)
	s.must(t, 200, "GET", "accounts?$select=new_segment&$top=1", "")
	s.control(t, 200, "POST", "faults", `{"kind":"remove-column","table":"account","column":"new_segment"}`, nil)
	s.fails(t, 400, "0x80060888", "new_segment", "GET", "accounts?$select=new_segment", "")
	if id := s.decode(t, s.url+"/api/discovery/v2.0/Instances")["value"].([]any)[0].(map[string]any)["Id"]; id != other {
		t.Errorf("discovered %v, want %v", id, other)
	}

	// The first one comes back as it was.
	s.control(t, 200, "PUT", "organization", `{}`, nil)
	if state = now(); state.Rows["account"] != small.Accounts || state.Swapped || state.OrganizationID != s.OrganizationID() || state.TrackingDays != 7 || state.Unverified.ExpiredStatus != 410 {
		t.Errorf("%+v", state)
	}
	if diff := cmp.Diff(first, s.values(t, "accounts?$select=name,telephone1&$orderby=accountid")); diff != "" {
		t.Errorf("rows of the first organization (-before +after):\n%s", diff)
	}
	s.control(t, 200, "PUT", "organization", `{"swapped":true}`, nil)
	s.control(t, 200, "POST", "reset", `{}`, nil)
	if state = now(); state.Swapped || state.Limits.Servers != 2 || state.TrackingDays != sandbox.DefaultTrackingDays || state.Unverified != (sandbox.Unverified{}) {
		t.Errorf("after a reset: %+v", state)
	}
}

func TestSwapOrganization(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	first := s.decode(t, "WhoAmI()")["OrganizationId"]
	if err := s.SwapOrganization(true); err != nil {
		t.Fatal(err)
	}
	a, _ := s.must(t, 200, "GET", "accounts?$top=1", "")
	if got := s.decode(t, "WhoAmI()")["OrganizationId"]; got == first || a.Header.Get("orgId") != got {
		t.Error(got)
	}
	if err := s.SwapOrganization(false); err != nil {
		t.Fatal(err)
	}
	if got := s.decode(t, "WhoAmI()")["OrganizationId"]; got != first {
		t.Error(got)
	}
}
