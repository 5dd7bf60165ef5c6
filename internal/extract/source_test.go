package extract_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

var filterNone = []crosswalk.Condition{{Attribute: "statecode", Operator: crosswalk.Equal, Values: []string{"7"}}}

var contacts = job{"contact", []string{"contactid", "fullname", "parentcustomerid(account).name", "parentcustomerid(account).telephone1", "parentcustomerid(account).primarycontactid.jobtitle", "jobtitle"}, nil}

// TestPages checks what the pages of a plain walk say.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 50, Contacts: 95})
	entity, plan := w.compile(contacts, false)
	rows, infos := read(t, plan, extract.NewPages(w.config(entity, plan, 40)))
	if len(rows) != 95 || len(infos) != 3 {
		t.Fatalf("%d rows in %d pages", len(rows), len(infos))
	}
	for i, info := range infos {
		if want := (pipeline.Changes{Recount: i == 0, Complete: i == 2}); !cmp.Equal(want, info.Changes) || info.Bytes == 0 {
			t.Errorf("page %d: %+v", i+1, info)
		}
	}
	// A source made anew goes on from a link.
	src := plan.NewSourceBatch()
	if info, err := extract.NewPages(w.config(entity, plan, 40)).Page(t.Context(), infos[0].Next, src); err != nil || info.Next != infos[1].Next || src.Rows() != 40 {
		t.Errorf("%+v, %d rows, %v", info, src.Rows(), err)
	}
}

// TestResolvingReadsOnce checks that related rows are read in few requests,
// and not again for later pages, rows that are gone included.
func TestResolvingReadsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 2000, Contacts: 3000})
	if _, err := w.sandbox.DeleteRows("account", 500, 1); err != nil {
		t.Fatal(err)
	}
	j := job{"contact", []string{"contactid", "parentcustomerid(account).name", "parentcustomerid(account).accountnumber", "ownerid(systemuser).fullname"}, nil}
	entity, plan := w.compile(j, true)
	w.since("")
	_, infos := read(t, plan, extract.NewChanges(w.config(entity, plan, 1500), "", false))
	asked := map[string]int{}
	w.mu.Lock()
	for _, a := range w.asked {
		table, _, _ := strings.Cut(a, "?")
		asked[table]++
		if table == "accounts" {
			for _, id := range regexp.MustCompile(`"[0-9a-f-]{36}"`).FindAllString(a, -1) {
				asked[id]++
			}
		}
	}
	w.mu.Unlock()
	total := 0
	for what, n := range asked {
		switch {
		case !strings.HasPrefix(what, `"`):
			total += n
		case n > 1:
			t.Errorf("account %s was read %d times", what, n)
		}
	}
	if asked["accounts"] > 6 || asked["systemusers"] > 2 {
		t.Errorf("%d reads of accounts, %d of users", asked["accounts"], asked["systemusers"])
	}
	if requests(infos) != int64(total) {
		t.Errorf("%d requests were told, %d sent", requests(infos), total)
	}
}

// TestGone removes columns of a table and of a related one, at the first page
// and in the middle: the source says so each time, and what is read without
// them is the same as ever.
func TestGone(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(extract.Config) pipeline.Source{
		"sent along": func(cfg extract.Config) pipeline.Source { return extract.NewPages(cfg) },
		"read by key": func(cfg extract.Config) pipeline.Source {
			return extract.NewChanges(cfg, "", false)
		},
	}
	tests := []struct {
		table, column string
		gone          []string
		less          []string // the paths that remain
	}{
		{"account", "telephone1", []string{"parentcustomerid_account/telephone1"}, []string{"contactid", "fullname", "parentcustomerid(account).name", "parentcustomerid(account).primarycontactid.jobtitle", "jobtitle"}},
		{"contact", "jobtitle", []string{"jobtitle", "parentcustomerid_account/primarycontactid/jobtitle"}, []string{"contactid", "fullname", "parentcustomerid(account).name", "parentcustomerid(account).telephone1"}},
	}
	for kind, source := range kinds {
		for _, test := range tests {
			t.Run(kind+", "+test.column, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sandbox.Config{Users: 5, Accounts: 60, Contacts: 100})
				tracked := kind == "read by key"
				entity, plan := w.compile(contacts, tracked)
				first, err := source(w.config(entity, plan, 40)).Page(t.Context(), "", plan.NewSourceBatch())
				if err != nil {
					t.Fatal(err)
				}
				if err := w.sandbox.RemoveColumn(test.table, test.column); err != nil {
					t.Fatal(err)
				}
				for _, link := range []string{"", first.Next} {
					gone := map[string]bool{}
					for range 3 {
						var names []string
						for name := range gone {
							names = append(names, name)
						}
						j := contacts
						if len(gone) > 0 {
							j.paths = test.less
						}
						_, plan := w.compile(j, tracked, names...)
						_, err := source(w.config(entity, plan, 40)).Page(t.Context(), link, plan.NewSourceBatch())
						var lost *extract.GoneError
						if !errors.As(err, &lost) {
							if err != nil {
								t.Fatal(err)
							}
							break
						}
						for _, c := range lost.Columns {
							if !slices.Contains(test.gone, c) || gone[c] || !strings.Contains(lost.Error(), c) {
								t.Errorf("lost %v", lost)
							}
							gone[c] = true
						}
					}
					if len(gone) == 0 {
						t.Errorf("behind %.50q nothing was said", link)
					}
				}
			})
		}
	}
}

