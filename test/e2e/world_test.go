// Package e2e_test drives a whole Crosswalk against a whole sandbox in one
// process: real HTTP and real OAuth between them, everything through the
// public API.
package e2e_test

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// onlyOn is so that the tests can be run once on each database: those that say
// on which they run then run there only on this one, and all others do too.
var onlyOn = flag.String("database", "", "run on sqlite or postgres only; by default most tests run on sqlite, and some on both")

// sqlitePrefix is how the address of a file begins.
const sqlitePrefix = "sqlite:"

// databases returns those that a test runs on which says so.
func databases() []database.Dialect {
	return slices.DeleteFunc([]database.Dialect{database.SQLite, database.Postgres}, func(d database.Dialect) bool {
		return *onlyOn != "" && *onlyOn != d.String()
	})
}

// world is a Crosswalk and the environment it connects to.
type world struct {
	t       *testing.T
	dir     string
	client  *client.Client
	url     string // of Crosswalk
	key     string // its API token
	sandbox *sandbox.Sandbox
	env     string // address of the sandbox
	behind  atomic.Pointer[sandbox.Sandbox]
	edit    atomic.Pointer[func(answer []byte) []byte] // changes what the Web API says, nil for nothing
	stop    func()
	dsn     string // of the database of its servers

	token    string // for the sandbox, see bearer
	signedIn time.Time
}

// newWorld starts both. They end with the test.
func newWorld(t *testing.T, data sandbox.Config, cfg server.Config) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.sandbox = newSandbox(t, data)
	w.behind.Store(w.sandbox)
	env := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := w.behind.Load().Handler()
		if edit := w.edit.Load(); edit != nil && strings.HasPrefix(r.URL.Path, "/api/data/") {
			h = edited(h, *edit)
		}
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(env.Close)
	w.env = env.URL
	w.start(cfg)
	return w
}

func newSandbox(t *testing.T, data sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts Crosswalk on the world's data directory.
func (w *world) start(cfg server.Config) {
	w.t.Helper()
	cfg.Listen, cfg.DataDir = "127.0.0.1:0", w.dir
	switch {
	case cfg.Database == sqlitePrefix: // the file, on whatever the tests run
		w.dsn = sqlitePrefix + filepath.Join(w.dir, "crosswalk.db")
		cfg.Database = ""
	case cfg.Database != "":
		w.dsn = cfg.Database
	case w.dsn == "" && *onlyOn == database.Postgres.String():
		w.dsn = databasetest.DSN(w.t, database.Postgres)
	case w.dsn == "":
		w.dsn = sqlitePrefix + filepath.Join(w.dir, "crosswalk.db")
	}
	if !strings.HasPrefix(w.dsn, sqlitePrefix) { // which is where a server puts it
		cfg.Database = w.dsn
	}
	if cfg.ClientID == "" {
		cfg.ClientID, cfg.ClientSecret = sandbox.ClientID, sandbox.ClientSecret
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.New(ctx, cfg)
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once atomic.Bool
	w.stop = func() {
		if once.Swap(true) {
			return
		}
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("server: %v", err)
		}
	}
	w.t.Cleanup(w.stop)
	w.url = s.URL()
	w.key = s.Token()
	w.client = client.New(s.URL(), w.key)
}

// connect creates a connection and authorizes it.
func (w *world) connect(name string) crosswalk.Connection {
	w.t.Helper()
	conn := w.create(name)
	if err := w.authorize(conn.ID, "accept"); err != nil {
		w.t.Fatalf("authorize: %v", err)
	}
	conn, err := w.client.FindConnection(w.t.Context(), conn.ID)
	w.must(err)
	return conn
}

func (w *world) create(name string) crosswalk.Connection {
	w.t.Helper()
	conn, err := w.client.InsertConnection(w.t.Context(), client.ConnectionInput{Name: name, EnvironmentURL: w.env})
	w.must(err)
	return conn
}

// authorize answers the sign-in pages and returns what Crosswalk's page says
// went wrong.
func (w *world) authorize(id, decision string) error {
	w.t.Helper()
	to, err := w.client.Authorize(w.t.Context(), id, "")
	if err != nil || to == "" { // an application needs no page
		return err
	}
	if err = visitor.SignIn(w.t.Context(), to, decision); err == nil {
		return nil
	}
	if failure := w.find(id).SignInFailure; failure != nil {
		return failure.Err()
	}
	return err
}

// job returns the job with that name.
func (w *world) job(name string) crosswalk.Job {
	w.t.Helper()
	page, err := w.client.ListJobs(w.t.Context(), client.JobFilter{Search: name})
	w.must(err)
	for _, j := range page.Items {
		if j.Name == name {
			return j
		}
	}
	w.t.Fatalf("no job %q among %d", name, len(page.Items))
	return crosswalk.Job{}
}

// companySync creates the job of the template.
func (w *world) companySync(connectionID string) crosswalk.Job {
	w.t.Helper()
	templates, err := w.client.Templates(w.t.Context(), connectionID)
	w.must(err)
	job, err := w.client.InsertJob(w.t.Context(), templates[0].Job)
	w.must(err)
	return job
}

// run runs a job to its end.
func (w *world) run(job crosswalk.Job) crosswalk.Run {
	w.t.Helper()
	return w.runOver(job, crosswalk.Scope{})
}

// everything has a run read every record, whatever the last one read.
var everything = crosswalk.Scope{Kind: crosswalk.ScopeEverything}

// runOver runs a job over the records of a scope to its end.
func (w *world) runOver(job crosswalk.Job, scope crosswalk.Scope) crosswalk.Run {
	w.t.Helper()
	run, err := w.client.StartRun(w.t.Context(), job.ID, scope)
	w.must(err)
	return w.wait(run)
}

func (w *world) wait(run crosswalk.Run) crosswalk.Run {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	run, err := w.client.WaitRun(ctx, run.ID, nil)
	w.must(err)
	return run
}

// rows returns the number of rows of an object.
func (w *world) rows(object string) int64 {
	w.t.Helper()
	o, err := w.client.FindObject(w.t.Context(), object)
	w.must(err)
	return o.Rows
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// problem returns the refusal of the API, which must have the code.
func problem(t *testing.T, err error, code crosswalk.Code) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want an error of code %s", err, code)
	}
	return e
}

// at returns the message at a field, "" when there is none.
func at(e *client.Error, field string) string {
	for _, f := range e.Fields {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}
