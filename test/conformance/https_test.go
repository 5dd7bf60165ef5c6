package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/test/program"
)

// TestCrosswalkOverHTTPS connects Crosswalk itself to the sandbox over HTTPS,
// as people do who develop against it: they let it trust the authority that
// --tls has written.
func TestCrosswalkOverHTTPS(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	trust := "SSL_CERT_FILE=" + e.Authority
	data := filepath.Join(t.TempDir(), "data")
	var server struct {
		URL string `json:"url"`
	}
	launch(t, &server, []string{trust}, "serve", "--json", "--listen", "127.0.0.1:0", "--data", data)
	connection := func(command string, more ...string) string {
		t.Helper()
		cmd := exec.Command(path, append([]string{"connection", command, "Sandbox", "--server", server.URL, "--data", data}, more...)...)
		cmd.Env = append(program.Environ(), trust, "CROSSWALK_CLIENT_SECRET="+e.ClientSecret)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("connection %s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	connection("create", e.URL, "--client-id", e.ClientID)
	if out := connection("authorize", "--answer", "accept"); !strings.Contains(out, e.Organization) {
		t.Errorf("the connection does not name the organization\n%s", out)
	}
	if out := connection("test"); !strings.Contains(out, "Organization-wide read  good") {
		t.Errorf("the connection is not good\n%s", out)
	}
}
