package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A job with an expression of conditions and a formula keeps the same rows
// when it reads everything, where Dynamics filters, and when it reads changes,
// which cannot be filtered.
func TestFilterAndFormula(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 20, Accounts: 300, Contacts: 100}, server.Config{PageSize: 100})
	conn := w.connect("Contoso")
	job := func(mode crosswalk.LoadMode) client.JobInput {
		return client.JobInput{
			Name: "Accounts " + string(mode), ConnectionID: conn.ID, Entity: "account", Object: "Company",
			Operation: crosswalk.OperationUpsert, LoadMode: mode,
			Mapping: crosswalk.Mapping{
				TimeZone: "Europe/Berlin",
				Fields: []crosswalk.FieldMapping{
					{Source: "accountid", Target: "External_ID", Identifier: true},
					{Formula: `upper(name) + if(isNull(revenue), "", concat(" ", round(revenue / 3, 2)))`, Target: "Name"},
					{Source: "name", Target: "Description"},
					{Source: "revenue", Target: "Annual_Revenue"},
				},
			},
			Filter: crosswalk.Filter{
				Conditions: []crosswalk.Condition{
					{Attribute: "name", Operator: crosswalk.Contains, Values: []string{"a"}},
					{Attribute: "primarycontactid.lastname", Operator: crosswalk.IsNotNull},
					{Attribute: "numberofemployees", Operator: crosswalk.Between, Values: []string{"1", "500"}},
				},
				Expression: "1 and (not 2 or 3)",
			},
		}
	}
	rows := map[crosswalk.LoadMode]map[string][]any{}
	for _, mode := range []crosswalk.LoadMode{crosswalk.LoadFull, crosswalk.LoadIncremental} {
		in := job(mode)
		if mode == crosswalk.LoadFull {
			in.Filter.Expression = "1 and 3 or 1 and not 2 and not 3" // the same in other words
		}
		j, err := w.client.InsertJob(t.Context(), in)
		w.must(err)
		run := w.run(j)
		if run.Status != crosswalk.RunSuccess || run.Counts.Read != run.Counts.Inserted+run.Counts.Unchanged+run.Counts.Skipped || mode == crosswalk.LoadIncremental && run.Counts.Skipped == 0 {
			t.Fatalf("%s: %s %s %+v", mode, run.Status, run.Message, run.Counts)
		}
		if mode == crosswalk.LoadIncremental && run.Counts.Inserted > 0 {
			t.Errorf("changes brought %d rows that a full read did not", run.Counts.Inserted)
		}
		rows[mode] = w.stored("Company", "External_ID", "Name", "Description", "Annual_Revenue")
	}
	if diff := cmp.Diff(rows[crosswalk.LoadFull], rows[crosswalk.LoadIncremental]); diff != "" {
		t.Errorf("(-everything +changes):\n%s", diff)
	}
	if n := len(rows[crosswalk.LoadFull]); n == 0 || n > 290 {
		t.Errorf("%d of 300 accounts pass", n)
	}
	for id, row := range rows[crosswalk.LoadFull] {
		name, upper := fmt.Sprint(row[1]), fmt.Sprint(row[0])
		if !strings.Contains(strings.ToLower(name), "a") || !strings.HasPrefix(upper, strings.ToUpper(name)) || row[2] != nil && upper == strings.ToUpper(name) {
			t.Errorf("%s: %v", id, row)
		}
	}

	in := job(crosswalk.LoadFull)
	in.Name = "Wrong"
	in.Mapping.Fields[1].Formula = "upper(name) + revenue"
	in.Filter.Expression = "1 AND 2"
	_, err := w.client.InsertJob(t.Context(), in)
	e := problem(t, err, crosswalk.CodeInvalid)
	if got, want := at(e, "mapping.fields[1].formula"), "At character 15: + takes two texts or two numbers, and this is a number."; got != want {
		t.Errorf("formula: %q, want %q", got, want)
	}
	if got, want := at(e, "filter.expression"), "Condition 3 is not used."; got != want {
		t.Errorf("expression: %q, want %q", got, want)
	}
}
