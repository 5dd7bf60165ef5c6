package sandbox_test

import (
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestKeptOut refuses users without a license and apps that are blocked.
func TestKeptOut(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for name, c := range map[string]struct {
		role          sandbox.Role
		app           string
		code, message string
	}{
		"unlicensed": {role: sandbox.Role{Unlicensed: true}, code: "0x8004D24B", message: "has not been assigned any License"},
		"blocked": {
			app: sandbox.ClientID, code: "0x80095ffc",
			message: "Access to Dataverse API is restricted for this application Id : '" + sandbox.ClientID + "'. Please contact your administrator for more information.",
		},
	} {
		s.role(t, c.role)
		if c.app != "" {
			s.control(t, 200, "POST", "apps", `{"app":"`+c.app+`","blocked":true}`, nil)
		}
		s.fails(t, 403, c.code, c.message, "GET", "accounts?$top=1", "")
		s.fails(t, 403, c.code, c.message, "POST", "accounts", `{"name":"x"}`)
		s.role(t, sandbox.Role{})
		if c.app != "" {
			s.control(t, 200, "POST", "apps", `{"app":"`+c.app+`","blocked":false}`, nil)
		}
		if a, body := s.send(t, "GET", "accounts?$top=1", ""); a.StatusCode != 200 {
			t.Errorf("%s: let in again: %s %s", name, a.Status, body)
		}
	}
	s.control(t, 400, "POST", "apps", `{"app":"crosswalk","blocked":true}`, nil)
	s.BlockApp(sandbox.PublicClientID, true)
	s.must(t, 200, "GET", "WhoAmI", "") // another app
	var state sandbox.State
	if s.control(t, 200, "GET", "state", "", &state); len(state.BlockedApps) != 1 || state.BlockedApps[0] != sandbox.PublicClientID {
		t.Error(state.BlockedApps)
	}
	s.Reset()
	if left := s.BlockedApps(); len(left) != 0 {
		t.Error(left)
	}
}

// TestImpersonation works for another user: as that user, with what both may.
func TestImpersonation(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	me := s.decode(t, "WhoAmI()")["UserId"].(string)
	other := s.values(t, "systemusers?$select=systemuserid,azureactivedirectoryobjectid,domainname&$filter=isdisabled eq false and applicationid eq null and accessmode eq 0 and systemuserid ne "+me)[0]
	id, object, name := other["systemuserid"].(string), other["azureactivedirectoryobjectid"].(string), other["domainname"].(string)
	for header, value := range map[string]string{"MSCRMCallerID": id, "CallerObjectId": object} {
		if got := s.decode(t, "WhoAmI()", header, value)["UserId"]; got != id {
			t.Errorf("%s: works for %v, want %s", header, got, id)
		}
		a, _ := s.must(t, 204, "POST", "accounts", `{"name":"for another"}`, header, value)
		row := s.decode(t, a.Header.Get("OData-EntityId")+"?$select=_createdby_value,_createdonbehalfby_value,_ownerid_value,_modifiedonbehalfby_value")
		if row["_createdby_value"] != id || row["_createdonbehalfby_value"] != me || row["_ownerid_value"] != id || row["_modifiedonbehalfby_value"] != me {
			t.Errorf("%s: %v", header, row)
		}
		s.must(t, 204, "PATCH", a.Header.Get("OData-EntityId"), `{"name":"for oneself"}`)
		if row := s.decode(t, a.Header.Get("OData-EntityId")+"?$select=_modifiedby_value,_modifiedonbehalfby_value"); row["_modifiedby_value"] != me || row["_modifiedonbehalfby_value"] != nil {
			t.Errorf("%s: changed again: %v", header, row)
		}
	}
	// Each part of a batch works for its own user, or for the batch's.
	batch := "--b\r\nContent-Type: application/http\r\n\r\nGET WhoAmI() HTTP/1.1\r\n\r\n\r\n--b--\r\n"
	if _, body := s.must(t, 200, "POST", "$batch", batch, "Content-Type", "multipart/mixed; boundary=b", "MSCRMCallerID", id); !strings.Contains(body, `"UserId":"`+id+`"`) {
		t.Error(body)
	}

	// What one of both may not, the call may not.
	set := func(user string, r sandbox.Role) {
		t.Helper()
		if err := s.SetRole(user, r); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int { return len(s.values(t, "accounts?$select=name", "MSCRMCallerID", id)) }
	all := count()
	set(name, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Basic}, HiddenColumns: []string{"account.fax"}})
	theirs := count()
	set(name, sandbox.Role{})
	set(me, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Basic, "account.Create": sandbox.None}, HiddenColumns: []string{"account.name"}})
	if mine := count(); theirs >= all || mine != theirs {
		t.Errorf("%d rows of %d where the other user sees little, %d where the caller does", theirs, all, mine)
	}
	if n := len(s.values(t, "accounts?$filter=name ne null", "MSCRMCallerID", id)); n != 0 {
		t.Errorf("%d rows show a column that is hidden from the caller", n)
	}
	s.fails(t, 403, "0x80040220", "is missing prvCreateAccount privilege", "POST", "accounts", `{"name":"x"}`, "MSCRMCallerID", id)

	const unknown = "11111111-2222-4333-8444-555555555555"
	set(name, sandbox.Role{Disabled: true})
	s.fails(t, 403, "0x80040225", "(Id = "+id+") is disabled", "GET", "WhoAmI()", "", "MSCRMCallerID", id)
	s.fails(t, 404, "0x80040217", "systemuser With Id = "+unknown+" Does Not Exist", "GET", "WhoAmI()", "", "MSCRMCallerID", unknown)
	s.fails(t, 400, "0x80040203", "is not a GUID", "GET", "WhoAmI()", "", "MSCRMCallerID", "x")
	s.fails(t, 403, "0x80072560", "The user is not a member of the organization.", "GET", "WhoAmI()", "", "CallerObjectId", unknown)
	set(me, sandbox.Role{NoDelegate: true})
	s.fails(t, 403, "0x80040220", "is missing prvActOnBehalfOfAnotherUser privilege", "GET", "WhoAmI()", "", "CallerObjectId", object)
	s.must(t, 200, "GET", "WhoAmI()", "")
}
