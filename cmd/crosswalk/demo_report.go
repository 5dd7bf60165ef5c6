package main

import (
	"fmt"

	"github.com/mattn/go-runewidth"

	"github.com/crosswalk-data/crosswalk"
)

// step tells that a part of the demo's set-up is done. It is progress, so it
// goes where progress goes.
func (d *demo) step(what, format string, args ...any) {
	color := d.terminal && d.getenv("NO_COLOR") == ""
	d.note("%s %s %s", paint(color, green, "✓"), runewidth.FillRight(what, 18), clean(fmt.Sprintf(format, args...)))
}

// print prints what the demo did: one JSON document, or tables for people.
func (d *demo) print(r demoReport) error {
	if d.cmd.JSON {
		return d.printJSON(r)
	}
	runs := &table{head: []string{"Job", ">Read", ">Inserted", ">Updated", ">Unchanged", ">Left out", ">Rejected", ">Rows/s", "Status"}}
	for _, b := range r.Runs {
		n := b.Counts
		runs.add(b.Job, n.Read, n.Inserted, n.Updated, n.Unchanged, leftOut(n), n.Rejected, rate(b.run), statusWord(b.Status))
	}
	fmt.Fprintln(d.stdout)
	runs.write(d.stdout, d.color, "  ")
	for _, b := range r.Runs {
		if b.Message != "" {
			fmt.Fprintf(d.stdout, "  %s: %s\n", clean(b.Job), clean(b.Message))
		}
		if b.Status == crosswalk.RunHeld {
			d.tellHeld(b, r.URL)
		}
	}
	objects := &table{head: []string{"Object", ">Rows"}}
	for _, o := range r.Objects {
		objects.add(o.Name, o.Rows)
	}
	fmt.Fprintln(d.stdout)
	objects.write(d.stdout, d.color, "  ")
	if d.cmd.Exit {
		return nil
	}
	fmt.Fprintf(d.stdout, "\n  Web UI        %s\n  Sign in once  %s\n\n  Ctrl-C ends the demo; the data stay in %s.\n",
		paint(d.color, bold, r.URL), r.SignInLink, d.cmd.Data)
	return nil
}

// tellHeld tells how somebody decides about a run that is held.
func (d *demo) tellHeld(b runBrief, address string) {
	fmt.Fprintf(d.stdout, "    Run %d is held, and %s does not run again until somebody decides:\n", b.Number, clean(b.Job))
	for _, c := range []struct{ decision, effect string }{
		{"release", "the rows are treated as the job says"},
		{"discard", "the rows stay as they are"},
	} {
		fmt.Fprintf(d.stdout, "      crosswalk run %s %d --server %s --data %q   %s\n", c.decision, b.Number, address, d.cmd.Data, c.effect)
	}
}
