package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// atLeastOne is a number of which there must be one.
type atLeastOne int

// Validate is called by kong for the numbers on the command line.
func (n atLeastOne) Validate() error {
	if n < 1 {
		return fmt.Errorf("%d is too few; the least is 1", n)
	}
	return nil
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

type sandboxFaultCmd struct {
	Add    sandboxFaultAddCmd    `cmd:"" help:"Make answers fail from now on."`
	List   sandboxFaultListCmd   `cmd:"" help:"List the faults, with how often each struck."`
	Remove sandboxFaultRemoveCmd `cmd:"" help:"Remove a fault, or all."`
}

type sandboxFaultAddCmd struct {
	Kind        string       `arg:"" enum:"${faults}" help:"What happens: ${enum}."`
	Path        string       `placeholder:"TEXT" help:"Only to requests whose address contains this; by default all to the Web API."`
	Method      string       `placeholder:"METHOD" help:"Only to requests with this method."`
	After       int          `help:"Let this many requests pass first."`
	Count       int          `help:"Strike this many; 0 means all."`
	Probability float64      `help:"Strike this part of them, for example 0.1; 0 means all."`
	Seed        uint64       `help:"Decides which, with --probability."`
	Status      int          `help:"HTTP status, of status (503) and html (502)."`
	Code        string       `help:"Error code, of status: 0x80072322."`
	Message     string       `help:"Error message, of status."`
	RetryAfter  int          `placeholder:"SECONDS" help:"Retry-After, of status and html; by default none."`
	Bytes       int          `help:"Where reset and truncate cut, or how large the pieces of drip are."`
	Delay       sandbox.Span `placeholder:"TIME" help:"How long delay and drip wait; how far off the Date header is: -48h."`
	Host        string       `help:"Where the links of link-host lead."`
	Table       string       `help:"What remove-column and remove-table remove, or remove from."`
	Column      string       `help:"What remove-column removes."`
	sandboxRemote
}

func (cmd *sandboxFaultAddCmd) Run(ctx context.Context, a *app) error {
	var made struct {
		ID int `json:"id"`
	}
	err := cmd.call(ctx, http.MethodPost, "faults", sandbox.Fault{
		Kind: cmd.Kind, Path: cmd.Path, Method: cmd.Method, After: cmd.After, Count: cmd.Count, Probability: cmd.Probability, Seed: cmd.Seed,
		Status: cmd.Status, Code: cmd.Code, Message: cmd.Message, RetryAfter: cmd.RetryAfter, Bytes: cmd.Bytes, Delay: cmd.Delay,
		Host: cmd.Host, Table: cmd.Table, Column: cmd.Column,
	}, &made)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printLine(made)
	}
	a.note("Fault %d added.", made.ID)
	return nil
}

type sandboxFaultListCmd struct{ sandboxRemote }

func (cmd *sandboxFaultListCmd) Run(ctx context.Context, a *app) error {
	var list []sandbox.Fault
	if err := cmd.call(ctx, http.MethodGet, "faults", nil, &list); err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(list)
	}
	t := &table{head: []string{">No.", "Kind", "Path", ">Of", ">Seen", ">Struck"}}
	for _, f := range list {
		t.add(f.ID, f.Kind, f.Path, f.Count, f.Seen, f.Struck)
	}
	a.printTable(t)
	return nil
}

type sandboxFaultRemoveCmd struct {
	ID int `arg:"" optional:"" help:"Number of the fault; by default all are removed."`
	sandboxRemote
}

func (cmd *sandboxFaultRemoveCmd) Run(ctx context.Context, a *app) error {
	path := "faults"
	if cmd.ID > 0 {
		path += "/" + strconv.Itoa(cmd.ID)
	}
	return cmd.change(ctx, a, http.MethodDelete, path, nil)
}

type sandboxLimitsCmd struct {
	Set sandboxLimitsSetCmd `cmd:"" help:"Set limits; without flags those of a real environment."`
	Off sandboxLimitsOffCmd `cmd:"" help:"Turn all limits off."`
}

type sandboxLimitsSetCmd struct {
	Servers       atLeastOne   `default:"4" help:"Web servers, each with limits of its own."`
	Requests      int          `default:"6000" help:"Requests within the window; 0 means any number."`
	ExecutionTime sandbox.Span `default:"20m" help:"Combined execution time within the window."`
	Concurrency   int          `default:"52" help:"Requests at once."`
	Window        sandbox.Span `default:"5m" help:"Length of the window."`
	Cost          sandbox.Span `default:"0s" help:"Execution time each request counts beside what it takes."`
	ParallelHint  int          `default:"4" help:"What x-ms-dop-hint says."`
	sandboxRemote
}

func (cmd *sandboxLimitsSetCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "limits", sandbox.Limits{
		Servers: int(cmd.Servers), Requests: cmd.Requests, ExecutionTime: cmd.ExecutionTime, Concurrency: cmd.Concurrency,
		Window: cmd.Window, Cost: cmd.Cost, ParallelHint: cmd.ParallelHint,
	})
}

