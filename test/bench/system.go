package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// system is a sandbox and a server that is connected to it, each a process
// of its own.
type system struct {
	sandbox, server *program.Process
	client          *client.Client
	job             crosswalk.Job
}

// newSystem starts a system with its data in dir.
func newSystem(dir string, accounts int, progress io.Writer) (_ *system, err error) {
	fmt.Fprintln(progress, "building")
	path, err := program.Build(dir)
	if err != nil {
		return nil, err
	}
	s := &system{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.sandbox, err = program.Start(nil, dir, path, "sandbox", "--listen", "127.0.0.1:0", "--users", "5", "--contacts", "0",
		"--accounts", strconv.Itoa(accounts), "--log-level", "error")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	s.server, err = program.Start(nil, dir, path, "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error")
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		return nil, err
	}
	s.client = client.New(s.server.Ready.URL, strings.TrimSpace(string(token)))
	s.job, err = s.connect(context.Background())
	return s, err
}

// connect makes and authorizes the connection and makes its Company Sync.
func (s *system) connect(ctx context.Context) (crosswalk.Job, error) {
	var none crosswalk.Job
	conn, err := s.client.InsertConnection(ctx, client.ConnectionInput{
		Name: "Sandbox", EnvironmentURL: s.sandbox.Ready.URL,
		ClientID: s.sandbox.Ready.ClientID, ClientSecret: s.sandbox.Ready.ClientSecret,
	})
	if err != nil {
		return none, err
	}
	link, err := s.client.Authorize(ctx, conn.ID, "")
	if err != nil {
		return none, err
	}
	if err := visitor.SignIn(ctx, link, visitor.Accept); err != nil {
		return none, err
	}
	templates, err := s.client.Templates(ctx, conn.ID)
	if err != nil {
		return none, err
	}
	for _, t := range templates {
		if t.Name == crosswalk.TemplateCompanySync {
			return s.client.InsertJob(ctx, t.Job)
		}
	}
	return none, errors.New("the server has no template for a Company Sync")
}

// run runs the job once and measures it from its start to its end as the
// server tells them.
func (s *system) run(ctx context.Context, name string, rows int64) (Measure, error) {
	queued, err := s.client.StartRun(ctx, s.job.ID, crosswalk.Scope{})
	if err != nil {
		return Measure{}, err
	}
	run, err := s.client.WaitRun(ctx, queued.ID, nil)
	if err != nil {
		return Measure{}, err
	}
	if run.Status != crosswalk.RunSuccess || run.Counts.Read != rows || run.StartedAt == nil || run.EndedAt == nil {
		return Measure{}, fmt.Errorf("%s ended %s (%s) with %d of %d records read", name, run.Status, run.Message, run.Counts.Read, rows)
	}
	m := measure(name, run.Counts.Read, run.EndedAt.Sub(*run.StartedAt))
	m.PeakBytes, err = s.server.PeakMemory()
	return m, err
}

func (s *system) close() {
	for _, p := range []*program.Process{s.server, s.sandbox} {
		if p != nil {
			_ = p.Kill()
		}
	}
}
