package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// runCmd is the group of the commands about runs.
type runCmd struct {
	List    runListCmd    `cmd:"" help:"List runs, newest first."`
	Show    runShowCmd    `cmd:"" help:"Show a run with its counts."`
	Rejects runRejectsCmd `cmd:"" help:"List the records that a run rejected, with the reasons."`
	Retry   runRetryCmd   `cmd:"" help:"Read only the records again that a run rejected."`
	Cancel  runCancelCmd  `cmd:"" help:"Cancel a run; what it wrote stays."`
	Release runReleaseCmd `cmd:"" help:"Let a held run go on with its deletions."`
	Discard runDiscardCmd `cmd:"" help:"Let a held run end without its deletions."`
}

type runListCmd struct {
	Job    string                `placeholder:"NAME" help:"Only runs of this job."`
	Status []crosswalk.RunStatus `enum:"queued,running,held,success,partial_success,failed,cancelled,skipped" placeholder:"STATUS" help:"Only runs in one of these states: ${enum}."`
	Object string                `placeholder:"NAME" help:"Only runs into this object."`
	Search string                `short:"q" placeholder:"TEXT" help:"Only runs whose job's name holds this."`
	Limit  atMost                `default:"20" help:"At most this many."`
	remote
}

func (cmd *runListCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	f := client.RunFilter{Search: cmd.Search, Statuses: cmd.Status, Object: cmd.Object}
	if cmd.Job != "" {
		job, err := findJob(ctx, c, cmd.Job)
		if err != nil {
			return err
		}
		f.JobID = job.ID
	}
	page, err := take(cmd.Limit, func(p client.Paging) (client.Page[crosswalk.Run], error) {
		f.Paging = p
		return c.ListRuns(ctx, f)
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(page.Items, page.Total)
	}
	t := &table{head: []string{">Run", "Job", "Status", ">Read", ">Inserted", ">Updated", ">Unchanged", ">Left out", ">Duplicates", ">Rejected", ">Deleted", "Started", ">Took"}}
	for _, r := range page.Items {
		n := r.Counts
		t.add(r.Number, r.JobName, statusWord(r.Status), n.Read, n.Inserted, n.Updated, n.Unchanged, n.Skipped, n.Duplicates, n.Rejected, n.Deleted, moment(r.StartedAt), elapsed(took(r)))
	}
	a.printTable(t)
	a.noteMore(len(page.Items), page.Total)
	return nil
}

// leftOut returns how many records made nothing of their own: those that a
// filter or the operation leaves aside, and those that another one stands for.
func leftOut(n crosswalk.Counts) int64 { return n.Skipped + n.Duplicates }

type runShowCmd struct {
	Ref  string `arg:"" name:"run" default:"latest" help:"Number or id of the run, or \"latest\"."`
	Wait bool   `short:"w" help:"Wait until the run has ended; the exit code tells how."`
	remote
}

func (cmd *runShowCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	run, err := findRun(ctx, c, cmd.Ref)
	if err != nil {
		return err
	}
	return a.tellRun(ctx, c, run, cmd.Wait, cmd.JSON)
}

// tellRun prints a run. With wait it first waits for its end, and returns
// the error that ends the program with the code of the run's state.
func (a *app) tellRun(ctx context.Context, c *client.Client, run crosswalk.Run, wait, asJSON bool) error {
	var err error
	if wait {
		asked := run
		if run, err = a.wait(ctx, c, run); errors.Is(err, context.Canceled) && !asked.Cancelling {
			return leftError(asked.Number)
		} else if err != nil {
			return err
		}
	}
	if asJSON {
		err = a.printJSON(run)
	} else {
		a.showRun(run)
	}
	if err == nil && wait {
		return runExit(run)
	}
	return err
}

func (a *app) showRun(r crosswalk.Run) {
	n := r.Counts
	speed := ""
	if n.Read > 0 {
		speed = rate(r) + " records/s"
	}
	state, at, step := statusWord(r.Status), "Ended while", stepOf(r)
	switch r.Status {
	case crosswalk.RunRunning:
		at = "At work"
	case crosswalk.RunHeld:
		step = "" // the message says it
	}
	if r.Cancelling {
		state.text += ", cancelling"
	}
	a.facts(
		"Run", number(r.Number),
		"Id", r.ID,
		"Job", r.JobName,
		"Reads", r.Reads,
		"Status", state,
		at, step,
		"Message", r.Message,
		"Hint", r.Hint,
		"Warning", strings.Join(untold(r), " "),
		"Deletions", decided(r.Decision),
		"Read", number(n.Read),
		"Inserted", number(n.Inserted),
		"Updated", number(n.Updated),
		"Unchanged", number(n.Unchanged),
		"Deleted", number(n.Deleted),
		"Rejected", number(n.Rejected),
		"Duplicates", number(n.Duplicates),
		"Left out", number(n.Skipped),
		"Pages read", number(n.Pages),
		"Received", size(n.Bytes),
		"Requests", number(n.Requests),
		"Waited", waited(n.Throttled),
		"Requested by", r.RequestedBy,
		"Queued", moment(&r.QueuedAt),
		"Started", moment(r.StartedAt),
		"Ended", moment(r.EndedAt),
		"Took", elapsed(took(r)),
		"Speed", speed,
	)
	for _, command := range next(r) {
		a.note("Next: %s", command)
	}
}

// untold returns the warnings of a run that its message does not repeat.
func untold(r crosswalk.Run) []string {
	return slices.DeleteFunc(slices.Clone(r.Warnings), func(w string) bool { return strings.Contains(r.Message, w) })
}

// next returns the commands with which somebody can go on from a run that did
// not simply succeed.
func next(r crosswalk.Run) []string {
	switch {
	case r.Status == crosswalk.RunHeld:
		return []string{fmt.Sprintf("crosswalk run release %d", r.Number), fmt.Sprintf("crosswalk run discard %d", r.Number)}
	case r.WaitsFor != 0:
		return []string{fmt.Sprintf("crosswalk run release %d", r.WaitsFor), fmt.Sprintf("crosswalk run discard %d", r.WaitsFor)}
	case r.Status.Ended() && r.Counts.Rejected > 0:
		return []string{fmt.Sprintf("crosswalk run rejects %d --group", r.Number), fmt.Sprintf("crosswalk run retry %d", r.Number)}
	case r.Decision != nil && r.Decision.Decision == crosswalk.Discard:
		return []string{fmt.Sprintf("crosswalk job run %q --everything", r.JobName)}
	}
	return nil
}

// size says how many bytes there are, with one digit behind the point.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	units := []string{"kB", "MB", "GB", "TB"}
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// waited says for how long Dynamics had a run wait, "" when it did not.
func waited(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return crosswalk.DurationWords(d) + " because Dynamics asked for it"
}

// decided says what somebody decided about deletions, "" when nobody had to.
func decided(d *crosswalk.Decided) string {
	if d == nil {
		return ""
	}
	word := map[crosswalk.Decision]string{crosswalk.Release: "released", crosswalk.Discard: "discarded"}[d.Decision]
	return fmt.Sprintf("%s by %s on %s; the run was held for: %s", word, d.By, moment(&d.At), d.HeldFor)
}

type runRejectsCmd struct {
	Ref    string `arg:"" name:"run" default:"latest" help:"Number or id of the run, or \"latest\"."`
	CSV    bool   `help:"Print all of them as comma-separated values."`
	Group  bool   `help:"Only count them by reason and field."`
	Code   string `placeholder:"CODE" help:"Only those with this reason, for example too_long."`
	Field  string `placeholder:"NAME" help:"Only those at this field, by its API name."`
	Search string `short:"q" placeholder:"TEXT" help:"Only those that hold this."`
	Limit  atMost `default:"50" help:"At most this many."`
	remote
}

func (*runRejectsCmd) Help() string {
	return `Examples:

  crosswalk run rejects                     those of the newest run
  crosswalk run rejects 42 --group          how many there are of each kind
  crosswalk run rejects 42 --csv > rejects.csv`
}

func (cmd *runRejectsCmd) Run(ctx context.Context, a *app, parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if cmd.CSV && p.Flag != nil && slices.Contains([]string{"group", "code", "field", "search", "limit", "json"}, p.Flag.Name) {
			return usageError{fmt.Errorf("--csv prints all rejects, so --%s cannot be used together with it", p.Flag.Name)}
		}
		if cmd.Group && p.Flag != nil && slices.Contains([]string{"code", "field", "search", "limit"}, p.Flag.Name) {
			return usageError{fmt.Errorf("--group counts all rejects, so --%s cannot be used together with it", p.Flag.Name)}
		}
	}
	c, err := cmd.client()
	if err != nil {
		return err
	}
	run, err := findRun(ctx, c, cmd.Ref)
	if err != nil {
		return err
	}
	if cmd.CSV {
		return c.RejectsCSV(ctx, run.ID, a.stdout)
	}
	if cmd.Group {
		return cmd.group(ctx, a, c, run)
	}
	page, err := take(cmd.Limit, func(p client.Paging) (client.Page[crosswalk.Reject], error) {
		return c.ListRejects(ctx, run.ID, client.RejectFilter{Search: cmd.Search, Code: crosswalk.RejectCode(cmd.Code), Field: cmd.Field, Paging: p})
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(page.Items, page.Total)
	}
	t := &table{head: []string{"Record", "Field", "Reason", "Message"}, limit: 80}
	for _, r := range page.Items {
		t.add(r.SourceID, r.Field, strings.ReplaceAll(string(r.Code), "_", " "), r.Message)
	}
	a.printTable(t)
	a.noteMore(len(page.Items), page.Total)
	return nil
}

func (cmd *runRejectsCmd) group(ctx context.Context, a *app, c *client.Client, run crosswalk.Run) error {
	groups, err := c.RejectGroups(ctx, run.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(groups, int64(len(groups)))
	}
	t := &table{head: []string{">Records", "Field", "Reason", "Example"}, limit: 80}
	for _, g := range groups {
		t.add(g.Count, g.Field, strings.ReplaceAll(string(g.Code), "_", " "), g.Example)
	}
	a.printTable(t)
	return nil
}

type runCancelCmd struct {
	Ref  string `arg:"" name:"run" help:"Number or id of the run, or \"latest\"."`
	Wait bool   `short:"w" help:"Wait until the run has ended; the exit code is 0 when it was cancelled, else tells how it ended."`
	remote
}

func (cmd *runCancelCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	run, err := findRun(ctx, c, cmd.Ref)
	if err != nil {
		return err
	}
	if run, err = c.CancelRun(ctx, run.ID); err != nil {
		return err
	}
	err = a.tellRun(ctx, c, run, cmd.Wait, cmd.JSON)
	if errors.Is(err, exitError(exitCancelled)) {
		return nil // as it was told to
	}
	return err
}
