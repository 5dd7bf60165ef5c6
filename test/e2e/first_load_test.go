package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// cities is a job that keeps an object by the cities of accounts, of which many
// have the same.
func (w *world) cities(conn crosswalk.Connection, object string, change func(*client.JobInput)) crosswalk.Job {
	w.t.Helper()
	in := client.JobInput{
		Name: "Cities of " + object, ConnectionID: conn.ID, Entity: "account", Object: object, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "address1_city", Target: "City__gc", Identifier: true},
			{Source: "name", Target: "Title__gc"},
			{Source: "telephone1", Target: "Phone__gc", OnNull: crosswalk.NullKeep},
		}},
	}
	if change != nil {
		change(&in)
	}
	return w.newJob(in)
}

func cityFields(more ...crosswalk.FieldDefinition) []crosswalk.FieldDefinition {
	return append([]crosswalk.FieldDefinition{
		{DisplayName: "City", Type: crosswalk.FieldString, MaxLength: 300},
		{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 300},
		{DisplayName: "Phone", Type: crosswalk.FieldString, MaxLength: 300},
	}, more...)
}

// isFirstLoad reports whether an object is being filled for the first time:
// then nobody can say what would become of records.
func (w *world) isFirstLoad(conn crosswalk.Connection, j crosswalk.Job) bool {
	w.t.Helper()
	_, err := w.client.PreviewJob(w.t.Context(), j.ID, client.JobInput{
		Name: j.Name, ConnectionID: conn.ID, Entity: j.Entity, Object: j.Object, Operation: j.Operation, LoadMode: j.LoadMode, Mapping: j.Mapping,
	}, 1)
	if err == nil {
		return false
	}
	if e := problem(w.t, err, crosswalk.CodeUnavailable); !strings.Contains(e.Message, "for the first time") {
		w.t.Errorf("preview: %v", e)
	}
	return true
}

// nth holds the answer to the nth request for a page of accounts back.
func (w *world) nth(n int64) (reached <-chan struct{}, release func()) {
	var pages atomic.Int64
	return w.hold(func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/accounts") && !strings.Contains(r.URL.RawQuery, "aggregate") && pages.Add(1) == n
	})
}

// An empty object is filled without its index. Its rows in the end, and the
// counts of the run, are those of an object that is filled as usual.
func TestFirstLoad(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		for _, operation := range []crosswalk.Operation{crosswalk.OperationUpsert, crosswalk.OperationInsert} {
			t.Run(string(operation), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sandbox.Config{Accounts: 600, Users: 5, Contacts: -1}, fresh(t))
				conn := w.connect("Contoso")
				loaded := w.object("Loaded", cityFields()...)
				plain := w.object("Plain", cityFields(crosswalk.FieldDefinition{DisplayName: "Code", Type: crosswalk.FieldString, MaxLength: 10, Unique: true})...)
				var runs []crosswalk.Run
				var rows []map[string][]any
				for _, o := range []crosswalk.Object{loaded, plain} {
					job := w.cities(conn, o.Name, func(in *client.JobInput) { in.Operation = operation })
					reached, release := w.nth(5)
					run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
					w.must(err)
					w.reach(reached)
					if got := w.isFirstLoad(conn, job); got != (o.Name == loaded.Name) {
						t.Errorf("%s is filled for the first time: %v", o.Name, got)
					}
					release()
					runs = append(runs, w.wait(run))
					rows = append(rows, w.stored(o.Name, "City__gc", "Title__gc", "Phone__gc"))
					if n := len(rows[len(rows)-1]); int64(n) != w.rows(o.Name) {
						t.Errorf("%d rows of %s are of %d cities", w.rows(o.Name), o.Name, n)
					}
				}
				if diff := cmp.Diff(runs[1].Counts, runs[0].Counts, volatile); diff != "" || runs[0].Status != runs[1].Status {
					t.Errorf("counts of %s and %s (-usual +first load):\n%s", runs[1].Status, runs[0].Status, diff)
				}
				if diff := cmp.Diff(rows[1], rows[0]); diff != "" {
					t.Errorf("rows (-usual +first load):\n%s", diff)
				}
				if c := runs[0].Counts; c.Inserted >= c.Read-c.Rejected || c.Inserted+c.Updated+c.Unchanged+c.Duplicates+c.Skipped+c.Rejected != c.Read {
					t.Errorf("%+v", c)
				}
			})
		}
	})
}

