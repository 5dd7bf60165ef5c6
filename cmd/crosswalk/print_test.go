package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

func TestTableIsAligned(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		color bool
		limit int
		want  string
	}{
		"plain": {false, 0, "" +
			"Name          Count  Note\n" +
			"Ada           1,234  first\n" +
			"東京 Partner      7  a long note\n" +
			"two lines        -1\n"},
		"coloured": {true, 0, "" +
			"\x1b[1mName\x1b[0m          \x1b[1mCount\x1b[0m  \x1b[1mNote\x1b[0m\n" +
			"\x1b[32mAda\x1b[0m           1,234  first\n" +
			"東京 Partner      7  a long note\n" +
			"two lines        -1\n"},
		"cut": {false, 8, "" +
			"Name      Count  Note\n" +
			"Ada       1,234  first\n" +
			"東京 Pa…      7  a long …\n" +
			"two lin…     -1\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := &table{head: []string{"Name", ">Count", "Note"}, limit: tt.limit}
			table.add(cell{"Ada", green}, int64(1234), "first")
			table.add("東京 Partner", int64(7), "a long note")
			table.add("two\nlines", int64(-1), "")
			var b strings.Builder
			table.write(&b, tt.color, "")
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Zoë 👩‍🚀":              "Zoë 👩‍🚀",
		"a\x1b[31mb":           "a [31mb",
		"bell\x07 and\rreturn": "bell  and return",
		"\u202eevil":           " evil",
		"\u009b2J":             " 2J",
	}
	for text, want := range tests {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -123456: "-123,456"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestProgressOf(t *testing.T) {
	t.Parallel()
	start := time.Date(1999, 12, 31, 23, 59, 50, 0, time.UTC) // ten seconds before time begins within synctest
	at := func(status crosswalk.RunStatus, step crosswalk.StepState) crosswalk.Run {
		return crosswalk.Run{Status: status, StartedAt: &start, Total: 4000, Counts: crosswalk.Counts{Read: 3900}, Step: &step}
	}
	tests := map[string]struct {
		run  crosswalk.Run
		want string
	}{
		"waits":          {crosswalk.Run{Status: crosswalk.RunQueued}, "queued"},
		"nothing yet":    {crosswalk.Run{Status: crosswalk.RunRunning, StartedAt: &start, Total: 100}, "0 of 100 read"},
		"unknown total":  {crosswalk.Run{Status: crosswalk.RunRunning, StartedAt: &start, Total: -1, Counts: crosswalk.Counts{Read: 5000}}, "5,000 read, 500/s"},
		"half":           {crosswalk.Run{Status: crosswalk.RunRunning, StartedAt: &start, Total: 10000, Counts: crosswalk.Counts{Read: 5000}}, "5,000 of 10,000 read, 500/s, 10 s left"},
		"has to wait":    {crosswalk.Run{Status: crosswalk.RunRunning, StartedAt: &start, Total: -1, Message: "Dynamics asked to wait 20 seconds."}, "0 read. Dynamics asked to wait 20 seconds"},
		"compares":       {at(crosswalk.RunRunning, crosswalk.StepState{Name: crosswalk.StepCompare, Done: 1200, Total: 2000}), "3,900 read, looking for rows whose records are gone: 1,200 of 2,000"},
		"fills":          {at(crosswalk.RunRunning, crosswalk.StepState{Name: crosswalk.StepLookups}), "3,900 read, filling lookups that waited for these rows"},
		"held":           {at(crosswalk.RunHeld, crosswalk.StepState{Name: crosswalk.StepDelete, Total: 900}), "3,900 read, deleting rows whose records are gone, which waits for a decision"},
		"more than said": {crosswalk.Run{Status: crosswalk.RunRunning, StartedAt: &start, Total: 4000, Counts: crosswalk.Counts{Read: 5000}, Cancelling: true}, "5,000 of 5,000 read, 500/s, cancelling"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(tt.want, progressOf(tt.run)); diff != "" {
					t.Errorf("progress (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second:                     "–",
		0:                                "–",
		time.Microsecond:                 "1 ms",
		999 * time.Millisecond:           "999 ms",
		1380 * time.Millisecond:          "1.4 s",
		3 * time.Second:                  "3 s",
		9960 * time.Millisecond:          "10 s",
		59_600 * time.Millisecond:        "1 min",
		10*time.Minute + 7900*1e6:        "10 min 8 s",
		time.Hour + 30*time.Second:       "1 h",
		26*time.Hour + 5*time.Minute:     "26 h 5 min",
		1_000*time.Hour + 59*time.Minute: "1,000 h 59 min",
	} {
		if got := elapsed(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
