package sandbox_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// fetch returns the answer to a query in FetchXML.
func (s *server) fetch(t *testing.T, set, query string) map[string]any {
	t.Helper()
	return s.decode(t, set+"?fetchXml="+url.QueryEscape(query), "Prefer", `odata.include-annotations="*"`)
}

func fetched(page map[string]any) []map[string]any {
	var rows []map[string]any
	for _, v := range page["value"].([]any) {
		rows = append(rows, v.(map[string]any))
	}
	return rows
}

func TestFetchConditions(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 2, 14, 15, 30, 0, 0, time.UTC)
	s := start(t, sandbox.Config{Accounts: 500, Now: func() time.Time { return now }})
	all := s.values(t, "accounts?$select=name,statecode,numberofemployees,createdon,address1_city,_ownerid_value,_primarycontactid_value,revenue")
	first := all[0]
	n := func(r map[string]any) (float64, bool) { return number(r["numberofemployees"]) }
	for condition, keep := range map[string]func(map[string]any) bool{
		`<condition attribute="statecode" operator="eq" value="1"/>`:           func(r map[string]any) bool { return r["statecode"] == json.Number("1") },
		`<condition attribute="statecode" operator="ne" value="1"/>`:           func(r map[string]any) bool { return r["statecode"] != json.Number("1") },
		`<condition attribute="numberofemployees" operator="gt" value="100"/>`: func(r map[string]any) bool { e, ok := n(r); return ok && e > 100 },
		`<condition attribute="numberofemployees" operator="null"/>`:           func(r map[string]any) bool { return r["numberofemployees"] == nil },
		`<condition attribute="numberofemployees" operator="not-null"/>`:       func(r map[string]any) bool { return r["numberofemployees"] != nil },
		`<condition attribute="name" operator="like" value="%brew%"/>`:         func(r map[string]any) bool { return strings.Contains(strings.ToLower(r["name"].(string)), "brew") },
		`<condition attribute="name" operator="not-like" value="%brew%"/>`:     func(r map[string]any) bool { return !strings.Contains(strings.ToLower(r["name"].(string)), "brew") },
		`<condition attribute="name" operator="begins-with" value="a"/>`:       func(r map[string]any) bool { return strings.HasPrefix(strings.ToLower(r["name"].(string)), "a") },
		`<condition attribute="name" operator="ends-with" value="GmbH"/>`:      func(r map[string]any) bool { return strings.HasSuffix(r["name"].(string), "GmbH") },
		`<condition attribute="address1_city" operator="in"><value>London</value><value>paris</value></condition>`: func(r map[string]any) bool {
			return r["address1_city"] == "London" || r["address1_city"] == "Paris"
		},
		`<condition attribute="numberofemployees" operator="between"><value>10</value><value>1000</value></condition>`: func(r map[string]any) bool {
			e, ok := n(r)
			return ok && e >= 10 && e <= 1000
		},
		`<condition attribute="createdon" operator="last-x-days" value="300"/>`: func(r map[string]any) bool {
			at := r["createdon"].(string)
			return at >= "2023-04-20" && at <= "2024-02-14T15:30:00Z"
		},
		`<condition attribute="createdon" operator="on-or-before" value="2019-01-31"/>`:                                         func(r map[string]any) bool { return r["createdon"].(string) < "2019-02-01" },
		`<condition attribute="ownerid" operator="eq" value="{` + strings.ToUpper(fmt.Sprint(first["_ownerid_value"])) + `}"/>`: func(r map[string]any) bool { return r["_ownerid_value"] == first["_ownerid_value"] },
		`<filter type="or"><condition attribute="statecode" operator="eq" value="1"/><filter><condition attribute="revenue" operator="null"/><condition attribute="address1_city" operator="eq" value="berlin"/></filter></filter>`: func(r map[string]any) bool {
			return r["statecode"] == json.Number("1") || r["revenue"] == nil && r["address1_city"] == "Berlin"
		},
	} {
		want := chosen(all, "accountid", keep)
		if len(want) == 0 || len(want) == len(all) {
			t.Errorf("%s chooses %d rows and so proves nothing", condition, len(want))
		}
		rows := fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="name"/><filter>`+condition+`</filter></entity></fetch>`))
		if d := cmp.Diff(want, column(rows, "accountid")); d != "" {
			t.Errorf("%s: %s", condition, d)
		}
	}
	// Nulls are left out, annotations come when asked for.
	for _, r := range fetched(s.fetch(t, "accounts", `<fetch top="50"><entity name="account"><attribute name="primarycontactid"/><attribute name="revenue" alias="money"/></entity></fetch>`)) {
		for name, v := range r {
			if v == nil {
				t.Fatalf("%s is null", name)
			}
		}
		if r["_primarycontactid_value"] != nil && r["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] != "contact" {
			t.Errorf("lookup %v", r)
		}
		if r["money"] != nil && r["money@OData.Community.Display.V1.FormattedValue"] == nil {
			t.Errorf("money %v", r)
		}
	}
}

func TestFetchPages(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 230})
	for order, sorted := range map[string]string{"": "accounts?$select=name", `<order attribute="name" descending="true"/><order attribute="createdon"/>`: "accounts?$select=name&$orderby=name desc,createdon"} {
		want := column(s.values(t, sorted), "accountid")
		var got []any
		cookie := ""
		for page := 1; ; page++ {
			answer := s.fetch(t, "accounts", fmt.Sprintf(`<fetch count="50" page="%d"%s><entity name="account"><attribute name="name"/>%s</entity></fetch>`, page, cookie, order))
			got = append(got, column(fetched(answer), "accountid")...)
			if answer["@Microsoft.Dynamics.CRM.morerecords"] != true {
				if page != 5 {
					t.Errorf("%d pages", page)
				}
				break
			}
			var outer struct {
				Page   int    `xml:"pagenumber,attr"`
				Cookie string `xml:"pagingcookie,attr"`
			}
			if err := xml.Unmarshal([]byte(answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].(string)), &outer); err != nil {
				t.Fatal(err)
			}
			once, err1 := url.QueryUnescape(outer.Cookie)
			inner, err2 := url.QueryUnescape(once)
			if err1 != nil || err2 != nil || outer.Page != page+1 || !strings.HasPrefix(inner, `<cookie page="`+fmt.Sprint(page)+`">`) {
				t.Fatalf("cookie %q", inner)
			}
			var b strings.Builder
			_ = xml.EscapeText(&b, []byte(inner))
			if cookie = ` paging-cookie="` + b.String() + `"`; page == 2 {
				cookie = "" // a page can also be counted to
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", order, d)
		}
	}
	total := s.fetch(t, "accounts", `<fetch count="3" returntotalrecordcount="true"><entity name="account"/></fetch>`)
	if total["@Microsoft.Dynamics.CRM.totalrecordcount"] != json.Number("230") || len(fetched(total)) != 3 {
		t.Errorf("total %v", total["@Microsoft.Dynamics.CRM.totalrecordcount"])
	}
	plain := s.decode(t, "accounts?fetchXml="+url.QueryEscape(`<fetch count="3"><entity name="account"/></fetch>`))
	if len(plain) != 2 {
		t.Errorf("annotations nobody asked for: %v", plain)
	}
}

func TestFetchLinks(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 80, Contacts: 160})
	contacts := s.values(t, "contacts?$select=fullname,_parentcustomerid_value&$expand=parentcustomerid_account($select=name,revenue)")
	inner := fetched(s.fetch(t, "contacts", `<fetch><entity name="contact"><attribute name="fullname"/><link-entity name="account" from="accountid" to="parentcustomerid" alias="a"><attribute name="name"/><attribute name="revenue"/></link-entity></entity></fetch>`))
	var want, got []string
	for _, c := range contacts {
		if a, ok := c["parentcustomerid_account"].(map[string]any); ok {
			want = append(want, fmt.Sprint(c["fullname"], a["name"], a["revenue"]))
		}
	}
	for _, r := range inner {
		got = append(got, fmt.Sprint(r["fullname"], r["a.name"], r["a.revenue"]))
	}
	if d := cmp.Diff(want, got); d != "" || len(want) == len(contacts) {
		t.Error(d)
	}
	outer := fetched(s.fetch(t, "contacts", `<fetch><entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid" link-type="outer"><attribute name="name"/></link-entity><filter><condition entityname="account1" attribute="accountid" operator="null"/></filter></entity></fetch>`))
	none := chosen(contacts, "contactid", func(c map[string]any) bool { return c["parentcustomerid_account"] == nil })
	if d := cmp.Diff(none, column(outer, "contactid")); d != "" {
		t.Error(d)
	}
	// From the account to its contacts: a row for each pair.
	pairs := fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" alias="c"><attribute name="fullname" alias="who"/><order attribute="fullname"/></link-entity></entity></fetch>`))
	if len(pairs) != len(want) {
		t.Errorf("%d pairs, want %d", len(pairs), len(want))
	}
	distinct := fetched(s.fetch(t, "accounts", `<fetch distinct="true"><entity name="account"><attribute name="accountid"/><link-entity name="contact" from="parentcustomerid" to="accountid"/></entity></fetch>`))
	parents := map[any]bool{}
	for _, c := range contacts {
		if c["parentcustomerid_account"] != nil {
			parents[c["_parentcustomerid_value"]] = true
		}
	}
	if len(distinct) != len(parents) || distinct[0]["@odata.etag"] != nil {
		t.Errorf("%d accounts, want %d", len(distinct), len(parents))
	}
}

