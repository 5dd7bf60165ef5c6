package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// sandboxCmd is the group of the commands about the sandbox. Without one of
// them the sandbox is started.
type sandboxCmd struct {
	Serve sandboxServeCmd `cmd:"" default:"withargs" help:"Start the sandbox. It is what \"crosswalk sandbox\" does alone."`

	State         sandboxStateCmd         `cmd:"" help:"Show rows, clock, limits and faults of a running sandbox."`
	Insert        sandboxInsertCmd        `cmd:"" help:"Insert rows, the same ones for the same seed."`
	Change        sandboxChangeCmd        `cmd:"" help:"Change rows, the same ones for the same seed."`
	Delete        sandboxDeleteCmd        `cmd:"" help:"Delete rows, the same ones for the same seed."`
	Metadata      sandboxMetadataCmd      `cmd:"" help:"Add or remove columns, remove tables, turn change tracking on or off, publish."`
	Webhooks      sandboxWebhooksCmd      `cmd:"" help:"Hold calls of webhooks back, or leave some out."`
	MetadataCache sandboxMetadataCacheCmd `cmd:"" help:"Set how long metadata are shown as they were before a change."`
	Fault         sandboxFaultCmd         `cmd:"" help:"Make answers fail, list and remove such faults."`
	Limits        sandboxLimitsCmd        `cmd:"" help:"Set the service protection limits."`
	Clock         sandboxClockCmd         `cmd:"" help:"Move the sandbox's clock."`
	Loops         sandboxLoopsCmd         `cmd:"" help:"Set how often the token endpoint answers the same request."`
	Tokens        sandboxTokensCmd        `cmd:"" help:"Expire, revoke and challenge tokens; make the token endpoint fail."`
	User          sandboxUserCmd          `cmd:"" help:"Disable users, change their passwords, revoke their sessions."`
	App           sandboxAppCmd           `cmd:"" help:"Replace or expire the secret of an app, disable it, keep it out of the environment, consent to it."`
	Register      sandboxRegisterCmd      `cmd:"" help:"Add an app registration, or replace one."`
	Role          sandboxRoleCmd          `cmd:"" help:"Set what a user may read and write."`
	AdminMode     sandboxAdminModeCmd     `cmd:"" help:"Put the environment into administration mode, or take it out."`
	Continuous    sandboxContinuousCmd    `cmd:"" name:"continuous-access" help:"Turn continuous access on or off: without it no token is challenged."`
	Organization  sandboxOrganizationCmd  `cmd:"" help:"Put another organization behind the address, or the first one back."`
	Tracking      sandboxTrackingCmd      `cmd:"" help:"Set how many days delta links live."`
	Switch        sandboxSwitchCmd        `cmd:"" help:"Choose among behaviours that are not known for certain."`
	Requests      sandboxRequestsCmd      `cmd:"" help:"Search the log of requests."`
	Controls      sandboxControlsCmd      `cmd:"" help:"List all that can be changed, with the HTTP request for each."`
	Reset         sandboxResetCmd         `cmd:"" help:"Take back all changes since the sandbox began."`
}

// Help shows what the commands are for.
func (*sandboxCmd) Help() string {
	return `Alone, or with flags only, it starts the sandbox: "crosswalk sandbox serve --help" lists the flags. The
other commands change the rows, the clock and the conditions of a sandbox that runs on this machine.

Examples:

  crosswalk sandbox --accounts 50000
  crosswalk sandbox change account --rows 1000 --seed 3
  crosswalk sandbox fault add status --status 503 --count 5
  crosswalk sandbox clock advance 8d
  crosswalk sandbox role set --table account=local --hide account.revenue
  crosswalk sandbox reset`
}

// sandboxRemote is how a command reaches a running sandbox. Commands embed it.
type sandboxRemote struct {
	Sandbox string `env:"CROSSWALK_SANDBOX" default:"http://127.0.0.1:8089" placeholder:"URL" help:"Address of the sandbox, on this machine."`
	JSON    bool   `help:"Print JSON."`
}

