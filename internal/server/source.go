package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// newSource returns where the records of a run come from.
func (r *runner) newSource(task *crosswalk.Task, cfg extract.Config) pipeline.Source {
	if scope := task.Run.Scope; scope.Kind == crosswalk.ScopeRejects {
		return extract.NewRecords(cfg, func(ctx context.Context, after string, n int) ([]string, error) {
			return r.store.RejectedIDs(ctx, scope.RunID, after, n)
		})
	}
	return extract.NewPages(cfg)
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
