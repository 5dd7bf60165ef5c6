package sandbox_test

import (
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestMetadataCache shows a change of metadata after half a minute, but at
// once to who asks for it, and in rows.
func TestMetadataCache(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 2, MetadataCache: 30 * time.Second})
	ids := []string{
		"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_segment')",
		"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_second')",
	}
	if err := s.AddColumn("account", sandbox.Column{Name: "new_segment", Type: "StringType"}); err != nil {
		t.Fatal(err)
	}
	s.Advance(20 * time.Second)
	if err := s.AddColumn("account", sandbox.Column{Name: "new_second", Type: "StringType"}); err != nil {
		t.Fatal(err)
	}
	sees := func(when string, want ...int) {
		t.Helper()
		for i, path := range ids {
			if a := s.do(t, path); a.StatusCode != want[i] {
				t.Errorf("%s: %s: %s", when, path, a.Status)
			}
		}
	}
	sees("after 20 s", 404, 404)
	for _, path := range ids {
		s.get(t, path, "Consistency", "Strong")
	}
	s.get(t, "accounts?$select=new_segment,new_second")
	s.Advance(11 * time.Second)
	sees("after 31 s", 200, 404)
	s.Advance(20 * time.Second)
	sees("after 51 s", 200, 200)

	if err := s.RemoveColumn("account", "new_segment"); err != nil {
		t.Fatal(err)
	}
	sees("just removed", 200, 200)
	s.refuses(t, "accounts?$select=new_segment", 400, "0x80060888", "Could not find a property named 'new_segment' on type 'Microsoft.Dynamics.CRM.account'.")
	for _, life := range []time.Duration{2 * time.Hour, -time.Second} {
		if s.SetMetadataCache(life) == nil {
			t.Errorf("a cache of %s", life)
		}
	}
	if err := s.SetMetadataCache(0); err != nil {
		t.Fatal(err)
	}
	sees("without a cache", 404, 200)
	s.Reset()
	var state sandbox.State
	if s.control(t, 200, "GET", "state", "", &state); time.Duration(state.MetadataCache) != 30*time.Second {
		t.Errorf("after a reset %s", state.MetadataCache)
	}
	sees("after a reset", 404, 404)
}
