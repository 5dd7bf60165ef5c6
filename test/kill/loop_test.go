package kill

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

var (
	cycles    = flag.Int("cycles", 6, "how often the server is killed, on each database")
	databases = flag.String("databases", "both", "sqlite, postgres or both")
	seed      = flag.Uint64("seed", 0, "of the changes and the moments of the kills; 0 takes one by the time")
)

// TestKillLoop kills a server with SIGKILL at random moments, also while it
// starts, while the rows of the source change and runs of several jobs are at
// work, some in several streams and some into an empty object, and starts it
// again. In the end a run of each job goes through in peace: source and target
// are then equal row for row, no effect has happened twice, a further run finds
// nothing to do, and no run has failed.
func TestKillLoop(t *testing.T) {
	t.Parallel()
	path, err := built.Path()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		if *databases != "both" && *databases != d.String() {
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			l := newLoop(t, path, d)
			for l.cycle = 1; l.cycle <= *cycles; l.cycle++ {
				l.turn()
			}
			l.finish()
		})
	}
}

// loop is a server that is killed again and again.
type loop struct {
	*testing.T
	ctx    context.Context
	path   string // of the program
	data   string
	dsn    string
	source *mirror.Source
	jobs   []crosswalk.Job
	copies []crosswalk.Job // each fills an object of its own
	random *rand.Rand
	log    *os.File
	cycle  int
	killed [3]int // while it started, while runs were at work, while none was
}

