package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// inEachWay runs fn on both databases with a keeper in each way to find
// changes, after its first run. The sandbox's clock stands still.
func inEachWay(t *testing.T, accounts, pageSize int, fn func(t *testing.T, k *keeper, cfg server.Config, tracked bool)) {
	t.Helper()
	for name, way := range map[string]struct {
		tracked  bool
		parallel int
		reads    string
	}{
		"tracked":            {true, 1 << 40, "Every record, as this is the first run"},
		"tracked by keys":    {true, accounts / 3, "Every record, in several streams, as this is the first run"},
		"by time of changes": {false, 1 << 40, "Every record. Dynamics does not track"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				cfg := fresh(t)
				cfg.PageSize, cfg.ParallelFrom = pageSize, way.parallel
				began := time.Now().Truncate(time.Second)
				k := &keeper{world: newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Contacts: -1, Now: func() time.Time { return began }}, cfg)}
				k.conn = k.connect("Contoso")
				k.must(k.sandbox.SetTracked("account", way.tracked))
				in := keeping(k.conn.ID)
				in.Deletes.Guard = 100
				var err error
				k.job, err = k.client.InsertJob(t.Context(), in)
				k.must(err)
				k.runs(crosswalk.RunSuccess, way.reads)
				k.sandbox.Advance(time.Hour)
				fn(t, k, cfg, way.tracked)
			})
		})
	}
}

// later is a page of accounts that is not the first, or rows read by key.
func later(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/accounts") && (strings.Contains(r.URL.RawQuery, "skiptoken") || strings.Contains(r.URL.RawQuery, "CRM.In"))
}

// rests runs the job until it finds nothing, which it has to in two runs, and
// checks that the rows are the accounts.
func (k *keeper) rests(when string) {
	k.t.Helper()
	k.runs(crosswalk.RunSuccess, "What changed since the last run")
	k.equal(when, "")
	run := k.runs(crosswalk.RunSuccess, "What changed since the last run")
	if c := run.Counts; c.Inserted+c.Updated+c.Deleted+c.Rejected != 0 {
		k.t.Errorf("%s, at rest: %+v", when, c)
	}
}

// TestManyOfOneSecond changes 20,000 accounts within one second: half of them
// before a run, half while it is between two pages, where its server is
// stopped; and some more in that second when the run is over. None is lost.
func TestManyOfOneSecond(t *testing.T) {
	t.Parallel()
	inEachWay(t, 20_000, 2000, func(t *testing.T, k *keeper, cfg server.Config, _ bool) {
		_, err := k.sandbox.ChangeRows("account", 10_000, 1)
		k.must(err)
		reached, release := k.hold(later)
		run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
		k.must(err)
		k.reach(reached)
		_, err = k.sandbox.ChangeRows("account", 20_000, 2)
		k.must(err)
		k.stop()
		release()
		k.start(cfg)
		run = k.ended(k.wait(run), crosswalk.RunSuccess, "What changed since the last run")
		if c := run.Counts; c.Inserted+c.Deleted+c.Rejected != 0 || c.Updated == 0 {
			t.Errorf("%+v", c)
		}
		for seed := range uint64(2) {
			_, err = k.sandbox.ChangeRows("account", 300, seed+3)
			k.must(err)
			k.runs(crosswalk.RunSuccess, "What changed since the last run")
		}
		k.equal("after the second", "")
		k.rests("of one second")
	})
}

// TestMovingRows changes records while a run reads, those of pages it has read
// and those of pages to come, so that they move behind the last page. What it
// has then, or with the next run, is what there is.
func TestMovingRows(t *testing.T) {
	t.Parallel()
	inEachWay(t, 600, 50, func(t *testing.T, k *keeper, _ server.Config, tracked bool) {
		_, err := k.sandbox.ChangeRows("account", 400, 1)
		k.must(err)
		pages := 0
		remove := k.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
			if pages < 5 && later(r) {
				pages++
				k.sandbox.Advance(10 * time.Second)
				if _, err := k.sandbox.ChangeRows("account", 60, uint64(pages)+1); err != nil {
					t.Error(err)
				}
			}
			return false
		})
		run := k.runs(crosswalk.RunSuccess, "What changed since the last run")
		remove()
		if pages != 5 {
			t.Fatalf("%d pages", pages)
		}
		if c := run.Counts; c.Inserted+c.Deleted+c.Rejected != 0 || c.Read != c.Updated+c.Unchanged+c.Duplicates {
			t.Errorf("%+v", c)
		}
		if !tracked { // they have all moved to the pages that came
			k.equal("in the same run", "")
		}
		k.rests("after the run")
	})
}

// TestRepeatedRows has a delta tell of records once for each of their changes:
// each is one row, written once.
func TestRepeatedRows(t *testing.T) {
	t.Parallel()
	inEachWay(t, 120, 50, func(t *testing.T, k *keeper, _ server.Config, tracked bool) {
		k.sandbox.SetUnverified(sandbox.Unverified{RepeatChanges: true})
		for seed := range uint64(3) {
			k.sandbox.Advance(time.Second)
			_, err := k.sandbox.ChangeRows("account", 120, seed+1)
			k.must(err)
		}
		k.write(http.MethodPost, "accounts", `{"accountid":"7e000000-0000-4000-8000-000000000001","name":"New"}`)
		k.write(http.MethodPatch, "accounts(7e000000-0000-4000-8000-000000000001)", `{"name":"Newer"}`)
		run := k.runs(crosswalk.RunSuccess, "What changed since the last run")
		if c := run.Counts; c.Inserted != 1 || c.Updated != 120 || c.Deleted+c.Rejected+c.Duplicates+c.Skipped != 0 || c.Read != c.Inserted+c.Updated+c.Unchanged {
			t.Errorf("%+v", c)
		}
		k.equal("repeated", "")
		k.rests("repeated")
	})
}

