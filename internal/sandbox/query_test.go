package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// column returns a member of all rows.
func column(rows []map[string]any, name string) []any {
	var list []any
	for _, r := range rows {
		list = append(list, r[name])
	}
	return list
}

// chosen returns the values of a member of the rows that keep chooses.
func chosen(rows []map[string]any, name string, keep func(map[string]any) bool) []any {
	var list []any
	for _, r := range rows {
		if keep(r) {
			list = append(list, r[name])
		}
	}
	return list
}

func TestLambda(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 60, Contacts: 150})
	accounts := s.values(t, "accounts?$select=name")
	contacts := s.values(t, "contacts?$select=fullname,statecode,_parentcustomerid_value")
	children := map[any][]map[string]any{}
	for _, c := range contacts {
		children[c["_parentcustomerid_value"]] = append(children[c["_parentcustomerid_value"]], c)
	}
	active := func(c map[string]any) bool { return c["statecode"] == json.Number("0") }
	for filter, keep := range map[string]func(of []map[string]any) bool{
		"contact_customer_accounts/any()":     func(of []map[string]any) bool { return len(of) > 0 },
		"not contact_customer_accounts/any()": func(of []map[string]any) bool { return len(of) == 0 },
		"contact_customer_accounts/any(c:c/statecode eq 1)": func(of []map[string]any) bool {
			return slices.ContainsFunc(of, func(c map[string]any) bool { return !active(c) })
		},
		"contact_customer_accounts/all(c:c/statecode eq 0)": func(of []map[string]any) bool {
			return !slices.ContainsFunc(of, func(c map[string]any) bool { return !active(c) })
		},
		"contact_customer_accounts/any(c:contains(c/fullname,'a') and c/statecode eq 0)": func(of []map[string]any) bool {
			return slices.ContainsFunc(of, func(c map[string]any) bool {
				return active(c) && strings.Contains(strings.ToLower(c["fullname"].(string)), "a")
			})
		},
		"Account_Tasks/any(o:o/statecode eq 7)": func([]map[string]any) bool { return false },
		"powerpagecomponent_mspp_webrole_account/all(o:o/firstname eq 'nobody') and contact_customer_accounts/any()": func(of []map[string]any) bool { return len(of) > 0 },
	} {
		want := chosen(accounts, "accountid", func(a map[string]any) bool { return keep(children[a["accountid"]]) })
		got := column(s.values(t, "accounts?$select=name&$filter="+url.PathEscape(filter)), "accountid")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", filter, d)
		}
	}
	for filter, want := range map[string]string{
		"primarycontactid/any(c:c/statecode eq 1)":                  "Any/All may only be used following a collection.",
		"nope/any(c:c/statecode eq 1)":                              "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.account'.",
		"contact_customer_accounts/any(c:c/nope eq 1)":              "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.contact'.",
		"contact_customer_accounts/any(c:statecode eq 1)":           "The path 'statecode' does not begin with the variable 'c' of any or all.",
		"parentaccountid/contact_customer_accounts/any(c:c/x eq 1)": "The path to the collection 'parentaccountid/contact_customer_accounts' of any or all must not lead over another navigation property.",
	} {
		s.refuses(t, "accounts?$filter="+url.PathEscape(filter), http.StatusBadRequest, "0x80060888", want)
	}
}

// refuses calls what must fail.
func (s *server) refuses(t *testing.T, path string, status int, code, message string) {
	t.Helper()
	a := s.do(t, path)
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(s.text(t, a)), &body); err != nil {
		t.Errorf("%s: %s: %v", path, a.Status, err)
		return
	}
	if a.StatusCode != status || body.Error.Code != code || body.Error.Message != message {
		t.Errorf("%s: %d %s %s", path, a.StatusCode, body.Error.Code, body.Error.Message)
	}
}

