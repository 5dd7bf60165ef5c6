package e2e_test

import (
	"fmt"
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

// shop is a row of the object that TestDeletes keeps.
type shop struct {
	Title string
	Open  bool
	Gone  bool // flagged or deactivated
}

// shops returns the rows of an object, by key, and of one of them its GSID and
// whether it is flagged.
func (k *keeper) shops(object, one string) (rows map[string]shop, gsid string) {
	k.t.Helper()
	rows = map[string]shop{}
	for row, err := range k.client.Rows(k.t.Context(), object, client.RowFilter{}) {
		k.must(err)
		var s shop
		s.Title, _ = row["Title__gc"].(string)
		s.Open, _ = row["Open__gc"].(bool)
		if row["Key__gc"] == one {
			gsid = row[crosswalk.GSIDField].(string)
			_, from, err := k.client.FindRow(k.t.Context(), object, gsid)
			k.must(err)
			s.Gone = from.GoneAt != nil
		}
		rows[row["Key__gc"].(string)] = s
	}
	return rows, gsid
}

// What becomes of a row whose record is gone is the job's to say, however that
// was found; when the record is back, so is the row, and no other row is
// touched.
func TestDeletes(t *testing.T) {
	t.Parallel()
	type found struct {
		mode    crosswalk.LoadMode
		tracked bool
		filter  bool // the record leaves the filter, in place of being deleted
	}
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, how := range map[string]found{
			"told": {crosswalk.LoadIncremental, true, false}, "compared": {crosswalk.LoadIncremental, false, false}, "full": {crosswalk.LoadFull, true, false},
			"left": {crosswalk.LoadIncremental, true, true}, "left compared": {crosswalk.LoadIncremental, false, true}, "left full": {crosswalk.LoadFull, true, true},
		} {
			for _, policy := range []crosswalk.DeletePolicy{crosswalk.DeleteIgnore, crosswalk.DeleteFlag, crosswalk.DeleteDeactivate, crosswalk.DeleteRow} {
				t.Run(name+"/"+string(policy), func(t *testing.T) {
					t.Parallel()
					k := &keeper{world: newWorld(t, sandbox.Config{Accounts: 70, Users: 5, Contacts: -1}, fresh(t))}
					k.conn = k.connect("Contoso")
					o, err := k.client.InsertObject(t.Context(), crosswalk.ObjectDefinition{DisplayName: "Shop", Fields: []crosswalk.FieldDefinition{
						{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 300, Unique: true},
						{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 300},
						{DisplayName: "Open", Type: crosswalk.FieldBoolean},
					}})
					k.must(err)
					in := keeping(k.conn.ID)
					in.Object, in.LoadMode, in.Deletes = o.Name, how.mode, crosswalk.Deletes{Policy: policy}
					in.Mapping.Fields = []crosswalk.FieldMapping{
						{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "name", Target: "Title__gc"}, {Constant: "true", Target: "Open__gc"},
					}
					if policy == crosswalk.DeleteDeactivate {
						in.Deletes.Field = "Open__gc"
					}
					if how.filter {
						in.Filter.Conditions = []crosswalk.Condition{{Attribute: "address1_city", Operator: crosswalk.NotEqual, Values: []string{"Gone"}}}
					}
					k.job, err = k.client.InsertJob(t.Context(), in)
					k.must(err)
					k.must(k.sandbox.SetTracked("account", how.tracked))
					// Rows of another job of the same records, and of another
					// connection and table.
					in.Name, in.Filter, in.Deletes = "By name", crosswalk.Filter{}, crosswalk.Deletes{}
					in.Mapping.Fields = []crosswalk.FieldMapping{{Source: "name", Target: "Key__gc", Identifier: true}, {Constant: "by name", Target: "Title__gc"}}
					byName, err := k.client.InsertJob(t.Context(), in)
					k.must(err)
					in.Name, in.Entity, in.ConnectionID = "Users", "systemuser", k.connect("Fabrikam").ID
					in.Mapping.Fields = []crosswalk.FieldMapping{{Source: "systemuserid", Target: "Key__gc", Identifier: true}, {Source: "fullname", Target: "Title__gc"}}
					users, err := k.client.InsertJob(t.Context(), in)
					k.must(err)
					for _, job := range []crosswalk.Job{k.job, byName, users} {
						if run := k.run(job); run.Status != crosswalk.RunSuccess {
							t.Fatalf("%s: %s %s", job.Name, run.Status, run.Message)
						}
					}
					one := firstKey(k.accounts(""))
					before, gsid := k.shops(o.Name, one)
					title := before[one].Title
					if title == "" {
						t.Fatalf("no row of %s", one)
					}

					const passing = "0badcafe-34cb-ed11-b596-0022481d68cd"
					k.write("POST", "accounts", fmt.Sprintf(`{"accountid":%q,"name":"Passing"}`, passing))
					k.write("DELETE", "accounts("+passing+")", "")
					leave := func() {
						if how.filter {
							k.write("PATCH", "accounts("+one+")", `{"address1_city":"Gone"}`)
						} else {
							k.write("DELETE", "accounts("+one+")", "")
						}
					}
					come := func(name string) {
						if how.filter {
							k.write("PATCH", "accounts("+one+")", fmt.Sprintf(`{"address1_city":"Here","name":%q}`, name))
						} else {
							k.write("POST", "accounts", fmt.Sprintf(`{"accountid":%q,"name":%q}`, one, name))
						}
					}
					is := func(when string, present bool, want shop, deleted int64) {
						t.Helper()
						run := k.runs(crosswalk.RunSuccess, "")
						if run.Counts.Deleted != deleted {
							t.Errorf("%s: %d deleted, want %d: %+v", when, run.Counts.Deleted, deleted, run.Counts)
						}
						if before[one] = want; !present {
							delete(before, one)
						}
						after, _ := k.shops(o.Name, one)
						if diff := cmp.Diff(before, after); diff != "" {
							t.Errorf("%s (-want +got):\n%s", when, diff)
						}
					}
					want, n := map[crosswalk.DeletePolicy]shop{
						crosswalk.DeleteIgnore: {title, true, false}, crosswalk.DeleteFlag: {title, true, true}, crosswalk.DeleteDeactivate: {title, false, true},
					}[policy], int64(1)
					if policy == crosswalk.DeleteIgnore {
						n = 0
					}
					leave()
					is("gone", policy != crosswalk.DeleteRow, want, n)
					is("still gone", policy != crosswalk.DeleteRow, want, 0)
					come("Back")
					is("back", true, shop{"Back", true, false}, 0)
					if _, again := k.shops(o.Name, one); (again == gsid) == (policy == crosswalk.DeleteRow) {
						t.Errorf("GSID %s, before %s", again, gsid)
					}
					leave()
					come("Back again")
					is("gone and back between two runs", true, shop{"Back again", true, false}, 0)
				})
			}
		}
	})
}

