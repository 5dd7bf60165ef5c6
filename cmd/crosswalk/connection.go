package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
)

// connectionCmd is the group of the commands about connections.
type connectionCmd struct {
	List             connectionListCmd             `cmd:"" help:"List connections."`
	Create           connectionCreateCmd           `cmd:"" help:"Make a connection to a Dynamics 365 environment."`
	Edit             connectionEditCmd             `cmd:"" help:"Change a connection's name or what it signs in with."`
	Authorize        connectionAuthorizeCmd        `cmd:"" help:"Sign in to the environment and let Crosswalk read it."`
	AdminConsentLink connectionAdminConsentLinkCmd `cmd:"" help:"Print a link at which an administrator of the tenant approves the app."`
	Test             connectionTestCmd             `cmd:"" help:"Ask the environment whether the connection works."`
	Revoke           connectionRevokeCmd           `cmd:"" help:"Destroy the stored authorization."`
	Delete           connectionDeleteCmd           `cmd:"" help:"Delete a connection with its jobs and their runs."`
}

type connectionListCmd struct {
	Search string `short:"q" placeholder:"TEXT" help:"Only those whose name or address holds this."`
	Limit  atMost `default:"200" help:"At most this many."`
	remote
}

func (cmd *connectionListCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	page, err := take(cmd.Limit, func(p client.Paging) (client.Page[crosswalk.Connection], error) {
		return c.ListConnections(ctx, client.ConnectionFilter{Search: cmd.Search, Paging: p})
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(page.Items, page.Total)
	}
	t := &table{head: []string{"Name", "Status", "Environment", "Signed in as", ">Jobs", "Last activity"}}
	for _, c := range page.Items {
		user := ""
		if c.Authorization != nil {
			user = c.Authorization.UserName
		}
		t.add(c.Name, connectionWord(c.Status), c.EnvironmentURL, user, c.Jobs, moment(c.LastActivity))
	}
	a.printTable(t)
	a.noteMore(len(page.Items), page.Total)
	return nil
}

type connectionAuthorizeCmd struct {
	Connection string        `arg:"" help:"Name or id of the connection."`
	Timeout    time.Duration `default:"10m" help:"How long to wait for the sign-in."`
	NoBrowser  bool          `help:"Only print the address; do not open a browser."`
	LinkOnly   bool          `help:"Print the address and do not wait."`
	Answer     string        `enum:"person,accept,decline" default:"person" help:"Who answers the sign-in pages: a person in a browser, or the command itself by accepting or declining. The command only answers a sandbox on this machine."`
	remote
}

func (*connectionAuthorizeCmd) Help() string {
	return `Opens Microsoft's sign-in page in the browser and waits until Crosswalk was allowed to read the
environment. A connection that signs in as an application needs no browser and is authorized at once.
The first authorization makes the connection's User Sync job.

Examples:

  crosswalk connection authorize Acme
  crosswalk connection authorize Sandbox --answer accept`
}

func (cmd *connectionAuthorizeCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	link, err := c.Authorize(ctx, conn.ID, "")
	if err != nil {
		return err
	}
	switch {
	case link == "": // signed in as an application
	case cmd.LinkOnly && cmd.JSON:
		return a.printJSON(map[string]string{"authorize_url": link})
	case cmd.LinkOnly:
		fmt.Fprintln(a.stdout, link)
		return nil
	case cmd.Answer != "person":
		if err := visitor.SignIn(ctx, link, cmd.Answer); err != nil {
			if now, found := c.FindConnection(ctx, conn.ID); found == nil && failedSince(conn, now) {
				err = now.SignInFailure.Err()
			}
			return err
		}
	default:
		a.note("Sign in at this address:\n\n  %s\n", link)
		if !cmd.NoBrowser && a.terminal {
			openBrowser(link)
		}
		a.note("Waiting for the sign-in; Ctrl-C stops waiting.")
	}
	done, err := waitAuthorized(ctx, c, conn, cmd.Timeout)
	if err != nil {
		return err
	}
	return a.tellConnection(done, cmd.JSON)
}

// waitAuthorized waits until the connection has a newer authorization than
// before has, or a sign-in has failed.
func waitAuthorized(ctx context.Context, c *client.Client, before crosswalk.Connection, timeout time.Duration) (crosswalk.Connection, error) {
	deadline := time.Now().Add(timeout)
	for {
		now, err := c.FindConnection(ctx, before.ID)
		if err != nil {
			return now, err
		}
		fresh := now.Authorization != nil && (before.Authorization == nil || now.Authorization.AuthorizedAt.After(before.Authorization.AuthorizedAt))
		if fresh && now.Status == crosswalk.ConnectionAuthorized {
			return now, nil
		}
		if failedSince(before, now) {
			return now, now.SignInFailure.Err()
		}
		if time.Now().After(deadline) {
			return now, crosswalk.Errorf(crosswalk.CodeUnauthorized, "%s was not authorized within %s.", before.Name, timeout).
				WithHint("Run the command again for a new address.")
		}
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// failedSince reports whether a sign-in to a connection failed since it was as
// before.
func failedSince(before, now crosswalk.Connection) bool {
	failure := now.SignInFailure
	return failure != nil && (before.SignInFailure == nil || failure.At.After(before.SignInFailure.At))
}

type connectionTestCmd struct {
	Connection string `arg:"" help:"Name or id of the connection."`
	remote
}

func (cmd *connectionTestCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	result, err := c.TestConnection(ctx, conn.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		err = a.printJSON(result)
	} else {
		t := &table{head: []string{"Check", "Result", "Detail"}}
		for _, check := range result.Checks {
			state := cell{"good", green}
			switch {
			case !check.OK:
				state = cell{"fails", red}
			case check.Warn:
				state = cell{"warning", amber}
			}
			t.add(check.Name, state, check.Detail)
			if check.Hint != "" {
				t.add("", "", check.Hint)
			}
		}
		a.printTable(t)
	}
	if err == nil && !result.OK {
		return exitError(exitUnavailable)
	}
	return err
}

type connectionRevokeCmd struct {
	Connection string `arg:"" help:"Name or id of the connection."`
	remote
}

func (cmd *connectionRevokeCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	if conn, err = c.Revoke(ctx, conn.ID); err != nil {
		return err
	}
	return a.tellConnection(conn, cmd.JSON)
}

// tellConnection prints a connection.
func (a *app) tellConnection(c crosswalk.Connection, asJSON bool) error {
	if asJSON {
		return a.printJSON(c)
	}
	a.showConnection(c)
	return nil
}

func (a *app) showConnection(c crosswalk.Connection) {
	user, organization := "", c.OrganizationID
	certificate, warning, hint := "", "", c.StatusHint
	if c.Certificate != nil {
		certificate = fmt.Sprintf("%s, %s, until %s", c.Certificate.Subject, c.Certificate.Thumbprint, c.Certificate.NotAfter.Format(time.DateOnly))
	}
	if c.Warning != nil {
		warning = c.Warning.Message
		if hint == "" {
			hint = c.Warning.Hint
		}
	}
	if auth := c.Authorization; auth != nil {
		user = auth.DisplayName + " (" + auth.UserName + ")"
		organization = auth.OrganizationName + " (" + auth.OrganizationID + ")"
	}
	a.facts(
		"Name", c.Name,
		"Id", c.ID,
		"Environment", c.EnvironmentURL,
		"Sign-in", modeWord(c.SignInMode),
		"Certificate", certificate,
		"Status", connectionWord(c.Status),
		"Cause", c.StatusCause,
		"Warning", warning,
		"Hint", hint,
		"Organization", organization,
		"Signed in as", user,
		"Jobs", c.Jobs,
	)
}

// printList prints a list as the API does, without its cursor.
func (a *app) printList(items any, total int64) error {
	return a.printJSON(struct {
		Items any   `json:"items"`
		Total int64 `json:"total"`
	}{items, total})
}

// noteMore says that a list was cut short.
func (a *app) noteMore(shown int, total int64) {
	if total > int64(shown) {
		a.note("%s of %s shown; --limit shows more.", number(int64(shown)), number(total))
	}
}

// maxInput is the largest file read as input.
const maxInput = 4 << 20

// readFile reads an input file, or standard input for "-".
func (a *app) readFile(path string) ([]byte, error) {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "Cannot read the file: %v.", err).
				WithHint("Name a file that you may read, or - for standard input.")
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "Cannot read %s: %v.", path, err).
			WithHint("Name a file that you may read, or - for standard input.")
	case len(text) > maxInput:
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%s is larger than 4 MiB.", path).
			WithHint("See whether it is the right file; no input is that large.")
	}
	return text, nil
}
