package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

const cityGone = "Account no longer has the attribute address1_city, so City is not filled and keeps the values it has."

// faults is what can go wrong with the answers to a run of five pages, and
// how the run ends.
var faults = map[string]struct {
	fault    sandbox.Fault // its path is that of the pages, unless it names another
	status   crosswalk.RunStatus
	message  string // part of what the run says; "" for nothing
	hint     string
	warnings []string
	stored   int64  // rows after the run
	until    string // the fault is taken away once the run says this of itself
	both     bool   // on both databases
}{
	"reset":              {fault: sandbox.Fault{Kind: sandbox.FaultReset, After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500, both: true},
	"reset at once":      {fault: sandbox.Fault{Kind: sandbox.FaultReset, Bytes: 1, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"truncated gzip":     {fault: sandbox.Fault{Kind: sandbox.FaultTruncate, After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500},
	"truncated last":     {fault: sandbox.Fault{Kind: sandbox.FaultTruncate, After: 4, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"drip":               {fault: sandbox.Fault{Kind: sandbox.FaultDrip, Bytes: 512, Delay: sandbox.Span(5 * time.Millisecond)}, status: crosswalk.RunSuccess, stored: 500},
	"delay":              {fault: sandbox.Fault{Kind: sandbox.FaultDelay, Delay: sandbox.Span(200 * time.Millisecond), After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500},
	"front door 502":     {fault: sandbox.Fault{Kind: sandbox.FaultHTML, After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500},
	"page with 200":      {fault: sandbox.Fault{Kind: sandbox.FaultHTML, Status: 200, After: 1, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"burst of 503":       {fault: sandbox.Fault{Kind: sandbox.FaultStatus, After: 1, Count: 3}, status: crosswalk.RunSuccess, stored: 500},
	"some 503":           {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Probability: 0.4, Seed: 3}, status: crosswalk.RunSuccess, stored: 500, both: true},
	"429":                {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 429, Code: "0x80072322", RetryAfter: 1, After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500, both: true},
	"500 once":           {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 500, After: 1, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"401 once":           {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 401, After: 1, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"401":                {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 401, After: 1}, status: crosswalk.RunFailed, message: "refuses the sign-in", hint: "Authorize", stored: 100},
	"403":                {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, Code: "0x80040220", Message: "no prvReadAccount", After: 1}, status: crosswalk.RunFailed, message: "prvReadAccount", hint: "security role", stored: 100},
	"400":                {fault: sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Message: "Invalid link.", After: 1}, status: crosswalk.RunFailed, message: "Invalid link.", hint: "mapping", stored: 100},
	"link to elsewhere":  {fault: sandbox.Fault{Kind: sandbox.FaultLinkHost, After: 1}, until: "The link of the next page does not lead to http://127.0.0.1", status: crosswalk.RunSuccess, stored: 500},
	"loop":               {fault: sandbox.Fault{Kind: sandbox.FaultLinkLoop, After: 1}, status: crosswalk.RunFailed, message: "go round in circles", hint: "Nothing is lost", stored: 100, both: true},
	"page that is twice": {fault: sandbox.Fault{Kind: sandbox.FaultDuplicatePage, After: 1}, status: crosswalk.RunFailed, message: "go round in circles", hint: "Nothing is lost", stored: 100},
	"empty page":         {fault: sandbox.Fault{Kind: sandbox.FaultEmptyPage, After: 1}, status: crosswalk.RunSuccess, stored: 500},
	"timeout once":       {fault: sandbox.Fault{Kind: sandbox.FaultTimeout, After: 1, Count: 1}, status: crosswalk.RunSuccess, stored: 500},
	"query throttled":    {fault: sandbox.Fault{Kind: sandbox.FaultThrottleQuery, RetryAfter: 1, After: 1, Count: 2}, status: crosswalk.RunSuccess, stored: 500},
	"clock ahead":        {fault: sandbox.Fault{Kind: sandbox.FaultDate, Delay: sandbox.Span(48 * time.Hour)}, status: crosswalk.RunSuccess, stored: 500},
	"clock behind":       {fault: sandbox.Fault{Kind: sandbox.FaultDate, Delay: sandbox.Span(-48 * time.Hour)}, status: crosswalk.RunSuccess, stored: 500},
	"column removed":     {fault: sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Table: "account", Column: "address1_city", After: 2}, status: crosswalk.RunSuccess, message: cityGone, hint: "mapping", warnings: []string{cityGone}, stored: 500, both: true},
	"table removed":      {fault: sandbox.Fault{Kind: sandbox.FaultRemoveTable, Table: "account", After: 2}, status: crosswalk.RunFailed, message: "accounts", hint: "removed", stored: 200, both: true},
}

// Whatever goes wrong with answers, a run ends with all rows, each once, or
// says why not and what to do, and keeps what it had; and when it is over the
// next run has all.
func TestFaults(t *testing.T) {
	t.Parallel()
	var covered []string
	for _, test := range faults {
		covered = append(covered, test.fault.Kind)
	}
	slices.Sort(covered)
	kinds := sandbox.FaultKinds()
	slices.Sort(kinds)
	if diff := cmp.Diff(kinds, slices.Compact(covered)); diff != "" {
		t.Errorf("kinds of faults (-there are +covered):\n%s", diff)
	}
	for _, dialect := range databases() {
		for name, test := range faults {
			if dialect == database.Postgres && !test.both {
				continue
			}
			t.Run(dialect.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				cfg := server.Config{PageSize: 100}
				if dialect == database.Postgres {
					cfg.Database = databasetest.DSN(t, dialect)
				}
				w := newWorld(t, sandbox.Config{Accounts: 500}, cfg)
				conn := w.connect("Contoso")
				job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
				w.must(err)
				fault := test.fault
				fault.Path = "/accounts?$select"
				_, err = w.sandbox.Fault(fault)
				w.must(err)

				run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
				w.must(err)
				struck := w.sandbox.Faults
				if test.until != "" {
					w.says(run, test.until)
					before := w.sandbox.Faults()
					struck = func() []sandbox.Fault { return before }
					w.sandbox.RemoveFault(0)
				}
				run = w.wait(run)
				if run.Status != test.status || !strings.Contains(run.Message, test.message) || !strings.Contains(run.Hint, test.hint) || (run.Message == "") != (test.message == "") {
					t.Errorf("%s: %q (%q)", run.Status, run.Message, run.Hint)
				}
				if diff := cmp.Diff(test.warnings, run.Warnings); diff != "" {
					t.Errorf("warnings (-want +got):\n%s", diff)
				}
				if n := w.rows("Company"); n != test.stored || n != run.Counts.Inserted {
					t.Errorf("%d rows, %d inserted, want %d", n, run.Counts.Inserted, test.stored)
				}
				if f := struck(); len(f) != 1 || f[0].Struck == 0 {
					t.Errorf("the fault did not strike: %+v", f)
				}
				if got := w.find(conn.ID); got.Status != crosswalk.ConnectionAuthorized {
					t.Errorf("connection %s: %s", got.Status, got.StatusCause)
				}

				w.sandbox.Reset()
				again := w.run(job)
				if again.Status != crosswalk.RunSuccess || again.Counts.Read != 500 || again.Counts.Inserted != 500-test.stored || w.rows("Company") != 500 {
					t.Errorf("when it is over: %s %q %+v, %d rows", again.Status, again.Message, again.Counts, w.rows("Company"))
				}
			})
		}
	}
}

// says waits until an unfinished run says that of itself.
func (w *world) says(run crosswalk.Run, text string) crosswalk.Run {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(run.Message, text) {
		if time.Now().After(deadline) || run.Status != crosswalk.RunQueued && run.Status != crosswalk.RunRunning {
			w.t.Fatalf("run %s says %q, want %q", run.Status, run.Message, text)
		}
		time.Sleep(20 * time.Millisecond)
		var err error
		run, err = w.client.FindRun(w.t.Context(), run.ID)
		w.must(err)
	}
	return run
}

// Another organization behind the address, as after a copy or a restore, ends
// a run before it reads: nothing of it is stored, and when the first one is
// back its rows are as they were.
func TestSwappedOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 500}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 500 {
		t.Fatalf("before: %s %q %+v", run.Status, run.Message, run.Counts)
	}
	w.must(w.sandbox.SwapOrganization(true))
	run := w.run(job)
	if run.Status != crosswalk.RunFailed || run.Counts.Read != 0 || !strings.Contains(run.Message, conn.OrganizationID) || !strings.Contains(run.Hint, "new connection") {
		t.Errorf("swapped: %s %q (%q) %+v", run.Status, run.Message, run.Hint, run.Counts)
	}
	w.must(w.sandbox.SwapOrganization(false))
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Unchanged != 500 || w.rows("Company") != 500 {
		t.Errorf("back: %s %q %+v", run.Status, run.Message, run.Counts)
	}
	if got := w.find(conn.ID); got.Status != crosswalk.ConnectionAuthorized || got.OrganizationID != conn.OrganizationID {
		t.Errorf("connection %+v", got)
	}
}
