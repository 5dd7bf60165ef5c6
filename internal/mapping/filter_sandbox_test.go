package mapping_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// environment is a sandbox whose accounts and contacts hold awkward values.
type environment struct {
	url, token string
	client     *dataverse.Client
	entities   map[string]*crosswalk.Entity
	mu         sync.Mutex
}

// awkward are columns that the environment has beyond the usual ones.
var awkward = []sandbox.Column{
	{Name: "new_text", Type: "StringType"},
	{Name: "new_memo", Type: "MemoType", MaxLength: 1000},
	{Name: "new_whole", Type: "IntegerType"},
	{Name: "new_big", Type: "BigIntType"},
	{Name: "new_decimal", Type: "DecimalType", Precision: 4},
	{Name: "new_double", Type: "DoubleType", Precision: 5},
	{Name: "new_money", Type: "MoneyType", Precision: 4},
	{Name: "new_flag", Type: "BooleanType"},
	{Name: "new_day", Type: "DateTimeType", Behavior: "DateOnly"},
	{Name: "new_wall", Type: "DateTimeType", Behavior: "TimeZoneIndependent"},
	{Name: "new_moment", Type: "DateTimeType", Behavior: "UserLocal"},
	{Name: "new_choice", Type: "PicklistType", Options: []string{"Red", "Green", "Blue"}},
	{Name: "new_multi", Type: "MultiSelectPicklistType", Options: []string{"One", "Two", "Three"}},
}

// The values that rows hold and filters ask for: of awkwardTexts those that differ
// in case, accents, spaces and wildcards only, of times the edges of days.
var (
	awkwardTexts = []string{
		"a", "A", "a ", "a  ", " a", "á", "Á", "a\u0301", "ä", "ab", "aB", "a b", "a%b", "a_b", "axb", "a[b]", "[ab]", "50%", "500", "_", "%",
		"O'Brien", "o''brien", "''", "İ", "i", "I", "ı", "ß", "ss", "ſ", "Straße", "STRASSE", "日本", "日", "🙂", "a\tb", `a\b`, `"a"`, "<a&b>", "Ångström", "angstrom",
		"null", "0", "1 or 1 eq 1", strings.Repeat("long ", 15), "é%", "e",
	}
	wholes   = []string{"-2147483648", "-1", "0", "1", "7", "2147483647"}
	bigs     = []string{"-9223372036854775807", "-1", "0", "9007199254740992", "9007199254740993", "9223372036854775807"}
	decimals = []string{"-100.5", "-0.0001", "0", "0.0001", "0.1", "0.1234", "1", "1.5", "99999.9999"}
	doubles  = []string{"-1.5", "0", "0.1", "0.3", "123.45678", "1e5"}
	flags    = []string{"true", "false"}
	choices  = []string{"100000000", "100000001", "100000002"}
	// Now is one of the last hours of February in New York, where it is March
	// in UTC already.
	runBegin = time.Date(2024, 3, 1, 3, 30, 15, 0, time.UTC)
	dates    = []string{
		"1753-01-01", "1969-12-31", "2023-02-28", "2023-03-01", "2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01", "2024-02-25", "2024-02-26",
		"2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02", "2024-03-03", "2024-03-10", "2024-03-11", "2024-11-03", "2024-12-31", "2025-01-01", "9999-12-30",
	}
	moments = []string{
		"1753-01-02T00:00:00Z", "1969-12-31T23:59:59Z", "2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2024-01-01T04:59:59Z", "2024-01-01T05:00:00Z",
		"2024-02-26T04:59:59Z", "2024-02-26T05:00:00Z", "2024-02-28T05:00:00Z", "2024-02-29T00:00:00Z", "2024-02-29T04:59:59Z", "2024-02-29T05:00:00Z",
		"2024-02-29T22:30:15Z", "2024-03-01T00:00:00Z", "2024-03-01T03:30:14Z", "2024-03-01T03:30:15Z", "2024-03-01T03:30:16Z", "2024-03-01T04:59:59Z",
		"2024-03-01T05:00:00Z", "2024-03-02T05:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T03:59:59Z", "2024-03-11T04:00:00Z", "2024-11-03T04:00:00Z",
		"2024-11-04T05:00:00Z", "2025-01-01T04:59:59Z", "9999-12-30T23:59:59Z",
	}
)

