package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// templates makes the jobs of all templates, and the objects they need.
func (w *world) templates(connectionID string) map[string]crosswalk.Job {
	w.t.Helper()
	list, err := w.client.Templates(w.t.Context(), connectionID)
	w.must(err)
	jobs := map[string]crosswalk.Job{}
	for _, t := range list {
		for _, o := range t.Objects {
			_, err := w.client.InsertObject(w.t.Context(), o)
			w.must(err)
		}
		job, err := w.client.InsertJob(w.t.Context(), t.Job)
		w.must(err)
		jobs[t.Name] = job
	}
	return jobs
}

// text returns a value of a record as the Web API shows it, "" for null.
func text(record map[string]any, name string) string {
	if record[name] == nil {
		return ""
	}
	return fmt.Sprint(record[name])
}

// reach returns the value of a field of the row that a lookup of a row leads
// to, by the lookup's GSID; nil where it leads nowhere.
func reach(rows map[string]client.Row, gsid any, field string) any {
	for _, r := range rows {
		if gsid != nil && r["GSID"] == gsid {
			return r[field]
		}
	}
	return nil
}

// The chain of the templates: users, companies, their persons, opportunities
// and cases, with every lookup filled as the records of Dynamics say.
func TestChain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		cfg.PageSize = 60
		w := newWorld(t, sandbox.Config{Seed: 3, Users: 20, Accounts: 200, Contacts: 260, Opportunities: 120, Incidents: 90}, cfg)
		conn := w.connect("Contoso")
		jobs := w.templates(conn.ID)
		list := []crosswalk.Job{
			w.job("User Sync_Contoso"), jobs[crosswalk.TemplateCompanySync], jobs[crosswalk.TemplateCompanyPersonSync],
			jobs[crosswalk.TemplateOpportunitySync], jobs[crosswalk.TemplateCaseSync],
		}
		for _, j := range list {
			if run := w.run(j); run.Status != crosswalk.RunSuccess || run.Counts.Inserted == 0 || run.Counts.Rejected != 0 {
				t.Fatalf("%s: %s %q %+v", j.Name, run.Status, run.Message, run.Counts)
			}
		}
		users, companies := w.rowsBy("User", "External_ID"), w.rowsBy("Company", "External_ID")
		persons, people := w.rowsBy("Person", "Email"), w.rowsBy("Company_Person", "External_ID")

		r := w.records()
		accounts, contacts := r.all("accounts", "accountid"), r.all("contacts", "contactid")
		filled := map[string]int{}
		check := func(what string, got, want any) {
			t.Helper()
			if s, ok := want.(string); ok && s == "" {
				want = nil
			}
			if want != nil {
				filled[what]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		if len(companies) != len(accounts) {
			t.Errorf("%d companies of %d accounts", len(companies), len(accounts))
		}
		// known is a key of a user, nothing when there is no such row: it is a
		// team's, or an application's.
		known := func(id string) string {
			if users[id] == nil {
				return ""
			}
			return id
		}
		for id, u := range r.all("systemusers", "systemuserid") {
			if users[id] != nil {
				check("manager", reach(users, users[id]["Manager"], "External_ID"), known(text(u, "_parentsystemuserid_value")))
			}
		}
		for id, a := range accounts {
			check("CSM", reach(users, companies[id]["CSM"], "External_ID"), known(text(a, "_ownerid_value")))
			check("parent company", reach(companies, companies[id]["Parent_Company"], "External_ID"), text(a, "_parentaccountid_value"))
		}
		expected := 0
		for id, c := range contacts {
			company := text(c, "_parentcustomerid_value")
			if text(c, "emailaddress1") == "" || accounts[company] == nil {
				check("left out", people[id], client.Row(nil))
				continue
			}
			expected++
			check("company of a person", reach(companies, people[id]["Company"], "External_ID"), company)
			check("person", reach(persons, people[id]["Person"], "Email"), strings.ToLower(text(c, "emailaddress1")))
			check("name of a person", people[id]["Name"], text(c, "fullname"))
		}
		if len(people) != expected || len(persons) > expected {
			t.Errorf("%d company persons and %d persons of %d contacts", len(people), len(persons), expected)
		}
		for _, c := range []struct{ set, key, object, name string }{
			{"opportunities", "opportunityid", "Opportunity__gc", "name"}, {"incidents", "incidentid", "Case__gc", "title"},
		} {
			rows, records := w.rowsBy(c.object, "External_ID__gc"), r.all(c.set, c.key)
			if len(rows) != len(records) {
				t.Errorf("%d rows of %d %s", len(rows), len(records), c.set)
			}
			for id, o := range records {
				customer := text(o, "_customerid_value")
				name, company := text(accounts[customer], "name"), customer
				if accounts[customer] == nil {
					name, company = text(contacts[customer], "fullname"), text(contacts[customer], "_parentcustomerid_value")
				}
				if accounts[company] == nil {
					company = ""
				}
				kind := c.set + " of an account"
				if accounts[customer] == nil {
					kind = c.set + " of a contact"
				}
				check("name of the customer, "+kind, rows[id]["Customer_Name__gc"], name)
				check("company, "+kind, reach(companies, rows[id]["Company__gc"], "External_ID"), company)
				check("owner of "+c.set, reach(users, rows[id]["Owner__gc"], "External_ID"), known(text(o, "_ownerid_value")))
			}
		}
		for _, what := range []string{
			"manager", "CSM", "parent company", "company of a person", "person", "name of the customer, opportunities of an account",
			"name of the customer, opportunities of a contact", "company, opportunities of an account", "owner of incidents",
		} {
			if filled[what] == 0 {
				t.Errorf("%s: no row has one", what)
			}
		}
		for _, j := range list {
			if run := w.runOver(j, everything); run.Status != crosswalk.RunSuccess || run.Counts.Unchanged+run.Counts.Skipped != run.Counts.Read {
				t.Errorf("%s again: %s %q %+v", j.Name, run.Status, run.Message, run.Counts)
			}
		}
	})
}