// call sends a request to the sandbox and reads the answer into a value; nil
// leaves either out.
func (r *sandboxRemote) call(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	q, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.Sandbox, "/")+"/sandbox/"+path, content)
	if err != nil {
		return usageError{err}
	}
	q.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The sandbox at %s does not answer: %v.", r.Sandbox, err).
			WithHint("Start it with \"crosswalk sandbox\", or name its address with --sandbox.")
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The answer of the sandbox broke off: %v.", err).
			WithHint("See whether it still runs, and try again.")
	}
	if answer.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(text, &said) != nil || said.Error == "" {
			return crosswalk.Errorf(crosswalk.CodeInvalid, "%s is no sandbox: it answered %s.", r.Sandbox, answer.Status).
				WithHint("Name the address that \"crosswalk sandbox\" printed with --sandbox.")
		}
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The sandbox refused: %s.", said.Error).
			WithHint("See \"crosswalk sandbox --help\".")
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "%s is no sandbox: it did not answer with JSON.", r.Sandbox).
			WithHint("Name the address that \"crosswalk sandbox\" printed with --sandbox.")
	}
	return nil
}

// change sends a change and says that it is done.
func (r *sandboxRemote) change(ctx context.Context, a *app, method, path string, body any) error {
	if err := r.call(ctx, method, path, body, nil); err != nil {
		return err
	}
	if r.JSON {
		return a.printLine(struct{}{})
	}
	a.note("Done.")
	return nil
}

type sandboxStateCmd struct{ sandboxRemote }

func (cmd *sandboxStateCmd) Run(ctx context.Context, a *app) error {
	var s sandbox.State
	if err := cmd.call(ctx, http.MethodGet, "state", nil, &s); err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(s)
	}
	limits := "none"
	if s.Limits.Servers > 0 {
		limits = strconv.Itoa(s.Limits.Servers) + " servers, " + strconv.Itoa(s.Limits.Requests) + " requests, " + s.Limits.ExecutionTime.String() +
			", " + strconv.Itoa(s.Limits.Concurrency) + " at once, within " + s.Limits.Window.String()
	}
	a.facts("Organization", s.OrganizationID, "Clock", s.Clock.Format(time.RFC3339), "Limits", limits,
		"Faults", len(s.Faults), "Same request for a token", strconv.Itoa(s.LoopLimit)+" times in 5 minutes", "Delta links live", strconv.Itoa(s.TrackingDays)+" days", "Administration mode", s.AdminMode,
		"Continuous access", s.Continuous, "Swapped", s.Swapped)
	t := &table{head: []string{"Table", ">Rows"}}
	for _, name := range sortedKeys(s.Rows) {
		t.add(name, s.Rows[name])
	}
	a.printTable(t)
	people := &table{head: []string{"Person", "Object id", "Guest", "Disabled"}}
	for _, p := range s.Accounts {
		people.add(p.SignInName, p.ObjectID, p.Guest, p.Disabled)
	}
	a.printTable(people)
	apps := &table{head: []string{"App", "Client id", "Disabled", "Blocked"}}
	for _, r := range s.Apps {
		apps.add(r.Name, r.ClientID, r.Disabled, slices.Contains(s.BlockedApps, strings.ToLower(r.ClientID)))
	}
	a.printTable(apps)
	return nil
}

// rowsToChange is what the commands take that change rows in bulk.
type rowsToChange struct {
	Table string     `arg:"" help:"Logical name of the table, for example account."`
	Rows  atLeastOne `required:"" placeholder:"N" help:"How many rows."`
	Seed  uint64     `default:"1" help:"Chooses the rows."`
	sandboxRemote
}

func (cmd *rowsToChange) apply(ctx context.Context, a *app, c sandbox.RowChange, verb string) error {
	c.Table, c.Seed = cmd.Table, cmd.Seed
	var done sandbox.RowChange
	if err := cmd.call(ctx, http.MethodPost, "rows", c, &done); err != nil {
		return err
	}
	if cmd.JSON {
		return a.printLine(done)
	}
	a.note("%s rows of %s %s.", number(int64(done.Insert+done.Change+done.Delete)), done.Table, verb)
	return nil
}

type (
	sandboxInsertCmd struct{ rowsToChange }
	sandboxChangeCmd struct {
		rowsToChange
		ModifiedOn time.Time `placeholder:"TIME" help:"Date the changes otherwise than by the clock, as imports do."`
	}
	sandboxDeleteCmd struct{ rowsToChange }
)

func (cmd *sandboxInsertCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Insert: int(cmd.Rows)}, "inserted")
}

func (cmd *sandboxChangeCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Change: int(cmd.Rows), ModifiedOn: cmd.ModifiedOn}, "changed")
}

func (cmd *sandboxDeleteCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Delete: int(cmd.Rows)}, "deleted")
}

type sandboxResetCmd struct{ sandboxRemote }

func (cmd *sandboxResetCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPost, "reset", struct{}{})
}
