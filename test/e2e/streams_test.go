package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

const severalStreams = "Every record, in several streams"

func readAll(in *client.JobInput) { in.LoadMode = crosswalk.LoadFull }

// TestSeveralStreams reads everything of a table in several streams.
func TestSeveralStreams(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		cfg := fresh(t)
		cfg.ParallelFrom = 200
		k := newKeeper(t, cfg, 1500, readAll)
		for i, want := range []crosswalk.Counts{{Read: 1500, Inserted: 1500}, {Read: 1500, Unchanged: 1500}} {
			run := k.runs(crosswalk.RunSuccess, severalStreams+".")
			if diff := cmp.Diff(want, run.Counts, volatile); diff != "" || run.Total != 1500 {
				t.Errorf("run %d of %d (-want +got):\n%s", i+1, run.Total, diff)
			}
			k.equal("after it", "")
		}
		for _, change := range []func(string, int, uint64) (int, error){k.sandbox.ChangeRows, k.sandbox.DeleteRows, k.sandbox.InsertRows} {
			_, err := change("account", 100, 3)
			k.must(err)
		}
		k.runs(crosswalk.RunSuccess, severalStreams)
		k.equal("after changes", "")

		in := keeping(k.conn.ID)
		in.Name, in.LoadMode = "Few", crosswalk.LoadFull
		in.Filter.Conditions = []crosswalk.Condition{{Attribute: "name", Operator: crosswalk.Contains, Values: []string{"a"}}}
		filtered, err := k.client.InsertJob(t.Context(), in)
		k.must(err)
		k.ended(k.run(filtered), crosswalk.RunSuccess, severalStreams)
		in.Name, in.Operation, in.Filter, in.Deletes = "Journal", crosswalk.OperationInsert, crosswalk.Filter{}, crosswalk.Deletes{}
		in.Mapping.Fields = in.Mapping.Fields[1:]
		journal, err := k.client.InsertJob(t.Context(), in)
		k.must(err)
		if run := k.ended(k.run(journal), crosswalk.RunSuccess, severalStreams); run.Counts.Inserted != 1500 {
			t.Errorf("without identifiers: %+v", run.Counts)
		}
	})
}

// TestStreamsBesideChanges keeps companies by the accounts of an environment
// that changes while they are read in several streams, in many slices.
func TestStreamsBesideChanges(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(*testing.T) server.Config) {
		for way, prepare := range map[string]func(k *keeper) error{
			"tracked":        func(*keeper) error { return nil },
			"by time":        func(k *keeper) error { return k.sandbox.SetTracked("account", false) },
			"tokens expired": func(k *keeper) error { return k.sandbox.SetTrackingDays(0) },
			"unfit": func(k *keeper) error {
				k.sandbox.SetUnverified(sandbox.Unverified{RefuseIDRanges: true})
				return nil
			},
		} {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				cfg.ParallelFrom, cfg.SliceBudget = 100, 20*time.Millisecond
				k := newKeeper(t, cfg, 400, nil)
				k.must(prepare(k))
				seed := uint64(0)
				shuffle := func(n int) {
					for _, change := range []func(string, int, uint64) (int, error){k.sandbox.ChangeRows, k.sandbox.DeleteRows, k.sandbox.InsertRows} {
						seed++
						_, err := change("account", n, seed)
						k.must(err)
					}
				}
				for i := range 3 {
					run, err := k.client.StartRun(t.Context(), k.job.ID, map[bool]crosswalk.Scope{true: everything}[i == 2])
					k.must(err)
					for range 30 { // not for ever, since the run goes after what changes
						shuffle(1)
						run, err = k.client.FindRun(t.Context(), run.ID)
						k.must(err)
					}
					run = k.wait(run)
					reads := severalStreams
					if way == "unfit" || i == 1 && way != "tokens expired" {
						reads = ""
					}
					k.ended(run, crosswalk.RunSuccess, reads)
					k.runs(crosswalk.RunSuccess, "")
					k.equal("after it", "")
				}
			})
		}
	})
}

// TestUnfitForStreams reads a table whose ranges are refused or do not hold
// what they should: the run begins again in one stream, says so, and later
// ones remember it until the metadata are refreshed.
func TestUnfitForStreams(t *testing.T) {
	t.Parallel()
	for why, u := range map[string]sandbox.Unverified{"refused ranges of keys": {RefuseIDRanges: true}, "sorts keys otherwise": {TextKeyOrder: true}} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, server.Config{PageSize: 100, ParallelFrom: 400}, 2000, readAll)
			k.sandbox.SetUnverified(u)
			for range 2 {
				k.runs(crosswalk.RunSuccess, "Every record. In one stream: Dynamics ")
				run := k.runs(crosswalk.RunSuccess, why)
				if run.Counts.Read != 2000 {
					t.Errorf("it is not remembered: %d records were read", run.Counts.Read)
				}
				k.equal("in one stream", "")
				k.sandbox.SetUnverified(sandbox.Unverified{})
			}
			k.must(k.client.RefreshMetadata(t.Context(), k.conn.ID))
			if run := k.runs(crosswalk.RunSuccess, severalStreams+"."); run.Counts.Read != 2000 {
				t.Errorf("after a refresh %d records were read", run.Counts.Read)
			}
			k.equal("in several", "")
		})
	}
}

// TestStreamsLoseColumn removes a column while a table is read in several
// streams: the run goes on without it.
func TestStreamsLoseColumn(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, server.Config{PageSize: 50, ParallelFrom: 200}, 1500, readAll)
	_, err := k.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Table: "account", Column: "telephone1", Path: "skiptoken", After: 5})
	k.must(err)
	run := k.run(k.job)
	if run.Status != crosswalk.RunSuccess || len(run.Warnings) == 0 || !strings.Contains(run.Reads, severalStreams) {
		t.Fatalf("%s %s %q, warnings %q", run.Status, run.Message, run.Reads, run.Warnings)
	}
	if n := k.rows("Company"); n != 1500 {
		t.Errorf("%d rows", n)
	}
}

// TestStreamsThroughFaults reads a table in several streams from an environment
// that fails now and then, in slices that are far too short.
func TestStreamsThroughFaults(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, server.Config{PageSize: 50, ParallelFrom: 200, SliceBudget: 1}, 1500, readAll)
	for _, f := range []sandbox.Fault{
		{Kind: sandbox.FaultReset, Path: "accounts", Probability: 0.04, Seed: 1},
		{Kind: sandbox.FaultStatus, Path: "accounts", Probability: 0.04, Seed: 2, Status: 429, RetryAfter: 1, Count: 2},
		{Kind: sandbox.FaultTruncate, Path: "accounts", Probability: 0.04, Seed: 3},
		{Kind: sandbox.FaultEmptyPage, Path: "skiptoken", After: 3, Count: 3},
	} {
		_, err := k.sandbox.Fault(f)
		k.must(err)
	}
	k.runs(crosswalk.RunSuccess, severalStreams)
	for _, f := range k.sandbox.Faults() {
		k.sandbox.RemoveFault(f.ID)
	}
	k.equal("through faults", "")
}