// TestMadeAndDeleted makes and deletes records, in either order, between two
// runs and between two pages of one.
func TestMadeAndDeleted(t *testing.T) {
	t.Parallel()
	inEachWay(t, 200, 20, func(t *testing.T, k *keeper, _ server.Config, tracked bool) {
		id := func(n int) string { return fmt.Sprintf("7e000000-0000-4000-8000-%012d", n) }
		create := func(n int, name string) {
			k.write(http.MethodPost, "accounts", fmt.Sprintf(`{"accountid":%q,"name":%q}`, id(n), name))
		}
		remove := func(n int) { k.write(http.MethodDelete, "accounts("+id(n)+")", "") }

		// Made and gone between two runs: it was never here.
		create(1, "short-lived")
		remove(1)
		create(2, "stays")
		run := k.runs(crosswalk.RunSuccess, "What changed since the last run")
		if c := run.Counts; c.Inserted != 1 || c.Updated+c.Deleted+c.Rejected != 0 {
			t.Errorf("made and gone: %+v", c)
		}
		k.equal("made and gone", "")

		// Gone and back under its key: the same row, changed.
		k.sandbox.Advance(10 * time.Minute)
		before := k.gsid(id(2))
		remove(2)
		create(2, "back")
		run = k.runs(crosswalk.RunSuccess, "What changed since the last run")
		if c := run.Counts; c.Updated != 1 || c.Inserted+c.Deleted+c.Rejected != 0 {
			t.Errorf("gone and back: %+v", c)
		}
		if after := k.gsid(id(2)); after != before {
			t.Errorf("row %s became %s", before, after)
		}
		k.equal("gone and back", "")

		// Changed before a run, and gone, made and back between its pages.
		k.sandbox.Advance(10 * time.Minute)
		create(3, "goes")
		_, err := k.sandbox.ChangeRows("account", 150, 5)
		k.must(err)
		reached, release := k.hold(later)
		run, err = k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
		k.must(err)
		k.reach(reached)
		k.sandbox.Advance(time.Second)
		remove(3)
		remove(2)
		create(2, "back again")
		create(4, "short-lived")
		create(5, "stays")
		remove(4)
		_, err = k.sandbox.DeleteRows("account", 30, 6)
		k.must(err)
		release()
		k.ended(k.wait(run), crosswalk.RunSuccess, "What changed since the last run")
		k.rests("between pages")
	})
}

// TestReadTwice has a first run read every record twice, as all were changed
// just before: each is inserted once or rejected once, and unchanged then.
func TestReadTwice(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		const accounts = 120
		cfg := fresh(t)
		cfg.ParallelFrom = 1 << 40
		began := time.Now().Truncate(time.Second)
		k := &keeper{world: newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Contacts: -1, Now: func() time.Time { return began }}, cfg)}
		k.conn = k.connect("Contoso")
		o, err := k.client.InsertObject(t.Context(), crosswalk.ObjectDefinition{DisplayName: "Shop", Fields: []crosswalk.FieldDefinition{
			{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100, Unique: true},
			{DisplayName: "Name", Type: crosswalk.FieldString, MaxLength: 20},
		}})
		k.must(err)
		in := keeping(k.conn.ID)
		in.Object = o.Name
		in.Mapping.Fields = []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "name", Target: "Name__gc"}}
		k.job, err = k.client.InsertJob(t.Context(), in)
		k.must(err)
		_, err = k.sandbox.ChangeRows("account", accounts, 1)
		k.must(err)
		rejected := int64(0)
		for id := range k.accounts("") {
			name := "short"
			if rejected < 7 {
				name = strings.Repeat("long ", 10)
				rejected++
			}
			k.write(http.MethodPatch, "accounts("+id+")", fmt.Sprintf(`{"name":%q}`, name))
		}
		run := k.runs(crosswalk.RunPartialSuccess, "first run")
		want := crosswalk.Counts{Read: 2 * accounts, Inserted: accounts - rejected, Unchanged: accounts, Rejected: rejected}
		got := run.Counts
		got.Pages, got.Bytes, got.Requests, got.Throttled = 0, 0, 0, 0
		if diff := cmp.Diff(want, got); diff != "" || k.rows(o.Name) != accounts-rejected {
			t.Errorf("%d rows, counts (-want +got):\n%s", k.rows(o.Name), diff)
		}
	})
}

// gsid returns the row of an account.
func (k *keeper) gsid(account string) string {
	k.t.Helper()
	for row, err := range k.client.Rows(k.t.Context(), "Company", client.RowFilter{}) {
		k.must(err)
		if row["External_ID"] == account {
			return row["GSID"].(string)
		}
	}
	k.t.Fatalf("no row of account %s", account)
	return ""
}
