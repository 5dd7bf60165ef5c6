package e2e_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/access"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// as returns a client whose token has a role.
func (w *world) as(role crosswalk.Role) *client.Client {
	w.t.Helper()
	db, err := database.Open(w.t.Context(), w.dsn, nil)
	w.must(err)
	token, hash := access.NewToken()
	w.must(store.New(db).ReplaceAPIToken(w.t.Context(), hash, "test of "+string(role), role))
	w.must(db.Close())
	return client.New(w.url, token)
}

// industries is a job whose dropdown takes no option that it does not know
// and whose names are short.
func industries(w *world, connectionID string) (crosswalk.Object, client.JobInput) {
	w.t.Helper()
	o, err := w.client.InsertObject(w.t.Context(), crosswalk.ObjectDefinition{DisplayName: "Prospect", Fields: []crosswalk.FieldDefinition{
		{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100},
		{DisplayName: "Name", Type: crosswalk.FieldString, MaxLength: 200},
		{DisplayName: "Industry", Type: crosswalk.FieldDropdown, MaxLength: 200},
		{DisplayName: "Half", Type: crosswalk.FieldCurrency, Decimals: 2},
	}})
	w.must(err)
	return o.Object, client.JobInput{
		Name: "Prospects", ConnectionID: connectionID, Entity: "account", Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "Key__gc", Identifier: true},
			{Source: "name", Target: "Name__gc"},
			{Source: "industrycode", Label: true, Target: "Industry__gc", OnUnknown: crosswalk.OptionReject},
			{Formula: "round(revenue / 2, 2)", Target: "Half__gc"},
		}},
	}
}

// outcomes counts the records of a preview by what would become of them.
func outcomes(p crosswalk.Preview) map[crosswalk.PreviewOutcome]int {
	n := map[crosswalk.PreviewOutcome]int{}
	for _, r := range p.Records {
		n[r.Outcome]++
	}
	return n
}

// A preview says of each record what a run then does with it, and leaves no
// trace: no rows, no options, no runs.
func TestPreviewOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 40, Users: 5}, server.Config{})
	conn := w.connect("Contoso")
	object, in := industries(w, conn.ID)
	in.Mapping.Fields[2].OnUnknown = crosswalk.OptionAdd
	in.Filter = crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "name", Operator: crosswalk.IsNotNull}}}
	preview := func(id string, n int) crosswalk.Preview {
		t.Helper()
		p, err := w.client.PreviewJob(t.Context(), id, in, n)
		w.must(err)
		return p
	}
	p := preview("", 0)
	if diff := cmp.Diff(map[crosswalk.PreviewOutcome]int{crosswalk.PreviewInsert: 20}, outcomes(p)); diff != "" {
		t.Errorf("before the first run (-want +got):\n%s", diff)
	}
	for _, r := range p.Records {
		if len(r.Changes) < 2 || r.Changes[0].Field != "Key__gc" || r.Changes[0].Old != nil || r.Changes[0].New == nil || *r.Changes[0].New != r.SourceID {
			t.Errorf("an insert shows %+v", r)
		}
	}
	after, err := w.client.FindObject(t.Context(), object.Name)
	w.must(err)
	runs, err := w.client.ListRuns(t.Context(), client.RunFilter{})
	w.must(err)
	if after.Rows != 0 || after.Field("Industry__gc").Options != nil || len(runs.Items) != 0 {
		t.Errorf("the preview left %d rows, options %q, %d runs", after.Rows, after.Field("Industry__gc").Options, len(runs.Items))
	}

	job, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	if run := w.run(job); run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 40 {
		t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	if diff := cmp.Diff(map[crosswalk.PreviewOutcome]int{crosswalk.PreviewUnchanged: 40}, outcomes(preview(job.ID, 100))); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
	in.Mapping.Fields[1] = crosswalk.FieldMapping{Formula: "upper(name)", Target: "Name__gc"}
	for _, r := range preview(job.ID, 5).Records {
		if r.Outcome != crosswalk.PreviewUpdate || len(r.Changes) != 1 || r.Changes[0].Field != "Name__gc" || strings.ToUpper(*r.Changes[0].Old) != *r.Changes[0].New {
			t.Errorf("with another formula: %+v", r)
		}
	}
	in.Operation = crosswalk.OperationInsert
	if diff := cmp.Diff(map[crosswalk.PreviewOutcome]int{crosswalk.PreviewSkip: 5}, outcomes(preview(job.ID, 5))); diff != "" {
		t.Errorf("of a job that only inserts (-want +got):\n%s", diff)
	}
	in.Mapping.Fields[1] = crosswalk.FieldMapping{Formula: "text(1 / (revenue - revenue))", Target: "Name__gc"}
	for _, r := range preview(job.ID, 5).Records {
		if r.Outcome != crosswalk.PreviewSkip && (r.Outcome != crosswalk.PreviewReject || r.Field != "Name__gc" || r.Code != crosswalk.RejectFormula || r.Message == "") {
			t.Errorf("with a division by zero: %+v", r)
		}
	}
	if run := w.run(job); run.Counts.Unchanged != 40 {
		t.Errorf("a run after all previews: %+v", run.Counts)
	}
}

