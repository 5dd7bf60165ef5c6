package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// captured returns an answer that a real environment gave; NOTICE says where
// it comes from.
func captured(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "sandbox", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keys returns the paths of all members of an answer, without regard to their
// order: items of an array are taken together.
func keys(t *testing.T, text []byte) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	found := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				found[path+"/"+name] = true
				walk(path+"/"+name, member)
			}
		case []any:
			for _, item := range v {
				walk(path+"[]", item)
			}
		}
	}
	walk("", value)
	return slices.Sorted(maps.Keys(found))
}

// TestCapturedKeys sends the requests behind captured answers to the sandbox,
// which must answer with the same members.
func TestCapturedKeys(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	token := e.token(t)
	const contact = "EntityDefinitions(LogicalName='contact')"
	for name, path := range map[string]string{
		"contacts-read":                       "contacts?$select=fullname,emailaddress1,fax,familystatuscode",
		"metadata_contacts_entity-definition": contact + "?$select=DisplayCollectionName",
		"metadata_contacts_options-picklists": contact + "/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)",
		"metadata_contacts_options-states":    contact + "/Attributes/Microsoft.Dynamics.CRM.StateAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)",
		"metadata_contacts_options-statuses":  contact + "/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)",
	} {
		t.Run(name, func(t *testing.T) {
			status, body := e.get(t, path, token, "Prefer", `odata.include-annotations="*",odata.maxpagesize=30`)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			if d := cmp.Diff(keys(t, captured(t, name)), keys(t, body)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(contextOf(t, captured(t, name)), contextOf(t, body)); d != "" {
				t.Error(d)
			}
		})
	}
}

// contextOf returns the end of an answer's context.
func contextOf(t *testing.T, text []byte) string {
	t.Helper()
	var answer struct {
		Context string `json:"@odata.context"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	_, end, _ := strings.Cut(answer.Context, "/$metadata#")
	return end
}

// TestCapturedAttributes holds the sandbox's attributes of contact against
// captured ones. Who captured them kept some properties only, so they are
// compared one by one.
func TestCapturedAttributes(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	_, body := e.get(t, "EntityDefinitions(LogicalName='contact')/Attributes", e.token(t))
	here := map[string]map[string]any{}
	for _, a := range items(t, body) {
		here[a["LogicalName"].(string)] = a
	}
	for _, want := range items(t, captured(t, "metadata_contacts_attributes")) {
		name := want["LogicalName"].(string)
		if strings.HasPrefix(name, "adx_") { // of a solution that the sandbox has not
			continue
		}
		t.Run(name, func(t *testing.T) {
			got, ok := here[name]
			if !ok {
				t.Fatal("the sandbox has no such attribute")
			}
			for property, value := range want {
				if property == "DisplayName" || value == nil || value == "" {
					continue // cut short by who captured it, or not a property of this type
				}
				if d := cmp.Diff(value, got[property]); d != "" {
					t.Errorf("%s: %s", property, d)
				}
			}
		})
	}
}

// items returns the items of a collection.
func items(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var answer struct{ Value []map[string]any }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return answer.Value
}

// ofType returns a collection with the items of one type.
func ofType(t *testing.T, text []byte, kind string) []byte {
	t.Helper()
	all := slices.DeleteFunc(items(t, text), func(item map[string]any) bool { return item["@odata.type"] != kind })
	if all == nil {
		all = []map[string]any{}
	}
	some, err := json.Marshal(map[string]any{"value": all})
	if err != nil {
		t.Fatal(err)
	}
	return some
}

// replay answers requests with captured answers.
type replay struct {
	answer func(path string) []byte

	mu    sync.Mutex
	asked []string // whole addresses
}

func (r *replay) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.asked = append(r.asked, request.URL.String())
	r.mu.Unlock()
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {"application/json; odata.metadata=minimal"}},
		Body:   io.NopCloser(bytes.NewReader(r.answer(request.URL.Path))),
	}, nil
}

func (r *replay) client(base string) *dataverse.Client {
	return dataverse.New(dataverse.Config{
		BaseURL: base, Transport: r,
		Token: func(context.Context, bool) (string, error) { return "token", nil },
	})
}

// TestCapturedPage lets the client decode a captured page, and follow its
// link to the letter.
func TestCapturedPage(t *testing.T) {
	t.Parallel()
	r := &replay{answer: func(string) []byte { return captured(t, "contacts-read") }}
	client := r.client("https://org5bd08fdd.api.crm.dynamics.com")
	specs := []column.Spec{
		{Name: "contactid", Kind: column.GUID},
		{Name: "fullname", Kind: column.Text},
		{Name: "emailaddress1", Kind: column.Text},
		{Name: "fax", Kind: column.Text},
		{Name: "familystatuscode", Kind: column.Int},
		{Name: "familystatuscode@OData.Community.Display.V1.FormattedValue", Kind: column.Text},
	}
	batch := column.NewBatch(specs)
	query := dataverse.Query{EntitySet: "contacts", Select: []string{"fullname", "emailaddress1", "fax", "familystatuscode"}, Annotations: []string{"*"}, PageSize: 2}
	page, err := client.Page(t.Context(), query, "", odata.NewColumns(specs), batch)
	if err != nil {
		t.Fatal(err)
	}
	var link struct {
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(captured(t, "contacts-read"), &link); err != nil {
		t.Fatal(err)
	}
	if page.Records != 2 || page.MetadataVersion != "6012567" || page.Next != link.Next {
		t.Errorf("page %+v", page)
	}
	var got [][]string
	for row := range batch.Rows() {
		var values []string
		for i := range batch.Columns {
			values = append(values, text(&batch.Columns[i], row))
		}
		got = append(got, values)
	}
	want := [][]string{
		{"cdcfa450-cb0c-ea11-a813-000d3a1b1223", "Heriberto Nathan", "heriberto@northwindtraders.com", "614-555-0122", "1", "Single"},
		{"9fd4a450-cb0c-ea11-a813-000d3a1b1223", "Dwayne Elijah", "dwayne@alpineskihouse.com", "281-555-0158", "1", "Single"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := client.Page(t.Context(), query, page.Next, odata.NewColumns(specs), batch); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(link.Next, r.asked[1]); d != "" {
		t.Errorf("the link was not followed to the letter: %s", d)
	}
}

// TestCapturedMetadata lets the client put together a table from captured
// metadata.
func TestCapturedMetadata(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"contact')":                 "metadata_contacts_entity-definition",
		"Attributes":                "metadata_contacts_attributes",
		"PicklistAttributeMetadata": "metadata_contacts_options-picklists",
		"StateAttributeMetadata":    "metadata_contacts_options-states",
		"StatusAttributeMetadata":   "metadata_contacts_options-statuses",
	}
	r := &replay{answer: func(path string) []byte {
		end := strings.TrimPrefix(path[strings.LastIndexAny(path, "/.=")+1:], "'")
		switch name, cast := files[end], strings.HasSuffix(end, "AttributeMetadata"); {
		case name == "" && cast:
			return ofType(t, captured(t, "metadata_contacts_attributes"), "#Microsoft.Dynamics.CRM."+end)
		case name == "":
			return []byte(`{"value":[]}`)
		case end == "Attributes": // captured without the properties that tell what can be read
			return bytes.ReplaceAll(captured(t, name), []byte(`"Targets":`), []byte(`"IsValidForRead":true,"IsValidODataAttribute":true,"Targets":`))
		default:
			return captured(t, name)
		}
	}}
	entity, err := r.client("https://org5a07f924.api.crm.dynamics.com").Entity(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]crosswalk.AttributeType{}
	for _, a := range entity.Attributes {
		got[a.LogicalName] = a.Type
	}
	want := map[string]crosswalk.AttributeType{
		"adx_identity_newpassword": crosswalk.AttributeString, "adx_publicprofilecopy": crosswalk.AttributeMemo, "merged": crosswalk.AttributeBoolean,
		"versionnumber": crosswalk.AttributeBigInt, "importsequencenumber": crosswalk.AttributeInteger, "exchangerate": crosswalk.AttributeDecimal,
		"annualincome": crosswalk.AttributeMoney, "birthdate": crosswalk.AttributeDateTime, "createdon": crosswalk.AttributeDateTime,
		"statecode": crosswalk.AttributeState, "statuscode": crosswalk.AttributeStatus, "gendercode": crosswalk.AttributeChoice,
		"familystatuscode": crosswalk.AttributeChoice, "educationcode": crosswalk.AttributeChoice,
		"accountid": crosswalk.AttributeLookup, "createdby": crosswalk.AttributeLookup,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]crosswalk.Option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}}, entity.Attribute("statecode").Options); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]crosswalk.Option{{Value: 1, Label: "Active"}, {Value: 2, Label: "Inactive"}}, entity.Attribute("statuscode").Options); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]crosswalk.Option{{Value: 1, Label: "Male"}, {Value: 2, Label: "Female"}}, entity.Attribute("gendercode").Options); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"systemuser"}, entity.Attribute("createdby").Targets); d != "" {
		t.Error(d)
	}
	if label := entity.Attribute("adx_publicprofilecopy").DisplayName; label != "Public Profile Copy" {
		t.Errorf("label %q", label)
	}
}

// text returns a value as text, "null" for none.
func text(c *column.Column, row int) string {
	switch {
	case !c.Valid[row]:
		return "null"
	case c.Kind == column.GUID:
		return string(odata.AppendGUID(nil, c.GUIDs[row]))
	case c.Kind == column.Int:
		return strconv.FormatInt(c.Ints[row], 10)
	}
	return string(c.Bytes(row))
}
