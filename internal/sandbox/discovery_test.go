package sandbox_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestGlobalDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	path := s.url + "/api/discovery/v2.0/Instances"
	one := s.values(t, path+"?$select=UniqueName,ApiUrl,TenantId")
	if d := cmp.Diff([]map[string]any{{"UniqueName": "contososandbox", "ApiUrl": "https://org.crm.dynamics.com", "TenantId": s.TenantID()}}, one); d != "" {
		t.Error(d)
	}
	for _, key := range []string{"(UniqueName='contososandbox')", "(" + s.OrganizationID() + ")"} {
		if i := s.decode(t, path+key); i["Id"] != s.OrganizationID() || i["FriendlyName"] != s.OrganizationName() || i["Version"] != "9.2.24053.00187" {
			t.Errorf("%s: %v", key, i)
		}
	}
	if none := s.values(t, path+"?$filter=UniqueName eq 'other'"); len(none) != 0 {
		t.Errorf("found %v", none)
	}
	s.refuses(t, path+"(UniqueName='nope')", 404, "0x80040217", "Instance with the key UniqueName='nope' does not exist.")
	s.refuses(t, path+"?$select=Nope", 400, "0x80060888", "Could not find a property named 'Nope' on type 'Microsoft.Dynamics.CRM.Instance'.")
	s.refuses(t, s.url+"/api/discovery/v2.0/Nope", 404, "0x80060888", "Resource not found for the segment 'Nope'.")
}
