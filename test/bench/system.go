package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// environment is a sandbox in a process of its own.
type environment struct {
	*program.Process
	accounts, contacts int
}

func startEnvironment(dir, path string, accounts, contacts int) (*environment, error) {
	e := &environment{accounts: accounts, contacts: contacts}
	var err error
	e.Process, err = program.Start(nil, dir, path, "sandbox", "--listen", "127.0.0.1:0", "--users", "5",
		"--accounts", strconv.Itoa(e.accounts), "--contacts", strconv.Itoa(e.contacts), "--log-level", "error")
	return e, err
}

// control does something to the sandbox.
func (e *environment) control(ctx context.Context, method, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, e.Ready.URL+"/sandbox/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return nil
}

// system is a server that is connected to an environment, a process of its
// own with a database of its own.
type system struct {
	database   string
	sandbox    *environment
	server     *program.Process
	postgres   int // process whose children work for the database, 0 for SQLite
	client     *client.Client
	connection string
}

// startSystem starts a server with its data in dir and authorizes its
// connection. postgres is nil for SQLite.
func startSystem(ctx context.Context, dir, path string, sandbox *environment, postgres *databasetest.Server) (_ *system, err error) {
	s := &system{database: databaseNames[0], sandbox: sandbox}
	data := filepath.Join(dir, "data")
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error"}
	if postgres != nil {
		s.database = databaseNames[1]
		dsn, err := postgres.Make(ctx, "system")
		if err != nil {
			return nil, err
		}
		if s.postgres, err = postgres.PID(); err != nil {
			return nil, err
		}
		args = append(args, "--database", dsn)
	}
	if s.server, err = program.Start(nil, dir, path, args...); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.server.Kill()
		}
	}()
	token, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		return nil, err
	}
	s.client = client.New(s.server.Ready.URL, strings.TrimSpace(string(token)))
	s.connection, err = s.connect(ctx, "Sandbox", sandbox)
	return s, err
}

// connect authorizes a connection to an environment and returns its id.
func (s *system) connect(ctx context.Context, name string, to *environment) (string, error) {
	conn, err := s.client.InsertConnection(ctx, client.ConnectionInput{
		Name: name, EnvironmentURL: to.Ready.URL, ClientID: to.Ready.ClientID, ClientSecret: to.Ready.ClientSecret,
	})
	if err != nil {
		return "", err
	}
	link, err := s.client.Authorize(ctx, conn.ID, "")
	if err != nil {
		return "", err
	}
	return conn.ID, visitor.SignIn(ctx, link, visitor.Accept)
}

// insert makes an object and a job that fills it with all records of an
// entity. change may change the job before; nil changes nothing.
func (s *system) insert(ctx context.Context, display, entity string, fields []filled, lookup string, change func(*client.JobInput)) (crosswalk.Job, error) {
	o, err := s.client.InsertObject(ctx, definition(display, fields, lookup))
	if err != nil {
		return crosswalk.Job{}, err
	}
	m := mappingOf(fields, false)
	if lookup != "" {
		m.Derived = []crosswalk.DerivedMapping{{
			Target: crosswalk.APIName(companyDisplay) + "__gc",
			Match:  []crosswalk.MatchPair{{Source: "parentcustomerid", Field: accountFields[0].name()}},
		}}
	}
	in := jobOf(s.connection, display, entity, o.Name, m)
	if change != nil {
		change(&in)
	}
	return s.client.InsertJob(ctx, in)
}

// accounts makes an object and a job that fills it with all accounts, like
// insert.
func (s *system) accounts(ctx context.Context, name string, change func(*client.JobInput)) (crosswalk.Job, error) {
	return s.insert(ctx, "Account "+name, "account", accountFields, "", change)
}

// run runs a job once and measures it from its start to its end as the server
// tells them. rows is how many records it must read at least: a first read by
// change tracking may show some of them twice.
func (s *system) run(ctx context.Context, name string, j crosswalk.Job, scope crosswalk.Scope, rows int) (m Measure, err error) {
	if err := s.server.ForgetPeakMemory(); err != nil {
		return m, err
	}
	before, err := s.cpu()
	if err != nil {
		return m, err
	}
	queued, err := s.client.StartRun(ctx, j.ID, scope)
	if err != nil {
		return m, err
	}
	run, err := s.client.WaitRun(ctx, queued.ID, nil)
	if err != nil {
		return m, err
	}
	if run.Status != crosswalk.RunSuccess || run.Counts.Read < int64(rows) || run.StartedAt == nil || run.EndedAt == nil {
		return m, fmt.Errorf("%s: %s ended %s (%s) with %d of %d records read", s.database, name, run.Status, run.Message, run.Counts.Read, rows)
	}
	m = measure(name, run.Counts.Read, run.EndedAt.Sub(*run.StartedAt))
	after, err := s.cpu()
	if err != nil {
		return m, err
	}
	m.Database, m.CPU = s.database, perRow(after.server-before.server, m.Rows)
	m.DBCPU, m.SourceCPU = perRow(after.database-before.database, m.Rows), perRow(after.source-before.source, m.Rows)
	m.PeakBytes, err = s.server.PeakMemory()
	return m, err
}

// times are processor times.
type times struct{ server, database, source time.Duration }

// cpu is the processor time of the server, of its database and of the first
// sandbox so far.
func (s *system) cpu() (t times, err error) {
	if t.server, err = s.server.CPU(); err != nil {
		return t, err
	}
	if t.source, err = s.sandbox.CPU(); err == nil {
		t.database, err = treeCPU(s.postgres)
	}
	return t, err
}

// treeCPU is the processor time of a process and its children so far, none for
// the process 0.
func treeCPU(pid int) (time.Duration, error) {
	if pid == 0 {
		return 0, nil
	}
	return program.TreeCPU(pid)
}