func newLoop(t *testing.T, path string, d database.Dialect) *loop {
	t.Helper()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) >> 10 & 0xffffff
	}
	t.Logf("go on from here with -seed %d", *seed)
	l := &loop{T: t, ctx: t.Context(), path: path, data: filepath.Join(t.TempDir(), "data"), random: rand.New(rand.NewPCG(*seed, 1))}
	l.dsn = "sqlite:" + filepath.Join(l.data, "crosswalk.db")
	if d == database.Postgres {
		l.dsn = databasetest.DSN(t, d)
	}
	var err error
	if l.log, err = os.Create(filepath.Join(t.TempDir(), "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = l.log.Close()
		if text, _ := os.ReadFile(l.log.Name()); t.Failed() {
			t.Logf("the end of the servers' log:\n%s", text[max(0, len(text)-12000):])
		}
	})
	l.source = mirror.NewSource(t, sandbox.Config{Seed: *seed, Users: 20, Accounts: 900, Contacts: 900, Latency: 4 * time.Millisecond})
	server, c := l.serve()
	if l.jobs, err = l.source.Connect(l.ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(l.ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

// args are those of the server: small pages and short slices, so that runs
// have many places to die in, several of them at a time.
func (l *loop) args() []string {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", l.data, "--page-size", "60", "--parallel-from", "200", "--slice-budget", "400ms", "--log-level", "info"}
	if strings.HasPrefix(l.dsn, "postgres") {
		args = append(args, "--database", l.dsn)
	}
	return args
}

func (l *loop) serve() (*program.Process, *client.Client) {
	l.Helper()
	fmt.Fprintf(l.log, "---- cycle %d\n", l.cycle)
	p, err := program.Start(l.log, filepath.Dir(l.log.Name()), l.path, l.args()...)
	if err != nil {
		l.Fatalf("cycle %d: %v", l.cycle, err)
	}
	l.Cleanup(func() { _ = p.Kill() })
	token, err := os.ReadFile(filepath.Join(l.data, "token"))
	if err != nil {
		l.Fatal(err)
	}
	return p, client.New(p.Ready.URL, strings.TrimSpace(string(token)))
}

// turn starts the server and kills it.
func (l *loop) turn() {
	if l.random.IntN(5) == 0 {
		l.killStarting()
		return
	}
	server, c := l.serve()
	if l.cycle/copyEvery >= len(l.copies) {
		l.copyOf(c)
	}
	ctx, stop := context.WithCancel(l.ctx)
	var work sync.WaitGroup
	work.Go(func() {
		if err := l.source.Keep(ctx, l.random, 60*time.Millisecond); err != nil {
			l.Error(err)
		}
	})
	work.Go(func() { l.startRuns(ctx, c) })
	time.Sleep(rand.N(1300 * time.Millisecond))
	busy, err := mirror.Unfinished(l.ctx, c)
	if err != nil {
		l.Errorf("cycle %d: %v", l.cycle, err)
	}
	if err := server.Kill(); err != nil {
		l.Error(err)
	}
	stop()
	work.Wait()
	if len(busy) > 0 {
		l.killed[1]++
	} else {
		l.killed[2]++
	}
}

// startRuns starts a run of each job again and again, some of them over
// everything, which is read in several streams. What the server says
// about it does not matter: it may just have died.
func (l *loop) startRuns(ctx context.Context, c *client.Client) {
	jobs := slices.Concat(l.jobs, l.copies[len(l.copies)-1:])
	for ctx.Err() == nil {
		for _, i := range rand.Perm(len(jobs)) {
			var scope crosswalk.Scope
			if rand.N(3) == 0 {
				scope.Kind = crosswalk.ScopeEverything
			}
			_, _ = c.StartRun(ctx, jobs[i].ID, scope)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// killStarting kills the server before it may have said that it is ready.
func (l *loop) killStarting() {
	fmt.Fprintf(l.log, "---- cycle %d, killed while it starts\n", l.cycle)
	cmd := exec.Command(l.path, append(l.args(), "--json")...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = filepath.Dir(l.log.Name()), program.Environ(), io.Discard, l.log
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	time.Sleep(rand.N(500 * time.Millisecond))
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		l.Error(err)
	}
	_ = cmd.Wait()
	l.killed[0]++
}

// finish lets everything end in peace and compares.
func (l *loop) finish() {
	server, c := l.serve()
	ctx, cancel := context.WithTimeout(l.ctx, 40*time.Minute) // runs that were cut off too often rest for up to 15 minutes
	defer cancel()
	if _, err := mirror.Settle(ctx, c, slices.Concat(l.jobs, l.copies)); err != nil {
		l.Fatal(err)
	}
	again, err := mirror.Settle(ctx, c, l.jobs[:3])
	if err != nil {
		l.Fatal(err)
	}
	for _, r := range again {
		if n := r.Counts; n.Inserted+n.Updated+n.Deleted != 0 {
			l.Errorf("nothing has changed, and run %d of %s did something: %+v", r.Number, r.JobName, n)
		}
	}
	differences, err := l.source.Compare(ctx, c)
	if err != nil {
		l.Fatal(err)
	}
	db, err := database.Open(ctx, l.dsn, nil)
	if err != nil {
		l.Fatal(err)
	}
	defer db.Close()
	problems, err := mirror.Once(ctx, c, db)
	if err != nil {
		l.Fatal(err)
	}
	for _, d := range append(differences, problems...) {
		l.Error(d)
	}
	l.compareCopies(ctx, c)
	l.report(ctx, c)
	if err := server.Stop(ctx); err != nil {
		l.Errorf("the server did not end well: %v", err)
	}
}

// report prints what happened. Every run must have succeeded: no record is
// rejected, nobody cancels, and a server that is killed fails no run.
func (l *loop) report(ctx context.Context, c *client.Client) {
	ended := map[crosswalk.RunStatus]int{}
	var total crosswalk.Counts
	for r, err := range c.Runs(ctx, client.RunFilter{Paging: client.Paging{Limit: 200}}) {
		if err != nil {
			l.Fatal(err)
		}
		ended[r.Status]++
		total.Add(r.Counts)
		if r.Status != crosswalk.RunSuccess {
			l.Errorf("run %d of %s ended %s: %s (%s)\n%+v\n%s", r.Number, r.JobName, r.Status, r.Message, r.Hint, r, l.logOf(r))
		}
	}
	l.Logf("killed %d times while it started, %d while runs were at work, %d while none was; runs %v; read %d, inserted %d, updated %d, unchanged %d, deleted %d, pages %d",
		l.killed[0], l.killed[1], l.killed[2], ended, total.Read, total.Inserted, total.Updated, total.Unchanged, total.Deleted, total.Pages)
}

// logOf returns what the servers logged about a run, each line after the cycle
// that it is of.
func (l *loop) logOf(r crosswalk.Run) string {
	text, err := os.ReadFile(l.log.Name())
	if err != nil {
		return err.Error()
	}
	var lines []string
	cycle := ""
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "---- "):
			cycle = line
		case strings.Contains(line, fmt.Sprintf("run=%d ", r.Number)), strings.Contains(line, r.ID):
			lines, cycle = append(lines, cycle, line), ""
		}
	}
	return strings.Join(lines, "")
}
