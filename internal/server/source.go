package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
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
func (r *runner) newSource(task *crosswalk.Task, object *crosswalk.Object, cfg extract.Config) (source pipeline.Source, all bool) {
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
	if at.Of == "" {
		at.Of = definition(task.Job, object)
	}
	since := since(task)
	if at.Way == "" {
		at.Way = crosswalk.WayTracked
		if cfg.Entity.ChangeTracking {
			at.Tried = task.Run.QueuedAt
		}
		if since != "" && task.Position.Way == crosswalk.WayModified {
			at.Way, at.Why = task.Position.Way, task.Position.Why
			// A time to come was written by a clock that has been put right.
			if last := task.Position.Tried; !at.Tried.IsZero() && !last.After(at.Tried) && at.Tried.Sub(last) < r.trackAgain {
				at.Tried = last
			}
		}
	}
	switch {
	case refusedBefore(task):
		return extract.NewKeysAnew(cfg, since, task.Job.Deletes.On()), false
	case triesTracking(task):
		return extract.NewKeys(cfg, since, task.Job.Deletes.On()), false
	}
	return extract.NewChanges(cfg, since, task.Job.Deletes.On()), since == ""
}

// since returns where an incremental run goes on from, "" when it reads
// everything.
func since(t *crosswalk.Task) string {
	if t.Run.Scope.Kind == crosswalk.ScopeEverything || t.Position.Of != t.Checkpoint.Of || anotherUser(t) {
		return ""
	}
	return t.Position.Mark
}

// anotherUser reports whether a run reads as another user than the last one.
// That user may see records that have not changed since. Where changes are
// tracked, both see all.
func anotherUser(t *crosswalk.Task) bool {
	return t.Position.Way == crosswalk.WayModified && t.Position.User != t.Checkpoint.User
}

// trackAgain is how long a job finds changes by their time until it is tried
// again to have them tracked: the right to read the whole table may have been
// given meanwhile.
const trackAgain = 24 * time.Hour

// triesTracking reports whether a run that finds changes by their time tries
// to have later ones tracked. The source must have been made.
func triesTracking(t *crosswalk.Task) bool {
	return incremental(t) && since(t) != "" && t.Position.Way == crosswalk.WayModified && !t.Checkpoint.Tried.IsZero() && !t.Checkpoint.Tried.Equal(t.Position.Tried)
}

// refusedBefore reports whether such a run follows one that was refused to have
// changes tracked, although the table is. Where it is not refused any more, the
// user has got rights, and may see records that have not changed since.
func refusedBefore(t *crosswalk.Task) bool { return triesTracking(t) && !t.Position.Tried.IsZero() }

// definition identifies what a job reads and makes of it. When it changes,
// records that did not change are read again too.
func definition(j crosswalk.Job, o *crosswalk.Object) string {
	var fields []crosswalk.Field
	for _, f := range o.Fields {
		if !f.System && fills(&j.Mapping, f.Name) {
			// What does not change which values the field holds is left out:
			// runs add options themselves.
			fields = append(fields, crosswalk.Field{
				Name: f.Name, Type: f.Type, MaxLength: f.MaxLength, Decimals: f.Decimals, Required: f.Required, Unique: f.Unique, Lookup: f.Lookup,
			})
		}
	}
	text, err := json.Marshal([]any{j.Entity, j.Object, j.Operation, j.Mapping, j.Filter, j.Deletes.On(), fields})
	if err != nil {
		panic("server: a job that cannot be encoded: " + err.Error()) // it came from JSON
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// fills reports whether a mapping fills the field.
func fills(m *crosswalk.Mapping, field string) bool {
	return slices.ContainsFunc(m.Fields, func(f crosswalk.FieldMapping) bool { return f.Target == field }) ||
		slices.ContainsFunc(m.Derived, func(d crosswalk.DerivedMapping) bool { return d.Target == field })
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
			all = append(all, crosswalk.Condition{Attribute: s.Attribute, Operator: op, Values: []string{bySecond(*t).Format(time.RFC3339)}})
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

// bySecond returns the first whole second that is not before a moment. Times of
// Dynamics are whole seconds, so that the same of them are before both.
func bySecond(t time.Time) time.Time {
	second := t.UTC().Truncate(time.Second)
	if next := second.Add(time.Second); second.Before(t) && next.Year() <= 9999 {
		return next
	}
	return second
}
