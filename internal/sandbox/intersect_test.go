package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestManyToMany reads a relationship of many to many from both sides and
// through the table behind it, and brings rows together and parts them.
func TestManyToMany(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	links := s.values(t, "accountleadscollection?$select=accountid,leadid")
	if len(links) != s.Count("accountleads") || len(links) < small.Leads {
		t.Fatalf("%d links of %d leads", len(links), small.Leads)
	}
	pairs := func(list []map[string]any, one, other string) []string {
		var all []string
		for _, l := range list {
			all = append(all, fmt.Sprint(l[one], " ", l[other]))
		}
		slices.Sort(all)
		return all
	}
	want := pairs(links, "accountid", "leadid")
	if len(slices.Compact(slices.Clone(want))) != len(want) {
		t.Error("a pair is there twice")
	}
	for _, c := range []struct{ set, key, far, farKey string }{{"accounts", "accountid", "leads", "leadid"}, {"leads", "leadid", "accounts", "accountid"}} {
		var got []string
		for _, row := range s.values(t, c.set+"?$select="+c.key+"&$expand=accountleads_association($select="+c.farKey+")") {
			list := []any{}
			for _, v := range row["accountleads_association"].([]any) {
				far := v.(map[string]any)
				list = append(list, far[c.farKey])
				pair := map[string]any{c.key: row[c.key], c.farKey: far[c.farKey]}
				got = append(got, fmt.Sprint(pair["accountid"], " ", pair["leadid"]))
			}
			if len(list) > 1 {
				if d := cmp.Diff(list, column(s.values(t, c.set+"("+row[c.key].(string)+")/accountleads_association?$select="+c.farKey), c.farKey)); d != "" {
					t.Errorf("%s: %s", c.set, d)
				}
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", c.set, d)
		}
	}
	account, lead := links[0]["accountid"].(string), links[0]["leadid"].(string)
	if n := len(s.values(t, "accounts?$filter=accountleads_association/any(l:l/leadid eq "+lead+")&$select=accountid")); n < 1 {
		t.Errorf("%d accounts by lead", n)
	}
	linked := fetched(s.fetch(t, "leads", `<fetch><entity name="lead"><attribute name="leadid"/><link-entity name="accountleads" from="leadid" to="leadid"><link-entity name="account" from="accountid" to="accountid" alias="a"><attribute name="name"/></link-entity></link-entity></entity></fetch>`))
	if len(linked) != len(links) {
		t.Errorf("%d rows by FetchXML, want %d", len(linked), len(links))
	}

	ref := "accounts(" + account + ")/accountleads_association"
	count := func() int { return len(s.values(t, ref+"?$select=leadid")) }
	body := `{"@odata.id":"` + s.url + `/api/data/v9.2/leads(` + lead + `)"}`
	before := count()
	s.fails(t, 412, "0x80040237", "Cannot insert duplicate key.", "POST", ref+"/$ref", body)
	_, _, delta := s.tracked(t, "accountleadscollection?$select=accountid,leadid")
	for what, address := range map[string]string{
		"$id": ref + "/$ref?$id=" + s.url + "/api/data/v9.2/leads(" + lead + ")", "key": ref + "(" + lead + ")/$ref",
	} {
		s.must(t, 204, "DELETE", address, "")
		if count() != before-1 {
			t.Errorf("%s: %d rows, had %d", what, count(), before)
		}
		s.must(t, 204, "DELETE", address, "") // nothing to part
		s.must(t, 204, "POST", "leads("+lead+")/accountleads_association/$ref", `{"@odata.id":"accounts(`+account+`)"}`)
		if count() != before {
			t.Errorf("%s: %d rows, had %d", what, count(), before)
		}
	}
	if items, _, _ := s.tracked(t, delta); len(items) != 3 { // of two that were made, one is left; two were deleted
		t.Errorf("%d changes: %v", len(items), items)
	}
	must(t, s.SetTracked("lead", false))
	s.refuses(t, strings.Replace(delta, "https://org.crm.dynamics.com", s.url, 1), 400, "0x80072492",
		"Changes cannot be retrieved for intersect entity accountleads since both related entities are not enabled for change tracking.")
	s.fails(t, 400, "0x80060888", "does not name a row of 'lead'", "POST", ref+"/$ref", `{"@odata.id":"accounts(`+account+`)"}`)
	s.fails(t, 404, "0x80040217", "Does Not Exist", "POST", ref+"/$ref", `{"@odata.id":"leads(`+newID+`)"}`)
	s.fails(t, 400, "0x80040800", "The 'Create' method does not support entities of type 'accountleads'.", "POST", "accountleadscollection", `{}`)
	s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{"account.Append": sandbox.None}})
	s.fails(t, 403, "0x80040220", "is missing prvAppendAccount privilege", "DELETE", ref+"("+lead+")/$ref", "")
	s.role(t, sandbox.Role{Tables: map[string]sandbox.Depth{"lead.AppendTo": sandbox.None}})
	s.fails(t, 403, "0x80040220", "is missing prvAppendToLead privilege", "DELETE", ref+"("+lead+")/$ref", "")
	s.role(t, sandbox.Role{})

	// What brings rows together goes with them.
	s.must(t, 204, "DELETE", "leads("+lead+")", "")
	if count() != before-1 || strings.Contains(s.get(t, "accountleadscollection?$select=leadid"), lead) {
		t.Errorf("%d rows, had %d", count(), before)
	}
	// Tables without rows of their own, behind relationships without an address.
	s.must(t, 204, "POST", "lists", `{"listid":"`+newID+`","listname":"all"}`)
	s.must(t, 204, "POST", "lists("+newID+")/listaccount_association/$ref", `{"@odata.id":"accounts(`+account+`)"}`)
	if got := column(s.values(t, "accounts("+account+")/listaccount_association?$select=listid"), "listid"); len(got) != 1 || got[0] != newID {
		t.Error(got)
	}
	if e := s.decode(t, "EntityDefinitions(LogicalName='teammembership')?$select=IsIntersect,EntitySetName"); e["IsIntersect"] != true {
		t.Error(e)
	}
	if n := len(s.values(t, "teams?$expand=teammembership_association($select=fullname)&$filter=teammembership_association/any()")); n == 0 {
		t.Error("no team has members")
	}
}

