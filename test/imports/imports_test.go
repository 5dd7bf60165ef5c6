// Package imports keeps the rules about who may import whom. The rules make
// the parts replaceable and keep their reasons to exist apart; each has its
// own reason beside it.
package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/test/program"
)

const module = "github.com/crosswalk-data/crosswalk"

// level says how high a package stands. A package imports lower ones only,
// so that every part can be understood and tested from the ground up.
var level = map[string]int{
	".":                              0, // the nouns
	"client":                         1,
	"internal/column":                1,
	"internal/odata":                 2,
	"internal/secret":                2,
	"internal/database":              2,
	"internal/database/databasetest": 3,
	"internal/oauth":                 3,
	"internal/dataverse":             3,
	"internal/store":                 3,
	"internal/table":                 3,
	"internal/mapping":               3,
	"internal/queue":                 3,
	"internal/access":                3,
	"internal/web":                   3,
	"internal/pipeline":              4,
	"internal/sandbox":               4,
	"internal/sandbox/visitor":       1,
	"internal/connector":             4,
	"internal/extract":               5,
	"internal/api":                   5,
	"internal/server":                6,
	"cmd/crosswalk":                  7,
}

// onlys are packages that may import nothing of the module but what is
// listed.
var onlys = []struct {
	from   string
	only   []string
	reason string
}{
	{".", nil, "the nouns stand under everything, so they know nothing but the standard library"},
	{"client", []string{"."}, "other programs import the client; it must not drag the server along"},
	{"internal/column", []string{"."}, "batches pass through every stage and must not know any of them"},
	{"internal/odata", []string{".", "internal/column"}, "client and sandbox share the grammar of the wire and nothing else"},
	{"internal/secret", []string{"."}, "sealing must be reviewable on its own"},
	{"internal/database", []string{"."}, "it gives SQL to others and has no tables of its own"},
	{"internal/oauth", []string{"."}, "signing in is not tied to where tokens are kept"},
	{"internal/access", []string{"."}, "passwords and tokens must be reviewable on their own"},
	{"internal/mapping", []string{".", "internal/column"}, "a mapping is pure: no database, no network"},
	{"internal/dataverse", []string{".", "internal/column", "internal/odata"}, "the Web API's client does not know who stores what it reads"},
	{"internal/store", []string{".", "internal/database"}, "the fixed tables know the database and nothing of the tables behind objects"},
	{"internal/table", []string{".", "internal/column", "internal/database"}, "rows are written from batches, whatever made them"},
	{"internal/queue", []string{".", "internal/database"}, "tasks are durable whatever they do"},
	{"internal/web", []string{"."}, "it only hands out files"},
	{"internal/pipeline", []string{".", "internal/column", "internal/mapping"}, "it declares its source and target itself, so that it can run without network or database"},
	{"internal/extract", []string{".", "internal/column", "internal/dataverse", "internal/mapping", "internal/odata", "internal/pipeline"}, "it brings records and must not know who stores them"},
	{"internal/sandbox", []string{".", "internal/column", "internal/odata"}, "the client and its stand-in must not share their mistakes"},
	{"internal/sandbox/visitor", []string{"."}, "it knows the sandbox's pages only as a browser does"},
	{"cmd/crosswalk", []string{".", "client", "internal/sandbox", "internal/sandbox/visitor", "internal/server"}, "the command line works a server through its public API; only serve, sandbox and demo start one"},
}

// nevers are packages that one must not even reach through others.
var nevers = []struct{ from, to, reason string }{
	{"internal/sandbox", "internal/dataverse", "the client and its stand-in must not share their mistakes"},
	{"internal/sandbox", "internal/oauth", "the client and its stand-in must not share their mistakes"},
	{"internal/pipeline", "internal/database", "a run must be testable without a database"},
	{"internal/mapping", "net/http", "a mapping is pure"},
	{"client", "internal/database", "other programs import the client"},
}

// owners are the only packages that may import a module of others: a change
// of that module must not reach further.
var owners = []struct {
	module string
	owners []string
	reason string
}{
	{"github.com/riverqueue/river", []string{"internal/queue"}, "nothing else knows how tasks are kept"},
	{"github.com/jackc/pgx", []string{"internal/database", "internal/database/databasetest", "internal/table", "internal/queue"}, "drivers stay where SQL is run"},
	{"modernc.org/sqlite", []string{"internal/database", "internal/table", "internal/queue"}, "drivers stay where SQL is run"},
	{"zombiezen.com/go/sqlite", []string{"internal/database", "internal/table"}, "drivers stay where SQL is run"},
	{"github.com/danielgtaylor/huma", []string{"internal/api"}, "the rest of the server does not know how HTTP is spoken"},
	{"github.com/alecthomas/kong", []string{"cmd/crosswalk"}, "only the command line parses command lines"},
	{"github.com/vbauerster/mpb", []string{"cmd/crosswalk"}, "only the command line draws"},
	{"golang.org/x/term", []string{"cmd/crosswalk"}, "only the command line draws"},
	{"github.com/klauspost/compress", []string{"internal/dataverse", "internal/sandbox", "internal/web", "internal/api"}, "compression belongs where bytes meet the wire"},
	{"github.com/expr-lang/expr", []string{"internal/mapping"}, "formulas are a part of mappings"},
	{"golang.org/x/oauth2", []string{"internal/oauth"}, "nothing else speaks to the sign-in server"},
}

