package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

type demoCmd struct {
	Listen        string   `placeholder:"ADDR" help:"Address of Crosswalk; by default 127.0.0.1:8080, or a free port when that is taken."`
	SandboxListen string   `placeholder:"ADDR" help:"Address of the sandbox; by default the one of the last demo, else 127.0.0.1:8089, or a free port."`
	Data          string   `default:"demo-data" placeholder:"DIR" help:"Data directory; the next demo goes on with it."`
	Users         rowCount `default:"100" help:"Number of users in the sandbox."`
	Accounts      rowCount `default:"10000" help:"Number of accounts in the sandbox."`
	Contacts      rowCount `default:"2000" help:"Number of contacts in the sandbox."`
	Seed          uint64   `default:"1" help:"Same seed and numbers, same data."`
	Exit          bool     `help:"End when the runs have ended, instead of serving on."`
	JSON          bool     `help:"Print one JSON document about what happened."`
	Verbose       bool     `short:"v" help:"Print the log of both servers."`
}

func (*demoCmd) Help() string {
	return `Starts a sandbox and Crosswalk on this machine and does the four tasks of a first set-up through
Crosswalk's public API: makes a connection, authorizes it through the sandbox's sign-in pages, runs the
User Sync job that came with it, and makes and runs three more: Company Sync, Company Person Sync, and an
Opportunity Sync into an object of its own. Then it serves until Ctrl-C. A second demo on the same data
directory first changes a few accounts in the sandbox, and then reads and updates only those.

Examples:

  crosswalk demo
  crosswalk demo --accounts 200000
  crosswalk demo --exit --json`
}

// The names the demo gives.
const (
	demoConnection = "Dynamics sandbox"
	demoListen     = "127.0.0.1:8080"
	sandboxListen  = "127.0.0.1:8089"
)

func (cmd *demoCmd) Run(ctx context.Context, a *app) error {
	for flag, address := range map[string]string{"--listen": cmd.Listen, "--sandbox-listen": cmd.SandboxListen} {
		if address != "" && !isListening(address) {
			return usageError{wrongAddress(flag, address)}
		}
	}
	log := slog.New(slog.DiscardHandler)
	if cmd.Verbose {
		log = (&logFlags{LogFormat: "text", LogLevel: "info"}).logger(a)
	}
	box, err := sandbox.New(sandbox.Config{
		Seed:     cmd.Seed,
		Users:    cmd.Users.wanted(),
		Accounts: cmd.Accounts.wanted(),
		Contacts: cmd.Contacts.wanted(),
		Logger:   log,
	})
	if err != nil {
		return err
	}
	listen := cmd.Listen
	if listen == "" {
		if listen, err = freeAddress(demoListen); err != nil {
			return err
		}
	}
	srv, err := server.New(ctx, server.Config{Listen: listen, DataDir: cmd.Data, Logger: log, Version: version()})
	if err != nil {
		return err
	}
	d := &demo{app: a, cmd: cmd, box: box, srv: srv, client: client.New(srv.URL(), srv.Token())}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return srv.Run(gctx) })
	group.Go(func() error { return d.run(gctx, group, stop) })
	if err := group.Wait(); err != nil {
		return err
	}
	return d.result
}

// demo is one demo at work.
type demo struct {
	*app
	cmd    *demoCmd
	box    *sandbox.Sandbox
	srv    *server.Server
	client *client.Client
	result error // with --exit: what tells how the runs ended, nil when all went well
}

// demoReport is what a demo prints with --json.
type demoReport struct {
	URL        string       `json:"url"`
	SandboxURL string       `json:"sandbox_url"`
	SignInLink string       `json:"sign_in_link"`
	Connection connBrief    `json:"connection"`
	Runs       []runBrief   `json:"runs"`
	Objects    []objectRows `json:"objects"`
}

type connBrief struct {
	ID             string                     `json:"id"`
	Name           string                     `json:"name"`
	EnvironmentURL string                     `json:"environment_url"`
	Status         crosswalk.ConnectionStatus `json:"status"`
	Organization   string                     `json:"organization"`
	User           string                     `json:"user"`
}

type runBrief struct {
	ID      string              `json:"id"`
	Number  int64               `json:"number"`
	Job     string              `json:"job"`
	Status  crosswalk.RunStatus `json:"status"`
	Message string              `json:"message,omitempty"`
	Hint    string              `json:"hint,omitempty"`
	Counts  crosswalk.Counts    `json:"counts"`
	Seconds float64             `json:"seconds"`
	run     crosswalk.Run
}