func TestQueryFunctions(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 2, 14, 15, 30, 0, 0, time.UTC) // a Wednesday
	s := start(t, sandbox.Config{Accounts: 3000, Now: func() time.Time { return now }})
	all, _ := s.walk(t, "accounts?$select=createdon,_owninguser_value")
	me := s.decode(t, "WhoAmI")["UserId"]
	between := func(from, to string) func(map[string]any) bool {
		return func(r map[string]any) bool { at := r["createdon"].(string); return at >= from && at < to }
	}
	for call, keep := range map[string]func(map[string]any) bool{
		"OnOrAfter(PropertyName='createdon',PropertyValue='2024-02-10')":                   between("2024-02-10", "3"),
		"OnOrBefore(PropertyName='createdon',PropertyValue=2018-03-01)":                    between("", "2018-03-02"),
		"On(PropertyName='createdon',PropertyValue='2021-03-14')":                          between("2021-03-14", "2021-03-15"),
		"ThisYear(PropertyName='createdon')":                                               between("2024-01-01", "2025-01-01"),
		"LastYear(PropertyName='createdon')":                                               between("2023-01-01", "2024-01-01"),
		"ThisMonth(PropertyName='createdon')":                                              between("2024-02-01", "2024-03-01"),
		"NextMonth(PropertyName='createdon')":                                              between("2024-03-01", "2024-04-01"),
		"LastMonth(PropertyName='createdon')":                                              between("2024-01-01", "2024-02-01"),
		"ThisWeek(PropertyName='createdon')":                                               between("2024-02-11", "2024-02-18"),
		"LastWeek(PropertyName='createdon')":                                               between("2024-02-04", "2024-02-11"),
		"LastXDays(PropertyName='createdon',PropertyValue=10)":                             between("2024-02-04", "2024-02-14T15:30:01Z"),
		"LastXMonths(PropertyName='createdon',PropertyValue=2)":                            between("2023-12-14", "2024-02-14T15:30:01Z"),
		"NextXWeeks(PropertyName='createdon',PropertyValue=3)":                             between("2024-02-14T15:30:00Z", "2024-03-07"),
		"LastXHours(PropertyName='createdon',PropertyValue=100)":                           between("2024-02-10T11:30:00Z", "2024-02-14T15:30:01Z"),
		"OlderThanXYears(PropertyName='createdon',PropertyValue=6)":                        between("", "2018-02-14T15:30:00Z"),
		"Last7Days(PropertyName='createdon')":                                              between("2024-02-07", "2024-02-14T15:30:00Z"),
		"EqualUserId(PropertyName='owninguser')":                                           func(r map[string]any) bool { return r["_owninguser_value"] == me },
		"NotEqualUserId(PropertyName='owninguser')":                                        func(r map[string]any) bool { return r["_owninguser_value"] != me },
		"Between(PropertyName='createdon',PropertyValues=[\"2020-01-01\",\"2020-12-31\"])": between("2020-01-01", "2020-12-31T00:00:01Z"),
	} {
		want := chosen(all, "accountid", keep)
		if len(want) == 0 || len(want) == len(all) {
			t.Errorf("%s chooses %d rows and so proves nothing", call, len(want))
		}
		got := column(s.values(t, "accounts?$select=name&$filter=Microsoft.Dynamics.CRM."+url.PathEscape(call)), "accountid")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", call, d)
		}
	}
	for call, want := range map[string]string{
		"Today(PropertyName='name')":                             "The condition operator 'today' is not supported for the attribute 'name'.",
		"LastXDays(PropertyName='createdon',PropertyValue=-3)":   "The value '-3' is not a positive number of days.",
		"LastXDays(PropertyName='createdon')":                    "The function 'Microsoft.Dynamics.CRM.LastXDays' needs the parameters PropertyName and PropertyValue.",
		"Today(PropertyName='nope')":                             "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.account'.",
		"Between(PropertyName='createdon',PropertyValues=['1'])": "Syntax error in a list at position 71 in 'Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['1'])'.",
	} {
		s.refuses(t, "accounts?$filter=Microsoft.Dynamics.CRM."+url.PathEscape(call), http.StatusBadRequest, "0x80060888", want)
	}
}

