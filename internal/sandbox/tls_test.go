package sandbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// secureWorld is a sandbox that serves HTTPS, and a client that trusts its
// authority and finds every name at its address.
type secureWorld struct {
	*sandbox.Sandbox
	client  *http.Client
	address string // host and port
}

func newSecureWorld(t *testing.T) *secureWorld {
	t.Helper()
	return newSecureWorldAt(t, sandbox.PublicURL)
}

// newSecureWorldAt starts one whose environment has that address.
func newSecureWorldAt(t *testing.T, environment string) *secureWorld {
	t.Helper()
	dir := t.TempDir()
	config, err := sandbox.LoadTLS(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Seed: 7, Users: 3, Accounts: 5, Contacts: 3, BaseURL: environment}, token))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.Handler())
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	authority, err := os.ReadFile(filepath.Join(dir, sandbox.AuthorityFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	w := &secureWorld{Sandbox: s, address: server.Listener.Addr().String()}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, w.address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{Transport: transport}
	return w
}

func (w *secureWorld) get(t *testing.T, address, bearer string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	r.Header.Set("Prefer", "odata.maxpagesize=2")
	a, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(body)
}

// TestHostNames calls one listener by many names.
func TestHostNames(t *testing.T) {
	t.Parallel()
	w := newSecureWorld(t)
	for host, want := range map[string]struct{ authority, environment string }{
		"contoso.crm.dynamics.com":     {"https://login.microsoftonline.com", "https://contoso.crm.dynamics.com"},
		"contoso.api.crm.dynamics.com": {"https://login.microsoftonline.com", "https://contoso.api.crm.dynamics.com"},
		w.address:                      {"https://" + w.address, "https://" + w.address},
	} {
		a, _ := w.get(t, "https://"+host+"/api/data/v9.2/", "")
		challenge := "Bearer authorization_uri=" + want.authority + "/" + w.TenantID() + "/oauth2/authorize, resource_id=" + want.environment + "/"
		if d := cmp.Diff(challenge, a.Header.Get("WWW-Authenticate")); d != "" {
			t.Errorf("%s: %s", host, d)
		}
		_, body := w.get(t, "https://"+host+"/api/data/v9.2/accounts?$select=name", token)
		var page struct {
			Next string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(page.Next, want.environment+"/api/data/v9.2/accounts?") {
			t.Errorf("%s: link %s", host, page.Next)
		}
	}
	for host, issuer := range map[string]string{
		"login.microsoftonline.com":        "https://login.microsoftonline.com/",
		"login.microsoftonline.us":         "https://login.microsoftonline.us/",
		"login.partner.microsoftonline.cn": "https://login.partner.microsoftonline.cn/",
		"login.chinacloudapi.cn":           "https://login.chinacloudapi.cn/",
		w.address:                          "https://" + w.address + "/",
	} {
		_, body := w.get(t, "https://"+host+"/"+w.TenantID()+"/v2.0/.well-known/openid-configuration", "")
		var document struct {
			Issuer string `json:"issuer"`
			Token  string `json:"token_endpoint"`
		}
		if err := json.Unmarshal([]byte(body), &document); err != nil {
			t.Fatalf("%s: %v in %s", host, err, body)
		}
		if document.Issuer != issuer+w.TenantID()+"/v2.0" || !strings.HasPrefix(document.Token, issuer) {
			t.Errorf("%s: %+v", host, document)
		}
		_, body = w.get(t, "https://"+host+"/"+w.TenantID()+"/discovery/v2.0/keys", "")
		var set struct{ Keys []struct{ Issuer string } }
		if err := json.Unmarshal([]byte(body), &set); err != nil || len(set.Keys) == 0 {
			t.Fatalf("%s: %v in %s", host, err, body)
		}
		for _, key := range set.Keys {
			if key.Issuer != issuer+w.TenantID()+"/v2.0" {
				t.Errorf("%s: a key of the issuer %s", host, key.Issuer)
			}
		}
	}
	_, body := w.get(t, "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1", "")
	var instance struct {
		Metadata []struct {
			Network string   `json:"preferred_network"`
			Cache   string   `json:"preferred_cache"`
			Aliases []string `json:"aliases"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(body), &instance); err != nil {
		t.Fatal(err)
	}
	if len(instance.Metadata) == 0 {
		t.Fatalf("no metadata in %s", body)
	}
	first := instance.Metadata[0]
	if first.Network != "login.microsoftonline.com" || first.Cache != "login.windows.net" || len(first.Aliases) != 4 {
		t.Errorf("instance discovery = %+v", first)
	}
}

// TestNationalClouds serves environments of each cloud: their challenge names
// the sign-in server of that cloud.
func TestNationalClouds(t *testing.T) {
	t.Parallel()
	for environment, authority := range map[string]string{
		"https://contoso.crm4.dynamics.com":        "https://login.microsoftonline.com",
		"https://contoso.crm9.dynamics.com":        "https://login.microsoftonline.com",
		"https://contoso.crm.microsoftdynamics.us": "https://login.microsoftonline.us",
		"https://contoso.crm.appsplatform.us":      "https://login.microsoftonline.us",
		"https://contoso.crm.dynamics.cn":          "https://login.partner.microsoftonline.cn",
		"https://contoso.api.crm.dynamics.cn":      "https://login.partner.microsoftonline.cn",
	} {
		w := newSecureWorldAt(t, environment)
		a, _ := w.get(t, environment+"/api/data/v9.2/", "")
		want := "Bearer authorization_uri=" + authority + "/" + w.TenantID() + "/oauth2/authorize, resource_id=" + environment + "/"
		if got := a.Header.Get("WWW-Authenticate"); a.StatusCode != 401 || got != want {
			t.Errorf("%s: %s, want %s", environment, got, want)
		}
	}
}

// TestLoadTLS starts again and again with one folder.
func TestLoadTLS(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	load := func(at time.Time) string {
		if _, err := sandbox.LoadTLS(dir, at); err != nil {
			t.Fatal(err)
		}
		return read(sandbox.AuthorityFile)
	}
	first := load(now)
	info, err := os.Stat(filepath.Join(dir, sandbox.PrivateKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v", info.Mode())
	}
	if load(now.Add(300*24*time.Hour)) != first {
		t.Error("the authority was replaced while it was good")
	}
	second := load(now.Add(340 * 24 * time.Hour))
	if second == first {
		t.Error("the authority was kept although it is about to end")
	}
	if err := os.Remove(filepath.Join(dir, sandbox.PrivateKeyFile)); err != nil {
		t.Fatal(err)
	}
	third := load(now.Add(341 * 24 * time.Hour))
	if third == second || read(sandbox.CertificateFile) == "" {
		t.Error("the certificate was not made again without its key")
	}
	if err := os.WriteFile(filepath.Join(dir, sandbox.CertificateFile), []byte("spoiled"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.LoadTLS(dir, now); err == nil {
		t.Error("a spoiled certificate was taken")
	}
}
