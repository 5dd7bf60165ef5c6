package crosswalk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestJobCheck(t *testing.T) {
	t.Parallel()
	o := crosswalk.Object{Name: "Shop", DisplayName: "Shop", Fields: []crosswalk.Field{
		{Name: "Open", Type: crosswalk.FieldBoolean}, {Name: "Title", Type: crosswalk.FieldString}, {Name: "Ours", Type: crosswalk.FieldBoolean, System: true},
	}}
	type deletes = crosswalk.Deletes
	for name, test := range map[string]struct {
		job  crosswalk.Job
		want map[string]string // messages by field
	}{
		"nothing said":  {crosswalk.Job{}, nil},
		"flag":          {crosswalk.Job{LoadMode: crosswalk.LoadFull, Deletes: deletes{Policy: crosswalk.DeleteFlag, Guard: 100}}, nil},
		"deactivate":    {crosswalk.Job{LoadMode: crosswalk.LoadIncremental, Deletes: deletes{Policy: crosswalk.DeleteDeactivate, Field: "Open"}}, nil},
		"only inserts":  {crosswalk.Job{Operation: crosswalk.OperationInsert, Deletes: deletes{Policy: crosswalk.DeleteIgnore}}, nil},
		"no such modes": {crosswalk.Job{LoadMode: "some", Deletes: deletes{Policy: "burn"}}, map[string]string{"load_mode": `"some" is not a load mode.`, "deletes.policy": `"burn" is not a way to treat rows whose records are gone.`}},
		"no field":      {crosswalk.Job{Deletes: deletes{Policy: crosswalk.DeleteDeactivate}}, map[string]string{"deletes.field": "Choose the Boolean field that becomes false."}},
		"not Boolean":   {crosswalk.Job{Deletes: deletes{Policy: crosswalk.DeleteDeactivate, Field: "Title"}}, map[string]string{"deletes.field": "Shop has no Boolean field Title."}},
		"the system's":  {crosswalk.Job{Deletes: deletes{Policy: crosswalk.DeleteDeactivate, Field: "Ours"}}, map[string]string{"deletes.field": "Shop has no Boolean field Ours."}},
		"field of flag": {crosswalk.Job{Deletes: deletes{Policy: crosswalk.DeleteFlag, Field: "Open"}}, map[string]string{"deletes.field": "Only deactivate has a field."}},
		"guard":         {crosswalk.Job{Deletes: deletes{Policy: crosswalk.DeleteRow, Guard: 101}}, map[string]string{"deletes.guard": "The guard is a percentage from 0 to 100."}},
		"guard below 0": {crosswalk.Job{Deletes: deletes{Guard: -1}}, map[string]string{"deletes.guard": "The guard is a percentage from 0 to 100."}},
		"touches rows":  {crosswalk.Job{Operation: crosswalk.OperationInsert, Deletes: deletes{Policy: crosswalk.DeleteRow}}, map[string]string{"deletes.policy": "A job that only inserts does not touch rows that exist."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p crosswalk.Problems
			test.job.Check(&p, &o)
			got := map[string]string{}
			for _, f := range p {
				got[f.Field] = f.Message
			}
			if len(test.want) == 0 {
				test.want = map[string]string{}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		guard   int
		n, rows int64
		want    bool
	}{
		{0, 0, 0, false},
		{0, 0, 100, false},
		{0, 20, 100, false},
		{0, 21, 100, true},
		{0, 1, 1, true},
		{0, 1, 5, false},
		{0, 1, 4, true},
		{100, 99, 100, false},
		{100, 100, 100, true},
		{100, 1, 0, true},
		{1, 1, 100, false},
		{1, 2, 100, true},
	} {
		if got := (crosswalk.Deletes{Guard: test.guard}).Holds(test.n, test.rows); got != test.want {
			t.Errorf("guard %d holds %d of %d: %t", test.guard, test.n, test.rows, got)
		}
	}
}

func TestDeletePolicyStep(t *testing.T) {
	t.Parallel()
	for policy, want := range map[crosswalk.DeletePolicy]string{
		crosswalk.DeleteFlag:       "Flagging rows whose records are gone",
		crosswalk.DeleteDeactivate: "Deactivating rows whose records are gone",
		crosswalk.DeleteRow:        "Deleting rows whose records are gone",
	} {
		if got := policy.Step().Words(); got != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}