func TestRelatedColumns(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 400, Contacts: 300})
	rows := s.values(t, "contacts?$select=fullname&$expand=parentcustomerid_account($select=name;$expand=primarycontactid($select=jobtitle))")
	at := func(r map[string]any, path ...string) any {
		for _, name := range path {
			inner, ok := r[name].(map[string]any)
			if !ok {
				return r[name]
			}
			r = inner
		}
		return nil
	}
	deep := "parentcustomerid_account/primarycontactid/jobtitle"
	want := chosen(rows, "contactid", func(r map[string]any) bool {
		return at(r, "parentcustomerid_account", "primarycontactid", "jobtitle") == "Owner"
	})
	if len(want) == 0 {
		t.Fatal("no row has the title")
	}
	if d := cmp.Diff(want, column(s.values(t, "contacts?$select=fullname&$filter="+deep+" eq 'Owner'"), "contactid")); d != "" {
		t.Error(d)
	}
	// Pages in the order of related rows are counted, without a cookie.
	ordered, pages := s.walk(t, "contacts?$select=fullname&$orderby=parentcustomerid_account/name desc,fullname", "Prefer", "odata.maxpagesize=70")
	if pages != 5 || len(ordered) != len(rows) {
		t.Fatalf("%d rows on %d pages", len(ordered), pages)
	}
	names := map[any]string{}
	for _, r := range rows {
		name, _ := at(r, "parentcustomerid_account", "name").(string)
		names[r["contactid"]] = strings.ToLower(name) + "\x00"
	}
	for i := 1; i < len(ordered); i++ {
		a, b := names[ordered[i-1]["contactid"]], names[ordered[i]["contactid"]]
		if a < b && !strings.ContainsFunc(a+b, func(r rune) bool { return r >= 0x80 }) {
			t.Fatalf("%q stands before %q", a, b)
		}
	}
	s.refuses(t, "accounts?$filter=ownerid/fullname eq 'x'", 400, "0x80060888", "Could not find a property named 'fullname' on type 'Microsoft.Dynamics.CRM.principal'.")
	s.refuses(t, `accounts?$orderby=primarycontactid/fullname&$skiptoken=<cookie pagenumber="11" istracking="False" />`, 400, "0x8004430a", "Paging without a paging cookie is limited to 50000 records.")
}

func TestExpandCollections(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 30, Contacts: 200, Activities: 80})
	contacts := s.values(t, "contacts?$select=fullname,_parentcustomerid_value,jobtitle")
	rows := s.values(t, "accounts?$select=name&$expand=contact_customer_accounts($select=fullname;$filter=jobtitle ne null;$orderby=fullname desc;$count=true)")
	for _, a := range rows {
		want := chosen(contacts, "contactid", func(c map[string]any) bool {
			return c["_parentcustomerid_value"] == a["accountid"] && c["jobtitle"] != nil
		})
		var got []any
		var names []string
		for _, v := range a["contact_customer_accounts"].([]any) {
			c := v.(map[string]any)
			got = append(got, c["contactid"])
			names = append(names, c["fullname"].(string))
			if len(c) != 3 {
				t.Errorf("members %v", c)
			}
		}
		if len(got) != len(want) || a["contact_customer_accounts@odata.count"] != json.Number(fmt.Sprint(len(want))) {
			t.Errorf("%v: %d rows, want %d", a["name"], len(got), len(want))
		}
		for i := 1; i < len(names); i++ {
			if x, y := names[i-1], names[i]; x[0] < 0x80 && y[0] < 0x80 && strings.ToLower(x) < strings.ToLower(y) {
				t.Errorf("%q before %q", x, y)
			}
		}
	}
	// More than a page: the rest is behind a link.
	id := column(rows, "accountid")[0].(string)
	for _, a := range rows {
		if len(a["contact_customer_accounts"].([]any)) > 3 {
			id = a["accountid"].(string)
		}
	}
	one := s.decode(t, "accounts("+id+")?$select=name&$expand=contact_customer_accounts($select=fullname;$filter=jobtitle ne null)", "Prefer", "odata.maxpagesize=2")
	var all []any
	for _, v := range one["contact_customer_accounts"].([]any) {
		all = append(all, v.(map[string]any)["contactid"])
	}
	next := strings.Replace(one["contact_customer_accounts@odata.nextLink"].(string), "https://org.crm.dynamics.com", s.url, 1)
	more, _ := s.walk(t, next, "Prefer", "odata.maxpagesize=2")
	all = append(all, column(more, "contactid")...)
	want := chosen(contacts, "contactid", func(c map[string]any) bool { return c["_parentcustomerid_value"] == id && c["jobtitle"] != nil })
	if d := cmp.Diff(want, all); d != "" {
		t.Error(d)
	}
	top := s.decode(t, "accounts("+id+")?$expand=contact_customer_accounts($top=1),Account_Tasks,ownerid")
	if n := len(top["contact_customer_accounts"].([]any)); n != 1 || top["contact_customer_accounts@odata.nextLink"] != nil {
		t.Errorf("%d rows", n)
	}
	if owner := top["ownerid"].(map[string]any); owner["ownerid"] != top["_ownerid_value"] || !strings.HasPrefix(owner["@odata.type"].(string), "#Microsoft.Dynamics.CRM.") {
		t.Errorf("owner %v", owner)
	}
	for path, want := range map[string]string{
		"accounts?$expand=contact_customer_accounts/$ref":                         "$ref is not supported in the $expand of the collection-valued navigation property 'contact_customer_accounts'.",
		"accounts?$expand=primarycontactid($filter=fullname eq 'x')":              "Only $select and $expand are supported inside the $expand of a single-valued navigation property.",
		"accounts?$expand=primarycontactid($select=nope)":                         "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.contact'.",
		"accounts?$expand=contact_customer_accounts($filter=nope eq 1)":           "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.contact'.",
		"accounts?$expand=" + strings.Repeat("primarycontactid,", 15) + "ownerid": "The number of $expand items is 16, which is larger than the maximum of 15.",
		"accounts?$expand=ownerid($select=fullname)":                              "Could not find a property named 'fullname' on type 'Microsoft.Dynamics.CRM.principal'.",
	} {
		s.refuses(t, path, 400, "0x80060888", want)
	}
}