// TestDeepInsert makes rows within rows, all or none.
func TestDeepInsert(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	accounts, contacts, tasks := s.Count("account"), s.Count("contact"), s.Count("task")
	lead := s.values(t, "leads?$top=1&$select=leadid")[0]["leadid"].(string)
	s.must(t, 204, "POST", "accounts", `{"accountid":"`+newID+`","name":"deep",
		"primarycontactid":{"firstname":"Ada","lastname":"Lovelace"},
		"contact_customer_accounts":[{"lastname":"One"},{"lastname":"Two"}],
		"Account_Tasks":[{"subject":"call"}],
		"accountleads_association":[{"lastname":"Lead"}],
		"listaccount_association":[{"listname":"List"}],
		"accountleads_association@odata.bind":["/leads(`+lead+`)"]}`)
	row := s.decode(t, "accounts("+newID+")?$select=name&$expand=primarycontactid($select=fullname),contact_customer_accounts($select=lastname,_accountid_value;$orderby=lastname),"+
		"Account_Tasks($select=subject),accountleads_association($select=lastname),listaccount_association($select=listname)")
	got := func(name, of string) []any {
		var rows []map[string]any
		for _, v := range row[name].([]any) {
			rows = append(rows, v.(map[string]any))
		}
		return column(rows, of)
	}
	if d := cmp.Diff([]any{"One", "Two"}, got("contact_customer_accounts", "lastname")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{newID, newID}, got("contact_customer_accounts", "_accountid_value")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{"call"}, got("Account_Tasks", "subject")); d != "" {
		t.Error(d)
	}
	if n := len(got("accountleads_association", "lastname")); n != 2 {
		t.Errorf("%d leads", n)
	}
	if n := len(got("listaccount_association", "listname")); n != 1 {
		t.Errorf("%d lists", n)
	}
	if name := row["primarycontactid"].(map[string]any)["fullname"]; name != "Ada Lovelace" {
		t.Error(name)
	}
	for body, c := range map[string]struct {
		status        int
		code, message string
	}{
		`{"name":"x","primarycontactid":{"nope":1}}`:                      {400, "0x80048d19", "Invalid property 'nope' was found in entity 'Microsoft.Dynamics.CRM.contact'"},
		`{"name":"x","contact_customer_accounts":[{"birthdate":"soon"}]}`: {400, "0x80048d19", "Cannot convert the literal 'soon'"},
		`{"name":"x","contact_customer_accounts":{}}`:                     {400, "0x80048d19", "an array was expected"},
		`{"name":"x","contact_customer_accounts":[1]}`:                    {400, "0x80048d19", "is not an object"},
		`{"name":"x","primarycontactid":[]}`:                              {400, "0x80048d19", "an object was expected"},
		`{"name":"x","accountleads_association@odata.bind":"x"}`:          {400, "0x80048d19", "is not an array"},
	} {
		s.fails(t, c.status, c.code, c.message, "POST", "accounts", body)
	}
	if s.Count("account") != accounts+1 || s.Count("contact") != contacts+3 || s.Count("task") != tasks+1 {
		t.Errorf("%d, %d and %d rows, had %d, %d and %d", s.Count("account"), s.Count("contact"), s.Count("task"), accounts, contacts, tasks)
	}
	a, body := s.send(t, "PATCH", "accounts("+newID+")", `{"primarycontactid":{"lastname":"x"}}`)
	if a.StatusCode != 501 || !strings.Contains(body, "rows within rows that are changed") {
		t.Errorf("%s %s", a.Status, body)
	}
}
