package e2e_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// Every problem of a job is told at its place, all at once.
func TestWrongJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	templates, err := w.client.Templates(t.Context(), conn.ID)
	w.must(err)
	in := templates[0].Job
	in.Name = ""
	in.Mapping.Fields[1].Target = "No_Such_Field"
	in.Mapping.Fields[2].Source = "nosuchattribute"
	_, err = w.client.InsertJob(t.Context(), in)
	e := problem(t, err, crosswalk.CodeInvalid)
	for _, field := range []string{"name", "mapping.fields[1].target", "mapping.fields[2].source"} {
		if at(e, field) == "" {
			t.Errorf("nothing told at %s: %+v", field, e.Fields)
		}
	}
	in = templates[0].Job
	in.Entity = "nosuchentity"
	_, err = w.client.InsertJob(t.Context(), in)
	if e := problem(t, err, crosswalk.CodeInvalid); !strings.Contains(at(e, "entity"), "nosuchentity") {
		t.Errorf("unknown entity: %+v", e.Fields)
	}
	found, err := w.client.CheckJob(t.Context(), "", in)
	w.must(err)
	if len(found) != 1 || found[0].Field != "entity" {
		t.Errorf("check: %+v", found)
	}
}

// Records that cannot be stored become rejects with their reason; the rest is
// stored.
func TestRejects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 300, Users: 20}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), client.JobInput{
		Name: "Names into e-mail", ConnectionID: conn.ID, Entity: "account", Object: "User",
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "External_ID", Identifier: true},
			{Source: "name", Target: "Email"},
		}},
	})
	w.must(err)
	run := w.run(job)
	if run.Status != crosswalk.RunPartialSuccess || run.Counts.Read != 300 || run.Counts.Rejected != 300 || run.Message == "" || run.Hint == "" {
		t.Errorf("run %s %+v %q", run.Status, run.Counts, run.Message)
	}
	page, err := w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{})
	w.must(err)
	if r := page.Items[0]; r.Code != crosswalk.RejectNotAnEmail || r.Field != "Email" || len(r.SourceID) != 36 || !strings.Contains(r.Record, r.SourceID) || r.Value == "" {
		t.Errorf("reject %+v", r)
	}
	var file bytes.Buffer
	w.must(w.client.RejectsCSV(t.Context(), run.ID, &file))
	lines, err := csv.NewReader(&file).ReadAll()
	w.must(err)
	if len(lines) != 301 {
		t.Errorf("%d lines of CSV", len(lines))
	}

	job, err = w.client.InsertJob(t.Context(), client.JobInput{
		Name: "Descriptions into city", ConnectionID: conn.ID, Entity: "account", Object: "Company",
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "External_ID", Identifier: true},
			{Source: "name", Target: "Name"},
			{Source: "description", Target: "City"},
		}},
	})
	w.must(err)
	run = w.run(job)
	if c := run.Counts; c.Rejected == 0 || c.Inserted == 0 || c.Rejected+c.Inserted != 300 {
		t.Fatalf("run %s %+v: want some rejected and the rest inserted", run.Status, c)
	}
	page, err = w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{})
	w.must(err)
	if r := page.Items[0]; r.Code != crosswalk.RejectTooLong || r.Field != "City" {
		t.Errorf("reject %+v", r)
	}
	if n := w.rows("Company"); n != run.Counts.Inserted {
		t.Errorf("%d companies, %d inserted", n, run.Counts.Inserted)
	}
}

// A server that is stopped in the middle of a run goes on with it at its next
// start, from the checkpoint.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 3000}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job := w.companySync(conn.ID)
	var pages atomic.Int64
	halfway := make(chan struct{})
	w.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/accounts") && pages.Add(1) == 15 {
			close(halfway)
			time.Sleep(100 * time.Millisecond)
		}
		return false
	})
	run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	w.must(err)
	<-halfway
	w.stop()
	w.start(server.Config{PageSize: 100})
	run = w.wait(run)
	// Where changes are tracked, a record may come twice.
	if c := run.Counts; run.Status != crosswalk.RunSuccess || c.Inserted != 3000 || c.Read != c.Inserted+c.Unchanged || c.Unchanged > 1 || c.Pages != 31 {
		t.Errorf("run %s %+v %s", run.Status, run.Counts, run.Message)
	}
	if n := w.rows("Company"); n != 3000 {
		t.Errorf("%d companies", n)
	}
}

// Slices end after their budget and the next one goes on where they stood.
func TestManySlices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 2000}, server.Config{PageSize: 100, SliceBudget: time.Millisecond})
	conn := w.connect("Contoso")
	run := w.run(w.companySync(conn.ID))
	if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 2000 {
		t.Errorf("run %s %+v %s", run.Status, run.Counts, run.Message)
	}
}

// Expired access tokens are refreshed without anybody noticing.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 500}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job := w.companySync(conn.ID)
	w.sandbox.ExpireTokens()
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 500 {
		t.Errorf("after the token expired: %s %+v %s", run.Status, run.Counts, run.Message)
	}
}

// A revoked grant disconnects the connection, which says why and what to do.
func TestRevokedGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 500}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job := w.companySync(conn.ID)
	w.sandbox.RevokeSessions()
	w.sandbox.ExpireTokens()
	run := w.run(job)
	if run.Status != crosswalk.RunFailed || run.Message == "" || run.Hint == "" {
		t.Errorf("after the grant was revoked: %s %q %q", run.Status, run.Message, run.Hint)
	}
	conn, err := w.client.FindConnection(t.Context(), conn.ID)
	w.must(err)
	if conn.Status != crosswalk.ConnectionDisconnected || conn.StatusCause == "" || conn.StatusHint == "" {
		t.Errorf("connection %s: %q", conn.Status, conn.StatusCause)
	}
	w.must(w.authorize(conn.ID, "accept"))
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 500 {
		t.Errorf("after re-authorizing: %s %+v", run.Status, run.Counts)
	}
}
