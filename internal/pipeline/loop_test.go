package pipeline_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// TestLoopAcrossSlices has pages lead in circles of every size, or on without
// end, while each slice reads one page alone: the run ends, and soon.
func TestLoopAcrossSlices(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		source accounts
		most   int // slices
		loops  bool
	}{
		{name: "records without rows", source: accounts{pages: make([][]string, 1200), met: 1}, most: 1200},
		{name: "none", source: accounts{pages: book(200)}, most: 200},
		{name: "empty pages without end", source: accounts{pages: make([][]string, 1200)}, most: 1000, loops: true},
		{name: "begun again", source: accounts{pages: book(9), links: map[int]string{8: "page-1"}, changes: map[int]pipeline.Changes{1: {Recount: true}}}, most: 40},
	}
	for size := 1; size <= 60; size += 7 {
		for _, before := range []int{0, 1, 5, 31} {
			n := before + size
			tests = append(tests, struct {
				name   string
				source accounts
				most   int
				loops  bool
			}{fmt.Sprintf("a circle of %d pages behind %d", size, before), accounts{pages: book(n + 2), links: map[int]string{n: fmt.Sprintf("page-%d", before+1)}}, 4*n + 4, true})
		}
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var target companies
			at := crosswalk.Checkpoint{}
			for slices := 1; ; slices++ {
				s := pipeline.Slice{Plan: plan(t), Source: &tt.source, Target: &target, Checkpoint: at, Budget: time.Nanosecond}
				done, err := s.Run(t.Context())
				at = s.Checkpoint
				switch {
				case err != nil && (!tt.loops || !errors.Is(err, pipeline.ErrPagingLoop)):
					t.Fatal(err)
				case slices > tt.most:
					if tt.name == "begun again" { // as often as it likes
						return
					}
					t.Fatalf("%d slices", slices)
				case done && tt.loops:
					t.Fatal("it came to an end")
				case done || err != nil:
					return
				}
			}
		})
	}
}
