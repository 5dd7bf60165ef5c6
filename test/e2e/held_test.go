package e2e_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/queue"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A run that cannot store anything because something else holds the database,
// such as the index of a large table that is being made, waits for it, for
// longer than any number of attempts would last: in the middle of a slice, and
// when it is to be taken again.
func TestDatabaseHeldForLong(t *testing.T) {
	t.Parallel()
	var log journal
	w := newWorld(t, sandbox.Config{Accounts: 600, Users: 5, Contacts: -1}, server.Config{
		Database: sqlitePrefix, // PostgreSQL has no lock that everybody waits for
		PageSize: 50, SliceBudget: 500 * time.Millisecond, SliceLimit: 3 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	conn := w.connect("Contoso")
	object := w.object("City", cityFields()...)
	job := w.cities(conn, object.Name, func(in *client.JobInput) {
		in.Mapping.Fields[0] = crosswalk.FieldMapping{Source: "accountid", Target: "City__gc", Identifier: true}
	})
	db, err := database.Open(t.Context(), w.dsn, nil)
	w.must(err)
	defer db.Close()

	reached, release := w.nth(5)
	run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	w.must(err)
	w.reach(reached)
	w.must(db.Lock().Acquire(t.Context()))
	release()
	for began := time.Now(); len(log.with("the run waits for the database")) <= queue.MaxAttempts; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Errorf("the run has waited %d times", len(log.with("the run waits for the database")))
			break
		}
	}
	if n := len(log.with("slice failed")); n != 1 {
		t.Errorf("%d slices were at work when the database was held", n)
	}
	db.Lock().Release()
	run = w.wait(run)
	want := crosswalk.Counts{Read: 600, Inserted: 600}
	if diff := cmp.Diff(want, run.Counts, volatile); diff != "" || run.Status != crosswalk.RunSuccess {
		t.Errorf("the run is %s and says %q (-want +got):\n%s", run.Status, run.Message, diff)
	}
	if diff := cmp.Diff(w.accounts(""), w.stored(object.Name, "City__gc", "Title__gc", "Phone__gc")); diff != "" {
		t.Errorf("-source +target:\n%s", diff)
	}
	for _, line := range log.with("level=ERROR") {
		t.Error(line)
	}
}

// While something holds the database for long, every change is answered: it
// could not be made, why, and when to try again. Reading goes on, and a run that
// has something to store waits, and fails of nothing.
func TestChangesWhileHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 300, Users: 5, Contacts: -1}, server.Config{
		Database: sqlitePrefix, // on PostgreSQL nobody waits for an index of other rows
		PageSize: 50,
	})
	conn := w.connect("Contoso")
	job := w.companySync(conn.ID)
	reached, release := w.nth(4)
	run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	w.must(err)
	w.reach(reached)
	db, err := database.Open(t.Context(), w.dsn, nil)
	w.must(err)
	defer db.Close()
	// The lock is let go when all has been answered, so no answer waits for it.
	w.must(db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		tx.Tell("The index of City is being made")
		release()
		var all sync.WaitGroup
		begun := time.Now()
		for _, change := range []struct{ method, path, body string }{
			{"POST", "/api/runs/" + run.ID + "/cancel", ""},
			{"POST", "/api/jobs/" + w.job("User Sync_Contoso").ID + "/runs", ""},
			{"POST", "/api/jobs/" + job.ID + "/runs", `{"scope":{"kind":"everything"}}`},
			{"DELETE", "/api/jobs/" + job.ID, ""},
			{"POST", "/api/objects", `{"display_name":"Other","fields":[{"display_name":"Key","type":"String","max_length":10}]}`},
			{"POST", "/api/connections", `{"name":"Other","environment_url":"` + w.env + `"}`},
			{"POST", "/api/connections/" + conn.ID + "/revoke", ""},
			{"POST", "/api/links", ""},
			{"GET", "/oauth/callback?state=x&code=y", ""},
		} {
			all.Go(func() {
				r, err := http.NewRequestWithContext(ctx, change.method, w.url+change.path, strings.NewReader(change.body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+w.key)
				r.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				took := time.Since(begun)
				if n, _ := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || resp.StatusCode != http.StatusServiceUnavailable || n < 1 || took < 9*time.Second {
					t.Errorf("%s %s: %s after %v, try again after %d s: %s", change.method, change.path, resp.Status, took, n, text)
				}
				for _, says := range []string{"The index of City is being made, and nothing else can be stored until that is done.", "Try again in some seconds"} {
					if !strings.Contains(string(text), says) {
						t.Errorf("%s %s does not say %q: %s", change.method, change.path, says, text)
					}
				}
			})
		}
		now, err := w.client.FindRun(ctx, run.ID)
		if err != nil || now.Status != crosswalk.RunRunning {
			t.Errorf("%+v %v", now, err)
		}
		if _, err := w.client.ListRows(ctx, "Company", client.RowFilter{}); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > 9*time.Second {
			t.Errorf("reading took %v", took)
		}
		all.Wait()
		return nil
	}))
	run = w.wait(run)
	if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 300 || w.rows("Company") != 300 {
		t.Errorf("the run is %s: %s %+v", run.Status, run.Message, run.Counts)
	}
	page, err := w.client.ListRuns(t.Context(), client.RunFilter{})
	w.must(err)
	if len(page.Items) != 1 {
		t.Errorf("%d runs", len(page.Items))
	}
}
