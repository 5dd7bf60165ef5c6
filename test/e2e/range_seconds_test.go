package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A range may begin and end within a second: a record of that second is before
// its end, and not from its begin on.
func TestRangeWithinASecond(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, server.Config{}, 5, nil)
	at := k.sandbox.Clock().Add(time.Hour).UTC().Truncate(time.Second)
	k.sandbox.SetClock(at)
	k.write("POST", "accounts", fmt.Sprintf(`{"accountid":%q,"name":"Made"}`, key(1)))
	made := k.accounts("accountid eq " + key(1))
	if len(made) != 1 {
		t.Fatal(made)
	}
	for _, attribute := range []string{"createdon", "modifiedon"} {
		for name, test := range map[string]struct {
			from, to time.Duration // from the second of the record
			reads    int64
		}{
			"up to a part of the second":  {-time.Minute, time.Millisecond, 1},
			"up to the second":            {-time.Minute, 0, 0},
			"up to the next":              {-time.Minute, time.Second, 1},
			"from the second":             {0, time.Minute, 1},
			"from a part of the second":   {time.Millisecond, time.Minute, 0},
			"from the second before, all": {-time.Second, 999 * time.Millisecond, 1},
		} {
			from, to := at.Add(test.from), at.Add(test.to)
			run := k.runOver(k.job, crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: attribute, From: &from, To: &to})
			if run.Status != crosswalk.RunSuccess || run.Counts.Read != test.reads {
				t.Errorf("%s, %s: %s %q, %d read, want %d", attribute, name, run.Status, run.Message, run.Counts.Read, test.reads)
			}
		}
	}
}
