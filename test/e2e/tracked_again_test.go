package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// walks returns how often a walk over the keys of all accounts was begun from
// which on changes are tracked.
func (k *keeper) walks() (n int) {
	for _, r := range k.sandbox.Requests(sandbox.RequestFilter{Path: "/accounts?$select=accountid", Header: "Prefer: track-changes"}) {
		if strings.HasSuffix(r.URL, "=accountid") {
			n++
		}
	}
	return n
}

// A job that finds changes by their time tries about once a day to have them
// tracked, and at once when metadata say that they are now: it reads no more
// records than before, goes on as before when that is refused, and says what it
// does. When it was refused before, it reads everything once.
func TestTrackedAgain(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		refused := func(k *keeper) (regain func()) { return k.untrusted() }
		untracked := func(k *keeper) (regain func()) {
			k.must(k.sandbox.SetTracked("account", false))
			return func() { k.must(k.sandbox.SetTracked("account", true)) }
		}
		for name, test := range map[string]struct {
			again  time.Duration
			lose   func(k *keeper) (regain func())
			why    string
			tries  int // of two runs, in vain
			regain bool
		}{
			"refused":                       {time.Nanosecond, refused, "organization level", 2, true},
			"refused, within the day":       {0, refused, "organization level", 0, false},
			"not switched on":               {time.Nanosecond, untracked, "not switched on", 0, true},
			"not switched on, the same day": {0, untracked, "not switched on", 0, true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				cfg.TrackAgain = test.again
				k := newKeeper(t, cfg, 200, nil)
				regain := test.lose(k)
				first := k.runs(crosswalk.RunSuccess, test.why)
				if again := strings.HasSuffix(first.Reads, "tries to have changes tracked again within a day, and in a run over everything."); again != (test.why == "organization level") {
					t.Errorf("reads %q", first.Reads)
				}
				seed := uint64(0)
				later := func(reads string) {
					t.Helper()
					seed += 10
					n := k.change(seed, 20, 5, 7)
					run := k.runs(crosswalk.RunSuccess, reads)
					if c := run.Counts; c.Read > 120 || c.Deleted != n.deleted || c.Inserted != n.inserted {
						t.Errorf("after %+v: %+v", n, c)
					}
					k.equal(reads, "")
				}
				later(readsByTime)
				later(readsByTime)
				if p := k.position(); p.Way != crosswalk.WayModified || !strings.Contains(p.Why, test.why) || k.walks() != test.tries {
					t.Errorf("%d walks, position %+v", k.walks(), p)
				}
				regain()
				if !test.regain {
					later(readsByTime)
					return
				}
				if test.tries > 0 { // others may be shown to the user now
					k.change(seed+1000, 20, 5, 7)
					run := k.runs(crosswalk.RunSuccess, "Every record. Dynamics tracks the changes now, which it refused before")
					if run.Counts.Read < 200 {
						t.Errorf("read anew: %+v", run.Counts)
					}
					k.equal("read anew", "")
				} else {
					later("From now on Dynamics tracks the changes.")
				}
				if p := k.position(); p.Way != crosswalk.WayTracked || p.Why != "" || k.walks() != test.tries+1 {
					t.Errorf("%d walks, position %+v", k.walks(), p)
				}
				later("by change tracking")
				later("by change tracking")
				if run := k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Read != 0 || k.walks() != test.tries+1 {
					t.Errorf("%d walks, at rest: %+v", k.walks(), run.Counts)
				}
			})
		}
	})
}

const readsByTime = "What changed since the last run, by the time of the last change. "
