package e2e_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

var volatile = cmpopts.IgnoreFields(crosswalk.Counts{}, "Bytes", "Requests", "Throttled", "Pages")

// The four set-up tasks, and further runs that change nothing.
func TestSetUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 2500, Users: 60}, server.Config{PageSize: 1000})
	conn := w.connect("Contoso")
	if conn.Status != crosswalk.ConnectionAuthorized || conn.OrganizationID != w.sandbox.OrganizationID() || conn.TenantID != w.sandbox.TenantID() {
		t.Errorf("connection %+v", conn)
	}
	if a := conn.Authorization; a == nil || a.OrganizationName != w.sandbox.OrganizationName() || a.DisplayName == "" || a.UserName == "" {
		t.Errorf("authorization %+v", a)
	}

	users := w.run(w.job("User Sync_Contoso"))
	if users.Status != crosswalk.RunSuccess || users.Counts.Inserted == 0 || users.Counts.Inserted+users.Counts.Skipped != users.Counts.Read {
		t.Errorf("user sync: %s %+v %s", users.Status, users.Counts, users.Message)
	}
	if n := w.rows("User"); n != users.Counts.Inserted {
		t.Errorf("%d users stored, %d inserted", n, users.Counts.Inserted)
	}

	job := w.companySync(conn.ID)
	first := w.run(job)
	if first.Status != crosswalk.RunSuccess {
		t.Fatalf("company sync: %s %s", first.Status, first.Message)
	}
	// Where changes are tracked, a record may come twice.
	if c := first.Counts; c.Inserted != 2500 || c.Read != c.Inserted+c.Unchanged || c.Unchanged > 1 || first.Total != 2500 {
		t.Errorf("first run: %+v of %d", c, first.Total)
	}
	for name, c := range map[string]struct {
		scope crosswalk.Scope
		want  crosswalk.Counts
	}{
		"what changed": {crosswalk.Scope{}, crosswalk.Counts{}},
		"everything":   {everything, crosswalk.Counts{Read: 2501, Unchanged: 2501}},
	} {
		again := w.runOver(job, c.scope)
		if diff := cmp.Diff(c.want, again.Counts, volatile); diff != "" || again.Status != crosswalk.RunSuccess {
			t.Errorf("%s: %s (-want +got):\n%s", name, again.Status, diff)
		}
	}
	if n := w.rows("Company"); n != 2500 {
		t.Errorf("%d companies", n)
	}
	// A row holds what the mapping says, under readable names.
	page, err := w.client.ListRows(t.Context(), "Company", client.RowFilter{Sort: "Name"})
	w.must(err)
	if row := page.Items[0]; len(row["GSID"].(string)) != 36 || row["Name"] == "" || len(row["External_ID"].(string)) != 36 {
		t.Errorf("row %v", row)
	}
	// Numbers leave as texts, with all their digits.
	page, err = w.client.ListRows(t.Context(), "Company", client.RowFilter{Sort: "Annual_Revenue", Desc: true})
	w.must(err)
	revenue, ok := page.Items[0]["Annual_Revenue"].(string)
	if _, cents, _ := strings.Cut(revenue, "."); !ok || len(cents) != 2 {
		t.Errorf("revenue %#v", page.Items[0]["Annual_Revenue"])
	}
	if employees, ok := page.Items[0]["Employees"].(string); page.Items[0]["Employees"] != nil && (!ok || employees == "") {
		t.Errorf("employees %#v", page.Items[0]["Employees"])
	}
}

// Authorizing again never makes a second out-of-the-box job, not even after
// the first was deleted.
func TestOutOfTheBoxJobIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	w.must(w.authorize(conn.ID, "accept"))
	jobs, err := w.client.ListJobs(t.Context(), client.JobFilter{})
	w.must(err)
	if len(jobs.Items) != 1 || !jobs.Items[0].OutOfTheBox {
		t.Fatalf("jobs after authorizing twice: %+v", jobs.Items)
	}
	w.must(w.client.DeleteJob(t.Context(), jobs.Items[0].ID))
	w.must(w.authorize(conn.ID, "accept"))
	jobs, err = w.client.ListJobs(t.Context(), client.JobFilter{})
	w.must(err)
	if len(jobs.Items) != 0 {
		t.Errorf("the deleted job came back: %+v", jobs.Items)
	}
}