// A definition that cannot be saved cannot be previewed: every problem is
// told at once at its place, with what to do.
func TestProblemsOfADefinition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	conn := w.connect("Contoso")
	_, in := industries(w, conn.ID)
	in.Mapping.TimeZone = "Mars/Phobos"
	in.Mapping.Fields = append(in.Mapping.Fields,
		crosswalk.FieldMapping{Source: "nope", Target: "Nope__gc"},
		crosswalk.FieldMapping{Formula: "name + revenue", Target: "Name__gc"},
		crosswalk.FieldMapping{Source: "primarycontactid.parentcustomerid.name", Target: "Name__gc"},
	)
	in.Mapping.Derived = []crosswalk.DerivedMapping{{Target: "Name__gc", Match: []crosswalk.MatchPair{{Source: "nope", Field: "Nope"}}}}
	in.Filter = crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "createdon", Operator: crosswalk.Equal, Values: []string{"soon"}}}, Expression: "1 AND 2"}
	places := []string{
		"mapping.time_zone", "mapping.fields[4].target", "mapping.fields[5].target", "mapping.fields[6].target",
		"mapping.derived[0].target", "filter.conditions[0].values[0]", "filter.expression",
	}
	_, preview := w.client.PreviewJob(t.Context(), "", in, 0)
	_, insert := w.client.InsertJob(t.Context(), in)
	checked, err := w.client.CheckJob(t.Context(), "", in)
	w.must(err)
	for name, fields := range map[string][]crosswalk.FieldError{
		"preview": problem(t, preview, crosswalk.CodeInvalid).Fields, "create": problem(t, insert, crosswalk.CodeInvalid).Fields, "check": checked,
	} {
		for _, place := range places {
			if at(&client.Error{Fields: fields}, place) == "" {
				t.Errorf("%s: nothing at %s: %+v", name, place, fields)
			}
		}
		for _, f := range fields {
			if f.Hint == "" {
				t.Errorf("%s: no hint at %s: %s", name, f.Field, f.Message)
			}
		}
	}
	in.Object = "prospect__GC"
	_, insert = w.client.InsertJob(t.Context(), in)
	if e := problem(t, insert, crosswalk.CodeInvalid); !strings.Contains(at(e, "object"), "no object prospect__GC") {
		t.Errorf("an object in other letters: %+v", e)
	}
	for _, n := range []int{-1, 101} {
		_, err := w.client.PreviewJob(t.Context(), "", in, n)
		if e := problem(t, err, crosswalk.CodeInvalid); at(e, "limit") == "" || e.Hint == "" {
			t.Errorf("limit %d: %+v", n, e)
		}
	}
}

