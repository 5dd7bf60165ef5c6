package sandbox_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestActivityPointers shows activities that were written beside those that
// were there, in the order of their keys, and tracks their changes.
func TestActivityPointers(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	before := column(s.values(t, "activitypointers?$select=activityid"), "activityid")
	_, _, delta := s.tracked(t, "activitypointers?$select=subject")
	const low = "11111111-2222-1333-8444-000000000001"
	s.must(t, 204, "POST", "tasks", `{"activityid":"`+low+`","subject":"made"}`)
	s.must(t, 204, "POST", "phonecalls", `{"activityid":"`+newID+`","subject":"called"}`)
	s.must(t, 204, "PATCH", "tasks("+low+")", `{"subject":"made again"}`)
	if got := s.decode(t, "activitypointers("+low+")?$select=subject,activitytypecode,statecode"); got["subject"] != "made again" || got["activityid"] != low {
		t.Error(got)
	}
	if got := s.decode(t, "tasks("+low+")?$select=activitytypecode")["activitytypecode"]; got != "task" {
		t.Errorf("activitytypecode %v", got)
	}
	task := s.values(t, "tasks?$top=1&$select=activityid&$filter=subject ne 'made again'")[0]["activityid"].(string)
	s.must(t, 204, "DELETE", "tasks("+task+")", "")
	s.fails(t, 404, "0x80040217", "Does Not Exist", "GET", "activitypointers("+task+")", "")

	want := append(slices.DeleteFunc(slices.Clone(before), func(id any) bool { return id == task }), any(low), any(newID))
	rows, pages := s.walk(t, "activitypointers?$select=subject", "Prefer", "odata.maxpagesize=37")
	got := column(rows, "activityid")
	if len(got) != len(want) || pages < 3 {
		t.Errorf("%d rows on %d pages, want %d", len(got), pages, len(want))
	}
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Errorf("%v is missing", id)
		}
	}
	if n := len(s.values(t, "activitypointers?$filter=subject eq 'called'&$orderby=subject")); n != 1 {
		t.Errorf("%d rows by subject", n)
	}
	if s.Count("activitypointer") != len(want) {
		t.Errorf("counts %d, want %d", s.Count("activitypointer"), len(want))
	}
	items, _, _ := s.tracked(t, delta)
	var changes []string
	for _, i := range items {
		if id, ok := i["activityid"].(string); ok {
			changes = append(changes, "+"+id)
		} else {
			changes = append(changes, "-"+i["id"].(string))
		}
	}
	if d := cmp.Diff([]string{"+" + newID, "+" + low, "-" + task}, changes); d != "" {
		t.Error(d)
	}
	if n, err := s.InsertRows("appointment", 2000, 5); err != nil || n != 2000 || s.Count("activitypointer") != len(want)+2000 {
		t.Errorf("%d inserted, %d shown: %v", n, s.Count("activitypointer"), err)
	}
	for _, c := range []struct{ method, path, verb string }{
		{"POST", "activitypointers", "Create"}, {"PATCH", "activitypointers(" + low + ")", "Update"}, {"DELETE", "activitypointers(" + low + ")", "Delete"},
	} {
		s.fails(t, 400, "0x80040800", "The '"+c.verb+"' method does not support entities of type 'activitypointer'.", c.method, c.path, `{"subject":"x"}`)
	}
}
