package main

import (
	"context"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// scenarios are what is measured from end to end, in this order.
var scenarios = []struct {
	name   string
	filled bool // works on an object that holds all accounts
	run    func(*bench, context.Context) error
}{
	{"first", false, (*bench).first},
	{"upsert", false, (*bench).upsert},
	{"changed", true, (*bench).changed},
	{"unchanged", true, (*bench).unchanged},
	{"percent", true, (*bench).percent},
	{"few", true, (*bench).few},
	{"thinking", false, (*bench).thinking},
	{"derived", true, (*bench).derived},
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// everything reads what the run before read too.
var everything = crosswalk.Scope{Kind: crosswalk.ScopeEverything}

// first fills an empty object, and then another one.
func (b *bench) first(ctx context.Context) error {
	return b.beside(ctx, writeLoad, "first load", func(name string) (Measure, error) {
		job, err := b.accounts(ctx, name, nil)
		if err != nil {
			return Measure{}, err
		}
		b.job = job
		return b.all(ctx, name, job, crosswalk.Scope{})
	})
}

// upsert fills an object that holds a few of the rows already, another job's:
// each row has to be looked up before it is stored.
func (b *bench) upsert(ctx context.Context) error {
	return b.beside(ctx, writeFresh, "upsert", func(name string) (Measure, error) {
		job, err := b.accounts(ctx, name, nil)
		if err != nil {
			return Measure{}, err
		}
		if err := b.begin(ctx, job, "accountnumber", "ACC-10000"); err != nil {
			return Measure{}, err
		}
		return b.all(ctx, name, job, crosswalk.Scope{})
	})
}

// begin has another job store the few records whose attribute begins with a
// text, so that the object of a job is not empty when it begins.
func (b *bench) begin(ctx context.Context, job crosswalk.Job, attribute, text string) error {
	in := client.InputOf(job)
	in.Name += ", before"
	in.Filter.Conditions = []crosswalk.Condition{{Attribute: attribute, Operator: crosswalk.StartsWith, Values: []string{text}}}
	before, err := b.client.InsertJob(ctx, in)
	if err != nil {
		return err
	}
	_, err = b.system.run(ctx, in.Name, before, crosswalk.Scope{}, 1)
	return err
}

// changed finds every row another one: the mapping inverts what is true, and
// then does no longer.
func (b *bench) changed(ctx context.Context) error {
	inverted := false
	return b.beside(ctx, writeChanged, "all changed", func(name string) (m Measure, err error) {
		inverted = !inverted
		in := client.InputOf(b.job)
		in.Mapping = mappingOf(accountFields, inverted)
		if b.job, err = b.client.UpdateJob(ctx, b.job.ID, b.job.Version, in); err != nil {
			return m, err
		}
		return b.all(ctx, name, b.job, crosswalk.Scope{})
	})
}

// unchanged reads everything once more and finds nothing to do.
func (b *bench) unchanged(ctx context.Context) error {
	return b.beside(ctx, writeUnchanged, "unchanged", func(name string) (Measure, error) {
		return b.all(ctx, name, b.job, everything)
	})
}

// percent reads everything once more and finds one row of a hundred changed.
func (b *bench) percent(ctx context.Context) error {
	if err := b.measured(ctx, writeUnchanged); err != nil {
		return err
	}
	return b.twice(thing{"1 % changed", func(name string) (Measure, error) {
		if err := b.change(ctx, b.sandbox, max(1, b.sandbox.accounts/100)); err != nil {
			return Measure{}, err
		}
		m, err := b.all(ctx, name, b.job, everything)
		m.shareOf(b.writing.slowest(writeUnchanged))
		return m, err
	}})
}

// changedRows is how many records change between two runs of few, at most one
// of a hundred.
const changedRows = 1000

// few reads what little has changed, in an object of all accounts and in one
// that is a tenth of it: it should not matter.
func (b *bench) few(ctx context.Context) error {
	small, err := startEnvironment(b.dir, b.path, max(b.sandbox.accounts/10, 100), 1)
	if err != nil {
		return err
	}
	defer func() { _ = small.Kill() }()
	connection, err := b.connect(ctx, "Small sandbox", small)
	if err != nil {
		return err
	}
	job, err := b.accounts(ctx, "of the small sandbox", func(in *client.JobInput) { in.ConnectionID = connection })
	if err != nil {
		return err
	}
	if _, err := b.system.run(ctx, "fill", job, crosswalk.Scope{}, small.accounts); err != nil {
		return err
	}
	// What was changed since the main job last ran is not to be measured.
	if _, err := b.system.run(ctx, "catch up", b.job, crosswalk.Scope{}, 0); err != nil {
		return err
	}
	rows := min(changedRows, small.accounts/100)
	thing := func(in *environment, job crosswalk.Job) thing {
		return thing{fmt.Sprintf("%d changed of %d", rows, in.accounts), func(name string) (Measure, error) {
			if err := b.change(ctx, in, rows); err != nil {
				return Measure{}, err
			}
			return b.system.run(ctx, name, job, crosswalk.Scope{}, rows)
		}}
	}
	return b.twice(thing(small, job), thing(b.sandbox, b.job))
}

// change changes rows of a sandbox, other ones each time.
func (b *bench) change(ctx context.Context, in *environment, rows int) error {
	b.changes++
	return in.control(ctx, "POST", "rows", sandbox.RowChange{Table: "account", Change: rows, Seed: b.changes})
}

// thought is how long a thinking server takes for a page.
const thought = 300 * time.Millisecond

// thinking fills empty objects from a server that thinks about each page and
// takes so many requests at a time. With one stream no code can be faster than
// the server thinks.
func (b *bench) thinking(ctx context.Context) (err error) {
	if err := b.measured(ctx, writeLoad); err != nil {
		return err
	}
	fault := sandbox.Fault{Kind: sandbox.FaultDelay, Path: "/accounts", Delay: sandbox.Span(thought)}
	if err := b.sandbox.control(ctx, "POST", "faults", fault); err != nil {
		return err
	}
	for _, s := range []struct {
		streams int
		mode    crosswalk.LoadMode
		name    string
	}{
		{1, crosswalk.LoadFull, "thinking, 1 stream"},
		{4, crosswalk.LoadFull, "thinking, 4 streams"},
		{8, crosswalk.LoadFull, "thinking, 8 streams"},
		{8, crosswalk.LoadIncremental, "thinking, 8 streams, tracked"},
	} {
		if err := b.sandbox.control(ctx, "PUT", "limits", sandbox.Limits{ParallelHint: s.streams}); err != nil {
			return err
		}
		bound := measure(fmt.Sprintf("%d × 5000 rows in %s", s.streams, thought), int64(s.streams)*5000, thought)
		err := b.twice(thing{s.name, func(name string) (Measure, error) {
			job, err := b.accounts(ctx, name, func(in *client.JobInput) { in.LoadMode = s.mode })
			if err != nil {
				return Measure{}, err
			}
			m, err := b.all(ctx, name, job, crosswalk.Scope{})
			m.shareOf(slowest(bound, b.writing.slowest(writeLoad)))
			return m, err
		}})
		if err != nil {
			return err
		}
	}
	if err := b.sandbox.control(ctx, "PUT", "limits", sandbox.Limits{}); err != nil {
		return err
	}
	return b.sandbox.control(ctx, "DELETE", "faults", nil)
}

// derived fills an object with contacts, and another one with contacts and the
// company of each. Neither is quite empty: the mode for first loads knows no
// lookups.
func (b *bench) derived(ctx context.Context) error {
	var plain Measure
	return b.twice(thing{"contacts", func(name string) (m Measure, err error) {
		plain, err = b.contacts(ctx, name, "")
		return plain, err
	}}, thing{"contacts with a derived lookup", func(name string) (Measure, error) {
		m, err := b.contacts(ctx, name, b.job.Object)
		m.shareOf(plain)
		return m, err
	}})
}

func (b *bench) contacts(ctx context.Context, name, lookup string) (Measure, error) {
	job, err := b.insert(ctx, "Bench "+name, "contact", contactFields, lookup, nil)
	if err == nil {
		err = b.begin(ctx, job, "fullname", "Ada ")
	}
	if err != nil {
		return Measure{}, err
	}
	return b.system.run(ctx, name, job, crosswalk.Scope{}, b.sandbox.contacts)
}