func TestFetchAggregates(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 700})
	rows := s.values(t, "accounts?$select=statecode,createdon,industrycode")
	years := map[string]int{}
	industries := map[any]bool{}
	for _, r := range rows {
		years[r["createdon"].(string)[:4]]++
		if r["industrycode"] != nil {
			industries[r["industrycode"]] = true
		}
	}
	got := map[string]int{}
	var order []int64
	for _, g := range fetched(s.fetch(t, "accounts", `<fetch aggregate="true"><entity name="account"><attribute name="createdon" groupby="true" dategrouping="year" alias="year"/><attribute name="accountid" aggregate="count" alias="n"/><order alias="n" descending="true"/></entity></fetch>`)) {
		n, _ := g["n"].(json.Number).Int64()
		got[g["year"].(json.Number).String()] = int(n)
		order = append(order, -n)
	}
	if d := cmp.Diff(years, got); d != "" || !slices.IsSorted(order) {
		t.Error(d, order)
	}
	one := fetched(s.fetch(t, "accounts", `<fetch aggregate="true"><entity name="account"><attribute name="industrycode" aggregate="countcolumn" distinct="true" alias="kinds"/><attribute name="createdon" aggregate="max" alias="last"/></entity></fetch>`))[0]
	if one["kinds"] != json.Number(fmt.Sprint(len(industries))) || one["last"] == nil {
		t.Errorf("%v, want %d", one, len(industries))
	}
}

