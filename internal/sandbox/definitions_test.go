package sandbox_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestDefinitions(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	list := s.values(t, "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled,DisplayName,IsActivity,IsCustomEntity")
	var got []string
	for _, e := range list {
		name, _ := e["PrimaryNameAttribute"].(string)
		got = append(got, e["LogicalName"].(string)+" "+e["EntitySetName"].(string)+" "+e["PrimaryIdAttribute"].(string)+" "+name)
	}
	want := []string{
		"account accounts accountid name", "accountleads accountleadscollection accountleadid ", "activityparty activityparties activitypartyid partyidname",
		"activitypointer activitypointers activityid subject", "annotation annotations annotationid subject",
		"appointment appointments activityid subject", "asyncoperation asyncoperations asyncoperationid name", "businessunit businessunits businessunitid name",
		"campaign campaigns campaignid name", "connection connections connectionid name", "contact contacts contactid fullname",
		"contactleads contactleadscollection contactleadid ", "email emails activityid subject", "incident incidents incidentid title", "invoice invoices invoiceid name",
		"lead leads leadid fullname", "leadproduct leadproductcollection leadproductid ", "list lists listid listname", "new_erporder new_erporders new_erporderid new_name",
		"new_telemetry new_telemetries new_telemetryid new_name", "opportunity opportunities opportunityid name",
		"phonecall phonecalls activityid subject", "product products productid name", "quote quotes quoteid name",
		"salesorder salesorders salesorderid name", "sdkmessage sdkmessages sdkmessageid name",
		"sdkmessagefilter sdkmessagefilters sdkmessagefilterid name", "sdkmessageprocessingstep sdkmessageprocessingsteps sdkmessageprocessingstepid name",
		"serviceendpoint serviceendpoints serviceendpointid name", "systemuser systemusers systemuserid fullname",
		"systemuserroles systemuserrolescollection systemuserroleid ", "task tasks activityid subject", "team teams teamid name", "teammembership teammemberships teammembershipid ",
		"transactioncurrency transactioncurrencies transactioncurrencyid currencyname",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	one := s.decode(t, "EntityDefinitions(LogicalName='account')?$select=LogicalName")
	if d := cmp.Diff(map[string]any{
		"@odata.context": "https://org.crm.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions(LogicalName)/$entity",
		"LogicalName":    "account", "MetadataId": "70816501-edb9-4740-a16c-6a5efbc05d84",
	}, one); d != "" {
		t.Error(d)
	}
	if e := s.decode(t, "EntityDefinitions(70816501-edb9-4740-a16c-6a5efbc05d84)"); e["LogicalName"] != "account" || e["ObjectTypeCode"] != json.Number("1") {
		t.Errorf("by id: %v", e["LogicalName"])
	}
	tracked := s.values(t, "EntityDefinitions?$select=LogicalName&$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned' and CanCreateAttributes/Value eq true")
	if len(tracked) != 15 {
		t.Errorf("%d tables owned by users", len(tracked))
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	all := s.values(t, "EntityDefinitions(LogicalName='account')/Attributes?$filter=IsValidForRead eq true and IsValidODataAttribute eq true")
	if len(all) != 171 { // 167 of the export and the four of the sandbox
		t.Errorf("%d readable attributes", len(all))
	}
	by := map[string]map[string]any{}
	for _, a := range all {
		by[a["LogicalName"].(string)] = a
	}
	for name, want := range map[string]map[string]any{
		"accountid":           {"@odata.type": nil, "AttributeType": "Uniqueidentifier", "IsPrimaryId": true},
		"name":                {"@odata.type": "#Microsoft.Dynamics.CRM.StringAttributeMetadata", "MaxLength": json.Number("160"), "IsPrimaryName": true},
		"revenue":             {"@odata.type": "#Microsoft.Dynamics.CRM.MoneyAttributeMetadata", "Precision": json.Number("2")},
		"overriddencreatedon": {"DateTimeBehavior": map[string]any{"Value": "UserLocal"}, "Format": "DateOnly"},
		"new_openingtime":     {"DateTimeBehavior": map[string]any{"Value": "TimeZoneIndependent"}, "IsCustomAttribute": true},
		"new_renewaldate":     {"DateTimeBehavior": map[string]any{"Value": "DateOnly"}},
		"ownerid":             {"Targets": []any{"systemuser", "team"}, "AttributeTypeName": map[string]any{"Value": "OwnerType"}},
		"address1_addressid":  {"IsPrimaryId": true},
	} {
		for member, v := range want {
			if d := cmp.Diff(v, by[name][member]); d != "" {
				t.Errorf("%s.%s: %s", name, member, d)
			}
		}
	}
	items := s.values(t, "EntityDefinitions(LogicalName='businessunit')/Attributes?$select=LogicalName&$filter=startswith(LogicalName,'address1_addresstypecode')")
	for _, a := range items {
		delete(a, "MetadataId")
	}
	if d := cmp.Diff([]map[string]any{
		{"@odata.type": "#Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "LogicalName": "address1_addresstypecode"},
		{"LogicalName": "address1_addresstypecodename"},
	}, items); d != "" {
		t.Error(d)
	}
	for filter, want := range map[string]int{
		"AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'State'":     1,
		"AttributeTypeName/Value eq 'MultiSelectPicklistType'":                 1,
		"AttributeOf eq null and LogicalName eq 'fullname'":                    1,
		"not (AttributeOf eq null) and contains(LogicalName,'parentcustomer')": 3,
	} {
		if got := len(s.values(t, "EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName&$filter="+filter)); got != want {
			t.Errorf("%s: %d", filter, got)
		}
	}
	expanded := s.decode(t, "EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Attributes($select=LogicalName;$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Customer'),ManyToOneRelationships($select=SchemaName,ReferencingEntityNavigationPropertyName),Keys")
	if n := len(expanded["ManyToOneRelationships"].([]any)); n != 27 {
		t.Errorf("%d relationships", n)
	}
	if d := cmp.Diff("https://org.crm.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions(LogicalName,Attributes(LogicalName),ManyToOneRelationships(SchemaName,ReferencingEntityNavigationPropertyName),Keys())/$entity", expanded["@odata.context"]); d != "" {
		t.Error(d)
	}
}

// TestCapturedOptions compares with captured answers of Dataverse about the
// choices of contact: contexts, member names and their order, values and
// labels.
func TestCapturedOptions(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	for file, cast := range map[string]string{
		"options-picklists": "Picklist", "options-states": "State", "options-statuses": "Status",
	} {
		captured, err := os.ReadFile("testdata/metadata_contacts_" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		body := s.get(t, "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM."+cast+"AttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)")
		if d := cmp.Diff(names(t, string(captured)), names(t, body)); d != "" {
			t.Errorf("%s: %s", file, d)
		}
		want, got := choices(t, string(captured)), choices(t, body)
		for name, options := range want {
			if d := cmp.Diff(options, got[name]); d != "" {
				t.Errorf("%s.%s: %s", file, name, d)
			}
		}
	}
	captured, err := os.ReadFile("testdata/metadata_contacts_entity-definition.json")
	if err != nil {
		t.Fatal(err)
	}
	body := s.get(t, "EntityDefinitions(LogicalName='contact')?$select=DisplayCollectionName")
	if d := cmp.Diff(names(t, string(captured)), names(t, body)); d != "" {
		t.Error(d)
	}
}

// choices returns the labels of each attribute of an answer, and the end of
// its context.
func choices(t *testing.T, text string) map[string][]string {
	t.Helper()
	var answer struct {
		Context string `json:"@odata.context"`
		Value   []struct {
			LogicalName string
			OptionSet   struct {
				Options []struct {
					Value int
					Label struct{ UserLocalizedLabel struct{ Label string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	_, context, _ := strings.Cut(answer.Context, "#")
	all := map[string][]string{"context": {context}}
	for _, a := range answer.Value {
		for _, o := range a.OptionSet.Options {
			all[a.LogicalName] = append(all[a.LogicalName], o.Label.UserLocalizedLabel.Label)
		}
		slices.Sort(all[a.LogicalName])
	}
	return all
}

func TestOptionSets(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	boolean := s.decode(t, "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='donotphone')/Microsoft.Dynamics.CRM.BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)")
	truth := boolean["OptionSet"].(map[string]any)["TrueOption"].(map[string]any)
	if truth["Label"].(map[string]any)["UserLocalizedLabel"].(map[string]any)["Label"] != "Do Not Allow" {
		t.Errorf("true is %v", truth["Label"])
	}
	set := s.decode(t, "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata/OptionSet?$select=Options")
	if n := len(set["Options"].([]any)); n != 8 {
		t.Errorf("%d statuses", n)
	}
	global := s.decode(t, "GlobalOptionSetDefinitions(Name='sameweekday_options')")
	if global["IsGlobal"] != true || len(global["Options"].([]any)) < 7 {
		t.Errorf("global option set %v", global["Name"])
	}
	lookups := s.values(t, "EntityDefinitions(LogicalName='opportunity')/Attributes/Microsoft.Dynamics.CRM.LookupAttributeMetadata?$select=LogicalName,Targets")
	i := slices.IndexFunc(lookups, func(a map[string]any) bool { return a["LogicalName"] == "customerid" })
	if i < 0 || lookups[i]["@odata.type"] != nil {
		t.Fatalf("lookups %v", lookups)
	}
	if d := cmp.Diff([]any{"account", "contact"}, lookups[i]["Targets"]); d != "" {
		t.Error(d)
	}
}

// TestRelationships walks the shapes in which relationships and keys are
// told.
func TestRelationships(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	const account = "EntityDefinitions(LogicalName='account')/"
	for part, want := range map[string]int{"ManyToOneRelationships": 27, "ManyToManyRelationships": 7, "Keys": 1} {
		items := s.values(t, account+part)
		if len(items) != want || items[0]["@odata.type"] != nil || items[0]["SchemaName"] == nil {
			t.Errorf("%s: %d of %v", part, len(items), items[0]["@odata.type"])
		}
	}
	one := s.decode(t, account+"ManyToOneRelationships(SchemaName='account_primary_contact')")
	if one["ReferencedEntity"] != "contact" || one["ReferencingEntityNavigationPropertyName"] != "primarycontactid" || one["RelationshipType"] != "OneToManyRelationship" {
		t.Errorf("relationship %v", one)
	}
	if k := s.decode(t, account+"Keys(LogicalName='new_accountnumber')?$select=KeyAttributes,EntityKeyIndexStatus"); k["EntityKeyIndexStatus"] != "Active" || len(k) != 4 {
		t.Errorf("key %v", k)
	}
	all := s.values(t, "RelationshipDefinitions?$select=SchemaName,RelationshipType")
	byID := all[0]["MetadataId"].(string)
	if again := s.decode(t, "RelationshipDefinitions("+byID+")"); again["SchemaName"] != all[0]["SchemaName"] || again["@odata.type"] == nil {
		t.Errorf("by id: %v", again["SchemaName"])
	}
	many := s.values(t, "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata?$select=SchemaName,Entity1LogicalName")
	single := s.values(t, "RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata?$select=SchemaName,ReferencedEntity&$filter=ReferencedEntity eq 'account'")
	if len(all) < 1000 || len(many) < 20 || len(single) < 100 || single[0]["ReferencedEntity"] != "account" || single[0]["@odata.type"] != nil {
		t.Errorf("%d relationships, %d many to many, %d of account", len(all), len(many), len(single))
	}
	kind := s.values(t, "RelationshipDefinitions?$select=SchemaName&$filter=RelationshipType eq Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'")
	if len(kind) != len(many) || kind[0]["@odata.type"] != "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata" {
		t.Errorf("%d many to many, want %d", len(kind), len(many))
	}
	if p := s.values(t, account+"Privileges"); len(p) != 8 {
		t.Errorf("%d privileges", len(p))
	}
	if p := s.decode(t, account+"EntitySetName"); p["value"] != "accounts" {
		t.Errorf("set %v", p)
	}
	if p := s.decode(t, account+"Attributes(LogicalName='name')/AttributeTypeName"); p["Value"] != "StringType" {
		t.Errorf("type %v", p)
	}
	task := s.values(t, "EntityDefinitions(LogicalName='task')/Attributes?$select=LogicalName,IsValidODataAttribute,InheritsFrom&$filter=LogicalName eq 'subject' or LogicalName eq 'actualdurationminutes' or LogicalName eq 'percentcomplete'")
	for _, a := range task {
		if a["IsValidODataAttribute"] != (a["LogicalName"] == "percentcomplete") {
			t.Errorf("%v", a)
		}
	}
	s.refuses(t, account+"ManyToOneRelationships(SchemaName='nope')", 404, "0x80040217", "Could not find a metadata item with the key SchemaName='nope'.")
	s.refuses(t, "RelationshipDefinitions?$select=ReferencedEntity", 400, "0x80060888", "Could not find a property named 'ReferencedEntity' on type 'Microsoft.Dynamics.CRM.RelationshipMetadataBase'.")
	s.refuses(t, "EntityDefinitions?$expand=Attributes($expand=OptionSet)", 400, "0x80060888", "Could not find a property named 'OptionSet' on type 'Microsoft.Dynamics.CRM.AttributeMetadata'.")
	s.refuses(t, account+"Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata", 404, "0x80060888", "Resource not found for the segment 'Microsoft.Dynamics.CRM.EnumAttributeMetadata'.")
	s.refuses(t, account+"Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata/Microsoft.Dynamics.CRM.StateAttributeMetadata", 404, "0x80060888", "Resource not found for the segment 'Microsoft.Dynamics.CRM.StateAttributeMetadata'.")
}

// TestModel reads the service's model: each type's base is there, each
// navigation leads to a type, and no property stands twice on one line of
// inheritance.
func TestModel(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	type property struct {
		Name string `xml:"Name,attr"`
		Type string `xml:"Type,attr"`
	}
	var m struct {
		Types []struct {
			Name       string     `xml:"Name,attr"`
			Base       string     `xml:"BaseType,attr"`
			Properties []property `xml:"Property"`
			Navigation []property `xml:"NavigationProperty"`
			Keys       []property `xml:"Key>PropertyRef"`
		} `xml:"DataServices>Schema>EntityType"`
		Sets []struct {
			Name    string `xml:"Name,attr"`
			Binding []struct {
				Path   string `xml:"Path,attr"`
				Target string `xml:"Target,attr"`
			} `xml:"NavigationPropertyBinding"`
		} `xml:"DataServices>Schema>EntityContainer>EntitySet"`
	}
	if err := xml.Unmarshal([]byte(s.get(t, "$metadata")), &m); err != nil {
		t.Fatal(err)
	}
	bases, members := map[string]string{}, map[string]map[string]bool{}
	for _, y := range m.Types {
		bases[y.Name] = strings.TrimPrefix(y.Base, "mscrm:")
		members[y.Name] = map[string]bool{}
		for _, p := range append(y.Properties, y.Navigation...) {
			if members[y.Name][p.Name] {
				t.Errorf("%s has %s twice", y.Name, p.Name)
			}
			members[y.Name][p.Name] = true
		}
	}
	for _, y := range m.Types {
		base := bases[y.Name]
		if members[base] == nil && y.Name != "crmbaseentity" {
			t.Errorf("%s has the unknown base %q", y.Name, base)
		}
		for p := range members[y.Name] {
			if members[base][p] {
				t.Errorf("%s declares %s again", y.Name, p)
			}
		}
		for _, n := range y.Navigation {
			target := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(n.Type, "Collection("), "mscrm:"), ")")
			if members[target] == nil {
				t.Errorf("%s.%s leads to %s", y.Name, n.Name, n.Type)
			}
		}
	}
	if d := cmp.Diff(map[string]string{"task": "activitypointer", "systemuser": "principal", "account": "crmbaseentity", "principal": "crmbaseentity"},
		map[string]string{"task": bases["task"], "systemuser": bases["systemuser"], "account": bases["account"], "principal": bases["principal"]}); d != "" {
		t.Error(d)
	}
	if members["task"]["subject"] || !members["activitypointer"]["subject"] || !members["account"]["contact_customer_accounts"] || !members["task"]["regardingobjectid_account_task"] {
		t.Error("a property stands in the wrong type")
	}
	plain, annotated := s.get(t, "$metadata"), s.get(t, "$metadata?annotations=true")
	for _, term := range []string{"Org.OData.Capabilities.V1.ChangeTracking", "Org.OData.Core.V1.Computed", "Org.OData.Core.V1.Description"} {
		if strings.Contains(plain, `Term="`+term) || !strings.Contains(annotated, `Term="`+term) {
			t.Errorf("%s in the wrong model", term)
		}
	}
	if !strings.Contains(plain, "OData.Community.Keys.V1.AlternateKeys") {
		t.Error("no alternate keys")
	}
}

// TestDefinitionTypes refuses to compare a property with a value of another
// type.
func TestDefinitionTypes(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	for filter, want := range map[string]string{
		"IsActivity eq 'true'":           "Found operand types 'Edm.Boolean' and 'Edm.String' for operator kind 'Equal'.",
		"IsActivity eq 1":                "Found operand types 'Edm.Boolean' and 'Edm.Int32' for operator kind 'Equal'.",
		"ObjectTypeCode gt 'x'":          "Found operand types 'Edm.Int32' and 'Edm.String' for operator kind 'GreaterThan'.",
		"LogicalName eq 5":               "Found operand types 'Edm.String' and 'Edm.Int32' for operator kind 'Equal'.",
		"LogicalName ne true":            "Found operand types 'Edm.String' and 'Edm.Boolean' for operator kind 'NotEqual'.",
		"MetadataId eq 'account'":        "Found operand types 'Edm.Guid' and 'Edm.String' for operator kind 'Equal'.",
		"CanCreateAttributes/Value eq 1": "Found operand types 'Edm.Boolean' and 'Edm.Int32' for operator kind 'Equal'.",
	} {
		s.refuses(t, "EntityDefinitions?$select=LogicalName&$filter="+filter, 400, "0x80060888", "A binary operator with incompatible types was detected. "+want)
	}
	for filter, want := range map[string]int{
		"LogicalName eq 'account' and IsActivity eq false": 1, "ObjectTypeCode eq 1": 1, "DataProviderId eq 1d9bde74-9ebd-4da9-8ff5-aa74945b9f74": 1,
		"LogicalName eq null": 0, "MetadataId ne null and LogicalName eq 'task'": 1,
	} {
		if n := len(s.values(t, "EntityDefinitions?$select=LogicalName&$filter="+filter)); n != want {
			t.Errorf("%s: %d tables, want %d", filter, n, want)
		}
	}
}