// TestLinkWithLess checks that a link which was made without a column is not
// read with it.
func TestLinkWithLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 60, Contacts: 100})
	tests := []struct {
		tracked bool
		part    string // of the link
		gone    []string
	}{
		{false, ",telephone1", []string{"parentcustomerid_account/telephone1"}},
		{false, "fullname,", []string{"fullname"}},
		{false, ";$expand=primarycontactid($select=contactid,jobtitle)", []string{"parentcustomerid_account/primarycontactid/jobtitle"}},
		{true, "fullname,", []string{"fullname"}},
	}
	for _, test := range tests {
		entity, plan := w.compile(contacts, test.tracked)
		source := func() pipeline.Source {
			if test.tracked {
				return extract.NewChanges(w.config(entity, plan, 40), "", true)
			}
			return extract.NewPages(w.config(entity, plan, 40))
		}
		page, err := source().Page(t.Context(), "", plan.NewSourceBatch())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source().Page(t.Context(), page.Next, plan.NewSourceBatch()); err != nil {
			t.Errorf("the link as it is: %v", err)
		}
		link := strings.Replace(page.Next, test.part, "", 1)
		if link == page.Next {
			t.Fatalf("%s is not in %s", test.part, link)
		}
		w.since("")
		_, err = source().Page(t.Context(), link, plan.NewSourceBatch())
		var gone *extract.GoneError
		if !errors.As(err, &gone) || !cmp.Equal(test.gone, gone.Columns) || w.since("contacts") != nil {
			t.Errorf("without %s: %v", test.part, err)
		}
	}
}

// TestMalformedRelated checks that a related row with a value of another type
// rejects its records alone, and alike both ways.
func TestMalformedRelated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 100, Contacts: 300})
	number := regexp.MustCompile(`"numberofemployees":(\d*[02468])\b`)
	w.tamper = func(body []byte) []byte { return number.ReplaceAll(body, []byte(`"numberofemployees":"$1"`)) }
	j := job{"contact", []string{"contactid", "fullname", "parentcustomerid(account).numberofemployees", "parentcustomerid(account).parentaccountid.numberofemployees"}, nil}
	entity, plan := w.compile(j, false)
	along, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 100)))
	_, tracked := w.compile(j, true)
	byKey, _ := read(t, tracked, extract.NewChanges(w.config(entity, tracked, 100), "", false))
	if diff := cmp.Diff(along, byKey); diff != "" {
		t.Errorf("(-sent along +read by key):\n%s", diff)
	}
	rejected := 0
	for _, row := range along {
		if strings.HasPrefix(row, "rejected: F") {
			rejected++
		}
	}
	if len(along) != 300 || rejected < 20 || rejected > 280 {
		t.Errorf("%d of %d rejected", rejected, len(along))
	}
}

// TestRecords reads records by their keys.
func TestRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Users: 5, Accounts: 50, Contacts: 120})
	entity, plan := w.compile(contacts, false)
	all, _ := read(t, plan, extract.NewPages(w.config(entity, plan, 0)))
	want := map[string]string{}
	var ids []string
	for i, id := range keys(all) {
		if i%2 == 0 {
			want[id] = all[id]
			ids = append(ids, id)
		}
		if i%10 == 0 {
			ids = append(ids, fmt.Sprintf("%s%04x", id[:32], i), fmt.Sprintf("no key %d", i)) // of no record
		}
	}
	slices.Sort(ids)
	next := func(_ context.Context, after string, n int) ([]string, error) {
		i, _ := slices.BinarySearch(ids, after)
		if i < len(ids) && ids[i] == after {
			i++
		}
		return ids[i:min(i+n, len(ids))], nil
	}
	for _, size := range []int{0, 7, len(ids), len(ids) / 2} {
		got, infos := read(t, plan, extract.NewRecords(w.config(entity, plan, size), next))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d at a time (-want +got):\n%s", size, diff)
		}
		if size > 0 && len(infos) != len(ids)/size+1 {
			t.Errorf("%d pages of %d keys, %d at a time", len(infos), len(ids), size)
		}
	}
	broken := errors.New("no database")
	_, err := extract.NewRecords(w.config(entity, plan, 0), func(context.Context, string, int) ([]string, error) { return nil, broken }).Page(t.Context(), "", plan.NewSourceBatch())
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	// A record that the filter no longer chooses does not come.
	_, none := w.compile(job{contacts.entity, contacts.paths, filterNone}, false)
	if got, _ := read(t, none, extract.NewRecords(w.config(entity, none, 0), next)); len(got) != 0 {
		t.Errorf("%d records outside of the filter", len(got))
	}
	if err := w.sandbox.RemoveColumn("account", "telephone1"); err != nil {
		t.Fatal(err)
	}
	var gone *extract.GoneError
	if _, err := extract.NewRecords(w.config(entity, plan, 0), next).Page(t.Context(), "", plan.NewSourceBatch()); !errors.As(err, &gone) {
		t.Errorf("a lost column: %v", err)
	}
}