func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 3})
	for query, want := range map[string]struct{ code, message string }{
		`<fetch><entity name="account">`:                                          {"0x80040203", "Invalid XML."},
		`<fetch><entity name="contact"/></fetch>`:                                 {"0x80040203", "The entity 'contact' of the FetchXML is not that of the entity set 'accounts'."},
		`<fetch top="5" page="2"><entity name="account"/></fetch>`:                {"0x80040203", "The top attribute can't be specified with paging attribute page"},
		`<fetch><entity name="account"><attribute name="nope"/></entity></fetch>`: {"0x80041103", "'account' entity doesn't contain attribute with Name = 'nope' and NameMapping = 'Logical'."},
		`<fetch><entity name="account"><filter><condition attribute="name" operator="smells-like" value="x"/></filter></entity></fetch>`: {"0x80040203", "The condition operator 'smells-like' is not valid."},
		`<fetch><entity name="account"><filter><condition attribute="name" operator="eq"/></filter></entity></fetch>`:                    {"0x80040203", "The condition operator 'eq' requires 1 value. Values.Length: 0"},
		`<fetch><entity name="account"><link-entity name="nope" from="a" to="b"/></entity></fetch>`:                                      {"0x80041102", "The entity with a name = 'nope' with namemapping = 'Logical' was not found in the MetadataCache."},
		`<fetch aggregate="true"><entity name="account"><attribute name="name" aggregate="sum" alias="x"/></entity></fetch>`:             {"0x80040203", `Attribute name of type StringType cannot be aggregated by "sum".`},
		`<fetch aggregate="true"><entity name="account"><attribute name="createdon" groupby="true" alias="x"/></entity></fetch>`:         {"0x80040203", "The attribute 'createdon' of an aggregate query needs a dategrouping."},
		`<fetch page="1001" distinct="true" count="50"><entity name="account"/></fetch>`:                                                 {"0x8004430a", "Paging without a paging cookie is limited to 50000 records."},
	} {
		s.refuses(t, "accounts?fetchXml="+url.QueryEscape(query), 400, want.code, want.message)
	}
	s.refuses(t, "accounts?$select=name&fetchXml=%3Cfetch/%3E", 400, "0x80060888", "The query parameter '$select' is not supported together with fetchXml.")
	big := start(t, sandbox.Config{Accounts: 50_001})
	big.refuses(t, "accounts?fetchXml="+url.QueryEscape(`<fetch aggregate="true"><entity name="account"><attribute name="accountid" aggregate="count" alias="n"/></entity></fetch>`),
		400, "0x8004e023", "The maximum record limit is exceeded. Reduce the number of records.")
}
