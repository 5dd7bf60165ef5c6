package sandbox_test

import (
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
