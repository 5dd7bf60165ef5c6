package sandbox_test

import (
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func (s *server) role(t testing.TB, r sandbox.Role) {
	t.Helper()
	if err := s.SetRole("", r); err != nil {
		t.Fatal(err)
	}
}

// TestDepth reads fewer rows the less deep the privilege is, and never an
// error.
func TestDepth(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	me := s.decode(t, "WhoAmI()")
	count := func(filter string) int {
		t.Helper()
		n, err := s.CountWhere("account", filter)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mine := count("_ownerid_value eq " + me["UserId"].(string))
	unit := count("_owningbusinessunit_value eq " + me["BusinessUnitId"].(string))
	all := count("")
	if mine == 0 || mine >= unit || unit >= all {
		t.Fatalf("%d of mine, %d of my unit, %d", mine, unit, all)
	}
	for _, c := range []struct {
		depth sandbox.Depth
		min   int
		max   int
	}{{sandbox.Basic, mine, mine}, {sandbox.Local, unit, unit}, {sandbox.Deep, unit, all}, {sandbox.Global, all, all}} {
		s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{"account": c.depth}})
		rows := s.values(t, "accounts?$select=name,_ownerid_value,_owningbusinessunit_value")
		n := s.get(t, "accounts/$count")
		if len(rows) < c.min || len(rows) > c.max || n != "\ufeff"+fmt.Sprint(len(rows)) {
			t.Errorf("%s: %d rows, count %q, want %d to %d", c.depth, len(rows), n, c.min, c.max)
		}
		if got := len(s.values(t, "contacts?$select=fullname")); got != small.Contacts {
			t.Errorf("%s: %d contacts", c.depth, got)
		}
	}
	s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.None}})
	const text = "type=8, roleCount=1, privilegeCount=465, accessMode=0), is missing prvReadAccount privilege (Id="
	s.fails(t, 403, "0x80040220", text, "GET", "accounts", "")
	s.fails(t, 403, "0x80040220", "on OTC=1 for entity 'account'. context.Caller="+me["UserId"].(string), "GET", "accounts/$count", "")
}

func TestRightsToWrite(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	me := s.decode(t, "WhoAmI()")["UserId"].(string)
	others := s.values(t, "accounts?$top=1&$filter=_ownerid_value ne "+me)[0]["accountid"].(string)
	mine := s.values(t, "accounts?$top=1&$filter=_ownerid_value eq "+me)[0]["accountid"].(string)
	s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Basic, "account.Delete": sandbox.None, "contact.Create": sandbox.None}})
	s.must(t, 204, "PATCH", "accounts("+mine+")", `{"name":"mine"}`)
	s.fails(t, 403, "0x80048306", "does not have WriteAccess right(s) for record with id "+others, "PATCH", "accounts("+others+")", `{"name":"x"}`)
	s.fails(t, 403, "0x80048306", "does not have ReadAccess right(s)", "GET", "accounts("+others+")", "")
	s.fails(t, 403, "0x80048306", "does not have ReadAccess right(s)", "GET", "accounts("+others+")/name", "")
	s.fails(t, 403, "0x80040220", "is missing prvDeleteAccount privilege", "DELETE", "accounts("+mine+")", "")
	s.fails(t, 403, "0x80040220", "is missing prvCreateContact privilege", "POST", "contacts", `{"lastname":"x"}`)
}

func TestHiddenColumns(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	row := s.values(t, "accounts?$select=name,revenue&$filter=revenue ne null&$top=1")[0]
	path := "accounts(" + row["accountid"].(string) + ")"
	s.role(t, sandbox.Role{HiddenColumns: []string{"account.revenue"}})
	if got := s.decode(t, path+"?$select=name,revenue"); got["revenue"] != nil || got["name"] != row["name"] {
		t.Error(got)
	}
	if n := len(s.values(t, "accounts?$filter=revenue ne null")); n != 0 {
		t.Errorf("%d rows show by the filter what they hide", n)
	}
	s.fails(t, 403, "0x8004f508", "secured attribute", "PATCH", path, `{"revenue":1}`)
	s.must(t, 204, "PATCH", path, `{"name":"seen"}`)
	s.role(t, sandbox.Role{})
	if got := s.decode(t, path+"?$select=name,revenue"); got["revenue"] != row["revenue"] || got["name"] != "seen" {
		t.Error(got)
	}
}

func TestShutOut(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	me := s.decode(t, "WhoAmI()")["UserId"].(string)
	s.role(t, sandbox.Role{Disabled: true})
	s.fails(t, 403, "0x80040225", "(Id = "+me+") is disabled", "GET", "WhoAmI()", "")
	s.role(t, sandbox.Role{NotMember: true})
	s.fails(t, 403, "0x80072560", "The user is not a member of the organization.", "GET", "accounts", "")
	s.role(t, sandbox.Role{})
	s.SetAdminMode(true)
	s.fails(t, 403, "0x8004A104", "administration mode", "GET", "accounts", "")
	s.SetAdminMode(false)
	s.must(t, 200, "GET", "accounts?$top=1", "")
	if err := s.SetRole("nobody@example.com", sandbox.Role{}); err == nil {
		t.Error("a role for nobody")
	}
	// A user who is disabled by a write.
	s.must(t, 204, "PATCH", "systemusers("+me+")", `{"isdisabled":true}`)
	s.fails(t, 403, "0x80040225", "is disabled", "GET", "WhoAmI()", "")
}