// A flag that the job does not fill is as it was when the record is back.
func TestDeactivatedRowIsRestored(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		k := &keeper{world: newWorld(t, sandbox.Config{Accounts: 20, Users: 5, Contacts: -1}, cfg)}
		k.conn = k.connect("Contoso")
		o := k.object("Shop", crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36},
			crosswalk.FieldDefinition{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 300},
			crosswalk.FieldDefinition{DisplayName: "Open", Type: crosswalk.FieldBoolean, Default: "true"})
		in := keeping(k.conn.ID)
		in.Object, in.Deletes = o.Name, crosswalk.Deletes{Policy: crosswalk.DeleteDeactivate, Field: "Open__gc"}
		in.Mapping.Fields = []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "name", Target: "Title__gc"}}
		k.job = k.newJob(in)
		k.runs(crosswalk.RunSuccess, "")
		one := firstKey(k.accounts(""))
		is := func(when string, open bool, gone int64) {
			t.Helper()
			k.runs(crosswalk.RunSuccess, "")
			if rows, _ := k.shops(o.Name, one); rows[one].Open != open || rows[one].Gone == open {
				t.Errorf("%s: %+v", when, rows[one])
			}
			for _, want := range []bool{true, false} {
				n := 20 - gone
				if want {
					n = gone
				}
				page, err := k.client.ListRows(t.Context(), o.Name, client.RowFilter{Gone: &want, Paging: client.Paging{Limit: 200}})
				if k.must(err); page.Total != n {
					t.Errorf("%s: %d rows, gone %t", when, page.Total, want)
				}
				for _, row := range page.Items {
					if (row["gone_at"] != nil) != want {
						t.Errorf("%s: gone at %v, want %t", when, row["gone_at"], want)
					}
				}
			}
		}
		is("at first", true, 0)
		k.write("DELETE", "accounts("+one+")", "")
		is("gone", false, 1)
		k.write("POST", "accounts", fmt.Sprintf(`{"accountid":%q,"name":"Back"}`, one))
		is("back", true, 0)
	})
}

