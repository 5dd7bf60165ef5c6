package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// environment is a sandbox and a Dataverse client of it, without a Crosswalk
// between them.
type environment struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	client  *dataverse.Client
	url     string
	through http.RoundTripper
}

func newEnvironment(t *testing.T, data sandbox.Config) *environment {
	t.Helper()
	return newRecorded(t, data, nil)
}

// newRecorded is newEnvironment with a client that sends its requests through
// a transport.
func newRecorded(t *testing.T, data sandbox.Config, through http.RoundTripper) *environment {
	t.Helper()
	s := newSandbox(t, data)
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	e := &environment{t: t, sandbox: s, url: srv.URL, through: through}
	token := e.signIn()
	e.client = dataverse.New(dataverse.Config{
		BaseURL: srv.URL,
		Token: func(_ context.Context, refused bool) (string, error) {
			if refused {
				token = e.signIn()
			}
			return token, nil
		},
		Transport: through,
	})
	return e
}

// signIn returns an access token for the application.
func (e *environment) signIn() string {
	e.t.Helper()
	resp, err := http.PostForm(e.url+"/"+e.sandbox.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "scope": {e.url + "/.default"},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		e.t.Fatalf("sign in: %s %v", resp.Status, err)
	}
	return grant.AccessToken
}

// specs are a key and texts.
func specs(key string, texts ...string) []column.Spec {
	list := []column.Spec{{Name: key, Kind: column.GUID}}
	for _, name := range texts {
		list = append(list, column.Spec{Name: name, Kind: column.Text})
	}
	return list
}

var accountSpecs = specs("accountid", "name", "telephone1")

// row returns the texts of a row as one.
func row(b *column.Batch, i int) string {
	var texts []string
	for _, c := range b.Columns[1:] {
		texts = append(texts, string(c.Bytes(i)))
	}
	return strings.Join(texts, " / ")
}

// table walks over all rows of a table.
func (e *environment) table(q dataverse.Query, specs []column.Spec) map[[16]byte]string {
	e.t.Helper()
	rows := map[[16]byte]string{}
	cols, b := odata.NewColumns(specs), column.NewBatch(specs)
	for link := ""; ; {
		b.Reset()
		page, err := e.client.Page(e.t.Context(), q, link, cols, b)
		if err != nil {
			e.t.Fatal(err)
		}
		for i := range b.Rows() {
			rows[b.Columns[0].GUIDs[i]] = row(b, i)
		}
		if link = page.Next; link == "" {
			return rows
		}
	}
}

// replica is a copy of a table that is kept by its changes.
type replica struct {
	*environment
	specs   []column.Spec
	query   dataverse.ChangeQuery // with Keys, the rows are read beside a walk over keys
	rows    map[[16]byte]string
	between func() // called behind each page
	said    []string
	missing []string
}

func (e *environment) replica(pageSize int) *replica {
	e.t.Helper()
	return e.replicaOf("account", accountSpecs, pageSize)
}

func (e *environment) replicaOf(table string, specs []column.Spec, pageSize int) *replica {
	e.t.Helper()
	entity, err := e.client.Entity(e.t.Context(), table)
	if err != nil {
		e.t.Fatal(err)
	}
	q := dataverse.Query{EntitySet: entity.EntitySetName, PageSize: pageSize}
	for _, s := range specs {
		q.Select = append(q.Select, s.Name)
	}
	return &replica{
		environment: e, specs: specs, rows: map[[16]byte]string{}, between: func() {},
		query: dataverse.ChangeQuery{Query: q, Entity: entity, Sweep: true},
	}
}

// others reads all rows as others do beside a walk over keys: a page each time,
// until it returns false.
func (r *replica) others(shown map[[16]byte]bool) func() bool {
	cols, b := odata.NewColumns(r.specs), column.NewBatch(r.specs)
	link, more := "", true
	return func() bool {
		if !more {
			return false
		}
		b.Reset()
		page, err := r.client.Page(r.t.Context(), r.query.Query, link, cols, b)
		if link != "" && dataverse.LinkEnded(err) {
			link = ""
			return true
		}
		if err != nil {
			r.t.Fatal(err)
		}
		r.missing = append(r.missing, page.Missing...)
		for i := range b.Rows() {
			id := b.Columns[0].GUIDs[i]
			r.rows[id], shown[id] = row(b, i), true
		}
		link, more = page.Next, page.Next != ""
		return more
	}
}

func (r *replica) sync() {
	r.t.Helper()
	shown := map[[16]byte]bool{}
	cols, b := odata.NewColumns(r.specs), column.NewBatch(r.specs)
	others, walking := r.others(shown), r.query.Walking("")
	for next := ""; ; {
		if walking && next != "" {
			walking = r.query.Walking(next)
			for others() && !walking {
			}
		}
		b.Reset()
		page, err := r.client.Changes(r.t.Context(), r.query, next, cols, b)
		if err != nil {
			r.t.Fatal(err)
		}
		if s := page.Restart + page.Fallback; s != "" {
			r.said = append(r.said, s)
		}
		r.missing = append(r.missing, page.Missing...)
		if page.Restart != "" && r.query.Keys { // everything, by others again
			clear(shown)
			next, r.query.Since = "", ""
			others, walking = r.others(shown), true
			continue
		}
		if page.Recount {
			clear(shown)
		}
		for i := range b.Rows() {
			id := b.Columns[0].GUIDs[i]
			r.rows[id], shown[id] = row(b, i), true
		}
		for _, id := range page.Present {
			shown[id] = true
		}
		for _, id := range page.Deleted {
			delete(r.rows, id)
		}
		for id := range r.rows {
			if page.Complete && !shown[id] {
				delete(r.rows, id)
			}
		}
		if next = page.Next; next == "" {
			r.query.Since = page.End
			return
		}
		r.between()
	}
}

