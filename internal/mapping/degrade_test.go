package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

func TestDegrade(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", Type: crosswalk.FieldString, Required: true},
		crosswalk.Field{Name: "Size", DisplayName: "Size of it", Type: crosswalk.FieldNumber},
		crosswalk.Field{Name: "Boss", Type: crosswalk.FieldString},
	)
	m := keyed(
		crosswalk.FieldMapping{Source: "string", Target: "Name"},
		crosswalk.FieldMapping{Source: "integer", Target: "Size"},
		crosswalk.FieldMapping{Source: "lookup", Target: "Boss"},
	)
	tests := []struct {
		name     string
		gone     []string
		targets  []string
		warnings []string
	}{
		{"nothing", nil, []string{"Key", "Name", "Size", "Boss"}, nil},
		{"what no row takes", []string{"memo", "lookup"}, []string{"Key", "Name", "Size", "Boss"}, nil},
		{"two rows", []string{"integer", "_lookup_value"}, []string{"Key", "Name"}, []string{
			"Thing no longer has the attribute integer, so Size of it is not filled and keeps the values it has.",
			"Thing no longer has the attribute lookup, so Boss is not filled and keeps the values it has.",
		}},
		{"what cannot be done without", []string{"thingid", "string"}, []string{"Key", "Name", "Size", "Boss"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := thing()
			all := len(e.Attributes)
			in, warnings := mapping.Degrade(mapping.Input{Entity: e, Object: o, Mapping: m, Gone: test.gone})
			var targets []string
			for _, f := range in.Mapping.Fields {
				targets = append(targets, f.Target)
			}
			if diff := cmp.Diff(test.targets, targets); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if len(e.Attributes) != all || len(m.Fields) != 4 {
				t.Error("the entity or the mapping was changed")
			}
		})
	}
	_, err := mapping.Compile(mapping.Input{Entity: thing(), Object: o, Mapping: m, Gone: []string{"string"}})
	if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("a required field without its attribute: %v", err)
	}
}