type sandboxLimitsOffCmd struct{ sandboxRemote }

func (cmd *sandboxLimitsOffCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "limits", sandbox.Limits{})
}

type sandboxClockCmd struct {
	Advance sandboxClockAdvanceCmd `cmd:"" help:"Move the clock forward: 8d, 90m."`
	Set     sandboxClockSetCmd     `cmd:"" help:"Set the clock."`
}

type sandboxClockAdvanceCmd struct {
	By sandbox.Span `arg:"" help:"How far."`
	sandboxRemote
}

func (cmd *sandboxClockAdvanceCmd) Run(ctx context.Context, a *app) error {
	return cmd.move(ctx, a, sandbox.ClockChange{Advance: cmd.By})
}

type sandboxClockSetCmd struct {
	Time time.Time `arg:"" help:"Moment, for example 2026-05-01T12:00:00Z."`
	sandboxRemote
}

func (cmd *sandboxClockSetCmd) Run(ctx context.Context, a *app) error {
	return cmd.move(ctx, a, sandbox.ClockChange{Set: cmd.Time})
}

func (r *sandboxRemote) move(ctx context.Context, a *app, c sandbox.ClockChange) error {
	var now struct {
		Clock time.Time `json:"clock"`
	}
	if err := r.call(ctx, http.MethodPost, "clock", c, &now); err != nil {
		return err
	}
	if r.JSON {
		return a.printLine(now)
	}
	a.note("The sandbox's clock is at %s.", now.Clock.Format(time.RFC3339))
	return nil
}

type sandboxTokensCmd struct {
	Action string `arg:"" enum:"expire,revoke,challenge,fail-next,fail,fail-authorize,clear" help:"One of ${enum}; challenge needs continuous access."`
	Code   string `arg:"" optional:"" help:"For those that fail: number of the Entra error (50173), or 429 or 503."`
	sandboxRemote
}

func (cmd *sandboxTokensCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPost, "tokens", sandbox.TokenChange{Action: cmd.Action, Code: cmd.Code})
}

type sandboxUserCmd struct {
	Action string `arg:"" enum:"disable,enable,change-password,reset-password,revoke,remove-consent,guest,member" help:"One of ${enum}."`
	User   string `arg:"" help:"Sign-in name or object id of the user; \"crosswalk sandbox state\" lists them."`
	App    string `placeholder:"ID" help:"Client id of the app whose consent is removed; by default the sandbox's own."`
	sandboxRemote
}

func (cmd *sandboxUserCmd) Run(ctx context.Context, a *app) error {
	c := sandbox.UserChange{User: cmd.User}
	is := cmd.Action == "disable" || cmd.Action == "guest"
	switch cmd.Action {
	case "disable", "enable":
		c.Disabled = &is
	case "guest", "member":
		c.Guest = &is
	case "change-password":
		c.ChangePassword = true
	case "reset-password":
		c.ResetPassword = true
	case "revoke":
		c.Revoke = true
	case "remove-consent":
		c.RemoveConsent, c.App = true, cmd.App
	}
	return cmd.change(ctx, a, http.MethodPost, "users", c)
}

type sandboxRoleCmd struct {
	Set sandboxRoleSetCmd `cmd:"" help:"Set what a user may do; without flags everything."`
}

type sandboxRoleSetCmd struct {
	User      string                   `placeholder:"USER" help:"systemuserid or user name; by default everybody without a role of their own."`
	Default   sandbox.Depth            `default:"global" enum:"none,basic,local,deep,global" help:"Depth where nothing else is said: ${enum}."`
	Table     map[string]sandbox.Depth `placeholder:"TABLE=DEPTH" help:"Depth of a table, or of one privilege: account=local, account.Write=none."`
	Hide      []string                 `placeholder:"TABLE.COLUMN" help:"Secured columns whose values the user cannot see."`
	Disabled  bool                     `help:"The user is disabled in the environment."`
	NotMember bool                     `help:"The user is not a member of the organization."`

	Unlicensed bool `help:"The user has no license."`
	NoDelegate bool `help:"The user may not act on behalf of others."`
	sandboxRemote
}

func (cmd *sandboxRoleSetCmd) Run(ctx context.Context, a *app) error {
	depths := []sandbox.Depth{sandbox.None, sandbox.Basic, sandbox.Local, sandbox.Deep, sandbox.Global}
	for name, d := range cmd.Table {
		if !slices.Contains(depths, d) {
			return usageError{fmt.Errorf("--table: %s=%s: the depths are none, basic, local, deep and global", name, d)}
		}
	}
	return cmd.change(ctx, a, http.MethodPut, "roles", sandbox.RoleChange{User: cmd.User, Role: sandbox.Role{
		Default: cmd.Default, Tables: cmd.Table, HiddenColumns: cmd.Hide, Disabled: cmd.Disabled, NotMember: cmd.NotMember,
		Unlicensed: cmd.Unlicensed, NoDelegate: cmd.NoDelegate,
	}})
}