// Rows that come before those their lookups lead to are filled when these
// come: parents in the same run and in a later one, rows of another object in
// a later run of another job.
func TestRowsBeforeTheirParents(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		cfg.PageSize = 2
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		r := w.records()
		// Keys go up, parents go down: each row comes before its parent.
		const n = 9
		for i := n; i > 0; i-- {
			a := map[string]any{"name": fmt.Sprintf("Account %d", i), "telephone1": "first"}
			if i < n {
				a["parentaccountid@odata.bind"] = "/accounts(" + key(i+1) + ")"
			}
			if i > 5 {
				a["telephone1"] = "second"
			}
			r.put("accounts", key(i), a)
		}
		conn := w.connect("Contoso")
		in := client.JobInput{ConnectionID: conn.ID, Entity: "account", Object: "Company", Mapping: crosswalk.Mapping{
			Fields: []crosswalk.FieldMapping{{Source: "accountid", Target: "External_ID", Identifier: true}, {Source: "name", Target: "Name"}},
			Derived: []crosswalk.DerivedMapping{
				{Target: "CSM", Match: []crosswalk.MatchPair{{Source: "ownerid", Field: "External_ID"}}},
				{Target: "Parent_Company", Match: []crosswalk.MatchPair{{Source: "parentaccountid", Field: "External_ID"}}},
			},
		}}
		in.Name, in.Filter.Conditions = "First", []crosswalk.Condition{{Attribute: "telephone1", Operator: crosswalk.Equal, Values: []string{"first"}}}
		first := w.newJob(in)
		in.Name, in.Filter.Conditions = "Second", []crosswalk.Condition{{Attribute: "telephone1", Operator: crosswalk.Equal, Values: []string{"second"}}}
		second := w.newJob(in)

		parents := func() string {
			rows := w.rowsBy("Company", "External_ID")
			var list []string
			for i := range n {
				row := rows[key(i+1)]
				list = append(list, strings.TrimPrefix(fmt.Sprint(reach(rows, row["Parent_Company"], "Name")), "Account "))
			}
			return strings.Join(list, " ")
		}
		csm := func() (n int) {
			for _, row := range w.rowsBy("Company", "External_ID") {
				if row["CSM"] != nil {
					n++
				}
			}
			return n
		}
		for _, step := range []struct {
			job     crosswalk.Job
			parents string
			rows    int64
		}{
			{first, "2 3 4 5 <nil> <nil> <nil> <nil> <nil>", 5},
			{second, "2 3 4 5 6 7 8 9 <nil>", 9},
			{second, "2 3 4 5 6 7 8 9 <nil>", 9},
		} {
			run := w.runOver(step.job, everything)
			if run.Status != crosswalk.RunSuccess || run.Counts.Rejected != 0 || w.rows("Company") != step.rows {
				t.Fatalf("%s: %s %q %+v", step.job.Name, run.Status, run.Message, run.Counts)
			}
			if got := parents(); got != step.parents {
				t.Errorf("after %s the parents are %s, want %s", step.job.Name, got, step.parents)
			}
		}
		if got := csm(); got != 0 {
			t.Errorf("%d companies have a CSM before there are users", got)
		}
		// The accounts' owner is the application that wrote them, which User Sync
		// leaves out: a job of its own brings it.
		users := w.newJob(client.JobInput{ConnectionID: conn.ID, Entity: "systemuser", Object: "User", Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "systemuserid", Target: "External_ID", Identifier: true}, {Source: "fullname", Target: "Name"},
		}}})
		if run := w.run(users); run.Status != crosswalk.RunSuccess {
			t.Fatalf("users: %s %q", run.Status, run.Message)
		}
		if got := csm(); got != n {
			t.Errorf("%d of %d companies have their CSM when the users have come", got, n)
		}
		for _, j := range []crosswalk.Job{first, second} {
			if run := w.runOver(j, everything); run.Counts.Updated != 0 || run.Counts.Inserted != 0 {
				t.Errorf("%s writes what was filled again: %+v", j.Name, run.Counts)
			}
		}
		// A parent that changes and one that goes away.
		r.put("accounts", key(1), map[string]any{"parentaccountid@odata.bind": "/accounts(" + key(9) + ")"})
		r.put("accounts", key(2), map[string]any{"parentaccountid@odata.bind": nil})
		if run := w.run(first); run.Counts.Updated != 2 {
			t.Errorf("two parents changed: %+v", run.Counts)
		}
		if got, want := parents(), "9 <nil> 4 5 6 7 8 9 <nil>"; got != want {
			t.Errorf("then the parents are %s, want %s", got, want)
		}
	})
}

