package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

type sandboxServeCmd struct {
	Listen        string        `default:"127.0.0.1:8089" placeholder:"ADDR" help:"Address to listen on; port 0 takes a free one."`
	Users         rowCount      `default:"50" help:"Number of users."`
	Accounts      rowCount      `default:"1000" help:"Number of accounts."`
	Contacts      rowCount      `default:"2000" help:"Number of contacts."`
	Opportunities rowCount      `default:"500" help:"Number of opportunities."`
	Incidents     rowCount      `default:"500" help:"Number of cases."`
	Seed          uint64        `default:"1" help:"Same seed and numbers, same data."`
	Awkward       bool          `help:"Spoil some rows, so that a mapping must reject them: texts too long, addresses that are none."`
	Latency       time.Duration `default:"0s" help:"How long every answer of the Web API is held back."`
	Limits        int           `default:"0" placeholder:"SERVERS" help:"Protect the service as a real environment with this many web servers does; 0 does not."`
	TLS           string        `name:"tls" type:"path" placeholder:"DIR" help:"Serve HTTPS, with a certificate by a test authority; both are kept in DIR."`
	Continuous    bool          `name:"continuous-access" help:"Ask for new tokens within their lives when something happened to the account, from clients that can handle it."`
	JSON          bool          `help:"Print the addresses as one line of JSON when ready."`
	logFlags
}

func (*sandboxServeCmd) Help() string {
	return `The sandbox plays one Dynamics 365 environment and the Microsoft sign-in server in front of it, for
trying, testing and demonstrating. Its data are made up from the seed.

Examples:

  crosswalk sandbox
  crosswalk sandbox --accounts 50000 --latency 200ms

  crosswalk sandbox --tls sandbox-tls

Then connect to it:

  CROSSWALK_CLIENT_SECRET=` + sandbox.ClientSecret + ` crosswalk connection create Sandbox http://127.0.0.1:8089 \
    --client-id ` + sandbox.ClientID + `
  crosswalk connection authorize Sandbox

With --tls the sandbox serves HTTPS. Clients must trust the authority in DIR/ca.pem, for example by
NODE_EXTRA_CA_CERTS or SSL_CERT_FILE. It also answers to Microsoft's names: a client that is told to take
contoso.crm.dynamics.com and login.microsoftonline.com for the sandbox's address finds the environment
and the sign-in server there.`
}

func (cmd *sandboxServeCmd) Run(ctx context.Context, a *app) error {
	var secure *tls.Config
	config := sandbox.Config{
		Seed:          cmd.Seed,
		Users:         cmd.Users.wanted(),
		Accounts:      cmd.Accounts.wanted(),
		Contacts:      cmd.Contacts.wanted(),
		Opportunities: cmd.Opportunities.wanted(),
		Incidents:     cmd.Incidents.wanted(),
		Awkward:       cmd.Awkward,
		Latency:       cmd.Latency,
		Limits:        limits(cmd.Limits),
		Logger:        cmd.logger(a),

		ContinuousAccess: cmd.Continuous,
	}
	if cmd.TLS != "" {
		var err error
		if secure, err = sandbox.LoadTLS(cmd.TLS, time.Now()); err != nil {
			return crosswalk.Errorf(crosswalk.CodeInvalid, "Cannot use the certificate in %s: %v.", cmd.TLS, err).
				WithHint("Name a folder that can be written to, or remove what is in it to have a new certificate made.")
		}
		config.BaseURL = sandbox.PublicURL
	}
	box, err := sandbox.New(config)
	if err != nil {
		return err
	}
	if !isListening(cmd.Listen) {
		return usageError{wrongAddress("--listen", cmd.Listen)}
	}
	listener, err := net.Listen("tcp", cmd.Listen)
	if err != nil {
		return crosswalk.Errorf(crosswalk.CodeConflict, "Cannot listen on %s: %v.", cmd.Listen, err).
			WithHint("Choose another address with --listen.")
	}
	address := "http://" + addressOf(listener)
	if secure != nil {
		address = "https://" + addressOf(listener)
		listener = tls.NewListener(listener, secure)
	}
	if cmd.JSON {
		err = a.printLine(struct {
			URL          string `json:"url"`
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
			TenantID     string `json:"tenant_id"`
			Organization string `json:"organization_id"`
			PublicURL    string `json:"public_url,omitempty"`
			Authority    string `json:"ca_file,omitempty"`
		}{address, sandbox.ClientID, sandbox.ClientSecret, box.TenantID(), box.OrganizationID(), config.BaseURL, cmd.authorityFile()})
		if err != nil {
			return err
		}
	} else {
		a.facts(
			"Environment URL", address,
			"Also called", config.BaseURL,
			"Test authority", cmd.authorityFile(),
			"Client id", sandbox.ClientID,
			"Client secret", sandbox.ClientSecret,
			"Organization", box.OrganizationName()+" ("+box.OrganizationID()+")",
			"Rows", rowsOf(box),
		)
	}
	return serveHTTP(ctx, listener, box.Handler())
}

// limits returns the service protection of a number of web servers, 0 for
// none.
func limits(servers int) sandbox.Limits {
	if servers <= 0 {
		return sandbox.Limits{}
	}
	return sandbox.RealLimits(servers)
}

// authorityFile returns the path of the certificate that clients must trust,
// "" without HTTPS.
func (cmd *sandboxServeCmd) authorityFile() string {
	if cmd.TLS == "" {
		return ""
	}
	return filepath.Join(cmd.TLS, sandbox.AuthorityFile)
}

// rowCount is a number of rows as typed.
type rowCount int

// Validate is called by kong for the numbers on the command line.
func (n rowCount) Validate() error {
	if n < 0 {
		return fmt.Errorf("%d rows cannot be; the least is 0", n)
	}
	return nil
}

// wanted returns the number as the sandbox takes it, where 0 means its
// default and a negative number none.
func (n rowCount) wanted() int {
	if n == 0 {
		return -1
	}
	return int(n)
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
