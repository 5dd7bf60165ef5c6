// Package kill shows that a run survives the death of the server: it goes on
// where the last stored batch ended and stores every record exactly once.
package kill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/test/program"
)

const accounts = 50_000

// built is the program that the tests run.
var built program.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func TestServerKilledInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	path, err := built.Path()
	if err != nil {
		t.Fatal(err)
	}
	sandbox := start(t, path, "sandbox", "--listen", "127.0.0.1:0", "--users", "5", "--accounts", "50000", "--contacts", "0")
	// Small pages and short slices, so that the run has many places to die in.
	data := filepath.Join(t.TempDir(), "data")
	serve := func() (*program.Process, *client.Client) {
		p := start(t, path, "serve", "--listen", "127.0.0.1:0", "--data", data, "--page-size", "500", "--slice-budget", "1s")
		token, err := os.ReadFile(filepath.Join(data, "token"))
		if err != nil {
			t.Fatal(err)
		}
		return p, client.New(p.Ready.URL, strings.TrimSpace(string(token)))
	}
	server, c := serve()
	run := startCompanySync(ctx, t, path, c, server, sandbox, data)

	// Twice: killed while working, and killed again after it took up the run.
	for _, share := range []int64{accounts / 5, accounts / 2} {
		waitRead(ctx, t, c, run.ID, share)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		server, c = serve()
		now, err := c.FindRun(ctx, run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if now.Counts.Read < share {
			t.Errorf("after the restart %d records are read, %d were before", now.Counts.Read, share)
		}
	}

	run, err = c.WaitRun(ctx, run.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := run.Counts
	// Records that were changed just before are read once more, and found unchanged.
	if run.Status != crosswalk.RunSuccess || n.Read != accounts+n.Unchanged || n.Inserted != accounts || n.Rejected != 0 || n.Updated != 0 {
		t.Errorf("run ended %s (%s) with counts %+v", run.Status, run.Message, n)
	}
	company, err := c.FindObject(ctx, "Company")
	if err != nil {
		t.Fatal(err)
	}
	if company.Rows != accounts {
		t.Errorf("%d companies, want %d", company.Rows, accounts)
	}
	if err := server.Stop(ctx); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
}

// startCompanySync connects to the sandbox and starts a Company Sync.
func startCompanySync(ctx context.Context, t *testing.T, path string, c *client.Client, server, sandbox *program.Process, data string) crosswalk.Run {
	t.Helper()
	conn, err := c.InsertConnection(ctx, client.ConnectionInput{
		Name: "Sandbox", EnvironmentURL: sandbox.Ready.URL,
		ClientID: sandbox.Ready.ClientID, ClientSecret: sandbox.Ready.ClientSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Authorize(path, server.Ready.URL, data, conn.Name); err != nil {
		t.Fatal(err)
	}
	templates, err := c.Templates(ctx, conn.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range templates {
		if template.Name == crosswalk.TemplateCompanySync {
			job, err := c.InsertJob(ctx, template.Job)
			if err != nil {
				t.Fatal(err)
			}
			run, err := c.StartRun(ctx, job.ID, crosswalk.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			return run
		}
	}
	t.Fatal("no template for a Company Sync")
	return crosswalk.Run{}
}

// waitRead waits until the run has read n records and fails when it ended
// before.
func waitRead(ctx context.Context, t *testing.T, c *client.Client, id string, n int64) {
	t.Helper()
	for {
		run, err := c.FindRun(ctx, id)
		switch {
		case err != nil:
			t.Fatal(err)
		case run.Status.Ended():
			t.Fatalf("the run ended %s (%s) after %d records, before it could be killed", run.Status, run.Message, run.Counts.Read)
		case run.Counts.Read >= n:
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func start(t *testing.T, path string, args ...string) *program.Process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.Start(log, filepath.Dir(log.Name()), path, args...)
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("%v\n%s", err, text)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		_ = log.Close()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("log of %s:\n%s", args[0], text[max(0, len(text)-8000):])
		}
	})
	return p
}
