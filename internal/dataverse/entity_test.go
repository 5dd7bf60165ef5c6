package dataverse_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

// table makes the properties of a table, changed by pairs.
func table(name string, pairs ...any) map[string]any {
	p := map[string]any{
		"LogicalName": name, "EntitySetName": name + "s", "PrimaryIdAttribute": name + "id", "PrimaryNameAttribute": "name",
		"ChangeTrackingEnabled": true, "TableType": "Standard", "IsActivity": false, "IsCustomEntity": false, "IsIntersect": false, "IsPrivate": false,
		"IsLogicalEntity": false, "OwnershipType": "UserOwned", "DisplayName": labelled(strings.ToUpper(name[:1]) + name[1:]),
	}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i].(string)] = pairs[i+1]
	}
	return p
}

// relation makes a many-to-one relationship.
func relation(attribute, target, navigation string) map[string]any {
	return map[string]any{
		"SchemaName": navigation, "ReferencingAttribute": attribute, "ReferencedEntity": target,
		"ReferencingEntityNavigationPropertyName": navigation,
	}
}

// text makes a text attribute.
func text(name string, length int, format string) attribute {
	return attr(name, "String", "String", map[string]any{"MaxLength": length, "FormatName": map[string]any{"Value": format}, "Format": "Text"})
}

