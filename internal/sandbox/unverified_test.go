package sandbox_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestUnverified asks for the same with a switch off and on.
func TestUnverified(t *testing.T) {
	t.Parallel()
	const (
		restricted = `The "$filter" query parameter isn't supported when Change Tracking is enabled.`
		untracked  = "Entity contact isn't enabled for change tracking."
		incompat   = "A binary operator with incompatible types was detected. Found operand types 'Edm.Guid' and 'Edm.Guid' for operator kind 'GreaterThan'."
		noTo       = "Could not find a property named 'to' on type 'Microsoft.Dynamics.CRM.email'."
	)
	for name, test := range map[string]struct {
		on, path, prefer, off, want string
	}{
		"restricted code":   {"restricted_argument", "accounts?$filter=name eq 'x'", tracking, "400 0x80060888 " + restricted, "400 0x80040203 " + restricted},
		"restricted status": {"restricted_status=501", "accounts?$filter=name eq 'x'", tracking, "400 0x80060888 " + restricted, "501 0x80060888 " + restricted},
		"untracked code":    {"plain_tracking_errors", "contacts", tracking, "400 0x80072491 " + untracked, "400 0x80060888 " + untracked},
		"untracked status":  {"untracked_status=404", "contacts", tracking, "400 0x80072491 " + untracked, "404 0x80072491 " + untracked},
		"elastic":           {"untracked_elastic", "new_telemetries?$select=new_name", tracking, "400 rows", "400 0x80072491 Entity new_telemetry isn't enabled for change tracking."},
		"elastic pages":     {"short_elastic_pages", "new_telemetries?$select=new_name", "", "600 rows", "500 rows and more"},
		"pages of others":   {"short_elastic_pages", "accounts?$select=name", "", "900 rows", "900 rows"},
		"small top":         {"ignored_top", "accounts?$select=name&$top=5", "odata.maxpagesize=400", "5 rows", "400 rows and more"},
		"large top":         {"ignored_top", "accounts?$select=name&$top=500", "odata.maxpagesize=400", "400 rows and more", "400 rows and more"},
		"top alone":         {"ignored_top", "accounts?$select=name&$top=5", "", "5 rows", "5 rows"},
		"order of ids":      {"refuse_id_ranges", "accounts?$select=name&$filter=accountid gt 00000000-0000-0000-0000-000000000000", "", "900 rows", "400 0x80060888 " + incompat},
		"order below a not": {"refuse_id_ranges", "accounts?$select=name&$filter=not (00000000-0000-0000-0000-000000000000 lt _ownerid_value)", "", "0 rows", "400 0x80060888 " + strings.Replace(incompat, "Greater", "Less", 1)},
		"ids that are same": {"refuse_id_ranges", "accounts?$select=name&$filter=accountid ne 00000000-0000-0000-0000-000000000000", "", "900 rows", "900 rows"},
		"a party list":      {"party_lists", "emails?$select=subject,to", "", "400 0x80060888 " + noTo, "50 rows"},
		"no party list":     {"party_lists", "emails?$select=subject,too", "", "400 0x80060888 " + strings.Replace(noTo, "'to'", "'too'", 1), "400 0x80060888 " + strings.Replace(noTo, "'to'", "'too'", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, sandbox.Config{Accounts: 900, Contacts: 10, Users: 5, Activities: 200})
			must(t, s.SetTracked("contact", false))
			must(t, s.SetTracked("new_telemetry", true))
			ask := func() string {
				a, body := s.send(t, "GET", strings.ReplaceAll(test.path, " ", "%20"), "", "Prefer", test.prefer)
				if a.StatusCode == 200 {
					more := map[bool]string{true: " and more"}[strings.Contains(body, "nextLink") && test.prefer != tracking]
					return fmt.Sprintf("%d rows%s", strings.Count(body, "@odata.etag"), more)
				}
				var e struct {
					Error struct{ Code, Message string }
				}
				must(t, json.Unmarshal([]byte(body), &e))
				return fmt.Sprintf("%d %s %s", a.StatusCode, e.Error.Code, e.Error.Message)
			}
			if d := cmp.Diff(test.off, ask()); d != "" {
				t.Errorf("off: %s", d)
			}
			var u sandbox.Unverified
			setting, value, ok := strings.Cut(test.on, "=")
			if !ok {
				value = "on"
			}
			must(t, u.Set(setting, value))
			s.SetUnverified(u)
			if d := cmp.Diff(test.want, ask()); d != "" {
				t.Errorf("on: %s", d)
			}
		})
	}
}

// TestUnverifiedOrder turns orders round: that of keys where they are asked
// for, and that of several choices.
func TestUnverifiedOrder(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 9000, Contacts: 100})
	const days = "cra05_favouritedaysofweek"
	keys := func(path string) []string {
		var list []string
		rows, _ := s.walk(t, path, "Prefer", "odata.maxpagesize=700")
		for _, row := range rows {
			list = append(list, row["accountid"].(string))
		}
		return list
	}
	chosen := func() (values, labels []string) {
		for _, row := range s.values(t, "contacts?$select="+days, "Prefer", `odata.include-annotations="*"`) {
			if v, ok := row[days].(string); ok {
				values = append(values, v)
				labels = append(labels, row[days+"@OData.Community.Display.V1.FormattedValue"].(string))
			}
		}
		return values, labels
	}
	plain, ordered := keys("accounts?$select=name"), keys("accounts?$select=name&$orderby=accountid")
	if d := cmp.Diff(plain, ordered); d != "" || slices.IsSorted(plain) {
		t.Errorf("off: %s", d)
	}
	values, labels := chosen()
	s.SetUnverified(sandbox.Unverified{TextKeyOrder: true, UnsortedChoices: true})
	if d := cmp.Diff(plain, keys("accounts?$select=name")); d != "" {
		t.Errorf("on, without an order: %s", d)
	}
	ordered = keys("accounts?$select=name&$orderby=accountid")
	if !slices.IsSorted(ordered) || len(ordered) != len(plain) {
		t.Errorf("on: %d keys of %d, sorted %t", len(ordered), len(plain), slices.IsSorted(ordered))
	}
	turned, turnedLabels := chosen()
	for _, list := range [][]string{turned, turnedLabels} {
		for i, text := range list {
			separator := map[bool]string{true: "; ", false: ","}[&list[0] == &turnedLabels[0]]
			parts := strings.Split(text, separator)
			slices.Reverse(parts)
			list[i] = strings.Join(parts, separator)
		}
	}
	if cmp.Diff(values, turned) != "" || cmp.Diff(labels, turnedLabels) != "" || !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, ",") }) {
		t.Errorf("choices %q and %q, turned round %q and %q", values, labels, turned, turnedLabels)
	}
}