func TestBelowRows(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 60, Contacts: 200})
	a := s.values(t, "accounts?$filter=primarycontactid/fullname ne null and new_contract ne null&$top=1")[0]
	id := a["accountid"].(string)
	if c := s.decode(t, "accounts("+id+")/primarycontactid?$select=fullname"); c["contactid"] != a["_primarycontactid_value"] ||
		c["@odata.context"] != "https://org.crm.dynamics.com/api/data/v9.2/$metadata#contacts(fullname)/$entity" {
		t.Errorf("contact %v", c)
	}
	if p := s.decode(t, "accounts("+id+")/name"); p["value"] != a["name"] {
		t.Errorf("name %v", p)
	}
	if text := s.get(t, "accounts("+id+")/name/$value"); text != a["name"] {
		t.Errorf("name %q", text)
	}
	if r := s.decode(t, "accounts("+id+")/primarycontactid/$ref"); r["@odata.id"] != "https://org.crm.dynamics.com/api/data/v9.2/contacts("+a["_primarycontactid_value"].(string)+")" {
		t.Errorf("reference %v", r)
	}
	if x := s.decode(t, "accounts("+id+")?$select=name&$expand=primarycontactid/$ref")["primarycontactid"].(map[string]any); len(x) != 1 || x["@odata.id"] == nil {
		t.Errorf("reference %v", x)
	}
	mine := s.values(t, "contacts?$filter=_parentcustomerid_value eq "+id)
	if d := cmp.Diff(column(mine, "contactid"), column(s.values(t, "accounts("+id+")/contact_customer_accounts"), "contactid")); d != "" {
		t.Error(d)
	}
	if n := s.get(t, "accounts("+id+")/contact_customer_accounts/$count"); n != "\ufeff"+fmt.Sprint(len(mine)) {
		t.Errorf("count %q of %d", n, len(mine))
	}
	if refs := s.values(t, "accounts("+id+")/contact_customer_accounts/$ref"); len(refs) != len(mine) {
		t.Errorf("%d references", len(refs))
	}
	if b := s.decode(t, "accounts(accountnumber='"+s.values(t, "accounts?$filter=accountnumber ne null&$top=1")[0]["accountnumber"].(string)+"')"); b["accountid"] == nil {
		t.Error("no account by its key")
	}
	file := s.do(t, "accounts("+id+")/new_contract/$value", "Range", "bytes=0-7")
	if text := s.text(t, file); file.StatusCode != http.StatusPartialContent || text != "Contract" || file.Header.Get("x-ms-file-name") != a["new_contract_name"] {
		t.Errorf("file %s %q %s", file.Status, text, file.Header.Get("x-ms-file-name"))
	}
	if empty := s.do(t, "accounts("+id+")/tickersymbol"); empty.StatusCode != http.StatusNoContent {
		t.Errorf("empty %s", empty.Status)
	}
	s.refuses(t, "accounts(accountnumber='nope')", 404, "0x80060891", "A record with the specified key values does not exist in account entity")
	s.refuses(t, "accounts(name='nope')", 400, "0x80060888", "The key property 'name' is not a key of the type 'Microsoft.Dynamics.CRM.account'.")
	s.refuses(t, "accounts("+id+")/nope", 404, "0x80060888", "Resource not found for the segment 'nope'.")
	s.refuses(t, "accounts("+id+")?$filter=name eq 'x'", 400, "0x80060888", "The query parameter '$filter' is not supported for a single item.")
	s.refuses(t, "accounts?$select=name&@p="+strings.Repeat("x", 33000), 414, "0x80060888", "The request URI is too long.")
}

