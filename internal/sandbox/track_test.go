package sandbox_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

const tracking = "odata.track-changes,odata.maxpagesize=400"

// tracked follows links to the delta link and returns all items on the way.
func (s *server) tracked(t testing.TB, path string) (items []map[string]any, pages int, delta string) {
	t.Helper()
	for path != "" {
		page := s.decode(t, strings.Replace(path, "https://org.crm.dynamics.com", s.url, 1), "Prefer", tracking)
		pages++
		for _, v := range page["value"].([]any) {
			items = append(items, v.(map[string]any))
		}
		next, _ := page["@odata.nextLink"].(string)
		delta, _ = page["@odata.deltaLink"].(string)
		if (next == "") == (delta == "") {
			t.Fatalf("nextLink %q, deltaLink %q", next, delta)
		}
		path = next
	}
	return items, pages, delta
}

// summary says what a delta holds, in order.
func summary(items []map[string]any) []string {
	var l []string
	for _, i := range items {
		if context, _ := i["@odata.context"].(string); strings.HasSuffix(context, "/$deletedEntity") {
			l = append(l, fmt.Sprintf("-%v %v", i["id"], i["reason"]))
			continue
		}
		l = append(l, fmt.Sprintf("+%v %v", i["accountid"], i["name"]))
	}
	return l
}

func TestTrackChanges(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]sandbox.Unverified{
		"likely":   {},
		"switched": {TokenAtEnd: true, SwapDeltaLink: true, WholeDelta: true, RepeatChanges: true, KeepTokens: true, ExpiredStatus: 410, PlainTrackingErrors: true, UntrackedLinks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := small
			cfg.Unverified = u
			s := start(t, cfg)
			body := s.get(t, "accounts?$select=name", "Prefer", tracking)
			if strings.Contains(body, "deltaLink") || strings.Contains(body, "istracking=%22True%22") == u.UntrackedLinks {
				t.Error(body[len(body)-600:])
			}
			rows, pages, delta := s.tracked(t, "accounts?$select=name")
			if len(rows) != small.Accounts || pages != 3 {
				t.Errorf("%d rows in %d pages", len(rows), pages)
			}
			if !regexp.MustCompile(`^https://org\.crm\.dynamics\.com/api/data/v9\.2/accounts\?\$select=name&\$deltatoken=\d+%21\d\d%2f\d\d%2f\d{4}%20\d\d%3a\d\d%3a\d\d$`).MatchString(delta) {
				t.Error(delta)
			}
			a, b := rows[5]["accountid"].(string), rows[6]["accountid"].(string)
			s.must(t, 204, "PATCH", "accounts("+a+")", `{"name":"one"}`)
			s.must(t, 204, "PATCH", "accounts("+newID+")", `{"name":"made"}`)
			s.must(t, 204, "PATCH", "accounts("+a+")", `{"name":"two"}`)
			s.must(t, 204, "DELETE", "accounts("+b+")", "")
			const gone = "11111111-2222-4333-8444-666666666666"
			s.must(t, 204, "PATCH", "accounts("+gone+")", `{"name":"gone"}`)
			s.must(t, 204, "DELETE", "accounts("+gone+")", "")
			want := []string{"+" + newID + " made", "+" + a + " two", "-" + b + " deleted", "-" + gone + " deleted"}
			if u.RepeatChanges {
				want = append([]string{"+" + a + " two"}, want...)
			}
			items, _, next := s.tracked(t, delta)
			if d := cmp.Diff(want, summary(items)); d != "" {
				t.Error(d)
			}
			link := strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1)
			body = s.get(t, link)
			if !strings.HasPrefix(body, `{"@odata.context":"https://org.crm.dynamics.com/api/data/v9.2/$metadata#accounts(name)/$delta"`) ||
				strings.Index(body, "deltaLink") < strings.Index(body, `"value"`) == u.SwapDeltaLink {
				t.Error(body)
			}
			if n := s.get(t, strings.Replace(link, "/accounts?", "/accounts/$count?", 1)); n != "\ufeff"+fmt.Sprint(len(want)) {
				t.Errorf("count %q", n)
			}
			if items, _, _ := s.tracked(t, next); len(items) != 0 {
				t.Error(items)
			}
		})
	}
}

// TestDeltaPages changes rows between the pages of a walk and of a delta.
func TestDeltaPages(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	page := s.decode(t, "accounts?$select=name", "Prefer", tracking)
	first := page["value"].([]any)[0].(map[string]any)["accountid"].(string)
	s.must(t, 204, "PATCH", "accounts("+first+")", `{"name":"meanwhile"}`)
	_, _, delta := s.tracked(t, page["@odata.nextLink"].(string))
	if n := s.change(t, "account", 900, 3); n != 900 {
		t.Fatal(n)
	}
	page = s.decode(t, strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "Prefer", tracking)
	s.must(t, 204, "DELETE", "accounts("+first+")", "")
	seen := map[string]bool{}
	for _, v := range page["value"].([]any) {
		seen[v.(map[string]any)["accountid"].(string)] = true
	}
	items, pages, next := s.tracked(t, page["@odata.nextLink"].(string))
	for _, i := range items {
		if id := i["accountid"].(string); seen[id] {
			t.Errorf("%s twice", id)
		} else {
			seen[id] = true
		}
	}
	if len(seen) < 899 || pages != 2 {
		t.Errorf("%d changes in %d more pages", len(seen), pages)
	}
	items, _, _ = s.tracked(t, next)
	if d := cmp.Diff([]string{"-" + first + " deleted"}, summary(items)); d != "" {
		t.Error(d)
	}
}

