package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// send makes a request with a body and returns the answer and its text.
func (s *server) send(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + "/api/data/v9.2/" + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	return a, s.text(t, a)
}

// must makes a request that has to succeed with a status.
func (s *server) must(t testing.TB, status int, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	a, text := s.send(t, method, path, body, headers...)
	if a.StatusCode != status {
		t.Fatalf("%s %s: %s: %s", method, path, a.Status, text)
	}
	return a, text
}

// fails makes a request that has to fail, and compares status, code and a
// part of the message.
func (s *server) fails(t testing.TB, status int, code, message, method, path, body string, headers ...string) {
	t.Helper()
	a, text := s.send(t, method, path, body, headers...)
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%s %s: %s: %s", method, path, a.Status, text)
	}
	if a.StatusCode != status || e.Error.Code != code || !strings.Contains(e.Error.Message, message) {
		t.Errorf("%s %s: %d %s %q, want %d %s %q", method, path, a.StatusCode, e.Error.Code, e.Error.Message, status, code, message)
	}
}

const newID = "11111111-2222-4333-8444-555555555555"

func TestCreate(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	before := s.Count("account")
	a, body := s.must(t, 204, "POST", "accounts", `{"name":"Zürich AG"}`)
	address := a.Header.Get("OData-EntityId")
	if body != "" || !strings.HasPrefix(address, s.url+"/api/data/v9.2/accounts(") {
		t.Errorf("%q, OData-EntityId %q", body, address)
	}
	if s.Count("account") != before+1 {
		t.Errorf("%d accounts, had %d", s.Count("account"), before)
	}
	got := s.decode(t, address+"?$select=name,statecode,statuscode,donotemail,createdon,_createdby_value,_ownerid_value,revenue")
	me := s.decode(t, "WhoAmI()")["UserId"]
	if got["name"] != "Zürich AG" || got["_ownerid_value"] != me || got["_createdby_value"] != me || got["revenue"] != nil ||
		fmt.Sprintf("%v %v %v", got["statecode"], got["statuscode"], got["donotemail"]) != "0 1 false" {
		t.Error(got)
	}

	a, body = s.must(t, 201, "POST", "accounts?$select=name,revenue", `{"name":"B","revenue":12.34567}`, "Prefer", "return=representation")
	if a.Header.Get("Preference-Applied") != "return=representation" || a.Header.Get("ETag") == "" {
		t.Error(a.Header)
	}
	if !strings.Contains(body, `$metadata#accounts(name,revenue)/$entity"`) || !strings.Contains(body, `"revenue":12.3457`) || !strings.Contains(body, `"_transactioncurrencyid_value":"`) {
		t.Error(body)
	}

	s.must(t, 204, "POST", "contacts", `{"contactid":"`+newID+`","firstname":"Ada","lastname":"Lovelace","overriddencreatedon":"2001-02-03T04:05:06Z","birthdate":"1815-12-10"}`)
	c := s.decode(t, "contacts("+newID+")?$select=fullname,createdon,birthdate")
	if c["fullname"] != "Ada Lovelace" || c["createdon"] != "2001-02-03T04:05:06Z" || c["birthdate"] != "1815-12-10" {
		t.Error(c)
	}
	s.fails(t, 412, "0x80040237", "matching key values", "POST", "contacts", `{"contactid":"`+newID+`"}`)
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	path := "accounts(" + newID + ")"
	s.fails(t, 404, "0x80040217", "account With Id = "+newID+" Does Not Exist", "PATCH", path, `{"name":"x"}`, "If-Match", "*")
	s.must(t, 204, "PATCH", path, `{"name":"first"}`)
	s.fails(t, 412, "0x80040237", "A record with matching key values already exists.", "PATCH", path, `{"name":"x"}`, "If-None-Match", "*")
	a, _ := s.must(t, 200, "GET", path, "")
	etag := a.Header.Get("ETag")
	s.must(t, 204, "PATCH", path, `{"name":"second"}`, "If-Match", etag)
	s.fails(t, 412, "0x80060882", "doesn't match the RowVersion", "PATCH", path, `{"name":"third"}`, "If-Match", etag)
	s.fails(t, 412, "0x80060882", "doesn't match the RowVersion", "DELETE", path, "", "If-Match", etag)
	if got := s.decode(t, path+"?$select=name")["name"]; got != "second" {
		t.Error(got)
	}
	s.must(t, 204, "DELETE", path, "")
	s.fails(t, 404, "0x80040217", "Does Not Exist", "DELETE", path, "")
	s.must(t, 204, "PATCH", path, `{"telephone1":"back"}`)
	if got := s.decode(t, path+"?$select=name,telephone1"); got["name"] != nil || got["telephone1"] != "back" {
		t.Error(got)
	}
	a, _ = s.must(t, 200, "GET", path, "")
	s.must(t, 304, "GET", path, "", "If-None-Match", a.Header.Get("ETag"))
}