func tables() map[string]definition {
	pickles := map[string]any{"OptionSet": options(2, labelled("Two"), 1, labelled("One"), 7, unlabelled()), "GlobalOptionSet": nil}
	global := map[string]any{"OptionSet": nil, "GlobalOptionSet": options(3, labelled("Shared"))}
	account := []attribute{
		text("name", 160, "Text"),
		text("emailaddress1", 100, "Email").with("DisplayName", unlabelled()),
		text("entityimage_url", 200, "Url").with("AttributeOf", "entityimageid"),
		attr("description", "Memo", "Memo", map[string]any{"MaxLength": 2000}),
		attr("accountid", "Uniqueidentifier", "", nil),
		attr("address1_addressid", "Uniqueidentifier", "", nil),
		attr("industrycode", "Picklist", "Picklist", pickles),
		attr("industrycodename", "Virtual", "", nil).with("AttributeOf", "industrycode", "IsValidODataAttribute", false),
		attr("new_shared", "Picklist", "Picklist", global),
		attr("new_hobbies", "MultiSelectPicklist", "MultiSelectPicklist", map[string]any{"OptionSet": options(1, labelled("Swimming"), 9, labelled("Camping")), "GlobalOptionSet": nil}),
		attr("new_hobbiesname", "Virtual", "", nil).with("AttributeOf", "new_hobbies", "IsValidODataAttribute", false),
		attr("statecode", "State", "State", map[string]any{"OptionSet": options(0, labelled("Active"), 1, labelled("Inactive"))}),
		attr("statuscode", "Status", "Status", map[string]any{"OptionSet": options(1, labelled("Active"), 2, labelled("Inactive"))}),
		attr("creditonhold", "Boolean", "Boolean", map[string]any{"OptionSet": map[string]any{
			"MetadataId": someID, "TrueOption": map[string]any{"Value": 1, "Label": labelled("Yes")}, "FalseOption": map[string]any{"Value": 0, "Label": labelled("No")},
		}}),
		attr("revenue", "Money", "Money", map[string]any{"Precision": 2}).with("IsSecured", true),
		attr("exchangerate", "Decimal", "Decimal", map[string]any{"Precision": 12}),
		attr("address1_latitude", "Double", "Double", map[string]any{"Precision": 5}),
		attr("numberofemployees", "Integer", "Integer", map[string]any{"MinValue": 0}),
		attr("versionnumber", "BigInt", "BigInt", map[string]any{"MinValue": 0}),
		attr("createdon", "DateTime", "DateTime", map[string]any{"Format": "DateAndTime", "DateTimeBehavior": map[string]any{"Value": "UserLocal"}}),
		attr("new_founded", "DateTime", "DateTime", map[string]any{"Format": "DateOnly", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}}),
		attr("primarycontactid", "Lookup", "Lookup", map[string]any{"Targets": []string{"contact"}, "Format": "None"}),
		attr("new_customer", "Customer", "Lookup", map[string]any{"Targets": []string{"account", "contact"}, "Format": "None"}),
		attr("primarycontactidname", "String", "String", map[string]any{"MaxLength": 160, "FormatName": map[string]any{"Value": "Text"}, "Format": "Text"}).
			with("AttributeOf", "primarycontactid", "IsValidODataAttribute", false),
		attr("ownerid", "Owner", "Lookup", map[string]any{"Targets": []string{"systemuser", "team"}, "Format": "None"}),
		attr("owneridtype", "EntityName", "EntityName", nil).with("IsValidODataAttribute", false),
		attr("entityimage", "Image", "Image", map[string]any{"MaxSizeInKB": 10240}).with("AttributeOf", "entityimageid"),
		attr("secret", "String", "String", map[string]any{"MaxLength": 1, "FormatName": nil, "Format": nil}).with("IsValidForRead", false),
		attr("participants", "PartyList", "Lookup", map[string]any{"Targets": []string{"contact"}, "Format": "None"}),
		attr("rules", "CalendarRules", "", nil),
		attr("iscustomizable", "ManagedProperty", "ManagedProperty", nil),
	}
	lookups := []any{
		relation("primarycontactid", "contact", "primarycontactid"),
		relation("new_customer", "account", "new_Customer_account"), relation("new_customer", "contact", "new_Customer_contact"),
		relation("ownerid", "owner", "ownerid"),
		relation("entityimageid", "imagedescriptor", "entityimageid_imagedescriptor"),
		relation("industrycode", "nothing", "not_a_lookup"),
	}
	keys := []any{
		map[string]any{"LogicalName": "new_number", "KeyAttributes": []string{"accountnumber", "new_country"}, "EntityKeyIndexStatus": "Active"},
		map[string]any{"LogicalName": "new_code", "KeyAttributes": []string{"new_code"}, "EntityKeyIndexStatus": "Active"},
		map[string]any{"LogicalName": "new_broken", "KeyAttributes": []string{"name"}, "EntityKeyIndexStatus": "Failed"},
	}
	user := []attribute{
		attr("systemuserid", "Uniqueidentifier", "", nil),
		attr("ownerid", "Uniqueidentifier", "", nil).with("IsValidODataAttribute", false),
		attr("accessmodename", "Virtual", "", nil).with("IsValidODataAttribute", false),
	}
	pointer := []attribute{
		attr("activityid", "Uniqueidentifier", "", nil),
		text("subject", 200, "Text"),
		text("companion", 200, "Text").with("IsValidODataAttribute", false),
		attr("statecode", "State", "State", map[string]any{"OptionSet": options(0, labelled("Open"))}),
	}
	task := []attribute{
		attr("activityid", "Uniqueidentifier", "", nil).with("IsValidODataAttribute", false),
		text("subject", 200, "Text").with("IsValidODataAttribute", false),
		text("companion", 200, "Text").with("IsValidODataAttribute", false),
		attr("statecode", "State", "State", map[string]any{"OptionSet": options(0, labelled("Open"), 1, labelled("Completed"))}).with("IsValidODataAttribute", false),
		text("category", 250, "Text"),
	}
	return map[string]definition{
		"account":         {properties: table("account"), attributes: account, lookups: lookups, keys: keys},
		"zeta":            {properties: table("zeta", "DisplayName", labelled("alpha"))},
		"task":            {properties: table("task", "IsActivity", true, "PrimaryIdAttribute", "activityid", "PrimaryNameAttribute", "subject"), attributes: task},
		"activitypointer": {properties: table("activitypointer", "IsActivity", true, "PrimaryIdAttribute", "activityid", "PrimaryNameAttribute", "subject"), attributes: pointer},
		"join":            {properties: table("join", "IsIntersect", true)},
		"private":         {properties: table("private", "IsPrivate", true)},
		"logical":         {properties: table("logical", "IsLogicalEntity", true)},
		"system":          {properties: table("system", "OwnershipType", "None")},
		"setless":         {properties: table("setless", "EntitySetName", nil)},
		"custom":          {properties: table("custom", "OwnershipType", "None", "IsCustomEntity", true, "ChangeTrackingEnabled", false)},
		"systemuser":      {properties: table("systemuser"), attributes: user},
		"team":            {properties: table("team"), attributes: user},
		"elastic":         {properties: table("elastic", "TableType", "Elastic")},
		"bare":            {properties: table("bare", "DisplayName", unlabelled(), "PrimaryNameAttribute", nil)},
	}
}

