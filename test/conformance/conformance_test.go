// Package conformance lets clients of Dynamics that others wrote judge the
// sandbox: each is called as its documentation says, unmodified, over HTTPS
// and under Microsoft's host names. What the sandbox has misunderstood, they
// have not.
package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// accounts is how many accounts a sandbox here holds: several pages of the
// sizes that the judges ask for.
const accounts = 57

// seed is the seed of all sandboxes here.
const seed = 1

// built builds the program once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "crosswalk-conformance-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	return program.Build(dir)
})

var buildDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// environment is a sandbox of its own for one test.
type environment struct {
	URL          string `json:"url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	TenantID     string `json:"tenant_id"`
	Organization string `json:"organization_id"`
	PublicURL    string `json:"public_url"`
	Authority    string `json:"ca_file"`
}

// newEnvironment runs a sandbox until the test ends.
func newEnvironment(t *testing.T) *environment {
	t.Helper()
	var e environment
	launch(t, &e, nil,
		"sandbox", "--json", "--listen", "127.0.0.1:0", "--tls", t.TempDir(), "--log-level", "debug", "--seed", strconv.Itoa(seed),
		"--users", "12", "--accounts", strconv.Itoa(accounts), "--contacts", "40", "--opportunities", "20", "--incidents", "20")
	return &e
}

// newChallenging is a sandbox in this process, since no flag of the program
// gives it continuous access evaluation.
func newChallenging(t *testing.T) *environment {
	t.Helper()
	dir := t.TempDir()
	secure, err := sandbox.LoadTLS(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	box, err := sandbox.New(sandbox.Config{Seed: seed, Users: 12, Accounts: accounts, BaseURL: sandbox.PublicURL, ContinuousAccess: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(box.Handler())
	server.TLS = secure
	server.StartTLS()
	t.Cleanup(server.Close)
	return &environment{
		URL: server.URL, ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret, TenantID: box.TenantID(),
		Organization: box.OrganizationID(), PublicURL: sandbox.PublicURL, Authority: filepath.Join(dir, sandbox.AuthorityFile),
	}
}

// launch runs a server of the program until the test ends, and decodes into
// ready what it says when it is ready. Its log is shown when the test fails.
func launch(t *testing.T, ready any, variables []string, args ...string) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(program.Environ(), variables...)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of crosswalk %s:\n%s", args[0], log.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("crosswalk %s did not get ready: %v", args[0], err)
	}
	if err := json.Unmarshal(line, ready); err != nil {
		t.Fatalf("crosswalk %s said %q instead of where it is: %v", args[0], line, err)
	}
}

// address is the host and port where the sandbox listens.
func (e *environment) address() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		panic(err) // the program printed it
	}
	return u.Host
}

// certificatePEM is the certificate of the sandboxes' app and its key. They
// come from the seed alone.
var certificatePEM = sync.OnceValues(func() ([]byte, error) {
	same, err := sandbox.New(sandbox.Config{Seed: seed})
	if err != nil {
		return nil, err
	}
	return same.Certificate(), nil
})

// certificate returns the path of a file with the certificate of the app and
// its key.
func (e *environment) certificate(t *testing.T) string {
	t.Helper()
	text, err := certificatePEM()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client is an HTTP client that trusts the sandbox's authority and finds
// every name at its address.
func (e *environment) client(t *testing.T) *http.Client {
	t.Helper()
	authority, err := os.ReadFile(e.Authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatalf("%s holds no certificate", e.Authority)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, e.address())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// judge runs one script of judges in a process of Node.js and reports each of
// its checks as a test.
func judge(t *testing.T, script string, e *environment, variables ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is not installed: https://nodejs.org/ (20.19 or later)")
	}
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		t.Fatal("the packages of test/conformance/package.json are not installed: make test-tools")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join("judges", script))
	cmd.Env = append(os.Environ(), variables...)
	if e != nil {
		cmd.Env = append(cmd.Env,
			"NODE_EXTRA_CA_CERTS="+e.Authority,
			"SANDBOX_ADDRESS="+e.address(),
			"SANDBOX_ENVIRONMENT="+e.PublicURL,
			"SANDBOX_TENANT="+e.TenantID,
			"SANDBOX_ORGANIZATION="+e.Organization,
			"SANDBOX_CLIENT_ID="+e.ClientID,
			"SANDBOX_CLIENT_SECRET="+e.ClientSecret,
			"SANDBOX_PUBLIC_CLIENT_ID="+sandbox.PublicClientID,
			"SANDBOX_CERTIFICATE="+e.certificate(t),
			"SANDBOX_ACCOUNTS="+strconv.Itoa(accounts),
		)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s broke off: %v\n%s", script, err, out)
	}
	seen, told := 0, -1
	for line := range strings.Lines(string(out)) {
		var said struct {
			Check  string
			Error  string
			Checks *int
		}
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &said) != nil {
			continue
		}
		if said.Checks != nil {
			told = *said.Checks
		}
		if said.Check != "" {
			seen++
			t.Run(said.Check, func(t *testing.T) {
				if said.Error != "" {
					t.Error(said.Error)
				}
			})
		}
	}
	if err == nil && (seen == 0 || seen != told) {
		t.Errorf("%s reported %d checks and ended after %d\n%s", script, seen, told, fmt.Sprintf("%.4000s", out))
	}
}