func (r *replica) equal(when string) {
	r.t.Helper()
	q := r.query.Query
	q.PageSize = 0
	if diff := cmp.Diff(r.table(q, r.specs), r.rows); diff != "" {
		r.t.Errorf("%s (-table +copy):\n%s", when, diff)
	}
}

// A copy of a table stays the table, whatever the environment does where
// nobody knows for certain, and whoever reads.
func TestChangesOfTheSandbox(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		unverified sandbox.Unverified
		role       sandbox.Role  // from the second read on
		skew       time.Duration // of the Date header
		days       int
		said       string // in every read behind the first; empty means nothing
	}{
		{name: "as is likeliest", days: 7},
		{name: "token at the end", unverified: sandbox.Unverified{TokenAtEnd: true}, days: 7},
		{name: "delta links elsewhere", unverified: sandbox.Unverified{SwapDeltaLink: true, UntrackedLinks: true}, days: 7},
		{name: "whole deltas with repeated rows", unverified: sandbox.Unverified{WholeDelta: true, RepeatChanges: true}, days: 7},
		{name: "all of it", unverified: sandbox.Unverified{TokenAtEnd: true, SwapDeltaLink: true, RepeatChanges: true, KeepTokens: true}, days: 7},
		{name: "tokens expire at once", days: 0, said: "no longer knows"},
		{name: "tokens expire at once, another status", unverified: sandbox.Unverified{ExpiredStatus: 500, TokenAtEnd: true}, days: 0, said: "no longer knows"},
		{name: "no global read", role: sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Deep}}, days: 7, said: "organization level"},
		{name: "no global read, and a clock ahead", role: sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Deep}}, skew: 2 * time.Hour, days: 7, said: "organization level"},
		{name: "no global read, and a clock behind", role: sandbox.Role{Tables: map[string]sandbox.Depth{"account": sandbox.Deep}}, skew: -2 * time.Hour, days: 7, said: "organization level"},
	}
	for _, keys := range []bool{false, true} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s, keys %t", test.name, keys), func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t, sandbox.Config{Accounts: 300, Users: 5, Unverified: test.unverified})
				e.sandbox.SetTrackingDays(test.days)
				if test.skew != 0 {
					if _, err := e.sandbox.Fault(sandbox.Fault{Kind: sandbox.FaultDate, Delay: sandbox.Span(test.skew)}); err != nil {
						t.Fatal(err)
					}
				}
				r := e.replica(40)
				r.query.Keys = keys
				seed := uint64(0)
				shuffle := func(n int) {
					for _, change := range []func(string, int, uint64) (int, error){e.sandbox.ChangeRows, e.sandbox.DeleteRows, e.sandbox.InsertRows} {
						seed++
						if _, err := change("account", n, seed); err != nil {
							t.Error(err)
						}
					}
				}
				r.between = func() { shuffle(2) }
				r.sync()
				if err := e.sandbox.SetRole("", test.role); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					shuffle(30)
					r.sync()
				}
				r.between = func() {}
				r.sync()
				r.equal("at rest")
				if test.said == "" && r.said != nil {
					t.Errorf("said %q", r.said)
				}
				if test.said != "" && (len(r.said) == 0 || !strings.Contains(r.said[0], test.said)) {
					t.Errorf("said %q, want %q", r.said, test.said)
				}
			})
		}
	}
}

// A column that is removed costs its values, after everything was read again.
func TestChangesWithoutAColumn(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, sandbox.Config{Accounts: 100, Users: 5})
	r := e.replica(40)
	r.sync()
	if err := e.sandbox.RemoveColumn("account", "telephone1"); err != nil {
		t.Fatal(err)
	}
	r.sync()
	if len(r.said) != 1 || len(r.missing) == 0 || r.missing[0] != "telephone1" {
		t.Errorf("said %q, missing %q", r.said, r.missing)
	}
	r.equal("without the column")
	if _, err := e.sandbox.DeleteRows("account", 10, 1); err != nil {
		t.Fatal(err)
	}
	r.sync()
	r.equal("after deletions")
}

// A query too long for an address reads the same as a short one.
func TestLongQuery(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, sandbox.Config{Accounts: 250, Users: 5})
	q := dataverse.Query{EntitySet: "accounts", Select: []string{"accountid", "name", "telephone1"}, Filter: "statecode eq 0", PageSize: 100}
	want := e.table(q, accountSpecs)
	var in []string
	for i := range 2000 {
		in = append(in, fmt.Sprintf("'nobody %06d'", i))
	}
	q.Filter = "statecode eq 0 and not Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[" + strings.ReplaceAll(strings.Join(in, ","), "'", `"`) + "])"
	if diff := cmp.Diff(want, e.table(q, accountSpecs)); diff != "" || len(want) == 0 {
		t.Errorf("%d rows (-short +long):\n%s", len(want), diff)
	}
	q.Filter = "name eq '" + strings.Repeat("x", 80_000) + "'"
	_, err := e.client.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
	if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("a query no batch can hold: %v", err)
	}
}
