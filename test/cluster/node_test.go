package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// built is the program that the tests run.
var built program.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// cluster is a PostgreSQL database and the servers on it.
type cluster struct {
	*testing.T
	ctx  context.Context
	path string // of the program
	dsn  string
	db   *database.DB
	key  []byte // the key file of all
	dir  string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOn(t, databasetest.DSN(t, database.Postgres))
}

func newClusterOn(t *testing.T, dsn string) *cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	c := &cluster{T: t, ctx: ctx, dsn: dsn, dir: t.TempDir()}
	var err error
	if c.path, err = built.Path(); err != nil {
		t.Fatal(err)
	}
	if c.db, err = database.Open(ctx, c.dsn, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	return c
}

// node is one server.
type node struct {
	*program.Process
	*client.Client
	name string
	log  *program.Log
}

func (c *cluster) data(name string) string { return filepath.Join(c.dir, name) }

// start starts a node with a data directory of that name, which holds the key
// that all share, and sees that it serves the UI and the API.
func (c *cluster) start(name string) *node {
	c.Helper()
	key := filepath.Join(c.data(name), "crosswalk.key")
	if c.key != nil {
		c.must(os.MkdirAll(c.data(name), 0o700))
		c.must(os.WriteFile(key, c.key, 0o600))
	}
	n, err := c.try(name)
	if err != nil {
		c.Fatalf("%v\n%s", err, n.log)
	}
	c.Cleanup(func() {
		_ = n.Resume()
		_ = n.Kill()
		if text := n.log.String(); c.Failed() {
			c.Logf("log of %s:\n%s", name, text[max(0, len(text)-6000):])
		}
	})
	token, err := os.ReadFile(filepath.Join(c.data(name), "token"))
	c.must(err)
	n.Client = client.New(n.Ready.URL, strings.TrimSpace(string(token)))
	if c.key == nil {
		c.key, err = os.ReadFile(key)
		c.must(err)
	}
	_, err = n.CurrentUser(c.ctx)
	c.must(err)
	resp, err := http.Get(n.Ready.URL)
	c.must(err)
	page, err := io.ReadAll(resp.Body)
	c.must(err)
	c.must(resp.Body.Close())
	if !strings.Contains(string(page), "<title>Crosswalk</title>") {
		c.Errorf("%s shows %s %.200s", name, resp.Status, page)
	}
	return n
}

// end asks a node to end.
func (n *node) end(c *cluster) {
	c.Helper()
	if err := n.Stop(c.ctx); err != nil {
		c.Errorf("%s did not end well: %v", n.name, err)
	}
}

func (c *cluster) try(name string, more ...string) (*node, error) {
	n := &node{name: name, log: &program.Log{}}
	var err error
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", c.data(name), "--database", c.dsn, "--page-size", "50", "--slice-budget", "2s"}
	n.Process, err = program.Start(n.log, c.dir, c.path, append(args, more...)...)
	return n, err
}

// owner returns the name of the node that took a run last, and the run's
// fence.
func (c *cluster) owner(runID string) (name string, fence int64) {
	c.Helper()
	var home string
	err := c.db.QueryRow(c.ctx, "SELECT coalesce(n.home, ''), r.fence FROM cw_runs r LEFT JOIN cw_nodes n ON n.id = r.node WHERE r.id = $1", runID).Scan(&home, &fence)
	c.must(err)
	if home == "" {
		return "", fence
	}
	return filepath.Base(home), fence
}

// until waits until what is asked for has come, and returns how long that
// took.
func (c *cluster) until(what string, limit time.Duration, has func() bool) time.Duration {
	c.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		switch took := time.Since(began); {
		case has():
			return took
		case took > limit:
			c.Fatalf("%s: not within %s", what, limit)
		}
	}
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}