func TestApply(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 900})
	rows := s.values(t, "accounts?$select=statuscode,numberofemployees,createdon,industrycode,revenue")
	sum, n, oldest := int64(0), int64(0), "9"
	for _, r := range rows {
		if e, ok := r["numberofemployees"].(json.Number); ok {
			i, _ := e.Int64()
			sum += i
			n++
		}
		oldest = min(oldest, r["createdon"].(string))
	}
	got := s.get(t, "accounts?$apply=aggregate($count as n,numberofemployees with sum as total,numberofemployees with average as mean,createdon with min as first,industrycode with countdistinct as industries)")
	industries := map[any]bool{}
	for _, r := range rows {
		if r["industrycode"] != nil {
			industries[r["industrycode"]] = true
		}
	}
	want := fmt.Sprintf(`{"@odata.context":"https://org.crm.dynamics.com/api/data/v9.2/$metadata#accounts(n,total,mean,first,industries)","value":[{"n":900,"total":%d,"mean":%d,"first":"%s","industries":%d}]}`,
		sum, sum/n, oldest, len(industries))
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	counts := map[any]int{}
	for _, r := range rows {
		if r["createdon"].(string) >= "2020" {
			counts[r["statuscode"]]++
		}
	}
	for _, g := range s.values(t, "accounts?$apply=filter(createdon ge 2020-01-01)/groupby((statuscode),aggregate($count as n))", "Prefer", `odata.include-annotations="*"`) {
		if g["n"] != json.Number(fmt.Sprint(counts[g["statuscode"]])) || g["statuscode@OData.Community.Display.V1.FormattedValue"] == nil {
			t.Errorf("%v, want %d", g, counts[g["statuscode"]])
		}
		delete(counts, g["statuscode"])
	}
	if len(counts) > 0 {
		t.Errorf("groups missing: %v", counts)
	}
	if g := s.values(t, "accounts?$filter=name eq 'nobody at all'&$apply=aggregate($count as n,revenue with sum as r)")[0]; g["n"] != json.Number("0") || g["r"] != nil {
		t.Errorf("nothing: %v", g)
	}
	for path, want := range map[string]string{
		"accounts?$apply=aggregate(nope with sum as n)":              "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.account'.",
		"accounts?$apply=aggregate(revenue with median as n)":        "'median' is not a method of aggregation at position 23 in 'aggregate(revenue with median as n)'.",
		"accounts?$apply=topcount(3,revenue)":                        "'topcount' is not a transformation at position 0 in 'topcount(3,revenue)'.",
		"accounts?$apply=aggregate($count as n)&$orderby=n":          "Could not find a property named 'n' on type 'Microsoft.Dynamics.CRM.account'.",
		"accounts?$apply=groupby((statuscode))/groupby((statecode))": "Only filter can stand before another transformation in $apply.",
	} {
		s.refuses(t, path, 400, "0x80060888", want)
	}
	big := start(t, sandbox.Config{Accounts: 50_001})
	big.refuses(t, "accounts?$apply=aggregate($count as n)", 400, "0x8004e023", "The maximum record limit is exceeded. Reduce the number of records.")
}

