package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestChanges checks that the target learns all that a page says, and that
// pages which only tell of keys are no empty ones.
func TestChanges(t *testing.T) {
	t.Parallel()
	source := changes{
		{Restart: "the token has expired", Fallback: "not tracked"},
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
