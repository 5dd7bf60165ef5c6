// Command crosswalk is all of Crosswalk in one program: the server, a
// stand-in for Dynamics 365 to try it with, and the command line that works a
// server through its public API. "crosswalk --help" says more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	a := &app{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv,
	}
	a.terminal = isTerminal(os.Stderr)
	a.asks = a.terminal && isTerminal(os.Stdin)
	a.color = isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// app is what every command is handed: where to read and write, and how.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	command        string // the words of the command, as far as they were understood
	terminal       bool   // stderr is a terminal: show progress bars
	asks           bool   // a person at the terminal can be asked
	color          bool   // stdout is a terminal that wants colours
	json           bool   // --json was given
}

// grammar is the command line. The commands themselves are in files of their
// own.
type grammar struct {
	Serve   serveCmd   `cmd:"" group:"servers" help:"Run the Crosswalk server with its web UI."`
	Sandbox sandboxCmd `cmd:"" group:"servers" help:"Run a stand-in for Dynamics 365 with sample data."`
	Demo    demoCmd    `cmd:"" group:"servers" help:"Run both, connect them and sync users and companies."`

	Connection connectionCmd `cmd:"" group:"clients" help:"List, make, authorize, test, change and delete connections."`
	Job        jobCmd        `cmd:"" group:"clients" help:"List, make, change, run and delete jobs."`
	Run        runCmd        `cmd:"" group:"clients" help:"List, show, retry and cancel runs; decide about held ones."`
	Object     objectCmd     `cmd:"" group:"clients" help:"List objects and their rows."`
	Link       linkCmd       `cmd:"" group:"clients" help:"Make a one-time sign-in link."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

const description = `Crosswalk syncs Microsoft Dynamics 365 into a customer-success data model.

Begin with "crosswalk demo": it needs nothing but this program.`

// run parses args, runs the command they name and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	a.command = "crosswalk"
	if len(args) == 0 {
		args = []string{"--help"}
	}
	a.json = slices.ContainsFunc(args, func(s string) bool { return s == "--json" || s == "--json=true" })
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("crosswalk"),
		kong.Description(description),
		kong.Vars{"version": "crosswalk " + version(), "faults": strings.Join(sandbox.FaultKinds(), ",")},
		kong.Writers(a.stdout, a.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.Help(a.help),
		kong.ExplicitGroups([]kong.Group{
			{Key: "servers", Title: "Servers:"},
			{Key: "clients", Title: "Work with a running server:"},
		}),
		kong.Bind(a),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return a.fail(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		var parse *kong.ParseError
		if errors.As(err, &parse) {
			a.command = words(parse.Context)
		}
		return a.fail(usageError{err})
	}
	a.command = words(parsed)
	return a.fail(parsed.Run())
}

// words returns the name of the command that was parsed, as far as it was
// understood, for the pointer to the right help.
func words(parsed *kong.Context) string {
	words := []string{"crosswalk"}
	if parsed != nil {
		for _, p := range parsed.Path {
			if p.Command != nil && p.Command.Parent.DefaultCmd != p.Command {
				words = append(words, p.Command.Name)
			}
		}
	}
	return strings.Join(words, " ")
}

// help prints kong's help and, for the program itself, what holds for every
// command.
func (a *app) help(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	if ctx.Selected() == nil {
		fmt.Fprint(a.stdout, "\n", strings.TrimLeft(programHelp, "\n"))
	}
	return nil
}

const programHelp = `
Examples:
  crosswalk demo                      try everything on this machine
  crosswalk serve --data /var/lib/crosswalk
  crosswalk connection create Acme https://acme.crm.dynamics.com
  crosswalk connection authorize Acme
  crosswalk job run "User Sync_Acme" --wait
  crosswalk run rejects latest --csv > rejects.csv

Environment:
  CROSSWALK_SERVER         address of the server, for the commands that work with one
  CROSSWALK_TOKEN          API token
  CROSSWALK_DATA           data directory; the token of the machine's own server is in it
  CROSSWALK_CLIENT_SECRET  client secret of the app registration
  NO_COLOR                 when set, no colours

Exit codes:
` + exitCodeHelp