type objectRows struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// run starts the sandbox in group, does the set-up tasks and prints what
// happened. With --exit it then ends everything.
func (d *demo) run(ctx context.Context, group *errgroup.Group, stop context.CancelFunc) error {
	if _, err := waitReady(ctx, d.client); err != nil {
		return err
	}
	conn, listener, err := d.place(ctx)
	if err != nil {
		return err
	}
	group.Go(func() error { return serveHTTP(ctx, listener, d.box.Handler()) })
	report := demoReport{URL: d.srv.URL(), SandboxURL: "http://" + addressOf(listener)}
	d.step("Dynamics sandbox", "%s   %s", report.SandboxURL, rowsOf(d.box))
	d.step("Crosswalk", "%s   data in %s", report.URL, d.cmd.Data)

	if conn, err = d.connect(ctx, conn, report.SandboxURL); err != nil {
		return d.explain(conn, err)
	}
	report.Connection = connBrief{
		ID: conn.ID, Name: conn.Name, EnvironmentURL: conn.EnvironmentURL, Status: conn.Status,
		Organization: conn.Authorization.OrganizationName, User: conn.Authorization.UserName,
	}
	d.step("Authorized", "%s of %s", conn.Authorization.DisplayName, conn.Authorization.OrganizationName)
	jobs, err := d.jobs(ctx, conn)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		run, err := d.runJob(ctx, job)
		if err != nil {
			return err
		}
		report.Runs = append(report.Runs, runBrief{
			ID: run.ID, Number: run.Number, Job: run.JobName, Status: run.Status, Message: run.Message, Hint: run.Hint,
			Counts: run.Counts, Seconds: took(run).Seconds(), run: run,
		})
	}
	objects, err := d.client.Objects(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		report.Objects = append(report.Objects, objectRows{o.Name, o.Rows})
	}
	if report.SignInLink, err = d.srv.SignInLink(ctx); err != nil {
		return err
	}
	if err := d.print(report); err != nil {
		return err
	}
	if d.cmd.Exit {
		d.result = worst(report.Runs)
		stop()
	}
	return nil
}

// runJob runs a job and returns the run when it has ended or is held. What an
// earlier demo left of the job comes to its end before; when that is held, it is
// what is returned, and the job does not run: it would wait until somebody has
// decided.
func (d *demo) runJob(ctx context.Context, job crosswalk.Job) (crosswalk.Run, error) {
	left, err := d.client.ListRuns(ctx, client.RunFilter{JobID: job.ID, Statuses: []crosswalk.RunStatus{crosswalk.RunQueued, crosswalk.RunRunning, crosswalk.RunHeld}})
	if err != nil {
		return crosswalk.Run{}, err
	}
	slices.Reverse(left.Items) // the oldest first
	for _, run := range left.Items {
		if run, err = d.wait(ctx, d.client, run); err != nil || run.Status == crosswalk.RunHeld {
			return run, err
		}
	}
	if err := d.change(ctx, job); err != nil {
		return crosswalk.Run{}, err
	}
	run, err := d.client.StartRun(ctx, job.ID, crosswalk.Scope{})
	if err != nil {
		return run, err
	}
	return d.wait(ctx, d.client, run)
}

// demoChanges is how many accounts change between two demos.
const demoChanges = 36

// change makes people work in Dynamics between two demos: before every run
// of the Company Sync but the first it changes a few accounts, others each
// time. The sandbox forgets what changed when it ends, and the next run reads
// only what changed after the last one, so what changed before comes first.
func (d *demo) change(ctx context.Context, job crosswalk.Job) error {
	if job.Entity != "account" {
		return nil
	}
	before, err := d.client.ListRuns(ctx, client.RunFilter{JobID: job.ID, Paging: client.Paging{Limit: 1}})
	if err != nil || before.Total == 0 {
		return err
	}
	changed := 0
	for i := range before.Total {
		if changed, err = d.box.ChangeRows(job.Entity, demoChanges, uint64(i)+1); err != nil {
			return fmt.Errorf("change accounts in the sandbox: %w", err)
		}
	}
	d.step("In Dynamics", "%s accounts changed since the last demo", number(int64(changed)))
	return nil
}

// place decides where the sandbox listens. A connection of an earlier demo
// knows its environment by address, so the sandbox takes that one again when
// it can. The connection returned has no id when there is none yet.
func (d *demo) place(ctx context.Context) (crosswalk.Connection, net.Listener, error) {
	conn, err := findConnection(ctx, d.client, demoConnection)
	if err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeNotFound {
		return conn, nil, err
	}
	addresses := []string{sandboxListen, "127.0.0.1:0"}
	if d.cmd.SandboxListen != "" {
		addresses = []string{d.cmd.SandboxListen}
	}
	if u, err := url.Parse(conn.EnvironmentURL); conn.ID != "" && err == nil && (d.cmd.SandboxListen == "" || portIsFree(d.cmd.SandboxListen)) {
		addresses = append([]string{u.Host}, addresses...)
	}
	for _, address := range addresses {
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			if conn.EnvironmentURL != "http://"+addressOf(l) {
				conn = crosswalk.Connection{}
			}
			return conn, l, nil
		}
	}
	return conn, nil, crosswalk.Errorf(crosswalk.CodeConflict, "The sandbox cannot listen: %v.", err).
		WithHint("Choose another address with --sandbox-listen.")
}