// TestUpdateGenerated changes a row that was generated: the rest of it stays,
// the version rises and the order of keys does not change.
func TestUpdateGenerated(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	rows := s.values(t, "accounts")
	row := rows[17]
	path := "accounts(" + row["accountid"].(string) + ")"
	s.must(t, 204, "PATCH", path, `{"telephone1":"+1 555 0100"}`)
	after := s.values(t, "accounts")
	want := map[string]any{}
	for k, v := range row {
		want[k] = v
	}
	for _, k := range []string{"@odata.etag", "versionnumber", "modifiedon", "_modifiedby_value", "telephone1"} {
		if after[17][k] == row[k] {
			t.Errorf("%s did not change", k)
		}
		want[k] = after[17][k]
	}
	if d := cmp.Diff(want, after[17]); d != "" {
		t.Error(d)
	}
	if after[17]["telephone1"] != "+1 555 0100" || after[17]["@odata.etag"] != fmt.Sprintf(`W/"%v"`, after[17]["versionnumber"]) {
		t.Error(after[17])
	}
	if n := len(s.values(t, "accounts?$filter=telephone1 eq '%2B1 555 0100'")); n != 1 {
		t.Errorf("%d rows by filter", n)
	}
	s.must(t, 204, "PUT", path+"/telephone1", `{"value":"2"}`)
	s.must(t, 204, "DELETE", path+"/fax", "")
	got := s.decode(t, path+"?$select=telephone1,fax")
	if got["telephone1"] != "2" || got["fax"] != nil {
		t.Error(got)
	}
	s.must(t, 204, "PATCH", path, `{"statecode":1}`)
	if got := s.decode(t, path+"?$select=statuscode")["statuscode"]; fmt.Sprint(got) != "2" {
		t.Error(got)
	}
	s.must(t, 204, "PATCH", path, `{"accountid":"`+row["accountid"].(string)+`","createdon":"1999-01-01T00:00:00Z"}`)
	if got := s.decode(t, path+"?$select=createdon")["createdon"]; got != row["createdon"] {
		t.Error(got)
	}
}

