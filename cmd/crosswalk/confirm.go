package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// confirmation is how a command makes sure that something may be lost.
// Commands embed it.
type confirmation struct {
	Yes bool `short:"y" help:"Do it without asking."`
}

// confirm asks the person at the terminal whether to delete what. Where there
// is nobody to ask, --yes is needed.
func (f *confirmation) confirm(a *app, what string) error {
	if f.Yes {
		return nil
	}
	if !a.asks || a.json {
		return crosswalk.Errorf(crosswalk.CodeConflict, "This would delete %s.", what).
			WithHint("Say so with --yes.")
	}
	fmt.Fprintf(a.stderr, "Delete %s? Type yes: ", clean(what))
	answer, err := bufio.NewReader(io.LimitReader(a.stdin, 100)).ReadString('\n')
	if err == nil && strings.EqualFold(strings.TrimSpace(answer), "yes") {
		return nil
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "Nothing was deleted.").
		WithHint("Run the command again and type yes to delete it.")
}

// tellDeleted says what was deleted.
func (a *app) tellDeleted(id, name string, asJSON bool) error {
	if asJSON {
		return a.printJSON(struct {
			ID      string `json:"id"`
			Name    string `json:"name"`
			Deleted bool   `json:"deleted"`
		}{id, name, true})
	}
	a.note("%s is deleted.", clean(name))
	return nil
}

// plural writes a number of things.
func plural(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return number(n) + " " + thing
}
