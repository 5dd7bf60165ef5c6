package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// changes is a source of what pages say beside their rows.
type changes []pipeline.Changes

func (c changes) Page(_ context.Context, link string, _ *column.Batch) (pipeline.PageInfo, error) {
	n := 0
	if link != "" {
		if _, err := fmt.Sscan(link, &n); err != nil {
			return pipeline.PageInfo{}, err
		}
	}
	info := pipeline.PageInfo{Changes: c[n]}
	if n+1 < len(c) {
		info.Next = fmt.Sprint(n + 1)
	}
	return info, nil
}

// noted is a target that keeps what it was told beside the rows.
type noted []pipeline.Changes

func (n *noted) Write(_ context.Context, _ *column.Batch, p pipeline.Progress) (pipeline.Written, error) {
	*n = append(*n, p.Changes)
	return pipeline.Written{}, nil
}

func (n *noted) Commit(context.Context) error { return nil }

// TestChanges checks that the target learns all that a page says, and that
// pages which only tell of keys are no empty ones.
func TestChanges(t *testing.T) {
	t.Parallel()
	source := changes{
		{Restart: "the token has expired", Fallback: "not tracked", Way: crosswalk.WayEverything},
		{Recount: true, Deleted: [][16]byte{{1}}},
	}
	for i := range 2500 {
		source = append(source, pipeline.Changes{Present: [][16]byte{{byte(i), byte(i >> 8)}}})
	}
	source = append(source, pipeline.Changes{Complete: true, Watermark: "end"})
	var target noted
	s := pipeline.Slice{Plan: plan(t), Source: source, Target: &target}
	if done, err := s.Run(t.Context()); err != nil || !done {
		t.Fatalf("done %v, error %v", done, err)
	}
	if diff := cmp.Diff([]pipeline.Changes(source), []pipeline.Changes(target)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWay checks that the checkpoint says how changes are found in the end,
// and why.
func TestWay(t *testing.T) {
	t.Parallel()
	fallback := pipeline.Changes{Fallback: "not tracked", Way: crosswalk.WayModified}
	for name, test := range map[string]struct {
		pages changes
		way   crosswalk.Way
		why   string
	}{
		"as before":      {changes{{}, {Watermark: "end"}}, crosswalk.WayEverything, "before"},
		"falls back":     {changes{{}, fallback, {Watermark: "end"}}, crosswalk.WayModified, "not tracked"},
		"tracked again":  {changes{{}, {Watermark: "end", Way: crosswalk.WayTracked}}, crosswalk.WayTracked, ""},
		"begins again":   {changes{fallback, {Restart: "the token has expired"}, {Watermark: "end"}}, crosswalk.WayTracked, ""},
		"both at a time": {changes{{Restart: "no right", Fallback: "no right", Way: crosswalk.WayModified}, {Watermark: "end"}}, crosswalk.WayModified, "no right"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var target noted
			s := pipeline.Slice{Plan: plan(t), Source: test.pages, Target: &target, Checkpoint: crosswalk.Checkpoint{Way: crosswalk.WayEverything, Why: "before"}}
			if done, err := s.Run(t.Context()); err != nil || !done {
				t.Fatalf("done %v, error %v", done, err)
			}
			if at := s.Checkpoint; at.Way != test.way || at.Why != test.why {
				t.Errorf("%s, %q, want %s, %q", at.Way, at.Why, test.way, test.why)
			}
		})
	}
}
