package mapping_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

// problems returns the problems of an error as "path: message".
func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *crosswalk.Error
	if !errors.As(err, &e) || e.Code != crosswalk.CodeInvalid {
		t.Fatalf("got error %v, want one of CodeInvalid", err)
	}
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Field+": "+f.Message)
	}
	return all
}

func TestCompileProblems(t *testing.T) {
	t.Parallel()
	o := object(
		crosswalk.Field{Name: "Name", DisplayName: "Full Name", Type: crosswalk.FieldString},
		crosswalk.Field{Name: "Email", DisplayName: "E-mail", Type: crosswalk.FieldEmail},
		crosswalk.Field{Name: "Notes", Type: crosswalk.FieldRichText},
		crosswalk.Field{Name: "Since", Type: crosswalk.FieldDate},
		crosswalk.Field{Name: "Active", Type: crosswalk.FieldBoolean},
		crosswalk.Field{Name: "Parent", Type: crosswalk.FieldLookup, Lookup: "Target"},
	)
	required := object(crosswalk.Field{Name: "Name", DisplayName: "Full Name", Type: crosswalk.FieldString, Required: true})
	seven := object()
	var sevenRows []crosswalk.FieldMapping
	for i := range 7 {
		name := fmt.Sprintf("F%d", i)
		seven.Fields = append(seven.Fields, crosswalk.Field{Name: name, Type: crosswalk.FieldString})
		sevenRows = append(sevenRows, crosswalk.FieldMapping{Source: "string", Target: name, Identifier: true})
	}
	tests := []struct {
		name   string
		object *crosswalk.Object
		rows   []crosswalk.FieldMapping
		want   []string
	}{
		{"nothing", o, nil, []string{"mapping.fields: Nothing is mapped yet."}},
		{"no identifier", o, []crosswalk.FieldMapping{{Source: "string", Target: "Name"}}, []string{
			"mapping.fields: No row is an identifier, so no record could be found again.",
		}},
		{"seven identifiers", seven, sevenRows, []string{"mapping.fields: 7 rows are identifiers; at most 6 can be."}},
		{"required", required, keyed().Fields, []string{"mapping.fields: Full Name is required and nothing fills it."}},
		{"all at once", o, keyed(
			crosswalk.FieldMapping{},
			crosswalk.FieldMapping{Source: "gone", Target: "Gone"},
			crosswalk.FieldMapping{Source: "image", Target: "GSID"},
			crosswalk.FieldMapping{Source: "string", Target: "Name", Label: true, Negate: true},
			crosswalk.FieldMapping{Source: "memo", Target: "Name", OnNull: "never", OnTooLong: "explode"},
			crosswalk.FieldMapping{Source: "memo", Target: "Email", OnTooLong: crosswalk.LengthTruncate},
			crosswalk.FieldMapping{Source: "memo", Target: "Notes", Identifier: true},
			crosswalk.FieldMapping{Source: "choice", Target: "Since", Label: true},
			crosswalk.FieldMapping{Source: "boolean", Target: "Active", Label: true},
			crosswalk.FieldMapping{Source: "lookup", Target: "Parent"},
		).Fields, []string{
			"mapping.fields[1].source: Choose the attribute to read.",
			"mapping.fields[1].target: Choose the field to fill.",
			`mapping.fields[2].source: Thing has no attribute "gone" that can be read.`,
			`mapping.fields[2].target: Target has no field "Gone".`,
			"mapping.fields[3].source: Image (image) is of a type that cannot be read.",
			"mapping.fields[3].target: GSID is filled by Crosswalk itself.",
			"mapping.fields[4].label: String (String) has no labels.",
			"mapping.fields[4].negate: Only a Boolean can be inverted; String is of type String.",
			"mapping.fields[5].target: Full Name is already filled by row 5.",
			`mapping.fields[5].on_null: "never" is not a way to treat empty values.`,
			`mapping.fields[5].on_too_long: "explode" is not a way to treat long texts.`,
			"mapping.fields[6].on_too_long: E-mail holds addresses, which lead nowhere when they are cut.",
			"mapping.fields[7].identifier: Notes (RichText) cannot identify a row.",
			"mapping.fields[8].target: The label of Choice (Choice) cannot fill Since (Date).",
			"mapping.fields[9].target: The label of Boolean (Boolean) cannot fill Active (Boolean).",
			"mapping.fields[10].target: Lookup (Lookup) cannot fill Parent (Lookup).",
		}},
		{"cut identifier", o, []crosswalk.FieldMapping{{Source: "string", Target: "Name", Identifier: true, OnTooLong: crosswalk.LengthTruncate}}, []string{
			"mapping.fields[0].on_too_long: Full Name is an identifier and cannot be cut: different records could become one.",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan, err := compile(tt.object, crosswalk.Mapping{Fields: tt.rows}, crosswalk.Filter{})
			if plan != nil {
				t.Error("there is a plan in spite of problems")
			}
			if diff := cmp.Diff(tt.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
