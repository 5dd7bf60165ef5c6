package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
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

	State        sandboxStateCmd        `cmd:"" help:"Show rows, clock, limits and faults of a running sandbox."`
	Insert       sandboxInsertCmd       `cmd:"" help:"Insert rows, the same ones for the same seed."`
	Change       sandboxChangeCmd       `cmd:"" help:"Change rows, the same ones for the same seed."`
	Delete       sandboxDeleteCmd       `cmd:"" help:"Delete rows, the same ones for the same seed."`
	Metadata     sandboxMetadataCmd     `cmd:"" help:"Add or remove columns, remove tables, turn change tracking on or off, publish."`
	Fault        sandboxFaultCmd        `cmd:"" help:"Make answers fail, list and remove such faults."`
	Limits       sandboxLimitsCmd       `cmd:"" help:"Set the service protection limits."`
	Clock        sandboxClockCmd        `cmd:"" help:"Move the sandbox's clock."`
	Tokens       sandboxTokensCmd       `cmd:"" help:"Expire, revoke and challenge tokens; make the token endpoint fail."`
	User         sandboxUserCmd         `cmd:"" help:"Disable users, change their passwords, revoke their sessions."`
	Role         sandboxRoleCmd         `cmd:"" help:"Set what a user may read and write."`
	AppAccess    sandboxAppAccessCmd    `cmd:"" help:"Keep an app out of the environment, or let it in again."`
	AdminMode    sandboxAdminModeCmd    `cmd:"" help:"Put the environment into administration mode, or take it out."`
	Continuous   sandboxContinuousCmd   `cmd:"" name:"continuous-access" help:"Turn continuous access on or off: without it no token is challenged."`
	Organization sandboxOrganizationCmd `cmd:"" help:"Put another organization behind the address, or the first one back."`
	Tracking     sandboxTrackingCmd     `cmd:"" help:"Set how many days delta links live."`
	Switch       sandboxSwitchCmd       `cmd:"" help:"Choose among behaviours that are not known for certain."`
	Requests     sandboxRequestsCmd     `cmd:"" help:"Show the log of requests."`
	Reset        sandboxResetCmd        `cmd:"" help:"Take back all changes since the sandbox began."`
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
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The answer of the sandbox broke off: %v.", err)
	}
	if answer.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(text, &said) != nil || said.Error == "" {
			return crosswalk.Errorf(crosswalk.CodeInvalid, "%s is no sandbox: it answered %s.", r.Sandbox, answer.Status)
		}
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The sandbox refused: %s.", said.Error)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "%s is no sandbox: it did not answer with JSON.", r.Sandbox)
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
		"Faults", len(s.Faults), "Delta links live", strconv.Itoa(s.TrackingDays)+" days", "Administration mode", s.AdminMode,
		"Continuous access", s.Continuous, "Swapped", s.Swapped)
	t := &table{head: []string{"Table", ">Rows"}}
	for _, name := range sortedKeys(s.Rows) {
		t.add(name, s.Rows[name])
	}
	a.printTable(t)
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
	sandboxChangeCmd struct{ rowsToChange }
	sandboxDeleteCmd struct{ rowsToChange }
)

func (cmd *sandboxInsertCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Insert: int(cmd.Rows)}, "inserted")
}

func (cmd *sandboxChangeCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Change: int(cmd.Rows)}, "changed")
}

func (cmd *sandboxDeleteCmd) Run(ctx context.Context, a *app) error {
	return cmd.apply(ctx, a, sandbox.RowChange{Delete: int(cmd.Rows)}, "deleted")
}

type sandboxRequestsCmd struct {
	After int64      `placeholder:"N" help:"Only requests after this number."`
	Path  string     `placeholder:"TEXT" help:"Only requests whose address contains this."`
	Limit atLeastOne `default:"50" help:"At most this many, the last ones."`
	Clear bool       `help:"Empty the log."`
	sandboxRemote
}

func (cmd *sandboxRequestsCmd) Run(ctx context.Context, a *app) error {
	if cmd.Clear {
		return cmd.change(ctx, a, http.MethodDelete, "requests", nil)
	}
	var list []sandbox.Request
	query := "?after=" + strconv.FormatInt(cmd.After, 10) + "&path=" + queryEscape(cmd.Path)
	if err := cmd.call(ctx, http.MethodGet, "requests"+query, nil, &list); err != nil {
		return err
	}
	list = list[max(len(list)-int(cmd.Limit), 0):]
	if cmd.JSON {
		return a.printJSON(list)
	}
	t := &table{head: []string{">No.", "Time", "Request", ">Status", ">Bytes", ">Took", ">At once", "Fault"}}
	for _, r := range list {
		address := r.URL
		if runes := []rune(address); len(runes) > 80 {
			address = string(runes[:79]) + "…"
		}
		t.add(r.Number, r.Time.Format(time.TimeOnly), r.Method+" "+address, r.Status, r.Bytes, time.Duration(r.Took).Round(time.Millisecond), r.Concurrent, r.Fault)
	}
	a.printTable(t)
	return nil
}

type sandboxResetCmd struct{ sandboxRemote }

func (cmd *sandboxResetCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPost, "reset", struct{}{})
}
