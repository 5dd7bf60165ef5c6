package dataverse_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// stage is an environment that leads its client away, and a server elsewhere
// that waits for it, each on a socket of its own.
type stage struct {
	client *dataverse.Client
	env    *httptest.Server
	evil   *httptest.Server

	mu     sync.Mutex
	dialed []string // addresses that the client opened connections to
	came   int      // requests elsewhere
	told   []string // places that the client told of
}

// newStage answers every request with what lead does.
func newStage(t *testing.T, lead func(s *stage, w http.ResponseWriter, r *http.Request)) *stage {
	t.Helper()
	s := &stage{}
	s.env = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { lead(s, w, r) }))
	t.Cleanup(s.env.Close)
	s.evil = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.came++
		http.Redirect(w, r, s.env.URL+r.RequestURI, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.evil.Close)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		s.mu.Lock()
		s.dialed = append(s.dialed, address)
		s.mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = dataverse.New(dataverse.Config{
		BaseURL: s.env.URL, Token: new(tokens).token, Transport: transport,
		LedAway: func(to string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.told = append(s.told, to)
		},
	})
	return s
}

// stayed checks that the client opened connections to the environment alone,
// and that it told where it was led to.
func (s *stage) stayed(t *testing.T, told ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	home := s.env.Listener.Addr().String()
	if s.came != 0 || slices.ContainsFunc(s.dialed, func(a string) bool { return a != home }) {
		t.Errorf("%d requests came elsewhere, connections were opened to %q", s.came, s.dialed)
	}
	if diff := cmp.Diff(told, s.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestLinksLeadNowhere checks over real sockets that no link of an answer,
// however it is written and whatever its name resolves to, has the client open
// a connection to anything but the environment, and that it tells.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	const path = "/api/data/v9.2/accounts"
	for name, link := range map[string]func(home, away string) (link, place string){
		"another port": func(_, away string) (string, string) {
			return "http://" + away + path + "?$skiptoken=secret", "http://" + away + path
		},
		"another scheme": func(home, _ string) (string, string) { return "https://" + home + path, "https://" + home + path },
		"behind an @": func(home, away string) (string, string) {
			return "http://" + home + "@" + away + path, "http://" + away + path
		},
		"behind a password and @": func(home, away string) (string, string) { return "http://x:y@" + away + path, "http://" + away + path },
		"behind an encoded @": func(home, away string) (string, string) {
			return "http://" + home + "%40" + away + path, "an address that cannot be read"
		},
		"behind a backslash": func(home, away string) (string, string) {
			return "http://" + home + `\@` + away + path, "an address that cannot be read"
		},
		"mapped into IPv6": func(home, _ string) (string, string) { return mapped(home) + path, mapped(home) + path },
		"a name that rebinds": func(home, _ string) (string, string) {
			return "http://localhost:" + port(home) + path, "http://localhost:" + port(home) + path
		},
		"an address as one number": func(home, _ string) (string, string) {
			return "http://2130706433:" + port(home) + path, "http://2130706433:" + port(home) + path
		},
		"any address": func(home, _ string) (string, string) {
			return "http://0.0.0.0:" + port(home) + path, "http://0.0.0.0:" + port(home) + path
		},
		"the cloud's own": func(_, _ string) (string, string) {
			return "http://169.254.169.254/latest", "http://169.254.169.254/latest"
		},
		"another path": func(home, _ string) (string, string) { return "http://" + home + "/evil", "http://" + home + "/evil" },
		"a path that climbs": func(home, _ string) (string, string) {
			return "http://" + home + "/api/data/%2e%2e/%2e%2e/evil", "http://" + home + "/api/data/../../evil"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			s := newStage(t, func(s *stage, w http.ResponseWriter, _ *http.Request) {
				asked++
				next, _ := link(s.env.Listener.Addr().String(), s.evil.Listener.Addr().String())
				w.Header().Set("Content-Type", jsonType)
				_, _ = io.WriteString(w, strings.Replace(onePage, `"value"`, `"@odata.nextLink":"`+strings.ReplaceAll(next, `\`, `\\`)+`","value"`, 1))
			})
			_, names, err := page(t, s.client, "")
			personal(t, err, crosswalk.CodeUnavailable, "does not lead to "+s.env.URL, "only inside")
			next, place := link(s.env.Listener.Addr().String(), s.evil.Listener.Addr().String())
			_, _, err = page(t, s.client, next) // as if it had been stored
			personal(t, err, crosswalk.CodeUnavailable, "does not lead to "+s.env.URL, "only inside")
			if asked != 1 || len(names) != 0 {
				t.Errorf("%d requests, rows %q", asked, names)
			}
			s.stayed(t, place, place)
		})
	}
}

// mapped writes an address of IPv4 as one of IPv6.
func mapped(home string) string { return "http://[::ffff:127.0.0.1]:" + port(home) }

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// TestRedirectsLeadNowhere checks that no redirect of whatever kind is
// followed, alone or to one that leads back, for pages and for metadata.
func TestRedirectsLeadNowhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, func(s *stage, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", s.evil.URL+r.RequestURI)
				w.WriteHeader(status)
			})
			_, names, err := page(t, s.client, "")
			personal(t, err, crosswalk.CodeUnavailable, "redirects to "+s.evil.URL, "address")
			_, err = s.client.Entities(t.Context())
			personal(t, err, crosswalk.CodeUnavailable, "redirects to "+s.evil.URL, "address")
			if len(names) != 0 {
				t.Errorf("rows %q", names)
			}
			s.stayed(t, s.evil.URL+"/api/data/v9.2/accounts", s.evil.URL+"/api/data/v9.2/EntityDefinitions")
		})
	}
}

// TestReboundName checks that an environment whose name resolves to another
// server is not sent a token: the certificate that it shows is one to trust, but
// for another name.
func TestReboundName(t *testing.T) {
	t.Parallel()
	came := 0
	evil := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came++ }))
	evil.Config.ErrorLog = quiet()
	evil.StartTLS()
	t.Cleanup(evil.Close)
	transport := evil.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, evil.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	c := dataverse.New(dataverse.Config{BaseURL: "https://contoso.crm.dynamics.com", Token: new(tokens).token, Transport: transport})
	_, err := c.Page(t.Context(), dataverse.Query{EntitySet: "accounts"}, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
	personal(t, err, crosswalk.CodeUnavailable, "certificate", "Check the address")
	if came != 0 {
		t.Errorf("%d requests came", came)
	}
}

// quiet is a log that nobody reads.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
