package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A job that reads in several streams does not keep another one of its
// connection, which reads in one, from getting every other answer.
func TestJobsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 6000, Contacts: 600, Users: 5, Latency: 15 * time.Millisecond}, server.Config{PageSize: 20, ParallelFrom: 400})
	w.sandbox.SetLimits(sandbox.Limits{ParallelHint: 8})
	conn := w.connect("Contoso")
	wide := w.keep(conn.ID, "account", "Company", names("accountid", "name")...)
	narrow := w.keep(conn.ID, "contact", "Company", names("contactid", "fullname")...)
	began, err := w.client.StartRun(t.Context(), wide.ID, crosswalk.Scope{})
	w.must(err)
	for deadline := time.Now().Add(20 * time.Second); began.Counts.Pages < 8; time.Sleep(10 * time.Millisecond) {
		if began, err = w.client.FindRun(t.Context(), began.ID); err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v %v", began, err)
		}
	}
	if !strings.Contains(began.Reads, "several streams") {
		t.Errorf("it reads %q", began.Reads)
	}
	w.sandbox.SetLimits(sandbox.Limits{ParallelHint: 1}) // fewer than the streams that have begun
	// In one stream: a run over a range of times never has several.
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	run := w.runOver(narrow, crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &from})
	if run.Status != crosswalk.RunSuccess || run.Counts.Read != 600 {
		t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	began, err = w.client.FindRun(t.Context(), began.ID)
	w.must(err)
	if began.Status != crosswalk.RunRunning {
		t.Fatalf("the other run is %s already", began.Status)
	}
	own, others := 0, 0 // pages
	for _, r := range w.sandbox.Requests(sandbox.RequestFilter{Path: "?$select"}) {
		switch {
		case strings.Contains(r.URL, "/contacts?"):
			own++
		case strings.Contains(r.URL, "/accounts?") && own > 0 && own < 30:
			others++
		}
	}
	t.Logf("%d pages, meanwhile %d of the other job", own, others)
	// Eight streams against one would leave it one answer of nine.
	if own < 30 || others > 2*own || others < own/2 {
		t.Errorf("%d pages, and meanwhile %d of the other job", own, others)
	}
	if began = w.wait(began); began.Status != crosswalk.RunSuccess || began.Counts.Read != 6000 {
		t.Errorf("%s %q %+v", began.Status, began.Message, began.Counts)
	}
}
