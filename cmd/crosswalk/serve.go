package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

type serveCmd struct {
	Listen      string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on; port 0 takes a free one."`
	Data        string        `env:"CROSSWALK_DATA" default:"crosswalk-data" placeholder:"DIR" help:"Data directory: SQLite files, key and token. Made when missing; back it up."`
	Database    string        `env:"CROSSWALK_DATABASE" placeholder:"URL" help:"PostgreSQL database, postgres://…; by default SQLite in the data directory."`
	PublicURL   string        `env:"CROSSWALK_PUBLIC_URL" placeholder:"URL" help:"Address people reach the server at, when that is not the listening one."`
	ClientID    string        `env:"CROSSWALK_CLIENT_ID" placeholder:"ID" help:"App registration of connections without one of their own. Its secret comes from CROSSWALK_CLIENT_SECRET only."`
	Workers     int           `default:"4" help:"Runs worked on at a time."`
	PageSize    int           `default:"5000" help:"Records asked for at a time, at most 5000."`
	SliceBudget time.Duration `default:"30s" help:"How long one run works before another that waits gets its turn."`
	JSON        bool          `help:"Print the address as one line of JSON when ready."`
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
	if cmd.Workers < 1 {
		return usageError{errors.New("--workers must be 1 or more")}
	}
	if cmd.PageSize < 1 || cmd.PageSize > 5000 {
		return usageError{errors.New("--page-size must be between 1 and 5000")}
	}
	srv, err := server.New(ctx, server.Config{
		Listen:       cmd.Listen,
		DataDir:      cmd.Data,
		Database:     cmd.Database,
		PublicURL:    cmd.PublicURL,
		ClientID:     cmd.ClientID,
		ClientSecret: a.getenv("CROSSWALK_CLIENT_SECRET"),
		Workers:      cmd.Workers,
		SliceBudget:  cmd.SliceBudget,
		PageSize:     cmd.PageSize,
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
	if cmd.PublicURL == "" || err != nil || port == "0" {
		return srv.URL()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
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