// Rows asked for in a way that cannot be are refused with what to do.
func TestProblemsOfARowQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10}, server.Config{})
	for name, f := range map[string]client.RowFilter{
		"no operator": {Where: []string{"ARR"}},
		"no field":    {Where: []string{"Nope eq 1"}},
		"no order":    {Sort: "Nope"},
	} {
		_, err := w.client.ListRows(t.Context(), "Company", f)
		e := problem(t, err, crosswalk.CodeInvalid)
		if e.Hint == "" && (len(e.Fields) != 1 || e.Fields[0].Hint == "" || e.Fields[0].Field != "filter[0]") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// A formula is computed for the first records as a run would.
func TestFormulasOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10, Contacts: 20}, server.Config{})
	conn := w.connect("Contoso")
	for formula, want := range map[string]struct{ gives, value, reason string }{
		"0.1 + 0.2":                    {"a number", "0.3", ""},
		"9223372036854775807 + 1":      {"a number", "9223372036854775808", ""},
		"date('2024-02-28')":           {"a date", "2024-02-28", ""},
		"upper('ß' + left(name, 0))":   {"a text", "ß", ""},
		"name == name":                 {"true or false", "true", ""},
		"if(isNull(name), 1, 2)":       {"a number", "2", ""},
		"1 / len(left(name, 0))":       {"a number", "", "divides by zero"},
		"number(name)":                 {"a number", "", "is not a number"},
		"part(name, left(name, 0), 1)": {"a text", "", "separator"},
	} {
		gives, all, err := w.client.EvaluateFormula(t.Context(), client.Formula{ConnectionID: conn.ID, Entity: "account", Object: "Company", Formula: formula, Limit: 3})
		if err != nil || gives != want.gives || len(all) != 3 {
			t.Errorf("%s: %q, %+v, %v", formula, gives, all, err)
			continue
		}
		for _, e := range all {
			if e.Value != want.value || want.reason == "" != (e.Reason == "") || !strings.Contains(e.Reason, want.reason) || e.SourceID == "" {
				t.Errorf("%s: %+v", formula, e)
			}
		}
	}
	for formula, want := range map[string]string{
		"":                "empty",
		"nope":            `no attribute "nope"`,
		"name + revenue":  "two texts or two numbers",
		"name.length":     "not a lookup",
		"1..1000000":      "no operator",
		"map([1], #)":     "no function",
		"let x = 1; x":    "not part of the language",
		"1e400":           "not a number",
		"round(1.5, 400)": "400 decimals",
		"name == null":    "isNull",
	} {
		_, _, err := w.client.EvaluateFormula(t.Context(), client.Formula{ConnectionID: conn.ID, Entity: "account", Object: "Company", Formula: formula})
		e := problem(t, err, crosswalk.CodeInvalid)
		if len(e.Fields) != 1 || e.Fields[0].Field != "formula" || !strings.Contains(e.Fields[0].Message+e.Fields[0].Hint, want) || e.Fields[0].Hint == "" {
			t.Errorf("%q: %+v", formula, e)
		}
	}
	_, _, err := w.client.EvaluateFormula(t.Context(), client.Formula{ConnectionID: conn.ID, Entity: "nope", Object: "Company", Formula: "1"})
	if e := problem(t, err, crosswalk.CodeNotFound); e.Hint == "" {
		t.Errorf("of no table: %+v", e)
	}
}

// What is suggested can be saved as it is.
func TestSuggestionsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 10, Contacts: 10}, server.Config{})
	conn := w.connect("Contoso")
	object, _ := industries(w, conn.ID)
	for target, source := range map[[2]string]string{
		{"account", "Company"}: "name", {"systemuser", "User"}: "fullname", {"contact", "Person"}: "fullname", {"account", object.Name}: "name",
	} {
		rows, err := w.client.SuggestMapping(t.Context(), conn.ID, target[0], target[1])
		w.must(err)
		sources := map[string]string{}
		for i, r := range rows {
			sources[r.Target] = r.Source
			rows[i].Identifier = i == 0
		}
		if sources["Name"] != source && sources["Name__gc"] != source {
			t.Errorf("%s: %+v", target, rows)
		}
		problems, err := w.client.CheckJob(t.Context(), "", client.JobInput{
			Name: "Suggested", ConnectionID: conn.ID, Entity: target[0], Object: target[1], Mapping: crosswalk.Mapping{Fields: rows},
		})
		w.must(err)
		if len(problems) > 0 {
			t.Errorf("%s: %+v", target, problems)
		}
	}
	for _, target := range [][2]string{{"nope", "Company"}, {"account", "Nope"}} {
		_, err := w.client.SuggestMapping(t.Context(), conn.ID, target[0], target[1])
		problem(t, err, crosswalk.CodeNotFound)
	}
}

