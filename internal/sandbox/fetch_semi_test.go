package sandbox_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestFetchSemiLinks holds links that only ask for rows against the same
// questions in OData.
func TestFetchSemiLinks(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	ids := func(fetch string) []any {
		t.Helper()
		list := column(fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="accountid"/>`+fetch+`</entity></fetch>`)), "accountid")
		return list
	}
	odata := func(filter string) []any {
		t.Helper()
		return column(s.values(t, "accounts?$select=accountid&$filter="+filter), "accountid")
	}
	const link, female = `name="contact" from="parentcustomerid" to="accountid"`, `<filter><condition attribute="gendercode" operator="eq" value="2"/></filter>`
	none := "not contact_customer_accounts/any(c:c/gendercode eq 2)"
	for fetch, filter := range map[string]string{
		`<link-entity ` + link + ` link-type="exists">` + female + `</link-entity>`:                                                                                       "contact_customer_accounts/any(c:c/gendercode eq 2)",
		`<link-entity ` + link + ` link-type="in">` + female + `</link-entity>`:                                                                                           "contact_customer_accounts/any(c:c/gendercode eq 2)",
		`<link-entity ` + link + ` link-type="exists"/>`:                                                                                                                  "contact_customer_accounts/any()",
		`<filter><link-entity ` + link + ` link-type="any">` + female + `</link-entity></filter>`:                                                                         "contact_customer_accounts/any(c:c/gendercode eq 2)",
		`<filter><link-entity ` + link + ` link-type="not all">` + female + `</link-entity></filter>`:                                                                     "contact_customer_accounts/any(c:c/gendercode eq 2)",
		`<filter><link-entity ` + link + ` link-type="not any">` + female + `</link-entity></filter>`:                                                                     none,
		`<filter><link-entity ` + link + ` link-type="all">` + female + `</link-entity></filter>`:                                                                         "contact_customer_accounts/any() and " + none,
		`<filter type="or"><condition attribute="name" operator="begins-with" value="A"/><link-entity ` + link + ` link-type="any">` + female + `</link-entity></filter>`: "startswith(name,'A') or contact_customer_accounts/any(c:c/gendercode eq 2)",
	} {
		want := odata(filter)
		if d := cmp.Diff(want, ids(fetch)); d != "" || len(want) == 0 {
			t.Errorf("%s: %d rows: %s", fetch, len(want), d)
		}
	}
	first := fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="accountid"/><link-entity `+link+` link-type="matchfirstrowusingcrossapply" alias="c"><attribute name="contactid"/></link-entity></entity></fetch>`))
	if d := cmp.Diff(odata("contact_customer_accounts/any()"), column(first, "accountid")); d != "" || first[0]["c.contactid"] == nil {
		t.Errorf("first row alone: %s", d)
	}
	for fetch, want := range map[string][2]string{
		`<link-entity ` + link + ` link-type="any"/>`:                                                       {"0x80040203", "The link-type 'any' is not supported."},
		`<filter><link-entity ` + link + ` link-type="inner"/></filter>`:                                    {"0x80040203", "The link-type 'inner' is not supported within a filter."},
		`<link-entity name="nope" from="a" to="b" link-type="in"/>`:                                         {"0x80041102", "The entity with a name = 'nope' with namemapping = 'Logical' was not found in the MetadataCache."},
		`<link-entity name="contact" from="fullname" to="accountid" link-type="exists"/>`:                   {"0x80040203", "The attributes 'fullname' and 'accountid' of a link-entity are not of the same type."},
		`<filter><condition attribute="primarycontactid" operator="under" value="` + newID + `"/></filter>`: {"0x80040203", "The condition operator 'under' needs the key of a table with a hierarchical relationship, which 'primarycontactid' of 'account' is not."},
	} {
		s.refuses(t, "accounts?fetchXml="+url.QueryEscape(`<fetch><entity name="account">`+fetch+`</entity></fetch>`), 400, want[0], want[1])
	}
}