func TestTrackingRefused(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	cfg := small
	cfg.Now = func() time.Time { return time.Unix(now.Load(), 0) }
	s := start(t, cfg)
	for option, value := range map[string]string{"$filter": "name eq 'x'", "$orderby": "name", "$expand": "primarycontactid", "$top": "5"} {
		s.fails(t, 400, "0x80060888", `The "`+option+`" query parameter isn't supported when Change Tracking is enabled.`,
			"GET", "accounts?"+option+"="+url.PathEscape(value), "", "Prefer", tracking)
	}
	_, _, delta := s.tracked(t, "accounts?$select=name")
	delta = strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1)
	if !strings.HasSuffix(delta, "%2101%2f02%2f2026%2003%3a04%3a05") {
		t.Error(delta)
	}
	const expired = "Version stamp associated with the client has expired. Please perform a full sync."
	if err := s.SetRole("", sandbox.Role{Default: sandbox.Deep}); err != nil {
		t.Fatal(err)
	}
	s.fails(t, 403, "0x80040220", "Required Depth: Global", "GET", delta, "")
	if err := s.SetRole("", sandbox.Role{}); err != nil {
		t.Fatal(err)
	}
	now.Add(7 * 86400)
	s.must(t, 200, "GET", delta, "")
	now.Add(1)
	s.fails(t, 400, "0x80044352", expired, "GET", delta, "")
	must(t, s.SetTrackingDays(30))
	s.must(t, 200, "GET", delta, "")
	s.SetUnverified(sandbox.Unverified{ExpiredStatus: 410})
	must(t, s.SetTrackingDays(0))
	s.fails(t, 410, "0x80044352", expired, "GET", delta, "")
	// Of another life of the organization.
	must(t, s.SetTrackingDays(7))
	s.fails(t, 410, "0x80044352", expired, "GET", s.url+"/api/data/v9.2/accounts?$deltatoken=4611686018427387904%2101%2f08%2f2026%2000%3a00%3a00", "")
	s.fails(t, 400, "0x80040203", "is not valid", "GET", "accounts?$deltatoken=nonsense", "")

	if days := s.values(t, "organizations?$select=expirechangetrackingindays")[0]["expirechangetrackingindays"]; fmt.Sprint(days) != "7" {
		t.Error(days)
	}
	if err := s.SetTracked("contact", false); err != nil {
		t.Fatal(err)
	}
	s.fails(t, 400, "0x80072491", "Entity contact isn't enabled for change tracking.", "GET", "contacts", "", "Prefer", tracking)
	s.SetUnverified(sandbox.Unverified{PlainTrackingErrors: true})
	s.fails(t, 400, "0x80060888", "Entity contact isn't enabled for change tracking.", "GET", "contacts", "", "Prefer", tracking)
	if got := s.decode(t, "EntityDefinitions(LogicalName='contact')?$select=ChangeTrackingEnabled")["ChangeTrackingEnabled"]; got != false {
		t.Error(got)
	}
}

// change changes rows in bulk.
func (s *server) change(t testing.TB, entity string, n int, seed uint64) int {
	t.Helper()
	n, err := s.ChangeRows(entity, n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBulkChanges(t *testing.T) {
	t.Parallel()
	a, b := start(t, small), start(t, small)
	_, _, link := a.tracked(t, "accounts?$select=name,telephone1")
	for _, s := range []*server{a, b} {
		s.change(t, "account", 50, 3)
		if n, err := s.DeleteRows("account", 10, 4); n != 10 || err != nil {
			t.Error(n, err)
		}
		if n, err := s.InsertRows("account", 20, 5); n != 20 || err != nil {
			t.Error(n, err)
		}
	}
	if a.Count("account") != small.Accounts+10 {
		t.Error(a.Count("account"))
	}
	if d := cmp.Diff(a.values(t, "accounts?$select=name,telephone1"), b.values(t, "accounts?$select=name,telephone1")); d != "" {
		t.Error(d)
	}
	items, _, _ := a.tracked(t, link)
	deleted := 0
	for _, i := range items {
		if i["reason"] == "deleted" {
			deleted++
		}
	}
	if len(items) < 70 || len(items) > 80 || deleted != 10 {
		t.Errorf("%d changes, %d deletions", len(items), deleted)
	}
	if _, err := a.ChangeRows("nothing", 1, 1); err == nil {
		t.Error("changed a table that is not there")
	}
}