// Of several records that are one row the one modified last counts, in
// whatever order and on whatever page they come.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		cfg.PageSize = 3
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		r := w.records()
		said := map[string]wire{}
		latest := map[string]int{}
		for i := range 30 {
			city, hour := fmt.Sprintf("City %d", i%4), (i*7)%30
			r.put("accounts", key(i), map[string]any{"name": fmt.Sprintf("At %02d", hour), "address1_city": city})
			said[key(i)] = wire{"modifiedon": fmt.Sprintf(`"2026-01-%02dT12:00:00Z"`, hour+1)}
			latest[city] = max(latest[city], hour)
		}
		w.pretend("accountid", said)
		conn := w.connect("Contoso")
		job := w.newJob(client.JobInput{ConnectionID: conn.ID, Entity: "account", Object: "Company", Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "address1_city", Target: "City", Identifier: true}, {Source: "name", Target: "Name"},
		}}})
		for _, scope := range []crosswalk.Scope{{}, everything} {
			run := w.runOver(job, scope)
			c := run.Counts
			if run.Status != crosswalk.RunSuccess || w.rows("Company") != 4 || c.Inserted+c.Updated+c.Unchanged+c.Duplicates+c.Skipped != c.Read || c.Duplicates < 20 {
				t.Errorf("%s %q %+v, %d rows", run.Status, run.Message, c, w.rows("Company"))
			}
			for city, row := range w.rowsBy("Company", "City") {
				if want := fmt.Sprintf("At %02d", latest[city]); row["Name"] != want {
					t.Errorf("%s is %v, want %s", city, row["Name"], want)
				}
			}
		}
	})
}

