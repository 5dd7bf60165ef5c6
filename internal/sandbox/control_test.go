package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// control calls the API that controls the sandbox.
func (s *server) control(t testing.TB, status int, method, path, body string, into any) {
	t.Helper()
	a, text := s.send(t, method, s.url+"/sandbox/"+path, body)
	if a.StatusCode != status {
		t.Fatalf("%s %s: %s: %s", method, path, a.Status, text)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err, text)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	var state sandbox.State
	s.control(t, 200, "GET", "state", "", &state)
	if state.OrganizationID != s.OrganizationID() || state.Rows["account"] != small.Accounts || len(state.Accounts) == 0 {
		t.Errorf("%+v", state)
	}
	before := s.values(t, "accounts?$select=name")
	link, _, delta := s.tracked(t, "accounts?$select=name")
	if len(link) != small.Accounts {
		t.Fatal(len(link))
	}
	var done sandbox.RowChange
	s.control(t, 200, "POST", "rows", `{"table":"account","insert":5,"change":10,"delete":3,"seed":2}`, &done)
	if done.Insert != 5 || done.Change != 10 || done.Delete != 3 || s.Count("account") != small.Accounts+2 {
		t.Errorf("%+v, %d", done, s.Count("account"))
	}
	s.control(t, 400, "POST", "rows", `{"table":"nothing","change":1}`, nil)
	s.control(t, 400, "POST", "rows", `{"tabel":"account"}`, nil)

	s.control(t, 200, "POST", "clock", `{"advance":"8d"}`, nil)
	s.fails(t, 400, "0x80044352", "expired", "GET", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "")
	s.control(t, 200, "PUT", "tracking", `{"days":30}`, nil)
	s.control(t, 400, "PUT", "tracking", `{"days":366}`, nil)
	s.control(t, 400, "PUT", "tracking", `{"days":-1}`, nil)
	if s.control(t, 200, "GET", "state", "", &state); state.TrackingDays != 30 {
		t.Errorf("delta links live %d days", state.TrackingDays)
	}
	s.must(t, 200, "GET", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "")

	var made struct{ ID int }
	s.control(t, 200, "POST", "faults", `{"kind":"status","status":503,"delay":"1s","count":1}`, &made)
	if a, _ := s.send(t, "GET", "WhoAmI()", ""); a.StatusCode != 503 {
		t.Error(a.Status)
	}
	s.control(t, 200, "DELETE", "faults/1", "", nil)
	s.control(t, 400, "POST", "faults", `{"kind":"rain"}`, nil)
	var faults []sandbox.Fault
	s.control(t, 200, "GET", "faults", "", &faults)
	if made.ID != 1 || len(faults) != 0 {
		t.Error(made, faults)
	}
	s.control(t, 200, "PUT", "limits", `{"servers":1,"requests":1,"window":"10m"}`, nil)
	s.must(t, 200, "GET", "WhoAmI()", "")
	s.fails(t, 429, "0x80072322", "over time window of 600 seconds", "GET", "WhoAmI()", "")
	s.control(t, 200, "PUT", "limits", `{}`, nil)
	s.control(t, 200, "PUT", "roles", `{"role":{"default":"none"}}`, nil)
	s.fails(t, 403, "0x80040220", "prvReadAccount", "GET", "accounts", "")
	s.control(t, 200, "PUT", "roles", `{"role":{}}`, nil)
	s.control(t, 200, "PUT", "admin-mode", `{"on":true}`, nil)
	s.fails(t, 403, "0x8004A104", "administration mode", "GET", "accounts", "")
	s.control(t, 200, "PUT", "admin-mode", `{"on":false}`, nil)
	s.control(t, 200, "PUT", "unverified", `{"expired_status":410}`, nil)
	s.control(t, 400, "PUT", "unverified", `{"expired_status":99}`, nil)
	if a, body := s.send(t, "PUT", s.url+"/sandbox/unverified", `{"token_at_end":1}`); a.StatusCode != 400 || !strings.Contains(body, "token_at_end cannot be a number") {
		t.Error(a.Status, body)
	}
	if s.Unverified().ExpiredStatus != 410 {
		t.Error(s.Unverified())
	}
	s.control(t, 200, "PUT", "organization", `{"swapped":true}`, nil)
	if got := s.decode(t, "WhoAmI()")["OrganizationId"]; got == s.OrganizationID() {
		t.Error(got)
	}
	s.control(t, 200, "PUT", "organization", `{}`, nil)
	s.control(t, 200, "POST", "metadata", `{"action":"add-column","table":"account","column":"new_segment","type":"StringType"}`, nil)
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"new_segment":"gold"}`)
	if got := s.decode(t, "accounts("+newID+")?$select=new_segment")["new_segment"]; got != "gold" {
		t.Error(got)
	}
	user := state.Accounts[1]
	var people []sandbox.Account
	s.control(t, 200, "POST", "users", `{"user":"`+user.SignInName+`","disabled":true,"revoke":true,"change_password":true}`, &people)
	if len(people) != len(state.Accounts) || !people[1].Disabled || people[0].Disabled {
		t.Errorf("the answer to a change shows the state before it: %+v", people)
	}
	s.control(t, 400, "POST", "users", `{"user":"nobody","disabled":true}`, nil)
	s.control(t, 200, "GET", "state", "", &state)
	if !state.Accounts[1].Disabled {
		t.Errorf("%+v", state.Accounts)
	}
	if a, body := s.send(t, "POST", s.url+"/sandbox/tokens", `{"action":"challenge"}`); a.StatusCode != 400 || !strings.Contains(body, "while continuous access is off") {
		t.Error(a.Status, body)
	}
	s.control(t, 200, "PUT", "continuous-access", `{"on":true}`, nil)
	if s.control(t, 200, "GET", "state", "", &state); !state.Continuous {
		t.Error("continuous access is off")
	}
	for _, action := range []string{"expire", "revoke", "challenge", "clear"} {
		s.control(t, 200, "POST", "tokens", `{"action":"`+action+`"}`, nil)
	}
	s.control(t, 400, "POST", "tokens", `{"action":"fail-next","code":"x"}`, nil)
	s.control(t, 400, "POST", "tokens", `{"action":"burn"}`, nil)

	var requests []sandbox.Request
	s.control(t, 200, "GET", "requests?path=WhoAmI", "", &requests)
	if len(requests) != 4 || requests[0].Status != 503 || requests[0].Fault != "status" || !requests[3].Authorized {
		t.Errorf("%+v", requests)
	}
	var later []sandbox.Request
	s.control(t, 200, "GET", "requests?after="+strconv.FormatInt(requests[2].Number, 10)+"&path=WhoAmI", "", &later)
	if len(later) != 1 {
		t.Errorf("%+v", later)
	}

	s.control(t, 200, "POST", "reset", `{}`, nil)
	if s.control(t, 200, "GET", "state", "", &state); state.Continuous {
		t.Error("continuous access is on after a reset")
	}
	after := s.values(t, "accounts?$select=name")
	if len(after) != len(before) || after[7]["@odata.etag"] != before[7]["@odata.etag"] || s.Clock().After(time.Now().Add(time.Minute)) {
		t.Errorf("%d rows, clock %s", len(after), s.Clock())
	}
	s.fails(t, 400, "0x80060888", "new_segment", "GET", "accounts?$select=new_segment", "")
	s.fails(t, 400, "0x80044352", "expired", "GET", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "")
}

// TestSwitches sets every switch as a person types it.
func TestSwitches(t *testing.T) {
	t.Parallel()
	var u sandbox.Unverified
	members := map[string]any{}
	for _, s := range sandbox.Switches() {
		if members[s.Name] = any(true); s.Status {
			members[s.Name] = 410.0
		}
		if s.On == "" {
			t.Errorf("%s does not say what it does", s.Name)
		}
		must(t, u.Set(s.Name, fmt.Sprint(members[s.Name])))
	}
	text, err := json.Marshal(u)
	must(t, err)
	var on map[string]any
	must(t, json.Unmarshal(text, &on))
	if d := cmp.Diff(members, on); d != "" || len(on) != reflect.TypeFor[sandbox.Unverified]().NumField() {
		t.Errorf("switches (-there +on): %s", d)
	}
	for setting, want := range map[string]string{
		"token_at_end=2": "true or false", "expired_status=yes": "a number", "expired_status=302": "400 to 599", "rain=true": "no switch", "=": "no switch",
	} {
		name, value, _ := strings.Cut(setting, "=")
		if err := u.Set(name, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", setting, err, want)
		}
	}
	for name := range members {
		must(t, u.Set(name, "0"))
	}
	if u != (sandbox.Unverified{}) {
		t.Errorf("%+v", u)
	}
}

// TestControlIsLocal refuses other machines, and pages of other sites.
func TestControlIsLocal(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for name, change := range map[string]func(*http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"another name":    func(r *http.Request) { r.Host = "rebound.example" },
		"another site": func(r *http.Request) {
			r.Header.Set("Origin", "https://elsewhere.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8089/sandbox/reset", strings.NewReader("{}"))
		r.RemoteAddr = "127.0.0.1:1234"
		change(r)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestRemovedBetweenPages takes away what a walk reads.
func TestRemovedBetweenPages(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	next := func() string {
		link, _ := s.decode(t, "accounts?$select=name,fax", "Prefer", "odata.maxpagesize=100")["@odata.nextLink"].(string)
		return strings.Replace(link, "https://org.crm.dynamics.com", s.url, 1)
	}
	_, _, delta := s.tracked(t, "accounts?$select=name")
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Table: "account", Column: "fax", After: 1})
	link := next()
	s.fails(t, 400, "0x80060888", "Could not find a property named 'fax' on type 'Microsoft.Dynamics.CRM.account'.", "GET", link, "")
	s.fails(t, 400, "0x80044352", "expired", "GET", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "")
	s.SetUnverified(sandbox.Unverified{KeepTokens: true})
	s.must(t, 200, "GET", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "")
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultRemoveTable, Table: "account"})
	s.fails(t, 404, "0x80060888", "Resource not found for the segment 'accounts'.", "GET", link, "")
}
