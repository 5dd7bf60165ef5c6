package table_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func standard(name string) crosswalk.Object {
	for _, o := range crosswalk.StandardObjects() {
		if o.Name == name {
			return o
		}
	}
	panic(name)
}

// personConfig is a job that writes Company_Person, by the Person's e-mail
// address. A record has: Title, External_ID of the company, Email and Name of
// the Person.
func personConfig(t *testing.T, db *database.DB) table.Config {
	t.Helper()
	company := standard("Company")
	cfg := table.Config{Object: company, Columns: columns(company, "External_ID!", "Name")}
	put(t, db, cfg, rec("c1", "c1", "One"), rec("c2", "c2", "Two"))
	cp, person := standard("Company_Person"), standard("Person")
	return table.Config{
		Object: cp, Columns: columns(cp, "Title"), By: "Job",
		Lookups: []table.Lookup{{Field: *cp.Field("Company"), Object: company, Match: columns(company, "External_ID")}},
		Person:  &table.Person{Object: person, Columns: columns(person, "Email!", "Name?")},
	}
}

// people returns the Persons by e-mail address, and the rows of Company_Person
// as "e-mail address company title".
func people(t *testing.T, db *database.DB) (names map[string]string, links []string) {
	t.Helper()
	names = map[string]string{}
	emails, companies := map[string]string{}, map[string]string{}
	text := func(v any) string {
		s, _ := v.(string)
		return s
	}
	for _, row := range mustRows(t, db, standard("Company")) {
		companies[text(row["GSID"])] = text(row["External_ID"])
	}
	for _, row := range mustRows(t, db, standard("Person")) {
		names[text(row["Email"])] = text(row["Name"])
		emails[text(row["GSID"])] = text(row["Email"])
	}
	for _, row := range mustRows(t, db, standard("Company_Person")) {
		links = append(links, emails[text(row["Person"])]+" "+companies[text(row["Company"])]+" "+text(row["Title"]))
	}
	return names, links
}

func TestPerson(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		w := open(t, db, cfg)
		b := batchFor(cfg,
			rec("1", "CEO", "c1", "a@x", "A"),
			rec("2", "CFO", "c1", "b@x", "B"),
			rec("3", "Board", "c2", "a@x", "A the last"),
			rec("4", "x", "none", "nobody@x", "N"),
			rec("5", "x", "c1", nil, "N"),
			rec("6", "x", nil, "nocompany@x", "N"),
			rec("7", "CTO", "c1", "b@x", nil),
		)
		want := table.Result{Inserted: 3, Duplicates: 1, Rejects: []table.RowReject{
			{Row: 4, Field: "Person.Email", Code: crosswalk.RejectIdentifierEmpty, Message: "Email is an identifier, and the record has no value for it."},
			{Row: 3, Field: "Company", Code: crosswalk.RejectNoMatch, Message: `No row of Company has External_ID "none".`, Value: "none"},
			{Row: 5, Field: "Company", Code: crosswalk.RejectIdentifierEmpty, Message: "Company is an identifier, and the record has no value for it."},
		}}
		equal(t, write(t, w, b), want)
		// b@x has no name: the last record kept it empty.
		names, links := people(t, db)
		equal(t, names, map[string]string{"a@x": "A the last", "b@x": ""})
		equal(t, links, []string{"a@x c1 CEO", "a@x c2 Board", "b@x c1 CTO"})
		want.Inserted, want.Unchanged = 0, 3
		equal(t, write(t, w, b), want)
		for _, row := range mustRows(t, db, standard("Person")) {
			equal(t, row["Created_By"], any("Job"))
			_, p, err := table.Row(t.Context(), db, standard("Person"), row["GSID"].(string))
			if err != nil {
				t.Fatal(err)
			}
			id := map[any]string{"a@x": "3", "b@x": "7"}[row["Email"]]
			equal(t, p, table.Provenance{ConnectionID: "c", Entity: "e", SourceID: id, Run: 7})
		}
	})
}