func TestActivities(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Activities: 40})
	tasks := s.values(t, "tasks?$select=subject,statecode,_regardingobjectid_value,actualdurationminutes", "Prefer", `odata.include-annotations="*"`)
	all := s.values(t, "activitypointers?$select=subject,activitytypecode")
	if len(tasks) != 10 || len(all) != 40 {
		t.Fatalf("%d tasks of %d activities", len(tasks), len(all))
	}
	want := chosen(all, "activityid", func(r map[string]any) bool { return r["activitytypecode"] == "task" })
	if d := cmp.Diff(want, column(tasks, "activityid")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, column(s.values(t, "activitypointers/Microsoft.Dynamics.CRM.task?$select=subject"), "activityid")); d != "" {
		t.Error(d)
	}
	for _, r := range tasks {
		if r["_regardingobjectid_value"] != nil && !strings.HasPrefix(r["_regardingobjectid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"].(string), "regardingobjectid_") {
			t.Errorf("regarding %v", r)
		}
	}
	found := s.decode(t, "activitypointers("+want[3].(string)+")?$select=subject")
	if found["subject"] != tasks[3]["subject"] {
		t.Errorf("%v is not %v", found, tasks[3])
	}
	s.refuses(t, "tasks?$select=regardingobjectidname", 400, "0x80060888", "Could not find a property named 'regardingobjectidname' on type 'Microsoft.Dynamics.CRM.task'.")
}

func TestActivityParties(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Activities: 40, Contacts: 20})
	emails := s.values(t, "emails?$select=subject&$expand=email_activity_parties($select=participationtypemask,_partyid_value)")
	for _, e := range emails {
		parties := e["email_activity_parties"].([]any)
		if len(parties) != 2 {
			t.Fatalf("%d parties", len(parties))
		}
		if from, to := parties[0].(map[string]any), parties[1].(map[string]any); from["participationtypemask"] != json.Number("1") || to["participationtypemask"] != json.Number("2") || to["_partyid_value"] == nil {
			t.Errorf("parties %v", parties)
		}
	}
	id := emails[1]["activityid"].(string)
	own := s.values(t, "emails("+id+")/email_activity_parties")
	if len(own) != 2 || own[0]["_activityid_value"] != id {
		t.Errorf("parties %v", own)
	}
	if found := s.values(t, "activityparties?$filter=_activityid_value eq "+id+"&$expand=partyid_contact($select=fullname)"); len(found) != 2 || found[1]["partyid_contact"] == nil {
		t.Errorf("parties %v", found)
	}
	s.refuses(t, "emails?$select=to", 400, "0x80060888", "Could not find a property named 'to' on type 'Microsoft.Dynamics.CRM.email'.")
}

func TestCountsAreOld(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC).Unix())
	s := start(t, sandbox.Config{Accounts: 7, Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	known := func() any {
		counts := s.decode(t, `RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account"]`)["EntityRecordCountCollection"].(map[string]any)
		return counts["Values"].([]any)[0]
	}
	s.must(t, 204, "POST", "accounts", `{"name":"Eighth"}`)
	if n := known(); n != json.Number("7") {
		t.Errorf("%v at once", n)
	}
	now.Add(24 * 3600)
	if n := known(); n != json.Number("8") {
		t.Errorf("%v a day later", n)
	}
	s.Reset()
	if n := known(); n != json.Number("7") {
		t.Errorf("%v after a reset", n)
	}
	s.must(t, 204, "POST", "accounts", `{"name":"Eighth"}`)
	s.Advance(-time.Hour)
	if n := known(); n != json.Number("8") {
		t.Errorf("%v after the clock was set back", n)
	}
}

// TestSelectTwice names columns twice: they come once, in the context too.
func TestSelectTwice(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	const root = "https://org.crm.dynamics.com/api/data/v9.2/$metadata#"
	for path, context := range map[string]string{
		"accounts?$select=name,name":                                                    "accounts(name)",
		"accounts?$select=name,fax,name&$top=1":                                         "accounts(name,fax)",
		"contacts?$expand=parentcustomerid_account($select=name,name)&$select=fullname": "contacts(fullname,parentcustomerid_account(name))",
		"organizations?$select=name,name":                                               "organizations(name)",
		"EntityDefinitions?$select=LogicalName,LogicalName":                             "EntityDefinitions(LogicalName)",
	} {
		body := s.get(t, path)
		if want := `"@odata.context":"` + root + context + `"`; !strings.Contains(body, want) {
			t.Errorf("%s: %.200s, want %s", path, body, want)
		}
		if first, _, _ := strings.Cut(body, "}"); strings.Count(first, `"name":`) > 1 {
			t.Errorf("%s: %s", path, first)
		}
	}
}
