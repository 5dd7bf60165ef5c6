package e2e_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// names is the mapping of a key and a name into companies.
func names(key, name string) []crosswalk.FieldMapping {
	return []crosswalk.FieldMapping{{Source: key, Target: "External_ID"}, {Source: name, Target: "Name"}}
}

// Pages that lead back to one already read end the run with an error that says
// so and names the link by its hash, wherever slices end and however large the
// circle is; the next run is none the worse.
func TestPagesInCircles(t *testing.T) {
	t.Parallel()
	itself := func(w *world) {
		_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultLinkLoop, Path: "/accounts?$select", After: 3})
		w.must(err)
	}
	for name, test := range map[string]struct {
		lead   func(w *world)
		budget time.Duration // of slices
		most   int64         // records read
	}{
		"in a slice":                    {itself, 0, 60},
		"between slices":                {itself, time.Nanosecond, 60},
		"several pages":                 {func(w *world) { w.circle(6, 3) }, 0, 100},
		"several pages, between slices": {func(w *world) { w.circle(6, 3) }, time.Nanosecond, 200},
		"many pages, between slices":    {func(w *world) { w.circle(9, 2) }, time.Nanosecond, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, cfg server.Config) {
				cfg.PageSize, cfg.SliceBudget = 20, test.budget
				w := newWorld(t, sandbox.Config{Accounts: 200}, cfg)
				job := w.keep(w.connect("Contoso").ID, "account", "Company", names("accountid", "name")...)
				test.lead(w)
				run := w.run(job)
				if run.Status != crosswalk.RunFailed || !circles.MatchString(run.Message) || !strings.Contains(run.Hint, "Run the job again") {
					t.Errorf("%s %q %q", run.Status, run.Message, run.Hint)
				}
				if c := run.Counts; c.Read == 0 || c.Read > test.most || w.rows("Company") > c.Inserted {
					t.Errorf("%d rows, %+v", w.rows("Company"), c)
				}
				w.sandbox.RemoveFault(0)
				w.edit.Store(nil)
				if run = w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Read != 200 || w.rows("Company") != 200 {
					t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
				}
			})
		})
	}
}

var (
	circles  = regexp.MustCompile(`go round in circles: page \d+ leads back to one already read \(link [0-9a-f]{12}\)`)
	nextPage = regexp.MustCompile(`"@odata\.nextLink":"[^"]*pagenumber=%22(\d+)%22[^"]*"`)
)

// circle has the link to page from lead to page to instead.
func (w *world) circle(from, to int) {
	var links sync.Map
	edit := func(answer []byte) []byte {
		return nextPage.ReplaceAllFunc(answer, func(link []byte) []byte {
			number := string(nextPage.FindSubmatch(link)[1])
			links.LoadOrStore(number, slices.Clone(link))
			if back, ok := links.Load(strconv.Itoa(to)); ok && number == strconv.Itoa(from) {
				return back.([]byte)
			}
			return link
		})
	}
	w.edit.Store(&edit)
}

// A page without rows that has a link is not the end.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 100}, server.Config{PageSize: 20})
	job := w.keep(w.connect("Contoso").ID, "account", "Company", names("accountid", "name")...)
	_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultEmptyPage, Path: "/accounts?", Count: 3})
	w.must(err)
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 100 || run.Counts.Pages != 9 { // the last one is full, and so asked for in two
		t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
	}

	e := newEnvironment(t, sandbox.Config{Accounts: 120, Users: 5})
	_, err = e.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultEmptyPage, Path: "/accounts?", Count: 1000, Probability: 0.5, Seed: 5})
	w.must(err)
	r := e.replica(30)
	r.sync()
	for seed := range uint64(3) {
		_, err := e.sandbox.ChangeRows("account", 70, seed)
		w.must(err)
		_, err = e.sandbox.DeleteRows("account", 3, seed)
		w.must(err)
		r.sync()
	}
	r.equal("with empty pages")
	if f := e.sandbox.Faults()[0]; f.Struck == 0 || r.said != nil {
		t.Errorf("struck %d times, said %q", f.Struck, r.said)
	}
}

// A run whose link is no longer taken when it goes on reads from the start
// again; one to which that happens without end fails.
func TestEndedLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 100, Unverified: sandbox.Unverified{ExpiringLinks: true}}, server.Config{PageSize: 20, SliceBudget: time.Nanosecond})
	job := w.keep(w.connect("Contoso").ID, "account", "Company", names("accountid", "name")...)
	var pauses atomic.Int32 // how many are still to come
	w.sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/accounts") && strings.Contains(r.URL.RawQuery, "pagenumber=%224%22") && pauses.Add(-1) >= 0 {
			w.sandbox.Advance(11 * time.Minute)
		}
		return false
	})
	pauses.Store(2)
	run := w.run(job)
	if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 100 || run.Counts.Unchanged != 120 || run.Counts.Read != 220 || w.rows("Company") != 100 {
		t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	pauses.Store(1000)
	run = w.run(job)
	if run.Status != crosswalk.RunFailed || !strings.Contains(run.Message, "no longer valid") || run.Hint == "" {
		t.Errorf("%s %q %q", run.Status, run.Message, run.Hint)
	}
}

