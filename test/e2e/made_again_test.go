package e2e_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A job that is deleted and made again finds the rows of the one before. They
// become its own, so that they go with their records.
func TestJobMadeAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		const accounts, gone = 40, 5
		k := newKeeper(t, cfg, accounts, nil)
		k.runs(crosswalk.RunSuccess, "")
		k.must(k.client.DeleteJob(t.Context(), k.job.ID))
		var err error
		k.job, err = k.client.InsertJob(t.Context(), keeping(k.conn.ID))
		k.must(err)
		if c := k.runs(crosswalk.RunSuccess, "").Counts; c.Updated != accounts || c.Inserted != 0 {
			t.Errorf("the rows were not taken over: %+v", c)
		}
		n := 0
		for key := range k.accounts("") {
			if n++; n > gone {
				break
			}
			k.write("DELETE", fmt.Sprintf("accounts(%s)", key), "")
		}
		left := k.accounts("")
		if c := k.runs(crosswalk.RunSuccess, "").Counts; c.Deleted != gone {
			t.Errorf("%+v", c)
		}
		if diff := cmp.Diff(left, k.stored("Company", "External_ID", "Name", "City")); diff != "" {
			t.Errorf("-source +target:\n%s", diff)
		}
	})
}
