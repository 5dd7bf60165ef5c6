package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

const token = "token-for-tests"

// server is a sandbox on a loopback port.
type server struct {
	*sandbox.Sandbox
	url string
}

func start(t testing.TB, cfg sandbox.Config) *server {
	t.Helper()
	s, err := sandbox.New(sandbox.WithBearer(cfg, token))
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return &server{s, h.URL}
}

// do calls the Web API; path is below /api/data/v9.2/ or a whole address.
func (s *server) do(t testing.TB, path string, headers ...string) *http.Response {
	t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + "/api/data/v9.2/" + path
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.ReplaceAll(path, " ", "%20"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close() })
	return a
}

// text returns the body of an answer with the server's address taken out.
func (s *server) text(t testing.TB, a *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), s.url, "https://org.crm.dynamics.com")
}

// get returns the body of a good answer.
func (s *server) get(t testing.TB, path string, headers ...string) string {
	t.Helper()
	a := s.do(t, path, headers...)
	body := s.text(t, a)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", path, a.Status, body)
	}
	return body
}

// decode returns the body of a good answer as maps.
func (s *server) decode(t testing.TB, path string, headers ...string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s.get(t, path, headers...)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

// values returns the members of value.
func (s *server) values(t testing.TB, path string, headers ...string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	for _, v := range s.decode(t, path, headers...)["value"].([]any) {
		rows = append(rows, v.(map[string]any))
	}
	return rows
}

func TestUnauthorized(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Users: 3})
	for _, authorization := range []string{"", "Bearer wrong", "Basic eDp5"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/data/v9.2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %s", authorization, a.Status)
		}
		want := "Bearer authorization_uri=" + s.url + "/" + s.TenantID() + "/oauth2/authorize, resource_id=" + s.url + "/"
		if d := cmp.Diff(want, a.Header.Get("WWW-Authenticate")); d != "" {
			t.Errorf("%q: %s", authorization, d)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Users: 3, Accounts: 3})
	for path, want := range map[string]struct {
		status  int
		code    string
		message string
	}{
		"xxxxxxx":            {404, "0x80060888", "Resource not found for the segment 'xxxxxxx'."},
		"accounts?$select=x": {400, "0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'."},
		"accounts?$select=accountcategorycodename": {400, "0x80060888", "Could not find a property named 'accountcategorycodename' on type 'Microsoft.Dynamics.CRM.account'."},
		"accounts?$select=ownerid":                 {400, "0x80060888", "Could not find a property named 'ownerid' on type 'Microsoft.Dynamics.CRM.account'."},
		"accounts?$filter=x eq 1":                  {400, "0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'."},
		"accounts?$orderby=x":                      {400, "0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'."},
		"accounts?$skip=3":                         {400, "0x80060888", "Skip Clause is not supported in CRM"},
		"accounts?$foo=3":                          {400, "0x80060888", "The query parameter '$foo' is not supported."},
		"accounts?$filter=name eq":                 {400, "0x80060888", "Syntax error at position 7 in 'name eq'."},
		"accounts?$filter=name eq 3":               {400, "0x80060888", "A binary operator with incompatible types was detected. Found operand types 'Edm.String' and 'Edm.Int32' for operator kind 'Equal'."},
		"accounts?$filter=accountid eq guid'00000000-0000-0000-0000-000000000001'": {400, "0x80060888", "Unrecognized 'guid' literal at position 13 in 'accountid eq guid'00000000-0000-0000-0000-000000000001''."},
		"accounts?$skiptoken=abc":                                                                                               {400, "0x80040203", "Malformed XML in the Paging Cookie"},
		"accounts(00000000-0000-0000-0000-000000000001)":                                                                        {404, "0x80040217", "account With Id = 00000000-0000-0000-0000-000000000001 Does Not Exist"},
		"systemusers(systemuserid=00000000-0000-0000-0000-000000000001)":                                                        {400, "0x80060888", "The key property 'systemuserid' is not a key of the type 'Microsoft.Dynamics.CRM.systemuser'."},
		"EntityDefinitions(LogicalName='nope')":                                                                                 {404, "0x80041102", "The entity with a name = 'nope' with namemapping = 'Logical' was not found in the MetadataCache."},
		"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='nope')":                                               {404, "0x80041103", "'account' entity doesn't contain attribute with Name = 'nope' and NameMapping = 'Logical'."},
		"EntityDefinitions(LogicalName='account')/Attributes?$select=Targets":                                                   {400, "0x80060888", "Could not find a property named 'Targets' on type 'Microsoft.Dynamics.CRM.AttributeMetadata'."},
		"EntityDefinitions(LogicalName='account')/Attributes?$expand=OptionSet":                                                 {400, "0x80060888", "Could not find a property named 'OptionSet' on type 'Microsoft.Dynamics.CRM.AttributeMetadata'."},
		"EntityDefinitions(LogicalName='account')/Attributes?$filter=AttributeType eq 'Picklist'":                               {400, "0x80060888", "A binary operator with incompatible types was detected. Found operand types 'Microsoft.Dynamics.CRM.AttributeTypeCode' and 'Edm.String' for operator kind 'Equal'."},
		"EntityDefinitions?$top=3":                                                                                              {400, "0x80060888", "The query parameter '$top' is not supported."},
		"accounts?$expand=nope":                                                                                                 {400, "0x80060888", "Could not find a property named 'nope' on type 'Microsoft.Dynamics.CRM.account'."},
		"contacts?$filter=Microsoft.Dynamics.CRM.ContainValues(PropertyName='gendercode',PropertyValues=[\"1\"])":               {400, "0x80060888", "The attribute 'gendercode' is not a multi-select choice."},
		"RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[\"nope\"]":                                                              {400, "0x80041102", "The entity with a name = 'nope' with namemapping = 'Logical' was not found in the MetadataCache."},
		"EntityDefinitions(00000000-0000-0000-0000-000000000001)":                                                               {404, "0x80041102", "The entity with a name = '00000000-0000-0000-0000-000000000001' with namemapping = 'Logical' was not found in the MetadataCache."},
		"EntityDefinitions(LogicalName='account')?$filter=LogicalName eq 'account'":                                             {400, "0x80060888", "The query parameter '$filter' is not supported for a single item."},
		"EntityDefinitions?$filter=DisplayName/UserLocalizedLabel eq 'x'":                                                       {400, "0x80060888", "Labels cannot be filtered."},
		"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='name')/Microsoft.Dynamics.CRM.MoneyAttributeMetadata": {404, "0x80060888", "Resource not found for the segment 'Microsoft.Dynamics.CRM.MoneyAttributeMetadata'."},
		"accounts?$filter=contains(revenue,'1')":                                                                                {400, "0x80060888", "No function signature for the function with name 'contains' matches the specified arguments."},
		"accounts?$filter=createdon gt 'x'":                                                                                     {400, "0x80060888", "A binary operator with incompatible types was detected. Found operand types 'Edm.DateTimeOffset' and 'Edm.String' for operator kind 'GreaterThan'."},
		"accounts?$filter=name eq revenue":                                                                                      {400, "0x80060888", "A binary operator with incompatible types was detected. Found operand types 'Edm.String' and 'Edm.Decimal' for operator kind 'Equal'."},
	} {
		a := s.do(t, path)
		got := s.text(t, a)
		message, _ := json.Marshal(want.message)
		body := `{"error":{"code":"` + want.code + `","message":` + strings.ReplaceAll(string(message), `\u0026`, "&") + `}}`
		if d := cmp.Diff(body, got); d != "" || a.StatusCode != want.status {
			t.Errorf("%s: %s\n%s", path, a.Status, d)
		}
	}
	body := s.text(t, s.do(t, "accounts?$skip=3", "Prefer", `odata.include-annotations="*"`))
	for _, name := range []string{"@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus", "@Microsoft.PowerApps.CDS.TraceText"} {
		if !strings.Contains(body, name) {
			t.Errorf("%s is missing in %s", name, body)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Users: 3, Accounts: 3})
	a := s.do(t, "accounts?$select=name", "Prefer", "odata.maxpagesize=2", "Prefer", `odata.include-annotations="*"`, "x-ms-client-request-id", "abc")
	for name, want := range map[string]string{
		"Content-Type":           "application/json; odata.metadata=minimal; odata.streaming=true",
		"OData-Version":          "4.0",
		"Preference-Applied":     `odata.maxpagesize=2,odata.include-annotations="*"`,
		"x-ms-dop-hint":          "4",
		"x-ms-client-request-id": "abc",
	} {
		if d := cmp.Diff(want, a.Header.Get(name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if id := a.Header.Get("x-ms-service-request-id"); len(id) != 36 || a.Header.Get("REQ_ID") != id {
		t.Errorf("request id %q", id)
	}
	if a := s.do(t, "accounts"); a.Header.Get("Preference-Applied") != "" {
		t.Error("a preference was applied that nobody had")
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Users: 3, Accounts: 7, Contacts: 11, Seed: 5})
	me := s.decode(t, "WhoAmI()")
	if d := cmp.Diff("https://org.crm.dynamics.com/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", me["@odata.context"]); d != "" {
		t.Error(d)
	}
	if me["OrganizationId"] != s.OrganizationID() {
		t.Errorf("organization %v", me["OrganizationId"])
	}
	user := s.decode(t, "systemusers("+me["UserId"].(string)+")?$select=fullname,_businessunitid_value")
	if user["_businessunitid_value"] != me["BusinessUnitId"] || user["ownerid"] != user["systemuserid"] {
		t.Errorf("user %v", user)
	}
	detail := s.decode(t, "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'")["Detail"].(map[string]any)
	if detail["TenantId"] != s.TenantID() || detail["FriendlyName"] != s.OrganizationName() {
		t.Errorf("detail %v", detail)
	}
	if name := s.decode(t, "organizations("+s.OrganizationID()+")?$select=name")["name"]; name != s.OrganizationName() {
		t.Errorf("organization %v", name)
	}
	got := s.get(t, `RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]`)
	want := `{"@odata.context":"https://org.crm.dynamics.com/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse",` +
		`"EntityRecordCountCollection":{"Count":2,"IsReadOnly":false,"Keys":["account","contact"],"Values":[7,11]}}`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	sets := s.values(t, "")
	if d := cmp.Diff(map[string]any{"name": "accounts", "kind": "EntitySet", "url": "accounts"}, sets[0]); d != "" {
		t.Error(d)
	}
	if model := s.get(t, "$metadata"); !strings.Contains(model, `<EntityType Name="systemuser" BaseType="mscrm:principal">`) {
		t.Error("the model does not let systemuser inherit")
	}
	if v := s.decode(t, "RetrieveVersion()")["Version"]; v != "9.2.24053.187" {
		t.Errorf("version %v", v)
	}
}

func TestInject(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Users: 3})
	remove := s.Inject(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/WhoAmI") {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return false
	})
	if a := s.do(t, "WhoAmI"); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "7" {
		t.Errorf("status %s", a.Status)
	}
	s.get(t, "RetrieveVersion")
	remove()
	s.get(t, "WhoAmI")
}