func portIsFree(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}

// freeAddress returns the address when it is free, else one with a free
// port.
func freeAddress(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", crosswalk.Errorf(crosswalk.CodeConflict, "Cannot listen on this machine: %v.", err).
				WithHint("Programs must be allowed to listen on 127.0.0.1.")
		}
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// connect makes the connection unless there is one and authorizes it. The
// sandbox forgets its sign-ins when it ends, so every demo authorizes anew.
func (d *demo) connect(ctx context.Context, conn crosswalk.Connection, environment string) (crosswalk.Connection, error) {
	if conn.ID == "" {
		in := client.ConnectionInput{
			Name: demoConnection, EnvironmentURL: environment,
			ClientID: sandbox.ClientID, ClientSecret: sandbox.ClientSecret,
		}
		var err error
		conn, err = d.client.InsertConnection(ctx, in)
		if crosswalk.ErrorCode(err) == crosswalk.CodeConflict { // of a demo with the sandbox elsewhere
			in.Name += " at " + environment
			if conn, err = findConnection(ctx, d.client, in.Name); crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
				conn, err = d.client.InsertConnection(ctx, in)
			}
		}
		if err != nil {
			return conn, err
		}
		d.step("Connection", "%s, new", conn.Name)
	} else {
		d.step("Connection", "%s, as before", conn.Name)
	}
	link, err := d.client.Authorize(ctx, conn.ID, "")
	if err != nil {
		return conn, err
	}
	if err := visitor.SignIn(ctx, link, visitor.Accept); err != nil {
		return conn, err
	}
	conn, err = d.client.FindConnection(ctx, conn.ID)
	if err == nil && (conn.Status != crosswalk.ConnectionAuthorized || conn.Authorization == nil) {
		err = fmt.Errorf("the sign-in ended well but the connection is %s", conn.Status)
	}
	return conn, err
}

// userSync returns the job that the authorization made.
func (d *demo) userSync(ctx context.Context, conn crosswalk.Connection) (crosswalk.Job, error) {
	for job, err := range d.client.Jobs(ctx, client.JobFilter{ConnectionID: conn.ID}) {
		if err != nil || job.OutOfTheBox {
			return job, err
		}
	}
	return crosswalk.Job{}, crosswalk.Errorf(crosswalk.CodeNotFound, "%s has no User Sync job; somebody deleted it.", conn.Name).
		WithHint("Delete the data directory %s to begin anew.", d.cmd.Data)
}

// demoTemplates are the templates whose jobs a demo runs after User Sync, in
// this order: each fills what the lookups of the next lead to.
var demoTemplates = []string{crosswalk.TemplateCompanySync, crosswalk.TemplateCompanyPersonSync, crosswalk.TemplateOpportunitySync}

// jobs returns the jobs of the demo in the order in which they run. Those that
// are missing are made from their templates.
func (d *demo) jobs(ctx context.Context, conn crosswalk.Connection) ([]crosswalk.Job, error) {
	first, err := d.userSync(ctx, conn)
	if err != nil {
		return nil, err
	}
	jobs := []crosswalk.Job{first}
	templates, err := d.client.Templates(ctx, conn.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		if !slices.Contains(demoTemplates, t.Name) {
			continue
		}
		job, err := d.templateJob(ctx, conn, t)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

func (d *demo) templateJob(ctx context.Context, conn crosswalk.Connection, t client.Template) (crosswalk.Job, error) {
	for job, err := range d.client.Jobs(ctx, client.JobFilter{ConnectionID: conn.ID}) {
		if err != nil || job.Entity == t.Job.Entity && job.Object == t.Job.Object {
			return job, err
		}
	}
	for _, o := range t.Objects {
		if _, err := d.client.InsertObject(ctx, o); err != nil {
			return crosswalk.Job{}, err
		}
	}
	return d.client.InsertJob(ctx, t.Job)
}

// explain says of the refusal of another organization what it means in a
// demo. Any other error of the authorization stays as it is.
func (d *demo) explain(conn crosswalk.Connection, err error) error {
	var e *crosswalk.Error
	if errors.As(err, &e) && conn.OrganizationID != "" && conn.OrganizationID != d.box.OrganizationID() {
		return crosswalk.Errorf(e.Code, "The connection %s belongs to the organization %s; the sandbox of this demo is %s.", conn.Name, conn.OrganizationID, d.box.OrganizationID()).
			WithHint("Another --seed is another organization; give it a data directory of its own with --data.")
	}
	return err
}

// worst returns the error that tells the worst of the runs, nil when all
// succeeded.
func worst(runs []runBrief) error {
	var err error
	for _, r := range runs {
		if e := runExit(r.run); e != nil && (err == nil || exitCode(e) > exitCode(err)) {
			err = e
		}
	}
	return err
}
