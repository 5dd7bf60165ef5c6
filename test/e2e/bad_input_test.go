package e2e_test

import (
	"bytes"
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

// Names that are one in lower case are refused, those of SQL and of columns
// that every table has are not; an object can have hundreds of fields.
func TestAwkwardObjects(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 3, Accounts: 20, Contacts: -1}, cfg)
		ctx := t.Context()
		conn := w.connect("Contoso")
		text := func(name string) crosswalk.FieldDefinition {
			return crosswalk.FieldDefinition{DisplayName: name, Type: crosswalk.FieldString, MaxLength: 200}
		}
		_, err := w.client.InsertObject(ctx, crosswalk.ObjectDefinition{DisplayName: "Clash", Fields: []crosswalk.FieldDefinition{text("Order No"), text("ORDER-NO")}})
		if e := problem(t, err, crosswalk.CodeInvalid); at(e, "fields[1].name") == "" {
			t.Errorf("two fields of one name: %+v", e)
		}
		w.object("Order", text("Key"))
		_, err = w.client.InsertObject(ctx, crosswalk.ObjectDefinition{DisplayName: "ORDER", Fields: []crosswalk.FieldDefinition{text("Key")}})
		if e := problem(t, err, crosswalk.CodeInvalid); at(e, "name") == "" {
			t.Errorf("two objects of one name: %+v", e)
		}

		words := []string{"Select", "From", "Group", "Order", "Table", "User", "Primary", "Default", "Column", "Check", "Rowid", "Null", "Values", "Index"}
		fields := []crosswalk.FieldDefinition{text("Key")}
		rows := []crosswalk.FieldMapping{{Source: "accountid", Target: "Key__gc", Identifier: true}}
		for i := range 240 {
			name := fmt.Sprintf("Field %d", i)
			if i < len(words) {
				name = words[i]
			}
			f := text(name)
			fields, rows = append(fields, f), append(rows, crosswalk.FieldMapping{Source: "name", Target: strings.ReplaceAll(name, " ", "_") + "__gc"})
		}
		o := w.object("Select", fields...)
		run := w.run(w.newJob(client.JobInput{ConnectionID: conn.ID, Entity: "account", Object: o.Name, Mapping: crosswalk.Mapping{Fields: rows}}))
		if run.Status != crosswalk.RunSuccess || run.Counts.Inserted != 20 {
			t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
		}
		for id, row := range w.rowsBy(o.Name, "Key__gc") {
			name := row["Field_239__gc"]
			for _, m := range rows[1:] {
				if name == nil || row[m.Target] != name {
					t.Fatalf("%s of %s is %v, want %v", m.Target, id, row[m.Target], name)
				}
			}
		}
		again := w.runOver(w.job("account into Select__gc"), everything)
		if again.Counts.Unchanged != again.Counts.Read || again.Counts.Read == 0 {
			t.Errorf("again: %+v", again.Counts)
		}
	})
}

