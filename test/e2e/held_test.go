package e2e_test

import (
	"log/slog"
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
