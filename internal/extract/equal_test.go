package extract_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestBothWays reads the same job once with related rows sent along and once
// with them read by their keys: the rows are the same, through one to three
// lookups, lookups of several tables, empty ones, ones to rows that are gone,
// and ones to rows that the user may not read.
func TestBothWays(t *testing.T) {
	t.Parallel()
	jobs := []job{
		{"account", []string{
			"accountid", "name", "primarycontactid.fullname", "primarycontactid.emailaddress1|parentaccountid.primarycontactid.emailaddress1|emailaddress1",
			"parentaccountid.name", "parentaccountid.parentaccountid.name", "parentaccountid.parentaccountid.parentaccountid.name",
			"primarycontactid.parentcustomerid(account).name", "primarycontactid.parentcustomerid(account).parentaccountid.accountnumber",
			"ownerid(systemuser).fullname", "ownerid(systemuser).internalemailaddress|ownerid(team).name", "ownerid(team).name",
			"primarycontactid.createdon", "parentaccountid.revenue", "parentaccountid.numberofemployees", "primarycontactid.donotemail", "parentaccountid.industrycode",
			"primarycontactid.birthdate", "transactioncurrencyid.isocurrencycode",
			"label:primarycontactid.parentcustomerid", "table:primarycontactid.parentcustomerid", "label:parentaccountid.industrycode", "label:primarycontactid",
		}, nil},
		{"contact", []string{
			"contactid", "fullname", "parentcustomerid(account).name|parentcustomerid(contact).fullname",
			"parentcustomerid(contact).parentcustomerid(account).primarycontactid.fullname", "parentcustomerid(account).primarycontactid.fullname",
		}, nil},
		{"opportunity", []string{
			"opportunityid", "name", "customerid(contact).fullname|customerid(account).name", "customerid(account).name",
			"customerid(account).primarycontactid.emailaddress1", "customerid(contact).parentcustomerid(account).ownerid(systemuser).fullname",
			"parentaccountid.name", "parentcontactid.fullname", "originatingleadid.fullname", "customerid",
			"label:customerid", "table:customerid", "label:parentcontactid.parentcustomerid|parentaccountid.primarycontactid",
		}, []crosswalk.Condition{{Attribute: "statecode", Operator: crosswalk.Equal, Values: []string{"0"}}}},
		{"incident", []string{
			"incidentid", "title", "customerid(account).name|customerid(contact).fullname", "customerid(account).parentaccountid.parentaccountid.name",
			"ownerid(systemuser).businessunitid.name",
		}, nil},
		{"task", []string{
			"activityid", "subject", "regardingobjectid(account).name|regardingobjectid(contact).fullname|regardingobjectid(opportunity).name",
			"regardingobjectid(contact).parentcustomerid(account).name", "ownerid(systemuser).fullname",
		}, nil},
	}
	tests := []struct {
		name string
		role sandbox.Role
	}{
		{"all rows", sandbox.Role{}},
		{"few contacts and users", sandbox.Role{Tables: map[string]sandbox.Depth{"contact": sandbox.Local, "systemuser": sandbox.Basic}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Seed: 5, Users: 12, Accounts: 400, Contacts: 1500, Opportunities: 500, Incidents: 200, Activities: 400, Awkward: true})
			for _, entity := range []string{"account", "contact", "lead"} {
				if _, err := w.sandbox.DeleteRows(entity, 60, 3); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.sandbox.SetRole("", test.role); err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				if j.entity == "contact" && test.role.Tables != nil {
					continue // without the right to read all of them, their changes are not tracked
				}
				t.Run(j.entity, func(t *testing.T) {
					entity, plan := w.compile(j, false)
					along, infos := read(t, plan, extract.NewPages(w.config(entity, plan, 150)))
					if n := int64(len(infos)); requests(infos) != n {
						t.Errorf("%d requests for %d pages that bring all", requests(infos), n)
					}
					tracked, resolving := w.compile(j, true)
					byKey, _ := read(t, resolving, extract.NewChanges(w.config(tracked, resolving, 150), "", false))
					if diff := cmp.Diff(along, byKey); diff != "" {
						t.Errorf("(-sent along +read by key):\n%s", diff)
					}
					if len(along) < 50 {
						t.Errorf("only %d rows", len(along))
					}
					if j.entity == "opportunity" { // whose customers are gone here and there
						if named, all := filled(along, 2), filled(along, 9); named == 0 || named >= all-5 {
							t.Errorf("%d customers have names, %d are there", named, all)
						}
					}
					for i, path := range j.paths {
						if n := filled(along, i); n == 0 && test.role.Tables == nil {
							t.Errorf("%s is filled in no row", path)
						}
					}
				})
			}
		})
	}
}
