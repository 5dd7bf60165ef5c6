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

// A run over a range or over rejects reads those records alone, moves no
// position and takes no row away; the next run as the job says has all.
func TestScopes(t *testing.T) {
	t.Parallel()
	for _, tracked := range []bool{true, false} {
		t.Run(map[bool]string{true: "tracked", false: "not tracked"}[tracked], func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				k := newKeeper(t, fresh(t), 200, func(in *client.JobInput) {
					// Names that are too long are rejected.
					in.Mapping.Fields[2] = crosswalk.FieldMapping{Source: "description", Target: "City", OnNull: crosswalk.NullKeep}
				})
				k.must(k.sandbox.SetTracked("account", tracked))
				first := k.run(k.job)
				if first.Status != crosswalk.RunPartialSuccess || first.Counts.Rejected == 0 || first.Counts.Inserted+first.Counts.Rejected != 200 {
					t.Fatalf("%s %+v", first.Status, first.Counts)
				}
				before, stored := k.position(), k.rows("Company")
				if before.Way == "" {
					t.Error("a run with rejects moved no position")
				}
				began := time.Now().Add(-time.Minute).UTC()
				n := k.change(1, 20, 8, 7)

				for name, c := range map[string]struct {
					scope crosswalk.Scope
					reads string
					least int64
					most  int64
				}{
					"made":    {crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: &began}, "Records created from 2026", n.inserted, n.inserted},
					"changed": {crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "modifiedon", From: &began}, "Records last changed from 2026", n.inserted, n.inserted + n.changed},
					"before":  {crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", To: &began}, "Records created before 2026", 200 - n.deleted, 200 - n.deleted},
					"rejects": {crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: first.ID}, "Only rejected records", 1, first.Counts.Rejected},
				} {
					run := k.runOver(k.job, c.scope)
					reads := strings.Replace(c.reads, "2026", began.Format("2006"), 1)
					if !run.Status.Ended() || run.Status == crosswalk.RunFailed || !strings.Contains(run.Reads, reads) || run.Counts.Read < c.least || run.Counts.Read > c.most || run.Counts.Deleted != 0 {
						t.Errorf("%s: %s %q reads %q %+v, want %q and %d to %d", name, run.Status, run.Message, run.Reads, run.Counts, reads, c.least, c.most)
					}
					if diff := cmp.Diff(before, k.position()); diff != "" {
						t.Errorf("%s moved the position (-before +after):\n%s", name, diff)
					}
				}
				if got := k.rows("Company"); got != stored+n.inserted {
					t.Errorf("%d rows, want %d", got, stored+n.inserted)
				}
				run := k.run(k.job)
				if run.Counts.Deleted == 0 || run.Counts.Deleted > n.deleted || run.Counts.Read < n.inserted || !k.position().At.After(before.At) {
					t.Errorf("as the job says: %s %+v", run.Status, run.Counts)
				}
				// What was rejected is not gone.
				kept := k.rows("Company")
				again := k.runOver(k.job, crosswalk.Scope{Kind: crosswalk.ScopeEverything})
				if again.Counts.Rejected == 0 || again.Counts.Deleted+again.Counts.Inserted != 0 || k.rows("Company") != kept {
					t.Errorf("everything: %s %+v, %d rows", again.Status, again.Counts, k.rows("Company"))
				}
			})
		})
	}
}

// A row whose record is rejected since is not one whose record is gone.
func TestRejectedIsNotGone(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.LoadMode{crosswalk.LoadIncremental, crosswalk.LoadFull} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, server.Config{PageSize: 50}, 70, func(in *client.JobInput) {
				in.LoadMode = mode
				in.Mapping.Fields[2].Source = "description"
				in.Mapping.Fields[2].OnTooLong = crosswalk.LengthTruncate
			})
			k.runs(crosswalk.RunSuccess, "")
			one := firstKey(k.accounts(""))
			in := client.InputOf(k.job)
			in.Mapping.Fields[2].OnTooLong = ""
			var err error
			k.job, err = k.client.UpdateJob(t.Context(), k.job.ID, k.job.Version, in)
			k.must(err)
			k.write("PATCH", "accounts("+one+")", `{"description":"`+strings.Repeat("long ", 50)+`"}`)
			run := k.run(k.job)
			if run.Status != crosswalk.RunPartialSuccess || run.Counts.Rejected == 0 || run.Counts.Deleted != 0 || k.rows("Company") != 70 {
				t.Errorf("%s %q %+v, %d rows", run.Status, run.Message, run.Counts, k.rows("Company"))
			}
		})
	}
}