// A text of 10 MB is stored to the last character where the field has no
// limit, rejected where it has one, and cut where the job says so; every list
// and file that shows it goes on.
func TestLongText(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		w.must(w.sandbox.AddColumn("contact", sandbox.Column{Name: "new_long", Type: "MemoType", MaxLength: 1_048_576}))
		r := w.records()
		for i := range 3 {
			r.put("contacts", key(i), map[string]any{"lastname": fmt.Sprint(i)})
		}
		long := strings.Repeat("0123456789abcdé\U0001f600", 10<<20/20)
		w.pretend("contactid", map[string]wire{key(1): {"new_long": `"` + long + `"`}})
		conn := w.connect("Contoso")
		for name, c := range map[string]struct {
			field    crosswalk.FieldDefinition
			policy   crosswalk.LengthPolicy
			want     string
			rejected crosswalk.RejectCode
		}{
			"Whole":  {field: crosswalk.FieldDefinition{Type: crosswalk.FieldRichText}, want: long},
			"Short":  {field: crosswalk.FieldDefinition{Type: crosswalk.FieldString, MaxLength: 4000}, rejected: crosswalk.RejectTooLong},
			"Cut":    {field: crosswalk.FieldDefinition{Type: crosswalk.FieldString, MaxLength: 17}, policy: crosswalk.LengthTruncate, want: "0123456789abcdé\U0001f6000"},
			"Number": {field: crosswalk.FieldDefinition{Type: crosswalk.FieldNumber}, rejected: crosswalk.RejectNotANumber},
		} {
			c.field.DisplayName = "Text"
			o := w.object(name, crosswalk.FieldDefinition{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36}, c.field)
			m := crosswalk.FieldMapping{Source: "new_long", Target: "Text__gc", OnTooLong: c.policy}
			run := w.run(w.newJob(client.JobInput{ConnectionID: conn.ID, Entity: "contact", Object: o.Name, Mapping: crosswalk.Mapping{
				Fields: []crosswalk.FieldMapping{{Source: "contactid", Target: "Key__gc", Identifier: true}, m},
			}}))
			if run.Status == crosswalk.RunFailed || run.Counts.Read != 3 {
				t.Fatalf("%s: %s %q %+v", name, run.Status, run.Message, run.Counts)
			}
			rejects, stored := w.rejects(run), w.rowsBy(o.Name, "Key__gc")
			if r := rejects[key(1)]; r.Code != c.rejected || len(r.Record) > 100_000 || len(r.Value) > 4000 {
				t.Errorf("%s: %s, with a value of %d and a record of %d bytes, want %q", name, r.Code, len(r.Value), len(r.Record), c.rejected)
			}
			if got, _ := stored[key(1)]["Text__gc"].(string); got != c.want {
				t.Errorf("%s: %d bytes stored, want %d", name, len(got), len(c.want))
			}
			body, err := w.client.ExportRows(t.Context(), o.Name, client.RowFilter{}, nil)
			w.must(err)
			lines, err := csv.NewReader(body).ReadAll()
			_ = body.Close()
			if err != nil || len(lines) != len(stored)+1 {
				t.Errorf("%s: %d lines of CSV, %v", name, len(lines), err)
			}
			var file bytes.Buffer
			w.must(w.client.RejectsCSV(t.Context(), run.ID, &file))
		}
	})
}

// Lookups to rows that are gone, to themselves and in circles each have one
// outcome: the lookup is empty where there is no row, and found where there
// is one, whatever the order in which the rows come.
func TestAwkwardParents(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Users: 12, Accounts: -1, Contacts: -1}, cfg)
		r := w.records()
		for n := range 7 {
			r.put("accounts", key(n), map[string]any{"name": fmt.Sprintf("Account %d", n)})
		}
		// 0 and 1 are each other's parents, 2, 3 and 4 go round, 6 is its own;
		// the parent of 5 is deleted. The answers say so: the sandbox may not.
		parents := map[int]int{0: 1, 1: 0, 2: 3, 3: 4, 4: 2, 5: 99, 6: 6}
		said := map[string]wire{}
		for n, parent := range parents {
			said[key(n)] = wire{"_parentaccountid_value": `"` + key(parent) + `"`}
		}
		w.pretend("accountid", said)
		conn := w.connect("Contoso")
		in := client.JobInput{ConnectionID: conn.ID, Entity: "account", Object: "Company", Mapping: crosswalk.Mapping{
			Fields: []crosswalk.FieldMapping{
				{Source: "accountid", Target: "External_ID", Identifier: true},
				{Source: "name", Target: "Name"},
				{Source: "parentaccountid.name", Target: "Description"},
			},
			Derived: []crosswalk.DerivedMapping{{Target: "Parent_Company", Match: []crosswalk.MatchPair{{Source: "parentaccountid", Field: "External_ID"}}}},
		}}
		job := w.newJob(in)
		for _, scope := range []crosswalk.Scope{{}, everything} {
			run := w.runOver(job, scope)
			if run.Status != crosswalk.RunSuccess || run.Counts.Read != 7 || run.Counts.Rejected != 0 {
				t.Fatalf("%s %q %+v", run.Status, run.Message, run.Counts)
			}
			rows := w.rowsBy("Company", "External_ID")
			for n, parent := range parents {
				var want any
				if p := rows[key(parent)]; p != nil {
					want = p["GSID"]
				}
				if diff := cmp.Diff(want, rows[key(n)]["Parent_Company"]); diff != "" {
					t.Errorf("parent of %d (-want +got):\n%s", n, diff)
				}
			}
		}
	})
}
