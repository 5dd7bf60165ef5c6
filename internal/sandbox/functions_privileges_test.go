package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// A user's privileges have the depths of the role.
func TestUserPrivileges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.asApplication(t, nil).AccessToken
	user := w.Accounts()[0].UserID
	must(t, w.SetRole(user, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Local, "contact.Read": sandbox.None}}))
	depths := map[string]any{}
	for _, v := range w.read(t, token, "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")["RolePrivileges"].([]any) {
		p := v.(map[string]any)
		depths[p["PrivilegeName"].(string)] = p["Depth"]
	}
	got := map[string]any{}
	for _, name := range []string{"prvReadAccount", "prvReadContact", "prvReadLead", "prvWriteContact"} {
		got[name] = depths[name]
	}
	want := map[string]any{"prvReadAccount": "Local", "prvReadContact": nil, "prvReadLead": "Global", "prvWriteContact": "Global"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("depths (-want +got):\n%s", diff)
	}
	for _, path := range []string{"systemusers(x)", "systemusers(00000000-0000-0000-0000-000000000001)"} {
		if answer := w.read(t, token, path+"/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"); answer["error"] == nil {
			t.Errorf("%s: %v", path, answer)
		}
	}
}

// Refusals name privileges by the names and ids that
// RetrieveUserPrivileges shows.
func TestRefusedPrivileges(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	_, _, delta := s.tracked(t, "accounts?$select=name")
	users := s.values(t, "systemusers?$select=systemuserid")
	list := s.decode(t, "systemusers("+users[0]["systemuserid"].(string)+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")["RolePrivileges"].([]any)
	ids := map[string]string{}
	for _, v := range list {
		p := v.(map[string]any)
		ids[p["PrivilegeName"].(string)] = p["PrivilegeId"].(string)
	}
	for _, test := range []struct {
		depth             sandbox.Depth
		table, path, name string
	}{
		{sandbox.None, "account", "accounts", "prvReadAccount"},
		{sandbox.None, "systemuser", "systemusers", "prvReadUser"},
		{sandbox.None, "quote", "quotes", "prvReadQuote"},
		{sandbox.Local, "account", strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), "prvReadAccount"},
	} {
		if ids[test.name] == "" {
			t.Errorf("nobody holds %s", test.name)
		}
		s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{test.table: test.depth}})
		s.fails(t, http.StatusForbidden, "0x80040220", test.name, "GET", test.path, "")
		s.fails(t, http.StatusForbidden, "0x80040220", "Id"+map[sandbox.Depth]string{sandbox.None: "=", sandbox.Local: ": "}[test.depth]+ids[test.name], "GET", test.path, "")
	}
}
