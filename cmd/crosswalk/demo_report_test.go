package main

import (
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

// TestDemoReportAddsUp checks that the table of a demo accounts for every
// record that was read.
func TestDemoReportAddsUp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	d := &demo{app: &app{stdout: &out}, cmd: &demoCmd{Exit: true}}
	counts := crosswalk.Counts{Read: 2100, Inserted: 1000, Updated: 300, Unchanged: 200, Skipped: 464, Duplicates: 1, Rejected: 135}
	if err := d.print(demoReport{Runs: []runBrief{{Job: "Company Sync", Status: crosswalk.RunPartialSuccess, Counts: counts}}}); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.Contains(line, "Company Sync") {
			if got, want := strings.Fields(line)[2:8], "2,100 1,000 300 200 465 135"; strings.Join(got, " ") != want {
				t.Errorf("counts %q, want %s", got, want)
			}
			return
		}
	}
	t.Errorf("the job is not in the table:\n%s", out.String())
}
