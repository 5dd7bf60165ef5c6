package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// What records read of rows that their lookups lead to is the same whether
// Dynamics sends those rows along or they are read by their keys, as they are
// where changes are tracked: through one to three lookups, lookups of several
// tables with fall-backs, empty ones and ones to rows that are gone.
func TestRelatedBothWays(t *testing.T) {
	t.Parallel()
	jobs := []struct {
		entity string
		paths  []string // the first is the identifier; fall-backs stand behind a |
	}{
		{"opportunity", []string{
			"opportunityid", "name", "customerid(account).name|customerid(contact).fullname", "customerid(contact).parentcustomerid(account).primarycontactid.fullname",
			"customerid(account).parentaccountid.parentaccountid.name", "customerid(account).parentaccountid.numberofemployees", "ownerid(systemuser).fullname|ownerid(team).name",
			"parentcontactid.emailaddress1", "originatingleadid.createdon",
		}},
		{"account", []string{"accountid", "name", "primarycontactid.birthdate", "primarycontactid.parentcustomerid(account).parentaccountid.name", "parentaccountid.revenue", "parentaccountid.creditonhold"}},
		{"contact", []string{"contactid", "parentcustomerid(contact).parentcustomerid(account).name|parentcustomerid(account).name", "ownerid(systemuser).businessunitid.name"}},
	}
	for _, dialect := range databases() {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			cfg := server.Config{PageSize: 150}
			if dialect == database.Postgres {
				cfg.Database = databasetest.DSN(t, dialect)
			}
			w := newWorld(t, sandbox.Config{Seed: 9, Users: 12, Accounts: 300, Contacts: 900, Opportunities: 400, Leads: 50}, cfg)
			conn := w.connect("Contoso")
			for _, entity := range []string{"account", "contact", "lead"} {
				_, err := w.sandbox.DeleteRows(entity, 40, 11)
				w.must(err)
			}
			for _, j := range jobs {
				d := crosswalk.ObjectDefinition{}
				var fields []crosswalk.FieldMapping
				var names []string
				for i, path := range j.paths {
					name := fmt.Sprintf("F%d", i)
					all := strings.Split(path, "|")
					d.Fields = append(d.Fields, crosswalk.FieldDefinition{DisplayName: name, Type: crosswalk.FieldString, MaxLength: 500})
					fields = append(fields, crosswalk.FieldMapping{Source: all[0], Fallback: all[1:], Target: name + "__gc", Identifier: i == 0})
					names = append(names, name+"__gc")
				}
				stored := map[crosswalk.LoadMode][][]string{}
				for _, mode := range []crosswalk.LoadMode{crosswalk.LoadFull, crosswalk.LoadIncremental} {
					d.DisplayName = j.entity + " " + string(mode)
					o, err := w.client.InsertObject(t.Context(), d)
					w.must(err)
					job, err := w.client.InsertJob(t.Context(), client.JobInput{
						Name: d.DisplayName, ConnectionID: conn.ID, Entity: j.entity, Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: mode,
						Mapping: crosswalk.Mapping{Fields: fields},
					})
					w.must(err)
					w.sandbox.ForgetRequests()
					run := w.run(job)
					if n := int64(w.sandbox.Count(j.entity)); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != n {
						t.Errorf("%s of %d: %s %q %+v", d.DisplayName, n, run.Status, run.Message, run.Counts)
					}
					expands := false
					for _, r := range w.sandbox.Requests(sandbox.RequestFilter{Path: "$expand="}) {
						expands = expands || !strings.Contains(r.URL, "/EntityDefinitions")
					}
					if expands != (mode == crosswalk.LoadFull) {
						t.Errorf("%s: rows were sent along: %v", d.DisplayName, expands)
					}
					stored[mode] = csvOf(w, o.Name, names)
				}
				if diff := cmp.Diff(stored[crosswalk.LoadFull], stored[crosswalk.LoadIncremental]); diff != "" {
					t.Errorf("%s (-sent along +read by key):\n%s", j.entity, diff)
				}
				for i, path := range j.paths {
					n := 0
					for _, row := range stored[crosswalk.LoadFull][1:] {
						if row[i] != "" {
							n++
						}
					}
					if n == 0 {
						t.Errorf("%s of %s is filled in no row", path, j.entity)
					}
				}
			}
		})
	}
}

// A column of a related table that is removed while a run reads costs that
// column alone, as one of the table itself does.
func TestRelatedColumnRemoved(t *testing.T) {
	t.Parallel()
	for mode, struck := range map[crosswalk.LoadMode]string{crosswalk.LoadFull: "/contacts?", crosswalk.LoadIncremental: "/accounts?"} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 3, Accounts: 100, Contacts: 300}, server.Config{PageSize: 100})
			conn := w.connect("Contoso")
			o, err := w.client.InsertObject(t.Context(), crosswalk.ObjectDefinition{DisplayName: "Buyer", Fields: []crosswalk.FieldDefinition{
				{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100},
				{DisplayName: "Name", Type: crosswalk.FieldString, MaxLength: 200},
				{DisplayName: "City", Type: crosswalk.FieldString, MaxLength: 200},
				{DisplayName: "Account", Type: crosswalk.FieldString, MaxLength: 200},
			}})
			w.must(err)
			job, err := w.client.InsertJob(t.Context(), client.JobInput{
				Name: "Buyers", ConnectionID: conn.ID, Entity: "contact", Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: mode,
				Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
					{Source: "contactid", Target: "Key__gc", Identifier: true},
					{Source: "fullname", Target: "Name__gc"},
					{Source: "parentcustomerid(account).address1_city", Target: "City__gc"},
					{Source: "parentcustomerid(account).name", Target: "Account__gc"},
				}},
			})
			w.must(err)
			if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 300 || run.Warnings != nil {
				t.Fatalf("before: %s %q %+v %q", run.Status, run.Message, run.Counts, run.Warnings)
			}
			fields := []string{"Key__gc", "Name__gc", "City__gc", "Account__gc"}
			before := csvOf(w, o.Name, fields)
			_, err = w.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultRemoveColumn, Path: struck, Table: "account", Column: "address1_city", After: 1})
			w.must(err)
			run, err := w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{Kind: crosswalk.ScopeEverything})
			w.must(err)
			run = w.wait(run)
			if run.Status != crosswalk.RunSuccess || len(run.Warnings) != 1 || !strings.Contains(run.Warnings[0], "City") {
				t.Errorf("%s %q, %+v, %q", run.Status, run.Message, run.Counts, run.Warnings)
			}
			if f := w.sandbox.Faults(); len(f) != 1 || f[0].Struck == 0 {
				t.Errorf("the fault did not strike: %+v", f)
			}
			if diff := cmp.Diff(before, csvOf(w, o.Name, fields)); diff != "" {
				t.Errorf("(-before +after):\n%s", diff)
			}
		})
	}
}
