package extract_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestBothWaysAtRandom reads whatever the metadata of the tables lead to, and
// with behaviours of Dataverse that nobody knows for certain: related rows
// that are sent along and those read by key are the same.
func TestBothWaysAtRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Seed: 8, Users: 10, Accounts: 150, Contacts: 250, Opportunities: 120, Incidents: 80, Activities: 200, Leads: 60, Awkward: true})
	for i, entity := range []string{"account", "contact", "opportunity", "lead"} {
		if _, err := w.sandbox.DeleteRows(entity, 3+10*(i%2), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(4, 2))
	followed, rows := 0, 0
	for round := range 25 {
		w.sandbox.SetUnverified(sandbox.Unverified{TokenAtEnd: r.IntN(2) == 0, SwapDeltaLink: r.IntN(2) == 0, UnsortedChoices: r.IntN(2) == 0, TextKeyOrder: r.IntN(2) == 0})
		tables := []string{"account", "contact", "opportunity", "incident", "lead", "task", "phonecall", "email", "team"}
		j := job{entity: tables[r.IntN(len(tables))]}
		entity, err := w.entity(j.entity)
		if err != nil {
			t.Fatal(err)
		}
		j.paths = []string{entity.PrimaryID}
		for range 200 {
			path := randomPath(r, w, entity)
			if _, err := w.plan(job{j.entity, append(j.paths[:1:1], path), nil}, false); err == nil {
				j.paths = append(j.paths, path)
				followed += strings.Count(path, ".")
			}
			if len(j.paths) == 9 {
				break
			}
		}
		plan, err := w.plan(j, false)
		if err != nil { // too many lookups together
			continue
		}
		along, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 60)))
		tracked, err := w.plan(j, true)
		if err != nil {
			t.Fatal(err)
		}
		byKey, _ := read(t, tracked, extract.NewChanges(w.config(entity, tracked, 60), "", false))
		if diff := cmp.Diff(along, byKey); diff != "" {
			t.Errorf("round %d, %s %q (-sent along +read by key):\n%s", round, j.entity, j.paths, diff)
		}
		rows += len(along)
	}
	if followed < 150 || rows < 1000 {
		t.Errorf("only %d lookups were followed from %d rows", followed, rows)
	}
}

// randomPath goes through up to three lookups to some attribute.
func randomPath(r *rand.Rand, w *world, e *crosswalk.Entity) string {
	path := ""
	for range 1 + r.IntN(crosswalk.MaxLookups) {
		var lookups []crosswalk.Attribute
		for _, a := range e.Attributes {
			if a.IsLookup() && len(a.Targets) > 0 {
				lookups = append(lookups, a)
			}
		}
		if len(lookups) == 0 {
			break
		}
		a := lookups[r.IntN(len(lookups))]
		table := a.Targets[r.IntN(len(a.Targets))]
		next, err := w.entity(table)
		if err != nil {
			break
		}
		path += fmt.Sprintf("%s(%s).", a.LogicalName, table)
		e = next
	}
	return path + e.Attributes[r.IntN(len(e.Attributes))].LogicalName
}

// TestForbiddenTable checks that a table which the user may not read fails the
// read either way: its columns are not empty.
func TestForbiddenTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 20, Contacts: 50})
	if err := w.sandbox.SetRole("", sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.None}}); err != nil {
		t.Fatal(err)
	}
	entity, plan := w.compile(contacts, false)
	_, along := extract.NewPages(w.config(entity, plan, 0)).Page(t.Context(), "", plan.NewSourceBatch())
	_, tracked := w.compile(contacts, true)
	_, byKey := extract.NewChanges(w.config(entity, tracked, 0), "", false).Page(t.Context(), "", tracked.NewSourceBatch())
	for _, err := range []error{along, byKey} {
		if crosswalk.ErrorCode(err) != crosswalk.CodeForbidden || !strings.Contains(err.Error(), "prvReadAccount") {
			t.Errorf("error %v", err)
		}
	}
}
