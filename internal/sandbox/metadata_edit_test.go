package sandbox_test

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestMetadataEdits(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 5, Contacts: 5})
	before := s.MetadataVersion()
	for _, c := range []sandbox.Column{
		{Name: "new_segment", Type: "PicklistType", Options: []string{"Small", "Large"}, DisplayName: "Segment"},
		{Name: "new_score", Type: "DecimalType", Precision: 3},
		{Name: "new_sponsor", Type: "LookupType", Targets: []string{"contact"}},
		{Name: "new_seen", Type: "DateTimeType", Behavior: "DateOnly"},
		{Name: "new_note", Type: "StringType", MaxLength: 40},
	} {
		if err := s.AddColumn("account", c); err != nil {
			t.Fatal(err)
		}
	}
	row := s.values(t, "accounts?$select=new_segment,new_score,_new_sponsor_value,new_seen,new_note&$expand=new_sponsor($select=fullname)&$orderby=new_score")[0]
	for _, name := range []string{"new_segment", "new_score", "_new_sponsor_value", "new_seen", "new_note", "new_sponsor"} {
		if v, ok := row[name]; !ok || v != nil {
			t.Errorf("%s is %v", name, v)
		}
	}
	a := s.decode(t, "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_segment')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)")
	if n := len(a["OptionSet"].(map[string]any)["Options"].([]any)); n != 2 {
		t.Errorf("%d options", n)
	}
	value, err := s.AddOption("account", "new_segment", "Huge")
	if err != nil || value != 100000002 {
		t.Errorf("option %d, %v", value, err)
	}
	answer := s.decode(t, "accounts?$select=name", "Prefer", `odata.include-annotations="*"`)
	if d := cmp.Diff(fmt.Sprint(before+6), answer["@Microsoft.Dynamics.CRM.globalmetadataversion"]); d != "" {
		t.Error(d)
	}
	if err := s.RemoveColumn("account", "new_note"); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, "accounts?$select=new_note", 400, "0x80060888", "Could not find a property named 'new_note' on type 'Microsoft.Dynamics.CRM.account'.")
	s.refuses(t, "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_note')", 404, "0x80041103", "'account' entity doesn't contain attribute with Name = 'new_note' and NameMapping = 'Logical'.")
	if err := s.RemoveTable("contact"); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, "contacts?$select=fullname", 404, "0x80060888", "Resource not found for the segment 'contacts'.")
	s.refuses(t, "EntityDefinitions(LogicalName='contact')", 404, "0x80041102", "The entity with a name = 'contact' with namemapping = 'Logical' was not found in the MetadataCache.")
	s.values(t, "accounts", "Prefer", `odata.include-annotations="*"`) // lookups to it dangle
	s.values(t, "incidents?$expand=customerid_contact", "Prefer", `odata.include-annotations="*"`)
	for what, err := range map[string]error{
		"column taken":   s.AddColumn("account", sandbox.Column{Name: "new_score", Type: "StringType"}),
		"no prefix":      s.AddColumn("account", sandbox.Column{Name: "score", Type: "StringType"}),
		"unknown type":   s.AddColumn("account", sandbox.Column{Name: "new_x", Type: "Text"}),
		"lookup nowhere": s.AddColumn("account", sandbox.Column{Name: "new_x", Type: "LookupType"}),
		"no table":       s.AddColumn("nope", sandbox.Column{Name: "new_x", Type: "StringType"}),
		"key":            s.RemoveColumn("account", "accountid"),
		"no column":      s.RemoveColumn("account", "nope"),
		"intersect":      s.RemoveColumn("teammembership", "teamid"),
		"partition":      s.RemoveColumn("new_telemetry", "partitionid"),
		"webhook":        s.RemoveColumn("serviceendpoint", "url"),
		"gone table":     s.RemoveTable("contact"),
		"needed table":   s.RemoveTable("systemuser"),
		"no choice":      func() error { _, err := s.AddOption("account", "name", "x"); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if d := cmp.Diff(before+8, s.MetadataVersion()); d != "" {
		t.Error(d)
	}
	s.Publish()
	if d := cmp.Diff(before+9, s.MetadataVersion()); d != "" {
		t.Error(d)
	}
}

// Labels change while no row does; options and columns can be without.
func TestLabels(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	id := s.values(t, "accounts?$select=accountid")[0]["accountid"].(string)
	s.must(t, 204, "PATCH", "accounts("+id+")", `{"industrycode":1,"creditonhold":true,"statecode":0}`)
	show := func() []any {
		row := s.decode(t, "accounts("+id+")?$select=industrycode,creditonhold,statecode", "Prefer", `odata.include-annotations="*"`)
		const formatted = "@OData.Community.Display.V1.FormattedValue"
		label := func(v any) any {
			if one, ok := v.(map[string]any)["UserLocalizedLabel"].(map[string]any); ok {
				return one["Label"]
			}
			return nil
		}
		a := s.decode(t, "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='industrycode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet")
		first := a["OptionSet"].(map[string]any)["Options"].([]any)[0].(map[string]any)
		return []any{row["@odata.etag"], row["industrycode"], row["industrycode"+formatted], row["creditonhold"+formatted], row["statecode"+formatted], label(a["DisplayName"]), label(first["Label"])}
	}
	before, version := show(), s.MetadataVersion()
	for _, err := range []error{
		s.SetLabel("account", "industrycode", "Branch"), s.SetOptionLabel("account", "industrycode", 1, "Books"),
		s.SetOptionLabel("account", "creditonhold", 1, "Held"), s.SetOptionLabel("account", "statecode", 0, "Alive"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]any{before[0], before[1], "Books", "Held", "Alive", "Branch", "Books"}, show()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(version+4, s.MetadataVersion()); d != "" {
		t.Error(d)
	}
	for _, err := range []error{s.SetLabel("account", "industrycode", ""), s.SetOptionLabel("account", "industrycode", 1, "")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := show(); got[5] != nil || got[6] != nil {
		t.Errorf("labels that are taken away: %v", got)
	}
	for what, err := range map[string]error{
		"no table":  s.SetLabel("nope", "name", "x"),
		"no column": s.SetLabel("account", "nope", "x"),
		"no choice": s.SetOptionLabel("account", "name", 1, "x"),
		"no option": s.SetOptionLabel("account", "industrycode", 4711, "x"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestMetadataChanges(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	s := start(t, sandbox.Config{Accounts: 2, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	ask := func(query, stamp string) string {
		return "RetrieveMetadataChanges(Query=@p1,DeletedMetadataFilters=@p2,ClientVersionStamp=@p3)?@p1=" + url.QueryEscape(query) +
			"&@p2=Microsoft.Dynamics.CRM.DeletedMetadataFilters'Attribute'&@p3=" + url.QueryEscape(stamp)
	}
	const query = `{"Properties":{"AllProperties":false,"PropertyNames":["LogicalName","Attributes"]},` +
		`"Criteria":{"FilterOperator":"And","Conditions":[{"PropertyName":"LogicalName","ConditionOperator":"Equals","Value":{"Type":"System.String","Value":"account"}}]},` +
		`"AttributeQuery":{"Properties":{"AllProperties":false,"PropertyNames":["LogicalName"]}},"LabelQuery":{"FilterLanguages":[1033],"MissingLabelBehavior":0}}`
	all := s.decode(t, ask(query, "null"))
	e := all["EntityMetadata"].([]any)[0].(map[string]any)
	attributes := e["Attributes"].([]any)
	if len(all["EntityMetadata"].([]any)) != 1 || e["LogicalName"] != "account" || e["EntitySetName"] != nil || len(attributes) != 245 || all["DeletedMetadata"] != nil {
		t.Errorf("%d attributes of %v", len(attributes), e["LogicalName"])
	}
	if a := attributes[0].(map[string]any); a["@odata.type"] != "#Microsoft.Dynamics.CRM.ComplexPicklistAttributeMetadata" || a["LogicalName"] == nil || a["SchemaName"] != nil {
		t.Errorf("attribute %v", a)
	}
	stamp := "'" + all["ServerVersionStamp"].(string) + "'"
	if same := s.decode(t, ask(query, stamp)); len(same["EntityMetadata"].([]any)) != 0 {
		t.Error("a change that nobody made")
	}
	if err := s.RemoveColumn("account", "new_renewaldate"); err != nil {
		t.Fatal(err)
	}
	changed := s.decode(t, ask(query, stamp))
	gone := changed["DeletedMetadata"].(map[string]any)
	if e := changed["EntityMetadata"].([]any)[0].(map[string]any); e["HasChanged"] != true || len(e["Attributes"].([]any)) != 244 {
		t.Errorf("changed %v", e["LogicalName"])
	}
	if d := cmp.Diff([]any{"Attribute"}, gone["Keys"]); d != "" {
		t.Error(d)
	}
	mu.Lock()
	now = now.AddDate(0, 0, 91)
	mu.Unlock()
	s.refuses(t, ask(query, stamp), 400, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.")
	s.refuses(t, ask(query, "'x'"), 400, "0x80040203", "The client version stamp 'x' is not valid.")
	s.refuses(t, ask("[", "null"), 400, "0x80060888", "The value of the parameter 'Query' is not an EntityQueryExpression.")
}