type sandboxAdminModeCmd struct {
	Mode string `arg:"" enum:"on,off" help:"${enum}."`
	sandboxRemote
}

func (cmd *sandboxAdminModeCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "admin-mode", map[string]bool{"on": cmd.Mode == "on"})
}

type sandboxContinuousCmd struct {
	Mode string `arg:"" enum:"on,off" help:"${enum}."`
	sandboxRemote
}

func (cmd *sandboxContinuousCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "continuous-access", map[string]bool{"on": cmd.Mode == "on"})
}

type sandboxOrganizationCmd struct {
	Action string `arg:"" enum:"swap,restore" help:"${enum}."`
	sandboxRemote
}

func (cmd *sandboxOrganizationCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "organization", map[string]bool{"swapped": cmd.Action == "swap"})
}

type sandboxTrackingCmd struct {
	Days int `arg:"" help:"Days, 0 to 365; with 0 all delta links have expired."`
	sandboxRemote
}

func (cmd *sandboxTrackingCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "tracking", map[string]int{"days": cmd.Days})
}

type sandboxWebhooksCmd struct {
	Delay sandbox.Span `default:"0s" placeholder:"TIME" help:"How long each call is held back."`
	Drop  float64      `help:"Never make this part of the calls, for example 0.1."`
	Seed  uint64       `help:"Decides which, with --drop."`
	sandboxRemote
}

func (cmd *sandboxWebhooksCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "webhooks", sandbox.Webhooks{Delay: cmd.Delay, Drop: cmd.Drop, Seed: cmd.Seed})
}

type sandboxMetadataCacheCmd struct {
	Life sandbox.Span `arg:"" help:"How long metadata are shown as they were: 30s, as Dataverse does; 0s shows changes at once."`
	sandboxRemote
}

func (cmd *sandboxMetadataCacheCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "metadata-cache", map[string]sandbox.Span{"life": cmd.Life})
}

type sandboxMetadataCmd struct {
	Action  string   `arg:"" enum:"add-column,add-option,set-label,remove-column,remove-table,track,untrack,publish" help:"One of ${enum}."`
	Table   string   `arg:"" optional:"" help:"Logical name of the table."`
	Column  string   `arg:"" optional:"" help:"Logical name of the column."`
	Type    string   `default:"StringType" help:"Type of a new column: StringType, MoneyType, PicklistType, …"`
	Label   string   `help:"Display name of a new column, label of a new option, or another label."`
	Targets []string `help:"Tables a new lookup leads to."`
	Options []string `help:"Labels of a new choice."`
	Option  *int64   `help:"Value of the option whose label to set; by default the column's is set."`
	sandboxRemote
}

func (cmd *sandboxMetadataCmd) Run(ctx context.Context, a *app) error {
	c := sandbox.MetadataChange{Action: cmd.Action, Table: cmd.Table, Column: cmd.Column, DisplayName: cmd.Label, Option: cmd.Option}
	if cmd.Action == "add-column" {
		c.Type, c.Targets, c.Options = cmd.Type, cmd.Targets, cmd.Options
	}
	var made struct {
		Value int64 `json:"value,omitempty"`
	}
	if err := cmd.call(ctx, http.MethodPost, "metadata", c, &made); err != nil {
		return err
	}
	switch {
	case cmd.JSON:
		return a.printLine(made)
	case made.Value != 0:
		a.note("The new option has the value %d.", made.Value)
	default:
		a.note("Done.")
	}
	return nil
}

type sandboxSwitchCmd struct {
	Settings []string `arg:"" optional:"" help:"Names with values: token_at_end=true expired_status=410. All others stay; without any, all go back to what is likeliest."`
	sandboxRemote
}

// Help names the switches.
func (*sandboxSwitchCmd) Help() string {
	var b strings.Builder
	b.WriteString("The switches:\n\n")
	for _, s := range sandbox.Switches() {
		fmt.Fprintf(&b, "  %-22s %s\n", s.Name, s.On)
	}
	return b.String()
}

func (cmd *sandboxSwitchCmd) Run(ctx context.Context, a *app) error {
	var now sandbox.State
	if len(cmd.Settings) > 0 {
		for _, setting := range cmd.Settings { // what is mistyped is so without a sandbox
			if err := choose(&now.Unverified, setting); err != nil {
				return err
			}
		}
		if err := cmd.call(ctx, http.MethodGet, "state", nil, &now); err != nil {
			return err
		}
		for _, setting := range cmd.Settings {
			if err := choose(&now.Unverified, setting); err != nil {
				return err
			}
		}
	}
	return cmd.change(ctx, a, http.MethodPut, "unverified", now.Unverified)
}

// choose sets a switch from its name with a value.
func choose(u *sandbox.Unverified, setting string) error {
	name, value, ok := strings.Cut(setting, "=")
	if !ok {
		return usageError{fmt.Errorf("%s is no switch with a value, such as token_at_end=true", setting)}
	}
	if err := u.Set(name, value); err != nil {
		return usageError{errors.New(strings.TrimPrefix(err.Error(), "sandbox: "))}
	}
	return nil
}