// TestUnverifiedLinks ends links to the next page, and binds delta tokens.
func TestUnverifiedLinks(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	cfg := small
	cfg.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	s := start(t, cfg)
	next := func(path, prefer string) string {
		link, _ := s.decode(t, path, "Prefer", prefer)["@odata.nextLink"].(string)
		return strings.Replace(link, "https://org.crm.dynamics.com", s.url, 1)
	}
	for _, prefer := range []string{"odata.maxpagesize=400", tracking} {
		s.SetUnverified(sandbox.Unverified{})
		old := next("accounts?$select=name", prefer)
		if strings.Contains(old, "made=") {
			t.Error(old)
		}
		now.Add(3600)
		s.Publish()
		s.must(t, 200, "GET", old, "", "Prefer", prefer)

		s.SetUnverified(sandbox.Unverified{ExpiringLinks: true})
		link := next("accounts?$select=name", prefer)
		now.Add(600)
		s.Publish()
		s.must(t, 200, "GET", link, "", "Prefer", prefer)
		now.Add(1)
		s.fails(t, 400, "0x80040203", "The paging cookie is no longer valid.", "GET", link, "", "Prefer", prefer)
		s.must(t, 200, "GET", old, "", "Prefer", prefer) // which does not say when it was made

		s.SetUnverified(sandbox.Unverified{PublishEndsLinks: true})
		link = next("accounts?$select=name", prefer)
		now.Add(3600)
		s.must(t, 200, "GET", link, "", "Prefer", prefer)
		s.Publish()
		s.fails(t, 400, "0x80040203", "The paging cookie is no longer valid.", "GET", link, "", "Prefer", prefer)
	}

	_, _, delta := s.tracked(t, "accounts?$select=name,fax")
	moved := strings.Replace(strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "=name,fax&", "=telephone1&", 1)
	s.must(t, 200, "GET", moved, "")
	s.SetUnverified(sandbox.Unverified{StrictSelect: true})
	s.must(t, 200, "GET", moved, "") // the token does not say what it was given for
	_, _, delta = s.tracked(t, "accounts?$select=name,fax")
	delta = strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1)
	s.must(t, 200, "GET", delta, "")
	s.must(t, 200, "GET", strings.Replace(delta, "=name,fax&", "=fax,name&", 1), "")
	s.fails(t, 400, "0x80040203", "is not valid", "GET", strings.Replace(delta, "=name,fax&", "=telephone1&", 1), "")

	for _, empty := range []bool{false, true} {
		s.SetUnverified(sandbox.Unverified{EmptyUnauthorized: empty})
		a, body := s.send(t, "GET", "WhoAmI", "", "Authorization", "Bearer nonsense")
		if a.StatusCode != 401 || (body == "") != empty || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer authorization_uri=") {
			t.Errorf("%s %q %v", a.Status, body, a.Header)
		}
	}
}

// TestEmptyPage has pages without rows among those of a walk and a delta.
func TestEmptyPage(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	want, pages := s.walk(t, "accounts?$select=name", "Prefer", "odata.maxpagesize=400")
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultEmptyPage})
	got, more := s.walk(t, "accounts?$select=name", "Prefer", "odata.maxpagesize=400")
	if d := cmp.Diff(want, got); d != "" || more != pages+1 {
		t.Errorf("%d pages, then %d: %s", pages, more, d)
	}
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultEmptyPage, Count: 3})
	_, pages, delta := s.tracked(t, "accounts?$select=name")
	if pages != 6 {
		t.Errorf("%d pages of a tracked walk", pages)
	}
	s.change(t, "account", 900, 1)
	s.fault(t, sandbox.Fault{Kind: sandbox.FaultEmptyPage})
	if items, pages, _ := s.tracked(t, delta); len(items) != 900 || pages != 4 {
		t.Errorf("%d changes on %d pages", len(items), pages)
	}
}

// TestBackdateRows changes rows without a sign of it in modifiedon.
func TestBackdateRows(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	_, _, delta := s.tracked(t, "accounts?$select=name")
	at := time.Date(2019, 5, 6, 7, 8, 9, 0, time.UTC)
	if n, err := s.BackdateRows("account", 12, 3, at); n != 12 || err != nil {
		t.Fatal(n, err)
	}
	if rows := s.values(t, "accounts?$select=name&$filter=modifiedon eq "+at.Format(time.RFC3339)); len(rows) != 12 {
		t.Errorf("%d rows are dated back", len(rows))
	}
	if items, _, _ := s.tracked(t, delta); len(items) != 12 {
		t.Errorf("%d changes", len(items))
	}
}
