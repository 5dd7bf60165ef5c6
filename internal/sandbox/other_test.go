package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestElasticAndVirtual reads the tables that are not kept in SQL.
func TestElasticAndVirtual(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 10})
	for set, key := range map[string]string{"new_telemetries": "new_telemetryid", "new_erporders": "new_erporderid"} {
		all := column(s.values(t, set), key)
		var ids []string
		for _, id := range all {
			ids = append(ids, id.(string))
		}
		if len(ids) < 100 || !slices.IsSorted(ids) {
			t.Errorf("%s: %d keys, not in the order of their text", set, len(ids))
		}
		rows, pages := s.walk(t, set+"?$select=new_name", "Prefer", "odata.maxpagesize=70")
		if d := cmp.Diff(all, column(rows, key)); d != "" || pages < 3 {
			t.Errorf("%s on %d pages: %s", set, pages, d)
		}
		if a := s.do(t, set+"?$select=new_name", "Prefer", "odata.track-changes"); a.StatusCode != 400 {
			t.Errorf("%s is tracked: %s", set, a.Status)
		}
		address := set + "(" + ids[17] + ")"
		if set == "new_telemetries" {
			address += "?partitionId='plant-3'"
		}
		if one := s.decode(t, address); one[key] != ids[17] {
			t.Errorf("%s: %v", set, one)
		}
	}
	link := s.decode(t, "new_erporders?$select=new_name", "Prefer", "odata.maxpagesize=5")["@odata.nextLink"].(string)
	if strings.Contains(link, "%253ccookie") || !strings.Contains(link, "pagingcookie=%22PGNvb2tpZS") {
		t.Errorf("link %s", link)
	}
	kinds := s.values(t, "EntityDefinitions?$select=TableType,DataProviderId,ChangeTrackingEnabled&$filter=TableType ne 'Standard'")
	if len(kinds) != 2 || kinds[1]["DataProviderId"] != "1d9bde74-9ebd-4da9-8ff5-aa74945b9f74" || kinds[0]["ChangeTrackingEnabled"] != false {
		t.Errorf("kinds %v", kinds)
	}
	s.must(t, 204, "POST", "new_telemetries", `{"new_name":"made","partitionid":"plant-9"}`)
	if n := len(s.values(t, "new_telemetries?$filter=partitionid eq 'plant-9'")); n != 1 {
		t.Errorf("%d rows", n)
	}
	s.refuses(t, `RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["new_erporder"]`, 400, "0x80040203", "RetrieveTotalRecordCount is not supported for the virtual entity 'new_erporder'.")
}
