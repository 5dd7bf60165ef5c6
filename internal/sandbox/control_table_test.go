package sandbox_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// tells are the methods of a sandbox that change nothing and whose answers
// State gives, and those that are of use in Go alone.
var tells = []string{
	"Accounts", "Apps", "BlockedApps", "Clock", "ContinuousAccess", "Count", "Limits", "LoopLimit", "OrganizationID", "TenantID", "Unverified", "Webhooks",
	"MetadataVersion",  // on the wire as globalmetadataversion
	"OrganizationName", // always the same
	"CountWhere",       // on the wire as $count with $filter
	"Certificate",      // served as /certificate.pem
	"Handler", "Inject",
}

// TestControlsReachAll finds each exported method of a sandbox among what can
// be done from outside. A new one must be put into the table of controls.
func TestControlsReachAll(t *testing.T) {
	t.Parallel()
	reached := map[string]bool{}
	for _, c := range sandbox.Controls() {
		reached[c.Go] = true
	}
	methods := map[string]bool{}
	for m := range reflect.TypeFor[*sandbox.Sandbox]().Methods() {
		methods[m.Name] = true
		if told := slices.Contains(tells, m.Name); told == reached[m.Name] {
			t.Errorf("%s: is among the controls: %t, is listed as one that changes nothing: %t; it must be one of the two", m.Name, reached[m.Name], told)
		}
	}
	for name := range reached {
		if !methods[name] {
			t.Errorf("a control is for %s, which there is not", name)
		}
	}
}

// TestControlsAnswer sends the example of each control.
func TestControlsAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	user := s.Accounts()[1].SignInName
	for _, c := range sandbox.Controls() {
		body := strings.NewReplacer(sandbox.ExampleUser, user, sandbox.ExampleApp, sandbox.ClientID).Replace(c.Body)
		a, text := s.send(t, c.Method, s.url+"/sandbox/"+strings.ReplaceAll(c.Path, "{id}", "1"), body)
		if a.StatusCode != 200 {
			t.Errorf("%s %s %s: %s: %s", c.Method, c.Path, body, a.Status, text)
		}
	}
	var listed []sandbox.Control
	s.control(t, 200, "GET", "controls", "", &listed)
	if !slices.Equal(listed, sandbox.Controls()) {
		t.Errorf("%+v", listed)
	}
}

const sandboxPage = "../../docs/sandbox.md"

// TestControlsDocumented holds the table of the page about the sandbox against
// the controls there are; with -update it writes it.
func TestControlsDocumented(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| Command | HTTP, below `/sandbox/` | What it does | In Go |\n|---|---|---|---|\n")
	for _, c := range sandbox.Controls() {
		body := ""
		if c.Body != "" {
			body = " `" + c.Body + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s %s`%s | %s | `%s` |\n", c.Command, c.Method, c.Path, body, c.Effect, c.Go)
	}
	text, err := os.ReadFile(sandboxPage)
	must(t, err)
	const head = "| Command | HTTP, below `/sandbox/` |"
	from := strings.Index(string(text), head)
	if from < 0 {
		t.Fatalf("no table that begins with %s", head)
	}
	to := from + strings.Index(string(text[from:]), "\n\n") + 1
	if string(text[from:to]) == b.String() {
		return
	}
	if !*update {
		t.Fatalf("%s lists other controls than there are; go test ./internal/sandbox -run ControlsDocumented -update writes them", sandboxPage)
	}
	must(t, os.WriteFile(sandboxPage, []byte(string(text[:from])+b.String()+string(text[to:])), 0o644))
}
