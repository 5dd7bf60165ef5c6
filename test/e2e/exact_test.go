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
		"by time of changes": {false, 1 << 40, "Every record, as this is the first run to end. Dynamics does not track"},
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

// twice returns a keeper of shops with a short name each, some of whose accounts
// have a long one, and whose first run reads every record twice, as all were
// changed just before.
func twice(t *testing.T, cfg server.Config, accounts, long int) (k *keeper, object string) {
	t.Helper()
	cfg.ParallelFrom = 1 << 40
	began := time.Now().Truncate(time.Second)
	k = &keeper{world: newWorld(t, sandbox.Config{Accounts: accounts, Users: 5, Contacts: -1, Now: func() time.Time { return began }}, cfg)}
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
	for id := range k.accounts("") {
		k.name(id, long > 0)
		long--
	}
	return k, o.Name
}

// name gives an account a name that is too long for a shop, or one that is not.
func (k *keeper) name(account string, long bool) {
	k.t.Helper()
	name := "short"
	if long {
		name = strings.Repeat("long ", 10)
	}
	k.write(http.MethodPatch, "accounts("+account+")", fmt.Sprintf(`{"name":%q}`, name))
}

// counted checks what a run did with records.
func (k *keeper) counted(run crosswalk.Run, want crosswalk.Counts) {
	k.t.Helper()
	got := run.Counts
	got.Pages, got.Bytes, got.Requests, got.Throttled = 0, 0, 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		k.t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestReadTwice has a first run read every record twice: each is inserted once
// or rejected once, and unchanged then.
func TestReadTwice(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		k, object := twice(t, fresh(t), 120, 7)
		run := k.runs(crosswalk.RunPartialSuccess, "first run")
		k.counted(run, crosswalk.Counts{Read: 240, Inserted: 113, Unchanged: 120, Rejected: 7})
		if n := k.rows(object); n != 113 {
			t.Errorf("%d rows", n)
		}
	})
}

// TestRejectedThenStored has a run read every record twice, some of which are
// mended before the second time and one of which is spoilt, while the server is
// stopped. The rejects of the run are those whose last reading was rejected, and
// when none is left, it is a success.
func TestRejectedThenStored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mended, spoilt int
		ends           crosswalk.RunStatus
	}{
		"some": {4, 1, crosswalk.RunPartialSuccess},
		"all":  {7, 0, crosswalk.RunSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				cfg := fresh(t)
				k, object := twice(t, cfg, 120, 7)
				reached, release := k.hold(func(r *http.Request) bool {
					return strings.HasSuffix(r.URL.Path, "/accounts") && strings.Contains(r.URL.RawQuery, "filter=modifiedon")
				})
				run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
				k.must(err)
				k.reach(reached)
				for deadline := time.Now().Add(20 * time.Second); run.Counts.Read < 120 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
					run, err = k.client.FindRun(t.Context(), run.ID)
					k.must(err)
				}
				k.counted(run, crosswalk.Counts{Read: 120, Inserted: 113, Rejected: 7})
				k.stop()
				left := map[string]bool{}
				mended, spoilt := 0, 0
				for id, row := range k.accounts("") {
					switch long := row[0] != "short"; {
					case long && mended < test.mended:
						k.name(id, false)
						mended++
					case !long && spoilt < test.spoilt:
						k.name(id, true)
						spoilt++
						left[id] = true
					case long:
						left[id] = true
					}
				}
				release()
				k.start(cfg)
				run = k.ended(k.wait(run), test.ends, "first run")
				k.counted(run, crosswalk.Counts{
					Read: 240, Inserted: int64(113 + mended), Unchanged: int64(120 - spoilt), Rejected: int64(len(left)),
				})
				if n := k.rows(object); n != int64(113+mended) || mended != test.mended {
					t.Errorf("%d rows, %d mended", n, mended)
				}
				rejects, err := k.client.ListRejects(t.Context(), run.ID, client.RejectFilter{})
				k.must(err)
				got := map[string]bool{}
				for _, r := range rejects.Items {
					got[r.SourceID] = true
				}
				if diff := cmp.Diff(left, got); diff != "" || rejects.Total != int64(len(left)) {
					t.Errorf("%d rejects (-want +got):\n%s", rejects.Total, diff)
				}
			})
		})
	}
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
