package e2e_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// keep is a job that copies attributes of a table into fields, the first by
// which rows are told apart.
func (w *world) keep(connectionID, entity, object string, fields ...crosswalk.FieldMapping) crosswalk.Job {
	w.t.Helper()
	fields[0].Identifier = true
	job, err := w.client.InsertJob(w.t.Context(), client.JobInput{
		Name: "Keep " + entity, ConnectionID: connectionID, Entity: entity, Object: object,
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull, Mapping: crosswalk.Mapping{Fields: fields},
	})
	w.must(err)
	return job
}

// stored returns some fields of all rows of an object, by one of them.
func (w *world) stored(object, by string, fields ...string) map[string][]any {
	w.t.Helper()
	rows := map[string][]any{}
	for row, err := range w.client.Rows(w.t.Context(), object, client.RowFilter{}) {
		w.must(err)
		var values []any
		for _, f := range fields {
			values = append(values, row[f])
		}
		rows[row[by].(string)] = values
	}
	return rows
}

// runs signs in, discovers and runs jobs against a sandbox, and runs them again
// against one that does what is likeliest. The larger tables are read in several
// streams where that is possible. It returns the rows.
func runs(t *testing.T, u sandbox.Unverified) map[string]map[string][]any {
	t.Helper()
	w := newWorld(t, sandbox.Config{Users: 12, Accounts: 25, Contacts: 60, Activities: 40, Unverified: u}, server.Config{PageSize: 25, ParallelFrom: 50})
	conn := w.connect("Contoso")
	o, err := w.client.InsertObject(t.Context(), crosswalk.ObjectDefinition{DisplayName: "Weekly Habit", Fields: []crosswalk.FieldDefinition{
		{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100, Unique: true},
		{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 300},
		{DisplayName: "Days", Type: crosswalk.FieldMultiSelect},
		{DisplayName: "Day Numbers", Type: crosswalk.FieldString, MaxLength: 300},
	}})
	w.must(err)
	jobs := []crosswalk.Job{
		w.job("User Sync_Contoso"),
		w.keep(conn.ID, "contact", o.Name,
			crosswalk.FieldMapping{Source: "contactid", Target: "Key__gc"}, crosswalk.FieldMapping{Source: "fullname", Target: "Title__gc"},
			crosswalk.FieldMapping{Source: "cra05_favouritedaysofweek", Target: "Days__gc"}, crosswalk.FieldMapping{Source: "cra05_favouritedaysofweek", Target: "Day_Numbers__gc"}),
		w.keep(conn.ID, "email", o.Name,
			crosswalk.FieldMapping{Source: "activityid", Target: "Key__gc"}, crosswalk.FieldMapping{Source: "subject", Target: "Title__gc"}),
		w.keep(conn.ID, "new_telemetry", "Company",
			crosswalk.FieldMapping{Source: "new_telemetryid", Target: "External_ID"}, crosswalk.FieldMapping{Source: "new_name", Target: "Name"}),
	}
	for _, again := range []bool{false, true} {
		for _, job := range jobs {
			run := w.runOver(job, crosswalk.Scope{Kind: crosswalk.ScopeEverything})
			c := run.Counts
			if run.Status != crosswalk.RunSuccess || c.Read == 0 || !again && c.Inserted+c.Skipped+c.Unchanged != c.Read || again && c.Unchanged+c.Skipped != c.Read {
				t.Errorf("%s, again %t: %s %q %+v", job.Name, again, run.Status, run.Message, c)
			}
		}
		w.sandbox.SetUnverified(sandbox.Unverified{})
	}
	return map[string]map[string][]any{
		"users": w.stored("User", "External_ID", "Name", "Email"), "persons": w.stored(o.Name, "Key__gc", "Title__gc", "Days__gc", "Day_Numbers__gc"),
		"companies": w.stored("Company", "External_ID", "Name"),
	}
}

// TestUnverifiedRuns signs in and runs jobs through the server in every
// position of every switch: the rows are the same, and none looks changed when
// the environment does what is likeliest.
func TestUnverifiedRuns(t *testing.T) {
	t.Parallel()
	want := runs(t, sandbox.Unverified{})
	several := 0
	for _, values := range want["persons"] {
		if text, ok := values[2].(string); ok && text != values[1] {
			several++
		}
	}
	if several == 0 || len(want["companies"]) != 600 {
		t.Errorf("%d of %d persons chose, %d companies", several, len(want["persons"]), len(want["companies"]))
	}
	for name, u := range positions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, runs(t, u)); diff != "" {
				t.Errorf("-none on +%s:\n%s", name, diff)
			}
		})
	}
}
