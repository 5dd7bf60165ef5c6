package sandbox_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestRowsByKeys asks for rows by their keys, those of no row and of rows made
// and deleted at run time included, and gets them in the order of keys, on one
// page or several.
func TestRowsByKeys(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 900})
	if _, err := s.InsertRows("account", 90, 1); err != nil {
		t.Fatal(err)
	}
	before, _ := s.walk(t, "accounts?$select=accountid,statecode")
	if _, err := s.DeleteRows("account", 200, 2); err != nil {
		t.Fatal(err)
	}
	all, _ := s.walk(t, "accounts?$select=accountid,statecode")
	var asked []string
	for i, r := range before {
		if i%7 == 0 {
			asked = append(asked, fmt.Sprintf("%q", r["accountid"]), fmt.Sprintf(`"%08x-0000-4000-8000-000000000000"`, i))
		}
	}
	slices.Reverse(asked)
	asked = append(asked, strings.ToUpper(asked[3]), asked[4])
	in := "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=[" + strings.Join(asked, ",") + "])"
	isAsked := func(r map[string]any) bool { return slices.Contains(asked, fmt.Sprintf("%q", r["accountid"])) }
	for filter, keep := range map[string]func(map[string]any) bool{
		in:                                  isAsked,
		"statecode eq 0 and (" + in + ")":   func(r map[string]any) bool { return isAsked(r) && fmt.Sprint(r["statecode"]) == "0" },
		"statecode eq 0 or " + in:           func(r map[string]any) bool { return isAsked(r) || fmt.Sprint(r["statecode"]) == "0" },
		"not " + in + " and statecode eq 0": func(r map[string]any) bool { return !isAsked(r) && fmt.Sprint(r["statecode"]) == "0" },
	} {
		want := chosen(all, "accountid", keep)
		if len(want) < 50 || len(want) == len(all) {
			t.Errorf("%.40s chooses %d rows and so proves nothing", filter, len(want))
		}
		for _, size := range []string{"5000", "20"} {
			rows, pages := s.walk(t, "accounts?$select=name&$filter="+url.PathEscape(filter), "Prefer", "odata.maxpagesize="+size)
			if d := cmp.Diff(want, column(rows, "accountid")); d != "" || size == "20" && pages != (len(want)+19)/20 {
				t.Errorf("%.40s, pages of %s, %d of them (-want +got):\n%s", filter, size, pages, d)
			}
		}
	}
	if rows := s.values(t, "accounts?$filter="+url.PathEscape(`Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=["00000000-0000-4000-8000-000000000000"])`)); rows != nil {
		t.Errorf("a key of no row brings %v", rows)
	}
}