// Insert makes rows and leaves those there are, Update the other way round.
func TestOperations(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		r := w.records()
		put := func(i int, name string) { r.put("accounts", key(i), map[string]any{"name": name}) }
		put(1, "a")
		put(2, "b")
		conn := w.connect("Contoso")
		of := func(op crosswalk.Operation) crosswalk.Job {
			return w.newJob(client.JobInput{Name: string(op), ConnectionID: conn.ID, Entity: "account", Object: "Company", Operation: op, Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
				{Source: "accountid", Target: "External_ID", Identifier: true}, {Source: "name", Target: "Name"},
			}}})
		}
		update, insert, upsert := of(crosswalk.OperationUpdate), of(crosswalk.OperationInsert), of(crosswalk.OperationUpsert)
		for i, step := range []struct {
			job    crosswalk.Job
			before func()
			want   crosswalk.Counts
			names  string
		}{
			{update, func() {}, crosswalk.Counts{Read: 2, Skipped: 2}, ""},
			{insert, func() {}, crosswalk.Counts{Read: 2, Inserted: 2}, "a b"},
			{insert, func() { put(1, "A"); put(3, "c") }, crosswalk.Counts{Read: 3, Inserted: 1, Skipped: 2}, "a b c"},
			{update, func() { put(4, "d") }, crosswalk.Counts{Read: 4, Updated: 1, Unchanged: 2, Skipped: 1}, "A b c"},
			{upsert, func() {}, crosswalk.Counts{Read: 4, Inserted: 1, Unchanged: 3}, "A b c d"},
		} {
			step.before()
			run := w.runOver(step.job, everything)
			if diff := cmp.Diff(step.want, run.Counts, volatile); diff != "" || run.Status != crosswalk.RunSuccess {
				t.Errorf("%d, %s: %s %q (-want +got):\n%s", i, step.job.Name, run.Status, run.Message, diff)
			}
			var names []string
			for _, row := range w.rowsBy("Company", "External_ID") {
				names = append(names, row["Name"].(string))
			}
			slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
			if got := strings.Join(names, " "); got != step.names {
				t.Errorf("%d, %s: the names are %q, want %q", i, step.job.Name, got, step.names)
			}
		}
	})
}

// A run adds to a dropdown the options that its records have and the field
// does not, once; then they are options like all others.
func TestNewOptions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		w.must(w.sandbox.AddColumn("account", sandbox.Column{Name: "new_size", Type: "PicklistType", Options: []string{"Small", "Large"}}))
		w.must(w.sandbox.AddColumn("account", sandbox.Column{Name: "new_tags", Type: "MultiSelectPicklistType", Options: []string{"Red", "Blue"}}))
		r := w.records()
		for i := range 4 {
			r.put("accounts", key(i), map[string]any{"name": "a", "new_size": 100_000_000 + i%2, "new_tags": "100000000,100000001"})
		}
		o := w.object(
			"Sized", crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36},
			crosswalk.FieldDefinition{DisplayName: "Size", Type: crosswalk.FieldDropdown, MaxLength: 50, Options: []string{"SMALL"}},
			crosswalk.FieldDefinition{DisplayName: "Tags", Type: crosswalk.FieldMultiSelect, MaxLength: 50},
		)
		conn := w.connect("Contoso")
		job := w.newJob(client.JobInput{ConnectionID: conn.ID, Entity: "account", Object: o.Name, Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "new_size", Target: "Size__gc"}, {Source: "new_tags", Target: "Tags__gc"},
		}}})
		options := func(want ...string) {
			t.Helper()
			now, err := w.client.FindObject(t.Context(), o.Name)
			w.must(err)
			got := append(slices.Clone(now.Field("Size__gc").Options), now.Field("Tags__gc").Options...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		}
		if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 4 {
			t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		options("SMALL", "Large", "Red", "Blue")
		value, err := w.sandbox.AddOption("account", "new_size", "Huge")
		w.must(err)
		r.put("accounts", key(1), map[string]any{"new_size": value})
		w.must(w.client.RefreshMetadata(t.Context(), conn.ID))
		if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Updated != 1 {
			t.Errorf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		options("SMALL", "Large", "Huge", "Red", "Blue")
		rows := w.rowsBy(o.Name, "Key__gc")
		if a, b, c := rows[key(0)]["Size__gc"], rows[key(1)]["Size__gc"], rows[key(1)]["Tags__gc"]; a != "SMALL" || b != "Huge" || c != "Red; Blue" {
			t.Errorf("stored %v, %v and %v", a, b, c)
		}
	})
}

