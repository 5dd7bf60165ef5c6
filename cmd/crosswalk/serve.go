package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

type serveCmd struct {
	Listen       string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on; port 0 takes a free one."`
	Data         string        `env:"CROSSWALK_DATA" default:"crosswalk-data" placeholder:"DIR" help:"Data directory: SQLite files, key and token. Made when missing; back it up."`
	Database     string        `env:"CROSSWALK_DATABASE" placeholder:"URL" help:"PostgreSQL database, postgres://…; by default SQLite in the data directory."`
	PublicURL    string        `env:"CROSSWALK_PUBLIC_URL" placeholder:"URL" help:"Address people reach the server at, when that is not the listening one."`
	ClientID     string        `env:"CROSSWALK_CLIENT_ID" placeholder:"ID" help:"App registration of connections without one of their own. Its secret comes from CROSSWALK_CLIENT_SECRET only."`
	NewKey       bool          `help:"Start with a key file that lacks the key of the stored secrets, which is lost for good: connections must then be given their secrets and be authorized again."`
	Workers      int           `default:"4" help:"Runs worked on at a time."`
	PageSize     int           `default:"5000" help:"Records asked for at a time, at most 5000."`
	ParallelFrom int           `default:"50000" help:"Tables with more records than this are read in several streams at a time."`
	SliceBudget  time.Duration `default:"30s" help:"How long one run works before another that waits gets its turn."`
	JSON         bool          `help:"Print the address as one line of JSON when ready."`
	logFlags
}

func (*serveCmd) Help() string {
	return `At the first start it prints a one-time link that makes the administrator. It serves until Ctrl-C or
SIGTERM; runs under way then go on at the next start, and after a crash too.

Examples:

  crosswalk serve
  crosswalk serve --listen 0.0.0.0:8080 --public-url https://crosswalk.example.com --data /var/lib/crosswalk
  crosswalk serve --database postgres://crosswalk@db/crosswalk`
}

func (cmd *serveCmd) Run(ctx context.Context, a *app) error {
	if err := cmd.check(); err != nil {
		return usageError{err}
	}
	if _, port, err := net.SplitHostPort(cmd.Listen); err == nil && port == "0" && cmd.PublicURL != "" {
		// The public address does not tell the port, but announce needs it.
		if cmd.Listen, err = freeAddress(cmd.Listen); err != nil {
			return err
		}
	}
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	srv, err := server.New(ctx, server.Config{
		Listen:       cmd.Listen,
		DataDir:      cmd.Data,
		Database:     cmd.Database,
		PublicURL:    cmd.PublicURL,
		ClientID:     cmd.ClientID,
		ClientSecret: a.getenv("CROSSWALK_CLIENT_SECRET"),
		NewKey:       cmd.NewKey,
		Workers:      cmd.Workers,
		SliceBudget:  cmd.SliceBudget,
		PageSize:     cmd.PageSize,
		ParallelFrom: cmd.ParallelFrom,
		Logger:       cmd.logger(a),
		Version:      version(),
	})
	if err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return srv.Run(gctx) })
	group.Go(func() error { return cmd.announce(gctx, a, srv) })
	return group.Wait()
}

// collectAt is how much garbage there may be, in percent of what is in use,
// before it is collected. Go's own 100 would save no time that shows, since
// runs use their memory again, but take more of it.
const collectAt = 50

