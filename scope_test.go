package crosswalk_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestScope(t *testing.T) {
	t.Parallel()
	early, late := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	odd := early.Add(1500 * time.Millisecond)
	never := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	entity := &crosswalk.Entity{DisplayName: "Note", Attributes: []crosswalk.Attribute{{LogicalName: "createdon"}}}
	tests := []struct {
		name  string
		scope crosswalk.Scope
		words string
		wrong []string // places of problems
	}{
		{"as the job says", crosswalk.Scope{}, "", nil},
		{"everything", crosswalk.Scope{Kind: crosswalk.ScopeEverything}, "Every record", nil},
		{"a range", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &early, To: &late}, "Records created from 2026-01-01 00:00 UTC and before 2026-02-01 00:00 UTC", nil},
		{"half a range", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", To: &late}, "Records created before 2026-02-01 00:00 UTC", nil},
		{"the last half of a range", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "modifiedon", From: &odd}, "Records last changed from 2026-01-01 00:00:01.5 UTC", []string{"attribute"}},
		{"rejects", crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: "r"}, "Only rejected records", nil},
		{"an unknown kind", crosswalk.Scope{Kind: "all"}, "", []string{"kind"}},
		{"a range of nothing", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon"}, "Records created", []string{"from"}},
		{"a range back in time", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &late, To: &early}, "Records created from 2026-02-01 00:00 UTC and before 2026-01-01 00:00 UTC", []string{"to"}},
		{"another attribute", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "name", From: &early}, "Records last changed from 2026-01-01 00:00 UTC", []string{"attribute"}},
		{"an attribute that is not there", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "modifiedon", From: &early}, "Records last changed from 2026-01-01 00:00 UTC", []string{"attribute"}},
		{"everything with a begin", crosswalk.Scope{Kind: crosswalk.ScopeEverything, From: &early}, "Every record", []string{"kind"}},
		{"rejects of no run", crosswalk.Scope{Kind: crosswalk.ScopeRejects}, "Only rejected records", []string{"run_id"}},
		{"a range before all time", crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &never}, "Records created from 0000-01-01 00:00 UTC", []string{"from"}},
		{"a run without rejects", crosswalk.Scope{RunID: "r"}, "", []string{"run_id"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if words := tt.scope.Words(); words != tt.words {
				t.Errorf("words %q, want %q", words, tt.words)
			}
			var wrong []string
			var e *crosswalk.Error
			if errors.As(tt.scope.Check(entity), &e) {
				for _, f := range e.Fields {
					wrong = append(wrong, f.Field)
				}
			}
			if diff := cmp.Diff(tt.wrong, wrong); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