// A link that is eight days old has expired by a day: everything is read again,
// and the copy is right.
func TestEightDaysLater(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, sandbox.Config{Accounts: 120, Users: 5})
	r := e.replica(50)
	r.sync()
	for _, step := range []struct {
		days int
		said []string
	}{
		{6, nil},
		{8, []string{"Dynamics no longer knows what has changed since the last read: the token has expired, or the table was changed."}},
		{1, nil},
	} {
		r.said = nil
		if _, err := e.sandbox.DeleteRows("account", 5, uint64(step.days)); err != nil {
			t.Fatal(err)
		}
		e.sandbox.Advance(time.Duration(step.days) * 24 * time.Hour)
		r.sync()
		r.equal("later")
		if diff := cmp.Diff(step.said, r.said); diff != "" {
			t.Errorf("after %d more days (-want +got):\n%s", step.days, diff)
		}
	}
}

// Changes that are dated back are told where changes are tracked. Where they
// are looked for by their time they are not found, until everything is read.
func TestBackdatedChanges(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, sandbox.Config{Accounts: 120, Users: 5})
	tracked, dated := e.replica(50), e.replica(50)
	dated.query.Entity.ChangeTracking = false
	tracked.sync()
	dated.sync()
	if n, err := e.sandbox.BackdateRows("account", 10, 1, time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC)); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := e.sandbox.ChangeRows("account", 10, 2); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	tracked.sync()
	tracked.equal("tracked")
	dated.sync()
	now := e.table(dated.query.Query, accountSpecs)
	old := 0
	for id, text := range now {
		if dated.rows[id] != text {
			old++
		}
	}
	if old == 0 || old > 10 {
		t.Errorf("%d rows are out of date, want those that were dated back", old)
	}
	dated.query.Since = ""
	dated.sync()
	dated.equal("read as a whole")
}

// Entity sets have names of their own, which no rule makes out of those of the
// tables.
func TestIrregularEntitySets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Opportunities: 30, Accounts: 10, Users: 3}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	for _, test := range []struct{ entity, set, key, name string }{
		{"opportunity", "opportunities", "opportunityid", "name"},
		{"transactioncurrency", "transactioncurrencies", "transactioncurrencyid", "currencyname"},
		{"new_telemetry", "new_telemetries", "new_telemetryid", "new_name"},
		{"businessunit", "businessunits", "businessunitid", "name"},
	} {
		run := w.run(w.keep(conn.ID, test.entity, "Company", names(test.key, test.name)...))
		if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != int64(w.sandbox.Count(test.entity)) || run.Counts.Inserted == 0 {
			t.Errorf("%s: %s %q %+v", test.entity, run.Status, run.Message, run.Counts)
		}
		if len(w.sandbox.Requests(sandbox.RequestFilter{Path: "/" + test.set + "?"})) == 0 {
			t.Errorf("%s was not read as %s", test.entity, test.set)
		}
	}
	e := newEnvironment(t, sandbox.Config{Activities: 40, Users: 5})
	for table, set := range map[string]string{"systemuserroles": "systemuserrolescollection", "activityparty": "activityparties"} {
		r := e.replicaOf(table, specs(map[string]string{"systemuserroles": "systemuserroleid", "activityparty": "activitypartyid"}[table]), 0)
		r.sync()
		if r.query.EntitySet != set || len(r.rows) != e.sandbox.Count(table) {
			t.Errorf("%s: %d rows of %s", table, len(r.rows), r.query.EntitySet)
		}
	}
}

// Dataverse compares texts without regard to case, Crosswalk does not: texts
// that differ in case alone tell rows apart, and ids do not differ in case at
// all.
func TestIdentifiersByCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10, Contacts: 5}, server.Config{})
	conn := w.connect("Contoso")
	e := &environment{t: t, sandbox: w.sandbox, url: w.env}
	const id = "ABCDEF01-2345-4678-89AB-CDEF01234567"
	for _, body := range []string{`{"accountid":"` + id + `","name":"Litware"}`, `{"name":"LITWARE"}`, `{"name":"litware"}`} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.env+"/api/data/v9.2/accounts", strings.NewReader(body))
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+e.signIn())
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		w.must(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatal(resp.Status)
		}
	}
	job := w.keep(conn.ID, "account", "Company", crosswalk.FieldMapping{Source: "name", Target: "Name"}, crosswalk.FieldMapping{Source: "accountid", Target: "External_ID"})
	for _, again := range []bool{false, true} {
		run := w.run(job)
		if c := run.Counts; run.Status != crosswalk.RunSuccess || !again && c.Inserted != 13 || again && c.Unchanged != 13 {
			t.Errorf("again %t: %s %q %+v", again, run.Status, run.Message, c)
		}
	}
	rows := w.stored("Company", "Name", "External_ID")
	if rows["Litware"] == nil || rows["LITWARE"] == nil || rows["litware"] == nil {
		t.Fatalf("rows %v", rows)
	}
	if got := rows["Litware"][0]; got != strings.ToLower(id) {
		t.Errorf("an id is stored as %v", got)
	}
}
