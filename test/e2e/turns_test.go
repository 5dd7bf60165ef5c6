package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// TestJobsTakeTurns has three jobs read in four streams each from an environment
// that takes four requests at a time, so that most of theirs wait. A small job
// of the connection that reads in one stream does not wait behind those: each of
// its requests is sent with the next answer that comes, which is when the four
// others have been answered at most once, and not when all twelve have been.
func TestJobsTakeTurns(t *testing.T) {
	t.Parallel()
	const streams, jobs, pages = 4, 3, 30
	w := newWorld(t, sandbox.Config{Accounts: 8000, Contacts: pages * 20, Users: 5, Latency: 60 * time.Millisecond}, server.Config{
		PageSize: 20, ParallelFrom: 500, Workers: jobs + 2,
	})
	w.sandbox.SetLimits(sandbox.Limits{ParallelHint: streams})
	conn := w.connect("Contoso")
	var wide []crosswalk.Run
	for i := range jobs {
		o, err := w.client.InsertObject(t.Context(), crosswalk.ObjectDefinition{DisplayName: fmt.Sprint("Wide ", i), Fields: []crosswalk.FieldDefinition{
			{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100, Unique: true},
		}})
		w.must(err)
		job, err := w.client.InsertJob(t.Context(), client.JobInput{
			Name: o.DisplayName, ConnectionID: conn.ID, Entity: "account", Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
			Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}}},
		})
		w.must(err)
		run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
		w.must(err)
		wide = append(wide, run)
	}
	narrow := w.keep(conn.ID, "contact", "Company", names("contactid", "fullname")...)
	for i, run := range wide {
		for deadline := time.Now().Add(30 * time.Second); run.Counts.Pages < 12; time.Sleep(10 * time.Millisecond) {
			var err error
			if run, err = w.client.FindRun(t.Context(), run.ID); err != nil || time.Now().After(deadline) {
				t.Fatalf("%+v %v", run, err)
			}
		}
		if wide[i] = run; !strings.Contains(run.Reads, "several streams") {
			t.Errorf("%s reads %q", run.JobName, run.Reads)
		}
	}
	// In one stream: a run over a range of times never has several.
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	run := w.runOver(narrow, crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &from})
	if run.Status != crosswalk.RunSuccess || run.Counts.Read != pages*20 {
		t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	for _, run := range wide {
		now, err := w.client.FindRun(t.Context(), run.ID)
		w.must(err)
		if now.Status != crosswalk.RunRunning {
			t.Fatalf("%s is %s already", now.JobName, now.Status)
		}
		_, err = w.client.CancelRun(t.Context(), run.ID)
		w.must(err)
	}
	own, others := 0, 0 // requests, from the first page of the small job to its last
	for _, r := range w.sandbox.Requests(sandbox.RequestFilter{Path: "/api/data/"}) {
		switch {
		case strings.Contains(r.URL, "/contacts?$select=contactid"):
			own++
		case own > 0 && own < pages && strings.Contains(r.URL, "/accounts?"):
			others++
		}
	}
	t.Logf("%d pages, and meanwhile %d requests of the other jobs", own, others)
	if own < pages || others > 2*streams*pages || others < pages {
		t.Errorf("%d pages, and meanwhile %d requests of the other jobs", own, others)
	}
	for _, run := range wide {
		if run = w.wait(run); run.Status != crosswalk.RunCancelled {
			t.Errorf("%s is %s: %s", run.JobName, run.Status, run.Message)
		}
	}
}
