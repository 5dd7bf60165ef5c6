package kill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// house is a server with its data, and the source that it reads.
type house struct {
	*testing.T
	ctx    context.Context
	path   string // of the program
	data   string
	dsn    string
	log    *program.Log
	stderr io.Writer // log, unless it is set
	source *mirror.Source
	jobs   []crosswalk.Job

	pageSize int

	server *program.Process
	*client.Client
}

// newHouse makes a house whose every job has run once. Its server reads small
// pages.
func newHouse(t *testing.T, dsn string) *house {
	t.Helper()
	h := emptyHouse(t, dsn, filepath.Join(t.TempDir(), "data"), sandbox.Config{Seed: 21, Users: 20, Accounts: 500, Contacts: 300})
	h.start()
	var err error
	h.jobs, err = h.source.Connect(h.ctx, h.Client)
	h.must(err)
	_, err = mirror.Settle(h.ctx, h.Client, h.jobs)
	h.must(err)
	return h
}

// emptyHouse makes a house without any job.
func emptyHouse(t *testing.T, dsn, data string, cfg sandbox.Config) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	h := &house{T: t, ctx: ctx, data: data, dsn: dsn, log: &program.Log{}, pageSize: 50}
	h.stderr = h.log
	if h.dsn == "" {
		h.dsn = "sqlite:" + filepath.Join(h.data, "crosswalk.db")
	}
	var err error
	h.path, err = built.Path()
	h.must(err)
	h.source = mirror.NewSource(t, cfg)
	t.Cleanup(func() {
		if text := h.log.String(); t.Failed() {
			t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) args() []string {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", h.data, "--page-size", strconv.Itoa(h.pageSize), "--slice-budget", "2s"}
	if strings.HasPrefix(h.dsn, "postgres") {
		args = append(args, "--database", h.dsn)
	}
	return args
}

func (h *house) try() error {
	var err error
	h.server, err = program.Start(h.stderr, h.TempDir(), h.path, h.args()...)
	return err
}

func (h *house) start() {
	h.Helper()
	h.must(h.try())
	p := h.server
	h.Cleanup(func() { _ = p.Kill() })
	token, err := os.ReadFile(filepath.Join(h.data, "token"))
	h.must(err)
	h.Client = client.New(h.server.Ready.URL, strings.TrimSpace(string(token)))
}

// change changes rows of the source.
func (h *house) change(seed uint64) {
	h.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 12 {
		h.must(h.source.Change(h.ctx, r))
	}
}

// half starts a run of every job and returns when the journal's is at work,
// with pages to come: the source holds on until released.
func (h *house) half() (run crosswalk.Run, release func()) {
	h.Helper()
	pages, on := 0, make(chan struct{})
	reached := make(chan struct{})
	stop := h.source.Sandbox.Inject(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.RawQuery, "skiptoken") || !strings.Contains(r.URL.Path, "/accounts") {
			return false
		}
		if pages++; pages == 4 {
			close(reached)
		}
		if pages >= 4 {
			select {
			case <-on:
			case <-r.Context().Done():
			}
		}
		return false
	})
	run, err := h.StartRun(h.ctx, h.jobs[3].ID, crosswalk.Scope{})
	h.must(err)
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		h.Fatal("the run does not get half way")
	}
	return run, func() { close(on); stop() }
}

// ends waits until the server has ended by itself, and returns what it said.
func (h *house) ends() string {
	h.Helper()
	for began := time.Now(); !h.server.Ended(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 40*time.Second {
			h.Fatal("the server goes on")
		}
	}
	return h.log.String()
}

// equal lets everything end and checks that source and target are equal and
// that no record came twice in a run.
func (h *house) equal() {
	h.Helper()
	_, err := mirror.Settle(h.ctx, h.Client, h.jobs)
	h.must(err)
	differences, err := h.source.Compare(h.ctx, h.Client)
	h.must(err)
	for _, d := range differences {
		h.Error(d)
	}
}

// TestDatabaseTakenAway deletes the file of the database under a server, and
// puts an older copy in its place. The server ends and says why, and nothing is
// written to the copy, with which it then starts again and goes on.
func TestDatabaseTakenAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	h.must(h.server.Stop(h.ctx))
	file := filepath.Join(h.data, "crosswalk.db")
	older, err := os.ReadFile(file)
	h.must(err)
	h.start()
	h.change(1)
	_, release := h.half()
	h.must(os.Remove(file))
	release()
	if text := h.ends(); !strings.Contains(text, "was taken away while Crosswalk had it open") {
		t.Error("it does not say why it ended")
	}
	if err := h.try(); err == nil {
		_ = h.server.Kill()
		t.Fatal("it started with nothing")
	}
	if text := h.log.String(); !strings.Contains(text, "crosswalk.db is missing") {
		t.Error("it does not say what is missing")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was made in its place")
	}

	h.put(older)
	h.start()
	h.equal()

	_, release = h.half()
	h.must(os.WriteFile(file+".new", older, 0o600))
	h.must(os.Rename(file+".new", file))
	release()
	if text := h.ends(); !strings.Contains(text, "was replaced while Crosswalk had it open") {
		t.Error("it does not say why it ended")
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(older) {
		t.Errorf("the file that was put there has changed: %v", err)
	}
	h.put(older)
	h.start()
	h.change(2)
	h.equal()
}

