package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

type sandboxCmd struct {
	Listen        string        `default:"127.0.0.1:8089" placeholder:"ADDR" help:"Address to listen on; port 0 takes a free one."`
	Users         int           `default:"50" help:"Number of users."`
	Accounts      int           `default:"1000" help:"Number of accounts."`
	Contacts      int           `default:"2000" help:"Number of contacts."`
	Opportunities int           `default:"500" help:"Number of opportunities."`
	Incidents     int           `default:"500" help:"Number of cases."`
	Seed          uint64        `default:"1" help:"Same seed and numbers, same data."`
	Awkward       bool          `help:"Add rows that a mapping must reject: texts too long, addresses that are none."`
	Latency       time.Duration `default:"0s" help:"How long every answer of the Web API is held back."`
	JSON          bool          `help:"Print the addresses as one line of JSON when ready."`
	logFlags
}

func (*sandboxCmd) Help() string {
	return `The sandbox plays one Dynamics 365 environment and the Microsoft sign-in server in front of it, for
trying, testing and demonstrating. Its data are made up from the seed.

Examples:

  crosswalk sandbox
  crosswalk sandbox --accounts 50000 --latency 200ms

Then connect to it:

  CROSSWALK_CLIENT_SECRET=` + sandbox.ClientSecret + ` crosswalk connection create Sandbox http://127.0.0.1:8089 \
    --client-id ` + sandbox.ClientID + `
  crosswalk connection authorize Sandbox`
}

func (cmd *sandboxCmd) Run(ctx context.Context, a *app) error {
	box, err := sandbox.New(sandbox.Config{
		Seed:          cmd.Seed,
		Users:         count(cmd.Users),
		Accounts:      count(cmd.Accounts),
		Contacts:      count(cmd.Contacts),
		Opportunities: count(cmd.Opportunities),
		Incidents:     count(cmd.Incidents),
		Awkward:       cmd.Awkward,
		Latency:       cmd.Latency,
		Logger:        cmd.logger(a),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmd.Listen)
	if err != nil {
		return crosswalk.Errorf(crosswalk.CodeConflict, "Cannot listen on %s: %v.", cmd.Listen, err).
			WithHint("Choose another address with --listen.")
	}
	address := "http://" + listener.Addr().String()
	if cmd.JSON {
		err = a.printLine(struct {
			URL          string `json:"url"`
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
			TenantID     string `json:"tenant_id"`
			Organization string `json:"organization_id"`
		}{address, sandbox.ClientID, sandbox.ClientSecret, box.TenantID(), box.OrganizationID()})
		if err != nil {
			return err
		}
	} else {
		a.facts(
			"Environment URL", address,
			"Client id", sandbox.ClientID,
			"Client secret", sandbox.ClientSecret,
			"Organization", box.OrganizationName()+" ("+box.OrganizationID()+")",
			"Rows", rowsOf(box),
		)
	}
	return serveHTTP(ctx, listener, box.Handler())
}

// count turns a number of rows as typed into the sandbox's, where 0 means
// its default and a negative number none.
func count(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// rowsOf says how many rows the largest tables of a sandbox hold.
func rowsOf(box *sandbox.Sandbox) string {
	return fmt.Sprintf("%s users, %s accounts, %s contacts",
		number(int64(box.Count("systemuser"))), number(int64(box.Count("account"))), number(int64(box.Count("contact"))))
}

// serveHTTP serves h until ctx ends, then lets requests under way finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-gctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if srv.Shutdown(drain) != nil {
			return srv.Close()
		}
		return nil
	})
	return group.Wait()
}

// printLine writes v as one line of JSON to the output.
func (a *app) printLine(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