// Rows that point to a row that goes away point to nothing, and to the new one
// when its record is back, although theirs are not read again.
func TestLookupsOfDeletedRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		k := &keeper{world: newWorld(t, sandbox.Config{Accounts: 40, Users: 5, Contacts: 120}, cfg)}
		k.conn = k.connect("Contoso")
		in := keeping(k.conn.ID)
		in.Filter.Conditions = []crosswalk.Condition{{Attribute: "address1_city", Operator: crosswalk.NotEqual, Values: []string{"Gone"}}}
		k.job = k.newJob(in)
		folk := k.object("Folk", crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36},
			crosswalk.FieldDefinition{DisplayName: "Firm", Type: crosswalk.FieldLookup, Lookup: "Company"})
		people := k.newJob(client.JobInput{
			Name: "Folk", ConnectionID: k.conn.ID, Entity: "contact", Object: folk.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental,
			Mapping: crosswalk.Mapping{
				Fields:  []crosswalk.FieldMapping{{Source: "contactid", Target: "Key__gc", Identifier: true}},
				Derived: []crosswalk.DerivedMapping{{Target: "Firm__gc", Match: []crosswalk.MatchPair{{Source: "parentcustomerid", Field: "External_ID"}}}},
			},
		})
		k.runs(crosswalk.RunSuccess, "")
		k.ended(k.run(people), crosswalk.RunSuccess, "")
		// firms returns the company of each person, "gone" for a GSID that no
		// row has.
		firms := func() map[string]string {
			companies, all := k.rowsBy("Company", "External_ID"), map[string]string{}
			for key, row := range k.rowsBy(folk.Name, "Key__gc") {
				if all[key], _ = reach(companies, row["Firm__gc"], "External_ID").(string); all[key] == "" && row["Firm__gc"] != nil {
					all[key] = "gone"
				}
			}
			return all
		}
		before, without := firms(), map[string]string{}
		one, n := "", 0
		for key, firm := range before {
			if without[key] = firm; one == "" && firm != "" {
				one = firm
			}
		}
		for key, firm := range before {
			if firm == one {
				without[key] = ""
				n++
			}
		}
		if n == 0 {
			t.Fatal("nobody has a company")
		}
		check := func(when string, want map[string]string, by string) {
			t.Helper()
			if diff := cmp.Diff(want, firms()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
			for key, row := range k.rowsBy(folk.Name, "Key__gc") {
				if before[key] == one && row["Modified_By"] != by {
					t.Errorf("%s: %s was modified by %v, want %s", when, key, row["Modified_By"], by)
				}
			}
		}
		k.write("PATCH", "accounts("+one+")", `{"address1_city":"Gone"}`)
		if run := k.runs(crosswalk.RunSuccess, ""); run.Counts.Deleted != 1 || run.Step != nil {
			t.Errorf("%+v %+v", run.Counts, run.Step)
		}
		check("gone", without, "Keep companies")
		k.ended(k.runOver(people, everything), crosswalk.RunSuccess, "")
		check("read again", without, "Keep companies")
		k.write("PATCH", "accounts("+one+")", `{"address1_city":"Here"}`)
		if run := k.runs(crosswalk.RunSuccess, ""); run.Counts.Inserted != 1 {
			t.Errorf("%+v", run.Counts)
		}
		check("back", before, "Keep companies")
	})
}

