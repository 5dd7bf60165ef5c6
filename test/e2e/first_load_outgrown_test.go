package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A first load that meets more records than were counted is made whole in its
// middle, while pages wait to be stored, and goes on as any other run: nothing
// is lost or twice, and the run says at most that it waits.
func TestFirstLoadOutgrown(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		for name, from := range map[string]int{"one stream": 1100, "several streams": 200} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				cfg.ParallelFrom = from
				w := newWorld(t, sandbox.Config{Accounts: 1000, Users: 5, Contacts: -1}, cfg)
				conn := w.connect("Contoso")
				object := w.object("City", cityFields()...)
				job := w.cities(conn, object.Name, func(in *client.JobInput) {
					in.Mapping.Fields[0] = crosswalk.FieldMapping{Source: "accountid", Target: "City__gc", Identifier: true}
				})
				reached, release := w.nth(1)
				run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
				w.must(err)
				w.reach(reached)
				_, err = w.sandbox.InsertRows("account", 600, 7)
				w.must(err)
				release()

				var says []string
				for deadline := time.Now().Add(time.Minute); !run.Status.Ended(); time.Sleep(2 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("the run is %s: %s", run.Status, run.Message)
					}
					run, err = w.client.FindRun(t.Context(), run.ID)
					w.must(err)
					if run.Message != "" && !slices.Contains(says, run.Message) {
						says = append(says, run.Message)
					}
				}
				says = slices.DeleteFunc(says, func(text string) bool { return strings.HasPrefix(text, "Waits for the index") })
				want := crosswalk.Counts{Read: 1600, Inserted: 1600}
				if diff := cmp.Diff(want, run.Counts, volatile); diff != "" || run.Total != 1000 || run.Status != crosswalk.RunSuccess || len(says) > 0 {
					t.Errorf("the run of %d is %s and said %q (-want +got):\n%s", run.Total, run.Status, says, diff)
				}
				if diff := cmp.Diff(w.accounts(""), w.stored(object.Name, "City__gc", "Title__gc", "Phone__gc")); diff != "" || w.rows(object.Name) != 1600 {
					t.Errorf("%d rows (-source +target):\n%s", w.rows(object.Name), diff)
				}
			})
		}
	})
}