// put puts a copy in the place of the SQLite file.
func (h *house) put(older []byte) {
	h.Helper()
	file := filepath.Join(h.data, "crosswalk.db")
	for _, more := range []string{"-wal", "-shm"} {
		if err := os.Remove(file + more); err != nil && !errors.Is(err, os.ErrNotExist) {
			h.Fatal(err)
		}
	}
	h.must(os.WriteFile(file, older, 0o600))
}

// TestRestored restores an older copy, made in the middle of a run, while no
// server runs: that run and all that follow go on from there. What the queue,
// which is not restored on SQLite, remembers of the time that is lost does not
// matter.
func TestRestored(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, dsnOf(t, d))
			run, release := h.half()
			h.must(h.server.Kill())
			release()
			restore := h.copy()
			h.start()
			h.change(1)
			h.equal() // this time is lost
			h.must(h.server.Stop(h.ctx))
			restore()
			h.start()
			r, err := h.WaitRun(h.ctx, run.ID, nil)
			h.must(err)
			if r.Status != crosswalk.RunSuccess || r.Counts.Read != r.Counts.Inserted {
				t.Errorf("the run of the copy ended %s (%s): %+v", r.Status, r.Message, r.Counts)
			}
			h.change(9)
			h.equal()
			again, err := mirror.Settle(h.ctx, h.Client, h.jobs[:3])
			h.must(err)
			for _, r := range again {
				if n := r.Counts; n.Inserted+n.Updated+n.Deleted != 0 {
					t.Errorf("nothing has changed, and run %d of %s did something: %+v", r.Number, r.JobName, n)
				}
			}
			h.once()
		})
	}
}

// once checks that no effect happened twice.
func (h *house) once() {
	h.Helper()
	db, err := database.Open(h.ctx, h.dsn, nil)
	h.must(err)
	defer db.Close()
	problems, err := mirror.Once(h.ctx, h.Client, db)
	h.must(err)
	for _, p := range problems {
		h.Error(p)
	}
}

func dsnOf(t *testing.T, d database.Dialect) string {
	t.Helper()
	if d == database.SQLite {
		return ""
	}
	return databasetest.DSN(t, d)
}

// copy copies the database while no server runs, and returns what restores it.
func (h *house) copy() (restore func()) {
	h.Helper()
	if !strings.HasPrefix(h.dsn, "postgres") {
		file := filepath.Join(h.data, "crosswalk.db")
		var kept [2][]byte
		for i, more := range []string{"", "-wal"} { // it was killed
			text, err := os.ReadFile(file + more)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				h.Fatal(err)
			}
			kept[i] = text
		}
		return func() {
			h.put(kept[0])
			if kept[1] != nil {
				h.must(os.WriteFile(file+"-wal", kept[1], 0o600))
			}
		}
	}
	name, admin := h.admin()
	admin("CREATE DATABASE copy_of_" + name + " TEMPLATE " + name)
	return func() {
		admin("DROP DATABASE " + name)
		admin("ALTER DATABASE copy_of_" + name + " RENAME TO " + name)
	}
}

// admin returns the name of the PostgreSQL database, and what runs statements
// on its server when nobody uses the database.
func (h *house) admin() (name string, run func(sql string)) {
	h.Helper()
	head, rest, _ := strings.Cut(h.dsn, "@/")
	name, query, _ := strings.Cut(rest, "?")
	return name, func(text string) {
		h.Helper()
		db, err := database.Open(h.ctx, head+"@/postgres?"+query, nil)
		h.must(err)
		defer db.Close()
		end := fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE '%%%s'", name)
		for range 50 { // those who use it come back
			for _, sql := range []string{end, text} {
				rows, e := db.Query(h.ctx, sql)
				if err = e; e == nil {
					_ = rows.Close()
					err = rows.Err()
				}
			}
			if err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		h.Fatal(err)
	}
}

// further waits until the server has noted that the database has come further.
func (h *house) further() {
	h.Helper()
	db, err := database.Open(h.ctx, h.dsn, nil)
	h.must(err)
	defer db.Close()
	moves := func() (n int) {
		h.must(db.QueryRow(h.ctx, "SELECT moves FROM cw_history").Scan(&n))
		return n
	}
	for before, began := moves(), time.Now(); moves() == before; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			h.Fatal("it does not")
		}
	}
}

// TestRestoredUnderAServer puts an older copy of a PostgreSQL database in its
// place while a server works on it. The server notices, ends and says why, and
// the runs that it had at work do not count as read. After a new start it goes
// on from what the copy holds.
func TestRestoredUnderAServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, databasetest.DSN(t, database.Postgres))
	h.change(1)
	run, release := h.half()
	restore := h.copy() // of the run in the middle
	h.further()
	restore()
	release()
	if text := h.ends(); !strings.Contains(text, "was replaced by an older or another one while Crosswalk worked on it") {
		t.Error("it does not say why it ended")
	}
	h.start()
	r, err := h.WaitRun(h.ctx, run.ID, nil)
	h.must(err)
	if r.Status != crosswalk.RunFailed || !strings.Contains(r.Message, "replaced") || r.Hint == "" {
		t.Errorf("the run in the middle ended %s: %q (%q)", r.Status, r.Message, r.Hint)
	}
	h.change(2)
	h.equal()
}
