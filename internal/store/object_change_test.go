package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// Jobs and the runs that wait follow a change of their object; a run that is
// writing holds it up.
func TestJobsFollowTheirObject(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		ok(t, s.EnsureStandardObjects(ctx))
		ok(t, s.RunningInto(ctx, db, "Company"))
		task := running(t, s)
		waiting := must(s.EnqueueRun(ctx, task.Job, crosswalk.Scope{}, "ann"))(t)
		code(t, s.RunningInto(ctx, db, "company"), crosswalk.CodeConflict)
		ok(t, s.RunningInto(ctx, db, "Relationship"))

		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return s.RemapObject(ctx, tx, "Company", map[string]string{"Phone": "Website", "Website": "Phone"}, []string{"City"})
		}))
		targets := func(j crosswalk.Job) (out []string) {
			for _, f := range j.Mapping.Fields {
				out = append(out, f.Source+" "+f.Target)
			}
			return out
		}
		changed := must(s.FindJob(ctx, task.Job.ID))(t)
		equal(t, changed.Version, task.Job.Version+1)
		got := targets(changed)
		for _, want := range []string{"telephone1 Website", "websiteurl Phone", "accountid External_ID"} {
			if !slices.Contains(got, want) {
				t.Errorf("%q is not in %q", want, got)
			}
		}
		equal(t, len(got), len(task.Job.Mapping.Fields)-1)
		ok(t, s.FinishRun(ctx, task.Run.ID, task.Fence, crosswalk.RunSuccess, "", ""))
		equal(t, targets(must(s.TakeRun(ctx, waiting.ID, 0))(t).Job), got)
		equal(t, must(s.FindRunByNumber(ctx, waiting.Number))(t).ID, waiting.ID)
		_, err := s.FindRunByNumber(ctx, 99)
		code(t, err, crosswalk.CodeNotFound)

		uses := must(s.ObjectUses(ctx, db, "COMPANY"))(t)
		equal(t, len(uses), 1)
		o := must(s.FindObject(ctx, "Company"))(t)
		o.DisplayName = "Account"
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.UpdateObject(ctx, tx, o) }))
		equal(t, must(s.FindObject(ctx, "Company"))(t), o)
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.DeleteObject(ctx, tx, "Company") }))
		err = db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.UpdateObject(ctx, tx, o) })
		code(t, err, crosswalk.CodeNotFound)
	})
}

// Jobs that find rows of an object, and those that make persons beside their
// own rows, follow its fields too; so does the field that deactivates rows.
func TestLookupsFollowTheirObject(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		ok(t, s.EnsureStandardObjects(ctx))
		custom := func(o crosswalk.Object, fields ...string) {
			for _, name := range fields {
				o.Fields = append(o.Fields, crosswalk.Field{Name: name, DisplayName: name, Type: crosswalk.FieldString})
			}
			ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.UpdateObject(ctx, tx, o) }))
		}
		for _, name := range []string{"Company", "User", "Person"} {
			custom(must(s.FindObject(ctx, name))(t), "Code__gc", "Other__gc")
		}
		c := connection(t, s, "Contoso")
		of := func(name, object string, m crosswalk.Mapping, d crosswalk.Deletes) crosswalk.Job {
			j := crosswalk.Job{
				Name: name, ConnectionID: c.ID, Entity: "contact", Object: object, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadFull, Mapping: m, Deletes: d,
			}
			ok(t, s.InsertJob(ctx, &j))
			return j
		}
		lookup := func(target string, fields ...string) []crosswalk.DerivedMapping {
			d := crosswalk.DerivedMapping{Target: target}
			for _, f := range fields {
				d.Match = append(d.Match, crosswalk.MatchPair{Source: "a", Field: f})
			}
			return []crosswalk.DerivedMapping{d}
		}
		code1 := []crosswalk.FieldMapping{{Source: "a", Target: "Code__gc", Identifier: true}, {Source: "b", Target: "Other__gc"}}
		companies := of("Companies", "Company", crosswalk.Mapping{Fields: code1, Derived: lookup("Parent_Company", "Other__gc", "Code__gc")}, crosswalk.Deletes{})
		people := of("People", "Company_Person", crosswalk.Mapping{
			Derived: lookup("Company", "Code__gc"),
			Person:  &crosswalk.PersonMapping{Match: "Email", Fields: []crosswalk.FieldMapping{{Source: "a", Target: "Code__gc"}, {Source: "b", Target: "Other__gc"}, {Source: "c", Target: "Email"}}},
		}, crosswalk.Deletes{})
		of("Strangers", "User", crosswalk.Mapping{Fields: code1}, crosswalk.Deletes{Policy: crosswalk.DeleteDeactivate, Field: "Is_Active"})
		waiting := must(s.EnqueueRun(ctx, people, crosswalk.Scope{}, "ann"))(t)

		uses := func(object, field string) (names []string) {
			for _, u := range must(s.ObjectUses(ctx, db, object))(t) {
				if f, ok := u.Fields[field]; ok {
					names = append(names, fmt.Sprintf("%s %t %t", f.Name, f.Identifier, f.Match))
				}
			}
			return names
		}
		equal(t, uses("company", "Code__gc"), []string{"Companies true true", "People false true"})
		equal(t, uses("Company", "Other__gc"), []string{"Companies false true"})
		equal(t, uses("Person", "Code__gc"), []string{"People false false"})
		equal(t, uses("Person", "Email"), []string{"People true false"})
		equal(t, uses("User", "Is_Active"), []string{"Strangers false true"})

		change := func(object string, renamed map[string]string, gone ...string) {
			t.Helper()
			ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error { return s.RemapObject(ctx, tx, object, renamed, gone) }))
		}
		change("Company", map[string]string{"Code__gc": "Other__gc", "Other__gc": "Code__gc"})
		change("Person", map[string]string{"Code__gc": "Other__gc"}, "Other__gc")
		change("User", map[string]string{"Is_Active": "Works__gc"})
		swapped := must(s.FindJob(ctx, companies.ID))(t)
		equal(t, swapped.Mapping.Derived, lookup("Parent_Company", "Code__gc", "Other__gc"))
		equal(t, []string{swapped.Mapping.Fields[0].Target, swapped.Mapping.Fields[1].Target}, []string{"Other__gc", "Code__gc"})
		want := crosswalk.Mapping{
			Derived: lookup("Company", "Other__gc"),
			Person:  &crosswalk.PersonMapping{Match: "Email", Fields: []crosswalk.FieldMapping{{Source: "a", Target: "Other__gc"}, {Source: "c", Target: "Email"}}},
		}
		equal(t, must(s.FindJob(ctx, people.ID))(t).Mapping, want)
		equal(t, uses("User", "Works__gc"), []string{"Strangers false true"})

		// The run that waits follows as well; when it runs, it holds up changes
		// of what it finds rows in.
		ok(t, s.RunningInto(ctx, db, "Company"))
		equal(t, must(s.TakeRun(ctx, waiting.ID, 0))(t).Job.Mapping, want)
		for _, object := range []string{"Company", "Person", "Company_Person"} {
			code(t, s.RunningInto(ctx, db, object), crosswalk.CodeConflict)
		}
		ok(t, s.RunningInto(ctx, db, "User"))
	})
}