// A job that finds rows in an object that is being filled for the first time
// has it made whole, and both runs go on.
func TestFirstLoadIsNeeded(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		w := newWorld(t, sandbox.Config{Accounts: 400, Users: 5, Contacts: -1}, fresh(t))
		conn := w.connect("Contoso")
		city := w.object("City", cityFields()...)
		visit := w.object("Visit", crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100},
			crosswalk.FieldDefinition{DisplayName: "Place", Type: crosswalk.FieldString, MaxLength: 300},
			crosswalk.FieldDefinition{DisplayName: "City", Type: crosswalk.FieldLookup, Lookup: city.Name})
		first := w.cities(conn, city.Name, nil)
		visits := w.newJob(client.JobInput{
			ConnectionID: conn.ID, Entity: "account", Object: visit.Name, LoadMode: crosswalk.LoadFull,
			Mapping: crosswalk.Mapping{
				Fields: []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "address1_city", Target: "Place__gc"}},
				Derived: []crosswalk.DerivedMapping{
					{Target: "City__gc", Match: []crosswalk.MatchPair{{Source: "address1_city", Field: "City__gc"}}, OnSeveral: crosswalk.SeveralReject},
				},
			},
		})
		reached, release := w.nth(5)
		run, err := w.client.StartRun(t.Context(), first.ID, crosswalk.Scope{})
		w.must(err)
		w.reach(reached)
		if !w.isFirstLoad(conn, first) {
			t.Error("the object is not filled for the first time")
		}
		if second := w.run(visits); second.Status != crosswalk.RunSuccess || second.Counts.Inserted != 400 {
			t.Errorf("%s (%s) %+v", second.Status, second.Message, second.Counts)
		}
		if w.isFirstLoad(conn, first) {
			t.Error("the object is still filled for the first time")
		}
		release()
		run = w.wait(run)
		if c := run.Counts; run.Status != crosswalk.RunSuccess && run.Status != crosswalk.RunPartialSuccess || c.Inserted+c.Updated+c.Unchanged+c.Duplicates+c.Rejected != c.Read {
			t.Errorf("%s (%s) %+v", run.Status, run.Message, c)
		}
		cities := map[string]string{} // by GSID
		for name, row := range w.rowsBy(city.Name, "City__gc") {
			cities[row[crosswalk.GSIDField].(string)] = name
		}
		for key, row := range w.stored(visit.Name, "Key__gc", "City__gc", "Place__gc") {
			gsid, _ := row[0].(string)
			if place, _ := row[1].(string); cities[gsid] != place {
				t.Errorf("%s is in %q, want %q", key, cities[gsid], place)
			}
		}
	})
}

// A run that is cancelled while it fills an empty object leaves its rows, each
// once, and the object as any other.
func TestFirstLoadCancelled(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		w := newWorld(t, sandbox.Config{Accounts: 400, Users: 5, Contacts: -1}, fresh(t))
		conn := w.connect("Contoso")
		city := w.object("City", cityFields()...)
		job := w.cities(conn, city.Name, nil)
		reached, release := w.nth(6)
		run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
		w.must(err)
		w.reach(reached)
		for run.Counts.Pages < 3 {
			run, err = w.client.FindRun(t.Context(), run.ID)
			w.must(err)
		}
		_, err = w.client.CancelRun(t.Context(), run.ID)
		w.must(err)
		if run = w.wait(run); run.Status != crosswalk.RunCancelled {
			t.Errorf("the run is %s", run.Status)
		}
		release()
		for deadline := time.Now().Add(30 * time.Second); w.isFirstLoad(conn, job); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the object is still filled for the first time")
			}
		}
		rows := w.stored(city.Name, "City__gc", "Title__gc")
		run, err = w.client.FindRun(t.Context(), run.ID)
		w.must(err)
		if c := run.Counts; int64(len(rows)) != w.rows(city.Name) || c.Inserted != int64(len(rows)) || c.Inserted+c.Updated+c.Unchanged+c.Duplicates+c.Rejected != c.Read {
			t.Errorf("%d rows of %d cities; %+v", w.rows(city.Name), len(rows), c)
		}
		if again := w.run(job); slices.Contains([]crosswalk.RunStatus{crosswalk.RunFailed, crosswalk.RunCancelled}, again.Status) {
			t.Errorf("the next run is %s: %s", again.Status, again.Message)
		}
	})
}
