package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// cities is a job that fills the city from an attribute that tests remove.
func cities(connectionID string) client.JobInput {
	return client.JobInput{
		Name: "Cities", ConnectionID: connectionID, Entity: "account", Object: "Company",
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "External_ID", Identifier: true},
			{Source: "name", Target: "Name"},
			{Source: "address1_city", Target: "City"},
		}},
	}
}

// A column that is removed while a run reads costs that column alone: the run
// goes on, tells it, and leaves the values that are stored.
func TestColumnRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 500}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 500 || run.Warnings != nil {
		t.Fatalf("before: %s %+v %q", run.Status, run.Counts, run.Warnings)
	}
	for name, after := range map[string]int{"between pages": 1, "before the first": 0} {
		_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Path: "/accounts?", Table: "account", Column: "address1_city", After: after})
		w.must(err)
		run := w.run(job)
		if run.Status != crosswalk.RunSuccess || run.Counts.Read != 500 || run.Counts.Unchanged != 500 {
			t.Errorf("%s: %s %q, %+v", name, run.Status, run.Message, run.Counts)
		}
		if diff := cmp.Diff([]string{cityGone}, run.Warnings); diff != "" || !strings.Contains(run.Message, cityGone) || !strings.Contains(run.Hint, "mapping") {
			t.Errorf("%s: message %q, hint %q, warnings (-want +got):\n%s", name, run.Message, run.Hint, diff)
		}
		if asked := w.sandbox.Requests(sandbox.RequestFilter{Path: "/accounts?", Status: 400}); len(asked) > 3 {
			t.Errorf("%s: the column was asked for %d times", name, len(asked))
		}
		w.sandbox.Reset()
	}
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Warnings != nil || run.Message != "" {
		t.Errorf("after: %s %q %q", run.Status, run.Message, run.Warnings)
	}
}

// A column without which the job would mean something else fails the run, and
// so does a table that is gone; other jobs go on.
func TestTableRemoved(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		cfg.PageSize = 100
		w := newWorld(t, sandbox.Config{Accounts: 300, Users: 20}, cfg)
		conn := w.connect("Contoso")
		in := cities(conn.ID)
		in.Filter = crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "address1_city", Operator: crosswalk.NotEqual, Values: []string{"Nowhere"}}}}
		filtered, err := w.client.InsertJob(t.Context(), in)
		w.must(err)
		users, err := w.client.InsertJob(t.Context(), client.JobInput{
			Name: "Users", ConnectionID: conn.ID, Entity: "systemuser", Object: "User", Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
			Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
				{Source: "systemuserid", Target: "External_ID", Identifier: true}, {Source: "fullname", Target: "Name"},
			}},
		})
		w.must(err)
		for _, test := range []struct {
			fault sandbox.Fault
			want  string
		}{
			{sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Table: "account", Column: "address1_city"}, "address1_city"},
			{sandbox.Fault{Kind: sandbox.FaultRemoveTable, Table: "account"}, "segment 'accounts'"},
		} {
			test.fault.Path = "/accounts?"
			_, err := w.sandbox.Fault(test.fault)
			w.must(err)
			run := w.run(filtered)
			if run.Status != crosswalk.RunFailed || !strings.Contains(run.Message, test.want) || run.Hint == "" {
				t.Errorf("%s: %s %q (%q)", test.fault.Kind, run.Status, run.Message, run.Hint)
			}
			if run := w.run(users); run.Status != crosswalk.RunSuccess || run.Counts.Read != 20 {
				t.Errorf("%s: the other job ended %s %q", test.fault.Kind, run.Status, run.Message)
			}
			w.sandbox.Reset()
		}
	})
}

// A value of another type than its attribute is the problem of its record.
func TestMalformedValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	const good, bad = "78914942-34cb-ed11-b596-0022481d68cd", "7a914942-34cb-ed11-b596-0022481d68cd"
	w.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/accounts") {
			return false
		}
		rw.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		_, _ = io.WriteString(rw, `{"value":[{"accountid":"`+good+`","name":"Good","address1_city":"Bern"},{"accountid":"`+bad+`","name":"Bad","address1_city":["Bern"]}]}`)
		return true
	})
	run := w.run(job)
	if run.Status != crosswalk.RunPartialSuccess || run.Counts.Read != 2 || run.Counts.Inserted != 1 || run.Counts.Rejected != 1 {
		t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	page, err := w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{})
	w.must(err)
	if r := page.Items[0]; r.Code != crosswalk.RejectMalformed || r.SourceID != bad || r.Field != "City" || r.Value != `["Bern"]` {
		t.Errorf("reject %+v", r)
	}
}

// When somebody publishes a change of the metadata, the next page tells, and
// what is cached is read again.
func TestMetadataPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	var version atomic.Value
	var listed atomic.Int32
	version.Store("1")
	w.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/EntityDefinitions"):
			listed.Add(1)
		case strings.HasSuffix(r.URL.Path, "/accounts"):
			rw.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
			fmt.Fprintf(rw, `{"@Microsoft.Dynamics.CRM.globalmetadataversion":%q,"value":[]}`, version.Load())
			return true
		}
		return false
	})
	list := func() int32 {
		before := listed.Load()
		_, err := w.client.Entities(t.Context(), conn.ID, "")
		w.must(err)
		return listed.Load() - before
	}
	list()
	for _, step := range []struct {
		version string
		reads   int32
	}{{"1", 1}, {"1", 0}, {"2", 1}, {"2", 0}} {
		version.Store(step.version)
		if run := w.run(job); run.Status != crosswalk.RunSuccess {
			t.Fatalf("%s %q", run.Status, run.Message)
		}
		if got := list(); got != step.reads {
			t.Errorf("with version %s the tables were listed %d times, want %d", step.version, got, step.reads)
		}
	}
}
