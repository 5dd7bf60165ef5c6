package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// linePause is the least time between two lines of progress where there is
// no terminal.
const linePause = 2 * time.Second

// lines decides which lines of progress are worth telling: not many at a time,
// and none twice in a row, since a run can wait for hours.
type lines struct {
	at   time.Time // of the last one
	text string
}

// due reports whether a line is to be told now, and takes it for told.
func (l *lines) due(now time.Time, text string) bool {
	if now.Sub(l.at) < linePause || text == l.text {
		return false
	}
	l.at, l.text = now, text
	return true
}

// wait waits until a run has ended and shows its progress meanwhile: a bar
// on a terminal, else a line from time to time.
func (a *app) wait(ctx context.Context, c *client.Client, run crosswalk.Run) (crosswalk.Run, error) {
	if a.terminal {
		return a.waitWithBar(ctx, c, run)
	}
	told := lines{at: time.Now()} // a short run needs one line only
	away := a.away(a.stderr)
	return c.WaitRun(ctx, run.ID, func(r crosswalk.Run, err error) {
		switch {
		case err != nil:
			away(err)
		case r.Status.Ended(), r.Status == crosswalk.RunHeld, r.WaitsFor != 0:
			a.note("%s: %s", clean(r.JobName), outcome(r))
		default:
			if text := progressOf(r); told.due(time.Now(), text) {
				a.note("%s: %s", clean(r.JobName), text)
			}
		}
	})
}

// away returns a function that tells, the first time it is called, that the
// server does not answer and why, and that waiting goes on.
func (a *app) away(w io.Writer) func(error) {
	var once sync.Once
	return func(err error) {
		once.Do(func() {
			fmt.Fprintf(w, "%s Waiting goes on: the run does too, as soon as the server is back.\n", clean(a.describe(err).Message))
		})
	}
}

// waitWithBar draws the bar on the terminal.
func (a *app) waitWithBar(ctx context.Context, c *client.Client, run crosswalk.Run) (crosswalk.Run, error) {
	var mu sync.Mutex
	seen := run
	now := func() crosswalk.Run {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
	show := func(text func(crosswalk.Run) string, wc decor.WC) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return text(now()) }, wc)
	}
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(a.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond), mpb.WithAutoRefresh())
	bar := bars.New(0,
		mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound(""),
		mpb.PrependDecorators(show(func(r crosswalk.Run) string {
			return "  " + runewidth.FillRight(runewidth.Truncate(clean(r.JobName), 32, "…"), 32) + " "
		}, decor.WC{})),
		mpb.AppendDecorators(show(func(r crosswalk.Run) string { return " " + progressOf(r) }, decor.WC{})),
		mpb.BarRemoveOnComplete(),
	)
	away := a.away(bars) // above the bar
	ended, err := c.WaitRun(ctx, run.ID, func(r crosswalk.Run, err error) {
		if err != nil {
			away(err)
			return
		}
		mu.Lock()
		seen = r
		mu.Unlock()
		done, total := r.Counts.Read, r.Total
		if r.Step != nil {
			done, total = r.Step.Done, r.Step.Total
		}
		bar.SetTotal(max(total, done+1), false)
		bar.SetCurrent(done)
	})
	bar.Abort(true)
	bars.Wait()
	if err == nil {
		a.note("  %s %s", runewidth.FillRight(runewidth.Truncate(clean(ended.JobName), 32, "…"), 32), outcome(ended))
	}
	return ended, err
}

// progressOf says in words how far a run is.
func progressOf(r crosswalk.Run) string {
	if r.Status == crosswalk.RunQueued {
		return "queued"
	}
	text := number(r.Counts.Read)
	if r.Total > 0 {
		text += " of " + number(max(r.Total, r.Counts.Read))
	}
	text += " read"
	if step := stepOf(r); step != "" {
		text = number(r.Counts.Read) + " read, " + step
	} else if r.Counts.Read > 0 {
		text += ", " + rate(r) + "/s"
		if left := remaining(r); left > 0 {
			text += ", " + elapsed(left) + " left"
		}
	}
	if r.Message != "" { // what keeps it from going on
		text += ". " + strings.TrimSuffix(clean(r.Message), ".")
	}
	if r.Cancelling {
		text += ", cancelling"
	}
	return text
}

// stepOf says in words what a run does after it has read everything, and how
// far that is; "" before and behind.
func stepOf(r crosswalk.Run) string {
	if r.Step == nil || r.Step.Name.Words() == "" {
		return ""
	}
	words := r.Step.Name.Words()
	text := strings.ToLower(words[:1]) + words[1:]
	switch {
	case r.Status == crosswalk.RunHeld:
		return text + ", which waits for a decision"
	case r.Step.Total > 0:
		text += ": " + number(min(r.Step.Done, r.Step.Total)) + " of " + number(r.Step.Total)
	}
	return text
}

// remaining estimates how long a run will still take, in whole seconds; zero
// when it cannot be told.
func remaining(r crosswalk.Run) time.Duration {
	if r.Counts.Read <= 0 || r.Total <= r.Counts.Read {
		return 0
	}
	perRecord := took(r).Seconds() / float64(r.Counts.Read)
	seconds := perRecord * float64(r.Total-r.Counts.Read)
	return time.Duration(seconds * float64(time.Second)).Round(time.Second)
}

// outcome says in words how a run ended, or what it waits for.
func outcome(r crosswalk.Run) string {
	text := statusWord(r.Status).text
	if r.Message != "" {
		text += ": " + strings.TrimSuffix(clean(r.Message), ".")
	}
	if r.Decision != nil && r.Decision.Decision == crosswalk.Discard {
		text += ", its deletions were discarded"
	}
	if r.StartedAt != nil {
		text += fmt.Sprintf(", %s read in %s", number(r.Counts.Read), elapsed(took(r)))
	}
	return text
}