// What has changed in Dynamics since a job was saved is told with what runs do
// about it, and a run then does that.
func TestDriftOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 20}, server.Config{})
	conn := w.connect("Contoso")
	in := cities(conn.ID)
	job, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	in.Name = "Cities with a filter"
	in.Filter = crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "address1_city", Operator: crosswalk.IsNotNull}}}
	filtered, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	drift := func(id string) []client.Finding {
		t.Helper()
		found, err := w.client.JobDrift(t.Context(), id)
		w.must(err)
		return found
	}
	if a, b := drift(job.ID), drift(filtered.ID); len(a)+len(b) != 0 {
		t.Errorf("at first: %+v %+v", a, b)
	}
	w.must(w.sandbox.RemoveColumn("account", "address1_city"))
	w.sandbox.Publish()
	w.must(w.client.RefreshMetadata(t.Context(), conn.ID))
	if f := drift(job.ID); len(f) != 1 || f[0].Place != "mapping.fields[2].source" || f[0].Kind == "" || f[0].Fails || !strings.Contains(f[0].Message, "address1_city") {
		t.Errorf("of a field: %+v", f)
	}
	fails := false
	for _, f := range drift(filtered.ID) {
		fails = fails || f.Fails && strings.HasPrefix(f.Place, "filter.conditions[0]")
	}
	if !fails {
		t.Errorf("of a filter: %+v", drift(filtered.ID))
	}
	if run := w.run(job); run.Status != crosswalk.RunSuccess || len(run.Warnings) != 1 || run.Counts.Inserted != 20 {
		t.Errorf("%s %q %+v %q", run.Status, run.Message, run.Counts, run.Warnings)
	}
	if run := w.run(filtered); run.Status != crosswalk.RunFailed || run.Hint == "" {
		t.Errorf("%s %q (%q)", run.Status, run.Message, run.Hint)
	}
	in = cities(conn.ID)
	in.Name, in.Mapping.Fields[2].Source = "Cities of contacts", "primarycontactid.address1_city"
	related, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	w.must(w.client.RefreshMetadata(t.Context(), conn.ID))
	w.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "EntityDefinitions") || !strings.Contains(r.URL.String(), "contact") {
			return false
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, `{"error":{"code":"0x80040203","message":"Not now."}}`)
		return true
	})
	if f, err := w.client.JobDrift(t.Context(), related.ID); err == nil {
		t.Errorf("with metadata that cannot be read: %+v", f)
	}
	_, err = w.client.JobDrift(t.Context(), "nope")
	problem(t, err, crosswalk.CodeNotFound)
}