// TestHierarchy finds the rows above and below another.
func TestHierarchy(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: -1, Contacts: -1})
	const tail = "0000000-2222-4333-8444-000000000000"
	name := func(n string) string { return n + tail }
	for _, row := range [][2]string{{"1", ""}, {"2", "1"}, {"3", "2"}, {"4", "2"}, {"5", ""}} {
		body := `{"accountid":"` + name(row[0]) + `","name":"` + row[0] + `"`
		if row[1] != "" {
			body += `,"parentaccountid@odata.bind":"/accounts(` + name(row[1]) + `)"`
		}
		s.must(t, 204, "POST", "accounts", body+"}")
	}
	find := func(operator, of string) []string {
		var names []string
		for _, row := range fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="name"/><filter><condition attribute="accountid" operator="`+operator+`" value="`+name(of)+`"/></filter></entity></fetch>`)) {
			names = append(names, row["name"].(string))
		}
		slices.Sort(names)
		return names
	}
	for _, c := range []struct {
		operator, of string
		want         []string
	}{
		{"under", "1", []string{"2", "3", "4"}},
		{"eq-or-under", "2", []string{"2", "3", "4"}},
		{"not-under", "2", []string{"1", "2", "5"}},
		{"above", "3", []string{"1", "2"}},
		{"eq-or-above", "3", []string{"1", "2", "3"}},
		{"above", "1", nil},
		{"under", "9", nil},
	} {
		if d := cmp.Diff(c.want, find(c.operator, c.of)); d != "" {
			t.Errorf("%s %s: %s", c.operator, c.of, d)
		}
	}
	s.must(t, 204, "PATCH", "accounts("+name("1")+")", `{"parentaccountid@odata.bind":"/accounts(`+name("3")+`)"}`) // round and round
	if d := cmp.Diff([]string{"1", "2", "4"}, find("under", "3")); d != "" {
		t.Error(d)
	}
}

// TestFiscal chooses moments by fiscal years and periods: those of the
// calendar, with quarters.
func TestFiscal(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	s := start(t, sandbox.Config{Accounts: -1, Now: func() time.Time { return now }})
	for _, at := range []string{"2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z", "2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z", "2027-03-01T00:00:00Z"} {
		s.must(t, 204, "POST", "accounts", `{"name":"`+at[:7]+`","lastonholdtime":"`+at+`"}`)
	}
	for _, c := range []struct {
		function, operator, value string
		want                      []any
	}{
		{"ThisFiscalYear", "this-fiscal-year", "", []any{"2026-02", "2026-04", "2026-06", "2026-07"}},
		{"LastFiscalYear", "last-fiscal-year", "", []any{"2025-01", "2025-11"}},
		{"NextFiscalYear", "next-fiscal-year", "", []any{"2027-03"}},
		{"ThisFiscalPeriod", "this-fiscal-period", "", []any{"2026-04", "2026-06"}},
		{"LastFiscalPeriod", "last-fiscal-period", "", []any{"2026-02"}},
		{"NextFiscalPeriod", "next-fiscal-period", "", []any{"2026-07"}},
		{"InFiscalYear", "in-fiscal-year", "2024", []any{"2024-12"}},
		{"LastXFiscalYears", "last-x-fiscal-years", "2", []any{"2024-12", "2025-01", "2025-11"}},
		{"NextXFiscalPeriods", "next-x-fiscal-periods", "3", []any{"2026-07", "2027-03"}},
		{"LastXFiscalPeriods", "last-x-fiscal-periods", "2", []any{"2025-11", "2026-02"}},
	} {
		filter, condition := "Microsoft.Dynamics.CRM."+c.function+"(PropertyName='lastonholdtime'", `<condition attribute="lastonholdtime" operator="`+c.operator+`"`
		if c.value != "" {
			filter += ",PropertyValue=" + c.value
			condition += ` value="` + c.value + `"`
		}
		if d := cmp.Diff(c.want, column(s.values(t, "accounts?$select=name&$orderby=name&$filter="+filter+")"), "name")); d != "" {
			t.Errorf("%s: %s", c.function, d)
		}
		if d := cmp.Diff(c.want, column(fetched(s.fetch(t, "accounts", `<fetch><entity name="account"><attribute name="name"/><order attribute="name"/><filter>`+condition+`/></filter></entity></fetch>`)), "name")); d != "" {
			t.Errorf("%s: %s", c.operator, d)
		}
	}
	s.refuses(t, "accounts?$filter=Microsoft.Dynamics.CRM.InFiscalYear(PropertyName='lastonholdtime',PropertyValue=0)", 400, "0x80060888", "The value '0' is not a number of fiscal years or periods.")
}
