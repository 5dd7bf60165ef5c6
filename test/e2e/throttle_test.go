package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A run whose environment asks to wait for long says so, sends nothing
// meanwhile, and can be cancelled at once.
func TestLongRetryAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 1000}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job := w.companySync(conn.ID)
	var pages, refused atomic.Int64
	stored := make(chan struct{})
	w.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/accounts") || pages.Add(1) < 3 {
			return false
		}
		<-stored // so that the count below is exact
		refused.Add(1)
		rw.Header().Set("Retry-After", "120")
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(rw, `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000 over time window of 300 seconds."}}`)
		return true
	})
	run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{})
	w.must(err)
	deadline := time.Now().Add(20 * time.Second)
	for run.Counts.Read < 200 {
		if time.Now().After(deadline) {
			t.Fatalf("run %s %+v", run.Status, run.Counts)
		}
		time.Sleep(10 * time.Millisecond)
		run, err = w.client.FindRun(t.Context(), run.ID)
		w.must(err)
	}
	close(stored)
	for !strings.Contains(run.Message, "asked to wait") {
		if time.Now().After(deadline) {
			t.Fatalf("run %s says %q", run.Status, run.Message)
		}
		time.Sleep(50 * time.Millisecond)
		run, err = w.client.FindRun(t.Context(), run.ID)
		w.must(err)
	}
	if run.Status != crosswalk.RunRunning || run.Counts.Read != 200 || refused.Load() != 1 {
		t.Errorf("run %s %+v after %d refusals", run.Status, run.Counts, refused.Load())
	}
	_, err = w.client.CancelRun(t.Context(), run.ID)
	w.must(err)
	run = w.wait(run)
	if run.Status != crosswalk.RunCancelled || refused.Load() != 1 {
		t.Errorf("run %s after %d refusals", run.Status, refused.Load())
	}
}