func TestPersonOperations(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		put(t, db, cfg, rec("1", "CEO", "c1", "a@x", "A"))
		cfg.Operation = crosswalk.OperationUpdate
		equal(t, put(t, db, cfg, rec("1", "Boss", "c1", "a@x", "A2"), rec("1", "CEO", "c2", "a@x", "A2"), rec("2", "x", "c1", "b@x", "B")), table.Result{Updated: 1, Skipped: 2})
		cfg.Operation = crosswalk.OperationInsert
		equal(t, put(t, db, cfg, rec("1", "CEO", "c1", "a@x", "A3"), rec("1", "CEO", "c2", "a@x", "A3"), rec("2", "x", "c1", "b@x", "B")), table.Result{Inserted: 2, Skipped: 1})
		names, links := people(t, db)
		equal(t, names, map[string]string{"a@x": "A2", "b@x": "B"})
		equal(t, links, []string{"a@x c1 Boss", "a@x c2 CEO", "b@x c1 x"})
	})
}

// Records that share a Person settle on the one modified last.
func TestPersonDuplicates(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		cfg.Modified = true
		one, two := rec("1", "x", "c1", "a@x", "first", 5), rec("2", "x", "c2", "a@x", "second", 4)
		for _, records := range [][]record{{one, two}, {two}, {one}, {two, one}} {
			put(t, db, cfg, records...)
			names, links := people(t, db)
			equal(t, names, map[string]string{"a@x": "first"})
			equal(t, links, []string{"a@x c1 x", "a@x c2 x"})
		}
		equal(t, put(t, db, cfg, rec("3", "y", "c1", "a@x", "third", 3)), table.Result{Duplicates: 1})
	})
}

// A record that cannot be stored leaves no Person behind.
func TestPersonOfARejectedRecord(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		cfg := personConfig(t, db)
		for i := range cfg.Object.Fields {
			if cfg.Object.Fields[i].Name == "Title" {
				cfg.Object.Fields[i].Unique = true
			}
		}
		w := open(t, db, cfg)
		write(t, w, batchFor(cfg, rec("1", "taken", "c1", "a@x", "A")))
		r := write(t, w, batchFor(cfg, rec("2", "taken", "c1", "new@x", "B"), rec("3", "taken", "c2", "a@x", "A"), rec("4", "free", "c1", "both@x", "C"), rec("5", "taken", "c2", "both@x", "C")))
		equal(t, r.Inserted, int64(1))
		var at []int
		for _, rj := range r.Rejects {
			equal(t, rj.Code, crosswalk.RejectAmbiguous)
			equal(t, rj.Field, "Title")
			at = append(at, rj.Row)
		}
		equal(t, at, []int{0, 1, 3})
		names, _ := people(t, db)
		equal(t, names, map[string]string{"a@x": "A", "both@x": "C"})

		// A Person that cannot be stored rejects its records.
		for i := range cfg.Person.Object.Fields {
			if cfg.Person.Object.Fields[i].Name == "Name" {
				cfg.Person.Object.Fields[i].Unique = true
			}
		}
		cfg.Person.Object.Fields = append(cfg.Person.Object.Fields, crosswalk.Field{Name: "New", Type: crosswalk.FieldString})
		r = put(t, db, cfg, rec("6", "t6", "c1", "six@x", "A"), rec("7", "t7", "c2", "six@x", "A"), rec("8", "t8", "c1", "eight@x", "E"))
		equal(t, r, table.Result{Inserted: 1, Rejects: []table.RowReject{
			{Row: 1, Field: "Person.Name", Code: crosswalk.RejectAmbiguous, Message: "Another row of Person has this Name already, and other identifiers."},
			{Row: 0, Field: "Person", Code: crosswalk.RejectNoMatch, Message: `No row of Person has Email "six@x".`, Value: "six@x"},
		}})
	})
}