// When the job reads or fills something else, or its object has changed,
// everything is read again, what was deleted meanwhile is found, and rows that
// a new filter leaves out go.
func TestChangedDefinition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		accounts int // one page, or several
		change   func(k *keeper, in *client.JobInput)
		filter   string // of the rows in the end
		reads    string
	}{
		"mapping":         {40, func(_ *keeper, in *client.JobInput) { in.Mapping.Fields[2].Source = "telephone1" }, "", "has changed"},
		"mapping, pages":  {140, func(_ *keeper, in *client.JobInput) { in.Mapping.Fields[2].Source = "telephone1" }, "", "has changed"},
		"operation":       {40, func(_ *keeper, in *client.JobInput) { in.Mapping.Fields[2].OnTooLong = crosswalk.LengthTruncate }, "", "has changed"},
		"filter":          {40, open, "statecode eq 0", "has changed"},
		"filter, pages":   {140, open, "statecode eq 0", "has changed"},
		"deletes":         {140, func(_ *keeper, in *client.JobInput) { in.Deletes = crosswalk.Deletes{} }, "", "has changed"},
		"another guard":   {140, func(_ *keeper, in *client.JobInput) { in.Deletes.Guard = 50 }, "", "by change tracking"},
		"another name":    {140, func(_ *keeper, in *client.JobInput) { in.Name = "Keep accounts" }, "", "by change tracking"},
		"full and back":   {140, func(_ *keeper, in *client.JobInput) { in.LoadMode = crosswalk.LoadFull }, "", "Every record."},
		"not tracked now": {140, func(k *keeper, _ *client.JobInput) { k.must(k.sandbox.SetTracked("account", false)) }, "", "by the time of the last change. Dynamics does not track"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, server.Config{PageSize: 50}, test.accounts, func(in *client.JobInput) {
				in.Mapping.Fields[2].Fallback = []string{"address1_telephone1"}
				in.Deletes.Guard = 90
			})
			k.runs(crosswalk.RunSuccess, "first run")
			in := client.InputOf(k.job)
			in.Mapping.Fields[2].Fallback = nil
			if !strings.Contains(test.reads, "has changed") {
				in.Mapping.Fields[2].Fallback = []string{"address1_telephone1"}
			}
			test.change(k, &in)
			var err error
			k.job, err = k.client.UpdateJob(t.Context(), k.job.ID, k.job.Version, in)
			k.must(err)
			n := k.change(1, 5, 4, 3)
			run := k.runs(crosswalk.RunSuccess, test.reads)
			if name == "deletes" {
				if run.Counts.Deleted != 0 || k.rows("Company") != 140+n.inserted {
					t.Errorf("%+v", run.Counts)
				}
				return
			}
			if diff := cmp.Diff(keysOf(k.accounts(test.filter)), keysOf(k.stored("Company", "External_ID", "Name"))); diff != "" {
				t.Errorf("%+v (-Dynamics +Crosswalk):\n%s", run.Counts, diff)
			}
			// Then changes alone are read again, from the last place.
			if in.LoadMode = crosswalk.LoadIncremental; k.job.LoadMode == crosswalk.LoadFull {
				k.job, err = k.client.UpdateJob(t.Context(), k.job.ID, k.job.Version, in)
				k.must(err)
			}
			k.change(11, 5, 4, 3)
			if run = k.runs(crosswalk.RunSuccess, "What changed since the last run"); run.Counts.Read > 60 {
				t.Errorf("%+v", run.Counts)
			}
			if diff := cmp.Diff(keysOf(k.accounts(test.filter)), keysOf(k.stored("Company", "External_ID", "Name"))); diff != "" {
				t.Errorf("afterwards %+v (-Dynamics +Crosswalk):\n%s", run.Counts, diff)
			}
		})
	}
}

// open leaves out accounts that are inactive, and makes one so.
func open(k *keeper, in *client.JobInput) {
	in.Filter.Conditions = []crosswalk.Condition{{Attribute: "statecode", Operator: crosswalk.Equal, Values: []string{"0"}}}
	k.write("PATCH", "accounts("+firstKey(k.accounts("statecode eq 0"))+")", `{"statecode":1,"statuscode":2}`)
}

func keysOf[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// A field that holds more now is filled from records that did not change.
func TestChangedObject(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		k := &keeper{world: newWorld(t, sandbox.Config{Accounts: 70, Users: 5, Contacts: -1}, fresh(t))}
		k.conn = k.connect("Contoso")
		d := crosswalk.ObjectDefinition{DisplayName: "Shop", Fields: []crosswalk.FieldDefinition{
			{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 300, Unique: true},
			{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 4},
			{DisplayName: "Other", Type: crosswalk.FieldString, MaxLength: 4},
		}}
		o, err := k.client.InsertObject(t.Context(), d)
		k.must(err)
		in := keeping(k.conn.ID)
		in.Object = o.Name
		in.Mapping.Fields = []crosswalk.FieldMapping{
			{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "name", Target: "Title__gc", OnTooLong: crosswalk.LengthTruncate},
		}
		k.job, err = k.client.InsertJob(t.Context(), in)
		k.must(err)
		k.runs(crosswalk.RunSuccess, "first run")
		change := func(field, length int) {
			t.Helper()
			d.Fields[field].MaxLength = length
			plan, err := k.client.PlanObject(t.Context(), o.Name, d)
			k.must(err)
			_, err = k.client.ChangeObject(t.Context(), o.Name, d, plan.Hash)
			k.must(err)
		}
		change(2, 300) // which the job does not fill
		if run := k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Read != 0 {
			t.Errorf("%+v", run.Counts)
		}
		change(1, 300)
		k.runs(crosswalk.RunSuccess, "its object has changed")
		for key, row := range k.accounts("") {
			if got := k.stored(o.Name, "Key__gc", "Title__gc")[key]; len(got) != 1 || got[0] != row[0] {
				t.Errorf("%s is %v, want %v", key, got, row[0])
			}
		}
		k.runs(crosswalk.RunSuccess, "by change tracking")
	})
}
