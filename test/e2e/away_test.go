package e2e_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// trap is a server that nobody may come to.
func trap(t *testing.T) (address string, came *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	came = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			_ = c.Close()
		}
	}()
	return l.Addr().String(), came
}

// Answers that lead elsewhere, by the link to the next page or of changes or by
// a redirect, stop the run, which says so and goes on when they are right
// again. Nothing is sent elsewhere, the activity log tells it once, and other
// jobs run.
func TestLedAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lead func(w *world, elsewhere string) (right func()) // from the second page on
		to   string                                          // what the log tells of, but for the place
		says string
	}{
		"link": {func(w *world, elsewhere string) func() {
			_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultLinkHost, Host: elsewhere, Path: "/accounts?", After: 1})
			w.must(err)
			return func() { w.sandbox.RemoveFault(0) }
		}, "https://", "does not lead to"},
		"link with an @": {func(w *world, elsewhere string) func() {
			_, err := w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultLinkHost, Host: strings.TrimPrefix(w.env, "http://") + "@" + elsewhere, Path: "/accounts?", After: 1})
			w.must(err)
			return func() { w.sandbox.RemoveFault(0) }
		}, "https://", "does not lead to"},
		"redirect": {func(w *world, elsewhere string) func() {
			return w.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/accounts") || !strings.Contains(r.URL.RawQuery, "skiptoken") {
					return false
				}
				http.Redirect(rw, r, "http://"+elsewhere+r.RequestURI, http.StatusTemporaryRedirect)
				return true
			})
		}, "http://", "redirects to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				elsewhere, came := trap(t)
				k := newKeeper(t, fresh(t), 200, nil)
				users := k.world.job("User Sync_Contoso")
				right := test.lead(k.world, elsewhere)
				run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
				k.must(err)
				run = k.says(run, test.says)
				if run.Hint == "" || run.Counts.Read > 100 {
					t.Errorf("%q (%q) %+v", run.Message, run.Hint, run.Counts)
				}
				if other := k.run(users); other.Status != crosswalk.RunSuccess {
					t.Errorf("the other job: %s %q", other.Status, other.Message)
				}
				right()
				k.ended(k.wait(run), crosswalk.RunSuccess, "")
				k.equal("when the answers are right again", "")
				if n := came.Load(); n != 0 {
					t.Errorf("%d connections were opened elsewhere", n)
				}
				events, err := k.client.ListEvents(t.Context(), client.EventFilter{Search: "led_away"})
				k.must(err)
				var told []string
				for _, e := range events.Items {
					told = append(told, e.Actor+" "+e.Action+" "+e.Subject+": "+e.Detail)
				}
				want := []string{"Crosswalk connection.led_away Contoso: An answer of " + k.env + " leads to " + test.to + elsewhere + "/api/data/v9.2/accounts. It was not followed, and nothing was sent there."}
				if diff := cmp.Diff(want, told); diff != "" {
					t.Errorf("activity log (-want +got):\n%s", diff)
				}
			})
		})
	}
}
