package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// databaseNames are the databases there are.
var databaseNames = []string{"sqlite", "postgres"}

// options say what is measured.
type options struct {
	accounts, contacts   int
	databases, scenarios []string
}

// bench measures one database.
type bench struct {
	*system
	dir, path string // of scratch files, and of the program
	results   *results
	stages    *stages
	writing   *writing
	job       crosswalk.Job // which fills the object of the main rows; has no ID before its first run
	changes   uint64        // of the sandbox's rows, so far
}

// run measures. Results and progress go to r.
func run(ctx context.Context, o options, r *results) (err error) {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := program.Build(dir)
	if err != nil {
		return err
	}
	env, err := startEnvironment(dir, path, o.accounts, o.contacts)
	if err != nil {
		return err
	}
	defer func() { _ = env.Kill() }()
	stages, err := measureStages(ctx, env.Ready.URL, r)
	if err != nil {
		return err
	}
	for _, name := range o.databases {
		b := &bench{dir: filepath.Join(dir, name), path: path, results: r, stages: stages}
		if err := b.measure(ctx, env, name, o.scenarios); err != nil {
			return err
		}
	}
	return nil
}

// measure measures writing into a database, and then the scenarios.
func (b *bench) measure(ctx context.Context, env *environment, name string, chosen []string) (err error) {
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return err
	}
	var postgres *databasetest.Server
	dsn := "sqlite:" + filepath.Join(b.dir, "stage.db")
	if name != databaseNames[0] {
		if postgres, err = databasetest.Launch(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, postgres.Close()) }()
		if dsn, err = postgres.Make(ctx, "stage"); err != nil {
			return err
		}
	}
	if b.writing, err = b.stages.openWriting(ctx, name, dsn, postgres); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.writing.close()) }()
	if len(chosen) == 0 {
		return b.twice(b.stage(ctx, writeLoad), b.stage(ctx, writeFresh), b.stage(ctx, writeChanged), b.stage(ctx, writeUnchanged))
	}
	if b.system, err = startSystem(ctx, b.dir, b.path, env, postgres); err != nil {
		return err
	}
	defer func() { _ = b.server.Kill() }()
	for _, s := range scenarios {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		if s.filled {
			if err := b.fill(ctx); err != nil {
				return err
			}
		}
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s, %s: %w", name, s.name, err)
		}
	}
	return nil
}

// fill fills the object of the main rows, unless a scenario has done it.
func (b *bench) fill(ctx context.Context) error {
	if b.job.ID != "" {
		return nil
	}
	job, err := b.accounts(ctx, "main", nil)
	if err != nil {
		return err
	}
	b.job = job
	_, err = b.system.run(ctx, "fill", b.job, crosswalk.Scope{}, b.sandbox.accounts)
	return err
}

// twice measures things and keeps the results.
func (b *bench) twice(things ...thing) error { return twice(b.results.add, things...) }

// stage measures a way of writing.
func (b *bench) stage(ctx context.Context, s stage) thing { return b.writing.thing(ctx, s) }

// beside measures a way of writing alone and runs over all accounts that end
// with it, in turns, and compares the speed of each run with the slowest stage
// of its way.
func (b *bench) beside(ctx context.Context, s stage, name string, run func(name string) (Measure, error)) error {
	return b.twice(b.stage(ctx, s), thing{name, func(name string) (Measure, error) {
		m, err := run(name)
		m.shareOf(b.writing.slowest(s))
		return m, err
	}})
}

// measured has a way of writing measured that no scenario has measured yet.
func (b *bench) measured(ctx context.Context, s stage) error {
	if _, ok := b.writing.last[s.name]; ok {
		return nil
	}
	return b.twice(b.stage(ctx, s))
}

// all runs a job over all accounts.
func (b *bench) all(ctx context.Context, name string, j crosswalk.Job, scope crosswalk.Scope) (Measure, error) {
	return b.system.run(ctx, name, j, scope, b.sandbox.accounts)
}
