package dataverse_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// accountEntity is the metadata of a table whose changes are tracked.
func accountEntity() *crosswalk.Entity {
	return &crosswalk.Entity{
		LogicalName: "account", EntitySetName: "accounts", DisplayName: "Account", PrimaryID: "accountid", ChangeTracking: true,
		Attributes: []crosswalk.Attribute{
			{LogicalName: "accountid", Type: crosswalk.AttributeUniqueID},
			{LogicalName: "modifiedon", Type: crosswalk.AttributeDateTime},
			{LogicalName: "name", Type: crosswalk.AttributeString},
		},
	}
}

// mirror applies changes to a copy, as whoever reads them does.
type mirror struct {
	t        *testing.T
	client   *dataverse.Client
	query    dataverse.ChangeQuery
	names    map[[16]byte]string
	shown    map[[16]byte]bool
	said     []string // restarts and fallbacks
	tracked  bool     // so is what comes next
	complete bool     // so was what was shown
	pages    int
}

func newMirror(t *testing.T, s *tracker) *mirror {
	return &mirror{
		t: t, client: bubble(s.answer), names: map[[16]byte]string{},
		query: dataverse.ChangeQuery{
			Query:  dataverse.Query{EntitySet: "accounts", Select: []string{"accountid", "name"}, PageSize: 3},
			Entity: accountEntity(), Sweep: true,
		},
	}
}

// sync reads from the last end to the next one. Beside a walk over keys it
// reads the rows.
func (m *mirror) sync() error {
	m.shown = map[[16]byte]bool{}
	cols, b := odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)
	walking := m.query.Walking("")
	others := m.reader()
	for next := ""; ; {
		if next != "" && walking {
			walking = m.query.Walking(next)
			for more := true; more && (!walking || m.pages%3 > 0); m.pages++ {
				more = others()
			}
		}
		b.Reset()
		page, err := m.client.Changes(m.t.Context(), m.query, next, cols, b)
		if err != nil {
			return err
		}
		m.pages++
		if page.Records != b.Rows() {
			m.t.Errorf("%d records, %d rows", page.Records, b.Rows())
		}
		for _, s := range []string{page.Restart, page.Fallback} {
			if s != "" {
				m.said = append(m.said, s)
			}
		}
		if page.Restart != "" && (!page.Recount || page.Records > 0 || page.Next == "") {
			m.t.Errorf("a restart %+v", page)
		}
		if page.Restart != "" && m.query.Keys { // everything, by others again
			m.query.Since, next, walking, others = "", "", true, m.reader()
			clear(m.shown)
			continue
		}
		if page.Recount {
			clear(m.shown)
		}
		if walking && (b.Rows()+len(page.Deleted) > 0 || page.End != "" || page.Restart != "") {
			m.t.Errorf("%d rows in a walk over keys: %+v", b.Rows(), page)
		}
		for i := range b.Rows() {
			id := b.Columns[0].GUIDs[i]
			m.names[id], m.shown[id] = string(b.Columns[1].Bytes(i)), true
		}
		for _, id := range page.Present {
			m.shown[id] = true
		}
		for _, id := range page.Deleted {
			delete(m.names, id)
		}
		if page.Complete {
			for id := range m.names {
				if !m.shown[id] {
					delete(m.names, id)
				}
			}
		}
		if (page.End == "") != (page.Next != "") {
			m.t.Fatalf("neither or both of next %q and end %q", page.Next, page.End)
		}
		if next = page.Next; next == "" {
			m.query.Since, m.tracked, m.complete = page.End, page.Tracked, page.Complete
			return nil
		}
		if m.pages > 10_000 {
			m.t.Fatal("the pages do not end")
		}
	}
}

// reader reads all rows, a page at a time.
func (m *mirror) reader() func() bool {
	cols, b := odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)
	link, done := "", false
	return func() bool {
		if done {
			return false
		}
		b.Reset()
		page, err := m.client.Page(m.t.Context(), m.query.Query, link, cols, b)
		if err != nil {
			m.t.Fatal(err)
		}
		for i := range b.Rows() {
			id := b.Columns[0].GUIDs[i]
			m.names[id], m.shown[id] = string(b.Columns[1].Bytes(i)), true
		}
		link = page.Next
		done = link == ""
		return !done
	}
}

func (m *mirror) must() {
	m.t.Helper()
	if err := m.sync(); err != nil {
		m.t.Fatal(err)
	}
}

// equal checks that the copy is what the table holds.
func (m *mirror) equal(s *tracker, when string) {
	m.t.Helper()
	want := map[[16]byte]string{}
	for id, r := range s.rows {
		want[id] = r.name
	}
	if diff := cmp.Diff(want, m.names); diff != "" {
		m.t.Errorf("%s: (-table +copy):\n%s", when, diff)
	}
}
