// Package browser_test does the four set-up tasks the way a person does: by
// clicking through the console and the sandbox's sign-in pages in a headless
// Chromium, against the program as it is delivered.
package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/web"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// What the sandbox is asked to hold.
const (
	users    = "40"
	accounts = "1200"
)

func TestFourTasks(t *testing.T) {
	t.Parallel()
	chromium := lookup("CHROMIUM", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
	node := lookup("NODE", "node")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	_, packages := os.Stat(filepath.Join(root, "web", "node_modules", "playwright-core"))
	switch {
	case chromium == "":
		missing(t, "Chromium is not installed (Debian: apt-get install chromium)")
	case node == "":
		missing(t, "Node.js is not installed")
	case packages != nil:
		missing(t, "the packages of web/package.json are not installed (make ui)")
	case !web.Built():
		missing(t, "the console is not built (make ui)")
	}

	dir := t.TempDir()
	path, err := program.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	environment := start(t, path, "sandbox", "--listen", "127.0.0.1:0", "--users", users, "--accounts", accounts, "--contacts", "60")
	server := start(t, path, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--log-level", "warn")

	// The key of the sandbox's app comes from the seed, of which every sandbox
	// has the same unless it is told another.
	twin, err := sandbox.New(sandbox.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(dir, "app.pem")
	if err := os.WriteFile(certificate, twin.Certificate(), 0o600); err != nil {
		t.Fatal(err)
	}

	shots := os.Getenv("SCREENSHOTS")
	if shots == "" {
		shots = filepath.Join(dir, "screenshots")
	}
	if shots, err = filepath.Abs(shots); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "walk.mjs")
	cmd.Env = append(os.Environ(),
		"WALK_WEB="+filepath.Join(root, "web"),
		"WALK_CHROMIUM="+chromium,
		"WALK_SHOTS="+shots,
		"WALK_LINK="+server.SignInLink,
		"WALK_SANDBOX="+environment.URL,
		"WALK_CLIENT_ID="+environment.ClientID,
		"WALK_CLIENT_SECRET="+environment.ClientSecret,
		"WALK_CERTIFICATE="+certificate,
		"WALK_USERS="+users,
		"WALK_ACCOUNTS="+accounts,
	)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the walk through the console failed: %v", err)
	}
	pictures, err := filepath.Glob(filepath.Join(shots, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) < 20 {
		t.Errorf("the walk left %d pictures, want at least 20", len(pictures))
	}
}

// missing fails the test in continuous integration and skips it elsewhere,
// with the reason.
func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// lookup returns the program that the environment variable or else the first
// of the names leads to, "" when there is none.
func lookup(variable string, names ...string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// announced is what a server prints when it is ready.
type announced struct {
	URL          string `json:"url"`
	SignInLink   string `json:"sign_in_link"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// start runs a server of the program until the test ends. Its log is shown
// when the test fails.
func start(t *testing.T, path string, args ...string) announced {
	t.Helper()
	cmd := exec.Command(path, append(args, "--json")...)
	cmd.Env = program.Environ()
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan []byte, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r := bufio.NewReader(stdout)
		first, _ := r.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("crosswalk %s did not end when it was asked to", args[0])
		}
		if t.Failed() {
			t.Logf("log of crosswalk %s:\n%s", args[0], log.String())
		}
	})
	var ready announced
	select {
	case first := <-line:
		if err := json.Unmarshal(first, &ready); err != nil {
			t.Fatalf("crosswalk %s said %q instead of where it is: %v", strings.Join(args, " "), first, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("crosswalk %s did not get ready", args[0])
	}
	return ready
}