// A field by which the lookups of other jobs find rows can have another name:
// they follow, rows that wait too. It cannot go away.
func TestLookedUpFieldChanges(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		ctx := t.Context()
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: 20, Contacts: 30}, cfg)
		conn := w.connect("Contoso")
		key := crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36}
		firms := w.object("Firm", key, crosswalk.FieldDefinition{DisplayName: "Title", Type: crosswalk.FieldString, MaxLength: 300})
		folk := w.object("Folk", key, crosswalk.FieldDefinition{DisplayName: "Firm", Type: crosswalk.FieldLookup, Lookup: firms.Name})
		people := w.newJob(client.JobInput{Name: "Folk", ConnectionID: conn.ID, Entity: "contact", Object: folk.Name, Mapping: crosswalk.Mapping{
			Fields:  []crosswalk.FieldMapping{{Source: "contactid", Target: "Key__gc", Identifier: true}},
			Derived: []crosswalk.DerivedMapping{{Target: "Firm__gc", Match: []crosswalk.MatchPair{{Source: "parentcustomerid(account).name", Field: "Title__gc"}}}},
		}})
		accounts := w.newJob(client.JobInput{Name: "Firms", ConnectionID: conn.ID, Entity: "account", Object: firms.Name, Mapping: crosswalk.Mapping{
			Fields: []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}, {Source: "name", Target: "Title__gc"}},
		}})
		if run := w.run(people); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 30 {
			t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		next := firms.Definition()
		i := slices.IndexFunc(next.Fields, func(f crosswalk.FieldDefinition) bool { return f.Name == "Title__gc" })
		without := next
		without.Fields = slices.Delete(slices.Clone(next.Fields), i, i+1)
		plan, err := w.client.PlanObject(ctx, firms.Name, without)
		w.must(err)
		if len(plan.Steps) != 1 || plan.Allowed || !strings.Contains(plan.Steps[0].Reason, "Folk") || len(plan.Steps[0].Jobs) != 2 {
			t.Errorf("without the field: %+v", plan)
		}
		_, err = w.client.ChangeObject(ctx, firms.Name, without, plan.Hash)
		problem(t, err, crosswalk.CodeConflict)

		next.Fields[i].Name, next.Fields[i].DisplayName, next.Fields[i].RenamedFrom = "Called__gc", "Called", "Title__gc"
		plan, err = w.client.PlanObject(ctx, firms.Name, next)
		w.must(err)
		if s := plan.Steps[0]; len(s.Jobs) != 2 || !s.Jobs[1].Match || s.Jobs[1].Name != "Folk" || s.Jobs[0].Match || s.Jobs[0].Name != "Firms" {
			t.Errorf("renaming: %+v", plan)
		}
		_, err = w.client.ChangeObject(ctx, firms.Name, next, plan.Hash)
		w.must(err)
		now, err := w.client.FindJob(ctx, people.ID)
		w.must(err)
		if f := now.Mapping.Derived[0].Match[0].Field; f != "Called__gc" {
			t.Errorf("the lookup finds rows by %s", f)
		}
		if run := w.run(accounts); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 20 {
			t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		healed := w.rowsBy(folk.Name, "Key__gc")
		found := 0
		for _, row := range healed {
			if row["Firm__gc"] != nil {
				found++
			}
		}
		if found == 0 {
			t.Error("no row that waited was filled")
		}
		if run := w.runOver(people, everything); run.Status != crosswalk.RunSuccess || run.Counts.Unchanged != run.Counts.Read {
			t.Errorf("again: %s %q %+v", run.Status, run.Message, run.Counts)
		}
	})
}