// check returns what is wrong with the values of the flags. They may come from
// the environment too, but are called by their flags.
func (cmd *serveCmd) check() error {
	switch {
	case !isListening(cmd.Listen):
		return wrongAddress("--listen", cmd.Listen)
	case cmd.Workers < 1:
		return errors.New("--workers must be 1 or more")
	case cmd.PageSize < 1 || cmd.PageSize > 5000:
		return errors.New("--page-size must be between 1 and 5000")
	case cmd.ParallelFrom < 1:
		return errors.New("--parallel-from must be 1 or more")
	case cmd.SliceBudget <= 0:
		return errors.New("--slice-budget must be more than 0")
	case cmd.Database != "" && !strings.HasPrefix(cmd.Database, "postgres://") && !strings.HasPrefix(cmd.Database, "postgresql://"):
		return errors.New("--database must begin with postgres:// or postgresql://; without it the data are in SQLite files in the data directory")
	case cmd.PublicURL != "" && !isOrigin(cmd.PublicURL):
		return fmt.Errorf("--public-url must be http:// or https:// and a host without a path, for example https://crosswalk.example.com, not %q", cmd.PublicURL)
	case cmd.ClientID != "" && !isID(strings.ToLower(cmd.ClientID)):
		return fmt.Errorf("--client-id must be the application (client) id of an app registration, for example 00000000-0000-0000-0000-000000000000, not %q", cmd.ClientID)
	}
	return nil
}

// isListening reports whether a server can listen on an address: a host, which
// may be missing, and the number of a port.
func isListening(address string) bool {
	_, port, err := net.SplitHostPort(address)
	_, notNumber := strconv.ParseUint(port, 10, 16)
	return err == nil && notNumber == nil
}

func wrongAddress(flag, address string) error {
	return fmt.Errorf("%s must be a host and a port, for example 127.0.0.1:8080, or :8080 for every address of the machine, not %q", flag, address)
}

// isOrigin reports whether address is a scheme, a host and at most a port. A
// slash at the end does no harm.
func isOrigin(address string) bool {
	scheme := strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
	u, err := url.Parse(address)
	if err != nil || !scheme || strings.Contains(address, "#") || !crosswalk.IsWebAddress([]byte(address)) {
		return false
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u.Hostname() != "" && *u == url.URL{Scheme: u.Scheme, Host: u.Host}
}

// announce tells where the server is and, before there is an administrator,
// the link that makes one.
func (cmd *serveCmd) announce(ctx context.Context, a *app, srv *server.Server) error {
	status, err := waitReady(ctx, client.New(cmd.localURL(srv), srv.Token()))
	if ctx.Err() != nil {
		return nil // the server's own error says why
	}
	if err != nil {
		return err
	}
	link := ""
	if status.SetupRequired {
		if link, err = srv.SignInLink(ctx); err != nil {
			return err
		}
	}
	if cmd.JSON {
		return a.printLine(struct {
			URL        string `json:"url"`
			Data       string `json:"data"`
			SignInLink string `json:"sign_in_link,omitempty"`
		}{srv.URL(), cmd.Data, link})
	}
	fmt.Fprintf(a.stdout, "Crosswalk %s at %s\n", strings.TrimPrefix(version(), "v"), srv.URL())
	if link != "" {
		fmt.Fprintf(a.stdout, "Make the administrator at %s\n", link)
	}
	return nil
}

// localURL returns the address at which this machine reaches the server.
func (cmd *serveCmd) localURL(srv *server.Server) string {
	host, port, err := net.SplitHostPort(cmd.Listen)
	if cmd.PublicURL == "" || err != nil {
		return srv.URL()
	}
	return "http://" + net.JoinHostPort(reachable(host), port)
}

// reachable returns the name by which this machine reaches a server that
// listens on host: a server on all addresses is at localhost too.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "localhost"
	}
	return host
}

// addressOf returns host and port at which this machine reaches a listener.
func addressOf(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	return net.JoinHostPort(reachable(host), port)
}

// waitReady waits until the server answers.
func waitReady(ctx context.Context, c *client.Client) (client.Status, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, err := c.Status(ctx)
		if err == nil || time.Now().After(deadline) {
			return status, err
		}
		select {
		case <-ctx.Done():
			return status, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logFlags say how a server logs. Commands embed it.
type logFlags struct {
	LogFormat string `enum:"text,json" default:"text" help:"Form of the log: ${enum}."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"Least level logged: ${enum}."`
}

// logger returns a logger to the error output.
func (f *logFlags) logger(a *app) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // kong checked it
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}
