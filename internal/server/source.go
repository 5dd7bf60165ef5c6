package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// incremental reports whether a run reads changes.
func incremental(t *crosswalk.Task) bool {
	kind := t.Run.Scope.Kind
	return t.Job.LoadMode == crosswalk.LoadIncremental && (kind == "" || kind == crosswalk.ScopeLoadMode || kind == crosswalk.ScopeEverything)
}

// newSource returns where the records of a run come from and whether those are
// all of the table, and notes in the task's checkpoint how they are found.
func (r *runner) newSource(task *crosswalk.Task, cfg extract.Config) (source pipeline.Source, all bool) {
	at, scope := &task.Checkpoint, task.Run.Scope
	if scope.Kind == crosswalk.ScopeRejects {
		return extract.NewRecords(cfg, func(ctx context.Context, after string, n int) ([]string, error) {
			return r.store.RejectedIDs(ctx, scope.RunID, after, n)
		}), false
	}
	if !incremental(task) {
		if at.Way == "" {
			at.Way = crosswalk.WayEverything
		}
		return extract.NewPages(cfg), true
	}
	since := ""
	if at.Of == "" {
		at.Of = definition(task.Job)
	}
	if scope.Kind != crosswalk.ScopeEverything && task.Position.Of == at.Of {
		since = task.Position.Mark
	}
	if at.Way == "" {
		at.Way = crosswalk.WayTracked
	}
	return extract.NewChanges(cfg, since, task.Job.Deletes.On()), since == ""
}

// definition identifies what a job reads and makes of it. When it changes,
// records that did not change are read again too.
func definition(j crosswalk.Job) string {
	text, err := json.Marshal([]any{j.Entity, j.Object, j.Operation, j.Mapping, j.Filter, j.Deletes.On()})
	if err != nil {
		panic("server: a job that cannot be encoded: " + err.Error()) // it came from JSON
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// reads says which records a run reads, how it finds them and why.
func reads(t *crosswalk.Task) string {
	switch kind := t.Run.Scope.Kind; {
	case kind == crosswalk.ScopeRejects, kind == crosswalk.ScopeRange:
		return "Only " + t.Run.Scope.Words() + "."
	case !incremental(t):
		return "Every record."
	case kind == crosswalk.ScopeEverything:
		return "Every record, as asked."
	case t.Position.Mark == "":
		return "Every record, as this is the first run to end."
	case t.Position.Of != definition(t.Job):
		return "Every record, as the job has changed since its last run."
	case t.Position.Way == crosswalk.WayTracked:
		return "What changed since the last run, by change tracking."
	case t.Position.Way == crosswalk.WayEverything:
		return "Every record. " + t.Position.Why
	default:
		return "What changed since the last run, by the time of the last change. " + t.Position.Why
	}
}

// within returns the filter for those of its records that a scope chooses.
func within(f crosswalk.Filter, s crosswalk.Scope) crosswalk.Filter {
	if s.Kind != crosswalk.ScopeRange {
		return f
	}
	n := len(f.Conditions)
	all := append([]crosswalk.Condition(nil), f.Conditions...)
	bound := func(op crosswalk.Comparison, t *time.Time) {
		if t != nil {
			all = append(all, crosswalk.Condition{Attribute: s.Attribute, Operator: op, Values: []string{t.UTC().Format(time.RFC3339)}})
		}
	}
	bound(crosswalk.GreaterOrEqual, s.From)
	bound(crosswalk.Less, s.To)
	if f.Expression != "" {
		var text strings.Builder
		fmt.Fprintf(&text, "(%s)", f.Expression)
		for i := n; i < len(all); i++ {
			fmt.Fprintf(&text, " AND %d", i+1)
		}
		f.Expression = text.String()
	}
	f.Conditions = all
	return f
}