func TestEntities(t *testing.T) {
	t.Parallel()
	m := &metadata{tables: tables(), asked: make(chan string, 100)}
	c, _ := client(t, m.ServeHTTP)
	got, err := c.Entities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []crosswalk.Entity{
		{LogicalName: "account", EntitySetName: "accounts", DisplayName: "Account", PrimaryID: "accountid", PrimaryName: "name", ChangeTracking: true},
		{LogicalName: "activitypointer", EntitySetName: "activitypointers", DisplayName: "Activitypointer", PrimaryID: "activityid", PrimaryName: "subject", ChangeTracking: true, Activity: true},
		{LogicalName: "zeta", EntitySetName: "zetas", DisplayName: "alpha", PrimaryID: "zetaid", PrimaryName: "name", ChangeTracking: true},
		{LogicalName: "bare", EntitySetName: "bares", DisplayName: "bare", PrimaryID: "bareid", ChangeTracking: true},
		{LogicalName: "custom", EntitySetName: "customs", DisplayName: "Custom", PrimaryID: "customid", PrimaryName: "name", Custom: true},
		{LogicalName: "elastic", EntitySetName: "elastics", DisplayName: "Elastic", PrimaryID: "elasticid", PrimaryName: "name"},
		{LogicalName: "task", EntitySetName: "tasks", DisplayName: "Task", PrimaryID: "activityid", PrimaryName: "subject", ChangeTracking: true, Activity: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEntity(t *testing.T) {
	t.Parallel()
	m := &metadata{tables: tables(), asked: make(chan string, 100)}
	c, _ := client(t, m.ServeHTTP)
	got, err := c.Entity(t.Context(), "Account")
	if err != nil {
		t.Fatal(err)
	}
	the := func(name string) string { return "The " + name }
	attributes := []crosswalk.Attribute{
		{LogicalName: "accountid", Type: crosswalk.AttributeUniqueID},
		{LogicalName: "address1_addressid", Type: crosswalk.AttributeUniqueID},
		{LogicalName: "address1_latitude", Type: crosswalk.AttributeDouble, Precision: 5},
		{LogicalName: "createdon", Type: crosswalk.AttributeDateTime, Format: "DateAndTime", DateBehavior: crosswalk.DateUserLocal},
		{LogicalName: "creditonhold", Type: crosswalk.AttributeBoolean, Options: []crosswalk.Option{{Value: 0, Label: "No"}, {Value: 1, Label: "Yes"}}},
		{LogicalName: "description", Type: crosswalk.AttributeMemo, MaxLength: 2000},
		{LogicalName: "emailaddress1", DisplayName: "emailaddress1", Type: crosswalk.AttributeString, Format: "Email", MaxLength: 100},
		{LogicalName: "entityimage", Type: crosswalk.AttributeOther},
		{LogicalName: "entityimage_url", Type: crosswalk.AttributeString, Format: "Url", MaxLength: 200},
		{LogicalName: "exchangerate", Type: crosswalk.AttributeDecimal, Precision: 12},
		{LogicalName: "industrycode", Type: crosswalk.AttributeChoice, Options: []crosswalk.Option{{Value: 1, Label: "One"}, {Value: 2, Label: "Two"}, {Value: 7}}},
		{LogicalName: "name", Type: crosswalk.AttributeString, Format: "Text", MaxLength: 160},
		{LogicalName: "new_customer", Type: crosswalk.AttributeCustomer, Targets: []string{"account", "contact"}, Navigation: map[string]string{"account": "new_Customer_account", "contact": "new_Customer_contact"}},
		{LogicalName: "new_founded", Type: crosswalk.AttributeDateTime, Format: "DateOnly", DateBehavior: crosswalk.DateOnly},
		{LogicalName: "new_hobbies", Type: crosswalk.AttributeMultiChoice, Options: []crosswalk.Option{{Value: 1, Label: "Swimming"}, {Value: 9, Label: "Camping"}}},
		{LogicalName: "new_shared", Type: crosswalk.AttributeChoice, Options: []crosswalk.Option{{Value: 3, Label: "Shared"}}},
		{LogicalName: "numberofemployees", Type: crosswalk.AttributeInteger},
		{LogicalName: "ownerid", Type: crosswalk.AttributeOwner, Format: "", Targets: []string{"systemuser", "team"}, Navigation: map[string]string{"owner": "ownerid"}},
		{LogicalName: "primarycontactid", Type: crosswalk.AttributeLookup, Targets: []string{"contact"}, Navigation: map[string]string{"contact": "primarycontactid"}},
		{LogicalName: "revenue", Type: crosswalk.AttributeMoney, Precision: 2, Secured: true},
		{LogicalName: "statecode", Type: crosswalk.AttributeState, Options: []crosswalk.Option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}}},
		{LogicalName: "statuscode", Type: crosswalk.AttributeStatus, Options: []crosswalk.Option{{Value: 1, Label: "Active"}, {Value: 2, Label: "Inactive"}}},
		{LogicalName: "versionnumber", Type: crosswalk.AttributeBigInt},
	}
	for i := range attributes {
		if a := &attributes[i]; a.DisplayName == "" {
			a.DisplayName = the(a.LogicalName)
		}
	}
	want := &crosswalk.Entity{
		LogicalName: "account", EntitySetName: "accounts", DisplayName: "Account",
		PrimaryID: "accountid", PrimaryName: "name", ChangeTracking: true, Attributes: attributes,
		Keys: []crosswalk.EntityKey{{Name: "new_code", Attributes: []string{"new_code"}}, {Name: "new_number", Attributes: []string{"accountnumber", "new_country"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	close(m.asked)
	for path := range m.asked {
		if strings.Contains(path, "activitypointer") {
			t.Error("account was taken for an activity")
		}
	}
}

// TestEntityInPart checks that a table can be read by who may not read its
// keys, or where there are none, and that any other failure is told.
func TestEntityInPart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		part   string
		status int
		want   crosswalk.Code
	}{
		{"/Keys", http.StatusNotFound, ""},
		{"/Keys", http.StatusForbidden, ""},
		{"/Keys", http.StatusInternalServerError, crosswalk.CodeUnavailable},
		{"/ManyToOneRelationships", http.StatusNotFound, ""},
		{"/ManyToOneRelationships", http.StatusInternalServerError, crosswalk.CodeUnavailable},
		{"/Attributes", http.StatusInternalServerError, crosswalk.CodeUnavailable},
	} {
		m := &metadata{tables: tables(), asked: make(chan string, 100)}
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, tt.part) {
				w.WriteHeader(tt.status)
				return
			}
			m.ServeHTTP(w, r)
		})
		e, err := c.Entity(t.Context(), "account")
		if got := crosswalk.ErrorCode(err); got != tt.want {
			t.Errorf("%d for %s: %v, want code %q", tt.status, tt.part, err, tt.want)
		}
		if err == nil && (len(e.Attributes) == 0 || tt.part == "/Keys" && len(e.Keys) > 0) {
			t.Errorf("%d for %s: %d attributes, %d keys", tt.status, tt.part, len(e.Attributes), len(e.Keys))
		}
	}
}

