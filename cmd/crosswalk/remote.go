package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// The data directories of serve and demo unless another is named.
const (
	serveData = "crosswalk-data"
	demoData  = "demo-data"
)

// remote is how a command reaches a running server. Commands embed it.
type remote struct {
	Server    string `env:"CROSSWALK_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Address of the server."`
	Token     string `env:"CROSSWALK_TOKEN" placeholder:"TOKEN" help:"API token; by default the one in the data directory of the server on this machine."`
	TokenFile string `type:"path" placeholder:"FILE" help:"File with the API token, instead of --token."`
	Data      string `env:"CROSSWALK_DATA" placeholder:"DIR" help:"Data directory to read the token from; by default ./crosswalk-data, else ./demo-data."`
	JSON      bool   `help:"Print JSON."`
}

// client returns a client of the server.
func (r *remote) client() (*client.Client, error) {
	token := strings.TrimSpace(r.Token)
	var err error
	switch {
	case r.TokenFile != "":
		token, err = readToken(r.TokenFile)
	case token == "":
		token, err = r.localToken()
	}
	if err != nil {
		return nil, err
	}
	return client.New(r.Server, token), nil
}

// readToken reads the API token that a person put into a file.
func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "The API token cannot be read: %v.", err).
			WithHint("Name a file that you may read, or set CROSSWALK_TOKEN.")
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, unicode.IsSpace) {
		return "", crosswalk.Errorf(crosswalk.CodeInvalid, "%s does not hold an API token.", path).
			WithHint("The file holds the token and nothing else.")
	}
	return token, nil
}

// localToken reads the token of the server on this machine. Unless the data
// directory was named it is only shown to this machine, never to a server
// elsewhere.
func (r *remote) localToken() (string, error) {
	dirs := []string{serveData, demoData}
	if r.Data != "" {
		dirs = []string{r.Data}
	} else if u, err := url.Parse(r.Server); err != nil || !crosswalk.IsLoopback(u.Hostname()) {
		return "", crosswalk.Errorf(crosswalk.CodeUnauthorized, "No API token for %s.", r.Server).
			WithHint("Set CROSSWALK_TOKEN, or name the server's data directory with --data.")
	}
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "token"))
		if err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", crosswalk.Errorf(crosswalk.CodeUnauthorized, "The API token cannot be read: %v.", err).
				WithHint("Run the command as the user who runs the server, or set CROSSWALK_TOKEN.")
		}
	}
	return "", crosswalk.Errorf(crosswalk.CodeUnauthorized, "No API token in %s.", strings.Join(dirs, " or ")).
		WithHint("Name the server's data directory with --data, or set CROSSWALK_TOKEN.")
}

// isID reports whether s has the form of an id.
func isID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(s, "0123456789abcdef-") == ""
}

// findConnection returns the connection with that name or id.
func findConnection(ctx context.Context, c *client.Client, ref string) (crosswalk.Connection, error) {
	if isID(ref) {
		return c.FindConnection(ctx, ref)
	}
	return byName(c.Connections(ctx, client.ConnectionFilter{Search: ref}), "connection", ref,
		func(c crosswalk.Connection) string { return c.Name })
}

// findJob returns the job with that name or id.
func findJob(ctx context.Context, c *client.Client, ref string) (crosswalk.Job, error) {
	if isID(ref) {
		return c.FindJob(ctx, ref)
	}
	return byName(c.Jobs(ctx, client.JobFilter{Search: ref}), "job", ref,
		func(j crosswalk.Job) string { return j.Name })
}

// byName returns the thing whose name is name, or the only one whose name
// differs from it in case alone.
func byName[T any](things iter.Seq2[T, error], kind, name string, nameOf func(T) string) (T, error) {
	var none T
	var alike []T
	for t, err := range things {
		if err != nil {
			return none, err
		}
		if nameOf(t) == name {
			return t, nil
		}
		if strings.EqualFold(nameOf(t), name) {
			alike = append(alike, t)
		}
	}
	if len(alike) == 1 {
		return alike[0], nil
	}
	return none, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no %s named %q.", kind, name).
		WithHint("See \"crosswalk %s list\".", kind)
}

// findRun returns the run with that id or number, or the newest one.
func findRun(ctx context.Context, c *client.Client, ref string) (crosswalk.Run, error) {
	if isID(ref) {
		return c.FindRun(ctx, ref)
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(ref, "#"), 10, 64)
	if err != nil && ref != "latest" {
		return crosswalk.Run{}, crosswalk.Errorf(crosswalk.CodeInvalid, "%q does not name a run.", ref).
			WithHint("Give its number, its id, or \"latest\".")
	}
	for run, err := range c.Runs(ctx, client.RunFilter{}) {
		if err != nil {
			return crosswalk.Run{}, err
		}
		if ref == "latest" || run.Number == number {
			return run, nil
		}
		if run.Number < number { // newest first: it cannot come any more
			break
		}
	}
	return crosswalk.Run{}, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no run %s.", ref).
		WithHint("See \"crosswalk run list\".")
}

// atMost is how many items of a list are wanted.
type atMost int

// Validate is called by kong for the numbers on the command line.
func (n atMost) Validate() error {
	if n < 1 {
		return fmt.Errorf("%d items cannot be shown; the least is 1", n)
	}
	return nil
}

// take returns the first items of a list, as many as limit says, and, when there are more, the
// number of all.
func take[T any](limit atMost, fetch func(client.Paging) (client.Page[T], error)) (client.Page[T], error) {
	var out client.Page[T]
	n := int(limit)
	cursor := ""
	for {
		page, err := fetch(client.Paging{Limit: min(n-len(out.Items), 200), Cursor: cursor})
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, page.Items...)
		out.Total = page.Total
		cursor = page.NextCursor
		if cursor == "" || len(out.Items) >= n || len(page.Items) == 0 {
			out.NextCursor = cursor
			return out, nil
		}
	}
}
