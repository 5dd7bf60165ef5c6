package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	end := start.Add(1500 * time.Millisecond)
	decided := start.Add(time.Hour + 500*time.Millisecond)
	tests := map[string]struct {
		run  crosswalk.Run
		want string
	}{
		"well":      {crosswalk.Run{Status: crosswalk.RunSuccess, StartedAt: &start, EndedAt: &end, Counts: crosswalk.Counts{Read: 1046}}, "success, 1,046 read in 1.5 s"},
		"rejects":   {crosswalk.Run{Status: crosswalk.RunPartialSuccess, Message: "4 records were rejected.", StartedAt: &start, EndedAt: &end, Counts: crosswalk.Counts{Read: 46}}, "partial success: 4 records were rejected, 46 read in 1.5 s"},
		"discarded": {crosswalk.Run{Status: crosswalk.RunSuccess, Decision: &crosswalk.Decided{Decision: crosswalk.Discard}, StartedAt: &start, EndedAt: &end}, "success, its deletions were discarded, 0 read in 1.5 s"},
		"released":  {crosswalk.Run{Status: crosswalk.RunSuccess, Decision: &crosswalk.Decided{Decision: crosswalk.Release, At: start.Add(time.Hour)}, StartedAt: &start, HeldAt: &end, EndedAt: &decided, Counts: crosswalk.Counts{Read: 46}}, "success, 46 read in 2 s"},
		"held":      {crosswalk.Run{Status: crosswalk.RunHeld, StartedAt: &start, HeldAt: &end, Counts: crosswalk.Counts{Read: 46}}, "held, 46 read in 1.5 s"},
		"cancelled": {crosswalk.Run{Status: crosswalk.RunCancelled, StartedAt: &start, HeldAt: &end, EndedAt: &decided, Counts: crosswalk.Counts{Read: 46}}, "cancelled, 46 read in 1.5 s"},
		"not begun": {crosswalk.Run{Status: crosswalk.RunSkipped, Message: "The connection is revoked."}, "skipped: The connection is revoked"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(tt.run); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLinesOfProgress(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	told := lines{at: start}
	var got []string
	for second, text := range []string{"queued", "queued", "queued", "10 read", "waits", "waits", "waits", "waits", "20 read"} {
		if told.due(start.Add(time.Duration(second)*time.Second), text) {
			got = append(got, text)
		}
	}
	if diff := cmp.Diff([]string{"queued", "waits", "20 read"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestUntold(t *testing.T) {
	t.Parallel()
	r := crosswalk.Run{Message: "The column a is gone. 3 of 9 records were rejected.", Warnings: []string{"The column a is gone.", "The column b is gone."}}
	if diff := cmp.Diff([]string{"The column b is gone."}, untold(r)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if len(r.Warnings) != 2 {
		t.Error("the run itself lost a warning")
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		run  crosswalk.Run
		want []string
	}{
		"well":      {crosswalk.Run{Number: 7, Status: crosswalk.RunSuccess}, nil},
		"held":      {crosswalk.Run{Number: 7, Status: crosswalk.RunHeld}, []string{"crosswalk run release 7", "crosswalk run discard 7"}},
		"behind":    {crosswalk.Run{Number: 7, Status: crosswalk.RunQueued, WaitsFor: 6}, []string{"crosswalk run release 6", "crosswalk run discard 6"}},
		"rejects":   {crosswalk.Run{Number: 7, Status: crosswalk.RunPartialSuccess, Counts: crosswalk.Counts{Rejected: 3}}, []string{"crosswalk run rejects 7 --group", "crosswalk run retry 7"}},
		"at work":   {crosswalk.Run{Number: 7, Status: crosswalk.RunRunning, Counts: crosswalk.Counts{Rejected: 3}}, nil},
		"discarded": {crosswalk.Run{Number: 7, JobName: "All of them", Status: crosswalk.RunSuccess, Decision: &crosswalk.Decided{Decision: crosswalk.Discard}}, []string{`crosswalk job run "All of them" --everything`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, next(tt.run)); diff != "" {
				t.Errorf("next (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"unknown flag":             "unknown flag.",
		"did you mean \"--json\"?": "did you mean \"--json\"?",
		"It is done.":              "It is done.",
	} {
		if got := sentence(text); got != want {
			t.Errorf("sentence(%q) = %q, want %q", text, got, want)
		}
	}
}