// banned are names that say nothing about what is inside.
var banned = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "types", "service", "services", "manager"}

type pkg struct {
	ImportPath string
	Name       string
	Imports    []string
	Deps       []string
}

// short returns the path inside the module, "." for the root.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func within(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// packages returns the packages of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	if err := program.NoteSources(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	pkgs := packages(t)
	if len(pkgs) < len(level) {
		t.Errorf("go list found %d packages; the rules speak of %d", len(pkgs), len(level))
	}
	for _, problem := range check(pkgs) {
		t.Error(problem)
	}
}

// check returns every broken rule in words.
func check(pkgs []pkg) []string {
	var problems []string
	broken := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		from := short(p.ImportPath)
		if strings.HasPrefix(from, "test/") { // tests of the whole may look everywhere
			continue
		}
		if slices.Contains(banned, p.Name) {
			broken("%s: the name %q says nothing about what is inside; name the one thing the package is for", from, p.Name)
		}
		mine, known := level[from]
		if !known {
			broken("%s has no place in the levels; add it to test/imports and say in docs/adr why it exists", from)
			continue
		}
		for _, path := range p.Imports {
			checkImport(from, mine, path, broken)
		}
		for _, rule := range nevers {
			to := rule.to
			if strings.Contains(to, "internal/") {
				to = module + "/" + to
			}
			if rule.from == from && slices.Contains(p.Deps, to) {
				broken("%s reaches %s, perhaps through others: %s", from, rule.to, rule.reason)
			}
		}
	}
	return problems
}

func checkImport(from string, mine int, path string, broken func(string, ...any)) {
	if within(path) {
		to := short(path)
		if to == "internal/database/databasetest" {
			broken("%s imports %s, which is for tests only", from, to)
		} else if level[to] >= mine {
			broken("%s (level %d) imports %s (level %d): a package imports lower ones only", from, mine, to, level[to])
		}
		for _, rule := range onlys {
			if rule.from == from && !slices.Contains(rule.only, to) {
				broken("%s imports %s but may only import [%s]: %s", from, to, strings.Join(rule.only, " "), rule.reason)
			}
		}
		return
	}
	foreign := strings.Contains(strings.Split(path, "/")[0], ".")
	if foreign && (from == "." || from == "client") {
		broken("%s imports %s: it is built from the standard library alone", from, path)
	}
	for _, rule := range owners {
		if (path == rule.module || strings.HasPrefix(path, rule.module+"/")) && !slices.Contains(rule.owners, from) {
			broken("%s imports %s, which belongs to [%s]: %s", from, path, strings.Join(rule.owners, " "), rule.reason)
		}
	}
}

func TestCheckFindsBrokenRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pkg  pkg
		want string // part of the problem; empty when there is none
	}{
		"good":               {pkg{ImportPath: module + "/internal/api", Imports: []string{module, module + "/internal/store", "net/http", "github.com/danielgtaylor/huma/v2"}}, ""},
		"upwards":            {pkg{ImportPath: module + "/internal/connector", Imports: []string{module + "/internal/api"}}, "imports lower ones only"},
		"sideways":           {pkg{ImportPath: module + "/internal/store", Imports: []string{module + "/internal/table"}}, "imports lower ones only"},
		"not on the list":    {pkg{ImportPath: module + "/internal/pipeline", Imports: []string{module + "/internal/table"}}, "declares its source and target itself"},
		"through others":     {pkg{ImportPath: module + "/internal/sandbox", Deps: []string{module + "/internal/dataverse"}}, "must not share their mistakes"},
		"another's module":   {pkg{ImportPath: module + "/internal/api", Imports: []string{"github.com/riverqueue/river/rivertype"}}, "belongs to [internal/queue]"},
		"root beyond std":    {pkg{ImportPath: module, Imports: []string{"golang.org/x/sync/errgroup"}}, "standard library alone"},
		"test package":       {pkg{ImportPath: module + "/internal/store", Imports: []string{module + "/internal/database/databasetest"}}, "for tests only"},
		"no place":           {pkg{ImportPath: module + "/internal/thing"}, "has no place"},
		"a name of no words": {pkg{ImportPath: module + "/internal/store", Name: "utils"}, "says nothing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(check([]pkg{tt.pkg}), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("problems:\n%s\nwant one with %q", got, tt.want)
			}
		})
	}
}
