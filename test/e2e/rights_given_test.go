package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// sees sets how many of the accounts the connection's user sees.
func (k *keeper) sees(depth sandbox.Depth) {
	k.t.Helper()
	k.must(k.sandbox.SetRole(k.conn.Authorization.UserName, sandbox.Role{Tables: map[string]sandbox.Depth{"account": depth}}))
}

// When the user gets the right that change tracking needs, all records come that
// were hidden before, although they have not changed: those that the first run
// did not see, and those whose rows were taken for gone. The position of the
// tries may be one of a clock that was ahead.
func TestRightsGiven(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, test := range map[string]struct {
			first   sandbox.Depth
			policy  crosswalk.DeletePolicy
			several bool // streams
			ahead   bool
		}{
			"never seen":                     {sandbox.Basic, crosswalk.DeleteIgnore, false, false},
			"never seen, deleting":           {sandbox.Basic, crosswalk.DeleteRow, false, false},
			"never seen, in several streams": {sandbox.Basic, crosswalk.DeleteRow, true, false},
			"taken for gone":                 {sandbox.Global, crosswalk.DeleteRow, false, false},
			"flagged":                        {sandbox.Global, crosswalk.DeleteFlag, false, false},
			"flagged, a clock ahead":         {sandbox.Global, crosswalk.DeleteFlag, false, true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				cfg.TrackAgain = time.Nanosecond
				if test.several {
					cfg.ParallelFrom = 60
				}
				k := newKeeper(t, cfg, 200, func(in *client.JobInput) {
					in.Deletes = crosswalk.Deletes{Policy: test.policy, Guard: 100}
				})
				k.sees(test.first)
				k.runs(crosswalk.RunSuccess, "")
				k.sees(sandbox.Basic)
				k.sandbox.Advance(time.Hour)
				k.runs(crosswalk.RunSuccess, "The user may not read the whole table")
				k.sandbox.Advance(time.Hour)
				// The newest record is one that was seen all the time.
				seen := firstKey(k.stored("Company", "External_ID", "Name", "City"))
				if test.policy == crosswalk.DeleteFlag {
					seen = ""
				}
				if seen != "" {
					k.write("PATCH", "accounts("+seen+")", `{"telephone1":"1"}`)
				}
				k.runs(crosswalk.RunSuccess, "by the time of the last change")
				if test.ahead {
					k.triedAhead()
				}
				k.sees(sandbox.Global)
				run := k.runs(crosswalk.RunSuccess, "Dynamics tracks the changes now, which it refused before")
				if strings.Contains(run.Reads, "several streams") != test.several || run.Counts.Deleted != 0 {
					t.Errorf("reads %q: %+v", run.Reads, run.Counts)
				}
				k.equal("with the right", "")
				gone := true
				page, err := k.client.ListRows(t.Context(), "Company", client.RowFilter{Gone: &gone})
				if k.must(err); page.Total != 0 {
					t.Errorf("%d rows are marked as gone", page.Total)
				}
				n := k.change(7, 20, 5, 7)
				if run = k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Read > n.changed+n.inserted {
					t.Errorf("after %+v: %+v", n, run.Counts)
				}
			})
		}
	})
}

// When another user signs in, the records come that the one before did not see,
// although they have not changed, and it is asked before rows go that the new one
// does not see.
func TestAnotherUser(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		k := newKeeper(t, fresh(t), 200, nil)
		k.must(k.sandbox.SetTracked("account", false))
		k.sees(sandbox.Basic)
		if run := k.runs(crosswalk.RunSuccess, "Every record"); run.Counts.Inserted == 0 || run.Counts.Inserted > 100 {
			t.Fatalf("%+v", run.Counts)
		}
		k.sandbox.Advance(time.Hour)
		_, err := k.sandbox.ChangeRows("account", 20, 1) // so that most lie far behind
		k.must(err)
		k.runs(crosswalk.RunSuccess, readsByTime)
		as := func(u client.ConnectionUpdate) {
			t.Helper()
			_, err := k.client.UpdateConnection(t.Context(), k.conn.ID, u)
			k.must(err)
			k.must(k.authorize(k.conn.ID, "accept"))
		}
		id, secret, mode := sandbox.ClientID, sandbox.ClientSecret, crosswalk.SignInSecret
		as(client.ConnectionUpdate{SignInMode: &mode, ClientID: &id, ClientSecret: &secret})
		k.runs(crosswalk.RunSuccess, "Every record, as the connection signs in as another user since the last run. Dynamics does not track")
		k.equal("as the application", "")
		k.runs(crosswalk.RunSuccess, readsByTime)
		mode = crosswalk.SignInUser
		as(client.ConnectionUpdate{SignInMode: &mode})
		held := k.runs(crosswalk.RunHeld, "")
		if !strings.Contains(held.Message, "no longer shown to the connection's user") {
			t.Errorf("held for %q", held.Message)
		}
		_, err = k.client.CancelRun(t.Context(), held.ID)
		k.must(err)
		k.equal("as the user", "")
	})
}

// triedAhead has the job's last try to have changes tracked lie a year ahead.
func (k *keeper) triedAhead() {
	k.t.Helper()
	db, err := database.Open(k.t.Context(), k.dsn, nil)
	k.must(err)
	defer db.Close()
	year := time.Now().UTC().Year()
	tried := func(year int) string { return fmt.Sprintf(`"tried":"%d-`, year) }
	k.must(db.Tx(k.t.Context(), func(ctx context.Context, tx *database.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE cw_jobs SET position_json = replace(position_json, $1, $2) WHERE id = $3 AND position_json LIKE '%' || $1 || '%'",
			tried(year), tried(year+1), k.job.ID)
		if err == nil && n != 1 {
			err = errors.New("no try is noted")
		}
		return err
	}))
}
