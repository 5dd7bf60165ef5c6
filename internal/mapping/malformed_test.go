package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestMalformed maps a page some of whose values have another type than their
// attributes: each is the reject of its record, and the other records pass.
func TestMalformed(t *testing.T) {
	t.Parallel()
	plan, err := compile(object(
		crosswalk.Field{Name: "Size", DisplayName: "Size", Type: crosswalk.FieldNumber},
		crosswalk.Field{Name: "Big", DisplayName: "Big", Type: crosswalk.FieldBoolean},
	), keyed(
		crosswalk.FieldMapping{Source: "integer", Target: "Size"},
		crosswalk.FieldMapping{Source: "boolean", Target: "Big"},
	), crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	const other = "7a914942-34cb-ed11-b596-0022481d68cd"
	src := plan.NewSourceBatch()
	_, err = odata.NewColumns(plan.Source).DecodePage(strings.NewReader(`{"value":[
		{"thingid":"`+key+`","integer":1,"boolean":true},
		{"thingid":"`+other+`","integer":{"a":"b"},"boolean":"yes"},
		{"thingid":[],"integer":2,"boolean":true},
		{"thingid":"`+other+`","integer":4,"boolean":null},
		{"thingid":"`+key+`","integer":1e99,"boolean":true}]}`), src)
	if err != nil {
		t.Fatal(err)
	}
	dst := plan.NewBatch()
	got, _ := plan.Apply(src, dst, nil)
	want := []crosswalk.Reject{
		{
			SourceID: other, Field: "Size", Code: crosswalk.RejectMalformed, Value: `{"a":"b"}`, Message: `Size: Dynamics sent {"a":"b"} for integer, which is not a value of its type.`,
			Record: `{"thingid":"` + other + `","integer":"{\"a\":\"b\"}","boolean":"\"yes\""}`,
		},
		{
			Field: "Key", Code: crosswalk.RejectMalformed, Value: `[]`, Message: `Key: Dynamics sent [] for thingid, which is not a value of its type.`,
			Record: `{"thingid":"[]","integer":2,"boolean":true}`,
		},
		{
			SourceID: key, Field: "Size", Code: crosswalk.RejectMalformed, Value: `1e99`, Message: `Size: Dynamics sent 1e99 for integer, which is not a value of its type.`,
			Record: `{"thingid":"` + key + `","integer":"1e99","boolean":true}`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	if dst.Rows() != 2 || dst.Column("Size").Ints[0] != 1 || dst.Column("Size").Ints[1] != 4 {
		t.Errorf("%d rows, %v", dst.Rows(), dst.Column("Size").Ints)
	}
}

// TestMalformedKeyAlone checks the words about a key that no field takes.
func TestMalformedKeyAlone(t *testing.T) {
	t.Parallel()
	plan, err := compile(object(), crosswalk.Mapping{Fields: []crosswalk.FieldMapping{{Source: "string", Target: "Key", Identifier: true}}}, crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	src := plan.NewSourceBatch()
	src.AppendBad(0, []byte("7"))
	src.Columns[1].AppendBytes([]byte("x"))
	src.EndRow()
	want := []crosswalk.Reject{{
		Code: crosswalk.RejectMalformed, Value: "7", Record: `{"thingid":"7","string":"x"}`,
		Message: "The record's key: Dynamics sent 7 for thingid, which is not a value of its type.",
	}}
	got, _ := plan.Apply(src, plan.NewBatch(), nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bad := []column.Bad{{Value: "7"}}; !cmp.Equal(bad, src.Bad) {
		t.Errorf("the batch was changed: %v", src.Bad)
	}
}