// TestInheritance checks that activities, users and teams have what they
// inherit.
func TestInheritance(t *testing.T) {
	t.Parallel()
	m := &metadata{tables: tables(), asked: make(chan string, 100)}
	c, _ := client(t, m.ServeHTTP)
	for name, want := range map[string][]string{
		"task":            {"activityid", "category", "statecode", "subject"},
		"activitypointer": {"activityid", "statecode", "subject"},
		"systemuser":      {"ownerid", "systemuserid"},
		"team":            {"ownerid", "systemuserid"},
	} {
		e, err := c.Entity(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range e.Attributes {
			got = append(got, a.LogicalName)
		}
		if diff := cmp.Diff(want, got); diff != "" || e.Activity != (e.PrimaryID == "activityid") {
			t.Errorf("%s: %v (-want +got):\n%s", name, e, diff)
		}
	}
	e, err := c.Entity(t.Context(), "task")
	if err != nil {
		t.Fatal(err)
	}
	want := []crosswalk.Option{{Value: 0, Label: "Open"}, {Value: 1, Label: "Completed"}}
	if diff := cmp.Diff(want, e.Attribute("statecode").Options); diff != "" {
		t.Errorf("options of an inherited attribute (-want +got):\n%s", diff)
	}
}

func TestUnknownEntity(t *testing.T) {
	t.Parallel()
	m := &metadata{tables: tables(), asked: make(chan string, 100)}
	c, _ := client(t, m.ServeHTTP)
	for _, name := range []string{"nosuchtable", "", "no such", "x')/y", "123"} {
		_, err := c.Entity(t.Context(), name)
		personal(t, err, crosswalk.CodeNotFound, `There is no table "`+name+`"`, "logical name")
	}
	close(m.asked)
	asked := map[string]int{}
	for path := range m.asked {
		asked[path]++
	}
	want := []string{"/api/data/v9.2/EntityDefinitions(LogicalName='nosuchtable')"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(asked))); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