// FuzzWebAPI sends any path and query: whatever comes, it is answered, and
// never with a fault of the sandbox itself.
func FuzzWebAPI(f *testing.F) {
	for _, seed := range [][2]string{
		{"accounts", "$select=name&$filter=contains(name,'a')&$orderby=name desc&$top=3&$count=true"},
		{"accounts(00000000-0000-0000-0000-000000000001)", ""},
		{"accounts/$count", "$filter=revenue gt 1.5 and not (statecode eq 0)"},
		{"EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "$select=LogicalName&$expand=OptionSet($select=Options)"},
		{"EntityDefinitions", "$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'"},
		{"RetrieveTotalRecordCount(EntityNames=@p1)", `@p1=["account"]`},
		{"contacts", `$filter=Microsoft.Dynamics.CRM.In(PropertyName='gendercode',PropertyValues=["1"]) or birthdate lt 1970-01-01`},
		{"contacts", `$skiptoken=<cookie pagenumber="2" pagingcookie="%3ccookie page="1"/%3e" istracking="False" />`},
		{"systemusers", "$filter=startswith(fullname,'_[a-c]%') and createdon gt 2020-01-01"},
		{"organizations", "$select=name"},
		{"accounts", "$filter=primarycontactid/fullname eq name or accountid ge 00000000-0000-0000-0000-000000000001"},
		{"accounts", "$filter=contact_customer_accounts/any(c:c/statecode eq 0) or Account_Tasks/all(o:o/subject ne null)"},
		{"accounts", "$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=3) and Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"},
		{"accounts", "$expand=contact_customer_accounts($select=fullname;$orderby=fullname;$top=2;$count=true),ownerid,primarycontactid($expand=createdby)"},
		{"accounts", "$apply=filter(statecode eq 0)/groupby((statuscode,primarycontactid/fullname),aggregate($count as n,revenue with average as r))"},
		{"accounts", "$orderby=primarycontactid/fullname&$skiptoken=<cookie pagenumber=\"2\" istracking=\"False\" />"},
		{"accounts", `fetchXml=<fetch count="2" page="1"><entity name="account"><all-attributes/><order attribute="name"/><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="outer" alias="c"><attribute name="fullname"/><filter><condition attribute="statecode" operator="in"><value>0</value></condition></filter></link-entity></entity></fetch>`},
		{"contacts", `fetchXml=<fetch aggregate="true"><entity name="contact"><attribute name="createdon" groupby="true" dategrouping="week" alias="w"/><attribute name="contactid" aggregate="count" alias="n"/><order alias="n"/></entity></fetch>`},
		{"accounts(accountnumber='ACC-100001')/primarycontactid/fullname/$value", ""},
		{"accounts(accountnumber='ACC-100001')/contact_customer_accounts/$ref", ""},
		{"activitypointers/Microsoft.Dynamics.CRM.task", "$select=subject&$expand=regardingobjectid_account_task"},
		{"RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "$filter=ReferencedEntity eq 'account'&$select=SchemaName"},
		{"RetrieveMetadataChanges(Query=@p1,ClientVersionStamp=@p3)", `@p1={"Criteria":{"Conditions":[{"PropertyName":"ObjectTypeCode","ConditionOperator":"GreaterThan","Value":{"Value":3}}]}}&@p3='1!01/02/2006 15:04:05'`},
		{"$metadata", "annotations=true"},
		{"new_telemetries(new_telemetryid=00000000-0000-0000-0000-000000000001,partitionid='x')", "partitionId='y'"},
		{"accounts", "$expand=accountleads_association($orderby=fullname;$top=1)&$filter=accountleads_association/any(l:l/leadid ne null) and Microsoft.Dynamics.CRM.LastXFiscalPeriods(PropertyName='createdon',PropertyValue=3)"},
		{"accounts", `fetchXml=<fetch><entity name="account"><link-entity name="contact" from="parentcustomerid" to="accountid" link-type="exists"/><filter><condition attribute="accountid" operator="under" value="{00000000-0000-0000-0000-000000000001}"/><link-entity name="accountleads" from="accountid" to="accountid" link-type="not any"/></filter></entity></fetch>`},
	} {
		f.Add(seed[0], seed[1])
	}
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Users: 3, Accounts: 5, Contacts: 5, Opportunities: 3, Incidents: 3}, token))
	if err != nil {
		f.Fatal(err)
	}
	h := s.Handler()
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = "/api/data/v9.2/" + path
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Prefer", `odata.include-annotations="*",odata.maxpagesize=2`)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s", w.Body)
		}
		kind := w.Header().Get("Content-Type")
		if strings.HasPrefix(kind, "application/json") && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
	})
}

func TestLatencyAndBaseURL(t *testing.T) {
	t.Parallel()
	const latency = 40 * time.Millisecond
	s := start(t, sandbox.Config{Accounts: 3, Latency: latency, BaseURL: "https://contoso.crm.dynamics.com/"})
	begin := time.Now()
	page := s.decode(t, "accounts?$select=name", "Prefer", "odata.maxpagesize=2")
	if took := time.Since(begin); took < latency {
		t.Errorf("answered after %s", took)
	}
	link, _ := page["@odata.nextLink"].(string)
	if !strings.HasPrefix(link, "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$select=name&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie") {
		t.Errorf("link %s", link)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 3})
	for method, want := range map[string]int{http.MethodHead: 200, http.MethodPut: 405, http.MethodDelete: 405} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/api/data/v9.2/accounts", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("%s: %s", method, a.Status)
		}
	}
}
