package databasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// errMissing says that there is no PostgreSQL on this machine.
var errMissing = errors.New("PostgreSQL is not installed (Debian: apt install postgresql)")

// unsafe makes the server fast for tests: nothing of theirs outlives a crash.
const unsafe = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB -c jit=off"

var theServer = sync.OnceValues(func() (*server, error) { return launch(unsafe) })

func start(tb testing.TB) *server {
	tb.Helper()
	s, err := theServer()
	must(tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		tb.Skip(err)
	default:
		tb.Fatalf("databasetest: %v", err)
	}
}

// Start starts a Server for a test, which may do with it whatever it likes. It
// ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := Launch()
	must(tb, err)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("end PostgreSQL: %v", err)
		}
	})
	return s
}

// binaries returns the folder of the server's programs: the newest Debian
// package, else wherever the path finds them.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	best, version := "", 0
	for _, f := range found {
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(f)))); err == nil && v > version {
			best, version = filepath.Dir(f), v
		}
	}
	if best != "" {
		return best, nil
	}
	if f, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(f), nil
	}
	return "", errMissing
}

// guard runs the server and waits for the end of its standard input, which
// comes when the test process ends; then it stops the server and removes its
// folder. Nothing is left behind even when the tests are killed.
const guard = `"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses='' $3 >"$2/log" 2>&1 </dev/null &
pid=$!
read -r _
kill -INT $pid
wait $pid
rm -rf "$2"`

func launch(settings string) (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "crosswalk-pg-")
	if err != nil {
		return nil, err
	}
	// PostgreSQL refuses to run as root.
	var attr syscall.SysProcAttr
	if os.Geteuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
	initdb.SysProcAttr, initdb.Dir = &attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	run := exec.Command("/bin/sh", "-c", guard, "sh", bin, dir, settings)
	// A group of its own: Ctrl-C in the terminal must not reach the guard
	// before it has cleaned up.
	attr.Setpgid = true
	run.SysProcAttr, run.Dir = &attr, dir
	// The pipe stays open as long as this process lives.
	life, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := run.Start(); err != nil {
		return nil, err
	}
	s := &server{dir: dir, life: life, guard: run}
	return s, s.wait()
}

// Server is a PostgreSQL server of its own, with default settings.
type Server struct{ s *server }

// Launch starts a Server, to be ended by Close. If the process ends without
// that, the server ends too.
func Launch() (*Server, error) {
	s, err := launch("")
	return &Server{s}, err
}

// Make makes an empty database and returns its address.
func (s *Server) Make(ctx context.Context, name string) (dsn string, err error) {
	return s.s.dsn(name), s.s.exec(ctx, "CREATE DATABASE "+name)
}

// PID returns the process whose children work for the server.
func (s *Server) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// Close stops the server and removes its data.
func (s *Server) Close() error { return errors.Join(s.s.life.Close(), s.s.guard.Wait()) }

func postgresUser() (uid, gid uint32, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return uint32(uid), uint32(gid), nil
		}
	}
	return 0, 0, errors.New("PostgreSQL refuses to run as root and there is no user postgres or nobody")
}

// wait returns when the server accepts connections.
func (s *server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.dsn("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