// pools are the values of each column.
var pools = map[string][]string{
	"new_text": awkwardTexts, "new_memo": awkwardTexts, "new_whole": wholes, "new_big": bigs, "new_decimal": decimals, "new_double": doubles, "new_money": decimals,
	"new_flag": flags, "new_day": dates, "new_wall": moments, "new_moment": moments, "new_choice": choices, "new_multi": choices,
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	s, err := sandbox.New(sandbox.Config{Seed: 1, Users: 12, Accounts: 30, Contacts: 40})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range awkward {
		for _, table := range []string{"account", "contact"} {
			if err := s.AddColumn(table, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	srv := httptest.NewServer(s.Handler())
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	e := &environment{url: srv.URL, entities: map[string]*crosswalk.Entity{}}
	resp, err := srv.Client().PostForm(srv.URL+"/"+s.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "scope": {srv.URL + "/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		t.Fatalf("sign in: %s %v", resp.Status, err)
	}
	e.token = grant.AccessToken
	e.client = dataverse.New(dataverse.Config{
		BaseURL: srv.URL, Transport: transport, Token: func(context.Context, bool) (string, error) { return e.token, nil },
	})
	return e
}

func (e *environment) entity(name string) (*crosswalk.Entity, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found := e.entities[name]; found != nil {
		return found, nil
	}
	found, err := e.client.Entity(context.Background(), name)
	if err == nil {
		e.entities[name] = found
	}
	return found, err
}

// create makes a row.
func (e *environment) create(t *testing.T, set string, row map[string]any) {
	t.Helper()
	body, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"/api/data/v9.2/"+set, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		answer, _ := io.ReadAll(resp.Body)
		t.Fatalf("create %s %s: %s %s", set, body, resp.Status, answer)
	}
}

// rowID returns the key of row n that fill makes in a table.
func rowID(table, n int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", table, n) }

// fill makes rows with every value of every column; a third of them is null,
// and lookups lead through several rows.
func (e *environment) fill(t *testing.T, rows int) {
	t.Helper()
	for table, set := range []string{"accounts", "contacts"} {
		for n := range rows {
			row := map[string]any{}
			for i, c := range awkward {
				pool := pools[c.Name]
				v := pool[(n*7+i*3)%len(pool)]
				switch at := (n + 2*i) % 3; {
				case at == 0:
				case c.Name == "new_multi":
					row[c.Name] = strings.Join(pool[:1+n%3], ",")
				case slices.Contains([]string{"StringType", "MemoType", "DateTimeType"}, c.Type):
					row[c.Name] = v
				default:
					row[c.Name] = json.RawMessage(v)
				}
			}
			if table == 0 {
				row["accountid"], row["name"] = rowID(0, n), fmt.Sprintf("Account %d", n)
				if n > 0 && n%4 != 0 {
					row["parentaccountid@odata.bind"] = "/accounts(" + rowID(0, n*5%n) + ")"
				}
			} else {
				row["contactid"], row["lastname"] = rowID(1, n), fmt.Sprintf("Contact %d", n)
				if n%3 != 0 {
					row["parentcustomerid_account@odata.bind"] = "/accounts(" + rowID(0, n*11%rows) + ")"
				}
			}
			e.create(t, set, row)
		}
	}
}

// passing compiles a filter and returns the keys of the records that pass it.
func (e *environment) passing(r *rapid.T, table string, f crosswalk.Filter, tracked bool) (keys []string, filter string) {
	entity, err := e.entity(table)
	if err != nil {
		r.Fatal(err)
	}
	plan, err := mapping.Compile(mapping.Input{
		Entity: entity, Catalog: e.entity, Object: object(), Filter: f, Now: runBegin, Tracked: tracked,
		Mapping: crosswalk.Mapping{
			Fields: []crosswalk.FieldMapping{{Source: entity.PrimaryID, Target: "Key", Identifier: true}}, TimeZone: "America/New_York",
		},
	})
	if err != nil {
		r.Fatal(err)
	}
	config := extract.Config{Client: e.client, Entity: entity, Plan: plan}
	var source pipeline.Source = extract.NewPages(config)
	if tracked {
		source = extract.NewChanges(config, "", false)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	for link := ""; ; {
		src.Reset()
		info, err := source.Page(context.Background(), link, src)
		if err != nil {
			r.Fatalf("%s: %v", plan.Filter, err)
		}
		rejects, _ := plan.Apply(src, dst, nil)
		if len(rejects) > 0 {
			r.Fatalf("%+v", rejects[0])
		}
		if link = info.Next; link == "" {
			break
		}
	}
	for i := range dst.Rows() {
		keys = append(keys, string(dst.Columns[0].Bytes(i)))
	}
	slices.Sort(keys)
	return slices.Compact(keys), plan.Filter
}

// drawCondition draws a condition on a column of the table, or of a row that
// its lookups lead to.
func drawCondition(r *rapid.T, paths []string) crosswalk.Condition {
	c := rapid.SampledFrom(awkward).Draw(r, "column")
	pool := pools[c.Name]
	null := []crosswalk.Comparison{crosswalk.IsNull, crosswalk.IsNotNull}
	equal := []crosswalk.Comparison{crosswalk.Equal, crosswalk.NotEqual}
	among := []crosswalk.Comparison{crosswalk.In, crosswalk.NotIn}
	order := []crosswalk.Comparison{crosswalk.Greater, crosswalk.GreaterOrEqual, crosswalk.Less, crosswalk.LessOrEqual, crosswalk.Between}
	var operators []crosswalk.Comparison
	switch c.Type {
	case "StringType", "MemoType":
		operators = slices.Concat(null, equal, among, []crosswalk.Comparison{crosswalk.Contains, crosswalk.NotContains, crosswalk.StartsWith, crosswalk.EndsWith})
	case "MultiSelectPicklistType":
		operators = slices.Concat(null, []crosswalk.Comparison{crosswalk.Contains, crosswalk.NotContains})
	case "BooleanType":
		operators = slices.Concat(null, equal)
	case "DateTimeType":
		operators = slices.Concat(null, equal, order, []crosswalk.Comparison{
			crosswalk.LastDays, crosswalk.NextDays, crosswalk.OlderThanDays, crosswalk.Today, crosswalk.Yesterday, crosswalk.Tomorrow, crosswalk.ThisWeek,
			crosswalk.LastWeek, crosswalk.ThisMonth, crosswalk.LastMonth, crosswalk.ThisYear, crosswalk.LastYear,
		})
		if c.Behavior != "DateOnly" && rapid.Bool().Draw(r, "by day") {
			pool = dates
		}
	default:
		operators = slices.Concat(null, equal, among, order)
	}
	f := crosswalk.Condition{
		Attribute: rapid.SampledFrom(paths).Draw(r, "path") + c.Name,
		Operator:  rapid.SampledFrom(operators).Draw(r, "operator"),
	}
	value := rapid.SampledFrom(pool)
	switch f.Operator {
	case crosswalk.IsNull, crosswalk.IsNotNull, crosswalk.Today, crosswalk.Yesterday, crosswalk.Tomorrow, crosswalk.ThisWeek, crosswalk.LastWeek,
		crosswalk.ThisMonth, crosswalk.LastMonth, crosswalk.ThisYear, crosswalk.LastYear:
	case crosswalk.Between:
		i := rapid.IntRange(0, len(pool)-1).Draw(r, "from")
		f.Values = []string{pool[i], pool[rapid.IntRange(i, len(pool)-1).Draw(r, "to")]}
	case crosswalk.In, crosswalk.NotIn:
		f.Values = rapid.SliceOfN(value, 1, 4).Draw(r, "values")
	case crosswalk.LastDays, crosswalk.NextDays, crosswalk.OlderThanDays:
		f.Values = []string{rapid.SampledFrom([]string{"1", "2", "30", "60", "365", "36525"}).Draw(r, "days")}
	default:
		f.Values = []string{value.Draw(r, "value")}
	}
	return f
}

// drawExpression draws an expression in which every condition has its place.
func drawExpression(r *rapid.T, from, to int) string {
	var text string
	if to-from == 1 {
		text = fmt.Sprint(from + 1)
	} else {
		at := rapid.IntRange(from+1, to-1).Draw(r, "cut")
		word := rapid.SampledFrom([]string{" AND ", " OR ", " or "}).Draw(r, "word")
		text = "(" + drawExpression(r, from, at) + word + drawExpression(r, at, to) + ")"
	}
	if rapid.Bool().Draw(r, "not") {
		text = "NOT " + text
	}
	return text
}

// TestFilterBothWays shows that a filter lets the same records pass whether
// the server or Crosswalk decides: random filters over rows with every
// awkward value, against the sandbox, which reads $filter with code of its
// own.
func TestFilterBothWays(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.fill(t, 150)
	paths := map[string][]string{
		"account": {"", "", "", "parentaccountid.", "parentaccountid.parentaccountid."},
		"contact": {"", "", "parentcustomerid(account).", "parentcustomerid(account).parentaccountid."},
	}
	var pushed, here, some int
	rapid.Check(t, func(r *rapid.T) {
		table := rapid.SampledFrom([]string{"account", "contact"}).Draw(r, "table")
		f := crosswalk.Filter{Conditions: make([]crosswalk.Condition, rapid.IntRange(1, 4).Draw(r, "conditions"))}
		for i := range f.Conditions {
			f.Conditions[i] = drawCondition(r, paths[table])
		}
		if rapid.Bool().Draw(r, "has expression") {
			f.Expression = drawExpression(r, 0, len(f.Conditions))
		}
		server, filter := e.passing(r, table, f, false)
		crosswalks, none := e.passing(r, table, f, true)
		if none != "" {
			r.Fatalf("$filter %s in a request that cannot have it", none)
		}
		if diff := cmp.Diff(server, crosswalks); diff != "" {
			r.Fatalf("%+v\n$filter %s\n(-by the server +here):\n%s", f, filter, diff)
		}
		if filter != "" {
			pushed++
		} else {
			here++
		}
		if len(server) > 0 {
			some++
		}
	})
	t.Logf("%d filters by the server, %d here; %d let records pass", pushed, here, some)
	if pushed == 0 || some == 0 {
		t.Error("no filter was compared")
	}
}
