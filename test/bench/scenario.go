package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// databaseNames are the databases there are.
var databaseNames = []string{"sqlite", "postgres"}

// options say what is measured.
type options struct {
	accounts, contacts   int
	databases, scenarios []string
}

// changedRows is how many records change between two runs, at most one of a
// hundred.
const changedRows = 1000

// thought is how long a thinking server takes for a page.
const thought = 300 * time.Millisecond

// everything reads what the run before read too.
var everything = crosswalk.Scope{Kind: crosswalk.ScopeEverything}

// bench measures one database.
type bench struct {
	*system
	stages   *stages
	writes   writes
	job      crosswalk.Job // which fills the object of the main rows; has no ID before the first run
	measures []Measure
}

// scenarios are what is measured from end to end, in this order; each but the
// first works on what it left.
var scenarios = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"first", (*bench).first},
	{"changed", (*bench).changed},
	{"unchanged", (*bench).unchanged},
	{"few", (*bench).few},
	{"thinking", (*bench).thinking},
	{"derived", (*bench).derived},
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// run measures and writes a table and, below it, one line of JSON for each
// measure to out. Progress goes to progress.
func run(ctx context.Context, o options, out, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(progress, "building")
	path, err := program.Build(dir)
	if err != nil {
		return err
	}
	env, err := startEnvironment(dir, path, o.accounts, o.contacts)
	if err != nil {
		return err
	}
	defer func() { _ = env.Kill() }()
	stages, err := measureStages(ctx, env.Ready.URL, progress)
	if err != nil {
		return err
	}
	measures := stages.list()
	for _, name := range o.databases {
		b := &bench{stages: stages}
		if err := b.measure(ctx, filepath.Join(dir, name), path, env, name, o.scenarios, progress); err != nil {
			return err
		}
		measures = append(measures, b.measures...)
	}
	return report(out, measures, "")
}

// measure measures writing into a database, and then the scenarios.
func (b *bench) measure(ctx context.Context, dir, path string, env *environment, name string, chosen []string, progress io.Writer) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var postgres *databasetest.Server
	dsn := "sqlite:" + filepath.Join(dir, "stage.db")
	if name != databaseNames[0] {
		if postgres, err = databasetest.Launch(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, postgres.Close()) }()
		if dsn, err = postgres.Make(ctx, "stage"); err != nil {
			return err
		}
	}
	fmt.Fprintf(progress, "%s: writing alone\n", name)
	if b.writes, err = b.stages.write(ctx, dsn); err != nil {
		return err
	}
	for _, m := range b.writes.list() {
		m.Database = name
		b.measures = append(b.measures, m)
	}
	if b.system, err = startSystem(ctx, dir, path, env, postgres); err != nil {
		return err
	}
	defer func() { _ = b.server.Kill() }()
	for _, s := range scenarios {
		if !slices.Contains(chosen, s.name) && (s.name != "first" || len(chosen) == 0) {
			continue
		}
		fmt.Fprintf(progress, "%s: %s\n", name, s.name)
		if err := s.run(b, ctx); err != nil {
			return err
		}
	}
	return nil
}

// add runs a job and keeps the measure, compared with the slowest stage of its
// way. It returns the measure.
func (b *bench) add(ctx context.Context, name string, j crosswalk.Job, scope crosswalk.Scope, write Measure) (Measure, error) {
	m, err := b.run(ctx, name, j, scope, b.sandbox.accounts)
	if err != nil {
		return m, err
	}
	m.shareOf(slowest(b.stages.read, b.stages.mapping, write))
	b.measures = append(b.measures, m)
	return m, nil
}

// first fills an empty object, and then another one.
func (b *bench) first(ctx context.Context) error {
	for _, name := range []string{"first load", "first load, again"} {
		job, err := b.system.job(ctx, "Account "+name, "account", accountFields, "")
		if err != nil {
			return err
		}
		b.job = job
		if _, err := b.add(ctx, name, b.job, crosswalk.Scope{}, b.writes.fresh); err != nil {
			return err
		}
	}
	return nil
}

// changed finds every row another one: the mapping inverts what is true, and
// then does no longer.
func (b *bench) changed(ctx context.Context) error {
	for i, name := range []string{"all changed", "all changed, again"} {
		in := client.InputOf(b.job)
		in.Mapping = mappingOf(accountFields, i == 0)
		var err error
		if b.job, err = b.client.UpdateJob(ctx, b.job.ID, b.job.Version, in); err != nil {
			return err
		}
		if _, err := b.add(ctx, name, b.job, crosswalk.Scope{}, b.writes.changed); err != nil {
			return err
		}
	}
	return nil
}

// unchanged reads everything once more and finds nothing to do.
func (b *bench) unchanged(ctx context.Context) error {
	for _, name := range []string{"unchanged", "unchanged, again"} {
		if _, err := b.add(ctx, name, b.job, everything, b.writes.unchanged); err != nil {
			return err
		}
	}
	return nil
}

// few reads what little has changed.
func (b *bench) few(ctx context.Context) error {
	rows := max(1, min(changedRows, b.sandbox.accounts/100))
	for i, name := range []string{"few changed", "few changed, again"} {
		change := sandbox.RowChange{Table: "account", Change: rows, Seed: uint64(i + 1)}
		if err := b.sandbox.control(ctx, "POST", "rows", change); err != nil {
			return err
		}
		m, err := b.run(ctx, name, b.job, crosswalk.Scope{}, rows)
		if err != nil {
			return err
		}
		b.measures = append(b.measures, m)
	}
	return nil
}

// thinking reads everything from a server that thinks about each page. With
// one stream no code can be faster than the server thinks.
func (b *bench) thinking(ctx context.Context) error {
	fault := sandbox.Fault{Kind: sandbox.FaultDelay, Path: "/accounts", Delay: sandbox.Span(thought)}
	if err := b.sandbox.control(ctx, "POST", "faults", fault); err != nil {
		return err
	}
	bound := measure("one stream of such pages", 5000, thought)
	for _, name := range []string{"thinking server, 1 stream", "thinking server, 1 stream, again"} {
		m, err := b.run(ctx, name, b.job, everything, b.sandbox.accounts)
		if err != nil {
			return err
		}
		m.shareOf(bound)
		b.measures = append(b.measures, m)
	}
	return b.sandbox.control(ctx, "DELETE", "faults", nil)
}

// derived fills an empty object with contacts, and another one with contacts
// and the company of each.
func (b *bench) derived(ctx context.Context) error {
	for _, again := range []string{"", ", again"} {
		plain, err := b.contacts(ctx, "contacts"+again, "")
		if err != nil {
			return err
		}
		looked, err := b.contacts(ctx, "contacts with a derived lookup"+again, b.job.Object)
		if err != nil {
			return err
		}
		looked.shareOf(plain)
		b.measures = append(b.measures, plain, looked)
	}
	return nil
}

func (b *bench) contacts(ctx context.Context, name, lookup string) (Measure, error) {
	job, err := b.system.job(ctx, "Bench "+name, "contact", contactFields, lookup)
	if err != nil {
		return Measure{}, err
	}
	return b.run(ctx, name, job, crosswalk.Scope{}, b.sandbox.contacts)
}
