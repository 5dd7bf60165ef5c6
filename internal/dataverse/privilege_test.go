package dataverse_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// Of a privilege held through several roles the deepest counts.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	const user = "750cefa1-1ab0-e511-a811-000d3a0040d0"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/data/v9.2/systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()" {
			t.Errorf("path %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Ms-Dop-Hint", "13")
		_, _ = w.Write([]byte(`{"RolePrivileges":[
			{"Depth":"Local","PrivilegeName":"prvReadAccount"},{"Depth":"Global","PrivilegeName":"prvReadAccount"},{"Depth":"Basic","PrivilegeName":"prvReadAccount"},
			{"Depth":"Deep","PrivilegeName":"prvReadUser"},{"Depth":"Galactic","PrivilegeName":"prvReadLead"},{"Depth":"Basic"}]}`))
	}))
	t.Cleanup(server.Close)
	c := dataverse.New(dataverse.Config{BaseURL: server.URL, Token: func(context.Context, bool) (string, error) { return "t", nil }})
	if n := c.ParallelHint(); n < 1 {
		t.Errorf("before any answer: %d requests at a time", n)
	}
	held, err := c.Privileges(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	got := []dataverse.Depth{held.Read("account"), held.Read("systemuser"), held.Read("lead"), held.Read("contact")}
	if diff := cmp.Diff([]dataverse.Depth{dataverse.DepthGlobal, dataverse.DepthDeep, "", ""}, got); diff != "" {
		t.Errorf("depths (-want +got):\n%s", diff)
	}
	if n := c.ParallelHint(); n != 13 {
		t.Errorf("hint = %d", n)
	}
	if _, err := c.Privileges(t.Context(), "x)/y"); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("a wrong id: %v", err)
	}
}
