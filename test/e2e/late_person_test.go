package e2e_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// TestLatePersons fills lookups to persons that came later than the rows that
// look them up: the run that makes persons fills them, too.
func TestLatePersons(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: 40, Contacts: 60}, cfg)
		conn := w.connect("Contoso")
		o := w.object("Visit", crosswalk.FieldDefinition{DisplayName: "External ID", Type: crosswalk.FieldString},
			crosswalk.FieldDefinition{DisplayName: "Person", Type: crosswalk.FieldLookup, Lookup: "Person"})
		visits := w.newJob(client.JobInput{
			Name: "Visits", ConnectionID: conn.ID, Entity: "contact", Object: o.Name,
			Mapping: crosswalk.Mapping{
				Fields: []crosswalk.FieldMapping{{Source: "contactid", Target: "External_ID__gc", Identifier: true}},
				Derived: []crosswalk.DerivedMapping{
					{Target: "Person__gc", Match: []crosswalk.MatchPair{{Source: "emailaddress1", Field: "Email"}}},
				},
			},
		})
		jobs := w.templates(conn.ID)
		for _, j := range []crosswalk.Job{visits, jobs[crosswalk.TemplateCompanySync]} {
			if run := w.run(j); run.Status != crosswalk.RunSuccess {
				t.Fatalf("%s: %s %s", j.Name, run.Status, run.Message)
			}
		}
		filled := func() (n int) {
			for _, row := range w.rowsBy(o.Name, "External_ID__gc") {
				if row["Person__gc"] != nil {
					n++
				}
			}
			return n
		}
		if n := filled(); n != 0 {
			t.Errorf("%d persons found before there are any", n)
		}
		if run := w.run(jobs[crosswalk.TemplateCompanyPersonSync]); run.Status != crosswalk.RunSuccess {
			t.Fatalf("%s %s", run.Status, run.Message)
		}
		people := int(w.rows("Company_Person"))
		if n := filled(); n < people || people == 0 {
			t.Errorf("%d visits found their person of %d company persons", n, people)
		}
	})
}
