package e2e_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A custom object is created, filled by a job, changed under it and deleted.
func TestCustomObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 3, Accounts: 60, Contacts: 5}, server.Config{})
	ctx := t.Context()
	conn := w.connect("Acme")

	d := crosswalk.ObjectDefinition{DisplayName: "Select Order", Fields: []crosswalk.FieldDefinition{
		{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 100, Unique: true},
		{DisplayName: "Group", Type: crosswalk.FieldString, MaxLength: 200},
		{DisplayName: "Revenue", Type: crosswalk.FieldCurrency, Decimals: 2},
		{DisplayName: "From", Type: crosswalk.FieldDropdown, Default: "Dynamics", Options: []string{"Dynamics", "Hand"}, Required: true},
		{DisplayName: "Table", Type: crosswalk.FieldLookup, Lookup: "Company"},
		{DisplayName: "Formula", Type: crosswalk.FieldString, Default: " =cmd|' /C calc'!A0"},
		{DisplayName: "Below Zero", Type: crosswalk.FieldNumber, Decimals: 1, Default: "-5"},
	}}
	o, err := w.client.InsertObject(ctx, d)
	w.must(err)
	if o.Name != "Select_Order__gc" || o.Field("Group__gc") == nil || o.Standard {
		t.Fatalf("made %+v", o)
	}
	_, err = w.client.InsertObject(ctx, d)
	if e := problem(t, err, crosswalk.CodeInvalid); at(e, "name") == "" {
		t.Errorf("made twice: %+v", e)
	}
	job, err := w.client.InsertJob(ctx, client.JobInput{
		Name: "Orders", ConnectionID: conn.ID, Entity: "account", Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
			{Source: "accountid", Target: "Key__gc", Identifier: true},
			{Source: "name", Target: "Group__gc"},
			{Source: "revenue", Target: "Revenue__gc"},
		}},
	})
	w.must(err)
	run := w.run(job)
	if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 60 {
		t.Fatalf("run: %+v", run)
	}

	page, err := w.client.ListRows(ctx, o.Name, client.RowFilter{Where: []string{"From__gc eq dynamics", "Revenue__gc ge 1.5"}, Sort: "Revenue__gc", Desc: true, Paging: client.Paging{Limit: 2}})
	w.must(err)
	if len(page.Items) != 2 || page.Items[0]["Created_By"] != "Orders" {
		t.Fatalf("rows: %+v", page)
	}
	row, from, err := w.client.FindRow(ctx, o.Name, page.Items[0]["GSID"].(string))
	w.must(err)
	if diff := cmp.Diff(page.Items[0], row); diff != "" {
		t.Error(diff)
	}
	if from == nil || from.ConnectionName != "Acme" || from.JobName != "Orders" || from.RunID != run.ID || from.Run != run.Number || from.Entity != "account" || from.SourceID != row["Key__gc"] || from.At.IsZero() {
		t.Errorf("provenance: %+v", from)
	}
	_, err = w.client.ListRows(ctx, o.Name, client.RowFilter{Where: []string{"Nope eq 1", "Revenue__gc is"}})
	if e := problem(t, err, crosswalk.CodeInvalid); len(e.Fields) == 0 {
		t.Errorf("bad conditions: %+v", e)
	}

	// Rename a mapped field, retype another, add one, remove the lookup.
	cells := csvOf(w, o.Name, []string{"Key__gc", "Formula__gc", "Below_Zero__gc"})
	if diff := cmp.Diff([]string{"' =cmd|' /C calc'!A0", "-5.0"}, cells[1][1:]); diff != "" || len(cells) != 61 {
		t.Errorf("%d lines, %s", len(cells), diff)
	}
	before := csvOf(w, o.Name, []string{"Key__gc", "Group__gc", "Revenue__gc"})
	d = o.Definition()
	next := d
	next.Fields = nil
	for _, f := range d.Fields {
		switch f.Name {
		case "Group__gc":
			f.Name, f.DisplayName, f.RenamedFrom = "Order__gc", "Order", "Group__gc"
		case "Revenue__gc":
			f.Decimals = 4
		case "Table__gc":
			continue
		}
		next.Fields = append(next.Fields, f)
	}
	next.Fields = append(next.Fields, crosswalk.FieldDefinition{DisplayName: "Group", Name: "Group__gc", Type: crosswalk.FieldNumber, Default: "7"})
	plan, err := w.client.PlanObject(ctx, o.Name, next)
	w.must(err)
	var kinds []string
	for _, s := range plan.Steps {
		kinds = append(kinds, fmt.Sprintf("%s %s %s %d", s.Kind, s.Field, s.Effect, len(s.Jobs)))
	}
	want := []string{
		"drop_field Table__gc lossy 0", "rename_field Group__gc safe 1", "change_display_name Group__gc safe 1",
		"retype_field Revenue__gc safe 1", "add_field Group__gc safe 0",
	}
	if diff := cmp.Diff(want, kinds); diff != "" || !plan.Allowed || !plan.Lossy {
		t.Fatalf("plan: %s\n%+v", diff, plan)
	}
	_, err = w.client.ChangeObject(ctx, o.Name, next, "stale")
	problem(t, err, crosswalk.CodeConflict)
	changed, err := w.client.ChangeObject(ctx, o.Name, next, plan.Hash)
	w.must(err)
	if changed.Field("Table__gc") != nil || changed.Field("Order__gc") == nil || changed.Rows != 60 {
		t.Errorf("changed: %+v", changed)
	}
	_, err = w.client.ChangeObject(ctx, o.Name, next, plan.Hash)
	problem(t, err, crosswalk.CodeInvalid) // what was renamed is gone
	after := csvOf(w, o.Name, []string{"Key__gc", "Order__gc", "Revenue__gc"})
	for i := range before[1:] {
		b := before[i+1]
		if b[2] != "" {
			b[2] += "00"
		}
		if diff := cmp.Diff(b, after[i+1]); diff != "" {
			t.Fatalf("row %d: %s", i, diff)
		}
	}
	// The job followed: nothing of what it writes has changed.
	if again := w.run(job); again.Counts.Unchanged != 60 {
		t.Errorf("after the change: %+v", again)
	}

	// An identifier cannot go, nor can an object in use.
	next = changed.Definition()
	next.Fields = next.Fields[:len(next.Fields)-1]
	for i, f := range next.Fields {
		if f.Name == "Key__gc" {
			next.Fields = append(next.Fields[:i:i], next.Fields[i+1:]...)
			break
		}
	}
	plan, err = w.client.PlanObject(ctx, o.Name, next)
	w.must(err)
	_, err = w.client.ChangeObject(ctx, o.Name, next, plan.Hash)
	if e := problem(t, err, crosswalk.CodeConflict); !strings.Contains(at(e, "Key__gc"), "Orders") {
		t.Errorf("identifier: %+v", e)
	}
	problem(t, w.client.DeleteObject(ctx, o.Name, 60), crosswalk.CodeConflict)
	w.must(w.client.DeleteJob(ctx, job.ID))
	problem(t, w.client.DeleteObject(ctx, o.Name, 59), crosswalk.CodeConflict)
	w.must(w.client.DeleteObject(ctx, o.Name, 60))
	_, err = w.client.FindObject(ctx, o.Name)
	problem(t, err, crosswalk.CodeNotFound)
	problem(t, w.client.DeleteObject(ctx, "Company", 0), crosswalk.CodeConflict)
}

func csvOf(w *world, object string, fields []string) [][]string {
	w.t.Helper()
	body, err := w.client.ExportRows(w.t.Context(), object, client.RowFilter{Sort: fields[0]}, fields)
	w.must(err)
	defer body.Close()
	lines, err := csv.NewReader(body).ReadAll()
	w.must(err)
	return lines
}