// The rejects of a run are grouped, and after a change of the mapping only
// they are read again.
func TestRetryOfRejects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 60}, server.Config{PageSize: 20})
	conn := w.connect("Contoso")
	_, in := industries(w, conn.ID)
	job, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	run := w.run(job)
	if run.Status != crosswalk.RunPartialSuccess || run.Counts.Rejected == 0 || run.Counts.Inserted == 0 {
		t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
	}
	groups, err := w.client.RejectGroups(t.Context(), run.ID)
	w.must(err)
	if len(groups) != 1 || groups[0].Code != crosswalk.RejectUnknownOption || groups[0].Field != "Industry__gc" || groups[0].Count != run.Counts.Rejected || groups[0].Example == "" {
		t.Errorf("groups %+v", groups)
	}
	page, err := w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{Code: crosswalk.RejectUnknownOption, Field: "Industry__gc"})
	w.must(err)
	if int64(page.Total) != run.Counts.Rejected || page.Items[0].Value == "" || !strings.Contains(page.Items[0].Record, "industrycode") {
		t.Errorf("%d rejects, the first %+v", page.Total, page.Items[0])
	}
	none, err := w.client.ListRejects(t.Context(), run.ID, client.RejectFilter{Code: crosswalk.RejectTooLong})
	w.must(err)
	if none.Total != 0 {
		t.Errorf("%d rejects of another reason", none.Total)
	}

	in.Mapping.Fields[2].OnUnknown = crosswalk.OptionAdd
	job, err = w.client.UpdateJob(t.Context(), job.ID, job.Version, in)
	w.must(err)
	again := w.runOver(job, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: run.ID})
	want := crosswalk.Counts{Read: run.Counts.Rejected, Inserted: run.Counts.Rejected}
	got := crosswalk.Counts{Read: again.Counts.Read, Inserted: again.Counts.Inserted, Rejected: again.Counts.Rejected, Unchanged: again.Counts.Unchanged}
	if diff := cmp.Diff(want, got); diff != "" || again.Status != crosswalk.RunSuccess {
		t.Errorf("%s %q (-want +got):\n%s", again.Status, again.Message, diff)
	}
	if n := w.rows("Prospect__gc"); n != 60 {
		t.Errorf("%d rows", n)
	}

	other, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	for name, c := range map[string]struct {
		job   crosswalk.Job
		scope crosswalk.Scope
		code  crosswalk.Code
	}{
		"nothing rejected":  {job, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: again.ID}, crosswalk.CodeInvalid},
		"no run":            {job, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: "nope"}, crosswalk.CodeNotFound},
		"of which run":      {job, crosswalk.Scope{Kind: crosswalk.ScopeRejects}, crosswalk.CodeInvalid},
		"of another job":    {other, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: run.ID}, crosswalk.CodeInvalid},
		"everything of one": {job, crosswalk.Scope{Kind: crosswalk.ScopeEverything, RunID: run.ID}, crosswalk.CodeInvalid},
		"no such kind":      {job, crosswalk.Scope{Kind: "some"}, crosswalk.CodeInvalid},
	} {
		_, err := w.client.StartRun(t.Context(), c.job.ID, c.scope)
		if e := problem(t, err, c.code); e.Message == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	_, err = w.client.RejectGroups(t.Context(), "nope")
	problem(t, err, crosswalk.CodeNotFound)
}

// A person whose company is not there is a reject that names the company,
// without being told to be. When it has come, a retry brings the person.
func TestPersonWithoutACompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 20, Contacts: 60}, server.Config{})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), client.JobInput{
		Name: "People", ConnectionID: conn.ID, Entity: "contact", Object: "Company_Person", LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{
			Fields:  []crosswalk.FieldMapping{{Source: "contactid", Target: "External_ID"}, {Source: "jobtitle", Target: "Title"}},
			Derived: []crosswalk.DerivedMapping{{Target: "Company", Match: []crosswalk.MatchPair{{Source: "parentcustomerid(account).accountid", Field: "External_ID"}}}},
			Person: &crosswalk.PersonMapping{Match: "External_ID", Fields: []crosswalk.FieldMapping{
				{Source: "contactid", Target: "External_ID"}, {Source: "fullname", Target: "Name"},
			}},
		},
		Filter: crosswalk.Filter{Conditions: []crosswalk.Condition{{Attribute: "parentcustomerid(account).accountid", Operator: crosswalk.IsNotNull}}},
	})
	w.must(err)
	run := w.run(job)
	if run.Counts.Read == 0 || run.Counts.Rejected != run.Counts.Read || w.rows("Person") != 0 {
		t.Fatalf("%s %q %+v, %d persons", run.Status, run.Message, run.Counts, w.rows("Person"))
	}
	byMail := client.InputOf(job)
	person := *byMail.Mapping.Person
	byMail.Mapping.Person, person.Match = &person, ""
	problems, err := w.client.CheckJob(t.Context(), job.ID, byMail)
	w.must(err)
	if message := at(&client.Error{Fields: problems}, "mapping.person.match"); len(problems) != 1 || !strings.Contains(message, "found by Email") {
		t.Errorf("found by what is the default: %+v", problems)
	}
	for r, err := range w.client.Rejects(t.Context(), run.ID, client.RejectFilter{}) {
		w.must(err)
		if r.Code != crosswalk.RejectNoMatch || r.Field != "Company" || r.Value == "" || !strings.Contains(r.Message, r.Value) {
			t.Errorf("reject %+v", r)
		}
	}
	companies, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	w.run(companies)
	again := w.runOver(job, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: run.ID})
	if n := run.Counts.Read; again.Status != crosswalk.RunSuccess || again.Counts.Inserted != n || w.rows("Person") != n || w.rows("Company_Person") != n {
		t.Errorf("%s %q %+v, %d persons of companies", again.Status, again.Message, again.Counts, w.rows("Company_Person"))
	}
}

