package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestSandboxCommands gives the example command of each control to a sandbox:
// it must send the request that the control names.
func TestSandboxCommands(t *testing.T) {
	t.Parallel()
	t.Run("text", func(t *testing.T) { t.Parallel(); runControls(t) })
	t.Run("JSON", func(t *testing.T) { t.Parallel(); runControls(t, "--json") })
}

func runControls(t *testing.T, flags ...string) {
	box, err := sandbox.New(sandbox.Config{Users: 10, Accounts: 1500, Contacts: 10, Leads: 10})
	if err != nil {
		t.Fatal(err)
	}
	var method, path, body string
	serve := box.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		method, path, body = r.Method, strings.TrimPrefix(r.URL.Path, "/sandbox/"), string(text)
		r.Body = io.NopCloser(bytes.NewReader(text))
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	example := strings.NewReplacer(sandbox.ExampleUser, box.Accounts()[1].SignInName, sandbox.ExampleApp, sandbox.ClientID)
	for _, c := range sandbox.Controls() {
		if c.Command == "" || c.Effect == "" {
			t.Errorf("%s has no command, or does not say what it does", c.Go)
		}
		method, path, body = "", "", ""
		var out, said bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &said, getenv: func(string) string { return "" }}
		args := append([]string{"sandbox"}, strings.Fields(example.Replace(c.Command))...)
		args = append(append(args, "--sandbox", server.URL), flags...)
		if code := a.run(t.Context(), args); code != 0 {
			t.Errorf("%s: exit code %d: %s", c.Command, code, &said)
			continue
		}
		if len(flags) > 0 && !json.Valid(out.Bytes()) {
			t.Errorf("%s --json prints %s", c.Command, &out)
		}
		if method != c.Method || path != strings.ReplaceAll(c.Path, "{id}", "1") {
			t.Errorf("%s sends %s %s, want %s %s", c.Command, method, path, c.Method, c.Path)
		}
		if want := example.Replace(c.Body); !sameBody(t, want, body) {
			t.Errorf("%s sends %s, want %s", c.Command, body, want)
		}
	}
}

// sameBody tells whether a body says what another does: the same members with
// the same values, and beside them only what means nothing.
func sameBody(t *testing.T, want, got string) bool {
	t.Helper()
	if want == "" || got == "" {
		return want == got
	}
	var wanted, sent map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if err := json.Unmarshal([]byte(got), &sent); err != nil {
		return false
	}
	for name, value := range sent {
		if w, ok := wanted[name]; ok {
			if !reflect.DeepEqual(w, value) {
				return false
			}
			delete(wanted, name)
			continue
		}
		switch value {
		case nil, "", false, 0.0, "0s":
		default:
			return false
		}
	}
	return len(wanted) == 0
}

// TestSandboxFaults adds a fault of each kind: none may be unknown to the
// command.
func TestSandboxFaults(t *testing.T) {
	t.Parallel()
	box, err := sandbox.New(sandbox.Config{Users: 5, Accounts: 10})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	t.Cleanup(server.Close)
	_, err = box.Fault(sandbox.Fault{Kind: "rain"})
	if err == nil {
		t.Fatal("no such fault, and no error")
	}
	_, list, _ := strings.Cut(err.Error(), "there are ")
	kinds := strings.Split(list, ", ")
	if len(kinds) < 12 {
		t.Fatalf("%q are too few kinds to be all: %v", kinds, err)
	}
	for _, kind := range kinds {
		var said bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &said, getenv: func(string) string { return "" }}
		args := []string{"sandbox", "fault", "add", kind, "--delay", "1s", "--table", "contact", "--column", "fax", "--sandbox", server.URL}
		if code := a.run(t.Context(), args); code != 0 {
			t.Errorf("%s: exit code %d: %s", kind, code, &said)
		}
	}
	if n := len(box.Faults()); n != len(kinds) {
		t.Errorf("%d faults of %d kinds", n, len(kinds))
	}
}