func firstKey[V any](m map[string]V) string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return slices.Min(keys)
}

// A run that would touch many rows is held with none touched, and the job waits
// until somebody decides.
func TestHeldRun(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for _, decided := range []string{"release", "discard", "cancel", "restart and release"} {
			t.Run(decided, func(t *testing.T) {
				t.Parallel()
				cfg := fresh(t)
				k := newKeeper(t, cfg, 120, nil)
				k.runs(crosswalk.RunSuccess, "")
				before, rows := k.position(), k.stored("Company", "External_ID", "Name", "City")
				n := k.change(1, 0, 60, 10)
				held := k.runs(crosswalk.RunHeld, "by change tracking")
				if !strings.Contains(held.Message, fmt.Sprintf("%d of %d rows would be deleted", n.deleted, 120+n.inserted)) || !strings.Contains(held.Hint, "release the run") {
					t.Errorf("%q (%q)", held.Message, held.Hint)
				}
				now := k.stored("Company", "External_ID", "Name", "City")
				for key, row := range rows {
					if !cmp.Equal(row, now[key]) {
						t.Errorf("%s is %v, was %v", key, now[key], row)
					}
				}
				if diff := cmp.Diff(before, k.position()); diff != "" {
					t.Errorf("the position moved (-before +after):\n%s", diff)
				}
				waits, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
				k.must(err)
				_, err = k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
				problem(t, err, crosswalk.CodeConflict)
				if want := fmt.Sprintf("Run %d of %s is held", held.Number, k.job.Name); !strings.Contains(err.Error(), want) {
					t.Errorf("a third run: %v, want %q", err, want)
				}
				waits = k.wait(waits)
				if waits.Status != crosswalk.RunQueued || waits.WaitsFor != held.Number || waits.Message != fmt.Sprintf("Waits for run %d, which is held.", held.Number) || waits.Hint == "" {
					t.Errorf("the run behind: %+v", waits)
				}
				_, err = k.client.DecideRun(t.Context(), waits.ID, crosswalk.Release)
				problem(t, err, crosswalk.CodeConflict)
				if decided == "restart and release" {
					k.stop()
					k.start(cfg)
				}
				time.Sleep(1500 * time.Millisecond) // longer than a waiting run waits to look again
				for id, want := range map[string]crosswalk.RunStatus{held.ID: crosswalk.RunHeld, waits.ID: crosswalk.RunQueued} {
					if run, err := k.client.FindRun(t.Context(), id); err != nil || run.Status != want {
						t.Errorf("run %d is %s, want %s (%v)", run.Number, run.Status, want, err)
					}
				}
				status, deleted := crosswalk.RunSuccess, n.deleted
				switch decided {
				case "cancel":
					held, err = k.client.CancelRun(t.Context(), held.ID)
					status, deleted = crosswalk.RunCancelled, 0
				case "discard":
					held, err = k.client.DecideRun(t.Context(), held.ID, crosswalk.Discard)
					deleted = 0
				default:
					held, err = k.client.DecideRun(t.Context(), held.ID, crosswalk.Release)
				}
				k.must(err)
				held = k.wait(held)
				// It ended where it was held, or came to its end.
				if at := held.Step; (at != nil) != (decided == "cancel") || at != nil && at.Name != crosswalk.StepDelete {
					t.Errorf("ended at %+v", at)
				}
				switch d := held.Decision; {
				case decided == "cancel":
					if d != nil {
						t.Errorf("decided: %+v", d)
					}
				case d == nil || !strings.HasSuffix(decided, string(d.Decision)) || !strings.HasPrefix(d.By, "Command line") || d.At.IsZero() || !strings.Contains(d.HeldFor, "rows would be deleted"):
					t.Errorf("decided: %+v", d)
				}
				if d := held.EndedAt.Sub(*held.StartedAt) - held.Worked(time.Now()); d < 1500*time.Millisecond {
					t.Errorf("it was held for %s", d)
				}
				if decided == "cancel" && (held.Hint != "" || !strings.Contains(held.Message, "cancelled while it was held")) {
					t.Errorf("the cancelled run says %q (%q)", held.Message, held.Hint)
				}
				if held.Status != status || held.Counts.Deleted != deleted || held.Counts.Inserted != n.inserted {
					t.Errorf("the held run: %s %q %+v", held.Status, held.Message, held.Counts)
				}
				waits = k.wait(waits)
				switch decided {
				case "cancel": // nobody decided: it is told again, and held again
					if waits.Status != crosswalk.RunHeld {
						t.Errorf("the next run is %s", waits.Status)
					}
				case "discard":
					if got := k.rows("Company"); waits.Status != crosswalk.RunSuccess || got != 120+n.inserted {
						t.Errorf("the next run is %s, %d rows", waits.Status, got)
					}
					// Looking at everything finds them again.
					k.ended(k.runOver(k.job, crosswalk.Scope{Kind: crosswalk.ScopeEverything}), crosswalk.RunHeld, "as asked")
				default:
					if waits.Status != crosswalk.RunSuccess || waits.Counts.Deleted != 0 {
						t.Errorf("the next run: %s %+v", waits.Status, waits.Counts)
					}
					k.equal("released", "")
				}
				_, err = k.client.DecideRun(t.Context(), held.ID, crosswalk.Release)
				problem(t, err, crosswalk.CodeConflict)
			})
		}
	})
}