// A run over a range reads what was made or changed within it: its begin
// belongs to it, its end does not.
func TestRunOverARange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 50}, server.Config{})
	conn := w.connect("Contoso")
	job, err := w.client.InsertJob(t.Context(), cities(conn.ID))
	w.must(err)
	moment := func(text string) *time.Time {
		at, err := time.Parse(time.RFC3339, text)
		w.must(err)
		return &at
	}
	middle := moment("2021-06-01T00:00:00Z")
	early := w.runOver(job, crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", To: middle})
	late := w.runOver(job, crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: middle})
	if early.Counts.Read == 0 || late.Counts.Read == 0 || early.Counts.Read+late.Counts.Read != 50 || early.Counts.Inserted+late.Counts.Inserted != 50 {
		t.Errorf("before %+v, from then on %+v", early.Counts, late.Counts)
	}
	if !strings.Contains(late.Reads, "Records created from 2021-06-01") {
		t.Errorf("it says that it reads %q", late.Reads)
	}
	for _, c := range []struct {
		scope  crosswalk.Scope
		places []string
	}{
		{crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "overriddencreatedon", From: middle}, []string{"scope.attribute"}},
		{crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "overriddencreatedon", From: middle, To: middle}, []string{"scope.attribute", "scope.to"}},
		{crosswalk.Scope{Kind: crosswalk.ScopeRange, From: middle}, []string{"scope.attribute"}},
		{crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon"}, []string{"scope.from"}},
		{crosswalk.Scope{Kind: crosswalk.ScopeRange, Attribute: "createdon", From: middle, To: middle}, []string{"scope.to"}},
		{crosswalk.Scope{Kind: crosswalk.ScopeEverything, From: middle}, []string{"scope.kind"}},
		{crosswalk.Scope{Kind: "sometimes", RunID: early.ID}, []string{"scope.kind", "scope.run_id"}},
	} {
		_, err := w.client.StartRun(t.Context(), job.ID, c.scope)
		e := problem(t, err, crosswalk.CodeInvalid)
		var places []string
		for _, f := range e.Fields {
			places = append(places, f.Field)
		}
		slices.Sort(places)
		if diff := cmp.Diff(c.places, places); diff != "" {
			t.Errorf("%+v (-want +got):\n%s\n%+v", c.scope, diff, e)
		}
	}
	_, err = w.client.StartRun(t.Context(), job.ID, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: early.ID})
	if e := problem(t, err, crosswalk.CodeInvalid); !strings.Contains(e.Hint, "nothing to retry") {
		t.Errorf("rejects of a run without any: %+v", e)
	}
}