// copyOf is a copy of a table that is kept by what pages say.
type copyOf struct {
	plan *mapping.Plan
	rows map[string]string
	said []string
	end  string
}

// sync reads a source to its end. Behind each page between is called, which
// may return another source to go on with.
func (c *copyOf) sync(t *testing.T, source pipeline.Source, between func() pipeline.Source) {
	t.Helper()
	shown := map[string]bool{}
	src := c.plan.NewSourceBatch()
	for link := ""; ; {
		src.Reset()
		info, err := source.Page(t.Context(), link, src)
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Changes.Restart + info.Changes.Fallback; s != "" {
			c.said = append(c.said, s)
		}
		if info.Changes.Recount {
			clear(shown)
		}
		dst := c.plan.NewBatch()
		rejects, _ := c.plan.Apply(src, dst, nil)
		if len(rejects) > 0 {
			t.Fatal(rejects[0])
		}
		for i := range dst.Rows() {
			id := string(dst.Columns[0].Bytes(i))
			c.rows[id], shown[id] = text(dst, i), true
		}
		for _, id := range info.Changes.Present {
			shown[guid(id)] = true
		}
		for _, id := range info.Changes.Deleted {
			delete(c.rows, guid(id))
		}
		for id := range c.rows {
			if info.Changes.Complete && !shown[id] {
				delete(c.rows, id)
			}
		}
		if link = info.Next; link == "" {
			if info.Changes.Watermark == "" {
				t.Error("the last page has no watermark")
			}
			c.end = info.Changes.Watermark
			return
		}
		if other := between(); other != nil {
			source = other
		}
	}
}

func guid(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// TestChanges keeps a copy of a table through changes, deletions and restarts
// of the reader, however the environment tells of them.
func TestChanges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(w *world) error
		said    string
	}{
		{"tracked", func(*world) error { return nil }, ""},
		{"by time", func(w *world) error { return w.sandbox.SetTracked("contact", false) }, "not switched on"},
		{"with tokens that expire at once", func(w *world) error { return w.sandbox.SetTrackingDays(0) }, "no longer knows"},
		{"without the right to all rows", func(w *world) error {
			return w.sandbox.SetRole("", sandbox.Role{Tables: map[string]sandbox.Depth{"contact": sandbox.Deep}})
		}, "organization level"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Users: 5, Accounts: 80, Contacts: 200})
			if err := test.prepare(w); err != nil {
				t.Fatal(err)
			}
			j := job{contacts.entity, contacts.paths[:4], nil} // what a change of a related row does is another matter
			entity, plan := w.compile(j, true)
			c := &copyOf{plan: plan, rows: map[string]string{}}
			seed := uint64(0)
			shuffle := func(n int) {
				for _, change := range []func(string, int, uint64) (int, error){w.sandbox.ChangeRows, w.sandbox.DeleteRows, w.sandbox.InsertRows} {
					seed++
					if _, err := change("contact", n, seed); err != nil {
						t.Fatal(err)
					}
				}
			}
			for round := range 3 {
				source := func() pipeline.Source { return extract.NewChanges(w.config(entity, plan, 40), c.end, true) }
				c.sync(t, source(), func() pipeline.Source {
					if round == 2 {
						return nil
					}
					shuffle(3)
					return source()
				})
				if round < 1 {
					shuffle(15)
				}
			}
			_, full := w.compile(j, false)
			want, _ := read(t, full, extract.NewPages(w.config(entity, full, 0)))
			if diff := cmp.Diff(want, c.rows); diff != "" {
				t.Errorf("(-table +copy):\n%s", diff)
			}
			if said := strings.Join(c.said, "\n"); !strings.Contains(said, test.said) || test.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, test.said)
			}
		})
	}
}