// The guard is a percentage; that all rows go is never taken for granted.
func TestGuard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		guard  int
		gone   int
		status crosswalk.RunStatus
	}{
		"below the usual": {0, 18, crosswalk.RunSuccess},
		"above the usual": {0, 60, crosswalk.RunHeld},
		"below a higher":  {80, 60, crosswalk.RunSuccess},
		"above a lower":   {1, 5, crosswalk.RunHeld},
		"most":            {100, 95, crosswalk.RunSuccess},
		"all":             {100, 100, crosswalk.RunHeld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, server.Config{PageSize: 50}, 100, func(in *client.JobInput) { in.Deletes.Guard = test.guard })
			k.runs(crosswalk.RunSuccess, "")
			for key := range k.accounts("") {
				if test.gone > 0 {
					k.write("DELETE", "accounts("+key+")", "")
					test.gone--
				}
			}
			k.runs(test.status, "")
		})
	}
}

// Lost rights look like deletions: the run is held, and when the rights are
// back nothing has happened.
func TestLostRights(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.LoadMode{crosswalk.LoadIncremental, crosswalk.LoadFull} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				k := newKeeper(t, fresh(t), 200, func(in *client.JobInput) { in.LoadMode = mode })
				k.runs(crosswalk.RunSuccess, "")
				k.equal("before", "")
				user := k.conn.Authorization.UserName
				k.must(k.sandbox.SetRole(user, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Basic}}))
				held := k.runs(crosswalk.RunHeld, "")
				if !strings.Contains(held.Message, "no longer shown to the connection's user") || !strings.Contains(held.Hint, "rights") {
					t.Errorf("%q (%q)", held.Message, held.Hint)
				}
				k.equal("held", "")
				_, err := k.client.CancelRun(t.Context(), held.ID)
				k.must(err)
				k.must(k.sandbox.SetRole(user, sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.None}}))
				if run := k.run(k.job); run.Status != crosswalk.RunFailed || !strings.Contains(run.Hint, "role") {
					t.Errorf("without any right: %s %q (%q)", run.Status, run.Message, run.Hint)
				}
				k.equal("refused", "")
				k.must(k.sandbox.SetRole(user, sandbox.Role{}))
				if run := k.runs(crosswalk.RunSuccess, ""); run.Counts.Deleted != 0 {
					t.Errorf("%+v", run.Counts)
				}
				k.equal("after", "")
			})
		})
	}
}
