// Package script runs the command line as its users do: each file of
// testdata is a script of commands with what they must print and how they
// must end. Besides the commands of testscript a script can say
//
//	exits CODE PROGRAM ARGS…   run a program that must end with that exit code
//	json PATH VALUE            what stands at a path of the last JSON output
//	start NAME PROGRAM ARGS…   start a server; $NAME_url is its address, $NAME_listen
//	                           the same without http://
//	end NAME                   end that server, which must end well (stop is testscript's own
//	                           word for the end of the script)
//	count NAME SET FILTER      ask that sandbox for the number of its records;
//	                           $count is the answer
//	fetch URL FILE             write what an address answers to a file
package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/crosswalk-data/crosswalk/test/program"
)

func TestScripts(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if _, err := program.Build(bin); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("NO_COLOR", "1")
			env.Setenv("TZ", "UTC")
			env.Values["servers"] = map[string]*program.Process{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"json":  jsonAt,
			"start": start,
			"end":   end,
			"count": count,
			"fetch": fetch,
		},
	})
}

// exits runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d\n%s%s", strings.Join(args[1:], " "), got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// jsonAt checks one value of the last output. With ! the value must differ.
func jsonAt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	text := ts.ReadFile("stdout")
	got, err := lookUp(text, args[0])
	if err != nil {
		ts.Fatalf("%s: %v\n%s", args[0], err, text)
	}
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %q, want %q (not: %t)\n%s", args[0], got, args[1], neg, text)
	}
}

// lookUp returns the value at a path such as runs.0.status as text. A list
// element can be chosen by a member: objects.name=User.rows. The text must
// hold exactly one document.
func lookUp(text, path string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", err
	}
	if dec.More() {
		return "", errors.New("more than one JSON document")
	}
	for step := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = at[step]; !ok {
				return "", fmt.Errorf("no member %q", step)
			}
		case []any:
			i, err := strconv.Atoi(step)
			if name, value, ok := strings.Cut(step, "="); ok {
				i = slices.IndexFunc(at, func(e any) bool {
					m, _ := e.(map[string]any)
					return fmt.Sprint(m[name]) == value
				})
			} else if step == "length" {
				return strconv.Itoa(len(at)), nil
			} else if err != nil {
				return "", err
			}
			if i < 0 || i >= len(at) {
				return "", fmt.Errorf("no element %q", step)
			}
			v = at[i]
		default:
			return "", fmt.Errorf("nothing at %q", step)
		}
	}
	return fmt.Sprint(v), nil
}

// start starts a server in the script's folder.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: start NAME PROGRAM ARGS…")
	}
	name, log := args[0], ts.MkAbs(args[0]+".log")
	path := filepath.SplitList(ts.Getenv("PATH"))[0]
	f, err := os.Create(log)
	ts.Check(err)
	servers := ts.Value("servers").(map[string]*program.Process)
	p, err := program.Start(f, ts.MkAbs("."), filepath.Join(path, args[1]), args[2:]...)
	if err != nil {
		text, _ := os.ReadFile(log)
		ts.Fatalf("%v\n%s", err, text)
	}
	servers[name] = p
	ts.Defer(func() {
		_ = p.Kill()
		_ = f.Close()
	})
	ts.Setenv(name+"_url", p.Ready.URL)
	ts.Setenv(name+"_listen", strings.TrimPrefix(p.Ready.URL, "http://"))
}

// end ends a server and checks that it ended well.
func end(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: end NAME")
	}
	p := ts.Value("servers").(map[string]*program.Process)[args[0]]
	if p == nil {
		ts.Fatalf("no server %q", args[0])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		ts.Fatalf("%s did not end well: %v", args[0], err)
	}
}
