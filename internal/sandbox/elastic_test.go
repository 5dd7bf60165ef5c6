package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestElasticKeys names rows of an elastic table by key and partition: a key
// alone is not unique.
func TestElasticKeys(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	const set = "new_telemetries"
	in := func(id, partition string) string {
		return set + "(new_telemetryid=" + id + ",partitionid='" + url.PathEscape(partition) + "')"
	}
	before := s.Count("new_telemetry")
	for i, partition := range []string{"north", "south", "it's"} {
		a, _ := s.must(t, 204, "POST", set, fmt.Sprintf(`{"new_telemetryid":"%s","partitionid":"%s","new_name":"row %d","new_reading":%d}`, newID, partition, i, i))
		if token := a.Header.Get("x-ms-session-token"); !strings.HasPrefix(token, "240:8#") {
			t.Errorf("session token %q", token)
		}
		row := s.decode(t, strings.Replace(a.Header.Get("OData-EntityId"), "https://org.crm.dynamics.com", s.url, 1), "MSCRM.SessionToken", a.Header.Get("x-ms-session-token"))
		if row["partitionid"] != partition || row["new_telemetryid"] != newID {
			t.Error(row)
		}
	}
	s.fails(t, 412, "0x80040237", "matching key values", "POST", set, `{"new_telemetryid":"`+newID+`","partitionid":"south"}`)
	if s.Count("new_telemetry") != before+3 {
		t.Errorf("%d rows, had %d", s.Count("new_telemetry"), before)
	}
	for path, want := range map[string]string{
		set + "(" + newID + ")?partitionId=north": "row 0", set + "(" + newID + ")?partitionId='south'": "row 1", in(newID, "it''s"): "row 2", in(newID, "north"): "row 0",
	} {
		if got := s.decode(t, path)["new_name"]; got != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
	for _, path := range []string{set + "(" + newID + ")", set + "(" + newID + ")?partitionId=west", in(newID, "west")} {
		s.fails(t, 404, "0x80040217", "new_telemetry With Id = "+newID+" Does Not Exist", "GET", path, "")
	}
	s.fails(t, 400, "0x80060888", "is not a key", "GET", set+"(new_telemetryid="+newID+",new_name='x')", "")
	names := func(path string) []any {
		return column(s.values(t, path), "new_name")
	}
	if got := names(set + "?partitionId=south&$filter=new_name ne null&$select=new_name"); len(got) != 1 || got[0] != "row 1" {
		t.Error(got)
	}
	if n := s.get(t, set+"/$count?partitionId=plant-3"); n == "\ufeff0" || n == s.get(t, set+"/$count") {
		t.Errorf("%s rows of one partition", n)
	}

	// An upsert writes the row anew, a change only what it names.
	a, _ := s.must(t, 204, "PATCH", in(newID, "north"), `{"new_name":"changed"}`, "If-Match", "*")
	if address := a.Header.Get("OData-EntityId"); !strings.HasSuffix(address, set+"(new_telemetryid="+newID+",partitionid='north')") {
		t.Error(address)
	}
	if row := s.decode(t, in(newID, "north")); row["new_name"] != "changed" || fmt.Sprint(row["new_reading"]) != "0" {
		t.Error(row)
	}
	s.must(t, 204, "PATCH", set+"("+newID+")", `{"partitionid":"north","new_name":"anew"}`)
	if row := s.decode(t, in(newID, "north")); row["new_name"] != "anew" || row["new_reading"] != nil {
		t.Error(row)
	}
	s.must(t, 204, "PATCH", in(newID, "east"), `{"new_name":"made"}`)
	s.fails(t, 404, "0x80040217", "Does Not Exist", "PATCH", in(newID, "nowhere"), `{"new_name":"x"}`, "If-Match", "*")

	// Without a partition it is the one of the key.
	a, _ = s.must(t, 204, "POST", set, `{"new_name":"own"}`)
	own := strings.Replace(a.Header.Get("OData-EntityId"), "https://org.crm.dynamics.com", s.url, 1)
	if row := s.decode(t, own); row["partitionid"] != row["new_telemetryid"] || strings.Contains(own, "partitionid") {
		t.Error(own, row)
	}

	// Pages that end between rows of the same key lose and repeat none.
	all := s.values(t, set+"?$select=new_name,partitionid")
	for _, size := range []int{1, 2, 3} {
		rows, _ := s.walk(t, set+"?$select=new_name,partitionid&$filter=new_telemetryid eq "+newID, "Prefer", fmt.Sprintf("odata.maxpagesize=%d", size))
		parts := column(rows, "partitionid")
		slices.SortFunc(parts, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		if d := cmp.Diff([]any{"east", "it's", "north", "south"}, parts); d != "" {
			t.Errorf("pages of %d: %s", size, d)
		}
	}
	rows, _ := s.walk(t, set+"?$select=new_name,partitionid", "Prefer", "odata.maxpagesize=50")
	if d := cmp.Diff(all, rows); d != "" {
		t.Error(d)
	}

	// One is deleted, and comes back.
	a, _ = s.must(t, 204, "DELETE", set+"("+newID+")?partitionId=south", "")
	if a.Header.Get("x-ms-session-token") != "" {
		t.Error("a deletion has a session token")
	}
	s.fails(t, 404, "0x80040217", "Does Not Exist", "DELETE", in(newID, "south"), "")
	if s.decode(t, in(newID, "north"))["new_name"] != "anew" {
		t.Error("the row of another partition has gone")
	}
	s.must(t, 204, "POST", set, `{"new_telemetryid":"`+newID+`","partitionid":"south","new_name":"back"}`)
	if got := s.decode(t, in(newID, "south"))["new_name"]; got != "back" {
		t.Error(got)
	}
	keys := s.values(t, "EntityDefinitions(LogicalName='new_telemetry')/Keys?$select=SchemaName,KeyAttributes")
	if len(keys) != 1 || keys[0]["SchemaName"] != "KeyForNoSqlEntityWithPKPartitionId" {
		t.Error(keys)
	}
}

// TestElasticMultiple writes what can be written of many rows, and tells of
// each.
func TestElasticMultiple(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	const set, kind = "new_telemetries/Microsoft.Dynamics.CRM.", `"@odata.type":"Microsoft.Dynamics.CRM.new_telemetry"`
	before := s.Count("new_telemetry")
	many := func(rows ...string) string {
		for i := range rows {
			rows[i] = "{" + kind + "," + rows[i] + "}"
		}
		return `{"Targets":[` + strings.Join(rows, ",") + `]}`
	}
	statuses := func(body string) []int {
		t.Helper()
		var answer struct{ Error map[string]string }
		var details []struct {
			RequestIndex int
			ID           string `json:"Id"`
			StatusCode   int
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err, body)
		}
		if text := answer.Error["@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails"]; text != "" {
			if err := json.Unmarshal([]byte(text), &details); err != nil {
				t.Fatal(err, text)
			}
		}
		var list []int
		for i, d := range details {
			if d.RequestIndex != i || d.ID == "" && d.StatusCode < 300 {
				t.Errorf("%+v", d)
			}
			list = append(list, d.StatusCode)
		}
		return list
	}
	long := strings.Repeat("x", 101)
	a, _ := s.must(t, 200, "POST", set+"CreateMultiple", many(`"partitionid":"p","new_name":"a"`, `"partitionid":"p","new_name":"b"`))
	if a.Header.Get("x-ms-session-token") == "" {
		t.Error("no session token")
	}
	for _, c := range []struct {
		action, body string
		more         int // rows
		code         string
		want         []int
	}{
		{"CreateMultiple", many(`"partitionid":"p","new_name":"c"`, `"partitionid":"p","new_name":"`+long+`"`, `"partitionid":"p","new_telemetryid":"`+newID+`","new_name":"d"`), 2, "0x80044331", []int{200, 400, 200}},
		{"CreateMultiple", many(`"partitionid":"p","new_telemetryid":"` + newID + `"`), 0, "0x80040237", []int{412}},
		{"UpsertMultiple", many(`"partitionid":"q","new_telemetryid":"`+newID+`","new_name":"e"`, `"partitionid":"p","new_telemetryid":"`+newID+`","new_reading":99999`), 1, "0x80044330", []int{200, 400}},
		{"UpdateMultiple", many(`"partitionid":"q","new_telemetryid":"`+newID+`","new_name":"f"`, `"partitionid":"r","new_telemetryid":"`+newID+`","new_name":"g"`), 0, "0x80040217", []int{200, 404}},
		{"DeleteMultiple", many(`"partitionid":"r","new_telemetryid":"`+newID+`"`, `"partitionid":"p","new_telemetryid":"`+newID+`"`), -1, "0x80040217", []int{404, 200}},
	} {
		had := s.Count("new_telemetry")
		a, body := s.send(t, "POST", set+c.action, c.body, "Prefer", `odata.include-annotations="Microsoft.PowerApps.CDS.ErrorDetails.*"`)
		if d := cmp.Diff(c.want, statuses(body)); d != "" || a.StatusCode < 400 || !strings.Contains(body, c.code) {
			t.Errorf("%s: %s %s %s", c.action, a.Status, body, d)
		}
		if s.Count("new_telemetry") != had+c.more {
			t.Errorf("%s: %d rows, had %d, want %d more", c.action, s.Count("new_telemetry"), had, c.more)
		}
	}
	if _, body := s.send(t, "POST", set+"CreateMultiple", many(`"new_name":"`+long+`"`)); statuses(body) != nil {
		t.Error("details that nobody asked for", body)
	}
	s.must(t, 204, "POST", set+"DeleteMultiple", many(`"partitionid":"q","new_telemetryid":"`+newID+`"`))
	if s.Count("new_telemetry") != before+3 {
		t.Errorf("%d rows, had %d", s.Count("new_telemetry"), before)
	}
	if name := s.values(t, "new_telemetries?$filter=new_name eq 'f'"); len(name) != 0 {
		t.Error(name)
	}
}

// TestElasticLimits holds what elastic tables do not have.
func TestElasticLimits(t *testing.T) {
	t.Parallel()
	began := time.Now() // time passes only by Advance, however slow the machine is
	s := start(t, sandbox.Config{Accounts: 1, Now: func() time.Time { return began }})
	if rows := fetched(s.fetch(t, "new_telemetries", `<fetch><entity name="new_telemetry"><attribute name="new_name"/></entity></fetch>`)); len(rows) != 500 {
		t.Errorf("%d rows by FetchXML", len(rows))
	}
	s.fails(t, 400, "0x80048d0b", "Link entities are not supported", "GET", "new_telemetries?fetchXml="+
		url.QueryEscape(`<fetch><entity name="new_telemetry"><link-entity name="account" from="name" to="new_name"/></entity></fetch>`), "")
	s.fetch(t, "new_telemetries", `<fetch top="5"><entity name="new_telemetry"><link-entity name="account" from="name" to="new_name" link-type="outer"/></entity></fetch>`)

	// Rows can be tracked, where the table is.
	if err := s.SetTracked("new_telemetry", true); err != nil {
		t.Fatal(err)
	}
	rows, pages, delta := s.tracked(t, "new_telemetries?$select=new_name")
	if len(rows) != 600 || pages != 2 {
		t.Errorf("%d rows on %d pages", len(rows), pages)
	}
	// Those with a time to live vanish, and no delta tells of it.
	s.must(t, 204, "POST", "new_telemetries", `{"new_name":"brief","ttlinseconds":60}`)
	s.must(t, 204, "POST", "new_telemetries", `{"new_name":"long","ttlinseconds":600}`)
	s.must(t, 204, "POST", "new_telemetries", `{"new_name":"for good"}`)
	left := func() int {
		return len(s.values(t, "new_telemetries?$filter=new_name eq 'brief' or new_name eq 'long' or new_name eq 'for good'"))
	}
	for _, c := range []struct {
		after time.Duration
		rows  int
	}{{0, 3}, {59 * time.Second, 3}, {2 * time.Second, 2}, {10 * time.Minute, 1}, {1000 * time.Hour, 1}} {
		s.Advance(c.after)
		if n := left(); n != c.rows {
			t.Errorf("%s later: %d rows, want %d", c.after, n, c.rows)
		}
	}
	must(t, s.SetTrackingDays(365))
	if items, _, _ := s.tracked(t, delta); len(items) != 1 || items[0]["new_name"] != "for good" {
		t.Error(items)
	}
}