// Each role may do what it may do and nothing beyond.
func TestRolesOfTheMappingAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 20}, server.Config{})
	conn := w.connect("Contoso")
	object, in := industries(w, conn.ID)
	job, err := w.client.InsertJob(t.Context(), in)
	w.must(err)
	run := w.run(job)
	calls := map[string]struct {
		needs crosswalk.Role
		call  func(*client.Client) error
	}{
		"drift":  {crosswalk.RoleViewer, func(c *client.Client) error { _, err := c.JobDrift(t.Context(), job.ID); return err }},
		"groups": {crosswalk.RoleViewer, func(c *client.Client) error { _, err := c.RejectGroups(t.Context(), run.ID); return err }},
		"check":  {crosswalk.RoleViewer, func(c *client.Client) error { _, err := c.CheckJob(t.Context(), job.ID, in); return err }},
		"suggest": {crosswalk.RoleViewer, func(c *client.Client) error {
			_, err := c.SuggestMapping(t.Context(), conn.ID, "account", "Company")
			return err
		}},
		"plan": {crosswalk.RoleViewer, func(c *client.Client) error {
			_, err := c.PlanObject(t.Context(), object.Name, object.Definition())
			return err
		}},
		"run": {crosswalk.RoleOperator, func(c *client.Client) error {
			r, err := c.StartRun(t.Context(), job.ID, everything)
			if err == nil {
				w.wait(r)
			}
			return err
		}},
		"retry": {crosswalk.RoleOperator, func(c *client.Client) error {
			r, err := c.StartRun(t.Context(), job.ID, crosswalk.Scope{Kind: crosswalk.ScopeRejects, RunID: run.ID})
			if err == nil {
				w.wait(r)
			}
			return err
		}},
		"preview": {crosswalk.RoleAdmin, func(c *client.Client) error { _, err := c.PreviewJob(t.Context(), job.ID, in, 1); return err }},
		"formula": {crosswalk.RoleAdmin, func(c *client.Client) error {
			_, _, err := c.EvaluateFormula(t.Context(), client.Formula{ConnectionID: conn.ID, Entity: "account", Object: object.Name, Formula: "name", Limit: 1})
			return err
		}},
	}
	for _, role := range []crosswalk.Role{crosswalk.RoleViewer, crosswalk.RoleOperator, crosswalk.RoleAdmin} {
		c := w.as(role)
		for name, call := range calls {
			err := call.call(c)
			if role.Allows(call.needs) {
				if err != nil {
					t.Errorf("%s as %s: %v", name, role, err)
				}
			} else if e := problem(t, err, crosswalk.CodeForbidden); !strings.Contains(e.Hint, string(call.needs)) {
				t.Errorf("%s as %s: %+v", name, role, e)
			}
		}
		// Who may decide learns that there is nothing to decide about.
		for _, d := range []crosswalk.Decision{crosswalk.Release, crosswalk.Discard} {
			_, err := c.DecideRun(t.Context(), run.ID, d)
			want := crosswalk.CodeConflict
			if !role.Allows(crosswalk.RoleOperator) {
				want = crosswalk.CodeForbidden
			}
			if e := problem(t, err, want); e.Hint == "" {
				t.Errorf("%s as %s: %+v", d, role, e)
			}
		}
	}
}

// A run that would delete much is held until somebody decides; it takes one
// decision and no second.
func TestDecisionsOverTheAPI(t *testing.T) {
	t.Parallel()
	for decision, left := range map[crosswalk.Decision]int64{crosswalk.Release: 30, crosswalk.Discard: 50} {
		t.Run(string(decision), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Accounts: 50}, server.Config{})
			conn := w.connect("Contoso")
			in := cities(conn.ID)
			in.Deletes = crosswalk.Deletes{Policy: crosswalk.DeleteRow}
			job, err := w.client.InsertJob(t.Context(), in)
			w.must(err)
			if run := w.run(job); run.Status != crosswalk.RunSuccess || w.rows("Company") != 50 {
				t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
			}
			_, err = w.sandbox.DeleteRows("account", 20, 7)
			w.must(err)
			run := w.run(job)
			if run.Status != crosswalk.RunHeld || run.Message == "" || run.Hint == "" || w.rows("Company") != 50 {
				t.Fatalf("%s %q (%q) %+v", run.Status, run.Message, run.Hint, run.Counts)
			}
			operator := w.as(crosswalk.RoleOperator)
			_, err = operator.DecideRun(t.Context(), run.ID, decision)
			w.must(err)
			if run = w.wait(run); run.Status != crosswalk.RunSuccess || w.rows("Company") != left {
				t.Errorf("%s %q, %d rows left", run.Status, run.Message, w.rows("Company"))
			}
			_, err = operator.DecideRun(t.Context(), run.ID, decision)
			problem(t, err, crosswalk.CodeConflict)
			_, err = operator.DecideRun(t.Context(), "nope", decision)
			problem(t, err, crosswalk.CodeNotFound)
			events, err := w.client.ListEvents(t.Context(), client.EventFilter{Search: job.Name})
			w.must(err)
			told := map[crosswalk.Decision]string{crosswalk.Release: "run.released", crosswalk.Discard: "run.deletions_discarded"}[decision]
			if !strings.Contains(toJSON(events.Items), `"action":"`+told+`"`) {
				t.Errorf("the activity does not tell: %s", toJSON(events.Items))
			}
		})
	}
}