func TestLookupsOnWrite(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	contact := s.values(t, "contacts?$top=1")[0]["contactid"].(string)
	team := s.values(t, "teams?$top=1")[0]
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"name":"n","primarycontactid@odata.bind":"/contacts(`+contact+`)","ownerid@odata.bind":"/teams(`+team["teamid"].(string)+`)"}`)
	got := s.decode(t, "accounts("+newID+")?$select=_primarycontactid_value,_ownerid_value,_owningteam_value,_owninguser_value,_owningbusinessunit_value&$expand=primarycontactid($select=fullname)",
		"Prefer", `odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"`)
	if got["_primarycontactid_value"] != contact || got["_owningteam_value"] != team["teamid"] || got["_owninguser_value"] != nil ||
		got["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] != "team" || got["_owningbusinessunit_value"] != team["_businessunitid_value"] ||
		got["primarycontactid"].(map[string]any)["contactid"] != contact {
		t.Error(got)
	}
	s.must(t, 204, "PATCH", "contacts("+newID+")", `{"lastname":"x","parentcustomerid_account@odata.bind":"`+s.url+`/api/data/v9.2/accounts(`+newID+`)"}`)
	if got := s.decode(t, "contacts("+newID+")?$select=_parentcustomerid_value,_accountid_value"); got["_parentcustomerid_value"] != newID {
		t.Error(got)
	}
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"primarycontactid@odata.bind":null}`)
	s.must(t, 204, "PUT", "accounts("+newID+")/parentaccountid/$ref", `{"@odata.id":"`+s.url+`/api/data/v9.2/accounts(`+newID+`)"}`)
	if got := s.decode(t, "accounts("+newID+")?$select=_primarycontactid_value,_parentaccountid_value"); got["_primarycontactid_value"] != nil || got["_parentaccountid_value"] != newID {
		t.Error(got)
	}
	s.must(t, 204, "DELETE", "accounts("+newID+")/parentaccountid/$ref", "")
	s.must(t, 204, "POST", "contacts("+contact+")/account_primary_contact/$ref", `{"@odata.id":"`+s.url+`/api/data/v9.2/accounts(`+newID+`)"}`)
	if got := s.decode(t, "accounts("+newID+")?$select=_primarycontactid_value,_parentaccountid_value"); got["_primarycontactid_value"] != contact || got["_parentaccountid_value"] != nil {
		t.Error(got)
	}
	// A deleted row leaves its id where others point to it.
	s.must(t, 204, "DELETE", "contacts("+contact+")", "")
	got = s.decode(t, "accounts("+newID+")?$select=_primarycontactid_value&$expand=primarycontactid($select=fullname)")
	if got["_primarycontactid_value"] != contact || got["primarycontactid"] != nil {
		t.Error(got)
	}
}

func TestRefusedWrites(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	const payload = "0x80048d19"
	for _, c := range []struct {
		status                    int
		code, message, path, body string
	}{
		{400, "0x80044331", "length of the 'name' attribute of the 'account' entity exceeded the maximum allowed length of '160'", "accounts", `{"name":"` + strings.Repeat("é", 161) + `"}`},
		{400, "0x80044331", "'160'", "accounts", `{"name":"` + strings.Repeat("😀", 81) + `"}`},
		{400, "0x80040278", "contains invalid characters", "accounts", `{"name":"a\u0001b"}`},
		{400, payload, "Invalid property 'nme' was found in entity 'Microsoft.Dynamics.CRM.account'", "accounts", `{"nme":"x"}`},
		{400, payload, "Cannot convert the literal 'abc' to the expected type 'Edm.Int32'", "accounts", `{"numberofemployees":"abc"}`},
		{400, payload, "Cannot convert the literal '5' to the expected type 'Edm.String'", "accounts", `{"name":5}`},
		{400, payload, "IEEE754Compatible", "accounts", `{"revenue":"5"}`},
		{400, payload, "Cannot convert the literal 'soon' to the expected type 'Edm.DateTimeOffset'", "accounts", `{"lastonholdtime":"soon"}`},
		{400, "0x80040239", "Minimum value supported: 01/01/1753", "contacts", `{"birthdate":"1752-12-31"}`},
		{400, "0x80044330", "'numberofemployees' on record of type 'account' is outside the valid range", "accounts", `{"numberofemployees":-1}`},
		{400, "0x8004431A", "The value 99 of 'accountcategorycode'", "accounts", `{"accountcategorycode":99}`},
		{400, payload, "CRM do not support direct update of Entity Reference properties", "accounts", `{"_primarycontactid_value":"` + newID + `"}`},
		{400, payload, "An undeclared property 'nope' which only has property annotations", "accounts", `{"nope@odata.bind":"/contacts(` + newID + `)"}`},
		{404, "0x80040217", "Entity 'contact' With Id = " + newID + " Does Not Exist", "accounts", `{"primarycontactid@odata.bind":"/contacts(` + newID + `)"}`},
		{400, "0x80048408", "2 is not a valid status code for state code AccountState.Active", "accounts", `{"statuscode":2}`},
		{400, payload, "instance annotation name", "accounts", `{"@logicalName":"account"}`},
		{400, payload, "StartObject", "accounts", `[1]`},
		{404, "0x80060888", "Resource not found for the segment 'nothings'", "nothings", `{}`},
		{405, "0x80060888", "does not support http method 'POST'", "accounts(" + newID + ")", `{}`},
	} {
		before := s.Count("account")
		s.fails(t, c.status, c.code, c.message, "POST", c.path, c.body)
		if s.Count("account") != before {
			t.Errorf("%s left a row", c.body)
		}
	}
}

func TestAlternateKeys(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	row := s.values(t, "accounts?$select=accountnumber,name&$filter=accountnumber ne null&$top=1")[0]
	number := row["accountnumber"].(string)
	if got := s.decode(t, "accounts(accountnumber='"+strings.ToLower(number)+"')?$select=name"); got["accountid"] != row["accountid"] {
		t.Error(got)
	}
	a, _ := s.must(t, 204, "PATCH", "accounts(accountnumber='NEW-1')", `{"name":"by key"}`)
	made := s.decode(t, a.Header.Get("OData-EntityId"))
	if made["accountnumber"] != "NEW-1" || made["name"] != "by key" {
		t.Error(made)
	}
	s.must(t, 204, "PATCH", "accounts(accountnumber='NEW-1')", `{"name":"again"}`)
	if got := s.decode(t, "accounts(accountnumber='NEW-1')?$select=name"); got["name"] != "again" || got["accountid"] != made["accountid"] {
		t.Error(got)
	}
	s.fails(t, 404, "0x80060891", "A record with the specified key values does not exist in account entity", "GET", "accounts(accountnumber='NEW-2')", "")
	s.fails(t, 412, "0x80060892", "Account Number", "POST", "accounts", `{"name":"twin","accountnumber":"NEW-1"}`)
	s.fails(t, 400, "0x80060888", "is not a key", "GET", "accounts(name='x')", "")
	s.fails(t, 400, "0x80060888", "Bad Request", "GET", "accounts(accountnumber='x)", "")
	s.must(t, 204, "PATCH", "contacts("+newID+")", `{"parentcustomerid_account@odata.bind":"/accounts(accountnumber='NEW-1')"}`)
	if got := s.decode(t, "contacts("+newID+")")["_parentcustomerid_value"]; got != made["accountid"] {
		t.Error(got)
	}
}

func TestMultiple(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	before := s.Count("account")
	const kind = `"@odata.type":"Microsoft.Dynamics.CRM.account"`
	_, body := s.must(t, 200, "POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", `{"Targets":[{`+kind+`,"name":"a"},{`+kind+`,"name":"b"}]}`)
	var made struct {
		Context string   `json:"@odata.context"`
		IDs     []string `json:"Ids"`
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil || len(made.IDs) != 2 || !strings.HasSuffix(made.Context, "#Microsoft.Dynamics.CRM.CreateMultipleResponse") {
		t.Fatal(body, err)
	}
	s.must(t, 204, "POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", `{"Targets":[{`+kind+`,"accountid":"`+made.IDs[0]+`","name":"a2"}]}`)
	s.must(t, 204, "POST", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple", `{"Targets":[{`+kind+`,"@odata.id":"accounts(accountnumber='K1')","name":"k"},{`+kind+`,"accountid":"`+made.IDs[1]+`","name":"b2"}]}`)
	if got := s.decode(t, "accounts("+made.IDs[1]+")?$select=name")["name"]; got != "b2" {
		t.Error(got)
	}
	if s.Count("account") != before+3 {
		t.Errorf("%d accounts, had %d", s.Count("account"), before)
	}
	s.fails(t, 400, "0x80044331", "name", "POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", `{"Targets":[{`+kind+`,"name":"c"},{`+kind+`,"name":"`+strings.Repeat("x", 161)+`"}]}`)
	s.fails(t, 400, "0x80040800", "DeleteMultiple has not yet been implemented.", "POST", "accounts/Microsoft.Dynamics.CRM.DeleteMultiple", `{"Targets":[]}`)
	s.fails(t, 404, "0x80040217", "Does Not Exist", "POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", `{"Targets":[{`+kind+`,"accountid":"`+newID+`","name":"a2"}]}`)
	if s.Count("account") != before+3 {
		t.Error("a failed CreateMultiple left rows")
	}
}

// TestKeysetUnderChange walks in pages while rows come and go.
func TestKeysetUnderChange(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"", "&$orderby=name,accountid", "&$orderby=revenue desc,accountid"} {
		s := start(t, small)
		page := s.decode(t, "accounts?$select=name,revenue"+order, "Prefer", "odata.maxpagesize=300")
		rows := page["value"].([]any)
		last := rows[299].(map[string]any)["accountid"].(string)
		first := rows[0].(map[string]any)["accountid"].(string)
		seen := map[string]bool{}
		for _, r := range rows {
			seen[r.(map[string]any)["accountid"].(string)] = true
		}
		// The smallest key of all, and the least of each order.
		const smallest = "00000000-0000-1000-8000-000000000001"
		s.must(t, 204, "PATCH", "accounts("+smallest+")", `{"name":"!","revenue":100000000000000}`)
		s.must(t, 204, "DELETE", "accounts("+last+")", "")
		s.must(t, 204, "DELETE", "accounts("+first+")", "")
		n := 300
		for link := page["@odata.nextLink"]; link != nil; link = page["@odata.nextLink"] {
			page = s.decode(t, strings.Replace(link.(string), "https://org.crm.dynamics.com", s.url, 1), "Prefer", "odata.maxpagesize=300")
			for _, r := range page["value"].([]any) {
				id := r.(map[string]any)["accountid"].(string)
				if seen[id] || id == smallest {
					t.Errorf("%q: %s again", order, id)
				}
				seen[id] = true
				n++
			}
		}
		if n != small.Accounts {
			t.Errorf("%q: %d rows, want %d", order, n, small.Accounts)
		}
		if got := s.values(t, "accounts?$top=1")[0]["accountid"]; got != smallest {
			t.Errorf("%q: the first is %v", order, got)
		}
	}
}
